/*
 * A TCP connection to a server, on the simulation's loop: bytes out, bytes in. All calls and callbacks
 * on the loop's thread.
 */
#ifndef LECTERN_SIMULATE_WIRE_H
#define LECTERN_SIMULATE_WIRE_H

#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "simulate/target.h"

struct wire;

/* After wire_close(), and after on_end, none of them is called any more. */
struct wire_events {
    void (*on_connect)(void *arg);
    void (*on_data)(void *arg, uint8_t *data, size_t len); /* data may be changed */
    void (*on_end)(void *arg,
                   int error); /* 0: the server closed it; else libuv's. Frees the wire */
};

/*
 * Connects. 0 and *out, or libuv's error: then no callback runs. `events` and `target` must outlive the wire.
 */
int wire_open(uv_loop_t *loop, const struct target *target, const struct wire_events *events,
              void *arg, struct wire **out) __attribute__((warn_unused_result));

/* Sends a copy; what goes wrong is told by on_end, later. */
void wire_send(struct wire *wire, const void *data, size_t len);

/* Closes and frees. `reset`: as a network that is lost (RST), and no port stays in TIME-WAIT. */
void wire_close(struct wire *wire, bool reset);

#endif
