/*
 * Followers: welcome, live events, and what becomes of those who read slowly. An event goes to the socket
 * while little waits there, else into the follower's queue, which forgets its oldest. What was forgotten is
 * told in front of what comes after it.
 */
#include "feed/internal.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/json.h"
#include "core/metrics.h"

static bool add(struct feeds *feeds, struct follower *follower)
{
    if (feeds->count == feeds->cap) {
        size_t cap = feeds->cap ? feeds->cap * 2 : 16;
        struct follower **followers = realloc(feeds->followers, cap * sizeof(struct follower *));
        if (!followers) {
            return false;
        }
        feeds->followers = followers;
        feeds->cap = cap;
    }
    follower->index = feeds->count;
    feeds->followers[feeds->count++] = follower;
    return true;
}

void follower_free(struct follower *follower)
{
    feed_queue_finish(&follower->queue);
    free(follower->wish);
    free(follower->seen);
    free(follower);
}

struct follower *follower_create(struct feeds *feeds, const struct feed_wish *wish,
                                 int64_t expires_ms, const struct receiver_ops *ops, void *socket)
{
    unsigned channels = feeds->channel_count;
    struct follower *follower =
        calloc(1, sizeof *follower + (channels + 1) * sizeof follower->dropped[0]);
    if (!follower) {
        return NULL;
    }
    *follower = (struct follower){.feeds = feeds,
                                  .ops = ops,
                                  .socket = socket,
                                  .expires_ms = expires_ms,
                                  .channels = wish->channels};
    feed_queue_init(&follower->queue, feeds->config->queue_max, follower->dropped);
    follower->seen = calloc(channels, sizeof *follower->seen);
    follower->wish = malloc(sizeof *wish);
    if (!follower->seen || !follower->wish || !add(feeds, follower)) {
        follower_free(follower);
        return NULL;
    }
    *follower->wish = *wish;
    metric_add(METRIC_FEED_FOLLOWERS, 1);
    for (unsigned i = 0; i < channels; i++) {
        if (wish->channels & (UINT64_C(1) << i)) {
            channel_follow(&feeds->channels[i]);
        }
    }
    followers_welcome(feeds); /* if all are LIVE already */
    return follower;
}

void follower_gone(struct follower *follower)
{
    struct feeds *feeds = follower->feeds;
    struct follower *last = feeds->followers[--feeds->count];
    feeds->followers[follower->index] = last;
    last->index = follower->index;
    metric_add(METRIC_FEED_FOLLOWERS, -1);
    for (unsigned i = 0; i < feeds->channel_count; i++) {
        if (follower->channels & (UINT64_C(1) << i)) {
            channel_unfollow(&feeds->channels[i]);
        }
    }
    follower->socket = NULL;
    if (!follower->reading) {
        follower_free(follower);
    }
}

void follower_close(struct follower *follower, uint16_t code, const char *reason)
{
    if (!follower->closing) {
        follower->closing = true;
        follower->ops->close(follower->socket, code, reason);
    }
}

/* ---- sending ---- */

bool follower_takes(const struct follower *follower)
{
    return !follower->closing && follower->ops->backlog(follower->socket) <= FEED_BACKLOG_MAX;
}

static void send_now(struct follower *follower, struct frame *frame)
{
    if (follower->ops->deliver(follower->socket, frame, true)) {
        metric_add(METRIC_MESSAGES_OUT, 1);
    }
}

void follower_say(struct follower *follower, const struct buf *json)
{
    struct frame *frame =
        json->failed ? NULL : follower->ops->encode(follower->socket, buf_span(json));
    if (frame) {
        send_now(follower, frame);
        frame_unref(frame);
    } else {
        metric_add(METRIC_OUT_OF_MEMORY, 1);
        follower_close(follower, CLOSE_INTERNAL, "out of memory");
    }
}

