/* Key sets: what is taken, what is left out, and what a whole file is refused for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/core_names.h>

#include "auth/jwks.h"
#include "unit/auth/jwt_maker.h"

#define TEXT 16384

static EVP_PKEY *rsa, *other_rsa, *small_rsa, *p256, *other_p256, *p384;
static char rsa_json[2048], other_rsa_json[2048], small_rsa_json[2048];
static char p256_json[512], other_p256_json[512], p384_json[512];
static const char *wrong;

static void number(EVP_PKEY *key, const char *name, int len, char *out, size_t cap)
{
    unsigned char bytes[1024];
    BIGNUM *n = NULL;
    assert_int_equal(EVP_PKEY_get_bn_param(key, name, &n), 1);
    if (len == 0) {
        len = BN_num_bytes(n);
    }
    assert_int_equal(BN_bn2binpad(n, bytes, len), len);
    base64url(bytes, (size_t)len, out, cap);
    BN_free(n);
}

/* Members of a key, without braces. */
static void write_rsa(EVP_PKEY *key, char *out, size_t cap)
{
    char n[1400], e[32];
    number(key, OSSL_PKEY_PARAM_RSA_N, 0, n, sizeof n);
    number(key, OSSL_PKEY_PARAM_RSA_E, 0, e, sizeof e);
    snprintf(out, cap, "\"kty\":\"RSA\",\"n\":\"%s\",\"e\":\"%s\"", n, e);
}

static void write_ec(EVP_PKEY *key, const char *curve, int len, char *out, size_t cap)
{
    char x[128], y[128];
    number(key, OSSL_PKEY_PARAM_EC_PUB_X, len, x, sizeof x);
    number(key, OSSL_PKEY_PARAM_EC_PUB_Y, len, y, sizeof y);
    snprintf(out, cap, "\"kty\":\"EC\",\"crv\":\"%s\",\"x\":\"%s\",\"y\":\"%s\"", curve, x, y);
}

static int set_up(void **state)
{
    (void)state;
    rsa = EVP_RSA_gen(2048);
    other_rsa = EVP_RSA_gen(2048);
    small_rsa = EVP_RSA_gen(1024);
    p256 = EVP_EC_gen("P-256");
    other_p256 = EVP_EC_gen("P-256");
    p384 = EVP_EC_gen("P-384");
    write_rsa(rsa, rsa_json, sizeof rsa_json);
    write_rsa(other_rsa, other_rsa_json, sizeof other_rsa_json);
    write_rsa(small_rsa, small_rsa_json, sizeof small_rsa_json);
    write_ec(p256, "P-256", 32, p256_json, sizeof p256_json);
    write_ec(other_p256, "P-256", 32, other_p256_json, sizeof other_p256_json);
    write_ec(p384, "P-384", 48, p384_json, sizeof p384_json);
    return sodium_init() < 0;
}

static int tear_down(void **state)
{
    (void)state;
    EVP_PKEY *keys[] = {rsa, other_rsa, small_rsa, p256, other_p256, p384};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        EVP_PKEY_free(keys[i]);
    }
    jwks_free(NULL);
    return 0;
}

static struct jwks *parse(const char *text, enum config_jwt_algorithm algorithm)
{
    return jwks_parse(span_of(text), algorithm, &wrong);
}

/* A set must be refused, for a reason that has these words. */
static void refused(const char *text, enum config_jwt_algorithm algorithm, const char *why)
{
    struct jwks *jwks = parse(text, algorithm);
    if (jwks || !strstr(wrong, why)) {
        fail_msg("%.200s: %s", text, jwks ? "accepted" : wrong);
    }
}

static void is_key(const struct jwks *jwks, const char *kid, EVP_PKEY *key)
{
    char *pem = public_pem(key);
    const char *found = jwks_find(jwks, kid);
    assert_non_null(found);
    assert_string_equal(found, pem);
    free(pem);
}

static void keys_are_chosen_by_kid(void **state)
{
    (void)state;
    char text[TEXT];
    snprintf(
        text, sizeof text,
        "{\"keys\":[{%s,\"kid\":\"one\",\"use\":\"sig\",\"alg\":\"RS256\"},{%s,\"kid\":\"two\","
        "\"key_ops\":[\"verify\"]}],\"more\":1}",
        rsa_json, other_rsa_json);
    struct jwks *jwks = parse(text, CONFIG_JWT_RS256);
    assert_non_null(jwks);
    assert_int_equal(jwks_count(jwks), 2);
    is_key(jwks, "one", rsa);
    is_key(jwks, "two", other_rsa);
    assert_null(jwks_find(jwks, "three"));
    assert_null(jwks_find(jwks, ""));
    assert_null(jwks_find(jwks, NULL)); /* which of the two? */
    jwks_free(jwks);
    snprintf(text, sizeof text, "{\"keys\":[{\"kid\":\"가\",%s},{%s,\"kid\":\"b\"}]}", p256_json,
             other_p256_json);
    jwks = parse(text, CONFIG_JWT_ES256);
    assert_non_null(jwks);
    is_key(jwks, "가", p256);
    is_key(jwks, "b", other_p256);
    jwks_free(jwks);
}

static void a_single_key_needs_no_kid(void **state)
{
    (void)state;
    char text[TEXT];
    snprintf(text, sizeof text, "{\"keys\":[{%s}]}", p256_json);
    struct jwks *jwks = parse(text, CONFIG_JWT_ES256);
    assert_non_null(jwks);
    is_key(jwks, NULL, p256);
    assert_null(jwks_find(jwks, "one")); /* the token asks for another one */
    jwks_free(jwks);
    snprintf(text, sizeof text, "{\"keys\":[{%s,\"kid\":\"one\"}]}", p256_json);
    jwks = parse(text, CONFIG_JWT_ES256);
    is_key(jwks, NULL, p256);
    is_key(jwks, "one", p256);
    assert_null(jwks_find(jwks, "two"));
    jwks_free(jwks);
}

