/* Reading key sets; see jwks.h. Numbers come as base64url (RFC 7518 section 6), OpenSSL checks them. */
#include "auth/jwks.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auth/keys.h"
#include "base/json.h"
#include "base/utf8.h"

#define MEMBERS_MAX 32    /* of the set and of one key */
#define ELEMENTS_MAX 256  /* keys of any kind */
#define NUMBER_MAX 1024   /* bytes: RSA keys of up to 8,192 bits */
#define COORDINATE_LEN 32 /* bytes: P-256 */

struct key {
    char kid[JWKS_KID_MAX + 1]; /* "" = none */
    char *pem;
};

struct jwks {
    struct key keys[JWKS_KEYS_MAX];
    size_t count;
    bool any; /* a PEM file's key: serves every kid */
};

void jwks_free(struct jwks *jwks)
{
    for (size_t i = 0; jwks && i < jwks->count; i++) {
        free(jwks->keys[i].pem);
    }
    free(jwks);
}

size_t jwks_count(const struct jwks *jwks)
{
    return jwks->count;
}

const char *jwks_find(const struct jwks *jwks, const char *kid)
{
    if (jwks->any || (!kid && jwks->count == 1)) {
        return jwks->keys[0].pem;
    }
    for (size_t i = 0; kid && i < jwks->count; i++) {
        if (*jwks->keys[i].kid && strcmp(jwks->keys[i].kid, kid) == 0) {
            return jwks->keys[i].pem;
        }
    }
    return NULL;
}

/* ---- one key ---- */

struct object {
    struct json_member members[MEMBERS_MAX];
    size_t count;
};

static const struct json_value *get(const struct object *object, const char *key)
{
    for (size_t i = 0; i < object->count; i++) {
        if (span_eq(object->members[i].key, key)) {
            return &object->members[i].value;
        }
    }
    return NULL;
}

static bool read_object(struct span text, struct object *out)
{
    size_t at;
    return json_members(text, out->members, MEMBERS_MAX, &out->count, &at) == 0 &&
           out->count <= MEMBERS_MAX;
}

/* Is the member absent, or that text? */
static bool absent_or(const struct object *object, const char *key, const char *wanted)
{
    const struct json_value *value = get(object, key);
    char text[JWKS_KID_MAX + 1];
    size_t len;
    return !value ||
           (value->type == JSON_STRING && json_string(value->raw, text, sizeof text, &len) == 0 &&
            strcmp(text, wanted) == 0);
}

/* Is it meant for checking signatures of this algorithm? */
static bool is_ours(const struct object *object, enum config_jwt_algorithm algorithm)
{
    bool rsa = algorithm == CONFIG_JWT_RS256;
    const struct json_value *uses = get(object, "key_ops");
    struct json_value list[8];
    size_t count = 0;
    bool verifies = !uses;
    if (uses && uses->type == JSON_ARRAY && json_elements(uses->raw, list, 8, &count) == 0) {
        for (size_t i = 0; i < count && i < 8; i++) {
            verifies = verifies || span_eq(list[i].raw, "\"verify\"");
        }
    }
    return verifies && get(object, "kty") && absent_or(object, "kty", rsa ? "RSA" : "EC") &&
           (rsa || (get(object, "crv") && absent_or(object, "crv", "P-256"))) &&
           absent_or(object, "alg", rsa ? "RS256" : "ES256") && absent_or(object, "use", "sig");
}

/* Decodes a member of base64url; 0: it is none, or too long. */
static size_t read_number(const struct object *object, const char *key,
                          unsigned char out[NUMBER_MAX])
{
    const struct json_value *value = get(object, key);
    size_t len = 0;
    if (!value || value->type != JSON_STRING ||
        sodium_base642bin(out, NUMBER_MAX, value->raw.p + 1, value->raw.n - 2, NULL, &len, NULL,
                          sodium_base64_VARIANT_URLSAFE_NO_PADDING)) {
        return 0;
    }
    return len;
}

static EVP_PKEY *make_key(const char *type, OSSL_PARAM_BLD *build)
{
    EVP_PKEY *key = NULL;
    OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(build);
    EVP_PKEY_CTX *context = params ? EVP_PKEY_CTX_new_from_name(NULL, type, NULL) : NULL;
    if (!context || EVP_PKEY_fromdata_init(context) <= 0 ||
        EVP_PKEY_fromdata(context, &key, EVP_PKEY_PUBLIC_KEY, params) <= 0) {
        key = NULL;
    }
    EVP_PKEY_CTX_free(context);
    OSSL_PARAM_free(params);
    return key;
}

static EVP_PKEY *read_rsa(const struct object *object)
{
    unsigned char n[NUMBER_MAX], e[NUMBER_MAX];
    size_t n_len = read_number(object, "n", n), e_len = read_number(object, "e", e);
    EVP_PKEY *key = NULL;
    OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
    BIGNUM *modulus = BN_bin2bn(n, (int)n_len, NULL), *exponent = BN_bin2bn(e, (int)e_len, NULL);
    if (n_len > 0 && e_len > 0 && build && modulus && exponent && BN_is_odd(exponent) &&
        !BN_is_one(exponent) && OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_N, modulus) &&
        OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_E, exponent)) {
        key = make_key("RSA", build);
    }
    OSSL_PARAM_BLD_free(build);
    BN_free(modulus);
    BN_free(exponent);
    return key;
}