/* Says how many events were dropped since this was said last, and of which channels. */
static void tell_dropped(struct follower *follower)
{
    struct feeds *feeds = follower->feeds;
    struct feed_queue *queue = &follower->queue;
    struct buf json;
    uint64_t answers = queue->dropped[feeds->channel_count]; /* are not missed */
    uint64_t count = queue->dropped_total - answers;
    buf_init(&json);
    buf_printf(&json, "{\"type\":\"dropped\",\"data\":{\"count\":%llu,\"channels\":{",
               (unsigned long long)count);
    for (unsigned i = 0; i < feeds->channel_count; i++) {
        if (queue->dropped[i] > 0) {
            json_write_key(&json, feeds->config->feed_channels[i]);
            buf_printf(&json, "%u", queue->dropped[i]);
        }
    }
    buf_printf(&json, "}},\"timestamp\":%lld}", (long long)clock_wall_ms());
    memset(queue->dropped, 0, (feeds->channel_count + 1) * sizeof queue->dropped[0]);
    queue->dropped_total = 0;
    if (count > 0) {
        follower_say(follower, &json);
    }
    buf_finish(&json);
}

/* Sends what waits, as long as the socket takes it. */
static void flush(struct follower *follower)
{
    struct frame *frame;
    if (follower->queue.dropped_total > 0 && follower_takes(follower)) {
        tell_dropped(follower);
    }
    while (follower_takes(follower) && (frame = feed_queue_pop(&follower->queue))) {
        send_now(follower, frame);
        frame_unref(frame);
    }
}

static void put(struct follower *follower, unsigned channel, struct frame *frame)
{
    if (follower->queue.len == 0 && follower->queue.dropped_total == 0 &&
        follower_takes(follower)) {
        send_now(follower, frame);
        return;
    }
    if (!follower->closing) {
        feed_queue_push(&follower->queue, channel, frame);
        flush(follower);
    }
}

void follower_tell(struct follower *follower, struct span json)
{
    struct frame *frame = follower->ops->encode(follower->socket, json);
    if (!frame) {
        metric_add(METRIC_OUT_OF_MEMORY, 1);
        follower_close(follower, CLOSE_INTERNAL, "out of memory");
        return;
    }
    put(follower, follower->feeds->channel_count, frame);
    frame_unref(frame);
}

void follower_drained(struct follower *follower)
{
    flush(follower);
    feed_replay_more(follower);
}

void follower_check(struct follower *follower, int64_t now_ms)
{
    if (follower->expires_ms > 0 && follower->expires_ms <= now_ms) {
        follower_close(follower, CLOSE_TOKEN_EXPIRED, "token expired");
    }
    feed_replay_more(follower);
}

/* ---- the welcome ---- */

static bool all_live(const struct follower *follower)
{
    const struct feeds *feeds = follower->feeds;
    for (unsigned i = 0; i < feeds->channel_count; i++) {
        if ((follower->channels & (UINT64_C(1) << i)) && feeds->channels[i].state != CHANNEL_LIVE) {
            return false;
        }
    }
    return true;
}

static void write_welcome(const struct follower *follower, struct buf *json)
{
    const struct feeds *feeds = follower->feeds;
    char id[FEED_ID_SIZE];
    buf_append_text(json, "{\"type\":\"welcome\",\"data\":{\"channels\":[");
    for (unsigned i = 0, n = 0; i < feeds->channel_count; i++) {
        if (follower->channels & (UINT64_C(1) << i)) {
            buf_append_text(json, n++ ? "," : "");
            json_write_string(json, feeds->channels[i].name);
        }
    }
    buf_append_text(json, "],\"last\":{");
    for (unsigned i = 0; i < feeds->channel_count; i++) {
        if (follower->channels & (UINT64_C(1) << i)) {
            feed_id_write(&feeds->channels[i].last, id);
            json_write_key(json, feeds->config->feed_channels[i]);
            json_write_string(json, span_of(id));
        }
    }
    buf_printf(json, "},\"ping\":%u},\"timestamp\":%lld}", feeds->config->ping_s,
               (long long)clock_wall_ms());
}

