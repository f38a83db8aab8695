/* A map and a list in the order of use, under one lock; see cache.h. */
#include "media/cache.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/map.h"
#include "core/metrics.h"

#define SHARE 8 /* of the cache that one file may take: 1/8 */

struct cache {
    size_t bytes_max;
    pthread_mutex_t lock; /* guards what follows */
    struct map files;     /* by id */
    struct cached *newest, *oldest;
    size_t bytes;
};

struct cached *cached_create(struct span id, bool png, struct span bytes, int64_t checked_ms)
{
    struct cached *file = malloc(sizeof *file + bytes.n + id.n);
    if (file) {
        char *data = (char *)(file + 1);
        *file = (struct cached){
            .png = png, .len = bytes.n, .data = data, .id = data + bytes.n, .id_len = id.n};
        atomic_init(&file->refs, 1);
        atomic_init(&file->checked_ms, checked_ms);
        memcpy(data, bytes.p, bytes.n);
        memcpy(data + bytes.n, id.p, id.n);
    }
    return file;
}

void cached_release(struct cached *file)
{
    if (file && atomic_fetch_sub(&file->refs, 1) == 1) {
        free(file);
    }
}

struct cache *cache_create(size_t bytes_max)
{
    struct cache *cache = calloc(1, sizeof *cache);
    if (cache) {
        cache->bytes_max = bytes_max;
        pthread_mutex_init(&cache->lock, NULL);
        map_init(&cache->files);
    }
    return cache;
}

static size_t size_of(const struct cached *file)
{
    return sizeof *file + file->len + file->id_len;
}

static void count(struct cache *cache, int64_t bytes)
{
    cache->bytes = (size_t)((int64_t)cache->bytes + bytes);
    metric_add(METRIC_FILE_CACHE_BYTES, bytes);
}

static void link_newest(struct cache *cache, struct cached *file)
{
    file->newer = NULL;
    file->older = cache->newest;
    *(cache->newest ? &cache->newest->newer : &cache->oldest) = file;
    cache->newest = file;
}

static void unlink_file(struct cache *cache, struct cached *file)
{
    *(file->newer ? &file->newer->older : &cache->newest) = file->older;
    *(file->older ? &file->older->newer : &cache->oldest) = file->newer;
}

/* With the lock. */
static void remove_file(struct cache *cache, struct cached *file)
{
    if (file) {
        map_remove(&cache->files, (struct span){file->id, file->id_len});
        unlink_file(cache, file);
        count(cache, -(int64_t)size_of(file));
        cached_release(file);
    }
}

void cache_destroy(struct cache *cache)
{
    if (cache) {
        while (cache->oldest) {
            remove_file(cache, cache->oldest);
        }
        map_finish(&cache->files);
        pthread_mutex_destroy(&cache->lock);
        free(cache);
    }
}

struct cached *cache_get(struct cache *cache, struct span id)
{
    pthread_mutex_lock(&cache->lock);
    struct cached *file = map_get(&cache->files, id);
    if (file) {
        unlink_file(cache, file);
        link_newest(cache, file);
        atomic_fetch_add(&file->refs, 1);
    }
    pthread_mutex_unlock(&cache->lock);
    return file;
}

/* With the lock: the idle ones, wherever they stand in the list. */
static void remove_idle(struct cache *cache, int64_t now_ms)
{
    for (struct cached *file = cache->oldest, *next; file; file = next) {
        next = file->newer;
        if (now_ms - atomic_load(&file->checked_ms) > CACHE_IDLE_MS) {
            remove_file(cache, file);
        }
    }
}

void cache_put(struct cache *cache, struct cached *file, int64_t now_ms)
{
    const struct span id = {file->id, file->id_len};
    pthread_mutex_lock(&cache->lock);
    remove_file(cache, map_get(&cache->files, id));
    remove_idle(cache, now_ms);
    if (size_of(file) <= cache->bytes_max / SHARE && map_put(&cache->files, id, file) == 0) {
        atomic_fetch_add(&file->refs, 1);
        link_newest(cache, file);
        count(cache, (int64_t)size_of(file));
        while (cache->bytes > cache->bytes_max) {
            remove_file(cache, cache->oldest);
        }
    }
    pthread_mutex_unlock(&cache->lock);
}

size_t cache_bytes(struct cache *cache)
{
    pthread_mutex_lock(&cache->lock);
    size_t bytes = cache->bytes;
    pthread_mutex_unlock(&cache->lock);
    return bytes;
}
