/*
 * GET /events: which channels of the feed (src/feed) whoever asks may follow; pages that cannot see why
 * /monitor was refused ask here.
 *
 * POST /events/{channel}: takes an event from a service and publishes it, remembered, on one of them. The
 * body is any JSON; one that has the form of an event already is not wrapped again.
 */
#include "base/clock.h"
#include "base/id.h"
#include "base/json.h"
#include "base/utf8.h"
#include "bus/pool.h"
#include "core/log.h"
#include "core/metrics.h"
#include "feed/event.h"
#include "feed/feed.h"
#include "http/answer.h"
#include "http/body.h"
#include "http/handlers.h"
#include "http/head.h"

#include <stdio.h>

void events_list(struct request *req)
{
    const struct config *config = req->server->context.config;
    uint64_t allowed = feed_channels_all(config->feed_channels);
    if (!config->feed_public) {
        const char *wrong = request_claims(req);
        if (wrong) {
            answer_error(req, wrong);
            return;
        }
        allowed = feed_channels_of_claim(config->feed_channels, req->claims.channels);
    }
    if (!allowed) {
        answer_error(req, "channel_forbidden");
        return;
    }
    struct buf json;
    buf_init(&json);
    buf_append_text(&json, "{\"channels\":[");
    for (size_t i = 0, n = 0; config->feed_channels[i]; i++) {
        if (allowed & (UINT64_C(1) << i)) {
            buf_append_text(&json, n++ ? "," : "");
            json_write_string(&json, span_of(config->feed_channels[i]));
        }
    }
    buf_printf(&json, "],\"public\":%s}", config->feed_public ? "true" : "false");
    answer_json(req, 200, &json);
}

/* The channel's name in the configuration, or NULL after answering. */
static const char *find_channel(struct request *req)
{
    char *const *channels = req->server->context.config->feed_channels;
    const struct claims *claims = &req->claims;
    int index = feed_channel_find(channels, url_path_at(&req->path, 1));
    if (claims->type != USER_SERVICE) {
        answer_error(req, "channel_forbidden");
        return NULL;
    }
    if (index < 0) {
        answer_error(req, "channel_not_found");
        return NULL;
    }
    if (!(feed_channels_of_claim(channels, claims->channels) & (UINT64_C(1) << index))) {
        answer_error(req, "channel_forbidden");
        return NULL;
    }
    return channels[index];
}

/* Remembers and publishes; false: Redis did not do it, as far as is known. */
static bool publish(struct request *req, const char *channel, struct span tail,
                    char id[FEED_ID_SIZE])
{
    const struct http_context *context = &req->server->context;
    char log_key[FEED_KEY_SIZE], info_key[FEED_KEY_SIZE], most[16], epoch[EPOCH_LEN + 1];
    struct bus_reply *reply = NULL;
    snprintf(log_key, sizeof log_key, FEED_LOG_KEY, channel);
    snprintf(info_key, sizeof info_key, FEED_INFO_KEY, channel);
    snprintf(most, sizeof most, "%u", context->config->feed_log);
    id_random(epoch, EPOCH_LEN);
    const struct span keys[] = {span_of(log_key), span_of(info_key)};
    const struct span args[] = {span_of(channel), tail, span_of(most), span_of(epoch)};
    if (bus_pool_script(context->pool, BUS_SCRIPT_EVENT, keys, 2, args, 4, &reply)) {
        return false;
    }
    bool ok = span_copy(bus_reply_text(reply), id, FEED_ID_SIZE) && *id;
    bus_reply_free(reply);
    return ok;
}

/* Can what will stand on the channel, its first brace added, be read there? It is one deeper than the body. */
static bool readable(struct span json)
{
    size_t count, error_at;
    return json_members(json, NULL, 0, &count, &error_at) == 0;
}

static void answer_published(struct request *req, const char *id)
{
    struct buf json;
    metric_add(METRIC_PUBLISHED, 1);
    buf_init(&json);
    buf_printf(&json, "{\"id\":\"%s\"}", id);
    answer_json(req, 202, &json);
}

static void take_event(struct request *req, const char *channel, struct span body)
{
    char id[FEED_ID_SIZE];
    struct event event;
    struct buf json;
    event_read(span_of(channel), body, &event);
    buf_init(&json);
    buf_append_char(&json, '{');
    event_write_tail(&json, span_of(channel), &event, clock_wall_ms());
    if (json.failed) {
        metric_add(METRIC_OUT_OF_MEMORY, 1);
        answer_error(req, "internal");
    } else if (!readable(buf_span(&json))) {
        answer_error(req, "bad_event");
    } else if (!publish(req, channel, (struct span){json.data + 1, json.len - 1}, id)) {
        answer_error(req, "unavailable");
    } else {
        log_debug("http", "event %s of %s by %s, %zu bytes", id, channel, req->claims.user_id,
                  body.n);
        answer_published(req, id);
    }
    buf_finish(&json);
}

void events_post(struct request *req)
{
    struct buf body;
    const char *channel = find_channel(req);
    if (!channel) {
        return;
    }
    if (!head_is_type(request_header(req, "Content-Type"), "application/json")) {
        answer_error(req, "unsupported_media_type");
        return;
    }
    buf_init(&body);
    if (body_bytes(req, req->server->context.config->message_max, TRANSFER_RECEIVE_RATE, &body)) {
        if (utf8_valid(body.data, body.len) && json_valid(buf_span(&body))) {
            take_event(req, channel, buf_span(&body));
        } else {
            answer_error(req, "bad_event");
        }
    }
    buf_finish(&body);
}
