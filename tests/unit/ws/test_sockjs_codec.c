/* SockJS's framing: what is escaped and what is not, and every kind of payload, cut anywhere. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/utf8.h"
#include "ws/sockjs_codec.h"

static void check_escape(struct span text, const char *want)
{
    char out[256] = "";
    size_t len = sockjs_escaped_len(text);
    char *end = sockjs_escape(out, text);
    assert_int_equal(end - out, len);
    *end = '\0';
    assert_string_equal(out, want);
}

static void test_escape(void **state)
{
    (void)state;
    check_escape(span_of(""), "");
    check_escape(span_of("plain, with 'quotes' and /"), "plain, with 'quotes' and /");
    check_escape(span_of("{\"a\":\"\\n\"}"), "{\\\"a\\\":\\\"\\\\n\\\"}");
    check_escape(span_of("\b\f\n\r\t\x01\x1f\x7f"), "\\b\\f\\n\\r\\t\\u0001\\u001f\\u007f");
    check_escape((struct span){"  \0\n\r ", 6}, "  \\u0000\\n\\r ");
    check_escape(span_of("여러분 안녕 😀"), "여러분 안녕 😀");
    check_escape(span_of("\xe2\x80\x8b|\xe2\x80\x8c|\xe2\x80\x8f|\xe2\x80\x90"),
                 "\xe2\x80\x8b|\\u200c|\\u200f|\xe2\x80\x90");
    check_escape(span_of("\xe2\x80\xa8|\xe2\x80\xaf|\xe2\x81\xa0|\xe2\x81\xaf"),
                 "\\u2028|\\u202f|\\u2060|\\u206f");
    check_escape(span_of("\xef\xbf\xaf|\xef\xbf\xb0|\xef\xbf\xbf"), "\xef\xbf\xaf|\\ufff0|\\uffff");
    check_escape(span_of("\xf0\x90\x80\x80"), "\xf0\x90\x80\x80");
    /* Not UTF-8: a stray byte, a cut sequence, an overlong form, a surrogate. */
    check_escape(span_of("a\x80z"), "a\\ufffdz");
    check_escape(span_of("\xe2\x80"), "\\ufffd\\ufffd");
    check_escape(span_of("\xc0\xaf"), "\\ufffd\\ufffd");
    check_escape(span_of("\xed\xa0\x80"), "\\ufffd\\ufffd\\ufffd");
    check_escape(span_of("\xff"), "\\ufffd");
}

/* The protocol's own list (escapable_by_server), code point by code point. */
static void test_every_code_point(void **state)
{
    (void)state;
    for (uint32_t point = 1; point < 0x10000; point++) {
        if (point >= 0xd800 && point <= 0xdfff) {
            continue;
        }
        char json[16];
        char want[16];
        char out[16] = "";
        struct sockjs_reader reader;
        struct span message;
        int n = snprintf(json, sizeof json, "[\"\\u%04X\"]", point);
        assert_int_equal(sockjs_begin(&reader, json, (size_t)n), SOCKJS_OK);
        assert_true(sockjs_next(&reader, &message));
        assert_true(utf8_valid(message.p, message.n));
        size_t len = (size_t)(sockjs_escape(out, message) - out);
        bool must = (point < 0x20) || (point >= 0x200c && point <= 0x200f) ||
                    (point >= 0x2028 && point <= 0x202f) || (point >= 0x2060 && point <= 0x206f) ||
                    point >= 0xfff0;
        if (must && point >= 0x20) {
            snprintf(want, sizeof want, "\\u%04x", point);
            assert_string_equal(out, want);
        }
        assert_int_equal(len > 0 && out[0] == '\\',
                         must || point == '"' || point == '\\' || point == 0x7f);
    }
}

static void check_close(uint16_t code, const char *reason, const char *want)
{
    struct buf out;
    buf_init(&out);
    sockjs_close_frame(&out, code, reason);
    assert_string_equal(buf_cstr(&out), want);
    buf_finish(&out);
}

static void test_close_frame(void **state)
{
    (void)state;
    check_close(3000, "Go away!", "c[3000,\"Go away!\"]");
    check_close(1001, "", "c[1001,\"\"]");
    check_close(4000, "the \"end\"\n", "c[4000,\"the \\\"end\\\"\\n\"]");
}

