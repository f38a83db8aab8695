/*
 * Tokens: what is accepted, and each of libjwt 1.10's pitfalls as a token that must be refused. The
 * tokens are made without libjwt (jwt_maker.h).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "auth/token.h"
#include "unit/auth/jwt_maker.h"

#define SECRET "0123456789abcdef0123456789abcdef"
#define NOW_S 1732094000
#define NOW_MS (NOW_S * INT64_C(1000) + 500)
#define HS256 "{\"alg\":\"HS256\",\"typ\":\"JWT\"}"
#define RS256 "{\"alg\":\"RS256\",\"typ\":\"JWT\"}"
#define ES256 "{\"alg\":\"ES256\",\"typ\":\"JWT\"}"
#define LATER "\"exp\":1732097600"
#define KIM "\"sub\":\"kim\",\"userType\":\"student\"," LATER

static struct config config;
static struct tokens *tokens; /* HS256 with SECRET */
static struct claims claims;
static EVP_PKEY *rsa, *other_rsa, *p256, *other_p256;
static char key_path[] = "/tmp/lectern-token-XXXXXX";

static struct config plain_config(void)
{
    return (struct config){
        .jwt_secret = (char *)SECRET,
        .data_dir = (char *)"/nonexistent",
        .jwt_algorithm = CONFIG_JWT_HS256,
        .jwt_public_key = (char *)"",
        .jwt_jwks = (char *)"",
        .jwt_issuer = (char *)"",
        .jwt_audience = (char *)"",
        .jwt_claim_id = (char *)"sub",
        .jwt_claim_name = (char *)"name",
        .jwt_claim_type = (char *)"userType",
    };
}

static struct tokens *create(const struct config *c)
{
    char error[CONFIG_ERROR_MAX];
    struct tokens *t = tokens_create(c, error, sizeof error);
    if (!t) {
        fail_msg("%s", error);
    }
    return t;
}

static int set_up(void **state)
{
    (void)state;
    if (id_init()) {
        return -1;
    }
    config = plain_config();
    tokens = create(&config);
    rsa = EVP_RSA_gen(2048);
    other_rsa = EVP_RSA_gen(2048);
    p256 = EVP_EC_gen("P-256");
    other_p256 = EVP_EC_gen("P-256");
    close(mkstemp(key_path));
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    tokens_destroy(tokens);
    tokens_destroy(NULL);
    EVP_PKEY_free(rsa);
    EVP_PKEY_free(other_rsa);
    EVP_PKEY_free(p256);
    EVP_PKEY_free(other_p256);
    return unlink(key_path);
}

/* Verifies an exact-size copy, so that a sanitizer sees a read beyond it. */
static enum token_error verify(const struct tokens *t, const char *jwt)
{
    size_t n = strlen(jwt);
    char *copy = malloc(n ? n : 1);
    assert_non_null(copy);
    memcpy(copy, jwt, n);
    memset(&claims, 0x5a, sizeof claims);
    enum token_error error = token_verify(t, (struct span){copy, n}, NOW_MS, &claims);
    free(copy);
    static const struct claims none;
    if (error) {
        assert_memory_equal(&claims, &none, sizeof none);
    }
    return error;
}

/* Signs and verifies a payload with HS256. */
static enum token_error check(const char *payload)
{
    char jwt[JWT_BYTES];
    jwt_hs256(HS256, payload, SECRET, jwt);
    return verify(tokens, jwt);
}

static void good(const char *payload)
{
    if (check(payload) != TOKEN_OK) {
        fail_msg("%s was refused", payload);
    }
}

static void bad(const char *payload)
{
    if (check(payload) != TOKEN_INVALID) {
        fail_msg("%s was not refused as invalid", payload);
    }
}

static void a_full_token(void **state)
{
    (void)state;
    good("{\"sub\":\"t1\",\"name\":\"김 선생님\",\"userType\":\"teacher\",\"exp\":1732097600,"
         "\"iat\":1732094000,\"nbf\":1732094000,\"iss\":\"anyone\",\"aud\":\"anything\","
         "\"room\":\"FTYXPM\",\"device\":\"abcdefghijklmnopqrstuvwxyz\",\"channels\":\"a,b\"}");
    assert_string_equal(claims.user_id, "t1");
    assert_string_equal(claims.name, "김 선생님");
    assert_int_equal(claims.type, USER_TEACHER);
    assert_string_equal(claims.room, "FTYXPM");
    assert_string_equal(claims.device, "abcdefghijklmnopqrstuvwxyz");
    assert_string_equal(claims.channels, "a,b");
    assert_true(claims.expires_ms == INT64_C(1732097600000));
}

static void a_least_token(void **state)
{
    (void)state;
    good("{" KIM "}");
    assert_string_equal(claims.user_id, "kim");
    assert_string_equal(claims.name, "kim"); /* no name: the id */
    assert_int_equal(claims.type, USER_STUDENT);
    assert_string_equal(claims.room, "");
    assert_string_equal(claims.device, "");
    assert_string_equal(claims.channels, "");
}

