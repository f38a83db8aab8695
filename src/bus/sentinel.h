/*
 * What is asked of Redis Sentinels (https://redis.io/docs/reference/sentinel-clients/) and how their
 * answers are read; link_locate.c and sync.c do the asking. Pure functions, any thread.
 *
 * They are asked one after the other until one names the primary. They are asked without a login; one
 * that wants a login is given that of the URL: whoever can pose as a sentinel can also name itself as
 * the primary, and gets it anyway.
 */
#ifndef LECTERN_BUS_SENTINEL_H
#define LECTERN_BUS_SENTINEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/url.h"
#include "bus/reply.h"

#define SENTINEL_REASON_MAX 160

enum sentinel_answer {
    SENTINEL_NAMES,       /* the primary's address */
    SENTINEL_WANTS_LOGIN, /* and has not got one, though the URL has one */
    SENTINEL_REFUSES,     /* with a reason */
};

/* Replaces the contents of `out` by the question, as resp.h. False when out of memory. */
bool sentinel_question(struct buf *out, const struct redis_url *url)
    __attribute__((warn_unused_result));

/*
 * Reads the reply. `primary` is set when it is named: its host may be an address (IPv6, too) or a
 * name. `given`: this sentinel was given the URL's login. `reason` is set when it refuses.
 */
enum sentinel_answer sentinel_read(const struct bus_reply *reply, const struct redis_url *url,
                                   bool given, struct redis_address *primary,
                                   char reason[SENTINEL_REASON_MAX]);

/* How long one sentinel may take, so that all of them together take no longer than `timeout_ms`. */
int64_t sentinel_share_ms(const struct redis_url *url, int64_t timeout_ms);

/*
 * Why none of them named the primary: what one said that answered, else what was in the way of the
 * first in the URL. So the text stays the same while the cause does, wherever the asking begins.
 */
struct sentinel_failure {
    bool answered;
    size_t index;                   /* in the URL; valid unless `text` is "" */
    char text[SENTINEL_REASON_MAX]; /* "" = none yet */
};

void sentinel_failed(struct sentinel_failure *failure, const struct redis_url *url, size_t index,
                     bool answered, const char *reason);

#endif
