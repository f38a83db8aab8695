/*
 * Token buckets by user; see rates.h. The table is a cache of sets: a user has four places, and when they are
 * taken, the fullest bucket gives way: its user loses least by being forgotten.
 */
#include "http/rates.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/bucket.h"
#include "base/map.h"

#define WAYS 4
#define SETS (RATES_USERS / WAYS)

struct place {
    uint32_t who; /* hash of the user's id; 0: free */
    struct bucket bucket;
};

struct rates {
    pthread_mutex_t lock; /* guards `places` */
    struct place places[SETS][WAYS];
};

struct rates *rates_create(void)
{
    struct rates *rates = calloc(1, sizeof *rates);
    if (rates) {
        pthread_mutex_init(&rates->lock, NULL);
    }
    return rates;
}

void rates_destroy(struct rates *rates)
{
    if (rates) {
        pthread_mutex_destroy(&rates->lock);
        free(rates);
    }
}

/* What a bucket holds by now. */
static double left(const struct place *place, const struct config_rate *rate, int64_t now_ms)
{
    const struct bucket *bucket = &place->bucket;
    if (place->who == 0) {
        return rate->burst;
    }
    double have = bucket->left + (double)(now_ms - bucket->counted_ms) * rate->rate / 1000;
    return have < rate->burst ? have : rate->burst;
}

/* The user's place, or the one of its set whose bucket is fullest. */
static struct place *find(struct rates *rates, uint32_t who, const struct config_rate *rate,
                          int64_t now_ms)
{
    struct place *set = rates->places[who % SETS];
    struct place *fullest = &set[0];
    for (int i = 0; i < WAYS; i++) {
        if (set[i].who == who) {
            return &set[i];
        }
        if (left(&set[i], rate, now_ms) > left(fullest, rate, now_ms)) {
            fullest = &set[i];
        }
    }
    fullest->who = who;
    bucket_fill(&fullest->bucket, rate->burst, now_ms);
    return fullest;
}

unsigned rates_take(struct rates *rates, const char *user_id, const struct config_rate *rate,
                    int64_t now_ms)
{
    uint32_t who = hash_bytes(user_id, strlen(user_id));
    unsigned wait_s = 0;
    pthread_mutex_lock(&rates->lock);
    struct place *place = find(rates, who ? who : 1, rate, now_ms);
    if (!bucket_take(&place->bucket, rate->rate, rate->burst, now_ms)) {
        wait_s = 1 + (unsigned)((1 - place->bucket.left) / rate->rate);
    }
    pthread_mutex_unlock(&rates->lock);
    return wait_s;
}