static void no_token(void **state)
{
    (void)state;
    assert_int_equal(verify(tokens, ""), TOKEN_MISSING);
    assert_int_equal(token_verify(tokens, (struct span){NULL, 0}, NOW_MS, &claims), TOKEN_MISSING);
    assert_string_equal(token_error_code(TOKEN_MISSING), "token_missing");
    assert_string_equal(token_error_code(TOKEN_INVALID), "token_invalid");
    assert_string_equal(token_error_code(TOKEN_EXPIRED), "token_expired");
}

static void a_token_that_others_wrote(void **state)
{
    (void)state;
    /* Header and payload in another order, with blanks, and fields that we do not know. */
    char jwt[JWT_BYTES];
    jwt_hs256("{ \"kid\": \"1\", \"typ\" : \"JWT\", \"alg\" : \"HS256\" }",
              "{ \"roles\":[1,{\"a\":null}], \"exp\": 1.7320976e9, \"userType\" : \"service\",\n"
              "\"sub\":\"k\\u0069m\" , \"name\":\"K\\u0069m \\ud83d\\ude00\" }",
              SECRET, jwt);
    assert_int_equal(verify(tokens, jwt), TOKEN_OK);
    assert_string_equal(claims.user_id, "kim");
    assert_string_equal(claims.name, "Kim \xf0\x9f\x98\x80");
    assert_int_equal(claims.type, USER_SERVICE);
    assert_true(claims.expires_ms == INT64_C(1732097600000));
    /* Without typ, as RFC 7519 allows. */
    jwt_hs256("{\"alg\":\"HS256\"}", "{" KIM "}", SECRET, jwt);
    assert_int_equal(verify(tokens, jwt), TOKEN_OK);
}

static void signatures_are_checked(void **state)
{
    (void)state;
    char jwt[JWT_BYTES], changed[JWT_BYTES];
    jwt_hs256(HS256, "{" KIM "}", "another secret of 32 bytes, at least", jwt);
    assert_int_equal(verify(tokens, jwt), TOKEN_INVALID);
    jwt_hs256(HS256, "{" KIM "}", "", jwt);
    assert_int_equal(verify(tokens, jwt), TOKEN_INVALID);
    jwt_hs256(HS256, "{" KIM "}", SECRET, jwt);
    assert_int_equal(verify(tokens, jwt), TOKEN_OK);
    /* Any other character anywhere. */
    for (size_t i = 0; i < strlen(jwt); i++) {
        strcpy(changed, jwt);
        changed[i] = changed[i] == 'A' ? 'B' : 'A';
        assert_int_equal(verify(tokens, changed), TOKEN_INVALID);
    }
    /* Cut off anywhere. */
    for (size_t i = 1; i < strlen(jwt); i++) {
        strcpy(changed, jwt);
        changed[i] = '\0';
        assert_int_equal(verify(tokens, changed), TOKEN_INVALID);
    }
    static const char *const tails[] = {" ", "=", ".", ".e30", "A"};
    for (size_t i = 0; i < sizeof tails / sizeof tails[0]; i++) {
        strcpy(changed, jwt);
        strcat(changed, tails[i]);
        assert_int_equal(verify(tokens, changed), TOKEN_INVALID);
    }
    /* A NUL byte does not hide what follows. */
    size_t n = strlen(jwt);
    memcpy(jwt + n, "\0x", 2);
    assert_int_equal(token_verify(tokens, (struct span){jwt, n + 2}, NOW_MS, &claims),
                     TOKEN_INVALID);
}

static void alg_none_is_refused(void **state)
{
    (void)state;
    static const char *const names[] = {"none", "None", "NONE", "nOnE", ""};
    char jwt[JWT_BYTES], header[64], unsigned_jwt[JWT_BYTES];
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        snprintf(header, sizeof header, "{\"alg\":\"%s\",\"typ\":\"JWT\"}", names[i]);
        jwt_hs256(header, "{" KIM "}", SECRET, jwt);
        assert_int_equal(verify(tokens, jwt), TOKEN_INVALID);
        snprintf(unsigned_jwt, sizeof unsigned_jwt, "%.*s", (int)(strrchr(jwt, '.') - jwt + 1),
                 jwt);
        assert_int_equal(verify(tokens, unsigned_jwt), TOKEN_INVALID);
    }
}

static void the_header_must_name_the_algorithm(void **state)
{
    (void)state;
    static const char *const headers[] = {
        "{}",
        "{\"typ\":\"JWT\"}",
        "{\"alg\":\"hs256\"}",
        "{\"alg\":\"HS384\"}",
        "{\"alg\":\"HS512\"}",
        "{\"alg\":\"RS256\"}",
        "{\"alg\":\"ES256\"}",
        "{\"alg\":\"HS256\\u0000\"}",
        "{\"alg\":null}",
        "{\"alg\":[\"HS256\"]}",
        "{\"alg\":256}",
        "{\"Alg\":\"HS256\"}",
        "{\"alg\":\"HS256\",\"alg\":\"HS256\"}",
        "{\"alg\":\"none\",\"alg\":\"HS256\"}",
        "{\"alg\":\"none\",\"\\u0061lg\":\"HS256\"}",
        "{\"alg\":\"HS256\",\"crit\":[]}",
        "{\"alg\":\"HS256\",\"crit\":[\"exp\"]}",
        "{\"alg\":\"HS256\",\"b64\":false,\"crit\":[\"b64\"]}",
        "[\"HS256\"]",
        "\"HS256\"",
        "HS256",
        " ",
    };
    char jwt[JWT_BYTES];
    for (size_t i = 0; i < sizeof headers / sizeof headers[0]; i++) {
        jwt_hs256(headers[i], "{" KIM "}", SECRET, jwt);
        if (verify(tokens, jwt) != TOKEN_INVALID) {
            fail_msg("%s was not refused", headers[i]);
        }
    }
}

