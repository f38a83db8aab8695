/* The compact form of tokens; see jws.h. */
#include "auth/jws.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"

#define PIECE 512 /* characters that are looked at at once; a multiple of four */

/* Nothing but canonical base64url without padding is taken. */
static bool decode(struct span segment, void *out, size_t *len)
{
    return segment.n > 0 && sodium_base642bin(out, JWS_TEXT_MAX, segment.p, segment.n, NULL, len,
                                              NULL, sodium_base64_VARIANT_URLSAFE_NO_PADDING) == 0;
}

/* In pieces, each of whole groups of four characters, so that it needs little stack. */
static bool canonical(struct span segment)
{
    unsigned char bytes[PIECE / 4 * 3];
    if (segment.n == 0 || segment.n * 3 / 4 > JWS_TEXT_MAX) {
        return false;
    }
    while (segment.n > 0) {
        size_t n = segment.n < PIECE ? segment.n : PIECE;
        size_t len;
        if (sodium_base642bin(bytes, sizeof bytes, segment.p, n, NULL, &len, NULL,
                              sodium_base64_VARIANT_URLSAFE_NO_PADDING)) {
            return false;
        }
        segment = (struct span){segment.p + n, segment.n - n};
    }
    return true;
}

bool jws_split(struct span token, struct jws *out)
{
    struct span *segments[] = {&out->header, &out->payload, &out->signature};
    for (int i = 0; i < 3; i++) {
        const char *dot = token.n > 0 ? memchr(token.p, '.', token.n) : NULL;
        if ((dot != NULL) != (i < 2)) {
            return false;
        }
        *segments[i] = (struct span){token.p, dot ? (size_t)(dot - token.p) : token.n};
        if (dot) {
            token = (struct span){dot + 1, token.n - segments[i]->n - 1};
        }
        if (!canonical(*segments[i])) {
            return false;
        }
    }
    return true;
}

bool jws_object_read(struct span segment, struct jws_object *out)
{
    size_t len;
    size_t error_at;
    if (!decode(segment, out->text, &len) || !utf8_valid(out->text, len) ||
        json_members((struct span){out->text, len}, out->members, JWS_MEMBERS_MAX, &out->count,
                     &error_at) ||
        out->count > JWS_MEMBERS_MAX) {
        return false;
    }
    for (size_t i = 0; i < out->count; i++) {
        for (size_t j = 0; j < i; j++) {
            if (json_key_same(out->members[i].key, out->members[j].key)) {
                return false;
            }
        }
    }
    return true;
}

const struct json_value *jws_get(const struct jws_object *object, const char *key)
{
    for (size_t i = 0; i < object->count; i++) {
        if (json_key_same(object->members[i].key, span_of(key))) {
            return &object->members[i].value;
        }
    }
    return NULL;
}

enum jws_result jws_text(const struct jws_object *object, const char *key, char *out, size_t cap)
{
    const struct json_value *value = jws_get(object, key);
    size_t len;
    out[0] = '\0';
    if (!value) {
        return JWS_ABSENT;
    }
    if (value->type != JSON_STRING || json_string(value->raw, out, cap, &len)) {
        out[0] = '\0';
        return JWS_WRONG;
    }
    return JWS_FOUND;
}

enum jws_result jws_seconds(const struct jws_object *object, const char *key, int64_t *out)
{
    const struct json_value *value = jws_get(object, key);
    char digits[40];
    if (!value) {
        return JWS_ABSENT;
    }
    if (value->type != JSON_NUMBER || value->raw.p[0] == '-' ||
        !span_copy(value->raw, digits, sizeof digits)) {
        return JWS_WRONG;
    }
    double seconds = strtod(digits, NULL);
    if (seconds > (double)JWS_SECONDS_MAX) {
        return JWS_WRONG;
    }
    *out = (int64_t)seconds;
    return JWS_FOUND;
}
