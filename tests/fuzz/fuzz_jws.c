/*
 * Tokens in compact form, and the objects within. The input is a token, and also, signed by nobody,
 * the JSON of an object.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "auth/jws.h"
#include "base/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(int condition)
{
    if (!condition) {
        abort();
    }
}

static void look_into(const struct jws_object *object)
{
    static const char *const names[] = {"alg", "crit", "sub", "name", "exp", "room", ""};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char text[64];
        int64_t seconds = 0;
        enum jws_result as_text = jws_text(object, names[i], text, sizeof text);
        enum jws_result as_seconds = jws_seconds(object, names[i], &seconds);
        check(utf8_valid(text, strlen(text)));
        check(as_text == JWS_FOUND || !*text);
        check(!(as_text == JWS_FOUND && as_seconds == JWS_FOUND));
        check((as_text == JWS_ABSENT) == (jws_get(object, names[i]) == NULL));
        check(seconds >= 0 && seconds <= JWS_SECONDS_MAX);
    }
}

static void check_object(struct span segment)
{
    struct jws_object object;
    if (jws_object_read(segment, &object)) {
        check(object.count <= JWS_MEMBERS_MAX);
        look_into(&object);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct jws jws;
    if (jws_split((struct span){(const char *)data, size}, &jws)) {
        check(jws.header.n > 0 && jws.payload.n > 0 && jws.signature.n > 0);
        check(jws.header.n + jws.payload.n + jws.signature.n + 2 == size);
        check_object(jws.header);
        check_object(jws.payload);
    }
    size_t cap = sodium_base64_encoded_len(size, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    char *segment = malloc(cap);
    if (segment) {
        sodium_bin2base64(segment, cap, data, size, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
        check_object((struct span){segment, strlen(segment)});
    }
    free(segment);
    return 0;
}
