/*
 * Failures and buckets in a table of fixed size, a cache of sets like that of http/limits.c; see
 * slow.h. A place is known by a keyed hash: two that share one are slowed together, which is rare and
 * harmless.
 */
#include "account/slow.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/map.h"

#define WAYS 4
#define SETS (SLOW_PLACES / WAYS)

struct place {
    uint32_t hash;     /* of the key */
    unsigned failures; /* of an account from one place; 0 in buckets */
    int64_t until_ms;  /* wait until then; of a bucket: when nothing is owed any more */
    int64_t forget_ms; /* the place is free from then on */
};

struct slow {
    pthread_mutex_t lock; /* guards `places` */
    struct place places[SETS][WAYS];
};

int64_t slow_delay_ms(unsigned failures)
{
    int64_t delay = SLOW_BASE_MS;
    if (failures < SLOW_FREE) {
        return 0;
    }
    for (unsigned i = SLOW_FREE; i < failures && delay < SLOW_LONGEST_MS; i++) {
        delay *= 2;
    }
    return delay < SLOW_LONGEST_MS ? delay : SLOW_LONGEST_MS;
}

struct slow *slow_create(void)
{
    struct slow *slow = calloc(1, sizeof *slow);
    if (slow) {
        pthread_mutex_init(&slow->lock, NULL);
    }
    return slow;
}

void slow_destroy(struct slow *slow)
{
    if (slow) {
        pthread_mutex_destroy(&slow->lock);
        free(slow);
    }
}

/* What is known of `key`; NULL: nothing. */
static struct place *find(struct slow *slow, struct span key, int64_t now_ms)
{
    uint32_t hash = hash_bytes(key.p, key.n);
    struct place *set = slow->places[hash % SETS];
    for (int i = 0; i < WAYS; i++) {
        if (set[i].forget_ms > now_ms && set[i].hash == hash) {
            return &set[i];
        }
    }
    return NULL;
}

static int64_t owed_ms(const struct place *place, int64_t now_ms)
{
    return place && place->until_ms > now_ms ? place->until_ms - now_ms : 0;
}

/* How much is lost by forgetting it, ms: failures count by the wait that they make, also once it is over. */
static int64_t worth(const struct place *place, int64_t now_ms)
{
    if (place->forget_ms <= now_ms) {
        return 0;
    }
    return place->failures ? place->failures + slow_delay_ms(place->failures)
                           : owed_ms(place, now_ms);
}

/* The place of `key`; a new one takes that of its set which is worth least, of those the oldest. */
static struct place *make(struct slow *slow, struct span key, int64_t now_ms)
{
    struct place *place = find(slow, key, now_ms);
    if (place) {
        return place;
    }
    uint32_t hash = hash_bytes(key.p, key.n);
    struct place *set = slow->places[hash % SETS];
    place = &set[0];
    for (int i = 1; i < WAYS; i++) {
        int64_t less = worth(place, now_ms) - worth(&set[i], now_ms);
        if (less > 0 || (less == 0 && set[i].forget_ms < place->forget_ms)) {
            place = &set[i];
        }
    }
    *place = (struct place){.hash = hash};
    return place;
}

/* What each of the try's places makes it wait; under the lock. */
static int64_t longest_wait(struct slow *slow, const struct slow_try *what, int64_t now_ms)
{
    int64_t wait = 0;
    if (what->failures.n > 0) {
        wait = owed_ms(find(slow, what->failures, now_ms), now_ms);
    }
    for (size_t i = 0; i < what->bucket_count; i++) {
        const struct slow_bucket *bucket = &what->buckets[i];
        int64_t over = owed_ms(find(slow, bucket->key, now_ms), now_ms) -
                       ((int64_t)bucket->burst - 1) * bucket->refill_ms;
        wait = over > wait ? over : wait;
    }
    return wait;
}

static void charge(struct slow *slow, const struct slow_try *what, int64_t now_ms)
{
    for (size_t i = 0; i < what->bucket_count; i++) {
        struct place *place = make(slow, what->buckets[i].key, now_ms);
        place->until_ms = now_ms + owed_ms(place, now_ms) + what->buckets[i].refill_ms;
        place->forget_ms = place->until_ms;
    }
    if (what->failures.n > 0) {
        struct place *place = make(slow, what->failures, now_ms);
        place->failures++;
        place->until_ms = now_ms + slow_delay_ms(place->failures);
        place->forget_ms = now_ms + SLOW_FORGET_MS;
    }
}

int64_t slow_attempt(struct slow *slow, const struct slow_try *what, int64_t now_ms)
{
    pthread_mutex_lock(&slow->lock);
    int64_t wait = longest_wait(slow, what, now_ms);
    if (wait == 0) {
        charge(slow, what, now_ms);
    }
    pthread_mutex_unlock(&slow->lock);
    return wait;
}

/* Takes back what was charged to the try's places, as far as they are still known; under the lock. */
static void take_back(struct slow *slow, const struct slow_try *what, int64_t now_ms)
{
    for (size_t i = 0; i < what->bucket_count; i++) {
        struct place *place = find(slow, what->buckets[i].key, now_ms);
        if (place) {
            place->until_ms -= what->buckets[i].refill_ms;
            place->forget_ms = place->until_ms;
        }
    }
    struct place *place = what->failures.n > 0 ? find(slow, what->failures, now_ms) : NULL;
    if (place) {
        place->failures -= place->failures > 0;
        place->until_ms = 0;
    }
}

void slow_settle(struct slow *slow, const struct slow_try *what, enum slow_outcome outcome,
                 int64_t now_ms)
{
    pthread_mutex_lock(&slow->lock);
    take_back(slow, what, now_ms);
    struct place *place = what->failures.n > 0 ? find(slow, what->failures, now_ms) : NULL;
    if (place && outcome == SLOW_RIGHT) {
        *place = (struct place){0};
    }
    pthread_mutex_unlock(&slow->lock);
}
