/* The JSON scanner, the decoder of strings, and the writer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/json.h"

/* An exact-size copy, so that a sanitizer sees a read beyond it. */
static bool valid(const char *text, size_t len)
{
    char *copy = malloc(len ? len : 1);
    assert_non_null(copy);
    memcpy(copy, text, len);
    bool result = json_valid((struct span){copy, len});
    free(copy);
    return result;
}

static void check_values(const char *const *texts, size_t count, bool expected)
{
    for (size_t i = 0; i < count; i++) {
        if (valid(texts[i], strlen(texts[i])) != expected) {
            fail_msg("%s should be %s", texts[i], expected ? "valid" : "refused");
        }
    }
}

static void valid_values(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "null",
        "true",
        "false",
        "0",
        "-0",
        "1",
        "-1",
        "10",
        "1.5",
        "-0.001",
        "1e5",
        "1E+5",
        "1e-5",
        "12345678901234567890",
        "1.0e00",
        "\"\"",
        "\"a\"",
        "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"",
        "\"\\u0000\"",
        "\"\\uD83D\\uDE00\"",
        "\"\\ud800\"",
        "\"\x7f\"",
        "\"김\"",
        "[]",
        "[ ]",
        "[1]",
        "[1,2]",
        "[1 , 2]",
        "{}",
        "{ }",
        "{\"\":0}",
        "{\"a\":1,\"a\":2}",
        "{\"a\" : [ {} , [] ] }",
        " \t\r\n1 \t\r\n",
        "[[[[]]]]",
    };
    check_values(texts, sizeof texts / sizeof texts[0], true);
}

static void refused_values(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",
        " ",
        "nul",
        "nulll",
        "Null",
        "True",
        "tru",
        "+1",
        "01",
        "-01",
        "-",
        "1.",
        ".5",
        "1.e5",
        "1e",
        "1e+",
        "1e+-5",
        "0x10",
        "1 2",
        "NaN",
        "Infinity",
        "-Infinity",
        "'a'",
        "a",
        "\"",
        "\"a",
        "\"\\",
        "\"\\\"",
        "\"\\x\"",
        "\"\\u12\"",
        "\"\\u123g\"",
        "\"\\u\"",
        "\"\n\"",
        "\"\t\"",
        "\"\x1f\"",
        "[",
        "]",
        "[1",
        "[1,",
        "[1,]",
        "[,1]",
        "[1 2]",
        "[1,,2]",
        "{",
        "}",
        "{\"a\"",
        "{\"a\":",
        "{\"a\":1",
        "{\"a\":1,",
        "{\"a\":1,}",
        "{,}",
        "{a:1}",
        "{1:1}",
        "{\"a\" 1}",
        "{\"a\":1 \"b\":2}",
        "{\"a\",1}",
        "[1}",
        "{\"a\":1]",
        "[]]",
        "{}{}",
        "1,",
        "/**/1",
        "1//",
        "\xef\xbb\xbf{}",
        "\v1",
        "\f1",
        "\xc2\xa0{}",
    };
    check_values(texts, sizeof texts / sizeof texts[0], false);
    assert_false(valid("1\0", 2));
    assert_false(valid("\0", 1));
    assert_false(valid("\"a\0b\"", 5));
    assert_false(json_valid((struct span){NULL, 0}));
    assert_true(json_valid_inside(span_of("[[]]"), JSON_DEPTH_MAX - 2));
    assert_false(json_valid_inside(span_of("[[]]"), JSON_DEPTH_MAX - 1));
    assert_true(json_valid_inside(span_of("17"), JSON_DEPTH_MAX));
}

/* Every beginning of a valid text is refused, and nothing beyond it is read. */
static void beginnings_are_refused(void **state)
{
    (void)state;
    static const char text[] = "{\"a\":[1.5e3,true,null,\"x\\u00e9\\n\"],\"b\":{\"c\":false}}";
    for (size_t len = 0; len < sizeof text - 1; len++) {
        assert_false(valid(text, len));
    }
    assert_true(valid(text, sizeof text - 1));
}

