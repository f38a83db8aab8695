/*
 * `/echo`: every message comes back as it came, text as text and binary as binary. The connection
 * check of the pages and the target of protocol conformance suites. No token and no room, so rate,
 * size and lifetime are capped.
 */
#include "proto/internal.h"

#include <stdlib.h>

#include "base/bucket.h"
#include "core/metrics.h"

struct echo {
    const struct config *config;
    struct bucket rate;
};

static void on_message(struct carrier *carrier, bool binary, char *data, size_t len)
{
    struct echo *echo = carrier_owner(carrier);
    const struct config_rate *rate = &echo->config->rate_echo;
    if (!bucket_take(&echo->rate, rate->rate, rate->burst, carrier_age_ms(carrier))) {
        metric_add(METRIC_RATE_LIMITED, 1);
        carrier_close(carrier, CLOSE_TOO_MANY, "too many messages");
        return;
    }
    (void)carrier_send_text(carrier, (struct span){data, len}, binary);
}

static void on_closed(struct carrier *carrier, const struct wsock_end *end)
{
    proto_log_end("echo", carrier, end, "", "");
    free(carrier_owner(carrier));
}

static const struct carrier_handlers handlers = {on_message, NULL, on_closed};

void echo_open(struct proto_loop *proto_loop, struct carrier *carrier,
               const struct socket_request *request)
{
    (void)request;
    struct echo *echo = malloc(sizeof *echo);
    if (!echo) {
        metric_add(METRIC_OUT_OF_MEMORY, 1);
        carrier_close(carrier, CLOSE_INTERNAL, "out of memory");
        return;
    }
    echo->config = proto_loop->config;
    bucket_fill(&echo->rate, echo->config->rate_echo.burst, 0);
    carrier_bind(carrier, &handlers, echo);
}
