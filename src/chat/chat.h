/*
 * Chats on one loop: which of this loop's sockets follow which rooms, what they may send, and what they
 * are told. What is lasting is in the store, numbered without holes (store/messages.h); Redis only carries
 * the news. A room that is followed is subscribed to first, then its last number is read, then what comes
 * is taken in the order of its numbers, and what is missing is read from the store.
 *
 * Protocols (src/proto) make chatters, one for each socket (STOMP: one for each subscription), hand
 * messages in, and are called back through struct receiver_ops. Everything is on the loop's thread.
 *
 * Where a chatter's ops have `tell`, it is called for what is said to that one alone: welcome, ack,
 * error, gap, pong, close (the end of the subscription), invited. Everything else is encoded once for
 * all of the same variant.
 */
#ifndef LECTERN_CHAT_CHAT_H
#define LECTERN_CHAT_CHAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "auth/token.h"
#include "base/buf.h"
#include "bus/link.h"
#include "chat/message.h"
#include "core/config.h"
#include "net/loop.h"
#include "net/receiver.h"
#include "store/store.h"
#include "wire/message.h"

#define CHATTER_ROOMS_MAX 200 /* rooms that one chatter may follow */

struct chat_loop; /* the chats of one loop */
struct chatter;   /* one socket of one user */

/* Everything is borrowed and must outlive it. NULL: no memory. */
struct chat_loop *chat_loop_create(struct loop *loop, const struct config *config,
                                   const struct tokens *tokens, const char *server_id);
void chat_loop_destroy(struct chat_loop *chats); /* after the loop stopped; accepts NULL */

/* Before the loop starts. */
void chat_loop_set_bus(struct chat_loop *chats, struct bus *bus);
void chat_loop_set_store(struct chat_loop *chats, struct store *store);

/* The link's events, for the channels that are chat's; arg is the struct chat_loop. */
extern const struct bus_events chat_loop_bus_events;
bool chat_loop_owns(void *arg, struct span channel); /* `room:c…` and `user:…` */

/* On the loop: starts the timers, and ends them when the loop is about to end. */
void chat_loop_start(struct chat_loop *chats);
void chat_loop_stop(struct chat_loop *chats);

/*
 * When all sockets are gone: true when nothing is left that the store must answer first. What has not
 * been begun by then is given up where `hurry` is set.
 */
bool chat_loop_settled(struct chat_loop *chats, bool hurry);

struct chatter_wish {
    const struct claims *claims; /* of a teacher or student whose token is not for one class */
    const char *room;            /* the id of a room to follow from the start; NULL or "": none */
    const char *since;  /* NULL or "": not given; else an id: what came after it is told first */
    uint32_t history;   /* otherwise: how many messages are told first; CHAT_HISTORY_DEFAULT */
    int64_t started_ns; /* of the upgrade request, monotonic */
    bool lasts;    /* the socket goes on when it follows no room any more; else it is closed 4000 */
    bool announce; /* those in the room are told by `enter` and `exit` */
    bool invited;  /* wants to hear of rooms that it comes to be in */
};

/*
 * `welcome` follows by itself for the wish's room, then messages; where there is no room, the welcome without one
 * is told in the call. Whoever is not a member is told by `error`, and where the wish doesn't last, closed
 * (4000, the reason is the code). While the store is away it waits. NULL when out of memory.
 */
struct chatter *chatter_create(struct chat_loop *chats, const struct chatter_wish *wish,
                               const struct receiver_ops *ops, void *socket);

/*
 * A complete text message came from the socket. Answers go to that chatter; it may be closed in the call,
 * through ops->close, but is never freed in it. The room need not be followed for `send` and the
 * like, `read` and `delete`: the store knows who is a member.
 */
void chatter_receive(struct chatter *chatter, struct span text);

/* The socket can take more: replay goes on. */
void chatter_drained(struct chatter *chatter);

/* The socket is gone; frees the chatter, now or when what it has sent is answered. */
void chatter_gone(struct chatter *chatter);

/* For logs. */
const char *chatter_user(const struct chatter *chatter);
const char *chatter_room(const struct chatter *chatter); /* of the wish; "" = none */

#endif
