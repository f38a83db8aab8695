/*
 * Open addressing with linear probing; see map.h. An entry sits at or after the slot its hash names
 * (its home), with no free slot between; removal moves later entries of the run back so that this
 * stays true without tombstones. At most 3/4 of the slots are used, at least 1/8 (above the least
 * size).
 */
#include "base/map.h"

#include <pthread.h>
#include <sodium.h>
#include <stdlib.h>

#define CAP_MIN 8

static unsigned char hash_key[crypto_shorthash_KEYBYTES];
static pthread_once_t hash_key_once = PTHREAD_ONCE_INIT;

static void hash_key_make(void)
{
    randombytes_buf(hash_key, sizeof hash_key);
}

uint32_t hash_bytes(const void *data, size_t len)
{
    pthread_once(&hash_key_once, hash_key_make);
    unsigned char out[crypto_shorthash_BYTES];
    crypto_shorthash(out, data, len, hash_key);
    uint32_t hash;
    memcpy(&hash, out, sizeof hash);
    return hash;
}

uint32_t hash_stable(const void *data, size_t len)
{
    const unsigned char *p = data;
    uint32_t h = 2166136261U;
    for (size_t i = 0; i < len; i++) {
        h = (h ^ p[i]) * 16777619U;
    }
    /* FNV's low bits are weak and callers take the remainder by a small number: mix once more. */
    h ^= h >> 16;
    h *= 0x85ebca6bU;
    h ^= h >> 13;
    h *= 0xc2b2ae35U;
    return h ^ h >> 16;
}

void map_init(struct map *m)
{
    *m = (struct map){0};
}

void map_finish(struct map *m)
{
    free(m->slots);
    map_init(m);
}

/* The slot that holds `key`, or the free one where it belongs. The map has slots. */
static size_t find(const struct map *m, struct span key, uint32_t hash)
{
    size_t mask = m->cap - 1;
    size_t i = hash & mask;
    while (m->slots[i].value) {
        const struct map_slot *slot = &m->slots[i];
        if (slot->hash == hash && span_same((struct span){slot->key, slot->key_len}, key)) {
            break;
        }
        i = (i + 1) & mask;
    }
    return i;
}

static int resize(struct map *m, size_t cap)
{
    struct map_slot *slots = calloc(cap, sizeof *slots);
    if (!slots) {
        return -1;
    }
    for (size_t old = 0; old < m->cap; old++) {
        if (m->slots[old].value) {
            size_t i = m->slots[old].hash & (cap - 1);
            while (slots[i].value) {
                i = (i + 1) & (cap - 1);
            }
            slots[i] = m->slots[old];
        }
    }
    free(m->slots);
    m->slots = slots;
    m->cap = cap;
    return 0;
}

void *map_get(const struct map *m, struct span key)
{
    if (m->len == 0) {
        return NULL;
    }
    return m->slots[find(m, key, hash_bytes(key.p, key.n))].value;
}

int map_put(struct map *m, struct span key, void *value)
{
    if (key.n > UINT32_MAX || (m->cap == 0 && resize(m, CAP_MIN))) {
        return -1;
    }
    uint32_t hash = hash_bytes(key.p, key.n);
    size_t i = find(m, key, hash);
    if (!m->slots[i].value) {
        if ((m->len + 1) * 4 > m->cap * 3) {
            if (resize(m, m->cap * 2)) {
                return -1;
            }
            i = find(m, key, hash);
        }
        m->len++;
    }
    m->slots[i] = (struct map_slot){key.p, (uint32_t)key.n, hash, value};
    return 0;
}

/* Frees slot `hole`, moving back those entries of its run that may stand nearer to their home. */
static void close_gap(struct map *m, size_t hole)
{
    size_t mask = m->cap - 1;
    for (size_t i = (hole + 1) & mask; m->slots[i].value; i = (i + 1) & mask) {
        size_t from_home = (i - m->slots[i].hash) & mask;
        size_t from_hole = (i - hole) & mask;
        if (from_home >= from_hole) {
            m->slots[hole] = m->slots[i];
            hole = i;
        }
    }
    m->slots[hole] = (struct map_slot){0};
}

void *map_remove(struct map *m, struct span key)
{
    if (m->len == 0) {
        return NULL;
    }
    size_t i = find(m, key, hash_bytes(key.p, key.n));
    void *value = m->slots[i].value;
    if (!value) {
        return NULL;
    }
    close_gap(m, i);
    m->len--;
    if (m->cap > CAP_MIN && m->len * 8 < m->cap) {
        (void)resize(m, m->cap / 2); /* without memory it stays as large as it is */
    }
    return value;
}

void *map_next(const struct map *m, size_t *pos)
{
    while (*pos < m->cap) {
        void *value = m->slots[(*pos)++].value;
        if (value) {
            return value;
        }
    }
    return NULL;
}
