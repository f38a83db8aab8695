/*
 * What carries a protocol's messages to one client and back: a WebSocket, or a session of SockJS over
 * HTTP or over a WebSocket. Protocols (json.c, echo.c, …) speak to carriers only.
 *
 * A carrier is made before its protocol's open() and given to it; open() binds its handlers, or closes
 * it. From then on handlers->closed is called exactly once, and never inside a carrier_* call; the
 * carrier is freed behind it. All on the carrier's loop.
 *
 * Messages are encoded once for all receivers of a loop whose carriers are of the same variant.
 */
#ifndef LECTERN_PROTO_CARRIER_H
#define LECTERN_PROTO_CARRIER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "net/receiver.h"
#include "net/sockjs.h"
#include "net/wsock.h"

struct carrier;

/* The form of frames; known from the start, and for good. A protocol's receivers (net/receiver.h) have
 * the variants `base + carrier_variant()`: 0 to 3 for JSON, 4 to 7 for STOMP. */
enum carrier_variant {
    CARRIER_WS,         /* a plain WebSocket */
    CARRIER_WS_DEFLATE, /* one with permessage-deflate */
    CARRIER_SOCKJS,     /* a SockJS session over HTTP */
    CARRIER_SOCKJS_WS,  /* SockJS's framing on a WebSocket */
    CARRIER_VARIANTS,
};

struct carrier_handlers {
    /* A complete message; data is valid during the call and may be changed. Close from here freely. */
    void (*message)(struct carrier *carrier, bool binary, char *data, size_t len);
    /* carrier_backlog() has fallen again after it was above CONN_DRAIN_MARK; may be NULL. */
    void (*drain)(struct carrier *carrier);
    void (*closed)(struct carrier *carrier, const struct wsock_end *end);
};

void carrier_bind(struct carrier *carrier, const struct carrier_handlers *handlers, void *owner);
void *carrier_owner(const struct carrier *carrier);

enum carrier_variant carrier_variant(const struct carrier *carrier);
const char *carrier_kind(const struct carrier *carrier); /* for logs: "websocket", "sockjs" */
int64_t carrier_age_ms(const struct carrier *carrier);

/* Queues a frame. A carrier whose queue is full is closed with WSOCK_CODE_TOO_SLOW; false: closing. */
bool carrier_send(struct carrier *carrier, struct frame *frame, bool paced);

/*
 * Encodes a message and queues it, for this one alone. `binary` is what WebSockets mark a message as; SockJS knows
 * text only, and what is not UTF-8 in it becomes U+FFFD. False: closing, or closed now for lack of memory.
 */
bool carrier_send_text(struct carrier *carrier, struct span text, bool binary);

/*
 * Text messages whose beginning differs from receiver to receiver: carrier_encode_rest() makes what they
 * share, once for all of this variant; carrier_send_parts() sends `head` (up to PARTS_HEAD_MAX bytes, in
 * whole characters) and then the rest, as one message.
 */
struct frame *carrier_encode_rest(struct carrier *carrier, struct span rest);
bool carrier_send_parts(struct carrier *carrier, struct span head, struct frame *rest, bool paced);

/*
 * Both in one frame, for carrier_send() to all of this variant that have the same head. NULL: no memory, or a
 * session of SockJS, which keeps its messages otherwise.
 */
struct frame *carrier_join_parts(struct carrier *carrier, struct span head, struct frame *rest);

size_t carrier_backlog(const struct carrier *carrier); /* bytes waiting */

/* What waits is still sent, then `code` and `reason`. Repeated calls are ignored. */
void carrier_close(struct carrier *carrier, uint16_t code, const char *reason);

/*
 * For receivers who get whole messages as they are: the operations, and the `socket` to call them
 * with. (A WebSocket's go straight to net/wsock.c: they are what fan-out costs.)
 */
const struct receiver_ops *carrier_receiver_ops(const struct carrier *carrier);
void *carrier_receiver(struct carrier *carrier);

/* Was it the client that left of its own will? (1000, 1001, or 1005: a close without a code.) */
static inline bool carrier_left(const struct wsock_end *end)
{
    return end->by_peer && end->clean &&
           (end->code == 1000 || end->code == 1001 || end->code == 1005);
}

/* ---- For proto.c ---- */

/* The carriers of one loop and one set of limits. */
struct carrier_group;

/* `claims` are the loop's. */
struct carrier_group *carrier_group_create(struct loop *loop, const struct wsock_options *options,
                                           struct sockjs_claims *claims);
void carrier_group_destroy(
    struct carrier_group *group); /* as wsock_group_destroy(); accepts NULL */
size_t carrier_group_count(const struct carrier_group *group);
size_t carrier_group_close_some(struct carrier_group *group, size_t count, uint16_t code,
                                const char *reason);
void carrier_group_kill_all(struct carrier_group *group);

struct sockjs_group *carrier_group_sessions(const struct carrier_group *group);

/*
 * A carrier of a WebSocket whose handshake is answered; `framed`: SockJS's framing on it. NULL: the
 * descriptor is still the caller's.
 */
struct carrier *carrier_of_websocket(struct carrier_group *group, int fd, bool deflate,
                                     bool framed);

/* A carrier of a session that has no receiver yet. NULL: the claim is still the caller's. */
struct carrier *carrier_of_session(struct carrier_group *group, struct sockjs_claim *claim);
struct sockjs_session *carrier_session(const struct carrier *carrier);

#endif
