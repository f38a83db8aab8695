/*
 * Raises of generations that Redis could not be told when they were made. They are kept in this process's
 * memory, which says of the tokens that come here what Redis does not know, and told by a thread of its
 * own as soon as Redis answers. A process that ends before forgets them, after a last attempt: the store
 * knows, and a newer token that is shown tells Redis too (account.h). Any thread; raises_destroy() and
 * the thread may block.
 */
#ifndef LECTERN_ACCOUNT_RAISES_H
#define LECTERN_ACCOUNT_RAISES_H

#include <stdint.h>

#include "bus/pool.h"

#define RAISES_MAX 1024      /* accounts kept; what comes on top is logged and not kept */
#define RAISES_RETRY_MS 1000 /* between attempts */

struct raises;

/* Redis is to remember each for `keep_ms`. `pool` is borrowed. NULL: no memory, or no thread. */
struct raises *raises_create(struct bus_pool *pool, int64_t keep_ms);
void raises_destroy(struct raises *raises); /* accepts NULL */

/* Keeps the generation until Redis knows it. */
void raises_keep(struct raises *raises, const char *id, uint32_t generation);

/* The generation that is kept for this account; 0: none. */
uint32_t raises_get(struct raises *raises, const char *id);

#endif
