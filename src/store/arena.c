/* Chunks of memory that are filled one after the other; see arena.h. */
#include "store/arena.h"

#include <stdlib.h>

#define CHUNK 4096 /* bytes; longer texts have one of their own */

struct arena_chunk {
    struct arena_chunk *next;
    size_t used, cap;
    char data[];
};

static struct arena_chunk *add_chunk(struct arena *arena, size_t cap)
{
    struct arena_chunk *chunk = malloc(sizeof *chunk + cap);
    if (chunk) {
        *chunk = (struct arena_chunk){arena->chunks, 0, cap};
        arena->chunks = chunk;
    }
    return chunk;
}

struct span arena_copy(struct arena *arena, struct span text)
{
    struct arena_chunk *chunk = arena->chunks;
    if (text.n == 0) {
        return (struct span){"", 0};
    }
    if (!chunk || chunk->cap - chunk->used < text.n) {
        chunk = add_chunk(arena, text.n > CHUNK ? text.n : CHUNK);
    }
    if (!chunk) {
        arena->failed = true;
        return (struct span){"", 0};
    }
    char *copy = chunk->data + chunk->used;
    memcpy(copy, text.p, text.n);
    chunk->used += text.n;
    return (struct span){copy, text.n};
}

void arena_finish(struct arena *arena)
{
    while (arena->chunks) {
        struct arena_chunk *chunk = arena->chunks;
        arena->chunks = chunk->next;
        free(chunk);
    }
    *arena = (struct arena){0};
}
