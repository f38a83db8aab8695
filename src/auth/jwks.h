/*
 * The public keys of a login service: a JSON Web Key Set (RFC 7517), from which a token's `kid` chooses,
 * or a single key in PEM form, which serves whatever `kid` says. Immutable once made, so any thread may
 * look into a set; making one is for start-up and for the main thread.
 */
#ifndef LECTERN_AUTH_JWKS_H
#define LECTERN_AUTH_JWKS_H

#include <stddef.h>

#include "base/buf.h"
#include "core/config.h"

#define JWKS_FILE_MAX 262144 /* bytes */
#define JWKS_KEYS_MAX 64     /* keys of our kind in a set */
#define JWKS_KID_MAX 128     /* bytes */

struct jwks;

/*
 * Reads a set. Keys of another kind or for another use (kty, crv, alg, use, key_ops) are left out, as the RFC
 * asks; each of the others must be whole (RSA of at least 2,048 bits, or a point on P-256) and have a
 * `kid` of its own, unless there is only one. A set with a private or a secret key is refused whole: that
 * belongs to the issuer alone. NULL with *wrong set.
 */
struct jwks *jwks_parse(struct span text, enum config_jwt_algorithm algorithm, const char **wrong);

/* The file that LECTERN_JWT_JWKS or LECTERN_JWT_PUBLIC_KEY names; NULL with a sentence in `error`. */
struct jwks *jwks_load(const struct config *config, char *error, size_t error_cap);

void jwks_free(struct jwks *jwks); /* accepts NULL */

size_t jwks_count(const struct jwks *jwks);

/*
 * The key for a token whose header has this `kid` (NULL: none), as PEM; NULL where there is none. A token
 * without `kid` is served by a set of one key only.
 */
const char *jwks_find(const struct jwks *jwks, const char *kid);

#endif