static void use_public_key(enum config_jwt_algorithm algorithm, EVP_PKEY *key, struct config *c)
{
    char *pem = public_pem(key);
    write_text(key_path, pem);
    free(pem);
    *c = plain_config();
    c->jwt_algorithm = algorithm;
    c->jwt_public_key = key_path;
}

/*
 * libjwt takes the public key's PEM as HMAC key if the header says so: everybody who knows the public
 * key could make tokens.
 */
static void the_public_key_is_no_hmac_key(void **state)
{
    (void)state;
    EVP_PKEY *keys[] = {rsa, p256};
    static const enum config_jwt_algorithm algorithms[] = {CONFIG_JWT_RS256, CONFIG_JWT_ES256};
    static const char *const hmacs[] = {HS256, "{\"alg\":\"HS384\"}", "{\"alg\":\"HS512\"}", RS256,
                                        ES256};
    for (int i = 0; i < 2; i++) {
        struct config c;
        char jwt[JWT_BYTES];
        use_public_key(algorithms[i], keys[i], &c);
        struct tokens *t = create(&c);
        char *pem = public_pem(keys[i]);
        for (size_t j = 0; j < sizeof hmacs / sizeof hmacs[0]; j++) {
            jwt_hs256(hmacs[j], "{" KIM "}", pem, jwt);
            assert_int_equal(verify(t, jwt), TOKEN_INVALID);
        }
        /* Nor does the secret, which signs device ids only, sign tokens here. */
        jwt_hs256(HS256, "{" KIM "}", SECRET, jwt);
        assert_int_equal(verify(t, jwt), TOKEN_INVALID);
        free(pem);
        tokens_destroy(t);
    }
}

static void public_key_algorithms(void **state)
{
    (void)state;
    EVP_PKEY *keys[] = {rsa, p256};
    EVP_PKEY *others[] = {other_rsa, other_p256};
    static const enum config_jwt_algorithm algorithms[] = {CONFIG_JWT_RS256, CONFIG_JWT_ES256};
    static const char *const headers[] = {RS256, ES256};
    for (int i = 0; i < 2; i++) {
        struct config c;
        char jwt[JWT_BYTES];
        use_public_key(algorithms[i], keys[i], &c);
        struct tokens *t = create(&c);
        jwt_signed(headers[i], "{" KIM "}", keys[i], jwt);
        assert_int_equal(verify(t, jwt), TOKEN_OK);
        assert_string_equal(claims.user_id, "kim");
        jwt_signed(headers[i], "{" KIM "}", others[i], jwt); /* somebody else's key */
        assert_int_equal(verify(t, jwt), TOKEN_INVALID);
        jwt_signed(headers[1 - i], "{" KIM "}", keys[1 - i], jwt); /* the other algorithm */
        assert_int_equal(verify(t, jwt), TOKEN_INVALID);
        jwt_signed(headers[1 - i], "{" KIM "}", keys[i], jwt);
        assert_int_equal(verify(t, jwt), TOKEN_INVALID);
        jwt_signed("{\"alg\":\"none\"}", "{" KIM "}", keys[i], jwt);
        assert_int_equal(verify(t, jwt), TOKEN_INVALID);
        jwt_signed(headers[i], "{\"sub\":\"kim\",\"userType\":\"student\",\"exp\":5}", keys[i],
                   jwt);
        assert_int_equal(verify(t, jwt), TOKEN_EXPIRED);
        assert_int_equal(verify(tokens, jwt), TOKEN_INVALID); /* where HS256 is configured */
        tokens_destroy(t);
    }
}

static void an_es256_signature_of_zeros_is_refused(void **state)
{
    (void)state;
    struct config c;
    char jwt[JWT_BYTES];
    static const unsigned char zeros[64];
    use_public_key(CONFIG_JWT_ES256, p256, &c);
    struct tokens *t = create(&c);
    jwt_input(ES256, "{" KIM "}", jwt);
    jwt_attach(jwt, zeros, sizeof zeros);
    assert_int_equal(verify(t, jwt), TOKEN_INVALID);
    for (size_t n = 1; n < 64; n += 7) {
        jwt_input(ES256, "{" KIM "}", jwt);
        jwt_attach(jwt, zeros, n);
        assert_int_equal(verify(t, jwt), TOKEN_INVALID);
    }
    tokens_destroy(t);
}

