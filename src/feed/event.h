/*
 * What a publication on a feed's channel is, and the one form in which clients get it:
 *
 *   {["id":"…",]"type":"<channel>","data":<JSON>,"timestamp":<ms>}
 *
 * - An object with exactly `type` (the channel's name), `data` and `timestamp` (ms, not below 0) has that form
 *   already: its `data` and `timestamp` are taken. With an `id` of our form besides it is one that Lectern
 *   published (POST /events); whether that is so is for the caller to find out.
 * - Any other JSON is `data`, byte for byte, without the blanks around it.
 * - What is no JSON (or nested deeper than JSON_DEPTH_MAX) is `data` as a string.
 *
 * Pure functions, any thread.
 */
#ifndef LECTERN_FEED_EVENT_H
#define LECTERN_FEED_EVENT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "feed/position.h"

struct event {
    struct feed_id id; /* at.number is 0 when it has none */
    struct span data;  /* JSON, or what is to be a JSON string */
    bool is_text;
    int64_t timestamp; /* its own, or -1 */
};

/*
 * Appends `payload` with each byte that is not part of valid UTF-8 replaced by U+FFFD (of a sequence that
 * breaks off: once). To be used where utf8_valid() says no.
 */
void event_repair(struct buf *out, struct span payload);

/* Looks at a payload, which is valid UTF-8; `out` borrows from it. */
void event_read(struct span channel, struct span payload, struct event *out);

/*
 * Appends the form above, with the id if there is one. A `timestamp` of -1 becomes `now_ms`. Without its
 * first `{` and the id it is what the script in bus/lua/event.lua is given: see event_write_tail().
 */
void event_write(struct buf *out, struct span channel, const struct event *event, int64_t now_ms);
void event_write_tail(struct buf *out, struct span channel, const struct event *event,
                      int64_t now_ms);

#endif
