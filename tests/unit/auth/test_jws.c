/* The compact form of tokens, taken apart. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <string.h>

#include <cmocka.h>

#include "auth/jws.h"
#include "unit/auth/jwt_maker.h"

static struct jws_object object;

static bool splits(const char *token)
{
    struct jws jws;
    return jws_split(span_of(token), &jws);
}

static void tokens_have_three_segments(void **state)
{
    (void)state;
    struct jws jws;
    assert_true(jws_split(span_of("e30.e30.AAAA"), &jws));
    assert_true(span_eq(jws.header, "e30"));
    assert_true(span_eq(jws.payload, "e30"));
    assert_true(span_eq(jws.signature, "AAAA"));
    static const char *const bad[] = {
        "",
        ".",
        "..",
        "...",
        "e30",
        "e30.e30",
        "e30.e30.",
        ".e30.AAAA",
        "e30..AAAA",
        "e30.e30.AAAA.",
        "e30.e30.AAAA.AAAA",
        ".e30.e30.AAAA",
        "e30.e30.AAAA\n",
        " e30.e30.AAAA",
        "e30.e30.AA AA",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_false(splits(bad[i]));
    }
    assert_false(jws_split((struct span){NULL, 0}, &jws));
}

static void base64url_is_canonical(void **state)
{
    (void)state;
    assert_true(splits("e30.e30.-_A"));
    assert_false(splits("e30.e30.+_A")); /* plain base64's characters */
    assert_false(splits("e30.e30./_A"));
    assert_false(splits("e30=.e30.AAAA")); /* padding */
    assert_false(splits("e30.e30.AAA="));
    assert_false(splits("e30.e30.A")); /* no whole byte */
    assert_false(splits("e30.e30.AAAAA"));
    assert_false(splits("e30.e30.AB")); /* bits that name nothing are set */
    assert_false(splits("e30.e30.AAB"));
    assert_false(splits("e31.e30.AAAA"));
    assert_true(splits("e30.e30.AQ"));
}

static bool reads(const char *json, size_t len)
{
    char segment[JWT_BYTES];
    base64url(json, len, segment, sizeof segment);
    return jws_object_read(span_of(segment), &object);
}

static void objects_are_strict(void **state)
{
    (void)state;
    static const char *const good[] = {"{}", " {\"a\":1} ", "{\"a\":{\"b\":1,\"b\":2}}"};
    static const char *const bad[] = {"",
                                      "[]",
                                      "1",
                                      "\"a\"",
                                      "{",
                                      "{}{}",
                                      "{\"a\":1,\"a\":1}",
                                      "{\"a\":1,\"\\u0061\":1}",
                                      "{'a':1}",
                                      "{\"a\":\"\xff\"}",
                                      "\xef\xbb\xbf{}"};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_true(reads(good[i], strlen(good[i])));
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_false(reads(bad[i], strlen(bad[i])));
    }
    assert_false(reads("{}\0", 3));
}

static void objects_are_bounded(void **state)
{
    (void)state;
    char json[8192] = "{\"k0\":0";
    for (int i = 1; i < JWS_MEMBERS_MAX; i++) {
        size_t n = strlen(json);
        snprintf(json + n, sizeof json - n, ",\"k%d\":0", i);
    }
    size_t n = strlen(json);
    strcpy(json + n, "}");
    assert_true(reads(json, n + 1));
    assert_int_equal(object.count, JWS_MEMBERS_MAX);
    strcpy(json + n, ",\"more\":0}");
    assert_false(reads(json, strlen(json)));
    /* And in bytes. */
    memset(json, ' ', sizeof json);
    memcpy(json, "{}", 2);
    assert_true(reads(json, JWS_TEXT_MAX));
    assert_false(reads(json, JWS_TEXT_MAX + 1));
}

static void texts(void **state)
{
    (void)state;
    static const char json[] =
        "{\"a\":\"x\\u00e9\",\"n\":1,\"z\":\"\\u0000\",\"u\":null,\"e\":\"\","
        "\"l\":\"0123456789\",\"\\u0062\":\"esc\"}";
    char out[11];
    assert_true(reads(json, strlen(json)));
    assert_int_equal(jws_text(&object, "a", out, sizeof out), JWS_FOUND);
    assert_string_equal(out, "x\xc3\xa9");
    assert_int_equal(jws_text(&object, "b", out, sizeof out), JWS_FOUND);
    assert_string_equal(out, "esc");
    assert_int_equal(jws_text(&object, "e", out, sizeof out), JWS_FOUND);
    assert_string_equal(out, "");
    assert_int_equal(jws_text(&object, "l", out, sizeof out), JWS_FOUND);
    assert_int_equal(jws_text(&object, "l", out, 10), JWS_WRONG);
    assert_string_equal(out, "");
    assert_int_equal(jws_text(&object, "n", out, sizeof out), JWS_WRONG);
    assert_int_equal(jws_text(&object, "z", out, sizeof out), JWS_WRONG);
    assert_int_equal(jws_text(&object, "u", out, sizeof out), JWS_WRONG);
    assert_int_equal(jws_text(&object, "A", out, sizeof out), JWS_ABSENT);
    assert_non_null(jws_get(&object, "u"));
    assert_null(jws_get(&object, "U"));
}

static void check_seconds(const char *number, enum jws_result result, int64_t expected)
{
    char json[128];
    int64_t seconds = -1;
    snprintf(json, sizeof json, "{\"t\":%s}", number);
    assert_true(reads(json, strlen(json)));
    assert_int_equal(jws_seconds(&object, "t", &seconds), result);
    assert_true(seconds == expected);
}

static void dates(void **state)
{
    (void)state;
    check_seconds("0", JWS_FOUND, 0);
    check_seconds("1732094000", JWS_FOUND, 1732094000);
    check_seconds("1732094000.999", JWS_FOUND, 1732094000);
    check_seconds("1.732094e9", JWS_FOUND, 1732094000);
    check_seconds("0.5", JWS_FOUND, 0);
    check_seconds("9000000000000", JWS_FOUND, 9000000000000);
    check_seconds("9000000000001", JWS_WRONG, -1);
    check_seconds("1e300", JWS_WRONG, -1);
    check_seconds("1e999", JWS_WRONG, -1);
    check_seconds("-1", JWS_WRONG, -1);
    check_seconds("-0", JWS_WRONG, -1);
    check_seconds("\"1732094000\"", JWS_WRONG, -1);
    check_seconds("null", JWS_WRONG, -1);
    check_seconds("true", JWS_WRONG, -1);
    check_seconds("[1]", JWS_WRONG, -1);
    check_seconds("1.0000000000000000000000000000000000000000000000000", JWS_WRONG, -1);
    int64_t seconds = 7;
    assert_int_equal(jws_seconds(&object, "other", &seconds), JWS_ABSENT);
    assert_true(seconds == 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tokens_have_three_segments),
        cmocka_unit_test(base64url_is_canonical),
        cmocka_unit_test(objects_are_strict),
        cmocka_unit_test(objects_are_bounded),
        cmocka_unit_test(texts),
        cmocka_unit_test(dates),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
