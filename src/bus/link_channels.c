/*
 * A link's subscriptions: asking for them, handing on what they bring, and the proof that the
 * connection lives; link.c describes the whole.
 *
 * A subscription connection says nothing while nothing is published, and `PING` on one never calls
 * back in hiredis 0.14. So a message with a nonce is published on the server's own channel from
 * time to time; it must come back within the commands' time limit. Other loops of this server,
 * which are subscribed to the same channel, see it too and ignore it.
 */
#include <stdio.h>

#include "base/clock.h"
#include "bus/link_parts.h"
#include "bus/resp.h"

int link_send_subscription(struct bus *bus, bool subscribe, struct span channel)
{
    const struct span argv[] = {span_of(subscribe ? "SUBSCRIBE" : "UNSUBSCRIBE"), channel};
    int64_t now_ms = clock_mono_ms();
    if (!resp_command(&bus->scratch, argv, 2) ||
        channels_sent(&bus->channels, channel, subscribe, now_ms)) {
        return -1;
    }
    link_arm(bus, now_ms + bus->timeout_ms);
    if (adapter_send(bus->subscriptions, &bus->scratch, NULL)) {
        link_fail_soon(bus, "a subscription could not be sent");
        return -1;
    }
    return 0;
}

int bus_subscribe(struct bus *bus, struct span channel)
{
    return bus->state == UP ? link_send_subscription(bus, true, channel) : -1;
}

void bus_unsubscribe(struct bus *bus, struct span channel)
{
    if (bus->state == UP && link_send_subscription(bus, false, channel)) {
        link_fail_soon(bus, "out of memory");
    }
}

int64_t link_live_interval(const struct bus *bus)
{
    return bus->timeout_ms > LIVE_MS ? bus->timeout_ms : LIVE_MS;
}

void link_send_live(struct bus *bus, int64_t now_ms)
{
    char nonce[LIVE_NONCE + 1];
    id_random(nonce, LIVE_NONCE);
    snprintf(bus->live, sizeof bus->live, LIVE_PREFIX "%u.%s", loop_index(bus->loop), nonce);
    const struct span argv[] = {span_of("PUBLISH"), span_of(bus->channel), span_of(bus->live)};
    if (link_issue_scratch(bus, resp_command(&bus->scratch, argv, 3), NULL)) {
        bus->live_sent_ms = now_ms;
    } else {
        link_fail_soon(bus, "out of memory");
    }
}

static void on_control(struct bus *bus, struct span payload)
{
    static const size_t prefix = sizeof LIVE_PREFIX - 1;
    if (payload.n >= prefix && memcmp(payload.p, LIVE_PREFIX, prefix) == 0) {
        if (bus->live_sent_ms != 0 && span_eq(payload, bus->live)) { /* else another loop's */
            bus->live_due_ms = bus->live_sent_ms + link_live_interval(bus);
            bus->live_sent_ms = 0;
        }
    } else if (bus->state == UP) {
        bus->events->control(bus->arg, payload);
    }
}

static void on_confirmed(struct bus *bus, struct span channel)
{
    bool subscribed = channels_confirmed(&bus->channels, channel, clock_mono_ms());
    if (bus->state == SETUP) {
        link_setup_step_done(bus); /* only the server's own channel was asked for */
    } else if (subscribed) {
        bus->events->subscribed(bus->arg, channel);
    }
}

void link_on_push(void *owner, const struct bus_reply *reply, void *tag)
{
    (void)tag;
    struct bus *bus = owner;
    if (bus_reply_type(reply) == BUS_ERROR) {
        link_take_down_by(bus, reply);
        return;
    }
    if (bus_reply_type(reply) != BUS_ARRAY) {
        return; /* AUTH was accepted */
    }
    struct span channel = bus_reply_text(bus_reply_at(reply, 1));
    if (!span_eq(bus_reply_text(bus_reply_at(reply, 0)), "message")) {
        on_confirmed(bus, channel);
    } else if (span_eq(channel, bus->channel)) {
        on_control(bus, bus_reply_text(bus_reply_at(reply, 2)));
    } else if (!channels_muted(&bus->channels, channel)) {
        bus->events->message(bus->arg, channel, bus_reply_text(bus_reply_at(reply, 2)));
    }
}
