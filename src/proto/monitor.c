/*
 * `/monitor`: events of the feed's channels (feed/feed.h), one text message each. Read-only: what a client
 * may say is `ping`, as `{"type":"ping"}` or in the class rooms' form; all else is answered by an error, and
 * too much of either ends the connection.
 */
#include "proto/internal.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/bucket.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/utf8.h"
#include "core/metrics.h"
#include "feed/feed.h"

#define ANSWER_SIZE 160

struct monitor {
    const struct config *config;
    struct follower *follower;
    struct bucket rate;
    char user[ID_MAX + 1]; /* "" where the feed is public */
};

/* `{"type":"ping"}` or `{"messageType":"ping"}`, whatever else is in it. */
static bool is_ping(struct span text)
{
    struct json_member members[8];
    size_t count, error_at;
    if (!utf8_valid(text.p, text.n) || json_members(text, members, 8, &count, &error_at)) {
        return false;
    }
    for (size_t i = 0; i < count && i < 8; i++) {
        if ((span_eq(members[i].key, "type") || span_eq(members[i].key, "messageType")) &&
            span_eq(members[i].value.raw, "\"ping\"")) {
            return true;
        }
    }
    return false;
}

static void tell(struct monitor *monitor, const char *type, const char *data)
{
    char text[ANSWER_SIZE];
    int len = snprintf(text, sizeof text, "{\"type\":\"%s\",\"data\":%s,\"timestamp\":%lld}", type,
                       data, (long long)clock_wall_ms());
    follower_tell(monitor->follower, (struct span){text, (size_t)len});
}

static void on_message(struct carrier *carrier, bool binary, char *data, size_t len)
{
    struct monitor *monitor = carrier_owner(carrier);
    const struct config_rate *rate = &monitor->config->rate_student;
    if (!bucket_take(&monitor->rate, rate->rate, rate->burst, carrier_age_ms(carrier))) {
        metric_add(METRIC_RATE_LIMITED, 1);
        carrier_close(carrier, CLOSE_TOO_MANY, "too many messages");
    } else if (binary) {
        carrier_close(carrier, CLOSE_UNSUPPORTED, "text messages only");
    } else if (is_ping((struct span){data, len})) {
        tell(monitor, "pong", "{}");
    } else {
        metric_add(METRIC_BAD_MESSAGES, 1);
        tell(monitor, "error",
             "{\"code\":\"read_only\",\"message\":\"Events are only read here.\"}");
    }
}

static void on_drain(struct carrier *carrier)
{
    struct monitor *monitor = carrier_owner(carrier);
    follower_drained(monitor->follower);
}

static void on_closed(struct carrier *carrier, const struct wsock_end *end)
{
    struct monitor *monitor = carrier_owner(carrier);
    proto_log_end("monitor", carrier, end, monitor->user, "");
    follower_gone(monitor->follower);
    free(monitor);
}

static const struct carrier_handlers handlers = {on_message, on_drain, on_closed};

void monitor_open(struct proto_loop *proto_loop, struct carrier *carrier,
                  const struct socket_request *request)
{
    struct monitor *monitor = calloc(1, sizeof *monitor);
    if (monitor) {
        monitor->config = proto_loop->config;
        bucket_fill(&monitor->rate, monitor->config->rate_student.burst, 0);
        (void)span_copy(span_of(request->claims.user_id), monitor->user, sizeof monitor->user);
        monitor->follower =
            follower_create(proto_loop->feeds, &request->feed, request->claims.expires_ms,
                            carrier_receiver_ops(carrier), carrier_receiver(carrier));
    }
    if (!monitor || !monitor->follower) {
        metric_add(METRIC_OUT_OF_MEMORY, 1);
        free(monitor);
        carrier_close(carrier, CLOSE_INTERNAL, "out of memory");
        return;
    }
    carrier_bind(carrier, &handlers, monitor);
}