static void nest(char *text, size_t depth, const char *open, const char *close)
{
    *text = '\0';
    for (size_t i = 0; i < depth; i++) {
        text = stpcpy(text, open);
    }
    text = stpcpy(text, "1");
    for (size_t i = 0; i < depth; i++) {
        text = stpcpy(text, close);
    }
}

static void depth_is_bounded(void **state)
{
    (void)state;
    char text[2048];
    struct json_member member;
    size_t count, at;
    nest(text, JSON_DEPTH_MAX, "[", "]");
    assert_true(json_valid(span_of(text)));
    nest(text, JSON_DEPTH_MAX + 1, "[", "]");
    assert_false(json_valid(span_of(text)));
    nest(text, JSON_DEPTH_MAX, "{\"a\":", "}");
    assert_int_equal(json_members(span_of(text), &member, 1, &count, &at), 0);
    nest(text, JSON_DEPTH_MAX + 1, "{\"a\":", "}");
    assert_int_equal(json_members(span_of(text), &member, 1, &count, &at), -1);
    assert_int_equal(at, JSON_DEPTH_MAX * 5); /* the brace that is one too many */
    /* What was closed again does not count. */
    char wide[1024] = "[";
    for (int i = 0; i < 100; i++) {
        strcat(wide, i ? ",[]" : "[]");
    }
    strcat(wide, "]");
    assert_true(json_valid(span_of(wide)));
}

static void members_are_found(void **state)
{
    (void)state;
    static const char text[] =
        " { \"a\" : 1 , \"b\\u0041\":\"x\\\"y\",\"\":[1, {\"a\":2} ] ,\"n\":null,"
        "\"t\":true,\"f\":false,\"o\":{ } } \n";
    static const struct {
        const char *key;
        enum json_type type;
        const char *raw;
    } expected[] = {
        {"a", JSON_NUMBER, "1"},
        {"b\\u0041", JSON_STRING, "\"x\\\"y\""},
        {"", JSON_ARRAY, "[1, {\"a\":2} ]"},
        {"n", JSON_NULL, "null"},
        {"t", JSON_BOOL, "true"},
        {"f", JSON_BOOL, "false"},
        {"o", JSON_OBJECT, "{ }"},
    };
    struct json_member members[7];
    size_t count, at;
    assert_int_equal(json_members(span_of(text), members, 7, &count, &at), 0);
    assert_int_equal(count, 7);
    for (size_t i = 0; i < count; i++) {
        assert_true(span_eq(members[i].key, expected[i].key));
        assert_int_equal(members[i].value.type, expected[i].type);
        assert_true(span_eq(members[i].value.raw, expected[i].raw));
    }
}

static void members_past_the_maximum_are_counted_and_checked(void **state)
{
    (void)state;
    struct json_member members[3] = {{.key = {"", 0}}};
    size_t count, at;
    members[2].key = span_of("untouched");
    assert_int_equal(json_members(span_of("{\"a\":1,\"b\":2,\"c\":3}"), members, 2, &count, &at),
                     0);
    assert_int_equal(count, 3);
    assert_true(span_eq(members[1].key, "b"));
    assert_true(span_eq(members[2].key, "untouched"));
    assert_int_equal(json_members(span_of("{\"a\":1,\"b\":2,\"c\":3x}"), members, 2, &count, &at),
                     -1);
    assert_int_equal(json_members(span_of("{}"), NULL, 0, &count, &at), 0);
    assert_int_equal(count, 0);
}

static void check_error_at(const char *text, size_t expected)
{
    struct json_member members[4];
    size_t count, at = 999;
    assert_int_equal(json_members(span_of(text), members, 4, &count, &at), -1);
    assert_int_equal(at, expected);
}

