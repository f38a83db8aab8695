/* The byte buffer and spans. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"

static void spans_compare(void **state)
{
    (void)state;
    assert_true(span_eq(span_of("abc"), "abc"));
    assert_false(span_eq(span_of("abc"), "abd"));
    assert_false(span_eq(span_of("abc"), "ab"));
    assert_false(span_eq(span_of("ab"), "abc"));
    assert_true(span_eq((struct span){NULL, 0}, ""));
    assert_true(span_eq(span_of(NULL), ""));
    assert_true(span_same((struct span){NULL, 0}, span_of("")));
    assert_true(span_same((struct span){"a\0b", 3}, (struct span){"a\0b", 3}));
    assert_false(span_same((struct span){"a\0b", 3}, (struct span){"a\0c", 3}));
}

static void span_word_takes_words_off(void **state)
{
    (void)state;
    struct span text = span_of("kick FTYXPM  s1");
    assert_true(span_eq(span_word(&text), "kick"));
    assert_true(span_eq(span_word(&text), "FTYXPM"));
    assert_true(span_eq(span_word(&text), "")); /* two blanks: a word is empty */
    assert_true(span_eq(span_word(&text), "s1"));
    assert_int_equal(text.n, 0);
    assert_true(span_eq(span_word(&text), ""));
}

static void span_trim_takes_blanks_from_both_ends(void **state)
{
    (void)state;
    assert_true(span_eq(span_trim(span_of("  a b ")), "a b"));
    assert_true(span_eq(span_trim(span_of("a")), "a"));
    assert_true(span_eq(span_trim(span_of("\ta")), "\ta"));
    assert_int_equal(span_trim(span_of("   ")).n, 0);
    assert_int_equal(span_trim((struct span){NULL, 0}).n, 0);
}

static void span_copy_tells_whether_it_fits(void **state)
{
    (void)state;
    char out[4];
    assert_true(span_copy(span_of("abc"), out, sizeof out));
    assert_string_equal(out, "abc");
    assert_false(span_copy(span_of("abcd"), out, sizeof out));
    assert_string_equal(out, "abc");
    assert_true(span_copy((struct span){NULL, 0}, out, sizeof out));
    assert_string_equal(out, "");
    assert_false(span_copy(span_of(""), out, 0));
}

static void appending_keeps_everything(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b);
    assert_null(b.data);
    for (int i = 0; i < 10000; i++) {
        buf_append_char(&b, (char)('a' + i % 26));
    }
    assert_int_equal(b.len, 10000);
    for (int i = 0; i < 10000; i++) {
        assert_int_equal(b.data[i], 'a' + i % 26);
    }
    buf_clear(&b);
    assert_int_equal(b.len, 0);
    assert_true(b.cap >= 10000);
    buf_append_text(&b, "one ");
    buf_append_span(&b, (struct span){"two!", 3});
    buf_append_char(&b, ' ');
    buf_append_int(&b, INT64_MIN);
    buf_append(&b, NULL, 0);
    assert_string_equal(buf_cstr(&b), "one two -9223372036854775808");
    assert_int_equal(b.len, strlen("one two -9223372036854775808"));
    buf_finish(&b);
    assert_null(b.data);
    assert_int_equal(b.len, 0);
}

static void the_terminator_is_not_counted(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b);
    assert_string_equal(buf_cstr(&b), "");
    assert_int_equal(b.len, 0);
    /* Also when the buffer is exactly full. */
    for (size_t n = 1; n <= 130; n++) {
        buf_append_char(&b, 'x');
        assert_int_equal(strlen(buf_cstr(&b)), n);
        assert_int_equal(b.len, n);
    }
    buf_finish(&b);
}

static void printf_appends_any_length(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b);
    for (int n = 0; n < 200; n++) {
        buf_clear(&b);
        buf_append_text(&b, "<");
        buf_printf(&b, "%*d", n + 1, 7);
        buf_append_text(&b, ">");
        assert_int_equal(b.len, n + 3);
        assert_memory_equal(b.data + b.len - 2, "7>", 2);
    }
    buf_finish(&b);
}

static void a_failure_is_remembered(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b);
    buf_append_text(&b, "abc");
    assert_false(buf_reserve(&b, SIZE_MAX - 10));
    assert_true(b.failed);
    buf_append_text(&b, "d");
    buf_printf(&b, "%d", 5);
    buf_append_int(&b, 1);
    assert_int_equal(b.len, 3);
    assert_false(buf_reserve(&b, 1));
    assert_null(buf_cstr(&b));
    buf_clear(&b);
    assert_false(b.failed);
    buf_append_text(&b, "new");
    assert_string_equal(buf_cstr(&b), "new");
    buf_finish(&b);
}

static void reserve_makes_room(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b);
    assert_true(buf_reserve(&b, 1000));
    assert_true(b.cap >= 1000);
    assert_int_equal(b.len, 0);
    char *before = b.data;
    char block[1000] = {0};
    buf_append(&b, block, sizeof block);
    assert_ptr_equal(b.data, before);
    assert_int_equal(buf_span(&b).n, 1000);
    assert_ptr_equal(buf_span(&b).p, before);
    buf_finish(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(spans_compare),
        cmocka_unit_test(span_word_takes_words_off),
        cmocka_unit_test(span_trim_takes_blanks_from_both_ends),
        cmocka_unit_test(span_copy_tells_whether_it_fits),
        cmocka_unit_test(appending_keeps_everything),
        cmocka_unit_test(the_terminator_is_not_counted),
        cmocka_unit_test(printf_appends_any_length),
        cmocka_unit_test(a_failure_is_remembered),
        cmocka_unit_test(reserve_makes_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
