/*
 * UTF-8 checking (RFC 3629), whole or piece by piece. Overlong forms, surrogates and anything above
 * U+10FFFF are refused at the first byte that cannot be part of valid text.
 *
 * Pure: no allocation, no locale; callable from every thread.
 */
#ifndef LECTERN_BASE_UTF8_H
#define LECTERN_BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Where a validator stands between two pieces of text. */
struct utf8_state {
    uint8_t need; /* continuation bytes that the open code point still wants; 0 = none is open */
    uint8_t low;  /* the next continuation byte lies in low..high; valid while need > 0 */
    uint8_t high;
};

void utf8_init(struct utf8_state *state);

/*
 * Takes the next piece. False as soon as the text so far cannot become valid; the state then
 * refuses every further byte until the next utf8_init().
 */
bool utf8_feed(struct utf8_state *state, const void *data, size_t len)
    __attribute__((warn_unused_result));

/* True if what was fed so far does not end inside a code point. */
bool utf8_complete(const struct utf8_state *state);

/* True if data is valid UTF-8 from beginning to end. */
bool utf8_valid(const void *data, size_t len);

/* Number of code points in valid UTF-8. */
size_t utf8_count(const void *data, size_t len);

/*
 * Length of the longest beginning of valid UTF-8 that has at most max bytes and does not cut a code
 * point.
 */
size_t utf8_prefix(const void *data, size_t len, size_t max);

#endif
