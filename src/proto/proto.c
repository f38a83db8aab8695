/* The protocols' table, their per-loop state, and the way of a socket to its loop. */
#include "proto/internal.h"

#include <stdlib.h>
#include <unistd.h>

#include "core/log.h"
#include "core/metrics.h"
#include "net/fds.h"
#include "ws/stomp.h"

#define ECHO_MESSAGE_MAX                                                                           \
    (1u << 20) /* bytes, at most: conformance suites send more than a class does */

static const char *const lectern_v1[] = {"lectern.v1", NULL};
static const char *const stomp_versions[] = {"v12.stomp", "v11.stomp", "v10.stomp", NULL};

const struct proto proto_table[] = {
    {"/ws", "ws", lectern_v1, PROTO_DOOR_ROOM, PROTO_GROUP_ROOMS, json_open},
    /* By the same path, when the URL is for chats: the door tells (http/door.c). */
    {"/ws", "ws", lectern_v1, PROTO_DOOR_CHAT, PROTO_GROUP_ROOMS, chat_open},
    {"/monitor", "monitor", lectern_v1, PROTO_DOOR_FEED, PROTO_GROUP_FEED, monitor_open},
    {"/stomp", "stomp", stomp_versions, PROTO_DOOR_TOKEN, PROTO_GROUP_STOMP, stomp_open},
    {"/echo", "echo", NULL, PROTO_DOOR_OPEN, PROTO_GROUP_ECHO, echo_open},
    {NULL, NULL, NULL, PROTO_DOOR_OPEN, PROTO_GROUP_ROOMS, NULL},
};

struct proto_loop *proto_loop_create(struct loop *loop, const struct config *config,
                                     struct rooms *rooms, struct feeds *feeds,
                                     struct chat_loop *chats)
{
    struct proto_loop *proto_loop = calloc(1, sizeof *proto_loop);
    if (!proto_loop) {
        return NULL;
    }
    *proto_loop = (struct proto_loop){
        .loop = loop, .config = config, .rooms = rooms, .feeds = feeds, .chats = chats};
    proto_loop->claims = sockjs_claims_create();
    if (!proto_loop->claims) {
        free(proto_loop);
        return NULL;
    }
    struct wsock_options options = {
        .message_max = config->message_max,
        .queue_max = config->queue_max,
        .ping_s = config->ping_s,
    };
    proto_loop->groups[PROTO_GROUP_ROOMS] =
        carrier_group_create(loop, &options, proto_loop->claims);
    options.patient = true; /* who reads slowly misses events, and is told so */
    proto_loop->groups[PROTO_GROUP_FEED] = carrier_group_create(loop, &options, proto_loop->claims);
    options.patient = false;
    options.message_max += STOMP_HEAD_MAX + 1; /* a frame around a message of the longest */
    proto_loop->groups[PROTO_GROUP_STOMP] =
        carrier_group_create(loop, &options, proto_loop->claims);
    proto_loop->stomp = stomp_loop_create(proto_loop);
    options.message_max = config->message_max;
    if (options.message_max < ECHO_MESSAGE_MAX) {
        options.message_max = ECHO_MESSAGE_MAX;
    }
    if (options.queue_max < 4 * options.message_max) {
        options.queue_max = 4 * options.message_max;
    }
    options.lifetime_s = config->echo_s;
    proto_loop->groups[PROTO_GROUP_ECHO] = carrier_group_create(loop, &options, proto_loop->claims);
    for (size_t i = 0; i < PROTO_GROUPS; i++) {
        if (!proto_loop->groups[i] || !proto_loop->stomp) {
            proto_loop_destroy(proto_loop);
            return NULL;
        }
    }
    return proto_loop;
}

void proto_loop_close_groups(struct proto_loop *proto_loop)
{
    stomp_loop_close(proto_loop->stomp);
    proto_loop->stomp = NULL;
    for (size_t i = 0; i < PROTO_GROUPS; i++) {
        carrier_group_destroy(proto_loop->groups[i]);
        proto_loop->groups[i] = NULL;
    }
}

void proto_loop_destroy(struct proto_loop *proto_loop)
{
    if (proto_loop) {
        proto_loop_close_groups(proto_loop);
        sockjs_claims_destroy(proto_loop->claims);
        free(proto_loop);
    }
}

void proto_loop_close_some(struct proto_loop *proto_loop, size_t count, uint16_t code,
                           const char *reason)
{
    proto_loop->closing = true;
    for (size_t i = 0; i < PROTO_GROUPS; i++) {
        count -= carrier_group_close_some(proto_loop->groups[i], count, code, reason);
    }
}

void proto_loop_kill_all(struct proto_loop *proto_loop)
{
    for (size_t i = 0; i < PROTO_GROUPS; i++) {
        carrier_group_kill_all(proto_loop->groups[i]);
    }
}

size_t proto_loop_count(const struct proto_loop *proto_loop)
{
    size_t count = 0;
    for (size_t i = 0; i < PROTO_GROUPS; i++) {
        count += carrier_group_count(proto_loop->groups[i]);
    }
    return count;
}

void proto_log_end(const char *module, const struct carrier *carrier, const struct wsock_end *end,
                   const char *who, const char *room)
{
    if (log_enabled(LOG_LEVEL_INFO)) {
        log_info(module,
                 "closed user=%s room=%s code=%u by=%s reason=\"%s\" carrier=%s lived_ms=%lld", who,
                 room, end->code, end->by_peer ? "peer" : "server", end->reason,
                 carrier_kind(carrier), (long long)carrier_age_ms(carrier));
    }
}

struct post {
    struct proto_loop *proto_loop;
    const struct proto *proto;
    struct socket_request request;
};

static void arrive(void *arg)
{
    struct post *post = arg;
    struct proto_loop *proto_loop = post->proto_loop;
    const struct socket_request *request = &post->request;
    struct carrier *carrier = NULL;
    if (!proto_loop->closing) { /* else it passed the door before the drain began */
        carrier = carrier_of_websocket(proto_loop->groups[post->proto->group], request->fd,
                                       request->deflate, request->framed);
    }
    if (carrier) {
        post->proto->open(proto_loop, carrier, request);
    } else {
        /* A reservation is void in a few seconds. */
        metric_add(METRIC_TAKE_FAILED, 1);
        fds_disown(request->fd);
        close(request->fd);
    }
    free(post);
}

int proto_post(struct proto_loop *proto_loop, const struct proto *proto,
               const struct socket_request *request)
{
    struct post *post = malloc(sizeof *post);
    if (!post) {
        metric_add(METRIC_OUT_OF_MEMORY, 1);
        return -1;
    }
    post->proto_loop = proto_loop;
    post->proto = proto;
    post->request = *request; /* by itself: a whole struct would be made on the stack first */
    if (loop_post(proto_loop->loop, arrive, post)) {
        free(post);
        return -1;
    }
    return 0;
}
