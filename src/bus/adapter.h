/*
 * One asynchronous hiredis connection on a loop: hiredis 0.14's stock libuv adapter replaced. Knows
 * nothing of what is sent over it. hiredis itself is not visible to whoever includes this.
 *
 * All on the loop's thread.
 */
#ifndef LECTERN_BUS_ADAPTER_H
#define LECTERN_BUS_ADAPTER_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "bus/reply.h"
#include "net/loop.h"

struct adapter;

struct adapter_handlers {
    /* A reply, or on a subscribed connection also a message. `call` is what was given to the
     * command it answers (of a message: to the SUBSCRIBE). The adapter may be closed from here. */
    void (*reply)(void *owner, const struct bus_reply *reply, void *call);
    /* The connection failed or ended by itself; the adapter is closing, forget it. Not called from
     * inside any adapter_* function, nor after adapter_close(). */
    void (*lost)(void *owner, const struct adapter *adapter, const char *reason);
    /* Everything is freed. Called once per adapter that adapter_open() returned. */
    void (*closed)(void *owner);
};

/*
 * Begins to connect to a numeric address; commands may be sent at once and wait. NULL with a reason
 * in `error` when it failed already.
 */
struct adapter *adapter_open(struct loop *loop, const char *ip, uint16_t port,
                             const struct adapter_handlers *handlers, void *owner, char *error,
                             size_t error_cap);

/*
 * Queues one formatted command, with a NUL behind it (resp.h); the bytes are copied. All that is
 * queued in one turn of the loop leaves in one write, before the loop waits again. 0, or -1:
 * closing.
 */
int adapter_send(struct adapter *adapter, const struct buf *command, void *call)
    __attribute__((warn_unused_result));

/* Ends the connection: no reply is handed on any more, not even for what waits. Accepts NULL. */
void adapter_close(struct adapter *adapter);

#endif
