/*
 * Tokens; see token.h.
 *
 * libjwt 1.10 takes the algorithm from the token's own header, so with a public key configured it
 * accepts an HS256 token whose MAC was made with that PEM; it verifies nothing when its key is NULL;
 * it looks at no claim; and it takes base64 and JSON that others read differently. Therefore a token
 * is first taken apart by jws.h, strictly; its header must name the configured algorithm and nothing
 * critical; libjwt is asked for the signature only, and its opinion of the algorithm is compared
 * again; and the claims are read here from the bytes that were signed.
 */
#include "auth/token.h"

#include <jwt.h>
#include <openssl/err.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auth/jwks.h"
#include "auth/jws.h"
#include "auth/keys.h"
#include "auth/ring.h"
#include "base/ascii.h"
#include "base/json.h"

#define LIST_MAX 64 /* entries of `aud` and `channels` */
#define MAC_BYTES crypto_auth_hmacsha256_BYTES

struct tokens {
    const struct config *config;
    const char *algorithm; /* as the header must name it */
    jwt_alg_t jwt_algorithm;
    char *secret;                        /* what signatures are checked with, HS256; else NULL */
    struct ring *ring;                   /* and otherwise */
    unsigned char device_key[MAC_BYTES]; /* derived from the secret, like guest_key */
    unsigned char guest_key[MAC_BYTES];
};

const char *token_error_code(enum token_error error)
{
    switch (error) {
    case TOKEN_OK:
        return "ok";
    case TOKEN_MISSING:
        return "token_missing";
    case TOKEN_EXPIRED:
        return "token_expired";
    case TOKEN_INVALID:
        break;
    }
    return "token_invalid";
}

static void mac(unsigned char out[MAC_BYTES], const void *key, size_t key_len,
                const char *const *parts, size_t count)
{
    crypto_auth_hmacsha256_state state;
    crypto_auth_hmacsha256_init(&state, key, key_len);
    for (size_t i = 0; i < count; i++) {
        /* With its NUL, so that ("ab", "c") and ("a", "bc") differ. */
        crypto_auth_hmacsha256_update(&state, (const unsigned char *)parts[i],
                                      strlen(parts[i]) + 1);
    }
    crypto_auth_hmacsha256_final(&state, out);
    sodium_memzero(&state, sizeof state);
}

/* A key of its own for each purpose, so that no output of one can serve in another. */
static void derive(unsigned char out[MAC_BYTES], const char *secret, const char *purpose)
{
    mac(out, secret, strlen(secret), &purpose, 1);
}

static bool tokens_load(struct tokens *tokens, char *error, size_t error_cap)
{
    static const char *const names[] = {
        [CONFIG_JWT_HS256] = "HS256",
        [CONFIG_JWT_RS256] = "RS256",
        [CONFIG_JWT_ES256] = "ES256",
    };
    static const jwt_alg_t algorithms[] = {
        [CONFIG_JWT_HS256] = JWT_ALG_HS256,
        [CONFIG_JWT_RS256] = JWT_ALG_RS256,
        [CONFIG_JWT_ES256] = JWT_ALG_ES256,
    };
    char *secret = keys_load_secret(tokens->config, error, error_cap);
    if (!secret) {
        return false;
    }
    tokens->algorithm = names[tokens->config->jwt_algorithm];
    tokens->jwt_algorithm = algorithms[tokens->config->jwt_algorithm];
    derive(tokens->device_key, secret, "lectern device");
    derive(tokens->guest_key, secret, "lectern guest");
    if (tokens->config->jwt_algorithm == CONFIG_JWT_HS256) {
        tokens->secret = secret;
        return true;
    }
    sodium_memzero(secret, strlen(secret));
    free(secret);
    tokens->ring = ring_create(tokens->config, error, error_cap);
    return tokens->ring != NULL;
}

