/*
 * A histogram of durations for percentiles: 32 linear steps in every power of two (as HdrHistogram has
 * them), so a percentile is off by 1.6 % at most, whatever was measured, in 15 KiB.
 *
 * Pure; not thread-safe.
 */
#ifndef LECTERN_BASE_HISTOGRAM_H
#define LECTERN_BASE_HISTOGRAM_H

#include <stdint.h>

#define HISTOGRAM_STEPS 32
#define HISTOGRAM_SIZE (HISTOGRAM_STEPS * 60)

struct histogram {
    uint64_t counts[HISTOGRAM_SIZE];
    uint64_t total;
    int64_t max_ns; /* exact */
};

void histogram_clear(struct histogram *h);

/* Counts a duration in nanoseconds; a negative one counts as 0. */
void histogram_add(struct histogram *h, int64_t ns);

/* The value below which `share` (0 to 1) of all lie, ns, max_ns at most; 0 when empty. */
int64_t histogram_at(const struct histogram *h, double share);

#endif