static void welcome(struct follower *follower)
{
    struct buf json;
    buf_init(&json);
    write_welcome(follower, &json);
    follower_say(follower, &json);
    buf_finish(&json);
    feed_replay_begin(follower);
}

void followers_welcome(struct feeds *feeds)
{
    for (size_t i = 0; i < feeds->count; i++) {
        struct follower *follower = feeds->followers[i];
        if (follower->wish && !follower->closing && all_live(follower)) {
            welcome(follower);
        }
    }
}

/* ---- to all ---- */

/* Is the event for this follower, live? What it reads from the log it will meet there. */
static bool wants(struct follower *follower, unsigned channel, const struct feed_position *at)
{
    uint64_t bit = UINT64_C(1) << channel;
    if (!(follower->channels & bit) || follower->wish || follower->closing) {
        return false;
    }
    if (!at) {
        return true;
    }
    if ((follower->replaying & bit) || feed_position_compare(*at, follower->seen[channel]) <= 0) {
        return false;
    }
    return true;
}

/* A log that was trimmed before it was read does not have all that comes before this event. */
static void move_on(struct follower *follower, const struct channel *channel,
                    const struct feed_position *at)
{
    struct feed_id seen = channel->last;
    seen.at = follower->seen[channel->index];
    follower->seen[channel->index] = *at;
    if (at->number > seen.at.number + 1) {
        feed_tell_gap(follower, channel, &seen, at->number - seen.at.number - 1);
    }
}

void followers_hand(struct channel *channel, struct span json, const struct feed_position *at)
{
    struct feeds *feeds = channel->feeds;
    struct frame *frames[RECEIVER_VARIANTS] = {NULL};
    for (size_t i = 0; i < feeds->count; i++) {
        struct follower *follower = feeds->followers[i];
        if (!wants(follower, channel->index, at)) {
            continue;
        }
        if (at) {
            move_on(follower, channel, at);
        }
        struct frame **frame = &frames[follower->ops->variant];
        if (!*frame) {
            *frame = follower->ops->encode(follower->socket, json);
        }
        if (*frame) {
            put(follower, channel->index, *frame);
        } else {
            feed_queue_skip(&follower->queue, channel->index);
            flush(follower);
        }
    }
    for (unsigned i = 0; i < RECEIVER_VARIANTS; i++) {
        frame_unref(frames[i]);
    }
}

void followers_skip(struct channel *channel)
{
    struct feeds *feeds = channel->feeds;
    for (size_t i = 0; i < feeds->count; i++) {
        if (wants(feeds->followers[i], channel->index, NULL)) {
            feed_queue_skip(&feeds->followers[i]->queue, channel->index);
            flush(feeds->followers[i]);
        }
    }
}

void followers_begin(struct channel *channel, const struct feed_id *before, bool heard)
{
    struct feeds *feeds = channel->feeds;
    uint64_t bit = UINT64_C(1) << channel->index;
    for (size_t i = 0; i < feeds->count; i++) {
        struct follower *follower = feeds->followers[i];
        struct feed_id since = *before;
        since.at = follower->seen[channel->index];
        follower->seen[channel->index] = (struct feed_position){0};
        if (follower->page == channel->index) {
            follower->passed = (struct feed_position){0};
        }
        if ((follower->channels & bit) && !follower->wish && !follower->closing &&
            (!heard || (follower->replaying & bit))) {
            feed_tell_gap(follower, channel, &since, 0);
        }
    }
}

void followers_rewind(struct channel *channel)
{
    struct feeds *feeds = channel->feeds;
    for (size_t i = 0; i < feeds->count; i++) {
        struct follower *follower = feeds->followers[i];
        struct feed_position *seen = &follower->seen[channel->index];
        if (feed_position_compare(*seen, channel->last.at) > 0) {
            *seen = channel->last.at;
        }
        if (follower->page == channel->index) {
            follower->passed = (struct feed_position){0};
        }
    }
}
