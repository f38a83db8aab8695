/* Outstanding (un)subscriptions; see channels.h. */
#include "bus/channels.h"

#include <stdlib.h>

struct pending {
    uint32_t outstanding;
    bool wanted; /* the last of them was SUBSCRIBE */
    bool muted;  /* one of them was UNSUBSCRIBE */
    size_t len;
    char channel[];
};

void channels_init(struct channels *channels)
{
    *channels = (struct channels){0};
    map_init(&channels->pending);
}

void channels_finish(struct channels *channels)
{
    size_t pos = 0;
    for (struct pending *p; (p = map_next(&channels->pending, &pos)) != NULL;) {
        free(p);
    }
    map_finish(&channels->pending);
    channels_init(channels);
}

static struct pending *pending_create(struct channels *channels, struct span channel)
{
    struct pending *p = calloc(1, sizeof *p + channel.n);
    if (!p) {
        return NULL;
    }
    p->len = channel.n;
    if (channel.n > 0) {
        memcpy(p->channel, channel.p, channel.n);
    }
    if (map_put(&channels->pending, (struct span){p->channel, p->len}, p)) {
        free(p);
        return NULL;
    }
    return p;
}

int channels_sent(struct channels *channels, struct span channel, bool wanted, int64_t now_ms)
{
    struct pending *p = map_get(&channels->pending, channel);
    if (!p) {
        p = pending_create(channels, channel);
        if (!p) {
            return -1;
        }
    }
    p->outstanding++;
    p->wanted = wanted;
    p->muted |= !wanted;
    channels->sent++;
    if (channels->mark <= channels->confirmed) {
        channels->mark = channels->sent;
        channels->mark_ms = now_ms;
    }
    return 0;
}

bool channels_confirmed(struct channels *channels, struct span channel, int64_t now_ms)
{
    channels->confirmed++;
    if (channels->confirmed == channels->mark && channels->sent > channels->confirmed) {
        channels->mark = channels->sent;
        channels->mark_ms = now_ms;
    }
    struct pending *p = map_get(&channels->pending, channel);
    if (!p || --p->outstanding > 0) {
        return false;
    }
    map_remove(&channels->pending, channel);
    bool wanted = p->wanted;
    free(p);
    return wanted;
}

bool channels_muted(const struct channels *channels, struct span channel)
{
    if (channels->pending.len == 0) {
        return false; /* the usual case, once per message */
    }
    const struct pending *p = map_get(&channels->pending, channel);
    return p && p->muted;
}

int64_t channels_waiting_since(const struct channels *channels)
{
    return channels->confirmed < channels->mark ? channels->mark_ms : 0;
}
