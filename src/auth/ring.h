/*
 * The login service's public keys in use, which may be read again while threads verify with them.
 */
#ifndef LECTERN_AUTH_RING_H
#define LECTERN_AUTH_RING_H

#include "core/config.h"

struct ring;

/* From the file that `config` names (auth/jwks.h). NULL with a sentence in `error`. */
struct ring *ring_create(const struct config *config, char *error, size_t error_cap);
void ring_destroy(struct ring *ring); /* accepts NULL */

/* Reads the file again: how many keys there are now, or -1 with `error`; then the old ones stay. */
int ring_reload(struct ring *ring, const struct config *config, char *error, size_t error_cap)
    __attribute__((warn_unused_result));

/*
 * The key for this `kid` as jwks_find() finds it, PEM or NULL, for use until ring_release(), which
 * follows in either case. Any thread; not twice at once.
 */
const char *ring_hold(struct ring *ring, const char *kid);
void ring_release(struct ring *ring);

#endif