struct tokens *tokens_create(const struct config *config, char *error, size_t error_cap)
{
    struct tokens *tokens = calloc(1, sizeof *tokens);
    if (!tokens) {
        snprintf(error, error_cap, "out of memory");
        return NULL;
    }
    tokens->config = config;
    if (!tokens_load(tokens, error, error_cap)) {
        tokens_destroy(tokens);
        return NULL;
    }
    return tokens;
}

void tokens_destroy(struct tokens *tokens)
{
    if (!tokens) {
        return;
    }
    if (tokens->secret) {
        sodium_memzero(tokens->secret, strlen(tokens->secret));
        free(tokens->secret);
    }
    ring_destroy(tokens->ring);
    sodium_memzero(tokens, sizeof *tokens);
    free(tokens);
}

int tokens_reload(const struct tokens *tokens, char *error, size_t error_cap)
{
    if (!tokens->ring) {
        snprintf(error, error_cap, "there is no file of public keys to read again");
        return -1;
    }
    return ring_reload(tokens->ring, tokens->config, error, error_cap);
}

static bool header_acceptable(const struct tokens *tokens, const struct jws_object *header)
{
    char algorithm[16];
    return jws_text(header, "alg", algorithm, sizeof algorithm) == JWS_FOUND &&
           strcmp(algorithm, tokens->algorithm) == 0 && !jws_get(header, "crit");
}

/* `token` is NUL-terminated and its header is acceptable; `key` may be NULL: there is none. */
static bool signed_with(const struct tokens *tokens, const char *token, const char *key)
{
    jwt_t *jwt = NULL;
    int failed = !key || jwt_decode(&jwt, token, (const unsigned char *)key, (int)strlen(key));
    bool valid = failed == 0 && jwt && jwt_get_alg(jwt) == tokens->jwt_algorithm;
    jwt_free(jwt);
    ERR_clear_error();
    return valid;
}

static bool signature_valid(const struct tokens *tokens, const char *token,
                            const struct jws_object *header)
{
    char kid[JWKS_KID_MAX + 1];
    if (tokens->secret) {
        return signed_with(tokens, token, tokens->secret);
    }
    enum jws_result named = jws_text(header, "kid", kid, sizeof kid);
    if (named == JWS_WRONG) {
        return false;
    }
    const char *key = ring_hold(tokens->ring, named == JWS_FOUND ? kid : NULL);
    bool valid = signed_with(tokens, token, key);
    ring_release(tokens->ring);
    return valid;
}

static bool times_valid(const struct jws_object *claims, int64_t now_s, int64_t *expires_s)
{
    int64_t not_before = 0;
    int64_t issued = 0;
    return jws_seconds(claims, "exp", expires_s) == JWS_FOUND &&
           jws_seconds(claims, "nbf", &not_before) != JWS_WRONG &&
           jws_seconds(claims, "iat", &issued) != JWS_WRONG &&
           not_before <= now_s + TOKEN_LEEWAY_S && issued <= now_s + TOKEN_LEEWAY_S;
}

/* Is it a string, whatever it says? */
static bool is_text(const struct json_value *value)
{
    return value->type == JSON_STRING && json_string_decodes(value->raw);
}

/* Does a string say this? */
static bool says(const struct json_value *value, const char *wanted)
{
    return json_key_same((struct span){value->raw.p + 1, value->raw.n - 2}, span_of(wanted));
}

static bool issuer_valid(const struct tokens *tokens, const struct jws_object *claims)
{
    const char *wanted = tokens->config->jwt_issuer;
    const struct json_value *value = jws_get(claims, "iss");
    return value ? is_text(value) && (!*wanted || says(value, wanted)) : !*wanted;
}

/* `aud` is one string or an array of strings (RFC 7519 section 4.1.3). */
static bool audience_valid(const struct tokens *tokens, const struct jws_object *claims)
{
    const char *wanted = tokens->config->jwt_audience;
    const struct json_value *value = jws_get(claims, "aud");
    struct json_value list[LIST_MAX];
    size_t count = 1;
    bool match = !*wanted;
    if (!value) {
        return match;
    }
    list[0] = *value;
    if (value->type == JSON_ARRAY &&
        (json_elements(value->raw, list, LIST_MAX, &count) || count > LIST_MAX)) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        if (!is_text(&list[i])) {
            return false;
        }
        match = match || says(&list[i], wanted);
    }
    return match;
}

