/*
 * How failures are slowed down: the rule, and one process's own memory of them, which stands in while
 * Redis cannot be asked. src/bus/lua/attempt.lua is the same for all servers together.
 *
 * Two things are counted. Failures of one account from one place: after SLOW_FREE of them each makes the
 * next try wait, twice as long as the one before. And buckets, of everything that one address or one
 * account tries: so many at once, then one more now and then. A try is charged before it is made and
 * settled when its outcome is known, so that tries made at the same time count each.
 *
 * Memory is fixed: when it is full, what is owed least gives way. Any thread.
 */
#ifndef LECTERN_ACCOUNT_SLOW_H
#define LECTERN_ACCOUNT_SLOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

#define SLOW_FREE 5            /* failures of an account from one place before one has to wait: */
#define SLOW_BASE_MS 1000      /* this long first, */
#define SLOW_LONGEST_MS 300000 /* never longer than this */
#define SLOW_FORGET_MS 3600000 /* and nothing is known any more after this */
#define SLOW_BUCKETS 2         /* of one try at most */
#define SLOW_PLACES 4096       /* accounts, places and addresses remembered */

struct slow_bucket {
    struct span key;
    uint32_t burst;     /* tries at once */
    uint32_t refill_ms; /* and one more after this */
};

/* What a try is counted by. */
struct slow_try {
    struct span failures; /* an account and a place; empty: only the buckets count */
    struct slow_bucket buckets[SLOW_BUCKETS];
    size_t bucket_count;
};

enum slow_outcome {
    SLOW_RIGHT,   /* its failures are forgotten */
    SLOW_UNTRIED, /* it was not looked at: only what was charged is taken back */
};

/* How long to wait after so many failures in a row, ms. */
int64_t slow_delay_ms(unsigned failures);

struct slow;

struct slow *slow_create(void);       /* NULL: no memory */
void slow_destroy(struct slow *slow); /* accepts NULL */

/* 0: it may be tried and has been charged. Else the ms to wait. `now_ms` is monotonic. */
int64_t slow_attempt(struct slow *slow, const struct slow_try *what, int64_t now_ms)
    __attribute__((warn_unused_result));

/* Not for wrong ones: those stay charged. */
void slow_settle(struct slow *slow, const struct slow_try *what, enum slow_outcome outcome,
                 int64_t now_ms);

#endif