static void errors_name_their_place(void **state)
{
    (void)state;
    check_error_at("", 0);
    check_error_at("  ", 2);
    check_error_at("[]", 0);
    check_error_at(" 5", 1);
    check_error_at("{\"a\":}", 5);
    check_error_at("{\"a\":1,}", 7);
    check_error_at("{\"a\":01}", 6);
    check_error_at("{\"a\":1} x", 8);
    check_error_at("{\"a\":\"b\n\"}", 7);
    check_error_at("{\"a\":\"b", 7);
    check_error_at("{\"a\":\"\\u12g4\"}", 10);
}

static void elements_are_found(void **state)
{
    (void)state;
    struct json_value values[3];
    size_t count;
    assert_int_equal(json_elements(span_of(" [ 1 , \"two\", [3] ] "), values, 3, &count), 0);
    assert_int_equal(count, 3);
    assert_true(span_eq(values[0].raw, "1"));
    assert_int_equal(values[0].type, JSON_NUMBER);
    assert_true(span_eq(values[1].raw, "\"two\""));
    assert_int_equal(values[1].type, JSON_STRING);
    assert_true(span_eq(values[2].raw, "[3]"));
    assert_int_equal(values[2].type, JSON_ARRAY);
    assert_int_equal(json_elements(span_of("[]"), values, 3, &count), 0);
    assert_int_equal(count, 0);
    assert_int_equal(json_elements(span_of("[1,2,3,4,5]"), values, 3, &count), 0);
    assert_int_equal(count, 5);
    assert_true(span_eq(values[2].raw, "3"));
    assert_int_equal(json_elements(span_of("{}"), values, 3, &count), -1);
    assert_int_equal(json_elements(span_of("[1"), values, 3, &count), -1);
    assert_int_equal(json_elements(span_of("[1]]"), values, 3, &count), -1);
}

static void check_string(const char *raw, const char *expected, size_t expected_len)
{
    char out[64];
    size_t len;
    assert_int_equal(json_string(span_of(raw), out, sizeof out, &len), 0);
    assert_int_equal(len, expected_len);
    assert_memory_equal(out, expected, expected_len + 1);
    assert_true(json_string_decodes(span_of(raw)));
}

static void strings_are_decoded(void **state)
{
    (void)state;
    check_string("\"\"", "", 0);
    check_string("\"abc\"", "abc", 3);
    check_string("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\/\b\f\n\r\t", 8);
    check_string("\"\\u0041\\u00e9\\uAC00\"", "A\xc3\xa9\xea\xb0\x80", 6);
    check_string("\"\\u0001\\u007f\\u0080\\u07ff\\u0800\\uffff\"",
                 "\x01\x7f\xc2\x80\xdf\xbf\xe0\xa0\x80\xef\xbf\xbf", 12);
    check_string("\"\\uD83D\\uDE00\"", "\xf0\x9f\x98\x80", 4);
    check_string("\"\\ud800\\udc00\\uDBFF\\uDFFF\"", "\xf0\x90\x80\x80\xf4\x8f\xbf\xbf", 8);
    check_string("\"김\"", "김", 3);
}

static void some_strings_are_refused(void **state)
{
    (void)state;
    static const char *const raws[] = {
        "\"\\u0000\"",
        "\"a\\u0000b\"",
        "\"\\ud800\"",
        "\"\\ud800x\"",
        "\"\\udc00\"",
        "\"\\ud800\\n\"",
        "\"\\ud800\\u0041\"",
        "\"\\ud800\\ud800\"",
        "\"\\udc00\\ud800\"",
        "\"\\udc00\\udc00\"",
        "",
        "\"",
        "abc",
        "1",
        "\"a\"b",
        "\"a",
        "\"a\nb\"",
    };
    char out[64];
    size_t len;
    for (size_t i = 0; i < sizeof raws / sizeof raws[0]; i++) {
        assert_int_equal(json_string(span_of(raws[i]), out, sizeof out, &len), -1);
        assert_false(json_string_decodes(span_of(raws[i])));
    }
}

