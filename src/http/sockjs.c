/*
 * SockJS (sockjs-protocol 0.3.3) as HTTP meets it: the requests beneath /sockjs/{service}. Those that
 * send are read and answered here; those that receive are read here and then left, socket and all, to the
 * loop of their session, which writes the answer (net/sockjs.h). WebSockets come by http/upgrade.c.
 *
 * A request that receives and names a session that this server does not have opens one, by the same door
 * as a WebSocket. It claims the session before it asks Redis for a place, so that whoever comes meanwhile
 * finds it taken. Where the door saw a token, all further requests must show one of the same user.
 */
#include <assert.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/id.h"
#include "base/map.h"
#include "core/metrics.h"
#include "http/answer.h"
#include "http/body.h"
#include "http/door.h"
#include "http/handlers.h"
#include "net/sockjs.h"
#include "ws/sockjs_codec.h"

static_assert(SOCKJS_TOKEN_LEN == REQUEST_TOKEN_HASH, "one hash");

#define BODY_WASTE 65536      /* bytes of a body that nobody reads, at most */
#define PAYLOAD_MESSAGES 16   /* messages of the largest size that fit into one request */
#define PAYLOAD_LEAST 2097152 /* bytes that do in any case */
#define NOT_CACHED "no-store, no-cache, no-transform, must-revalidate, max-age=0"

/* A request beneath a session's address. */
struct visit {
    struct door door;
    struct proto_loop *loop;
    struct sockjs_claim *claim; /* while a session is being opened */
    struct sockjs_receiver receiver;
    char key[SOCKJS_KEY_MAX + 1];
};

static const char *const content_types[] = {
    [SOCKJS_XHR] = "application/javascript;charset=UTF-8",
    [SOCKJS_XHR_STREAMING] = "application/javascript;charset=UTF-8",
    [SOCKJS_EVENTSOURCE] = "text/event-stream;charset=UTF-8",
};

/* The row that /sockjs/{service} names, or NULL after answering. */
static const struct proto *find_service(struct request *req)
{
    const struct proto *proto = door_service(url_path_at(&req->path, 1));
    if (!proto) {
        answer_error(req, "not_found");
    }
    return proto;
}

/* Answered, if NULL. Not on the stack: each of the HTTP threads would keep the page for ever. */
static struct visit *visit_begin(struct request *req)
{
    const struct http_context *context = &req->server->context;
    struct span session = url_path_at(&req->path, 3);
    const struct proto *proto = find_service(req);
    if (!proto) {
        return NULL;
    }
    struct visit *visit = calloc(1, sizeof *visit);
    if (!visit) {
        metric_add(METRIC_OUT_OF_MEMORY, 1);
        answer_error(req, "no_capacity");
        return NULL;
    }
    int len = snprintf(visit->key, sizeof visit->key, "%s/%.*s", proto->sockjs, (int)session.n,
                       session.p);
    visit->door.req = req;
    visit->door.proto = proto;
    visit->loop = context->loops[hash_stable(session.p, session.n) % context->loop_count];
    if (!door_session_valid(&req->path) || len >= (int)sizeof visit->key) {
        answer_error(req, "not_found");
    } else if (!door_role(&visit->door)) {
        /* answered */
    } else if (!request_origin_allowed(req)) {
        answer_error(req, "origin_forbidden");
    } else {
        return visit;
    }
    free(visit);
    return NULL;
}

/* ---- What is not of a session ---- */

void sockjs_greeting(struct request *req)
{
    if (find_service(req)) {
        answer(req, 200, "text/plain;charset=UTF-8", span_of("Welcome to SockJS!\n"));
    }
}

void sockjs_info(struct request *req)
{
    char json[128];
    if (!find_service(req)) {
        return;
    }
    int len = snprintf(json, sizeof json,
                       "{\"websocket\":true,\"origins\":[\"*:*\"],\"cookie_needed\":false,"
                       "\"entropy\":%u}",
                       id_random_below(UINT32_MAX));
    req->cache_control = NOT_CACHED;
    answer(req, 200, "application/json;charset=UTF-8", (struct span){json, (size_t)len});
}

/* ---- Receiving ---- */

/* What browsers send along is read and thrown away: then the answer can be written. */
static bool skip_body(struct request *req)
{
    struct buf waste;
    buf_init(&waste);
    bool done = body_bytes(req, BODY_WASTE, TRANSFER_RECEIVE_RATE, &waste);
    buf_finish(&waste);
    return done;
}

/* Makes the request one that waits: its socket, and the answer's head. False after answering. */
static bool make_receiver(struct visit *visit)
{
    struct request *req = visit->door.req;
    struct sockjs_receiver *receiver = &visit->receiver;
    struct buf head;
    buf_init(&head);
    req->cache_control = NOT_CACHED;
    answer_header(req, "X-Accel-Buffering", "no"); /* to proxies that would hold a stream back */
    answer_write_head(req, 200, content_types[receiver->transport], &head);
    if (head.failed || !request_take(req)) {
        buf_finish(&head);
        answer_error(req, "no_capacity");
        return false;
    }
    receiver->fd = req->fd;
    receiver->head = head.data;
    receiver->head_len = head.len;
    return true;
}

/* What comes of handing it over. */
static bool handed(struct visit *visit, int result)
{
    struct request *req = visit->door.req;
    if (result < 0) {
        free(visit->receiver.head);
        buf_clear(&req->headers);
        answer_error(req, "no_capacity");
        return false;
    }
    req->fd = -1; /* the loop's */
    req->status = 200;
    return true;
}

