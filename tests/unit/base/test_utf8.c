/* UTF-8 checking: each case whole, byte by byte and cut in two at every place. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/utf8.h"

/* An exact-size copy, so that a sanitizer sees a read beyond it. */
static bool feed_copy(struct utf8_state *state, const char *data, size_t len)
{
    char *copy = malloc(len ? len : 1);
    assert_non_null(copy);
    memcpy(copy, data, len);
    bool ok = utf8_feed(state, copy, len);
    free(copy);
    return ok;
}

static bool valid_in_two(const char *data, size_t len, size_t cut)
{
    struct utf8_state state;
    utf8_init(&state);
    return feed_copy(&state, data, cut) && feed_copy(&state, data + cut, len - cut) &&
           utf8_complete(&state);
}

/* Number of bytes taken one at a time before the first that is refused; len if none is. */
static size_t taken_bytewise(const char *data, size_t len)
{
    struct utf8_state state;
    utf8_init(&state);
    for (size_t i = 0; i < len; i++) {
        if (!utf8_feed(&state, data + i, 1))
            return i;
    }
    return len;
}

static void check(const char *data, size_t len, bool valid)
{
    struct utf8_state state;
    assert_int_equal(utf8_valid(data, len), valid);
    for (size_t cut = 0; cut <= len; cut++)
        assert_int_equal(valid_in_two(data, len, cut), valid);
    utf8_init(&state);
    bool ok = true;
    for (size_t i = 0; ok && i < len; i++)
        ok = feed_copy(&state, data + i, 1);
    assert_int_equal(ok && utf8_complete(&state), valid);
}

/* The same case at every offset from an eight-byte boundary, and followed by text. */
static void check_around(const char *data, size_t len, bool valid)
{
    char text[128];
    for (size_t before = 0; before <= 17; before++) {
        for (size_t after = 0; after <= 9; after += 3) {
            memset(text, 'x', sizeof text);
            memcpy(text + before, data, len);
            check(text, before + len + after, valid);
        }
    }
}

#define VALID(text) check_around(text, sizeof(text) - 1, true)
#define INVALID(text) check_around(text, sizeof(text) - 1, false)

static void test_valid(void **unused)
{
    (void)unused;
    VALID("");
    VALID("plain ASCII, longer than eight bytes");
    VALID("여러분 안녕하세요");
    VALID("κόσμε");
    VALID("a\0b");
    VALID("\xef\xbb\xbf with a mark");
}

/* First and last code point of each length and lead byte, and the surrogates' neighbours. */
static void test_boundaries(void **unused)
{
    (void)unused;
    VALID("\x7f");
    VALID("\xc2\x80");
    VALID("\xdf\xbf");
    VALID("\xe0\xa0\x80");
    VALID("\xe1\x80\x80");
    VALID("\xec\xbf\xbf");
    VALID("\xed\x80\x80");
    VALID("\xed\x9f\xbf");
    VALID("\xee\x80\x80");
    VALID("\xef\xbf\xbd");
    VALID("\xef\xbf\xbe"); /* a noncharacter, but a code point */
    VALID("\xef\xbf\xbf");
    VALID("\xf0\x90\x80\x80");
    VALID("\xf1\x80\x80\x80");
    VALID("\xf3\xbf\xbf\xbf");
    VALID("\xf4\x80\x80\x80");
    VALID("\xf4\x8f\xbf\xbf");
}

static void test_stray_bytes(void **unused)
{
    (void)unused;
    for (int byte = 0x80; byte <= 0xFF; byte++) {
        char text[2] = {(char)byte, ' '};
        check_around(text, 2, false);
    }
    INVALID("\x80");
    INVALID("\xbf\x80");
    INVALID("\xc3\xa9\xa9");
    INVALID("\xec\x95\x88\x80");
    INVALID("\xfe\xfe\xff\xff");
}

static void test_overlong(void **unused)
{
    (void)unused;
    INVALID("\xc0\x80");
    INVALID("\xc0\xaf");
    INVALID("\xc1\xbf");
    INVALID("\xe0\x80\x80");
    INVALID("\xe0\x80\xaf");
    INVALID("\xe0\x9f\xbf");
    INVALID("\xf0\x80\x80\x80");
    INVALID("\xf0\x80\x80\xaf");
    INVALID("\xf0\x8f\xbf\xbf");
    INVALID("\xf8\x80\x80\x80\xaf");
    INVALID("\xfc\x80\x80\x80\x80\xaf");
}

static void test_surrogates(void **unused)
{
    (void)unused;
    INVALID("\xed\xa0\x80");
    INVALID("\xed\xad\xbf");
    INVALID("\xed\xae\x80");
    INVALID("\xed\xb0\x80");
    INVALID("\xed\xbf\xbf");
    INVALID("\xed\xa0\x80\xed\xb0\x80");
}

