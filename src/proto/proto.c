/* The protocols' table, their per-loop state, and the way of a socket to its loop. */
#include "proto/internal.h"

#include <stdlib.h>
#include <unistd.h>

#include "core/log.h"
#include "core/metrics.h"
#include "net/fds.h"

#define ECHO_MESSAGE_MAX                                                                           \
    (1u << 20) /* bytes, at most: conformance suites send more than a class does */

const struct proto proto_table[] = {
    {"/ws", "lectern.v1", true, json_open},
    {"/echo", NULL, false, echo_open},
    {NULL, NULL, false, NULL},
};

struct proto_loop *proto_loop_create(struct loop *loop, const struct config *config,
                                     struct rooms *rooms)
{
    struct proto_loop *proto_loop = calloc(1, sizeof *proto_loop);
    if (!proto_loop) {
        return NULL;
    }
    *proto_loop = (struct proto_loop){.loop = loop, .config = config, .rooms = rooms};
    struct wsock_options options = {
        .message_max = config->message_max,
        .queue_max = config->queue_max,
        .ping_s = config->ping_s,
    };
    proto_loop->class_sockets = wsock_group_create(loop, &options);
    if (options.message_max < ECHO_MESSAGE_MAX) {
        options.message_max = ECHO_MESSAGE_MAX;
    }
    if (options.queue_max < 4 * options.message_max) {
        options.queue_max = 4 * options.message_max;
    }
    options.lifetime_s = config->echo_s;
    proto_loop->echo_sockets = wsock_group_create(loop, &options);
    if (!proto_loop->class_sockets || !proto_loop->echo_sockets) {
        proto_loop_destroy(proto_loop);
        return NULL;
    }
    return proto_loop;
}

void proto_loop_close_groups(struct proto_loop *proto_loop)
{
    if (proto_loop->class_sockets) {
        wsock_group_destroy(proto_loop->class_sockets);
    }
    if (proto_loop->echo_sockets) {
        wsock_group_destroy(proto_loop->echo_sockets);
    }
    proto_loop->class_sockets = proto_loop->echo_sockets = NULL;
}

void proto_loop_destroy(struct proto_loop *proto_loop)
{
    if (proto_loop) {
        proto_loop_close_groups(proto_loop);
        free(proto_loop);
    }
}

void proto_loop_close_some(struct proto_loop *proto_loop, size_t count, uint16_t code,
                           const char *reason)
{
    proto_loop->closing = true;
    count -= wsock_group_close_some(proto_loop->class_sockets, count, code, reason);
    wsock_group_close_some(proto_loop->echo_sockets, count, code, reason);
}

void proto_loop_kill_all(struct proto_loop *proto_loop)
{
    wsock_group_kill_all(proto_loop->class_sockets);
    wsock_group_kill_all(proto_loop->echo_sockets);
}

size_t proto_loop_count(const struct proto_loop *proto_loop)
{
    return wsock_group_count(proto_loop->class_sockets) +
           wsock_group_count(proto_loop->echo_sockets);
}

void proto_log_end(const char *module, const struct wsock *sock, const struct wsock_end *end,
                   const char *who, const char *room)
{
    if (log_enabled(LOG_LEVEL_INFO)) {
        log_info(module, "closed user=%s room=%s code=%u by=%s reason=\"%s\" lived_ms=%lld", who,
                 room, end->code, end->by_peer ? "peer" : "server", end->reason,
                 (long long)wsock_age_ms(sock));
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
    if (post->proto_loop->closing) {
        /* It passed the door before the drain began. Its reservation is void in a few seconds. */
        metric_add(METRIC_TAKE_FAILED, 1);
        fds_disown(post->request.fd);
        close(post->request.fd);
    } else {
        post->proto->open(post->proto_loop, &post->request);
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
