/* A key set behind a lock for many readers; see ring.h. */
#include "auth/ring.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "auth/jwks.h"

struct ring {
    pthread_rwlock_t lock; /* guards `keys`; held for reading while one of them is in use */
    struct jwks *keys;     /* never NULL */
};

struct ring *ring_create(const struct config *config, char *error, size_t error_cap)
{
    pthread_rwlockattr_t attributes;
    struct jwks *keys = jwks_load(config, error, error_cap);
    struct ring *ring = keys ? malloc(sizeof *ring) : NULL;
    if (!keys) {
        return NULL;
    }
    if (!ring) {
        snprintf(error, error_cap, "out of memory");
        jwks_free(keys);
        return NULL;
    }
    pthread_rwlockattr_init(&attributes);
    /* Else a server that verifies all the time might never get to its new keys. */
    pthread_rwlockattr_setkind_np(&attributes, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
    pthread_rwlock_init(&ring->lock, &attributes);
    pthread_rwlockattr_destroy(&attributes);
    ring->keys = keys;
    return ring;
}

void ring_destroy(struct ring *ring)
{
    if (ring) {
        pthread_rwlock_destroy(&ring->lock);
        jwks_free(ring->keys);
        free(ring);
    }
}

int ring_reload(struct ring *ring, const struct config *config, char *error, size_t error_cap)
{
    struct jwks *keys = jwks_load(config, error, error_cap);
    if (!keys) {
        return -1;
    }
    int count = (int)jwks_count(keys);
    pthread_rwlock_wrlock(&ring->lock);
    struct jwks *old = ring->keys;
    ring->keys = keys;
    pthread_rwlock_unlock(&ring->lock);
    jwks_free(old);
    return count;
}

const char *ring_hold(struct ring *ring, const char *kid)
{
    pthread_rwlock_rdlock(&ring->lock);
    return jwks_find(ring->keys, kid);
}

void ring_release(struct ring *ring)
{
    pthread_rwlock_unlock(&ring->lock);
}
