/* Durations counted in logarithmic buckets; see histogram.h. */
#include "base/histogram.h"

#include <stddef.h>
#include <string.h>

#define STEP_BITS 5u /* HISTOGRAM_STEPS is 2 to that power */

void histogram_clear(struct histogram *h)
{
    memset(h, 0, sizeof *h);
}

static size_t bucket_of(uint64_t ns)
{
    if (ns < 2 * HISTOGRAM_STEPS) {
        return (size_t)ns;
    }
    unsigned shift = 63u - (unsigned)__builtin_clzll(ns) - STEP_BITS;
    return (size_t)shift * HISTOGRAM_STEPS + (size_t)(ns >> shift);
}

/* The middle of a bucket. */
static int64_t value_of(size_t bucket)
{
    if (bucket < 2 * HISTOGRAM_STEPS) {
        return (int64_t)bucket;
    }
    unsigned shift = (unsigned)(bucket / HISTOGRAM_STEPS) - 1;
    uint64_t base = (uint64_t)(bucket - (size_t)shift * HISTOGRAM_STEPS);
    return (int64_t)((base << shift) + ((1ull << shift) >> 1));
}

void histogram_add(struct histogram *h, int64_t ns)
{
    uint64_t value = ns > 0 ? (uint64_t)ns : 0;
    size_t bucket = bucket_of(value);
    h->counts[bucket < HISTOGRAM_SIZE ? bucket : HISTOGRAM_SIZE - 1]++;
    h->total++;
    if (ns > h->max_ns) {
        h->max_ns = ns;
    }
}

int64_t histogram_at(const struct histogram *h, double share)
{
    uint64_t wanted = (uint64_t)((double)h->total * share), seen = 0;
    for (size_t i = 0; i < HISTOGRAM_SIZE && h->total > 0; i++) {
        seen += h->counts[i];
        if (seen > wanted || seen == h->total) {
            int64_t value = value_of(i);
            return value < h->max_ns ? value : h->max_ns;
        }
    }
    return 0;
}
