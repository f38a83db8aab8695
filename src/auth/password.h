/*
 * Passwords: argon2id (RFC 9106) by libsodium, 32 MiB and three passes each, as strings that name their
 * own parameters and salt. Each takes a core for some 40 ms, so how many run at the same time is
 * limited, which bounds their memory (32 MiB times that number) and leaves cores to the loops; who finds
 * all places taken waits, but not for ever.
 *
 * Every function may be called from any thread that may block, never from a loop's.
 */
#ifndef LECTERN_AUTH_PASSWORD_H
#define LECTERN_AUTH_PASSWORD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

#define PASSWORD_MIN 8              /* bytes */
#define PASSWORD_MAX 128            /* bytes */
#define PASSWORD_HASH_SIZE 128      /* of a hash as text, terminated */
#define PASSWORD_MEMORY (32u << 20) /* bytes that one hash takes while it is made */

enum password_result {
    PASSWORD_OK = 0,
    PASSWORD_WRONG = -1,  /* it is not the one that was hashed */
    PASSWORD_BUSY = -2,   /* no place became free in time */
    PASSWORD_FAILED = -3, /* no memory */
};

struct passwords; /* the places */

/* So many at once that half of the cores stay free: 1 to 4. */
unsigned passwords_default_places(void);

/* `wait_ms`: how long one waits for a place. NULL: no memory. */
struct passwords *passwords_create(unsigned places, int64_t wait_ms);
void passwords_destroy(struct passwords *passwords); /* nobody may be in it; accepts NULL */

/* Is it a password at all: PASSWORD_MIN to PASSWORD_MAX bytes of UTF-8 without U+0000? */
bool password_valid(struct span password);

/* Never PASSWORD_WRONG. */
enum password_result password_hash(struct passwords *passwords, struct span password,
                                   char out[PASSWORD_HASH_SIZE])
    __attribute__((warn_unused_result));

/*
 * Compares. `hash` is NULL where there is no such account: then it takes as long as otherwise and the
 * password is wrong, so that nobody learns from the time which accounts exist. *outdated (set with
 * PASSWORD_OK) says that the hash was made with other parameters than today's, and should be made
 * anew while the password is at hand.
 */
enum password_result password_check(struct passwords *passwords, struct span password,
                                    const char *hash, bool *outdated)
    __attribute__((warn_unused_result));

#endif
