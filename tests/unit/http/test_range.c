/* One range of bytes, as clients and proxies ask for it, and everything that is answered whole. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "http/range.h"

#define SIZE 1000

static void check_part(const char *header, int64_t size, int64_t first, int64_t last)
{
    int64_t got_first = -1, got_last = -1;
    assert_int_equal(range_read(header, size, &got_first, &got_last), RANGE_PART);
    assert_int_equal(got_first, first);
    assert_int_equal(got_last, last);
}

static enum range_result kind(const char *header, int64_t size)
{
    int64_t first = 0, last = 0;
    return range_read(header, size, &first, &last);
}

static void parts_are_read(void **state)
{
    (void)state;
    check_part("bytes=0-", SIZE, 0, 999);
    check_part("bytes=0-0", SIZE, 0, 0);
    check_part("bytes=999-999", SIZE, 999, 999);
    check_part("bytes=100-199", SIZE, 100, 199);
    check_part("bytes=100-5000", SIZE, 100, 999);
    check_part("bytes=100-99999999999999999999999", SIZE, 100, 999);
    check_part("bytes=-1", SIZE, 999, 999);
    check_part("bytes=-100", SIZE, 900, 999);
    check_part("bytes=-1000", SIZE, 0, 999);
    check_part("bytes=-99999999999999999999999", SIZE, 0, 999);
    check_part("Bytes= 7-9 ", SIZE, 7, 9);
    check_part("bytes=4000000000-", 5000000000, 4000000000, 4999999999);
}

static void nothing_of_it_exists(void **state)
{
    static const char *const headers[] = {"bytes=1000-", "bytes=1000-2000", "bytes=-0",
                                          "bytes=99999999999999999999999-"};
    (void)state;
    for (size_t i = 0; i < sizeof headers / sizeof headers[0]; i++) {
        assert_int_equal(kind(headers[i], SIZE), RANGE_NONE);
    }
    assert_int_equal(kind("bytes=0-", 0), RANGE_NONE);
    assert_int_equal(kind("bytes=-5", 0), RANGE_NONE);
}

static void all_else_is_answered_whole(void **state)
{
    static const char *const headers[] = {
        NULL,          "",           "bytes",         "bytes=",       "bytes=-",   "bytes=a-b",
        "bytes=1",     "bytes=1-0",  "bytes=0-1,3-4", "bytes=0-1,",   "items=0-1", "bytes=0--1",
        "bytes=--1",   "bytes=+1-2", "bytes=1 - 2",   "bytes=0-1 x",  "bytes:0-1", "0-1",
        "bytes=0x1-2", "bytes=1.5-", "bytes=0-1;q=1", "bytes=\xff-1",
    };
    (void)state;
    for (size_t i = 0; i < sizeof headers / sizeof headers[0]; i++) {
        assert_int_equal(kind(headers[i], SIZE), RANGE_WHOLE);
    }
}

static void if_range_wants_the_same_strong_tag(void **state)
{
    (void)state;
    assert_true(range_applies(NULL, "\"abc\""));
    assert_true(range_applies("\"abc\"", "\"abc\""));
    assert_true(range_applies(" \"abc\" ", "\"abc\""));
    assert_false(range_applies("\"abd\"", "\"abc\""));
    assert_false(range_applies("W/\"abc\"", "\"abc\""));
    assert_false(range_applies("\"abc\"x", "\"abc\""));
    assert_false(range_applies("Sat, 21 Nov 2026 06:00:00 GMT", "\"abc\""));
    assert_false(range_applies("", "\"abc\""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parts_are_read),
        cmocka_unit_test(nothing_of_it_exists),
        cmocka_unit_test(all_else_is_answered_whole),
        cmocka_unit_test(if_range_wants_the_same_strong_tag),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