static bool identity_valid(const struct tokens *tokens, const struct jws_object *claims,
                           struct claims *out)
{
    const struct config *config = tokens->config;
    char type[16];
    if (jws_text(claims, config->jwt_claim_id, out->user_id, sizeof out->user_id) != JWS_FOUND ||
        !id_valid(span_of(out->user_id)) ||
        jws_text(claims, config->jwt_claim_type, type, sizeof type) != JWS_FOUND ||
        !user_type_parse(span_of(type), &out->type)) {
        return false;
    }
    enum jws_result named = jws_text(claims, config->jwt_claim_name, out->name, sizeof out->name);
    if (named == JWS_ABSENT) {
        return span_copy(span_of(out->user_id), out->name, sizeof out->name);
    }
    return named == JWS_FOUND && id_name_valid(span_of(out->name));
}

static bool device_id_valid(struct span s)
{
    for (size_t i = 0; i < s.n; i++) {
        if (!ascii_is_lower(s.p[i]) && !(s.p[i] >= '2' && s.p[i] <= '7')) {
            return false;
        }
    }
    return s.n == DEVICE_ID_LEN;
}

/* The name of a feed's channel, or `*` for all of them. */
static bool channel_valid(struct span name)
{
    for (size_t i = 0; i < name.n; i++) {
        if (name.p[i] != ':' && !id_valid((struct span){name.p + i, 1})) {
            return span_eq(name, "*");
        }
    }
    return name.n > 0 && name.n <= ID_MAX;
}

/* Adds one channel's name to the comma-separated list. */
static bool add_channel(struct span name, char *list, size_t cap)
{
    size_t used = strlen(list);
    if (!channel_valid(name) || used + (used > 0) + name.n >= cap) {
        return false;
    }
    if (used > 0) {
        list[used++] = ',';
    }
    return span_copy(name, list + used, cap - used);
}

/* `channels` is an array of names, or one string of names with commas between. */
static bool channels_valid(const struct jws_object *claims, char *out, size_t cap)
{
    const struct json_value *value = jws_get(claims, "channels");
    struct json_value list[LIST_MAX];
    char text[CHANNELS_MAX];
    size_t count;
    size_t len;
    if (!value) {
        return true;
    }
    if (value->type == JSON_ARRAY) {
        if (json_elements(value->raw, list, LIST_MAX, &count) || count > LIST_MAX) {
            return false;
        }
        for (size_t i = 0; i < count; i++) {
            if (json_string(list[i].raw, text, sizeof text, &len) ||
                !add_channel((struct span){text, len}, out, cap)) {
                return false;
            }
        }
        return true;
    }
    if (value->type != JSON_STRING || json_string(value->raw, text, sizeof text, &len)) {
        return false;
    }
    for (char *rest = text, *name; *text && (name = strsep(&rest, ","));) {
        if (!add_channel(span_of(name), out, cap)) {
            return false;
        }
    }
    return true;
}

static bool extras_valid(const struct jws_object *claims, struct claims *out)
{
    enum jws_result room = jws_text(claims, "room", out->room, sizeof out->room);
    enum jws_result device = jws_text(claims, "device", out->device, sizeof out->device);
    return (room == JWS_ABSENT || id_room_code_valid(span_of(out->room))) &&
           (device == JWS_ABSENT || device_id_valid(span_of(out->device))) &&
           channels_valid(claims, out->channels, sizeof out->channels);
}

