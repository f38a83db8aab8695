/*
 * Slows down the guessing of passwords, for all servers together: counted in Redis, and in this
 * process's own memory (account/slow.h) while Redis cannot be asked.
 *
 * Strict towards one account from one place; generous towards an address, for a whole school may share
 * one, and towards an account from all places together, so that nobody can be locked out
 * without a crowd. A place is an address, or a device on which that account has signed in before: whom a
 * pupil beside him keeps from signing in by failing in his name, or in very many, is not kept on his own
 * device: only what fails there counts there.
 *
 * Any thread that may block.
 */
#ifndef LECTERN_ACCOUNT_THROTTLE_H
#define LECTERN_ACCOUNT_THROTTLE_H

#include <stdbool.h>

#include "account/slow.h"
#include "base/id.h"
#include "bus/pool.h"

#define THROTTLE_ADDRESS_BURST 300 /* failures of one address on unknown devices, at once */
#define THROTTLE_ADDRESS_REFILL_MS 2000
#define THROTTLE_SIGNUP_BURST 1000 /* accounts that one address makes, at once */
#define THROTTLE_SIGNUP_REFILL_MS 2000
#define THROTTLE_ACCOUNT_BURST 100 /* failures of one account from all unknown places, at once */
#define THROTTLE_ACCOUNT_REFILL_MS 10000

#define THROTTLE_PLACE_MAX 64 /* bytes */

struct throttle;

struct throttle *throttle_create(struct bus_pool *pool); /* borrowed; NULL: no memory */
void throttle_destroy(struct throttle *throttle);        /* accepts NULL */

/* One try, from its charge to its outcome. */
struct throttle_try {
    char keys[3][ID_MAX + THROTTLE_PLACE_MAX + 16];
    struct slow_try counts; /* points into keys */
    bool local;             /* charged in this process's memory */
};

/*
 * A try at `account` (the name that was typed, folded, or "" for making a new account) from `address` (as text; IPv6 networks
 * are counted by their first 64 bits: the caller shortens them), on a device that the account knows, or
 * "". 0 when it may be made; throttle_settle() follows unless it fails. Else the seconds to wait.
 */
unsigned throttle_begin(struct throttle *throttle, const char *account, const char *address,
                        const char *device, struct throttle_try *out)
    __attribute__((warn_unused_result));

void throttle_settle(struct throttle *throttle, const struct throttle_try *what,
                     enum slow_outcome outcome);

#endif
