/*
 * Claims: one map per loop, behind a lock that threads hold for a look-up. A claim is made by the thread
 * that lets a client in, before Redis is asked for a place, so that a second request for the same
 * session is known as one. It says from then on whose the session is.
 */
#include "net/sockjs_internal.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "core/metrics.h"

struct sockjs_claims {
    pthread_mutex_t lock; /* guards the map, and the claims' sessions */
    struct map map;
};

struct sockjs_claims *sockjs_claims_create(void)
{
    struct sockjs_claims *claims = calloc(1, sizeof *claims);
    if (claims) {
        pthread_mutex_init(&claims->lock, NULL);
        map_init(&claims->map);
    }
    return claims;
}

void sockjs_claims_destroy(struct sockjs_claims *claims)
{
    if (claims) {
        map_finish(&claims->map);
        pthread_mutex_destroy(&claims->lock);
        free(claims);
    }
}

enum sockjs_claimed sockjs_claim(struct sockjs_claims *claims, const char *key,
                                 const struct sockjs_holder *holder, struct sockjs_claim **claim)
{
    enum sockjs_claimed result = SOCKJS_NOMEM;
    size_t len = strlen(key);
    struct sockjs_claim *made = malloc(sizeof *made + len + 1);
    if (made) {
        made->session = NULL;
        made->holder = *holder;
        made->ended = false;
        made->key_len = len;
        memcpy(made->key, key, len + 1);
        pthread_mutex_lock(&claims->lock);
        if (map_get(&claims->map, span_of(key))) {
            result = SOCKJS_EXISTS;
        } else if (map_put(&claims->map, (struct span){made->key, len}, made) == 0) {
            result = SOCKJS_CLAIMED;
        }
        pthread_mutex_unlock(&claims->lock);
    }
    if (result == SOCKJS_CLAIMED) {
        *claim = made;
    } else {
        free(made);
    }
    if (result == SOCKJS_NOMEM) {
        metric_add(METRIC_OUT_OF_MEMORY, 1);
    }
    return result;
}

void sockjs_unclaim(struct sockjs_claims *claims, struct sockjs_claim *claim)
{
    pthread_mutex_lock(&claims->lock);
    map_remove(&claims->map, (struct span){claim->key, claim->key_len});
    pthread_mutex_unlock(&claims->lock);
    free(claim);
}

enum sockjs_presence sockjs_look(struct sockjs_claims *claims, const char *key,
                                 struct sockjs_holder *holder)
{
    pthread_mutex_lock(&claims->lock);
    const struct sockjs_claim *claim = map_get(&claims->map, span_of(key));
    enum sockjs_presence presence = !claim            ? SOCKJS_ABSENT
                                    : !claim->session ? SOCKJS_OPENING
                                    : claim->ended    ? SOCKJS_ENDED
                                                      : SOCKJS_OPEN;
    if (claim && holder) {
        *holder = claim->holder;
    }
    pthread_mutex_unlock(&claims->lock);
    return presence;
}

void sockjs_claim_end(struct sockjs_claims *claims, struct sockjs_claim *claim)
{
    pthread_mutex_lock(&claims->lock);
    claim->ended = true;
    pthread_mutex_unlock(&claims->lock);
}

struct sockjs_session *sockjs_claim_find(struct sockjs_claims *claims, const char *key)
{
    pthread_mutex_lock(&claims->lock);
    const struct sockjs_claim *claim = map_get(&claims->map, span_of(key));
    struct sockjs_session *session = claim ? claim->session : NULL;
    pthread_mutex_unlock(&claims->lock);
    return session;
}

void sockjs_claim_fill(struct sockjs_claims *claims, struct sockjs_claim *claim,
                       struct sockjs_session *session)
{
    pthread_mutex_lock(&claims->lock);
    claim->session = session;
    pthread_mutex_unlock(&claims->lock);
}
