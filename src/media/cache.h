/*
 * Files kept in this server's memory, in front of Redis: bounded in bytes, the one used longest ago
 * gives way first. A file never changes; whether it still may be read is asked of Redis now and
 * then, which is the caller's affair (`checked_ms`).
 *
 * Every function may be called from any thread.
 */
#ifndef LECTERN_MEDIA_CACHE_H
#define LECTERN_MEDIA_CACHE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

/* A file; stays as it is for as long as somebody has a reference. */
struct cached {
    atomic_uint refs;
    _Atomic int64_t checked_ms; /* when it was known to be in Redis, monotonic */
    bool png;
    size_t len;
    const char *data; /* behind the struct, as is */
    const char *id;   /* this */
    size_t id_len;
    struct cached *newer, *older; /* the cache's */
};

/* A file with one reference, the caller's; NULL: no memory. */
struct cached *cached_create(struct span id, bool png, struct span bytes, int64_t checked_ms);
void cached_release(struct cached *file); /* gives a reference back; accepts NULL */

struct cache;

struct cache *cache_create(size_t bytes_max); /* NULL: no memory; 0 bytes keep nothing */
void cache_destroy(struct cache *cache);      /* accepts NULL */

/* A reference, or NULL. */
struct cached *cache_get(struct cache *cache, struct span id);

/*
 * Keeps a reference of its own, in place of an older file of that id. One that is larger than an
 * eighth of the cache is not kept. Files that were not checked for CACHE_IDLE_MS before `now_ms`
 * go.
 */
void cache_put(struct cache *cache, struct cached *file, int64_t now_ms);
#define CACHE_IDLE_MS 3600000

size_t cache_bytes(struct cache *cache);

#endif
