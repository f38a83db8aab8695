/*
 * `/echo`: every message comes back as it came, text as text and binary as binary. The connection
 * check of the pages and the target of protocol conformance suites. No token and no room, so rate,
 * size and lifetime are capped.
 */
#include "proto/internal.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/bucket.h"
#include "core/metrics.h"
#include "net/fds.h"

struct echo {
    const struct config *config;
    struct bucket rate;
};

static void on_message(struct wsock *sock, bool binary, char *data, size_t len)
{
    struct echo *echo = wsock_owner(sock);
    const struct config_rate *rate = &echo->config->rate_echo;
    if (!bucket_take(&echo->rate, rate->rate, rate->burst, wsock_age_ms(sock))) {
        metric_add(METRIC_RATE_LIMITED, 1);
        wsock_close(sock, CLOSE_TOO_MANY, "too many messages");
        return;
    }
    struct span text = {data, len};
    struct frame *frame = NULL;
    if (wsock_deflate(sock)) {
        frame = wsock_encode(wsock_group_of(sock), text, binary, true);
    }
    if (!frame) {
        frame = wsock_encode(wsock_group_of(sock), text, binary, false);
    }
    if (!frame) {
        wsock_close(sock, CLOSE_INTERNAL, "out of memory");
        return;
    }
    wsock_send(sock, frame, false);
    frame_unref(frame);
}

static void on_closed(struct wsock *sock, const struct wsock_end *end)
{
    proto_log_end("echo", sock, end, "", "");
    free(wsock_owner(sock));
}

static const struct wsock_handlers handlers = {on_message, NULL, on_closed};

void echo_open(struct proto_loop *proto_loop, const struct socket_request *request)
{
    struct echo *echo = malloc(sizeof *echo);
    struct wsock *sock =
        echo ? wsock_start(proto_loop->echo_sockets, request->fd, request->deflate, &handlers, echo)
             : NULL;
    if (!sock) {
        free(echo);
        metric_add(METRIC_TAKE_FAILED, 1);
        fds_disown(request->fd);
        close(request->fd);
        return;
    }
    echo->config = proto_loop->config;
    bucket_fill(&echo->rate, echo->config->rate_echo.burst, 0);
}
