/* Token buckets by user. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "http/rates.h"

static const struct config_rate rate = {.rate = 2, .burst = 3};

static int set_up(void **state)
{
    *state = rates_create();
    return *state ? 0 : -1;
}

static int tear_down(void **state)
{
    rates_destroy(*state);
    return 0;
}

static void some_at_once_and_then_so_many_a_second(void **state)
{
    struct rates *rates = *state;
    for (int i = 0; i < 3; i++) {
        assert_int_equal(rates_take(rates, "anna", &rate, 1000), 0);
    }
    assert_int_equal(rates_take(rates, "anna", &rate, 1000), 1);
    assert_int_equal(rates_take(rates, "anna", &rate, 1499), 1);
    assert_int_equal(rates_take(rates, "anna", &rate, 1500), 0);
    assert_int_equal(rates_take(rates, "anna", &rate, 1500), 1);
    for (int i = 0; i < 3; i++) { /* never more than the burst */
        assert_int_equal(rates_take(rates, "anna", &rate, 100000), 0);
    }
    assert_int_equal(rates_take(rates, "anna", &rate, 100000), 1);
}

static void everybody_has_an_own_bucket(void **state)
{
    struct rates *rates = *state;
    for (int i = 0; i < 3; i++) {
        assert_int_equal(rates_take(rates, "anna", &rate, 0), 0);
    }
    assert_int_equal(rates_take(rates, "anna", &rate, 0), 1);
    assert_int_equal(rates_take(rates, "ben", &rate, 0), 0);
}

static void a_crowd_that_takes_little_does_not_make_an_empty_one_forgotten(void **state)
{
    struct rates *rates = *state;
    while (rates_take(rates, "anna", &rate, 0) == 0) {
    }
    for (int i = 0; i < 20000; i++) {
        char name[16];
        snprintf(name, sizeof name, "u%d", i);
        (void)!rates_take(rates, name, &rate, 0);
    }
    assert_int_equal(rates_take(rates, "anna", &rate, 0), 1);
}

static void slow_rates_say_how_long_to_wait(void **state)
{
    static const struct config_rate once = {.rate = 1, .burst = 1};
    struct rates *rates = *state;
    assert_int_equal(rates_take(rates, "anna", &once, 0), 0);
    assert_in_range(rates_take(rates, "anna", &once, 0), 1, 2);
    assert_int_equal(rates_take(rates, "anna", &once, 2000), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(some_at_once_and_then_so_many_a_second, set_up, tear_down),
        cmocka_unit_test_setup_teardown(everybody_has_an_own_bucket, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            a_crowd_that_takes_little_does_not_make_an_empty_one_forgotten, set_up, tear_down),
        cmocka_unit_test_setup_teardown(slow_rates_say_how_long_to_wait, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
