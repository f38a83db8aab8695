/* Decimal numbers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/number.h"

static void digits_within_the_bounds_are_read(void **state)
{
    uint64_t value = 7;
    (void)state;
    assert_true(number_read(span_of("0"), 0, 0, &value));
    assert_int_equal(value, 0);
    assert_true(number_read(span_of("65535"), 1, 65535, &value));
    assert_int_equal(value, 65535);
    assert_true(number_read(span_of("18446744073709551615"), 0, UINT64_MAX, &value));
    assert_true(value == UINT64_MAX);
    assert_true(number_read((struct span){"123", 2}, 0, 99, &value));
    assert_int_equal(value, 12);
}

static void everything_else_is_refused(void **state)
{
    static const char *const odd[] = {"",
                                      "-1",
                                      "+1",
                                      " 1",
                                      "1 ",
                                      "01",
                                      "00",
                                      "0x1",
                                      "1e1",
                                      "1.0",
                                      "1a",
                                      "18446744073709551616",
                                      "184467440737095516150"};
    uint64_t value = 7;
    (void)state;
    for (size_t i = 0; i < sizeof odd / sizeof odd[0]; i++) {
        assert_false(number_read(span_of(odd[i]), 0, UINT64_MAX, &value));
    }
    assert_false(number_read((struct span){NULL, 0}, 0, 9, &value));
    assert_false(number_read(span_of("1"), 2, 3, &value));
    assert_false(number_read(span_of("4"), 2, 3, &value));
    assert_int_equal(value, 7);
}

static void small_ones_do_not_wrap(void **state)
{
    uint32_t value = 7;
    (void)state;
    assert_false(number_read_u32(span_of("4294967296"), 0, UINT32_MAX, &value));
    assert_int_equal(value, 7);
    assert_true(number_read_u32(span_of("4294967295"), 0, UINT32_MAX, &value));
    assert_true(value == UINT32_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(digits_within_the_bounds_are_read),
        cmocka_unit_test(everything_else_is_refused),
        cmocka_unit_test(small_ones_do_not_wrap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