/* Strings are scanned eight bytes at a time where that is possible: no place is special. */
static void every_byte_counts_wherever_it_is(void **state)
{
    (void)state;
    for (unsigned byte = 0; byte < 256; byte++) {
        for (size_t len = 1; len < 20; len++) {
            for (size_t at = 0; at < len; at++) {
                char text[40] = "{\"k\":\"";
                const size_t begin = strlen(text);
                memset(text + begin, 'a', len);
                text[begin + at] = (char)byte;
                memcpy(text + begin + len, "\"}", 2);
                struct json_member member;
                size_t count, error_at = 0;
                bool good = byte >= 0x20 && byte != '"' && byte != '\\';
                int result = json_members((struct span){text, begin + len + 2}, &member, 1, &count,
                                          &error_at);
                assert_int_equal(result, good ? 0 : -1);
                if (good) {
                    assert_int_equal(member.value.raw.n, len + 2);
                } else if (byte < 0x20) {
                    assert_int_equal(error_at, begin + at);
                }
            }
        }
    }
}

static void strings_must_fit(void **state)
{
    (void)state;
    char out[5];
    size_t len;
    assert_int_equal(json_string(span_of("\"abcd\""), out, 5, &len), 0);
    assert_int_equal(json_string(span_of("\"abcde\""), out, 5, &len), -1);
    assert_int_equal(json_string(span_of("\"\\uD83D\\uDE00\""), out, 5, &len), 0);
    assert_int_equal(json_string(span_of("\"\\uD83D\\uDE00\""), out, 4, &len), -1);
    assert_int_equal(json_string(span_of("\"\""), out, 1, &len), 0);
    assert_int_equal(json_string(span_of("\"\""), out, 0, &len), -1);
    assert_true(json_string_decodes(span_of("\"abcdefghijklmnopqrstuvwxyz\"")));
}

static bool same(const char *a, const char *b)
{
    bool forth = json_key_same(span_of(a), span_of(b));
    assert_int_equal(forth, json_key_same(span_of(b), span_of(a)));
    return forth;
}

static void keys_compare_after_decoding(void **state)
{
    (void)state;
    assert_true(same("ref", "ref"));
    assert_true(same("ref", "\\u0072ef"));
    assert_true(same("r\\u0065f", "\\u0072e\\u0066"));
    assert_true(same("\\uAC00", "\xea\xb0\x80"));
    assert_true(same("\\/", "/"));
    assert_true(same("\\n", "\\u000a"));
    assert_true(same("", ""));
    assert_false(same("ref", "Ref"));
    assert_false(same("ref", "re"));
    assert_false(same("\\u0072ef", "re"));
    assert_false(same("\\u0072e", "ref"));
    assert_false(same("\\uAC01", "\xea\xb0\x80"));
    assert_false(same("", "\\n"));
    assert_false(same("\\ud800", "\\udbff")); /* neither is text */
}

static void integers(void **state)
{
    (void)state;
    static const struct {
        const char *raw;
        int64_t value;
    } good[] = {
        {"0", 0},
        {"-0", 0},
        {"7", 7},
        {"-7", -7},
        {"1732094000123", 1732094000123},
        {"9223372036854775807", INT64_MAX},
        {"-9223372036854775808", INT64_MIN},
    };
    static const char *const bad[] = {
        "",
        "-",
        "+1",
        "1.0",
        "1e3",
        "01",
        "-01",
        "00",
        " 1",
        "1 ",
        "a",
        "0x1",
        "9223372036854775808",
        "-9223372036854775809",
        "99999999999999999999999",
        "\"1\"",
        "null",
        "1,",
    };
    int64_t value;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_int_equal(json_int(span_of(good[i].raw), &value), 0);
        assert_true(value == good[i].value);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(json_int(span_of(bad[i]), &value), -1);
    }
    assert_int_equal(json_int((struct span){NULL, 0}, &value), -1);
}