/* libjwt checks nothing when its key is NULL: there must be no way to have none. */
static void there_is_always_a_key(void **state)
{
    (void)state;
    struct config c = plain_config();
    char error[CONFIG_ERROR_MAX] = "";
    c.jwt_secret = (char *)""; /* and the data directory cannot be made */
    c.data_dir = (char *)"/nonexistent/place";
    assert_null(tokens_create(&c, error, sizeof error));
    assert_non_null(strstr(error, "jwt-secret"));
    c = plain_config();
    c.jwt_algorithm = CONFIG_JWT_RS256;
    assert_null(tokens_create(&c, error, sizeof error));
    c.jwt_public_key = (char *)"/nonexistent";
    assert_null(tokens_create(&c, error, sizeof error));
    assert_non_null(strstr(error, "/nonexistent"));
}

static void a_pem_is_no_secret(void **state)
{
    (void)state;
    struct config c = plain_config();
    char error[CONFIG_ERROR_MAX];
    c.jwt_secret = public_pem(rsa);
    assert_null(tokens_create(&c, error, sizeof error));
    assert_non_null(strstr(error, "PEM"));
    free(c.jwt_secret);
}

static void expiry(void **state)
{
    (void)state;
    bad("{\"sub\":\"kim\",\"userType\":\"student\"}"); /* for ever is too long */
    assert_int_equal(check("{\"sub\":\"kim\",\"userType\":\"student\",\"exp\":1}"), TOKEN_EXPIRED);
    assert_int_equal(check("{\"sub\":\"kim\",\"userType\":\"student\",\"exp\":1732094000}"),
                     TOKEN_EXPIRED);
    assert_int_equal(check("{\"sub\":\"kim\",\"userType\":\"student\",\"exp\":1732094000.99}"),
                     TOKEN_EXPIRED);
    good("{\"sub\":\"kim\",\"userType\":\"student\",\"exp\":1732094001}");
    static const char *const wrong[] = {"\"1732097600\"", "null",  "true",         "-1", "{}",
                                        "[1732097600]",   "1e300", "9000000000001"};
    char payload[128];
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        snprintf(payload, sizeof payload, "{\"sub\":\"kim\",\"userType\":\"student\",\"exp\":%s}",
                 wrong[i]);
        bad(payload);
    }
    /* A token that is wrong in another way is invalid, whatever its date. */
    bad("{\"sub\":\"a b\",\"userType\":\"student\",\"exp\":1}");
    char jwt[JWT_BYTES];
    jwt_hs256(HS256, "{\"sub\":\"kim\",\"userType\":\"student\",\"exp\":1}", "wrong", jwt);
    assert_int_equal(verify(tokens, jwt), TOKEN_INVALID);
}

static void the_instant_of_expiry(void **state)
{
    (void)state;
    char jwt[JWT_BYTES];
    jwt_hs256(HS256, "{\"sub\":\"kim\",\"userType\":\"student\",\"exp\":1732094001}", SECRET, jwt);
    int64_t at = INT64_C(1732094001000);
    assert_int_equal(token_verify(tokens, span_of(jwt), at - 1, &claims), TOKEN_OK);
    assert_int_equal(token_verify(tokens, span_of(jwt), at, &claims), TOKEN_EXPIRED);
}

static void nbf_and_iat(void **state)
{
    (void)state;
    static const char *const names[] = {"nbf", "iat"};
    char payload[192];
    for (int i = 0; i < 2; i++) {
        static const struct {
            const char *value;
            bool ok;
        } cases[] = {
            {"0", true},           {"1732094000", true},
            {"1732094030", true},  {"1732094030.9", true},
            {"1732094031", false}, {"1e12", false},
            {"-5", false},         {"\"0\"", false},
            {"null", false},
        };
        for (size_t j = 0; j < sizeof cases / sizeof cases[0]; j++) {
            snprintf(payload, sizeof payload, "{" KIM ",\"%s\":%s}", names[i], cases[j].value);
            assert_int_equal(check(payload), cases[j].ok ? TOKEN_OK : TOKEN_INVALID);
        }
    }
}

static enum token_error check_with(const struct config *c, const char *payload)
{
    char jwt[JWT_BYTES];
    struct tokens *t = create(c);
    jwt_hs256(HS256, payload, SECRET, jwt);
    enum token_error error = verify(t, jwt);
    tokens_destroy(t);
    return error;
}

static void issuers(void **state)
{
    (void)state;
    struct config c = plain_config();
    c.jwt_issuer = (char *)"https://login.school.example";
    assert_int_equal(check_with(&c, "{" KIM ",\"iss\":\"https://login.school.example\"}"),
                     TOKEN_OK);
    assert_int_equal(check_with(&c, "{" KIM ",\"iss\":\"https://login.school.example/\"}"),
                     TOKEN_INVALID);
    assert_int_equal(check_with(&c, "{" KIM ",\"iss\":\"https://login.school.example\\u0000x\"}"),
                     TOKEN_INVALID);
    assert_int_equal(check_with(&c, "{" KIM ",\"iss\":[\"https://login.school.example\"]}"),
                     TOKEN_INVALID);
    assert_int_equal(check_with(&c, "{" KIM ",\"iss\":\"\"}"), TOKEN_INVALID);
    assert_int_equal(check_with(&c, "{" KIM "}"), TOKEN_INVALID);
    good("{" KIM ",\"iss\":\"anyone\"}"); /* where none is configured */
    bad("{" KIM ",\"iss\":5}");
}

