/*
 * A token's compact form (RFC 7515 section 3.1: header.payload.signature) taken apart strictly, so
 * that it reads the same to everybody: canonical base64url, UTF-8, one JSON object, no key twice.
 * Knows nothing of keys, clocks or rules; checks no signature.
 *
 * Pure functions: no allocation, callable from every thread.
 */
#ifndef LECTERN_AUTH_JWS_H
#define LECTERN_AUTH_JWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/json.h"

#define JWS_TEXT_MAX 6144 /* bytes of a decoded object or signature */
#define JWS_MEMBERS_MAX 64
#define JWS_SECONDS_MAX 9000000000000 /* so that milliseconds fit int64_t and a double exactly */

/* A token's three segments, still encoded. */
struct jws {
    struct span header;
    struct span payload;
    struct span signature;
};

/* A decoded header or payload. Spans of `members` point into `text`: not to be copied. */
struct jws_object {
    char text[JWS_TEXT_MAX];
    struct json_member members[JWS_MEMBERS_MAX];
    size_t count;
};

/* False when there are not three segments, or one is empty or not canonical base64url. */
bool jws_split(struct span token, struct jws *out);

bool jws_object_read(struct span segment, struct jws_object *out);

/* The member `key` (case matters), or NULL. */
const struct json_value *jws_get(const struct jws_object *object, const char *key);

/* What looking for a member of one type gives. */
enum jws_result {
    JWS_FOUND = 1,
    JWS_ABSENT = 0,
    JWS_WRONG = -1, /* another type, or a value that is out of bounds */
};

/* A string; `out` is "" unless it is found. Longer than cap - 1 bytes or with U+0000: wrong. */
enum jws_result jws_text(const struct jws_object *object, const char *key, char *out, size_t cap);

/* A NumericDate (RFC 7519 section 2): 0 to JWS_SECONDS_MAX, fractions rounded down. */
enum jws_result jws_seconds(const struct jws_object *object, const char *key, int64_t *out);

#endif
