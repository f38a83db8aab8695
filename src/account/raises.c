/* A list in an array, and the thread that empties it; see raises.h. */
#include "account/raises.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "account/generation.h"
#include "base/id.h"
#include "core/log.h"

struct raise {
    char id[ID_MAX + 1];
    uint32_t generation;
};

struct raises {
    struct bus_pool *pool;
    int64_t keep_ms;
    pthread_t thread;
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t wake;  /* there is something to do, or the end */
    bool ending;
    atomic_size_t count; /* read without the lock where it is 0 nearly always */
    struct raise list[RAISES_MAX];
};

/* Under the lock. */
static struct raise *find(struct raises *raises, const char *id)
{
    for (size_t i = 0; i < raises->count; i++) {
        if (strcmp(raises->list[i].id, id) == 0) {
            return &raises->list[i];
        }
    }
    return NULL;
}

/* Tells the first one; false: Redis cannot be told. Under the lock, which is not held meanwhile. */
static bool tell_first(struct raises *raises)
{
    struct raise first = raises->list[0];
    pthread_mutex_unlock(&raises->lock);
    bool told = generation_raise(raises->pool, first.id, first.generation, raises->keep_ms) !=
                GENERATION_AWAY;
    pthread_mutex_lock(&raises->lock);
    if (told && raises->list[0].generation == first.generation) { /* only this thread moves them */
        log_info("account", "%s: Redis knows by now that tokens before generation %u are void",
                 first.id, first.generation);
        raises->list[0] = raises->list[raises->count - 1];
        raises->count--;
    }
    return told;
}

/* Until the next attempt or the end; under the lock. */
static void pause_retry(struct raises *raises)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += RAISES_RETRY_MS / 1000;
    while (!raises->ending && pthread_cond_timedwait(&raises->wake, &raises->lock, &until) == 0) {
    }
}

static void *run(void *arg)
{
    struct raises *raises = arg;
    pthread_mutex_lock(&raises->lock);
    while (!raises->ending) {
        if (raises->count == 0) {
            pthread_cond_wait(&raises->wake, &raises->lock);
        } else if (!tell_first(raises)) {
            pause_retry(raises);
        }
    }
    while (raises->count > 0 && tell_first(raises)) {
    }
    if (raises->count > 0) {
        log_warn("account", "%zu raises of generations could not be told to Redis",
                 (size_t)raises->count);
    }
    pthread_mutex_unlock(&raises->lock);
    return NULL;
}

struct raises *raises_create(struct bus_pool *pool, int64_t keep_ms)
{
    pthread_condattr_t monotonic;
    struct raises *raises = calloc(1, sizeof *raises);
    if (!raises) {
        return NULL;
    }
    raises->pool = pool;
    raises->keep_ms = keep_ms;
    pthread_mutex_init(&raises->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&raises->wake, &monotonic);
    pthread_condattr_destroy(&monotonic);
    if (pthread_create(&raises->thread, NULL, run, raises)) {
        pthread_cond_destroy(&raises->wake);
        pthread_mutex_destroy(&raises->lock);
        free(raises);
        return NULL;
    }
    return raises;
}

void raises_destroy(struct raises *raises)
{
    if (!raises) {
        return;
    }
    pthread_mutex_lock(&raises->lock);
    raises->ending = true;
    pthread_cond_signal(&raises->wake);
    pthread_mutex_unlock(&raises->lock);
    pthread_join(raises->thread, NULL);
    pthread_cond_destroy(&raises->wake);
    pthread_mutex_destroy(&raises->lock);
    free(raises);
}

void raises_keep(struct raises *raises, const char *id, uint32_t generation)
{
    pthread_mutex_lock(&raises->lock);
    struct raise *kept = find(raises, id);
    if (!kept && raises->count < RAISES_MAX) {
        kept = &raises->list[raises->count++];
        *kept = (struct raise){.generation = 0};
        (void)span_copy(span_of(id), kept->id, sizeof kept->id);
    }
    if (kept && generation > kept->generation) {
        kept->generation = generation;
    }
    pthread_cond_signal(&raises->wake);
    pthread_mutex_unlock(&raises->lock);
    if (!kept) {
        log_error("account", "%s: too many raises wait for Redis; sign out again when it is back",
                  id);
    }
}

uint32_t raises_get(struct raises *raises, const char *id)
{
    if (raises->count == 0) {
        return 0;
    }
    pthread_mutex_lock(&raises->lock);
    const struct raise *kept = find(raises, id);
    uint32_t generation = kept ? kept->generation : 0;
    pthread_mutex_unlock(&raises->lock);
    return generation;
}
