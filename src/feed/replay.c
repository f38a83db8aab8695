/*
 * What a follower missed, read from its channels' logs after its welcome, page by page, one channel after
 * the other, at the pace of its socket. Until a channel's log is read to its end the follower gets no
 * numbered events of it live: the log has them.
 */
#include "feed/internal.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/json.h"
#include "core/metrics.h"

void feed_tell_gap(struct follower *follower, const struct channel *channel,
                   const struct feed_id *since, uint64_t missed)
{
    struct buf json;
    char id[FEED_ID_SIZE];
    buf_init(&json);
    feed_id_write(since, id);
    buf_append_text(&json, "{\"type\":\"gap\",\"data\":{\"channel\":");
    json_write_string(&json, channel->name);
    buf_printf(&json, ",\"since\":\"%s\"", id);
    if (missed > 0) {
        buf_printf(&json, ",\"missed\":%" PRIu64, missed);
    }
    buf_printf(&json, "},\"timestamp\":%lld}", (long long)clock_wall_ms());
    metric_add(METRIC_GAPS, 1);
    follower_say(follower, &json);
    buf_finish(&json);
}

static void begin_channel(struct follower *follower, const struct channel *channel,
                          const struct feed_id *since)
{
    const struct feed_id *last = &channel->last;
    uint64_t bit = UINT64_C(1) << channel->index;
    struct feed_position *seen = &follower->seen[channel->index];
    bool other = *since->epoch && strcmp(since->epoch, last->epoch) != 0;
    bool ahead = *since->epoch && !other && feed_position_compare(since->at, last->at) > 0;
    *seen = since->at;
    if (other || ahead) {
        *seen = (struct feed_position){0};
        feed_tell_gap(follower, channel, since, 0);
        follower->gap_told |= bit;
    }
    if (feed_position_compare(*seen, last->at) < 0) {
        follower->replaying |= bit;
    }
}

void feed_replay_begin(struct follower *follower)
{
    struct feeds *feeds = follower->feeds;
    struct feed_wish *wish = follower->wish;
    follower->wish = NULL; /* it is welcome now */
    for (unsigned i = 0; i < feeds->channel_count; i++) {
        uint64_t bit = UINT64_C(1) << i;
        follower->seen[i] = feeds->channels[i].last.at;
        if (wish->resumes & bit) {
            begin_channel(follower, &feeds->channels[i], &wish->since[i]);
        }
    }
    free(wish);
    feed_replay_more(follower);
}

static void replay_entry(struct follower *follower, struct channel *channel,
                         const struct bus_reply *entry)
{
    struct event event;
    struct span json;
    uint64_t bit = UINT64_C(1) << channel->index;
    struct feed_position *seen = &follower->seen[channel->index];
    struct feed_id since = {.at = *seen};
    if (!channel_entry(channel, entry, &event, &json) ||
        strcmp(event.id.epoch, channel->last.epoch) != 0) {
        /* Somebody else's, or of a log that the channel is yet to hear of: it then begins anew for all. */
        (void)!feed_position_read(bus_reply_text(bus_reply_at(entry, 0)), &follower->passed);
        return;
    }
    memcpy(since.epoch, channel->last.epoch, sizeof since.epoch);
    if (!(follower->gap_told & bit) && event.id.at.number > seen->number + 1) {
        feed_tell_gap(follower, channel, &since, event.id.at.number - seen->number - 1);
    }
    follower->gap_told &= ~bit;
    *seen = event.id.at;
    struct frame *frame = follower->ops->encode(follower->socket, json);
    if (!frame) {
        follower_close(follower, CLOSE_INTERNAL, "out of memory");
        return;
    }
    follower->ops->deliver(follower->socket, frame, true);
    frame_unref(frame);
    metric_add(METRIC_REPLAYED, 1);
}

/* The log has nothing more; what the channel has brought meanwhile was in it, unless it was trimmed. */
static void end_channel(struct follower *follower, const struct channel *channel)
{
    struct feed_position *seen = &follower->seen[channel->index];
    if (feed_position_compare(*seen, channel->last.at) < 0) {
        struct feed_id since = {.at = *seen};
        memcpy(since.epoch, channel->last.epoch, sizeof since.epoch);
        feed_tell_gap(
            follower, channel, &since,
            channel->last.at.number > seen->number ? channel->last.at.number - seen->number : 0);
        *seen = channel->last.at;
    }
    follower->replaying &= ~(UINT64_C(1) << channel->index);
}

static void take_page(struct follower *follower, const struct bus_reply *reply)
{
    struct channel *channel = &follower->feeds->channels[follower->page];
    size_t count = bus_reply_len(reply); /* none if somebody has put something else in its place */
    for (size_t i = 0; i < count && follower_takes(follower); i++) { /* the rest is read again */
        replay_entry(follower, channel, bus_reply_at(reply, i));
    }
    bool caught_up = feed_position_compare(follower->seen[channel->index], channel->last.at) >= 0;
    bool nothing_new = feed_position_compare(channel->last.at, follower->asked_at) <= 0;
    if (caught_up || (count == 0 && nothing_new)) {
        end_channel(follower, channel);
    }
}

/* Those whose turn it is read on, as far as there is room for their replies. */
static void next_reads(struct feeds *feeds)
{
    for (size_t i = 0; i < feeds->count && feeds->reads < FEED_READS_MAX; i++) {
        feeds->turn = (feeds->turn + 1) % feeds->count;
        feed_replay_more(feeds->followers[feeds->turn]);
    }
}

static void page_read(void *arg, const struct bus_reply *reply)
{
    struct follower *follower = arg;
    struct feeds *feeds = follower->feeds;
    follower->reading = false;
    feeds->reads--;
    if (!follower->socket) {
        follower_free(follower);
    } else if (!channel_read_failed(reply) && !follower->closing) {
        take_page(follower, reply);
    }
    if (!channel_read_failed(reply)) {
        next_reads(feeds); /* else the tick tries again */
    }
}

void feed_replay_more(struct follower *follower)
{
    struct feeds *feeds = follower->feeds;
    if (!follower->replaying || follower->reading || feeds->reads >= FEED_READS_MAX ||
        follower->queue.len > 0 || !follower_takes(follower)) {
        return;
    }
    unsigned page = (unsigned)__builtin_ctzll(follower->replaying);
    if (page != follower->page) {
        follower->page = page;
        follower->passed = (struct feed_position){0};
    }
    const struct channel *channel = &feeds->channels[page];
    struct feed_position at = follower->seen[page];
    if (feed_position_compare(at, follower->passed) < 0) {
        at = follower->passed;
    }
    follower->asked_at = channel->last.at;
    if (channel_read_log(channel, at, page_read, follower) == 0) {
        follower->reading = true;
        feeds->reads++;
    }
}
