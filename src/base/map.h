/*
 * A hash map from byte-string keys to pointers (SipHash with a random per-process key, so that keys
 * that clients choose cannot be made to collide; open addressing with linear probing and
 * backward-shift deletion).
 *
 * Keys are borrowed: they must live as long as the entry (usually they are inside the value).
 * Values are not owned. Not thread-safe. Memory grows and shrinks with the number of entries.
 */
#ifndef LECTERN_BASE_MAP_H
#define LECTERN_BASE_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

struct map_slot {
    const char *key;
    uint32_t key_len;
    uint32_t hash;
    void *value; /* NULL: the slot is free */
};

struct map {
    struct map_slot *slots;
    size_t cap; /* a power of two, or 0 */
    size_t len; /* entries */
};

void map_init(struct map *m);
void map_finish(struct map *m);

void *map_get(const struct map *m, struct span key);

/*
 * Adds or replaces; `value` must not be NULL. Returns 0, or -1 when out of memory (unchanged).
 * Replacing never fails, and borrows the new key in place of the old one.
 */
int map_put(struct map *m, struct span key, void *value) __attribute__((warn_unused_result));

/* Removes and returns the value, or NULL. */
void *map_remove(struct map *m, struct span key);

/*
 * Iterates: start with *pos = 0; returns the next value or NULL at the end. The map must not change
 * meanwhile.
 */
void *map_next(const struct map *m, size_t *pos);

/* The keyed 32-bit hash that map uses; equal within one process only. Any thread. */
uint32_t hash_bytes(const void *data, size_t len);

/* A hash that is the same in every process (for choosing a loop by room). Any thread. */
uint32_t hash_stable(const void *data, size_t len);

#endif
