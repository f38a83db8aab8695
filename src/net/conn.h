/*
 * A connection: one socket on one loop for life, with a bounded outbound queue. Knows bytes only;
 * what they mean is the business of whoever set the handlers (WebSocket: net/wsock.h).
 *
 * Everything here runs on the connection's loop.
 */
#ifndef LECTERN_NET_CONN_H
#define LECTERN_NET_CONN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "net/frame.h"
#include "net/loop.h"

enum conn_result {
    CONN_OK = 0,
    CONN_FULL = -1,   /* the queue's limit is reached: nothing was queued */
    CONN_CLOSED = -2, /* the connection is closing */
    CONN_NOMEM = -3,
};

struct conn;

struct conn_handlers {
    /* Bytes arrived; the buffer is the loop's and may be changed. The connection may be closed. */
    void (*data)(struct conn *conn, uint8_t *data, size_t len);
    /* The queue has fallen below CONN_DRAIN_MARK after it was above; may be NULL. */
    void (*drain)(struct conn *conn);
    /* End of file or a socket error (errno value, 0 for end of file): close it. */
    void (*ended)(struct conn *conn, int error);
    /* The last call: the descriptor is closed, the memory is the handler's to free. */
    void (*closed)(struct conn *conn);
};

#define CONN_DRAIN_MARK 65536 /* bytes */

/* Embedded as the first member of what the owner allocates. Fields are conn.c's. */
struct conn {
    uv_poll_t poll;
    const struct conn_handlers *handlers;
    struct loop *loop;
    struct conn *flush_next;                   /* the loop's flush list */
    struct frame **queue;                      /* ring of waiting frames; may be NULL when empty */
    uint32_t queue_head, queue_len, queue_cap; /* entries */
    uint32_t queue_bytes;                      /* bytes not yet given to the kernel */
    uint32_t paced_bytes; /* of those, how many do not count against the limit */
    uint32_t head_sent;   /* bytes of the first frame already given to the kernel */
    int fd;
    bool on_flush_list : 1, want_write : 1, dead : 1, above_mark : 1, finish : 1;
};

/*
 * Takes over `fd` (connected, with TCP_NODELAY as civetweb sets it; made non-blocking here, registered with fds_own by the caller). On
 * failure returns a libuv error, the descriptor is still the caller's and no handler ever runs.
 */
int conn_start(struct conn *conn, struct loop *loop, int fd, const struct conn_handlers *handlers)
    __attribute__((warn_unused_result));

/*
 * Queues a reference of `frame`, sent when the turn ends. `limit` is in queued bytes; what was queued
 * with CONN_NO_LIMIT does not count against later ones.
 */
#define CONN_NO_LIMIT SIZE_MAX
enum conn_result conn_queue(struct conn *conn, struct frame *frame, size_t limit);

/* Queues both, one behind the other, or neither. */
enum conn_result conn_queue_pair(struct conn *conn, struct frame *first, struct frame *second,
                                 size_t limit);

/*
 * Says the end (FIN) once all that waits is sent. The other side's end comes as handlers->ended, if it
 * comes.
 */
void conn_finish(struct conn *conn);

/* Bytes waiting. */
size_t conn_queued(const struct conn *conn);

/*
 * Does the peer's system still acknowledge what it is sent? A program there that does not read does not
 * matter; one that is gone, or a network that is, shows once something was sent in vain.
 */
bool conn_peer_alive(const struct conn *conn);

/* Drops what waits except a frame already half sent. */
void conn_drop_queue(struct conn *conn);

/* Gives back the memory of an empty queue; called now and then. */
void conn_trim(struct conn *conn);

/* Sends what it can now; may call handlers->drain and, on a broken socket, handlers->ended. */
void conn_flush(struct conn *conn);

/* It is about to be flushed: has its fields brought near meanwhile. */
void conn_prefetch(const struct conn *conn);

/* Closes now; what waits is lost; handlers->closed runs later in this or the next turn. */
void conn_destroy(struct conn *conn);

#endif
