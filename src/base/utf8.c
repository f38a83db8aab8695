/*
 * UTF-8 checking.
 *
 * The state machine keeps the range that the next continuation byte must lie in: the ranges after
 * the lead bytes E0, ED, F0 and F4 (RFC 3629 section 4) are all that overlong forms, surrogates and
 * code points above U+10FFFF need. Before it runs, ASCII is skipped eight bytes at a time and whole
 * three-byte sequences (Hangul, most of the rest of the BMP) one sequence at a time.
 */
#include "base/utf8.h"

#include <string.h>

#define ASCII_8 UINT64_C(0x8080808080808080) /* no bit of it is set in eight ASCII bytes */

static inline bool is_continuation(uint8_t byte)
{
    return (byte & 0xC0) == 0x80;
}

/* True if three bytes at p are a code point; may be false for E0, which the state machine looks at.
 */
static inline bool is_three(const uint8_t *p)
{
    return p[0] > 0xE0 && p[0] <= 0xEF && is_continuation(p[1]) && is_continuation(p[2]) &&
           (p[0] != 0xED || p[1] < 0xA0);
}

/* Skips whole code points of the two common kinds; stops at the end or before any other byte. */
static const uint8_t *skip_common(const uint8_t *p, const uint8_t *end)
{
    for (;;) {
        uint64_t word;
        while (end - p >= 8 && (memcpy(&word, p, 8), (word & ASCII_8) == 0))
            p += 8;
        while (p < end && *p < 0x80)
            p++;
        if (end - p < 3 || !is_three(p))
            return p;
        do
            p += 3;
        while (end - p >= 3 && is_three(p));
    }
}

/* Begins a code point at a byte of 0x80 or above. */
static bool open_code_point(struct utf8_state *state, uint8_t lead)
{
    state->low = 0x80;
    state->high = 0xBF;
    if (lead >= 0xC2 && lead <= 0xDF) {
        state->need = 1;
    } else if (lead >= 0xE0 && lead <= 0xEF) {
        state->need = 2;
        if (lead == 0xE0)
            state->low = 0xA0; /* below: overlong */
        else if (lead == 0xED)
            state->high = 0x9F; /* above: surrogates */
    } else if (lead >= 0xF0 && lead <= 0xF4) {
        state->need = 3;
        if (lead == 0xF0)
            state->low = 0x90; /* below: overlong */
        else if (lead == 0xF4)
            state->high = 0x8F; /* above: past U+10FFFF */
    } else {
        return false;
    }
    return true;
}

/* An empty range: no byte fits any more. */
static bool refuse(struct utf8_state *state)
{
    *state = (struct utf8_state){.need = 1, .low = 1, .high = 0};
    return false;
}

void utf8_init(struct utf8_state *state)
{
    *state = (struct utf8_state){0};
}

bool utf8_feed(struct utf8_state *state, const void *data, size_t len)
{
    if (len == 0)
        return true;
    const uint8_t *p = data;
    const uint8_t *end = p + len;
    while (p < end) {
        if (state->need > 0) {
            if (*p < state->low || *p > state->high)
                return refuse(state);
            state->need--;
            state->low = 0x80;
            state->high = 0xBF;
            p++;
            continue;
        }
        p = skip_common(p, end);
        if (p < end && !open_code_point(state, *p++))
            return refuse(state);
    }
    return true;
}

bool utf8_complete(const struct utf8_state *state)
{
    return state->need == 0;
}

bool utf8_valid(const void *data, size_t len)
{
    struct utf8_state state;
    utf8_init(&state);
    return utf8_feed(&state, data, len) && utf8_complete(&state);
}

size_t utf8_count(const void *data, size_t len)
{
    const uint8_t *bytes = data;
    size_t count = 0;
    for (size_t i = 0; i < len; i++)
        count += !is_continuation(bytes[i]);
    return count;
}

size_t utf8_prefix(const void *data, size_t len, size_t max)
{
    if (len <= max)
        return len;
    const uint8_t *bytes = data;
    while (max > 0 && is_continuation(bytes[max]))
        max--;
    return max;
}
