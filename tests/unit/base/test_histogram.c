/* Histograms: percentiles within the promised error, from nanoseconds to days. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/histogram.h"

#define WORST 0.016 /* the promised relative error */

static struct histogram h;

static void assert_near(int64_t got, int64_t wanted)
{
    double off = (double)(got > wanted ? got - wanted : wanted - got);
    if (off > WORST * (double)wanted) {
        fail_msg("%lld, not about %lld", (long long)got, (long long)wanted);
    }
}

static void an_empty_one_has_no_percentiles(void **state)
{
    (void)state;
    histogram_clear(&h);
    assert_int_equal(histogram_at(&h, 0.5), 0);
    assert_int_equal(histogram_at(&h, 1), 0);
    assert_int_equal(h.max_ns, 0);
}

static void one_value_is_every_percentile(void **state)
{
    static const int64_t values[] = {
        0, 1, 31, 63, 64, 65, 1000, 123456, 999999999, 86400000000000, 4095, 4096, INT64_MAX / 64};
    (void)state;
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        histogram_clear(&h);
        histogram_add(&h, values[i]);
        assert_near(histogram_at(&h, 0), values[i]);
        assert_near(histogram_at(&h, 0.5), values[i]);
        assert_near(histogram_at(&h, 1), values[i]);
        assert_true(h.max_ns == values[i]);
    }
}

static void percentiles_of_many(void **state)
{
    (void)state;
    histogram_clear(&h);
    for (int64_t i = 1000; i >= 1; i--) {
        histogram_add(&h, i * 1000000);
    }
    assert_int_equal(h.total, 1000);
    assert_near(histogram_at(&h, 0.5), 500000000);
    assert_near(histogram_at(&h, 0.95), 950000000);
    assert_near(histogram_at(&h, 0.99), 990000000);
    assert_near(histogram_at(&h, 1), 1000000000);
    assert_true(histogram_at(&h, 1) <= h.max_ns);
}

static void outliers_move_the_end_only(void **state)
{
    (void)state;
    histogram_clear(&h);
    for (int i = 0; i < 99; i++) {
        histogram_add(&h, 1000);
    }
    histogram_add(&h, 5000000000);
    assert_near(histogram_at(&h, 0.98), 1000);
    assert_near(histogram_at(&h, 0.99), 5000000000);
    assert_true(h.max_ns == 5000000000);
}

static void what_cannot_be_is_zero_or_the_last_bucket(void **state)
{
    (void)state;
    histogram_clear(&h);
    histogram_add(&h, -5); /* clocks that disagree */
    assert_int_equal(histogram_at(&h, 1), 0);
    histogram_add(&h, INT64_MAX);
    assert_true(histogram_at(&h, 1) > INT64_MAX / 8);
    assert_int_equal(h.total, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_one_has_no_percentiles),
        cmocka_unit_test(one_value_is_every_percentile),
        cmocka_unit_test(percentiles_of_many),
        cmocka_unit_test(outliers_move_the_end_only),
        cmocka_unit_test(what_cannot_be_is_zero_or_the_last_bucket),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
