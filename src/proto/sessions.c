/*
 * The way of SockJS's requests to the loop of their session: the one that opens it, those that receive,
 * those that send.
 */
#include "proto/internal.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/metrics.h"
#include "net/fds.h"
#include "ws/sockjs_codec.h"

struct sockjs_claims *proto_claims(struct proto_loop *proto_loop)
{
    return proto_loop->claims;
}

static void drop(const struct sockjs_receiver *receiver)
{
    free(receiver->head);
    fds_disown(receiver->fd);
    close(receiver->fd);
}

/* ---- A new session ---- */

struct opening {
    struct proto_loop *proto_loop;
    const struct proto *proto;
    struct sockjs_claim *claim;
    struct sockjs_receiver receiver;
    struct socket_request request;
};

static void open_session(void *arg)
{
    struct opening *opening = arg;
    struct proto_loop *proto_loop = opening->proto_loop;
    struct carrier *carrier = NULL;
    if (!proto_loop->closing) { /* else it passed the door before the drain began */
        carrier = carrier_of_session(proto_loop->groups[opening->proto->group], opening->claim);
    }
    if (carrier) {
        struct sockjs_session *session = carrier_session(carrier);
        opening->proto->open(proto_loop, carrier, &opening->request);
        sockjs_session_receive(session, &opening->receiver);
    } else {
        /* A reservation is void in a few seconds. */
        metric_add(METRIC_TAKE_FAILED, 1);
        sockjs_unclaim(proto_loop->claims, opening->claim);
        drop(&opening->receiver);
    }
    free(opening);
}

int proto_post_session(struct proto_loop *proto_loop, const struct proto *proto,
                       const struct socket_request *request, struct sockjs_claim *claim,
                       const struct sockjs_receiver *receiver)
{
    struct opening *opening = malloc(sizeof *opening);
    if (!opening) {
        metric_add(METRIC_OUT_OF_MEMORY, 1);
        return -1;
    }
    opening->proto_loop = proto_loop;
    opening->proto = proto;
    opening->claim = claim;
    opening->receiver = *receiver;
    opening->request = *request; /* by itself: a whole struct would be made on the stack first */
    if (loop_post(proto_loop->loop, open_session, opening)) {
        free(opening);
        return -1;
    }
    return 0;
}

/* ---- One that is there ---- */

struct visit {
    struct proto_loop *proto_loop;
    struct sockjs_receiver receiver;
    struct buf payload;
    struct sockjs_reader reader;
    char key[SOCKJS_KEY_MAX + 1];
};

static int post_visit(struct visit *visit, const char *key, void (*fn)(void *arg))
{
    (void)span_copy(span_of(key), visit->key, sizeof visit->key);
    return loop_post(visit->proto_loop->loop, fn, visit);
}

static struct visit *visit_create(struct proto_loop *proto_loop)
{
    struct visit *visit = calloc(1, sizeof *visit);
    if (!visit) {
        metric_add(METRIC_OUT_OF_MEMORY, 1);
        return NULL;
    }
    visit->proto_loop = proto_loop;
    return visit;
}

static void receive(void *arg)
{
    struct visit *visit = arg;
    struct proto_loop *proto_loop = visit->proto_loop;
    struct sockjs_session *session = sockjs_session_find(proto_loop->claims, visit->key);
    if (session) {
        sockjs_session_receive(session, &visit->receiver);
    } else if (!proto_loop->groups[0]) {
        drop(&visit->receiver); /* the loop has ended */
    } else {
        bool opening = sockjs_look(proto_loop->claims, visit->key, NULL) == SOCKJS_OPENING;
        sockjs_refuse(carrier_group_sessions(proto_loop->groups[0]), &visit->receiver,
                      opening ? SOCKJS_CODE_OTHER_OPEN : SOCKJS_CODE_INTERRUPTED,
                      opening ? "Another connection still open" : "Connection interrupted");
    }
    free(visit);
}

int proto_post_receiver(struct proto_loop *proto_loop, const char *key,
                        const struct sockjs_receiver *receiver)
{
    struct visit *visit = visit_create(proto_loop);
    if (!visit) {
        return -1;
    }
    visit->receiver = *receiver;
    if (post_visit(visit, key, receive)) {
        free(visit);
        return -1;
    }
    return 0;
}

static void feed(void *arg)
{
    struct visit *visit = arg;
    struct sockjs_session *session = sockjs_session_find(visit->proto_loop->claims, visit->key);
    if (session) { /* else it ended while the payload was on its way, as a socket does */
        metric_add(METRIC_BYTES_IN, (int64_t)visit->payload.len);
        sockjs_session_feed(session, &visit->reader);
    }
    buf_finish(&visit->payload);
    free(visit);
}

int proto_post_payload(struct proto_loop *proto_loop, const char *key, struct buf *payload,
                       const struct sockjs_reader *reader)
{
    struct visit *visit = visit_create(proto_loop);
    if (!visit) {
        return -1;
    }
    visit->payload = *payload;
    visit->reader = *reader;
    if (post_visit(visit, key, feed)) {
        free(visit);
        return -1;
    }
    buf_init(payload);
    return 0;
}