static EVP_PKEY *read_ec(const struct object *object)
{
    unsigned char x[NUMBER_MAX], y[NUMBER_MAX], point[1 + 2 * COORDINATE_LEN] = {4};
    EVP_PKEY *key = NULL;
    if (read_number(object, "x", x) != COORDINATE_LEN ||
        read_number(object, "y", y) != COORDINATE_LEN) {
        return NULL;
    }
    memcpy(point + 1, x, COORDINATE_LEN);
    memcpy(point + 1 + COORDINATE_LEN, y, COORDINATE_LEN);
    OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
    if (build &&
        OSSL_PARAM_BLD_push_utf8_string(build, OSSL_PKEY_PARAM_GROUP_NAME, "prime256v1", 0) &&
        OSSL_PARAM_BLD_push_octet_string(build, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof point)) {
        key = make_key("EC", build);
    }
    OSSL_PARAM_BLD_free(build);
    return key;
}

/* ---- the set ---- */

/* Adds a key that is ours. NULL, or what is wrong with it. */
static const char *add_key(struct jwks *jwks, const struct object *object,
                           enum config_jwt_algorithm algorithm)
{
    const struct json_value *kid = get(object, "kid");
    struct key *key = &jwks->keys[jwks->count];
    size_t len;
    if (jwks->count == JWKS_KEYS_MAX) {
        return "it holds too many keys";
    }
    if (kid && (kid->type != JSON_STRING ||
                json_string(kid->raw, key->kid, sizeof key->kid, &len) || len == 0)) {
        return "a key's kid is not a text of 1 to 128 bytes";
    }
    for (size_t i = 0; i < jwks->count; i++) {
        if (strcmp(jwks->keys[i].kid, key->kid) == 0) {
            return "two of its keys have the same kid, or none";
        }
    }
    EVP_PKEY *public = algorithm == CONFIG_JWT_RS256 ? read_rsa(object) : read_ec(object);
    const char *wrong =
        public ? keys_check_public(public, algorithm) : "a key's numbers are missing or wrong";
    if (!wrong) {
        key->pem = keys_to_pem(public);
        wrong = key->pem ? NULL : "out of memory";
    }
    EVP_PKEY_free(public);
    ERR_clear_error();
    jwks->count += key->pem != NULL;
    return wrong;
}

/* NULL, or what is wrong. */
static const char *read_keys(struct jwks *jwks, const struct json_value *list, size_t count,
                             enum config_jwt_algorithm algorithm)
{
    struct object object;
    for (size_t i = 0; i < count; i++) {
        if (list[i].type != JSON_OBJECT || !read_object(list[i].raw, &object)) {
            return "one of its keys is no object, or too large a one";
        }
        if (get(&object, "d") || get(&object, "k")) {
            return "it holds a private or secret key, which belongs to the issuer alone";
        }
        const char *wrong = is_ours(&object, algorithm) ? add_key(jwks, &object, algorithm) : NULL;
        if (wrong) {
            return wrong;
        }
    }
    for (size_t i = 0; jwks->count > 1 && i < jwks->count; i++) {
        if (!*jwks->keys[i].kid) {
            return "of several keys each needs a kid";
        }
    }
    return jwks->count > 0 ? NULL : "it holds no key for LECTERN_JWT_ALGORITHM";
}

struct jwks *jwks_parse(struct span text, enum config_jwt_algorithm algorithm, const char **wrong)
{
    struct object set;
    size_t count = 0;
    *wrong = "it is not a JSON object with an array of keys";
    if (!utf8_valid(text.p, text.n) || !read_object(text, &set)) {
        return NULL;
    }
    const struct json_value *keys = get(&set, "keys");
    struct jwks *jwks = calloc(1, sizeof *jwks);
    struct json_value *list = calloc(ELEMENTS_MAX, sizeof *list);
    if (!jwks || !list) {
        *wrong = "out of memory";
    } else if (keys && keys->type == JSON_ARRAY &&
               json_elements(keys->raw, list, ELEMENTS_MAX, &count) == 0) {
        *wrong = count > ELEMENTS_MAX ? "it holds too many keys"
                                      : read_keys(jwks, list, count, algorithm);
    }
    free(list);
    if (*wrong) {
        jwks_free(jwks);
        return NULL;
    }
    return jwks;
}

/* A set that is one PEM file. */
static struct jwks *load_pem(const struct config *config, char *error, size_t error_cap)
{
    char *pem = keys_load_public(config, error, error_cap);
    struct jwks *jwks = pem ? calloc(1, sizeof *jwks) : NULL;
    if (!jwks) {
        if (pem) {
            snprintf(error, error_cap, "out of memory");
        }
        free(pem);
        return NULL;
    }
    jwks->keys[0].pem = pem;
    jwks->count = 1;
    jwks->any = true;
    return jwks;
}

struct jwks *jwks_load(const struct config *config, char *error, size_t error_cap)
{
    char *text = NULL;
    if (!*config->jwt_jwks) {
        return load_pem(config, error, error_cap);
    }
    const char *wrong = keys_read_file(config->jwt_jwks, JWKS_FILE_MAX, &text);
    struct jwks *jwks = wrong ? NULL : jwks_parse(span_of(text), config->jwt_algorithm, &wrong);
    free(text);
    if (!jwks) {
        snprintf(error, error_cap, "cannot use LECTERN_JWT_JWKS=\"%s\": %s", config->jwt_jwks,
                 wrong);
    }
    return jwks;
}