static void check_written(const char *text, size_t len, const char *expected)
{
    struct buf b;
    buf_init(&b);
    json_write_string(&b, (struct span){text, len});
    assert_string_equal(buf_cstr(&b), expected);
    assert_true(json_valid(buf_span(&b)));
    buf_finish(&b);
}

static void strings_are_written(void **state)
{
    (void)state;
    check_written(NULL, 0, "\"\"");
    check_written("abc", 3, "\"abc\"");
    check_written("a\"b\\c/d", 7, "\"a\\\"b\\\\c/d\"");
    check_written("\b\f\n\r\t", 5, "\"\\b\\f\\n\\r\\t\"");
    check_written("\0\x01\x1f\x7f", 4, "\"\\u0000\\u0001\\u001f\\u007f\"");
    check_written("김", 3, "\"김\"");
    check_written("a\xe2\x80\xa8\xe2\x80\xa9\xe2\x80\xa7", 10, "\"a\\u2028\\u2029\xe2\x80\xa7\"");
    check_written("\xe2\x80", 2, "\"\xe2\x80\"");
    check_written("</script>", 9, "\"</script>\"");
}

/* Every code point comes back as it went out. */
static void strings_survive_the_round_trip(void **state)
{
    (void)state;
    for (unsigned c = 1; c < 0x800; c++) {
        char text[3] = {(char)c, 0, 0};
        size_t n = 1;
        if (c >= 0x80) {
            text[0] = (char)(0xc0 | c >> 6);
            text[1] = (char)(0x80 | (c & 0x3f));
            n = 2;
        }
        struct buf b;
        char back[8];
        size_t len;
        buf_init(&b);
        json_write_string(&b, (struct span){text, n});
        assert_int_equal(json_string(buf_span(&b), back, sizeof back, &len), 0);
        assert_int_equal(len, n);
        assert_memory_equal(back, text, n);
        buf_finish(&b);
    }
}

static void keys_are_separated(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b);
    json_write_key(&b, "x");
    assert_string_equal(buf_cstr(&b), "\"x\":");
    buf_clear(&b);
    buf_append_char(&b, '{');
    json_write_key(&b, "a");
    buf_append_text(&b, "1");
    json_write_key(&b, "b");
    buf_append_text(&b, "[{");
    json_write_key(&b, "c\"");
    buf_append_text(&b, "\"{\"}]}");
    assert_string_equal(buf_cstr(&b), "{\"a\":1,\"b\":[{\"c\\\"\":\"{\"}]}");
    assert_true(json_valid(buf_span(&b)));
    buf_clear(&b);
    buf_append_text(&b, "{\"a\":\"{\"");
    json_write_key(&b, "b");
    assert_string_equal(buf_cstr(&b), "{\"a\":\"{\",\"b\":");
    buf_finish(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(valid_values),
        cmocka_unit_test(refused_values),
        cmocka_unit_test(beginnings_are_refused),
        cmocka_unit_test(depth_is_bounded),
        cmocka_unit_test(members_are_found),
        cmocka_unit_test(members_past_the_maximum_are_counted_and_checked),
        cmocka_unit_test(errors_name_their_place),
        cmocka_unit_test(elements_are_found),
        cmocka_unit_test(strings_are_decoded),
        cmocka_unit_test(some_strings_are_refused),
        cmocka_unit_test(every_byte_counts_wherever_it_is),
        cmocka_unit_test(strings_must_fit),
        cmocka_unit_test(keys_compare_after_decoding),
        cmocka_unit_test(integers),
        cmocka_unit_test(strings_are_written),
        cmocka_unit_test(strings_survive_the_round_trip),
        cmocka_unit_test(keys_are_separated),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