static void audiences(void **state)
{
    (void)state;
    static const struct {
        const char *aud;
        bool ok;
    } cases[] = {
        {"\"lectern\"", true},
        {"[\"lectern\"]", true},
        {"[\"x\",\"lectern\",\"y\"]", true},
        {"\"Lectern\"", false},
        {"\"lectern2\"", false},
        {"\"\"", false},
        {"[]", false},
        {"[\"x\"]", false},
        {"[[\"lectern\"]]", false},
        {"{\"lectern\":1}", false},
        {"null", false},
        {"5", false},
        {"[\"lectern\",5]", false},
        {"\"lectern\\u0000\"", false},
    };
    struct config c = plain_config();
    c.jwt_audience = (char *)"lectern";
    char payload[256];
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        snprintf(payload, sizeof payload, "{" KIM ",\"aud\":%s}", cases[i].aud);
        assert_int_equal(check_with(&c, payload), cases[i].ok ? TOKEN_OK : TOKEN_INVALID);
    }
    assert_int_equal(check_with(&c, "{" KIM "}"), TOKEN_INVALID);
    good("{" KIM ",\"aud\":[\"a\",\"b\"]}"); /* where none is configured */
    bad("{" KIM ",\"aud\":5}");
    bad("{" KIM ",\"aud\":[5]}");
}

static void user_ids_and_types(void **state)
{
    (void)state;
    static const char *const ids[] = {
        "\"\"",       "\"a b\"",
        "5",          "null",
        "[\"kim\"]",  "\"김\"",
        "\"kim\\n\"", "\"kim\\u0000\"",
        "\"a:b\"",    "\"0123456789012345678901234567890123456789012345678901234567890123x\""};
    static const char *const types[] = {"\"\"",
                                        "\"admin\"",
                                        "\"Teacher\"",
                                        "\"teachers\"",
                                        "5",
                                        "null",
                                        "[\"teacher\"]",
                                        "\"teacher\\u0000\"",
                                        "\"server\"",
                                        "\"a type that is far too long\""};
    char payload[256];
    for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++) {
        snprintf(payload, sizeof payload, "{\"userType\":\"student\"," LATER ",\"sub\":%s}",
                 ids[i]);
        bad(payload);
    }
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        snprintf(payload, sizeof payload, "{\"sub\":\"kim\"," LATER ",\"userType\":%s}", types[i]);
        bad(payload);
    }
    bad("{\"userType\":\"student\"," LATER "}");
    bad("{\"sub\":\"kim\"," LATER "}");
    bad("{\"Sub\":\"kim\",\"userType\":\"student\"," LATER "}");
    bad("{" KIM ",\"sub\":\"lee\"}"); /* given twice */
    bad("{" KIM ",\"s\\u0075b\":\"lee\"}");
}

static void names(void **state)
{
    (void)state;
    static const char *const wrong[] = {"\"\"", "\" \"", "\"a\\nb\"",   "\"a\\u0000\"", "5",
                                        "null", "[]",    "\"\\ud800\"", "\"\\u009b\""};
    char payload[512];
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        snprintf(payload, sizeof payload, "{" KIM ",\"name\":%s}", wrong[i]);
        bad(payload);
    }
    char long_name[66];
    memset(long_name, 'n', 65);
    long_name[65] = '\0';
    snprintf(payload, sizeof payload, "{" KIM ",\"name\":\"%s\"}", long_name);
    bad(payload);
    snprintf(payload, sizeof payload, "{" KIM ",\"name\":\"%s\"}", long_name + 1);
    good(payload);
    assert_string_equal(claims.name, long_name + 1);
}

static void rooms_and_devices(void **state)
{
    (void)state;
    static const char *const rooms[] = {"\"\"",    "\"room:FTYXPM\"",   "\"ftyxpm\"",
                                        "\"ABC\"", "\"ABCDEFGHIJKLM\"", "5",
                                        "null",    "[\"FTYXPM\"]"};
    static const char *const devices[] = {
        "\"\"", "\"abc\"", "\"ABCDEFGHIJKLMNOPQRSTUVWXYZ\"", "\"abcdefghijklmnopqrstuvwxy1\"",
        "5",    "null",    "\"abcdefghijklmnopqrstuvwxyza\""};
    char payload[256];
    for (size_t i = 0; i < sizeof rooms / sizeof rooms[0]; i++) {
        snprintf(payload, sizeof payload, "{" KIM ",\"room\":%s}", rooms[i]);
        bad(payload);
    }
    for (size_t i = 0; i < sizeof devices / sizeof devices[0]; i++) {
        snprintf(payload, sizeof payload, "{" KIM ",\"device\":%s}", devices[i]);
        bad(payload);
    }
}