static void test_too_high(void **unused)
{
    (void)unused;
    INVALID("\xf4\x90\x80\x80");
    INVALID("\xf4\xbf\xbf\xbf");
    INVALID("\xf5\x80\x80\x80");
    INVALID("\xf7\xbf\xbf\xbf");
    INVALID("\xf8\x88\x80\x80\x80");
    INVALID("\xfc\x84\x80\x80\x80\x80");
}

static void test_cut_off(void **unused)
{
    (void)unused;
    static const char *const whole[] = {"\xc3\xa9",     "\xe0\xa0\x80",     "\xec\x95\x88",
                                        "\xed\x9f\xbf", "\xf0\x9f\x98\x80", "\xf4\x8f\xbf\xbf"};
    for (size_t i = 0; i < sizeof whole / sizeof *whole; i++) {
        for (size_t len = 1; len < strlen(whole[i]); len++) {
            char text[8];
            check(whole[i], len, false);
            memcpy(text, whole[i], len);
            memcpy(text + len, "xyz", 3);
            check_around(text, len + 3, false);
            memcpy(text + len, "\xc3\xa9", 2);
            check_around(text, len + 2, false);
        }
    }
}

/* Refused at the first byte that cannot be right, not at the sequence's end. */
static void test_fails_fast(void **unused)
{
    (void)unused;
    assert_int_equal(taken_bytewise("ab\xe0\x80\x80", 5), 3);
    assert_int_equal(taken_bytewise("ab\xed\xa0\x80", 5), 3);
    assert_int_equal(taken_bytewise("\xf0\x8f\xbf\xbf", 4), 1);
    assert_int_equal(taken_bytewise("\xf4\x90\x80\x80", 4), 1);
    assert_int_equal(taken_bytewise("\xf0\x90\x41\x80", 4), 2);
    assert_int_equal(taken_bytewise("\xc0\x80", 2), 0);
    assert_int_equal(taken_bytewise("\xf5\x80\x80\x80", 4), 0);
}

static void test_refuses_after_error(void **unused)
{
    (void)unused;
    struct utf8_state state;
    utf8_init(&state);
    assert_false(utf8_feed(&state, "\xff", 1));
    assert_false(utf8_complete(&state));
    for (int byte = 0; byte <= 0xFF; byte++) {
        uint8_t b = (uint8_t)byte;
        assert_false(utf8_feed(&state, &b, 1));
    }
    utf8_init(&state);
    assert_true(utf8_feed(&state, "ok", 2));
    assert_true(utf8_complete(&state));
    assert_true(utf8_feed(&state, NULL, 0));
    assert_true(utf8_valid(NULL, 0));
}

static size_t encode(uint32_t c, char out[4])
{
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    size_t n = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    for (size_t i = n - 1; i > 0; i--, c >>= 6)
        out[i] = (char)(0x80 | (c & 0x3F));
    out[0] = (char)((n == 2 ? 0xC0 : n == 3 ? 0xE0 : 0xF0) | c);
    return n;
}

/* Each value that three or four bytes can spell: valid exactly if it is a code point. */
static void test_every_code_point(void **unused)
{
    (void)unused;
    char text[4];
    for (uint32_t c = 0; c < 0x140000; c++) {
        size_t n = encode(c, text);
        bool valid = c <= 0x10FFFF && (c < 0xD800 || c > 0xDFFF);
        if (utf8_valid(text, n) != valid || (taken_bytewise(text, n) == n) != valid)
            fail_msg("U+%X", (unsigned)c);
        if (valid && utf8_count(text, n) != 1)
            fail_msg("U+%X is not one", (unsigned)c);
    }
}

static void test_count(void **unused)
{
    (void)unused;
    assert_int_equal(utf8_count("", 0), 0);
    assert_int_equal(utf8_count("abc", 3), 3);
    assert_int_equal(utf8_count("안녕", 6), 2);
    assert_int_equal(utf8_count("a\xc3\xa9\xf0\x9f\x98\x80z", 8), 4);
}

static void test_prefix(void **unused)
{
    (void)unused;
    static const char text[] = "a안\xf0\x9f\x98\x80";
    static const size_t expected[] = {0, 1, 1, 1, 4, 4, 4, 4, 8, 8};
    for (size_t max = 0; max < sizeof expected / sizeof *expected; max++)
        assert_int_equal(utf8_prefix(text, 8, max), expected[max]);
    assert_int_equal(utf8_prefix(NULL, 0, 5), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_valid),
        cmocka_unit_test(test_boundaries),
        cmocka_unit_test(test_stray_bytes),
        cmocka_unit_test(test_overlong),
        cmocka_unit_test(test_surrogates),
        cmocka_unit_test(test_too_high),
        cmocka_unit_test(test_cut_off),
        cmocka_unit_test(test_fails_fast),
        cmocka_unit_test(test_refuses_after_error),
        cmocka_unit_test(test_every_code_point),
        cmocka_unit_test(test_count),
        cmocka_unit_test(test_prefix),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
