/* Questions to sentinels and their answers; see sentinel.h. */
#include "bus/sentinel.h"

#include <stdio.h>

#include "bus/resp.h"

#define SHARE_MIN_MS 50

bool sentinel_question(struct buf *out, const struct redis_url *url)
{
    const struct span argv[] = {span_of("SENTINEL"), span_of("get-master-addr-by-name"),
                                span_of(url->primary)};
    return resp_command(out, argv, 3);
}

static bool read_address(const struct bus_reply *reply, struct redis_address *out)
{
    struct span host = bus_reply_text(bus_reply_at(reply, 0));
    int64_t port = bus_reply_int(bus_reply_at(reply, 1));
    if (host.n == 0 || port < 1 || port > UINT16_MAX ||
        !span_copy(host, out->host, sizeof out->host)) {
        return false;
    }
    out->port = (uint16_t)port;
    return true;
}

enum sentinel_answer sentinel_read(const struct bus_reply *reply, const struct redis_url *url,
                                   bool given, struct redis_address *primary,
                                   char reason[SENTINEL_REASON_MAX])
{
    switch (bus_reply_type(reply)) {
    case BUS_ARRAY:
        if (read_address(reply, primary)) {
            return SENTINEL_NAMES;
        }
        break;
    case BUS_NIL:
        snprintf(reason, SENTINEL_REASON_MAX, "knows no primary named %s", url->primary);
        return SENTINEL_REFUSES;
    case BUS_ERROR:
        if (resp_wants_login(bus_reply_text(reply)) && url->password[0] != '\0' && !given) {
            return SENTINEL_WANTS_LOGIN;
        }
        resp_error_text(bus_reply_text(reply), reason, SENTINEL_REASON_MAX);
        return SENTINEL_REFUSES;
    default:
        break;
    }
    snprintf(reason, SENTINEL_REASON_MAX, "its answer is no address");
    return SENTINEL_REFUSES;
}

int64_t sentinel_share_ms(const struct redis_url *url, int64_t timeout_ms)
{
    int64_t share_ms = timeout_ms / (int64_t)url->address_count;
    return share_ms < SHARE_MIN_MS ? SHARE_MIN_MS : share_ms;
}

void sentinel_failed(struct sentinel_failure *failure, const struct redis_url *url, size_t index,
                     bool answered, const char *reason)
{
    bool first = failure->text[0] == '\0';
    if (!first && (failure->answered != answered ? failure->answered : failure->index < index)) {
        return;
    }
    const struct redis_address *address = &url->addresses[index];
    failure->answered = answered;
    failure->index = index;
    snprintf(failure->text, sizeof failure->text, "sentinel %s:%u: %s", address->host,
             address->port, reason);
}
