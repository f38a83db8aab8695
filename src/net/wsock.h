/*
 * A WebSocket on a loop: frames in, complete messages out, pings, and the closing handshake
 * (RFC 6455). wsock_close() is the only way out. All on the socket's loop.
 *
 * Lifetime: wsock_start() takes the descriptor; from then on handlers->closed is called exactly once,
 * and `owner` may be freed in it. The struct itself is freed by wsock.c afterwards.
 */
#ifndef LECTERN_NET_WSOCK_H
#define LECTERN_NET_WSOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "net/conn.h"
#include "net/loop.h"

struct ws_deflater;
struct wsock;

/* The close codes of this file's own, from the range for applications (RFC 6455 7.4.2). */
#define WSOCK_CODE_TOO_SLOW 4005
#define WSOCK_CODE_SILENT 4006

/* How a socket came to its end. */
struct wsock_end {
    uint16_t code;      /* the close code that was sent, or received when the peer began; 1006 */
    bool by_peer;       /* the peer began: it closed, or it was lost */
    bool clean;         /* a close frame was received */
    const char *reason; /* ours or the peer's; "" if none; valid during the call */
};

struct wsock_handlers {
    /* A complete message; data is valid during the call and may be changed. Close from here freely. */
    void (*message)(struct wsock *sock, bool binary, char *data, size_t len);
    void (*drain)(struct wsock *sock); /* see conn_handlers.drain; may be NULL */
    /* The socket is no longer usable. Called once, from the loop, never inside a wsock_* call. */
    void (*closed)(struct wsock *sock, const struct wsock_end *end);
};

/* What the sockets of one loop and one kind share. Must outlive them. */
struct wsock_group;

struct wsock_options {
    size_t message_max; /* bytes of one incoming message */
    size_t queue_max;   /* bytes waiting per socket */
    unsigned
        ping_s; /* ping when nothing was heard this long; closed WSOCK_CODE_SILENT after twice that */
    unsigned lifetime_s; /* closed 1000 at this age; 0 = no limit */
    bool
        patient; /* one that does not answer is kept for as long as its system does, conn_peer_alive() */
};

struct wsock_group *wsock_group_create(struct loop *loop, const struct wsock_options *options);
/* Loop thread. All its sockets must be gone. Its memory is freed in a later turn. */
void wsock_group_destroy(struct wsock_group *group);
size_t wsock_group_count(const struct wsock_group *group);
/* Closes up to `count` that are open; returns how many it closed. */
size_t wsock_group_close_some(struct wsock_group *group, size_t count, uint16_t code,
                              const char *reason);
void wsock_group_kill_all(struct wsock_group *group); /* without a closing handshake */
struct ws_deflater *wsock_group_deflater(const struct wsock_group *group); /* the loop's */

/*
 * Takes over a connected descriptor (owned by fds_own) after the handshake was answered. NULL on
 * failure: the descriptor is still the caller's.
 */
struct wsock *wsock_start(struct wsock_group *group, int fd, bool deflate,
                          const struct wsock_handlers *handlers, void *owner);

/*
 * SockJS's framing is spoken on it: with each ping the text `h` is sent too, and what comes may be longer
 * than message_max, by as much as JSON makes of a message's bytes. To be called before anything is read.
 */
void wsock_set_framed(struct wsock *sock);
size_t wsock_message_max(const struct wsock *sock); /* of its group's options */

void *wsock_owner(const struct wsock *sock);
struct wsock_group *wsock_group_of(const struct wsock *sock);
bool wsock_closing(const struct wsock *sock);
int64_t wsock_age_ms(const struct wsock *sock);

/*
 * Makes a text frame for one or many sockets; `deflate` makes a compressed one (returns NULL when
 * compression is not worth it or out of memory: then use the plain one).
 */
struct frame *wsock_encode(struct wsock_group *group, struct span text, bool binary, bool deflate);

/*
 * Queues a frame. When the queue is full the socket is closed with WSOCK_CODE_TOO_SLOW. Paced data (replay) is sent
 * with `paced` set and does not count against the limit: its sender stops at wsock_backlog().
 */
enum conn_result wsock_send(struct wsock *sock, struct frame *frame, bool paced);

/* The same for a message in two frames (net/parts.h): both are queued, or neither. */
enum conn_result wsock_send_parts(struct wsock *sock, struct frame *head, struct frame *rest,
                                  bool paced);

size_t wsock_backlog(const struct wsock *sock); /* bytes waiting */

/*
 * Starts the closing handshake: what is queued, then a close frame with `code` and `reason` (cut to
 * 123 bytes); waits WSOCK_CLOSE_MS for the peer's close. No message is passed on any more. Repeated
 * calls are ignored.
 */
#define WSOCK_CLOSE_MS 3000
void wsock_close(struct wsock *sock, uint16_t code, const char *reason);

#endif