static void other_keys_are_left_out(void **state)
{
    (void)state;
    char text[TEXT];
    snprintf(
        text, sizeof text,
        "{\"keys\":[{%s,\"kid\":\"r\"},{%s,\"kid\":\"384\"},{%s,\"use\":\"enc\",\"kid\":\"e\"},"
        "{%s,\"alg\":\"ES384\",\"kid\":\"a\"},{\"kty\":\"OKP\",\"kid\":\"o\"},"
        "{%s,\"key_ops\":[\"encrypt\"],\"kid\":\"p\"},{\"kid\":\"n\"},{%s,\"kid\":\"one\"}]}",
        rsa_json, p384_json, other_p256_json, other_p256_json, other_p256_json, p256_json);
    struct jwks *jwks = parse(text, CONFIG_JWT_ES256);
    assert_non_null(jwks);
    assert_int_equal(jwks_count(jwks), 1);
    is_key(jwks, "one", p256);
    jwks_free(jwks);
    snprintf(text, sizeof text, "{\"keys\":[{%s}]}", p256_json);
    refused(text, CONFIG_JWT_RS256, "no key for LECTERN_JWT_ALGORITHM");
    refused("{\"keys\":[]}", CONFIG_JWT_RS256, "no key for");
}

static void what_is_no_set(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",
        "[]",
        "{}",
        "null",
        "{\"keys\":{}}",
        "{\"keys\":\"x\"}",
        "{\"keys\":[}",
        "\xff{}",
        "-----BEGIN PUBLIC KEY-----",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        refused(texts[i], CONFIG_JWT_ES256, "JSON object with an array");
    }
    refused("{\"keys\":[1]}", CONFIG_JWT_ES256, "no object");
}

static void what_a_key_may_not_be(void **state)
{
    (void)state;
    char text[TEXT];
#define ONE(format, ...)                                                                           \
    (snprintf(text, sizeof text, "{\"keys\":[{" format "}]}", __VA_ARGS__), text)
    refused(ONE("%s,\"d\":\"AQ\"", p256_json), CONFIG_JWT_ES256, "private");
    refused(ONE("%s", "\"kty\":\"oct\",\"k\":\"AQ\""), CONFIG_JWT_ES256, "secret");
    refused(ONE("%s", small_rsa_json), CONFIG_JWT_RS256, "2048");
    refused(ONE("%s,\"kid\":7", p256_json), CONFIG_JWT_ES256, "kid");
    refused(ONE("%s,\"kid\":\"\"", p256_json), CONFIG_JWT_ES256, "kid");
    refused(ONE("%s,\"kid\":\"%0129d\"", p256_json, 1), CONFIG_JWT_ES256, "kid");
    refused(ONE("%s},{%s", p256_json, other_p256_json), CONFIG_JWT_ES256, "same kid");
    refused(ONE("%s,\"kid\":\"a\"},{%s,\"kid\":\"a\"", p256_json, other_p256_json),
            CONFIG_JWT_ES256, "same kid");
    refused(ONE("%s,\"kid\":\"a\"},{%s", p256_json, other_p256_json), CONFIG_JWT_ES256,
            "each needs a kid");
    refused(ONE("%s", "\"kty\":\"RSA\""), CONFIG_JWT_RS256, "numbers");
    refused(ONE("%s", "\"kty\":\"RSA\",\"n\":\"AQAB\",\"e\":7"), CONFIG_JWT_RS256, "numbers");
    refused(ONE("%s", "\"kty\":\"RSA\",\"n\":\"!!\",\"e\":\"AQAB\""), CONFIG_JWT_RS256, "numbers");
    refused(ONE("%s", "\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"AQ\",\"y\":\"AQ\""),
            CONFIG_JWT_ES256, "numbers");
    /* A point that is not on the curve. */
    refused(ONE("%s", "\"kty\":\"EC\",\"crv\":\"P-256\","
                      "\"x\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE\","
                      "\"y\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE\""),
            CONFIG_JWT_ES256, "numbers");
#undef ONE
    /* An exponent of 1 lets everything through. */
    char weak[sizeof rsa_json];
    strcpy(weak, rsa_json);
    strcpy(strstr(weak, "\"e\":"), "\"e\":\"AQ\"");
    snprintf(text, sizeof text, "{\"keys\":[{%s}]}", weak);
    refused(text, CONFIG_JWT_RS256, "numbers");
}

static void sets_are_bounded(void **state)
{
    (void)state;
    char *text = malloc(1 << 20);
    size_t n = (size_t)sprintf(text, "{\"keys\":[");
    for (int i = 0; i < JWKS_KEYS_MAX + 1; i++) {
        n += (size_t)sprintf(text + n, "%s{%s,\"kid\":\"%d\"}", i ? "," : "", p256_json, i);
    }
    strcpy(text + n, "]}");
    refused(text, CONFIG_JWT_ES256, "too many");
    n = (size_t)sprintf(text, "{\"keys\":[");
    for (int i = 0; i < 300; i++) {
        n += (size_t)sprintf(text + n, "%s{}", i ? "," : "");
    }
    strcpy(text + n, "]}");
    refused(text, CONFIG_JWT_ES256, "too many");
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_are_chosen_by_kid),  cmocka_unit_test(a_single_key_needs_no_kid),
        cmocka_unit_test(other_keys_are_left_out), cmocka_unit_test(what_is_no_set),
        cmocka_unit_test(what_a_key_may_not_be),   cmocka_unit_test(sets_are_bounded),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