static void channels(void **state)
{
    (void)state;
    static const struct {
        const char *raw;
        const char *expected; /* NULL: refused */
    } cases[] = {
        {"\"\"", ""},
        {"[]", ""},
        {"\"community_monitor\"", "community_monitor"},
        {"\"a,b,c\"", "a,b,c"},
        {"[\"a\",\"b\"]", "a,b"},
        {"\"*\"", "*"},
        {"[\"a:b\",\"*\"]", "a:b,*"},
        {"\"a*\"", NULL},
        {"\"**\"", NULL},
        {"\"a/b\"", NULL},
        {"\"a,,b\"", NULL},
        {"\"a,\"", NULL},
        {"\",\"", NULL},
        {"\"a, b\"", NULL},
        {"[\"a\",\"\"]", NULL},
        {"[\"a,b\"]", NULL},
        {"[\"a\",5]", NULL},
        {"5", NULL},
        {"null", NULL},
        {"{}", NULL},
        {"\"a\\u0000\"", NULL},
    };
    char payload[2048];
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        snprintf(payload, sizeof payload, "{" KIM ",\"channels\":%s}", cases[i].raw);
        assert_int_equal(check(payload), cases[i].expected ? TOKEN_OK : TOKEN_INVALID);
        assert_string_equal(claims.channels, cases[i].expected ? cases[i].expected : "");
    }
    /* Together they must fit: nine names of 60 characters do not. */
    for (int count = 8; count <= 9; count++) {
        size_t n = (size_t)snprintf(payload, sizeof payload, "{" KIM ",\"channels\":[");
        for (int i = 0; i < count; i++) {
            n += (size_t)snprintf(payload + n, sizeof payload - n, "%s\"%060d\"", i ? "," : "", i);
        }
        snprintf(payload + n, sizeof payload - n, "]}");
        assert_int_equal(check(payload), count == 8 ? TOKEN_OK : TOKEN_INVALID);
    }
}

static void generations(void **state)
{
    (void)state;
    char jwt[TOKEN_MAX + 1];
    good("{" KIM "}");
    assert_int_equal(claims.generation, 0);
    good("{" KIM ",\"gen\":1}");
    assert_int_equal(claims.generation, 1);
    good("{" KIM ",\"gen\":4294967295}");
    assert_true(claims.generation == UINT32_MAX);
    bad("{" KIM ",\"gen\":0}");
    bad("{" KIM ",\"gen\":-1}");
    bad("{" KIM ",\"gen\":4294967296}");
    bad("{" KIM ",\"gen\":1.5}");
    bad("{" KIM ",\"gen\":\"1\"}");
    bad("{" KIM ",\"gen\":null}");
    bad("{" KIM ",\"gen\":1,\"gen\":2}");
    struct claims account = {.user_id = "kim", .name = "Kim", .generation = 7};
    account.expires_ms = NOW_MS + 1000;
    assert_int_equal(token_mint(tokens, &account, NOW_MS, jwt), 0);
    assert_int_equal(verify(tokens, jwt), TOKEN_OK);
    assert_int_equal(claims.generation, 7);
}

/* What another issuer calls `gen` is its own business. */
static void generations_of_another_issuer(void **state)
{
    (void)state;
    char jwt[JWT_BYTES];
    struct config c;
    use_public_key(CONFIG_JWT_RS256, rsa, &c);
    struct tokens *t = create(&c);
    jwt_signed(RS256, "{" KIM ",\"gen\":\"x\"}", rsa, jwt);
    assert_int_equal(verify(t, jwt), TOKEN_OK);
    assert_int_equal(claims.generation, 0);
    tokens_destroy(t);
}

static void payloads_that_are_no_claims(void **state)
{
    (void)state;
    bad("");
    bad("{}");
    bad("[]");
    bad("null");
    bad("{" KIM);
    bad("{" KIM "}x");
    bad("{" KIM ",\"x\":\"\xff\"}");
    char payload[4096] = "{" KIM;
    for (int i = 0; i < 62; i++) {
        size_t n = strlen(payload);
        snprintf(payload + n, sizeof payload - n, ",\"x%d\":1", i);
    }
    strcat(payload, "}");
    bad(payload); /* 65 claims */
    char jwt[JWT_BYTES];
    jwt_hs256(HS256, " ", SECRET, jwt);
    assert_int_equal(verify(tokens, jwt), TOKEN_INVALID);
}

static void tokens_are_bounded(void **state)
{
    (void)state;
    char payload[JWT_BYTES], jwt[JWT_BYTES];
    size_t n = 0;
    /* The longest that fits: base64url grows by four characters for three bytes. */
    for (size_t pad = 5900; pad < 6400; pad++) {
        snprintf(payload, sizeof payload, "{" KIM ",\"x\":\"%0*d\"}", (int)pad, 0);
        jwt_hs256(HS256, payload, SECRET, jwt);
        n = strlen(jwt);
        if (n > TOKEN_MAX) {
            break;
        }
        if (n > TOKEN_MAX - 3) {
            assert_int_equal(verify(tokens, jwt), TOKEN_OK);
        }
    }
    assert_true(n > TOKEN_MAX);
    assert_int_equal(verify(tokens, jwt), TOKEN_INVALID);
}

