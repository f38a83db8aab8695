/* Counting what is allocated, in front of each block; see budget.h. */
#include "media/budget.h"

#include <stddef.h>
#include <stdlib.h>

union block {
    size_t size;       /* of what follows */
    max_align_t align; /* which must be aligned for anything */
};

static size_t limit;
static size_t used;
static bool refused;

void budget_set(size_t bytes)
{
    limit = bytes;
    refused = false;
}

/* May `more` bytes be taken besides? */
static bool affordable(size_t more)
{
    bool fits = used <= limit && more <= limit - used;
    refused = refused || !fits;
    return fits;
}

void *budget_malloc(size_t size)
{
    return budget_realloc(NULL, size);
}

void *budget_realloc(void *p, size_t size)
{
    union block *old = p ? (union block *)p - 1 : NULL;
    size_t before = old ? old->size : 0;
    if (size > before && !affordable(size - before)) {
        return NULL;
    }
    union block *block = old ? realloc(old, sizeof *block + size) : calloc(1, sizeof *block + size);
    if (!block) {
        refused = true;
        return NULL;
    }
    used = used - before + size;
    block->size = size;
    return block + 1;
}

void budget_free(void *p)
{
    if (p) {
        union block *block = (union block *)p - 1;
        used -= block->size;
        free(block);
    }
}

size_t budget_used(void)
{
    return used;
}

bool budget_exceeded(void)
{
    return refused;
}
