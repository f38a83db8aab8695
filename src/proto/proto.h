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
#include "chat/chat.h"
#include "core/config.h"
#include "feed/feed.h"
#include "net/loop.h"
#include "room/entry.h"
#include "room/room.h"

/*
 * Those who name room codes on an open socket are charged for codes that do not exist, as at the door
 * (http/limits.h). Any thread.
 */
struct proto_guard {
    /* May `address` ask for this code? *charged: then refund() follows, unless there is no such room. */
    bool (*ask)(void *arg, const char *address, const char *code, bool *charged);
    void (*refund)(void *arg, const char *address, const char *code);
    void *arg;
};

/* A socket whose handshake has been answered, on its way to a loop. */
struct socket_request {
    int fd;       /* connected, owned (fds_own); the loop's once proto_post() returned 0 */
    bool deflate; /* permessage-deflate was negotiated */
    bool framed;  /* SockJS's framing is spoken on the WebSocket */
    const char *subprotocol;             /* that was chosen, one of the row's; NULL: none */
    int64_t started_ns;                  /* monotonic time of the upgrade request */
    char address[48];                    /* the client's, for logs */
    struct claims claims;                /* zeroed for protocols without a token */
    struct room_ticket ticket;           /* for protocols that join a room */
    char since[ROOM_MESSAGE_ID_MAX + 1]; /* "" = not given */
    uint32_t history;                    /* ROOM_HISTORY_DEFAULT when not given */
    char chat[CHAT_ROOM_ID_LEN + 1];     /* id of a chat room; "" = none */
    struct feed_wish feed;               /* for dashboards */
    const struct proto_guard *guard;     /* outlives the loops' work */
};

/* What the protocols keep per loop: groups of sockets, the loop's rooms. */
struct proto_loop;

/* Before the loop starts. The parts are borrowed and must outlive it. NULL: no memory. */
struct proto_loop *proto_loop_create(struct loop *loop, const struct config *config,
                                     struct rooms *rooms, struct feeds *feeds,
                                     struct chat_loop *chats);
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

struct carrier;

/* What is asked at the door (http/door.c). */
enum proto_door {
    PROTO_DOOR_OPEN,  /* no token, no room */
    PROTO_DOOR_FEED,  /* a token with channels, unless the feed is public */
    PROTO_DOOR_TOKEN, /* a token where there is one: the protocol may bring it later */
    PROTO_DOOR_CHAT,  /* a token of somebody who may chat, and of a member where a room is named */
    PROTO_DOOR_ROOM,  /* a token, and a place in the room that the URL names */
};

/* Whose limits of size, queue and lifetime hold. */
enum proto_group {
    PROTO_GROUP_ROOMS,
    PROTO_GROUP_ECHO,
    PROTO_GROUP_FEED,
    PROTO_GROUP_STOMP,
    PROTO_GROUPS,
};

struct proto {
    const char *path;   /* where WebSockets are upgraded, e.g. "/ws" */
    const char *sockjs; /* "ws": also spoken at /sockjs/ws/…; NULL: WebSockets only */
    /* NULL-terminated, the best first: one is answered when offered. NULL: offers are not looked at. */
    const char *const *subprotocols;
    enum proto_door door;
    enum proto_group group;
    /* On the loop. Binds the carrier (proto/carrier.h), or closes it. */
    void (*open)(struct proto_loop *proto_loop, struct carrier *carrier,
                 const struct socket_request *request);
};

/* The table; ends with a row whose path is NULL. */
extern const struct proto proto_table[];

/*
 * Hands a socket to its loop: any thread. Returns 0 (the descriptor and the reservation are the
 * loop's), or -1 when the loop is stopping or out of memory (both are still the caller's).
 */
int proto_post(struct proto_loop *proto_loop, const struct proto *proto,
               const struct socket_request *request) __attribute__((warn_unused_result));

/*
 * Sessions of SockJS over HTTP, by the same rules (sessions.c). A session's key is `service/session id`;
 * `claims` are a loop's, and a claim is made before proto_post_session(), which makes the session of it
 * and gives it its first receiver.
 */
struct sockjs_claim;
struct sockjs_claims;
struct sockjs_reader;
struct sockjs_receiver;

struct sockjs_claims *proto_claims(struct proto_loop *proto_loop);

int proto_post_session(struct proto_loop *proto_loop, const struct proto *proto,
                       const struct socket_request *request, struct sockjs_claim *claim,
                       const struct sockjs_receiver *receiver) __attribute__((warn_unused_result));

/* A further receiver of a session; where there is none any more it is told so. */
int proto_post_receiver(struct proto_loop *proto_loop, const char *key,
                        const struct sockjs_receiver *receiver) __attribute__((warn_unused_result));

/* Messages for a session: `reader` reads the bytes of `payload`, which are the loop's once 0. */
int proto_post_payload(struct proto_loop *proto_loop, const char *key, struct buf *payload,
                       const struct sockjs_reader *reader) __attribute__((warn_unused_result));

#endif
