/* The feeds of one loop: their channels, the link's events, and the once-a-second chores. */
#include "feed/internal.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"

#define TICK_MS 1000

struct feeds *feeds_create(struct loop *loop, const struct config *config)
{
    struct feeds *feeds = calloc(1, sizeof *feeds);
    if (!feeds) {
        return NULL;
    }
    feeds->loop = loop;
    feeds->config = config;
    while (config->feed_channels[feeds->channel_count]) {
        feeds->channel_count++;
    }
    feeds->channels = calloc(feeds->channel_count + 1, sizeof *feeds->channels);
    if (!feeds->channels) {
        free(feeds);
        return NULL;
    }
    for (unsigned i = 0; i < feeds->channel_count; i++) {
        struct channel *channel = &feeds->channels[i];
        channel->feeds = feeds;
        channel->index = i;
        channel->name = span_of(config->feed_channels[i]);
        snprintf(channel->log_key, FEED_KEY_SIZE, FEED_LOG_KEY, config->feed_channels[i]);
        snprintf(channel->info_key, FEED_KEY_SIZE, FEED_INFO_KEY, config->feed_channels[i]);
    }
    return feeds;
}

void feeds_set_bus(struct feeds *feeds, struct bus *bus)
{
    feeds->bus = bus;
}

void feeds_destroy(struct feeds *feeds)
{
    if (feeds) {
        free(feeds->followers);
        free(feeds->channels);
        free(feeds);
    }
}

/* ---- the link ---- */

bool feeds_own(void *arg, struct span channel)
{
    const struct feeds *feeds = arg;
    if (channel.n > 5 && memcmp(channel.p, "room:", 5) == 0) {
        return false; /* as is nearly all that comes */
    }
    return feed_channel_find(feeds->config->feed_channels, channel) >= 0;
}

static void link_up(void *arg)
{
    struct feeds *feeds = arg;
    for (unsigned i = 0; i < feeds->channel_count; i++) {
        channel_down(&feeds->channels[i]);
        channel_subscribe(&feeds->channels[i]);
    }
}

static void link_down(void *arg)
{
    struct feeds *feeds = arg;
    for (unsigned i = 0; i < feeds->channel_count; i++) {
        channel_down(&feeds->channels[i]);
    }
}

static struct channel *find(struct feeds *feeds, struct span name)
{
    int index = feed_channel_find(feeds->config->feed_channels, name);
    return index < 0 ? NULL : &feeds->channels[index];
}

static void link_subscribed(void *arg, struct span name)
{
    struct channel *channel = find(arg, name);
    if (channel) {
        channel_subscribed(channel);
    }
}

static void link_message(void *arg, struct span name, struct span payload)
{
    struct channel *channel = find(arg, name);
    if (channel) {
        channel_receive(channel, payload);
    }
}

static void link_control(void *arg, struct span payload)
{
    (void)arg, (void)payload; /* none is for feeds */
}

const struct bus_events feeds_bus_events = {link_up, link_down, link_subscribed, link_message,
                                            link_control};

/* ---- chores ---- */

static void tick(uv_timer_t *timer)
{
    struct feeds *feeds = timer->data;
    int64_t now_ms = clock_wall_ms();
    for (unsigned i = 0; i < feeds->channel_count; i++) {
        channel_retry(&feeds->channels[i]);
    }
    for (size_t i = 0; i < feeds->count; i++) {
        follower_check(feeds->followers[i], now_ms);
    }
}

void feeds_start(struct feeds *feeds)
{
    uv_timer_init(loop_uv(feeds->loop), &feeds->timer);
    feeds->timer.data = feeds;
    uv_timer_start(&feeds->timer, tick, TICK_MS, TICK_MS);
}

void feeds_stop(struct feeds *feeds)
{
    uv_close((uv_handle_t *)&feeds->timer, NULL);
}