static void claim_names_are_configurable(void **state)
{
    (void)state;
    struct config c = plain_config();
    c.jwt_claim_id = (char *)"uid";
    c.jwt_claim_name = (char *)"display";
    c.jwt_claim_type = (char *)"https://school.example/role";
    assert_int_equal(
        check_with(&c, "{\"uid\":\"t1\",\"display\":\"Frau Gro\xc3\x9f\",\"sub\":5,\"name\":{},"
                       "\"https://school.example/role\":\"teacher\"," LATER "}"),
        TOKEN_OK);
    assert_string_equal(claims.user_id, "t1");
    assert_string_equal(claims.name, "Frau Gro\xc3\x9f");
    assert_int_equal(claims.type, USER_TEACHER);
    assert_int_equal(check_with(&c, "{" KIM "}"), TOKEN_INVALID);
}

static struct claims a_guest(void)
{
    return (struct claims){
        .user_id = "g-1",
        .name = "민수 \"M\"",
        .type = USER_STUDENT,
        .room = "FTYXPM",
        .device = "abcdefghijklmnopqrstuvwxyz",
        .channels = "a,b",
        .expires_ms = NOW_MS + 3600000,
    };
}

static void what_is_minted_is_accepted(void **state)
{
    (void)state;
    char jwt[TOKEN_MAX + 1];
    struct claims guest = a_guest();
    assert_true(tokens_can_mint(tokens));
    assert_int_equal(token_mint(tokens, &guest, NOW_MS, jwt), 0);
    assert_int_equal(verify(tokens, jwt), TOKEN_OK);
    assert_string_equal(claims.user_id, guest.user_id);
    assert_string_equal(claims.name, guest.name);
    assert_int_equal(claims.type, guest.type);
    assert_string_equal(claims.room, guest.room);
    assert_string_equal(claims.device, guest.device);
    assert_string_equal(claims.channels, guest.channels);
    /* Rounded up, so that it is never valid for less than was asked. */
    assert_true(claims.expires_ms == (NOW_S + 3601) * INT64_C(1000));
    /* Another server with another issuer does not take it, and this one's own rules go in. */
    struct config c = plain_config();
    c.jwt_issuer = (char *)"lectern-1";
    c.jwt_audience = (char *)"class";
    c.jwt_claim_id = (char *)"uid";
    struct tokens *t = create(&c);
    assert_int_equal(verify(t, jwt), TOKEN_INVALID);
    assert_int_equal(token_mint(t, &guest, NOW_MS, jwt), 0);
    assert_int_equal(verify(t, jwt), TOKEN_OK);
    assert_string_equal(claims.user_id, guest.user_id);
    tokens_destroy(t);
}

static void what_would_be_refused_is_not_minted(void **state)
{
    (void)state;
    char jwt[TOKEN_MAX + 1];
    struct claims guest = a_guest();
    strcpy(guest.user_id, "a b");
    assert_int_equal(token_mint(tokens, &guest, NOW_MS, jwt), -1);
    guest = a_guest();
    strcpy(guest.user_id, "");
    assert_int_equal(token_mint(tokens, &guest, NOW_MS, jwt), -1);
    guest = a_guest();
    strcpy(guest.name, "a\nb");
    assert_int_equal(token_mint(tokens, &guest, NOW_MS, jwt), -1);
    guest = a_guest();
    strcpy(guest.room, "ftyxpm");
    assert_int_equal(token_mint(tokens, &guest, NOW_MS, jwt), -1);
    guest = a_guest();
    guest.expires_ms = NOW_MS - 1000;
    assert_int_equal(token_mint(tokens, &guest, NOW_MS, jwt), -1);
    guest = a_guest();
    struct config c;
    use_public_key(CONFIG_JWT_RS256, rsa, &c);
    struct tokens *t = create(&c);
    assert_false(tokens_can_mint(t));
    assert_int_equal(token_mint(t, &guest, NOW_MS, jwt), -1);
    tokens_destroy(t);
}

static void device_cookies(void **state)
{
    (void)state;
    char cookie[DEVICE_COOKIE_LEN + 1], changed[DEVICE_COOKIE_LEN + 2], id[DEVICE_ID_LEN + 1];
    device_create(tokens, cookie);
    assert_int_equal(strlen(cookie), DEVICE_COOKIE_LEN);
    assert_true(device_verify(tokens, span_of(cookie), id));
    assert_int_equal(strlen(id), DEVICE_ID_LEN);
    assert_memory_equal(cookie, id, DEVICE_ID_LEN);
    assert_int_equal(cookie[DEVICE_ID_LEN], '.');
    for (size_t i = 0; i < DEVICE_COOKIE_LEN; i++) {
        strcpy(changed, cookie);
        changed[i] = changed[i] == 'a' ? 'b' : 'a';
        assert_false(device_verify(tokens, span_of(changed), id));
        assert_string_equal(id, "");
        changed[i] = '\0';
        assert_false(device_verify(tokens, span_of(changed), id));
    }
    snprintf(changed, sizeof changed, "%sa", cookie);
    assert_false(device_verify(tokens, span_of(changed), id));
    assert_false(device_verify(tokens, (struct span){NULL, 0}, id));
    /* Another installation's. */
    struct config c = plain_config();
    c.jwt_secret = (char *)"another secret of 32 bytes, at least";
    struct tokens *t = create(&c);
    assert_false(device_verify(t, span_of(cookie), id));
    tokens_destroy(t);
    char second[DEVICE_COOKIE_LEN + 1];
    device_create(tokens, second);
    assert_string_not_equal(cookie, second);
}

