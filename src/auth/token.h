/*
 * Access tokens: JSON Web Tokens (RFC 7519) checked and made with libjwt.
 *
 * The algorithm is fixed by configuration and compared with the header's before and after libjwt
 * sees the token; exp, nbf, iss and aud are checked here, not by libjwt (token.c tells what its
 * 1.10 lets through). Every thread may verify; libjwt objects are per call. What may change while they
 * do are the issuer's public keys, by tokens_reload().
 */
#ifndef LECTERN_AUTH_TOKEN_H
#define LECTERN_AUTH_TOKEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/id.h"
#include "core/config.h"
#include "core/user.h"

#define TOKEN_MAX 8192    /* longest token accepted, bytes */
#define TOKEN_LEEWAY_S 30 /* clock difference forgiven for nbf and iat, seconds (not for exp) */
#define DEVICE_ID_LEN 26
#define CHANNELS_MAX 512

struct claims {
    char user_id[ID_MAX + 1];
    char name[NAME_MAX_BYTES + 1]; /* the user id when the token has no name */
    enum user_type type;
    char room[ROOM_CODE_MAX + 1];   /* the only room it opens, or "" for any */
    char device[DEVICE_ID_LEN + 1]; /* guests' device id, or "" */
    char channels[CHANNELS_MAX];    /* comma-separated feed channels, "*" for all, or "" */
    int64_t expires_ms;             /* wall clock, ms since 1970 */
    uint32_t generation; /* claim `gen` of an account's token, from 1; 0: it is no account's */
};

enum token_error {
    TOKEN_OK = 0,
    TOKEN_MISSING = -1, /* 401 token_missing */
    TOKEN_INVALID = -2, /* 401 token_invalid: signature, algorithm, claims, nbf, iss, aud */
    TOKEN_EXPIRED = -3, /* 401 token_expired */
};

const char *token_error_code(enum token_error error); /* "token_missing", … */

struct tokens; /* keys and rules */

/*
 * Loads keys as `config` says; makes and keeps the secret (data_dir/jwt-secret, 0600, created
 * atomically so that two servers starting at once share one) when none is given. NULL with a sentence in
 * `error` on failure. `config` is borrowed and must outlive the result.
 */
struct tokens *tokens_create(const struct config *config, char *error, size_t error_cap);
void tokens_destroy(struct tokens *tokens);

/*
 * Reads the issuer's public keys (LECTERN_JWT_JWKS or LECTERN_JWT_PUBLIC_KEY) again. Returns how many there
 * are, or -1 with a sentence in `error`: then those from before stay in use.
 */
int tokens_reload(const struct tokens *tokens, char *error, size_t error_cap)
    __attribute__((warn_unused_result));

/*
 * Checks `jwt` and fills `out`, which is all zero unless TOKEN_OK is returned. `now_ms` is wall-clock
 * time. Refused as invalid too: no exp, sub or userType, a claim of ours of the wrong type or form
 * (ids, name, room, device, channels, gen), `crit` in the header, a claim given twice. `aud` may be a
 * string or an array of them, `channels` an array of names or one string with commas; dates may have
 * fractions.
 */
enum token_error token_verify(const struct tokens *tokens, struct span jwt, int64_t now_ms,
                              struct claims *out) __attribute__((warn_unused_result));

/*
 * Signs a token for `claims` (HS256 only: with a public key configured Lectern cannot sign and -1 is
 * returned, as for claims that token_verify() would refuse). expires_ms is rounded up to a second.
 * `out` holds TOKEN_MAX + 1 bytes. 0 or -1.
 */
int token_mint(const struct tokens *tokens, const struct claims *claims, int64_t now_ms, char *out)
    __attribute__((warn_unused_result));

bool tokens_can_mint(const struct tokens *tokens);

/*
 * A device id in a cookie: 26 characters of base32, a dot, and an HMAC-SHA-256 of them (hex,
 * shortened to 32). device_verify copies the id out of a cookie's value; false when forged.
 */
#define DEVICE_COOKIE_LEN (DEVICE_ID_LEN + 1 + 32)
void device_create(const struct tokens *tokens, char cookie[DEVICE_COOKIE_LEN + 1]);
bool device_verify(const struct tokens *tokens, struct span cookie, char id[DEVICE_ID_LEN + 1]);

/*
 * A cookie of the same length that says that its device has signed in to this account, while it was of
 * this generation: it counts for no other. Verifying copies the device's id out of it.
 */
void known_device_create(const struct tokens *tokens, const char *user_id, uint32_t generation,
                         char cookie[DEVICE_COOKIE_LEN + 1]);
bool known_device_verify(const struct tokens *tokens, const char *user_id, uint32_t generation,
                         struct span cookie, char id[DEVICE_ID_LEN + 1]);

/*
 * The Redis key with an account's newest generation of tokens, for printf(): see docs/redis-keys.md.
 */
#define TOKEN_GENERATION_KEY "account:%s:gen"

/*
 * A guest's user id: "g-" and 20 base32 characters of HMAC(device, room, name), so that the same
 * child on the same device comes back as the same participant.
 */
void guest_user_id(const struct tokens *tokens, const char *device, const char *room,
                   const char *name, char out[ID_MAX + 1]);

#endif
