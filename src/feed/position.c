/* Positions, ids and what clients ask for; see position.h. */
#include "feed/position.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/ascii.h"
#include "base/number.h"

int feed_position_compare(struct feed_position a, struct feed_position b)
{
    if (a.ms != b.ms) {
        return a.ms < b.ms ? -1 : 1;
    }
    return a.number < b.number ? -1 : a.number > b.number;
}

bool feed_position_read(struct span text, struct feed_position *out)
{
    const char *dash = text.n ? memchr(text.p, '-', text.n) : NULL;
    if (!dash) {
        return false;
    }
    size_t n = (size_t)(dash - text.p);
    return number_read((struct span){text.p, n}, 0, UINT64_MAX, &out->ms) &&
           number_read((struct span){dash + 1, text.n - n - 1}, 0, UINT64_MAX, &out->number);
}

bool feed_id_read(struct span text, struct feed_id *out)
{
    *out = (struct feed_id){0};
    if (span_eq(text, "0")) {
        return true;
    }
    if (text.n < EPOCH_LEN + 2 || text.p[EPOCH_LEN] != '.') {
        return false;
    }
    for (size_t i = 0; i < EPOCH_LEN; i++) {
        if (!ascii_is_lower(text.p[i]) && !(text.p[i] >= '2' && text.p[i] <= '7')) {
            return false;
        }
    }
    memcpy(out->epoch, text.p, EPOCH_LEN);
    struct span rest = {text.p + EPOCH_LEN + 1, text.n - EPOCH_LEN - 1};
    return feed_position_read(rest, &out->at) && out->at.number > 0;
}

void feed_id_write(const struct feed_id *id, char out[FEED_ID_SIZE])
{
    if (!*id->epoch || id->at.number == 0) {
        snprintf(out, FEED_ID_SIZE, "0");
        return;
    }
    snprintf(out, FEED_ID_SIZE, "%s.%" PRIu64 "-%" PRIu64, id->epoch, id->at.ms, id->at.number);
}

int feed_channel_find(char *const *channels, struct span name)
{
    for (int i = 0; channels[i]; i++) {
        if (span_eq(name, channels[i])) {
            return i;
        }
    }
    return -1;
}

uint64_t feed_channels_all(char *const *channels)
{
    uint64_t all = 0;
    for (size_t i = 0; channels[i]; i++) {
        all |= UINT64_C(1) << i;
    }
    return all;
}

/* Takes what stands before the next comma off the front of `list`; false when nothing is left. */
static bool next_item(struct span *list, struct span *item)
{
    if (!list->p) {
        return false;
    }
    const char *comma = list->n ? memchr(list->p, ',', list->n) : NULL;
    *item = (struct span){list->p, comma ? (size_t)(comma - list->p) : list->n};
    *list = comma ? (struct span){comma + 1, list->n - item->n - 1} : (struct span){NULL, 0};
    return true;
}

uint64_t feed_channels_of_claim(char *const *channels, const char *claim)
{
    struct span list = span_of(claim), name;
    uint64_t mask = 0;
    while (*claim && next_item(&list, &name)) {
        int index = feed_channel_find(channels, name);
        if (span_eq(name, "*")) {
            mask = feed_channels_all(channels);
        } else if (index >= 0) {
            mask |= UINT64_C(1) << index;
        }
    }
    return mask;
}

enum feed_wish_result feed_wish_channels(char *const *channels, uint64_t allowed, struct span text,
                                         struct feed_wish *wish)
{
    struct span name;
    wish->channels = text.n ? 0 : allowed;
    while (text.n && next_item(&text, &name)) {
        int index = feed_channel_find(channels, name);
        if (name.n == 0) {
            return FEED_WISH_BAD;
        }
        if (index < 0) {
            return FEED_WISH_UNKNOWN;
        }
        uint64_t bit = UINT64_C(1) << index;
        if (!(allowed & bit)) {
            return FEED_WISH_FORBIDDEN;
        }
        if ((wish->channels & bit) || (text.p && !text.n)) {
            return FEED_WISH_BAD; /* twice, or nothing behind the last comma */
        }
        wish->channels |= bit;
    }
    return wish->channels ? FEED_WISH_OK : FEED_WISH_FORBIDDEN;
}

/* An item of `since`: channels' names may hold colons, ids do not. */
static enum feed_wish_result read_since(char *const *channels, struct span item,
                                        struct feed_wish *wish)
{
    const char *colon = item.n ? memrchr(item.p, ':', item.n) : NULL;
    bool single = (wish->channels & (wish->channels - 1)) == 0;
    size_t name_len = colon ? (size_t)(colon - item.p) : 0;
    struct span text = colon ? (struct span){colon + 1, item.n - name_len - 1} : item;
    struct feed_id id;
    if (!feed_id_read(text, &id) || (!colon && !single)) {
        return FEED_WISH_BAD;
    }
    int index = colon ? feed_channel_find(channels, (struct span){item.p, name_len})
                      : __builtin_ctzll(wish->channels);
    if (index < 0) {
        return FEED_WISH_UNKNOWN;
    }
    uint64_t bit = UINT64_C(1) << index;
    if (wish->resumes & bit) {
        return FEED_WISH_BAD;
    }
    wish->resumes |= bit & wish->channels;
    wish->since[index] = id;
    return FEED_WISH_OK;
}

enum feed_wish_result feed_wish_since(char *const *channels, struct span text,
                                      struct feed_wish *wish)
{
    struct span item;
    wish->resumes = 0;
    while (text.n && next_item(&text, &item)) {
        enum feed_wish_result result = read_since(channels, item, wish);
        if (result) {
            return result;
        }
        if (text.p && !text.n) {
            return FEED_WISH_BAD;
        }
    }
    return FEED_WISH_OK;
}
