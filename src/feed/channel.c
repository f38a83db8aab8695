/* A channel on a loop: its subscription, its log, and what is published on it; see internal.h. */
#include "feed/internal.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/utf8.h"
#include "core/log.h"
#include "core/metrics.h"

static void load(struct channel *channel);

/* ---- the subscription ---- */

void channel_subscribe(struct channel *channel)
{
    struct bus *bus = channel->feeds->bus;
    if (channel->state == CHANNEL_SUBSCRIBING && !channel->asked && bus_is_up(bus)) {
        channel->asked = bus_subscribe(bus, channel->name) == 0;
    }
}

void channel_follow(struct channel *channel)
{
    if (channel->followers++ == 0) {
        channel->state = CHANNEL_SUBSCRIBING;
        channel->known = channel->asked = false;
        channel_subscribe(channel);
    }
}

void channel_unfollow(struct channel *channel)
{
    if (--channel->followers == 0) {
        bus_unsubscribe(channel->feeds->bus, channel->name);
        channel->state = CHANNEL_IDLE;
        channel->known = channel->asked = false;
    }
}

void channel_subscribed(struct channel *channel)
{
    if (channel->state == CHANNEL_SUBSCRIBING) {
        channel->state = CHANNEL_LOADING;
        load(channel);
    }
}

void channel_down(struct channel *channel)
{
    if (channel->state != CHANNEL_IDLE) {
        channel->state = CHANNEL_SUBSCRIBING;
        channel->asked = channel->doubted = false;
    }
}

void channel_retry(struct channel *channel)
{
    channel_subscribe(channel);
    if (channel->state == CHANNEL_LOADING && !channel->busy) {
        load(channel);
    }
}

/* ---- the log ---- */

int channel_read_log(const struct channel *channel, struct feed_position at, bus_reply_fn *fn,
                     void *arg)
{
    char after[FEED_ID_SIZE];
    snprintf(after, sizeof after, "(%" PRIu64 "-%" PRIu64, at.ms, at.number);
    const struct span argv[] = {span_of("XRANGE"), span_of(channel->log_key), span_of(after),
                                span_of("+"),      span_of("COUNT"),          span_of(FEED_PAGE)};
    return bus_command(channel->feeds->bus, argv, sizeof argv / sizeof argv[0], fn, arg);
}

bool channel_entry(const struct channel *channel, const struct bus_reply *entry,
                   struct event *event, struct span *json)
{
    struct feed_position at;
    if (!feed_position_read(bus_reply_text(bus_reply_at(entry, 0)), &at)) {
        return false;
    }
    *json = bus_reply_text(bus_reply_at(bus_reply_at(entry, 1), 1));
    if (!utf8_valid(json->p, json->n)) {
        return false;
    }
    event_read(channel->name, *json, event);
    return event->id.at.number > 0 && feed_position_compare(event->id.at, at) == 0;
}

bool channel_read_failed(const struct bus_reply *reply)
{
    struct span text = bus_reply_text(reply);
    bool other_kind = text.n >= 9 && memcmp(text.p, "WRONGTYPE", 9) == 0;
    return !reply || (bus_reply_type(reply) == BUS_ERROR && !other_kind);
}

/* All that the log has is known: new followers may be welcomed, events come from the channel. */
static void go_live(struct channel *channel)
{
    channel->state = CHANNEL_LIVE;
    channel->doubted = channel->strays = false;
    followers_welcome(channel->feeds);
}

/*
 * A read has returned; false if its reply is of no interest (it may be from before the subscription), or there
 * is none: then the tick tries again.
 */
static bool read_ended(struct channel *channel, const struct bus_reply *reply)
{
    bool again = channel->again;
    channel->busy = channel->again = false;
    if (channel->state != CHANNEL_LOADING) {
        return false;
    }
    if (again) {
        load(channel);
        return false;
    }
    return !channel_read_failed(reply);
}

static void read_page(struct channel *channel);

/* Hands an entry of the log on; false if it seems to be of a log that has begun since. */
static bool take_entry(struct channel *channel, const struct bus_reply *entry)
{
    struct event event;
    struct span json;
    if (!feed_position_read(bus_reply_text(bus_reply_at(entry, 0)), &channel->cursor) ||
        !channel_entry(channel, entry, &event, &json)) {
        return true; /* somebody else wrote it */
    }
    if (strcmp(event.id.epoch, channel->last.epoch) != 0) {
        return channel->strays; /* then it was asked already, and is none of this log */
    }
    channel->last.at = event.id.at;
    channel->doubted = false;
    followers_hand(channel, json, &event.id.at);
    return true;
}

