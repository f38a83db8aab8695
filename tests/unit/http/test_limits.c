/* Charges for room codes that do not exist, and slots for slow things. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "http/limits.h"

static struct limits *limits;

static int set_up(void **state)
{
    (void)state;
    limits = limits_create(16);
    return limits ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    limits_destroy(limits);
    return 0;
}

static struct address at(const char *text)
{
    struct address address;
    assert_true(address_parse(span_of(text), &address));
    return address;
}

/* Charges for `count` different codes at `now`. */
static void guess(const struct address *who, int count, int64_t now)
{
    static int serial;
    char code[16];
    for (int i = 0; i < count; i++) {
        snprintf(code, sizeof code, "G%d", serial++);
        limits_codes_charge(limits, who, code, now);
    }
}

static void a_burst_is_free_then_it_costs_time(void **state)
{
    struct address who = at("192.0.2.1");
    (void)state;
    guess(&who, LIMITS_CODES_BURST - 1, 1000);
    assert_int_equal(limits_codes_wait(limits, &who, "NEXT", 1000), 0);
    guess(&who, 1, 1000);
    assert_int_equal(limits_codes_wait(limits, &who, "NEXT", 1000), 1);
    assert_int_equal(limits_codes_wait(limits, &who, "NEXT", 1999), 1);
    assert_int_equal(limits_codes_wait(limits, &who, "NEXT", 2000), 0);
    /* However many more: the debt has an end. */
    guess(&who, 1000, 2000);
    assert_int_equal(limits_codes_wait(limits, &who, "NEXT", 2000), 1);
    assert_int_equal(limits_codes_wait(limits, &who, "NEXT", 3000), 0);
}

static void the_same_wrong_code_is_charged_once(void **state)
{
    struct address who = at("192.0.2.1");
    (void)state;
    for (int i = 0; i < 1000; i++) {
        limits_codes_charge(limits, &who, "TYPO", 1000);
    }
    assert_int_equal(limits_codes_wait(limits, &who, "NEXT", 1000), 0);
    guess(&who, LIMITS_CODES_BURST - 2, 1000);
    limits_codes_charge(limits, &who, "WAITING", 1000);
    assert_int_equal(limits_codes_wait(limits, &who, "NEXT", 1000), 1);
    /* A class that waits for its teacher may go on asking, whoever guesses beside it. */
    assert_int_equal(limits_codes_wait(limits, &who, "WAITING", 1000), 0);
}

static void addresses_do_not_pay_for_each_other(void **state)
{
    struct address one = at("192.0.2.1");
    struct address two = at("192.0.2.2");
    (void)state;
    guess(&one, LIMITS_CODES_BURST, 1000);
    assert_int_equal(limits_codes_wait(limits, &one, "NEXT", 1000), 1);
    assert_int_equal(limits_codes_wait(limits, &two, "NEXT", 1000), 0);
}

static void an_ipv6_network_is_one(void **state)
{
    struct address one = at("2001:db8:0:1::1");
    struct address same = at("2001:db8:0:1:ffff::2");
    struct address other = at("2001:db8:0:2::1");
    (void)state;
    guess(&one, LIMITS_CODES_BURST, 1000);
    assert_int_equal(limits_codes_wait(limits, &same, "NEXT", 1000), 1);
    assert_int_equal(limits_codes_wait(limits, &other, "NEXT", 1000), 0);
}

static void a_full_table_keeps_the_worst(void **state)
{
    struct address worst = at("192.0.2.1");
    (void)state;
    guess(&worst, LIMITS_CODES_BURST, 1000);
    for (unsigned i = 0; i < 4 * LIMITS_ADDRESSES; i++) {
        char text[32];
        snprintf(text, sizeof text, "10.%u.%u.%u", i >> 16, i >> 8 & 255, i & 255);
        struct address other = at(text);
        guess(&other, 1, 1000);
    }
    assert_int_equal(limits_codes_wait(limits, &worst, "NEXT", 1000), 1);
}

static void slots_are_counted(void **state)
{
    (void)state;
    for (int i = 0; i < 4; i++) {
        assert_true(limits_enter(limits, LIMITS_BODY));
    }
    assert_false(limits_enter(limits, LIMITS_BODY));
    assert_true(limits_enter(limits, LIMITS_TRANSFER));
    limits_leave(limits, LIMITS_BODY);
    assert_true(limits_enter(limits, LIMITS_BODY));
    assert_false(limits_enter(limits, LIMITS_BODY));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_burst_is_free_then_it_costs_time, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_same_wrong_code_is_charged_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(addresses_do_not_pay_for_each_other, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_ipv6_network_is_one, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_full_table_keeps_the_worst, set_up, tear_down),
        cmocka_unit_test_setup_teardown(slots_are_counted, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