/* A mark of one account is none of another, none of a later generation, and none of a guest's device. */
static void known_devices(void **state)
{
    (void)state;
    char cookie[DEVICE_COOKIE_LEN + 1], id[DEVICE_ID_LEN + 1], other[DEVICE_COOKIE_LEN + 1];
    known_device_create(tokens, "kim", 1, cookie);
    assert_int_equal(strlen(cookie), DEVICE_COOKIE_LEN);
    assert_true(known_device_verify(tokens, "kim", 1, span_of(cookie), id));
    assert_memory_equal(cookie, id, DEVICE_ID_LEN);
    assert_false(known_device_verify(tokens, "kim", 2, span_of(cookie), id)); /* a new password */
    assert_false(known_device_verify(tokens, "lee", 1, span_of(cookie), id));
    assert_string_equal(id, "");
    assert_false(known_device_verify(tokens, "", 1, span_of(cookie), id));
    assert_false(known_device_verify(tokens, "kim", 1, (struct span){NULL, 0}, id));
    assert_false(device_verify(tokens, span_of(cookie), id));
    device_create(tokens, other);
    assert_false(known_device_verify(tokens, "kim", 1, span_of(other), id));
    assert_false(known_device_verify(tokens, "", 1, span_of(other), id));
    known_device_create(tokens, "kim", 1, other);
    assert_string_not_equal(cookie, other);
}

/* Device ids work with a public key too, and with the same secret alike. */
static void device_cookies_with_a_public_key(void **state)
{
    (void)state;
    char cookie[DEVICE_COOKIE_LEN + 1], id[DEVICE_ID_LEN + 1];
    struct config c;
    use_public_key(CONFIG_JWT_ES256, p256, &c);
    struct tokens *t = create(&c);
    device_create(t, cookie);
    assert_true(device_verify(tokens, span_of(cookie), id));
    tokens_destroy(t);
}

static void guest_ids(void **state)
{
    (void)state;
    static const char device[] = "abcdefghijklmnopqrstuvwxyz";
    char a[ID_MAX + 1], b[ID_MAX + 1];
    guest_user_id(tokens, device, "FTYXPM", "민수", a);
    assert_true(id_valid(span_of(a)));
    assert_int_equal(strlen(a), 22);
    assert_memory_equal(a, "g-", 2);
    guest_user_id(tokens, device, "FTYXPM", "민수", b);
    assert_string_equal(a, b);
    guest_user_id(tokens, device, "FTYXPM", "민지", b);
    assert_string_not_equal(a, b);
    guest_user_id(tokens, device, "FTYXPN", "민수", b);
    assert_string_not_equal(a, b);
    guest_user_id(tokens, "bbcdefghijklmnopqrstuvwxyz", "FTYXPM", "민수", b);
    assert_string_not_equal(a, b);
    /* Where one part ends and the next begins matters. */
    guest_user_id(tokens, device, "ABCD", "EF", a);
    guest_user_id(tokens, device, "ABCDE", "F", b);
    assert_string_not_equal(a, b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_full_token),
        cmocka_unit_test(a_least_token),
        cmocka_unit_test(no_token),
        cmocka_unit_test(a_token_that_others_wrote),
        cmocka_unit_test(signatures_are_checked),
        cmocka_unit_test(alg_none_is_refused),
        cmocka_unit_test(the_header_must_name_the_algorithm),
        cmocka_unit_test(the_public_key_is_no_hmac_key),
        cmocka_unit_test(public_key_algorithms),
        cmocka_unit_test(an_es256_signature_of_zeros_is_refused),
        cmocka_unit_test(there_is_always_a_key),
        cmocka_unit_test(a_pem_is_no_secret),
        cmocka_unit_test(expiry),
        cmocka_unit_test(the_instant_of_expiry),
        cmocka_unit_test(nbf_and_iat),
        cmocka_unit_test(issuers),
        cmocka_unit_test(audiences),
        cmocka_unit_test(user_ids_and_types),
        cmocka_unit_test(names),
        cmocka_unit_test(rooms_and_devices),
        cmocka_unit_test(channels),
        cmocka_unit_test(generations),
        cmocka_unit_test(generations_of_another_issuer),
        cmocka_unit_test(payloads_that_are_no_claims),
        cmocka_unit_test(tokens_are_bounded),
        cmocka_unit_test(claim_names_are_configurable),
        cmocka_unit_test(what_is_minted_is_accepted),
        cmocka_unit_test(what_would_be_refused_is_not_minted),
        cmocka_unit_test(device_cookies),
        cmocka_unit_test(known_devices),
        cmocka_unit_test(device_cookies_with_a_public_key),
        cmocka_unit_test(guest_ids),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
