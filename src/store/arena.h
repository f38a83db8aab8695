/* Texts that are copied one by one and freed together. One owner at a time. */
#ifndef LECTERN_STORE_ARENA_H
#define LECTERN_STORE_ARENA_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

struct arena_chunk;

struct arena { /* all zero: empty */
    struct arena_chunk *chunks;
    bool failed; /* an allocation failed: texts are missing */
};

/* A copy that stays in place until arena_finish(); empty when out of memory, which is remembered. */
struct span arena_copy(struct arena *arena, struct span text);

void arena_finish(struct arena *arena); /* frees all; the struct may be used again */

#endif
