/*
 * The protocols that sockets speak: one table from which the HTTP side dispatches upgrades. A new
 * protocol is a row here and a file beside this one.
 */
#ifndef LECTERN_PROTO_PROTO_H
#define LECTERN_PROTO_PROTO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "auth/token.h"
#include "core/config.h"
#include "net/loop.h"
#include "room/entry.h"
#include "room/room.h"

/* A socket whose handshake has been answered, on its way to a loop. */
struct socket_request {
    int fd;               /* connected, owned (fds_own); the loop's once proto_post() returned 0 */
    bool deflate;         /* permessage-deflate was negotiated */
    int64_t started_ns;   /* monotonic time of the upgrade request */
    char address[48];     /* the client's, for logs */
    struct claims claims; /* zeroed for protocols without a token */
    struct room_ticket ticket;           /* for protocols that join a room */
    char since[ROOM_MESSAGE_ID_MAX + 1]; /* "" = not given */
    uint32_t history;                    /* ROOM_HISTORY_DEFAULT when not given */
};

/* What the protocols keep per loop: groups of sockets, the loop's rooms. */
struct proto_loop;

/* Before the loop starts. The parts are borrowed and must outlive it. NULL: no memory. */
struct proto_loop *proto_loop_create(struct loop *loop, const struct config *config,
                                     struct rooms *rooms);
/* After the loop stopped; accepts NULL. Before that, on the loop and with no socket left, its timers
 * must be closed by proto_loop_close_groups(). */
void proto_loop_destroy(struct proto_loop *proto_loop);
void proto_loop_close_groups(struct proto_loop *proto_loop);

/*
 * Closes up to `count` sockets of this loop with `code`; on the loop. From the first call on no socket
 * is taken any more.
 */
void proto_loop_close_some(struct proto_loop *proto_loop, size_t count, uint16_t code,
                           const char *reason);

/* Destroys those that are still open, without a closing handshake; they are gone a turn later. */
void proto_loop_kill_all(struct proto_loop *proto_loop);

/* How many sockets are still open; on the loop. */
size_t proto_loop_count(const struct proto_loop *proto_loop);

struct proto {
    const char *path;        /* where it is upgraded, e.g. "/ws" */
    const char *subprotocol; /* answered when offered; NULL: none */
    bool joins_room;         /* needs a token and a reservation */
    void (*open)(struct proto_loop *proto_loop,
                 const struct socket_request *request); /* on the loop */
};

/* The table; ends with a row whose path is NULL. */
extern const struct proto proto_table[];

/*
 * Hands a socket to its loop: any thread. Returns 0 (the descriptor and the reservation are the
 * loop's), or -1 when the loop is stopping or out of memory (both are still the caller's).
 */
int proto_post(struct proto_loop *proto_loop, const struct proto *proto,
               const struct socket_request *request) __attribute__((warn_unused_result));

#endif
