/*
 * What one address may try, and how many of civetweb's threads may be busy with slow things.
 *
 * Room codes are short enough to be guessed at, so an address is charged for each code it names
 * that does not exist, and only for those: a whole school may share an address. A code that the
 * address named a moment ago is not charged again: a class waiting for its teacher does not guess.
 * Any thread.
 */
#ifndef LECTERN_HTTP_LIMITS_H
#define LECTERN_HTTP_LIMITS_H

#include <stdbool.h>
#include <stdint.h>

#include "http/address.h"

#define LIMITS_CODES_BURST 60       /* wrong codes at once */
#define LIMITS_CODES_REFILL_MS 1000 /* and one more after this */
#define LIMITS_CODES_KNOWN 12       /* wrong codes remembered per address */
#define LIMITS_ADDRESSES 4096       /* addresses remembered */

/* Things that hold a thread for as long as a client pleases. */
enum limits_slot {
    LIMITS_BODY, /* receiving a body that did not come with the head: a quarter of the threads */
    LIMITS_TRANSFER, /* sending a long answer: a quarter of the threads */
    LIMITS_SLOTS,
};

struct limits;

struct limits *limits_create(unsigned http_threads); /* NULL: no memory */
void limits_destroy(struct limits *limits);          /* accepts NULL */

/*
 * 0 when `address` may name this room code, else the seconds after which it may. IPv6 addresses are
 * counted by their /64. `now_ms` is monotonic time.
 */
unsigned limits_codes_wait(struct limits *limits, const struct address *address, const char *code,
                           int64_t now_ms);

/* Charges `address` for a code that does not exist. */
void limits_codes_charge(struct limits *limits, const struct address *address, const char *code,
                         int64_t now_ms);

/* True when a slot was free; then limits_leave() follows. */
bool limits_enter(struct limits *limits, enum limits_slot slot);
void limits_leave(struct limits *limits, enum limits_slot slot);

#endif
