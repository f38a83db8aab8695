/* The charges of tries, in Redis or at hand; see throttle.h. */
#include "account/throttle.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"

#define NUMBER_MAX 24

struct throttle {
    struct bus_pool *pool;
    struct slow *slow;
};

struct throttle *throttle_create(struct bus_pool *pool)
{
    struct throttle *throttle = calloc(1, sizeof *throttle);
    if (!throttle) {
        return NULL;
    }
    throttle->pool = pool;
    throttle->slow = slow_create();
    if (!throttle->slow) {
        free(throttle);
        return NULL;
    }
    return throttle;
}

void throttle_destroy(struct throttle *throttle)
{
    if (throttle) {
        slow_destroy(throttle->slow);
        free(throttle);
    }
}

static void add_bucket(struct throttle_try *out, const char *key, uint32_t burst,
                       uint32_t refill_ms)
{
    out->counts.buckets[out->counts.bucket_count++] =
        (struct slow_bucket){span_of(key), burst, refill_ms};
}

static void count_by(struct throttle_try *out, const char *account, const char *address,
                     const char *device)
{
    out->counts = (struct slow_try){0};
    out->local = false;
    snprintf(out->keys[0], sizeof out->keys[0], "login:from:%s:%s", account,
             *device ? device : address);
    snprintf(out->keys[1], sizeof out->keys[1], "login:%s:%s", *account ? "address" : "signup",
             address);
    snprintf(out->keys[2], sizeof out->keys[2], "login:account:%s", account);
    if (!*account) {
        add_bucket(out, out->keys[1], THROTTLE_SIGNUP_BURST, THROTTLE_SIGNUP_REFILL_MS);
        return;
    }
    out->counts.failures = span_of(out->keys[0]);
    if (!*device) { /* else its failures alone count: nobody beside it can use up what is its own */
        add_bucket(out, out->keys[1], THROTTLE_ADDRESS_BURST, THROTTLE_ADDRESS_REFILL_MS);
        add_bucket(out, out->keys[2], THROTTLE_ACCOUNT_BURST, THROTTLE_ACCOUNT_REFILL_MS);
    }
}

static size_t write_keys(const struct throttle_try *what, struct span keys[1 + SLOW_BUCKETS])
{
    keys[0] = what->counts.failures.n > 0 ? what->counts.failures : span_of("");
    for (size_t i = 0; i < what->counts.bucket_count; i++) {
        keys[1 + i] = what->counts.buckets[i].key;
    }
    return 1 + what->counts.bucket_count;
}

static struct span write_number(char out[NUMBER_MAX], uint32_t number)
{
    int n = snprintf(out, NUMBER_MAX, "%u", number);
    return (struct span){out, (size_t)n};
}

/* What Redis says, ms to wait; -1: it cannot be asked. */
static int64_t ask_redis(struct throttle *throttle, const struct throttle_try *what)
{
    const uint32_t rule[] = {SLOW_FREE, SLOW_BASE_MS, SLOW_LONGEST_MS, SLOW_FORGET_MS};
    char texts[4 + 2 * SLOW_BUCKETS][NUMBER_MAX];
    struct span args[4 + 2 * SLOW_BUCKETS];
    struct span keys[1 + SLOW_BUCKETS];
    size_t count = 0;
    struct bus_reply *reply;
    for (; count < 4; count++) {
        args[count] = write_number(texts[count], rule[count]);
    }
    for (size_t i = 0; i < what->counts.bucket_count; i++, count += 2) {
        const struct slow_bucket *bucket = &what->counts.buckets[i];
        args[count] = write_number(texts[count], bucket->burst);
        args[count + 1] = write_number(texts[count + 1], bucket->refill_ms);
    }
    size_t key_count = write_keys(what, keys);
    if (bus_pool_script(throttle->pool, BUS_SCRIPT_ATTEMPT, keys, key_count, args, count, &reply)) {
        return -1;
    }
    int64_t wait = bus_reply_int(reply);
    bus_reply_free(reply);
    return wait > 0 ? wait : 0;
}

unsigned throttle_begin(struct throttle *throttle, const char *account, const char *address,
                        const char *device, struct throttle_try *out)
{
    count_by(out, account, address, device);
    int64_t wait = ask_redis(throttle, out);
    if (wait < 0) {
        out->local = true;
        wait = slow_attempt(throttle->slow, &out->counts, clock_mono_ms());
    }
    return (unsigned)((wait + 999) / 1000);
}

void throttle_settle(struct throttle *throttle, const struct throttle_try *what,
                     enum slow_outcome outcome)
{
    char texts[SLOW_BUCKETS][NUMBER_MAX];
    struct span args[1 + SLOW_BUCKETS];
    struct span keys[1 + SLOW_BUCKETS];
    struct bus_reply *reply = NULL;
    if (what->local) {
        slow_settle(throttle->slow, &what->counts, outcome, clock_mono_ms());
        return;
    }
    args[0] = span_of(outcome == SLOW_RIGHT ? "1" : "0");
    for (size_t i = 0; i < what->counts.bucket_count; i++) {
        args[1 + i] = write_number(texts[i], what->counts.buckets[i].refill_ms);
    }
    size_t key_count = write_keys(what, keys);
    /* Where Redis is away by now, the charge stays: it is forgotten by and by. */
    (void)!bus_pool_script(throttle->pool, BUS_SCRIPT_ATTEMPT_SETTLE, keys, key_count, args,
                           key_count, &reply);
    bus_reply_free(reply);
}
