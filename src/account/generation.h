/* What Redis remembers of accounts' generations of tokens. Any thread that may block. */
#ifndef LECTERN_ACCOUNT_GENERATION_H
#define LECTERN_ACCOUNT_GENERATION_H

#include <stdint.h>

#include "bus/pool.h"

#define GENERATION_UNKNOWN 0 /* Redis has nothing */
#define GENERATION_AWAY (-1) /* it cannot be asked */

/* The newest generation known, or one of the above. */
int64_t generation_get(struct bus_pool *pool, const char *id);

/*
 * Remembers a generation for `keep_ms`, unless a newer one is known. Returns the newest one, or
 * GENERATION_AWAY.
 */
int64_t generation_raise(struct bus_pool *pool, const char *id, uint32_t generation,
                         int64_t keep_ms);

#endif
