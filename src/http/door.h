/*
 * The door: what is asked of whoever wants to come in, by WebSocket (http/upgrade.c) or as a session
 * of SockJS (http/sockjs.c). One table says for each kind of door (proto/proto.h) which checks it has,
 * how a place is reserved and given back, and which loop it leads to.
 *
 * On the civetweb thread that handles the request, which may block on Redis for a bounded time. Each
 * step lets pass, or answers the request and returns false.
 */
#ifndef LECTERN_HTTP_DOOR_H
#define LECTERN_HTTP_DOOR_H

#include <stdbool.h>

#include "http/request.h"
#include "proto/proto.h"

struct door {
    struct request *req;
    const struct proto *proto;
    char code[ROOM_CODE_MAX + 1]; /* of a class room; "": a new room is asked for */
    struct room_options options;  /* the host's */
    struct socket_request socket; /* what the loop gets: claims, ticket, since, history */
};

/*
 * The protocol whose WebSockets are upgraded at this path, or NULL. *framed: with SockJS's framing
 * (/sockjs/{service}/{server}/{session}/websocket).
 */
const struct proto *door_find(const struct url_path *path, bool *framed);

/* The protocol that SockJS speaks as this service, or NULL. */
const struct proto *door_service(struct span service);

/* Are the third and the fourth segment (of /sockjs/{service}/{server}/{session}/…) what SockJS allows? */
bool door_session_valid(const struct url_path *path);

/* The steps, in the order in which they are due. */
bool door_role(struct door *door);    /* does this server have sockets at all? */
bool door_outside(struct door *door); /* is it draining, may the page of this origin come in? */
bool door_inside(struct door *door);  /* capacity, then the checks of the protocol's own door */

/* The last step: reserves a place. What fails behind it must call door_release(). */
bool door_reserve(struct door *door);
void door_release(struct door *door); /* counts METRIC_TAKE_FAILED too */

/* Where the socket goes. */
struct proto_loop *door_loop(struct door *door);

#endif