static void page_read(void *arg, const struct bus_reply *reply)
{
    struct channel *channel = arg;
    if (!read_ended(channel, reply)) {
        return;
    }
    size_t count = bus_reply_len(reply); /* none if somebody has put something else in its place */
    for (size_t i = 0; i < count; i++) {
        if (!take_entry(channel, bus_reply_at(reply, i))) {
            channel->strays = true;
            load(channel);
            return;
        }
    }
    if (count > 0) {
        read_page(channel);
        return;
    }
    if (channel->brought != channel->covered) {
        load(channel); /* it may have been the first of another log */
        return;
    }
    if (channel->doubted) {
        metric_add(METRIC_FOREIGN_IGNORED, 1); /* it is not in the log: somebody made the id up */
    }
    go_live(channel);
}

/* What has been published since `cursor`: all that the channel has brought until now is in the log. */
static void read_page(struct channel *channel)
{
    channel->covered = channel->brought;
    channel->busy = channel_read_log(channel, channel->cursor, page_read, channel) == 0;
}

/* The log is another one than that of `last`. Was all of the old one heard before it ended? */
static void begin(struct channel *channel, const struct feed_id *now)
{
    struct feed_id before = channel->last;
    bool heard =
        channel->doubted || !*before.epoch; /* by the first of the new one, or there was none */
    memcpy(channel->last.epoch, now->epoch, sizeof now->epoch);
    channel->last.at = (struct feed_position){0};
    channel->strays = false;
    followers_begin(channel, &before, heard);
}

static void info_read(void *arg, const struct bus_reply *reply)
{
    struct channel *channel = arg;
    struct feed_id now = {0};
    if (!read_ended(channel, reply)) {
        return;
    }
    struct span epoch = bus_reply_text(bus_reply_at(reply, 0));
    struct span last = bus_reply_text(bus_reply_at(reply, 1));
    if (epoch.n == EPOCH_LEN && feed_position_read(last, &now.at)) {
        memcpy(now.epoch, epoch.p, EPOCH_LEN);
    }
    if (!channel->known) {
        channel->last = now;
        channel->known = true;
    } else if (strcmp(now.epoch, channel->last.epoch) != 0) {
        begin(channel, &now);
    } else if (feed_position_compare(now.at, channel->last.at) < 0) {
        channel->last =
            now; /* Redis has lost its newest; what takes their place may be dated earlier */
        followers_rewind(channel);
    }
    channel->cursor = channel->last.at;
    read_page(channel);
}

static void load(struct channel *channel)
{
    const struct span argv[] = {span_of("HMGET"), span_of(channel->info_key), span_of("epoch"),
                                span_of("last")};
    if (channel->busy) {
        channel->again = true;
        return;
    }
    channel->busy = bus_command(channel->feeds->bus, argv, 4, info_read, channel) == 0;
}

/* ---- what is published ---- */

/* `json` is the event as clients get it. */
static void take_numbered(struct channel *channel, const struct event *event, struct span json)
{
    const struct feed_position *at = &event->id.at;
    struct feed_id *last = &channel->last;
    if (channel->state != CHANNEL_LIVE) {
        channel->brought++; /* the log has it: one more read brings it */
        return;
    }
    bool same = strcmp(event->id.epoch, last->epoch) == 0;
    if (same && feed_position_compare(*at, last->at) <= 0) {
        return;
    }
    if (!same || at->number > last->at.number + 1) {
        channel->state = CHANNEL_LOADING;
        channel->doubted = true;
        load(channel);
        return;
    }
    last->at = *at;
    followers_hand(channel, json, at);
}

static void take(struct channel *channel, struct span payload)
{
    struct event event;
    struct buf json;
    buf_init(&json);
    event_read(channel->name, payload, &event);
    event_write(&json, channel->name, &event, clock_wall_ms());
    if (json.failed) {
        metric_add(METRIC_OUT_OF_MEMORY, 1);
        followers_skip(channel);
    } else if (event.id.at.number > 0) {
        take_numbered(channel, &event, buf_span(&json));
    } else {
        followers_hand(channel, buf_span(&json), NULL);
    }
    buf_finish(&json);
}

void channel_receive(struct channel *channel, struct span payload)
{
    /* What goes around the data of an event from POST /events is not counted there. */
    size_t most = (size_t)channel->feeds->config->message_max + FEED_KEY_SIZE + 2 * FEED_ID_SIZE;
    if (channel->state == CHANNEL_IDLE) {
        return;
    }
    metric_add(METRIC_FEED_EVENTS, 1);
    if (payload.n > most) {
        log_warn("feed", "%s: an event of %zu bytes is too large", channel->name.p, payload.n);
        followers_skip(channel);
    } else if (utf8_valid(payload.p, payload.n)) {
        take(channel, payload);
    } else {
        struct buf repaired;
        buf_init(&repaired);
        event_repair(&repaired, payload);
        metric_add(METRIC_FEED_REPAIRED, 1);
        if (!repaired.failed) {
            take(channel, buf_span(&repaired));
        } else {
            followers_skip(channel);
        }
        buf_finish(&repaired);
    }
}