/*
 * Is it from whoever opened the session? The very token that did is good for as long as the session
 * lasts, which has heard of a fresh one since (or ends); any other is looked at. False after answering.
 */
static bool is_holder(struct request *req, const struct sockjs_holder *holder)
{
    uint8_t hash[SOCKJS_TOKEN_LEN];
    if (!*holder->user) {
        return true;
    }
    const char *wrong = request_token_hash(req, hash);
    if (!wrong && sodium_memcmp(hash, holder->token, sizeof hash) != 0) {
        wrong = request_claims(req);
        if (!wrong && strcmp(req->claims.user_id, holder->user) != 0) {
            wrong = "session_not_found"; /* as far as this one is concerned */
        }
    }
    if (wrong) {
        answer_error(req, wrong);
    }
    return !wrong;
}

/* A session that is there. */
static void visit_session(struct visit *visit, const struct sockjs_holder *holder)
{
    if (is_holder(visit->door.req, holder) && make_receiver(visit)) {
        (void)handed(visit, proto_post_receiver(visit->loop, visit->key, &visit->receiver));
    }
}

/* A place for the session that is claimed. */
static bool enter(struct visit *visit)
{
    struct door *door = &visit->door;
    if (!door_reserve(door)) {
        return false;
    }
    if (make_receiver(visit) &&
        handed(visit, proto_post_session(visit->loop, door->proto, &door->socket, visit->claim,
                                         &visit->receiver))) {
        return true;
    }
    door_release(door);
    return false;
}

static void open_session(struct visit *visit)
{
    struct door *door = &visit->door;
    struct sockjs_claims *claims = proto_claims(visit->loop);
    struct sockjs_holder holder = {0};
    if (!door_outside(door) || !door_inside(door)) {
        return;
    }
    (void)span_copy(span_of(door->socket.claims.user_id), holder.user, sizeof holder.user);
    const char *wrong = *holder.user ? request_token_hash(door->req, holder.token) : NULL;
    if (wrong) {
        answer_error(door->req, wrong);
        return;
    }
    switch (sockjs_claim(claims, visit->key, &holder, &visit->claim)) {
    case SOCKJS_CLAIMED:
        if (!enter(visit)) {
            sockjs_unclaim(claims, visit->claim);
        }
        break;
    case SOCKJS_EXISTS: /* by now */
        (void)sockjs_look(claims, visit->key, &holder);
        visit_session(visit, &holder);
        break;
    case SOCKJS_NOMEM:
        answer_error(door->req, "no_capacity");
        break;
    }
}

static void receive(struct visit *visit)
{
    struct sockjs_holder holder;
    if (sockjs_look(proto_claims(visit->loop), visit->key, &holder) == SOCKJS_ABSENT) {
        open_session(visit);
    } else {
        visit_session(visit, &holder);
    }
}

static void begin_receiving(struct request *req, enum sockjs_transport transport)
{
    if (request_is(req, "HEAD")) { /* asks what GET would say, and must change nothing */
        req->cache_control = NOT_CACHED;
        answer(req, 200, content_types[transport], (struct span){NULL, 0});
        return;
    }
    struct visit *visit = visit_begin(req);
    if (visit && skip_body(req)) {
        visit->receiver.transport = transport;
        receive(visit);
    }
    free(visit);
}

void sockjs_xhr(struct request *req)
{
    begin_receiving(req, SOCKJS_XHR);
}

void sockjs_xhr_streaming(struct request *req)
{
    begin_receiving(req, SOCKJS_XHR_STREAMING);
}

void sockjs_eventsource(struct request *req)
{
    begin_receiving(req, SOCKJS_EVENTSOURCE);
}

/* ---- Sending ---- */

static size_t payload_max(const struct request *req)
{
    size_t max = (size_t)req->server->context.config->message_max * PAYLOAD_MESSAGES;
    return max > PAYLOAD_LEAST ? max : PAYLOAD_LEAST;
}

/* The answer says that the payload was whole and is on its way, no more. */
static void pass_on(struct visit *visit, struct buf *payload)
{
    struct request *req = visit->door.req;
    struct sockjs_reader reader;
    enum sockjs_payload result = sockjs_begin(&reader, payload->data, payload->len);
    req->cache_control = NOT_CACHED;
    if (result == SOCKJS_EMPTY) {
        answer_error(req, "payload_expected");
    } else if (result == SOCKJS_BROKEN) {
        answer_error(req, "broken_json");
    } else if (proto_post_payload(visit->loop, visit->key, payload, &reader)) {
        answer_error(req, "no_capacity");
    } else {
        answer(req, 204, "text/plain; charset=UTF-8", (struct span){NULL, 0});
    }
}

void sockjs_send(struct request *req)
{
    struct buf payload;
    struct sockjs_holder holder;
    struct visit *visit = visit_begin(req);
    if (!visit) {
        return;
    }
    buf_init(&payload);
    if (sockjs_look(proto_claims(visit->loop), visit->key, &holder) != SOCKJS_OPEN) {
        answer_error(req, "session_not_found");
    } else if (is_holder(req, &holder) &&
               body_bytes(req, payload_max(req), TRANSFER_RECEIVE_RATE, &payload)) {
        pass_on(visit, &payload);
    }
    buf_finish(&payload);
    free(visit);
}
