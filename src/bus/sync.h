/*
 * Synchronous connections to the Redis of a URL, for threads that may block: finding it (through
 * sentinels, where the URL names some), connecting, one command at a time. What the pool is made of.
 *
 * A target may be used by any number of threads at once, a connection by one.
 */
#ifndef LECTERN_BUS_SYNC_H
#define LECTERN_BUS_SYNC_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/url.h"

struct redisContext;
struct redisReply;

#define SYNC_REASON_MAX 200

struct sync_target {
    struct redis_url url;
    int64_t timeout_ms;
    atomic_uint sentinel; /* index in the URL of the one to be asked first */
};

/*
 * A connection to the primary, logged in and with the URL's database, or NULL with a reason. Finding
 * the primary (but for looking host names up), connecting and each answer may take timeout_ms.
 * `scratch` is for commands.
 */
struct redisContext *sync_connect(struct sync_target *target, struct buf *scratch,
                                  char reason[SYNC_REASON_MAX]);

void sync_close(struct redisContext *redis); /* accepts NULL */

/* Sends a formatted command. The reply, or NULL with a reason: then the connection is of no use. */
struct redisReply *sync_exchange(struct redisContext *redis, const struct buf *command,
                                 char reason[SYNC_REASON_MAX]);

/* The same for what is to be accepted: false with a reason if it failed or was answered with an
 * error. `formatted`: the command is complete. */
bool sync_introduce(struct redisContext *redis, const struct buf *command, bool formatted,
                    char reason[SYNC_REASON_MAX]);

#endif
