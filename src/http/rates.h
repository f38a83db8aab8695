/*
 * How often one user may do something over REST, where a socket would have a bucket of its own: token
 * buckets by user, in a table of fixed size. Any thread.
 */
#ifndef LECTERN_HTTP_RATES_H
#define LECTERN_HTTP_RATES_H

#include <stdint.h>

#include "core/config.h"

#define RATES_USERS 4096 /* remembered; those who have used least of theirs are forgotten first */

struct rates;

struct rates *rates_create(void);        /* NULL: no memory */
void rates_destroy(struct rates *rates); /* accepts NULL */

/*
 * Takes one from what `user_id` has left. 0, or after how many seconds there will be one again: then
 * nothing was taken. `now_ms` is monotonic time. A user's rate is always the same.
 */
unsigned rates_take(struct rates *rates, const char *user_id, const struct config_rate *rate,
                    int64_t now_ms) __attribute__((warn_unused_result));

#endif