/* Only our own tokens have one: what another issuer calls `gen` is none of our business. */
static bool generation_valid(const struct tokens *tokens, const struct jws_object *claims,
                             struct claims *out)
{
    int64_t generation = 0;
    const struct json_value *value = tokens_can_mint(tokens) ? jws_get(claims, "gen") : NULL;
    if (value && (value->type != JSON_NUMBER || json_int(value->raw, &generation) ||
                  generation < 1 || generation > UINT32_MAX)) {
        return false;
    }
    out->generation = (uint32_t)generation;
    return true;
}

/*
 * What verifying needs for a moment. Not on the stack: each of the HTTP threads would keep the pages
 * for ever.
 */
struct work {
    struct jws_object object; /* the header, then the payload */
    char token[];             /* with a NUL behind it, as libjwt wants it */
};

static enum token_error verify(const struct tokens *tokens, struct work *work, int64_t now_ms,
                               struct claims *out)
{
    struct jws jws;
    struct jws_object *object = &work->object;
    int64_t expires_s = 0;
    if (!jws_split(span_of(work->token), &jws) || !jws_object_read(jws.header, object) ||
        !header_acceptable(tokens, object) || !signature_valid(tokens, work->token, object) ||
        !jws_object_read(jws.payload, object) || !times_valid(object, now_ms / 1000, &expires_s) ||
        !issuer_valid(tokens, object) || !audience_valid(tokens, object) ||
        !identity_valid(tokens, object, out) || !extras_valid(object, out) ||
        !generation_valid(tokens, object, out)) {
        return TOKEN_INVALID;
    }
    out->expires_ms = expires_s * 1000;
    return now_ms >= out->expires_ms ? TOKEN_EXPIRED : TOKEN_OK;
}

enum token_error token_verify(const struct tokens *tokens, struct span jwt, int64_t now_ms,
                              struct claims *out)
{
    enum token_error error = TOKEN_INVALID;
    *out = (struct claims){0};
    if (jwt.n == 0) {
        return TOKEN_MISSING;
    }
    bool sound = jwt.n <= TOKEN_MAX && !memchr(jwt.p, '\0', jwt.n);
    struct work *work = sound ? malloc(sizeof *work + jwt.n + 1) : NULL;
    if (work) {
        (void)span_copy(jwt, work->token, jwt.n + 1);
        error = verify(tokens, work, now_ms, out);
        free(work);
    }
    if (error) {
        *out = (struct claims){0};
    }
    return error;
}

bool tokens_can_mint(const struct tokens *tokens)
{
    return tokens->jwt_algorithm == JWT_ALG_HS256;
}

static int add_text(jwt_t *jwt, const char *key, const char *value)
{
    return *value ? jwt_add_grant(jwt, key, value) : 0;
}

static int add_claims(jwt_t *jwt, const struct config *config, const struct claims *claims,
                      int64_t now_ms)
{
    return add_text(jwt, config->jwt_claim_id, claims->user_id) ||
                   add_text(jwt, config->jwt_claim_name, claims->name) ||
                   add_text(jwt, config->jwt_claim_type, user_type_name(claims->type)) ||
                   add_text(jwt, "iss", config->jwt_issuer) ||
                   add_text(jwt, "aud", config->jwt_audience) ||
                   add_text(jwt, "room", claims->room) || add_text(jwt, "device", claims->device) ||
                   add_text(jwt, "channels", claims->channels) ||
                   (claims->generation && jwt_add_grant_int(jwt, "gen", claims->generation)) ||
                   jwt_add_grant_int(jwt, "iat", (long)(now_ms / 1000)) ||
                   jwt_add_grant_int(jwt, "exp", (long)((claims->expires_ms + 999) / 1000))
               ? -1
               : 0;
}

