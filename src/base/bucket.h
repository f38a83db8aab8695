/*
 * A token bucket: `rate` per second on average, `burst` at once. Any thread, one at a time; time is
 * whatever clock the caller uses throughout, in milliseconds.
 */
#ifndef LECTERN_BASE_BUCKET_H
#define LECTERN_BASE_BUCKET_H

#include <stdbool.h>
#include <stdint.h>

struct bucket {
    double left;        /* tokens */
    int64_t counted_ms; /* when they were counted last */
};

static inline void bucket_fill(struct bucket *bucket, uint32_t burst, int64_t now_ms)
{
    bucket->left = burst;
    bucket->counted_ms = now_ms;
}

/* Takes one token; false when there is none. */
static inline bool bucket_take(struct bucket *bucket, uint32_t rate, uint32_t burst, int64_t now_ms)
{
    bucket->left += (double)(now_ms - bucket->counted_ms) * rate / 1000;
    bucket->counted_ms = now_ms;
    if (bucket->left > burst) {
        bucket->left = burst;
    }
    if (bucket->left < 1) {
        return false;
    }
    bucket->left -= 1;
    return true;
}

#endif