/* The messages joined by '|', or "" and *result. A copy of its own, so that ASan sees its ends. */
static const char *read_all(const char *payload, size_t len, enum sockjs_payload *result)
{
    static char joined[512];
    char *data = malloc(len ? len : 1);
    struct sockjs_reader reader;
    struct span message;
    size_t at = 0;
    memcpy(data, payload, len);
    *result = sockjs_begin(&reader, data, len);
    while (sockjs_next(&reader, &message)) {
        assert_true(message.p >= data && message.p + message.n <= data + len);
        memcpy(joined + at, message.p, message.n);
        at += message.n;
        joined[at++] = '|';
    }
    joined[at] = '\0';
    free(data);
    return joined;
}

static void check_payload(const char *payload, const char *want)
{
    enum sockjs_payload result;
    const char *got = read_all(payload, strlen(payload), &result);
    assert_int_equal(result, SOCKJS_OK);
    assert_string_equal(got, want);
}

static void test_payloads(void **state)
{
    (void)state;
    check_payload("[\"a\"]", "a|");
    check_payload("\"a\"", "a|");
    check_payload("[]", "");
    check_payload(" [ \"a\" , \"b\"\r\n,\t\"\" ] ", "a|b||");
    check_payload("[\"a\\\"b\\\\c\\/d\\b\\f\\n\\r\\t\"]", "a\"b\\c/d\b\f\n\r\t|");
    check_payload("[\"\\u00e9\\uD55C\\ud83d\\ude00\"]", "é한😀|");
    check_payload("[\"]\",\"[\",\",\"]", "]|[|,|");
    check_payload("[\"\\ud83d\",\"\\ude00x\",\"\\ud83d\\u0041\",\"\\ud83d\\ud83d\\ude00\"]",
                  "\xef\xbf\xbd|\xef\xbf\xbdx|\xef\xbf\xbd"
                  "A|\xef\xbf\xbd😀|");
}

static void test_nul(void **state)
{
    (void)state;
    char payload[] = "[\"a\\u0000b\"]";
    struct sockjs_reader reader;
    struct span message;
    assert_int_equal(sockjs_begin(&reader, payload, strlen(payload)), SOCKJS_OK);
    assert_true(sockjs_next(&reader, &message));
    assert_int_equal(message.n, 3);
    assert_memory_equal(message.p, "a\0b", 3);
    assert_false(sockjs_next(&reader, &message));
}

static void test_bad_payloads(void **state)
{
    (void)state;
    static const char *const broken[] = {
        "[\"x",     "x",     "[x]",    "[\"a\",]",   "[,\"a\"]",    "[\"a\"\"b\"]", "[\"a\"]]",
        "{}",       "[1]",   "[null]", "[[\"a\"]]",  "[\"\\x\"]",   "[\"\\u12\"]",  "[\"\\u12g4\"]",
        "[\"\n\"]", "[\"\\", "[\"\\u", "[\"\xff\"]", "\"a\" \"b\"", "[\"a\" ",      "[",
        "]",
    };
    enum sockjs_payload result;
    for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
        assert_string_equal(read_all(broken[i], strlen(broken[i]), &result), "");
        assert_int_equal(result, SOCKJS_BROKEN);
    }
    (void)read_all("", 0, &result);
    assert_int_equal(result, SOCKJS_EMPTY);
    (void)read_all(" \r\n", 3, &result);
    assert_int_equal(result, SOCKJS_EMPTY);
    (void)read_all("[\"\0\"]", 5, &result);
    assert_int_equal(result, SOCKJS_BROKEN);
}

static void test_every_cut(void **state)
{
    (void)state;
    static const char whole[] = "[ \"a\\n\\u00e9\", \"\\ud83d\\ude00 한\" ]";
    enum sockjs_payload result;
    for (size_t n = 1; n < sizeof whole - 1; n++) {
        assert_string_equal(read_all(whole, n, &result), "");
        assert_int_equal(result, SOCKJS_BROKEN);
    }
    assert_string_equal(read_all(whole, sizeof whole - 1, &result), "a\né|😀 한|");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_escape),      cmocka_unit_test(test_every_code_point),
        cmocka_unit_test(test_close_frame), cmocka_unit_test(test_payloads),
        cmocka_unit_test(test_nul),         cmocka_unit_test(test_bad_payloads),
        cmocka_unit_test(test_every_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