int token_mint(const struct tokens *tokens, const struct claims *claims, int64_t now_ms, char *out)
{
    jwt_t *jwt = NULL;
    char *text = NULL;
    struct claims check;
    if (!tokens_can_mint(tokens) || jwt_new(&jwt)) {
        return -1;
    }
    int result = add_claims(jwt, tokens->config, claims, now_ms);
    if (result == 0) {
        result = jwt_set_alg(jwt, tokens->jwt_algorithm, (const unsigned char *)tokens->secret,
                             (int)strlen(tokens->secret));
    }
    if (result == 0) {
        text = jwt_encode_str(jwt);
    }
    /* What it would refuse itself it does not sign. */
    result = text && span_copy(span_of(text), out, TOKEN_MAX + 1) &&
                     token_verify(tokens, span_of(out), now_ms, &check) == TOKEN_OK
                 ? 0
                 : -1;
    free(text);
    jwt_free(jwt);
    return result;
}

/*
 * The part of a device cookie that shows who made it: the beginning, in hex, of the MAC of the id, and
 * of the account where it is one's.
 */
static void device_tag(const struct tokens *tokens, const char *id, const char *user_id,
                       char tag[33])
{
    const char *parts[] = {id, user_id};
    unsigned char full[MAC_BYTES];
    mac(full, tokens->device_key, sizeof tokens->device_key, parts, user_id ? 2 : 1);
    sodium_bin2hex(tag, 33, full, 16);
}

static void make_cookie(const struct tokens *tokens, const char *user_id,
                        char cookie[DEVICE_COOKIE_LEN + 1])
{
    id_random(cookie, DEVICE_ID_LEN);
    device_tag(tokens, cookie, user_id, cookie + DEVICE_ID_LEN + 1);
    cookie[DEVICE_ID_LEN] = '.'; /* last: the tag is made of the id as a string */
}

static bool check_cookie(const struct tokens *tokens, const char *user_id, struct span cookie,
                         char id[DEVICE_ID_LEN + 1])
{
    char tag[33];
    struct span name = {cookie.p, DEVICE_ID_LEN};
    id[0] = '\0';
    if (cookie.n != DEVICE_COOKIE_LEN || cookie.p[DEVICE_ID_LEN] != '.' || !device_id_valid(name)) {
        return false;
    }
    (void)span_copy(name, id, DEVICE_ID_LEN + 1);
    device_tag(tokens, id, user_id, tag);
    if (sodium_memcmp(tag, cookie.p + DEVICE_ID_LEN + 1, 32) != 0) {
        id[0] = '\0';
        return false;
    }
    return true;
}

void device_create(const struct tokens *tokens, char cookie[DEVICE_COOKIE_LEN + 1])
{
    make_cookie(tokens, NULL, cookie);
}

bool device_verify(const struct tokens *tokens, struct span cookie, char id[DEVICE_ID_LEN + 1])
{
    return check_cookie(tokens, NULL, cookie, id);
}

/* What such a cookie is bound to; ids have no colon. */
static void write_account(char out[ID_MAX + 16], const char *user_id, uint32_t generation)
{
    snprintf(out, ID_MAX + 16, "%s:%u", user_id, generation);
}

void known_device_create(const struct tokens *tokens, const char *user_id, uint32_t generation,
                         char cookie[DEVICE_COOKIE_LEN + 1])
{
    char account[ID_MAX + 16];
    write_account(account, user_id, generation);
    make_cookie(tokens, account, cookie);
}

bool known_device_verify(const struct tokens *tokens, const char *user_id, uint32_t generation,
                         struct span cookie, char id[DEVICE_ID_LEN + 1])
{
    char account[ID_MAX + 16];
    write_account(account, user_id, generation);
    return check_cookie(tokens, account, cookie, id);
}

void guest_user_id(const struct tokens *tokens, const char *device, const char *room,
                   const char *name, char out[ID_MAX + 1])
{
    static const char alphabet[] = "abcdefghijklmnopqrstuvwxyz234567";
    const char *parts[] = {device, room, name};
    unsigned char full[MAC_BYTES];
    mac(full, tokens->guest_key, sizeof tokens->guest_key, parts, 3);
    memcpy(out, "g-", 2);
    for (size_t i = 0; i < 20; i++) {
        out[2 + i] = alphabet[full[i] & 31];
    }
    out[22] = '\0';
}
