/*
 * Synchronous Redis connections for threads that may block (civetweb's), with time limits and a
 * circuit breaker: after a timeout or a refused connection every call fails at once for a while,
 * then one call is let through as a probe. A cap limits how many threads wait for a connection.
 *
 * Every function may be called from any thread except a loop's.
 */
#ifndef LECTERN_BUS_POOL_H
#define LECTERN_BUS_POOL_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "bus/reply.h"
#include "bus/scripts.h"
#include "core/config.h"

#define BUS_POOL_SIZE 16    /* connections at most */
#define BUS_POOL_WAITERS 64 /* threads waiting for one at most, when Redis does not answer: */
#define BUS_POOL_STALL_MS                                                                          \
    250                     /* no call was answered for this long. While it answers, all may wait */
#define BUS_BREAKER_MS 1000 /* fail fast this long after a failure */

struct bus_pool;

struct bus_pool *
bus_pool_create(const struct config *config); /* connects lazily; NULL: no memory */
void bus_pool_destroy(struct bus_pool *pool); /* no call may be in progress */

/*
 * 0 with *reply (never a Redis error, freed with bus_reply_free), or -1: Redis unreachable, breaker
 * open, timed out, no connection became free, or it answered with an error (logged; READONLY and
 * the like also end the connections made so far, as no answer does). NOSCRIPT is repaired within.
 * Waiting for a connection, asking sentinels, connecting, and each answer may take
 * LECTERN_REDIS_TIMEOUT_MS; a call that was sent and failed may have been executed.
 */
int bus_pool_script(struct bus_pool *pool, enum bus_script script, const struct span *keys,
                    size_t key_count, const struct span *args, size_t arg_count,
                    struct bus_reply **reply) __attribute__((warn_unused_result));
int bus_pool_command(struct bus_pool *pool, const struct span *argv, size_t argc,
                     struct bus_reply **reply) __attribute__((warn_unused_result));

void bus_reply_free(struct bus_reply *reply); /* accepts NULL */

/* True when a PING was answered within the time limit (uses the breaker, for /readyz). */
bool bus_pool_ready(struct bus_pool *pool);

#endif
