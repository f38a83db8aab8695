/* Charges for room codes that do not exist, and slots for slow things. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pthread.h>
#include <stdatomic.h>

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

static enum limits_answer ask(const struct address *who, const char *code, int64_t now)
{
    unsigned wait_s;
    enum limits_answer answer = limits_codes_charge(limits, who, code, now, &wait_s);
    assert_int_equal(wait_s > 0, answer == LIMITS_OVER);
    return answer;
}

static unsigned wait_for(const struct address *who, const char *code, int64_t now)
{
    unsigned wait_s;
    assert_int_equal(limits_codes_charge(limits, who, code, now, &wait_s), LIMITS_OVER);
    return wait_s;
}

/* Asks for `count` different codes at `now`; how many of them it might. */
static int guess(const struct address *who, int count, int64_t now)
{
    static atomic_int serial;
    char code[16];
    int asked = 0;
    for (int i = 0; i < count; i++) {
        snprintf(code, sizeof code, "G%d", atomic_fetch_add(&serial, 1));
        asked += ask(who, code, now) == LIMITS_CHARGED;
    }
    return asked;
}

static void a_burst_is_free_then_it_costs_time(void **state)
{
    struct address who = at("192.0.2.1");
    (void)state;
    assert_int_equal(guess(&who, LIMITS_CODES_BURST, 1000), LIMITS_CODES_BURST);
    assert_int_equal(wait_for(&who, "NEXT", 1000), 1);
    assert_int_equal(wait_for(&who, "NEXT", 1999), 1);
    assert_int_equal(ask(&who, "NEXT", 2000), LIMITS_CHARGED);
    /* However many more: what is refused does not make it worse. */
    assert_int_equal(guess(&who, 1000, 2000), 0);
    assert_int_equal(guess(&who, 1000, 4000), 2);
}

static atomic_int asked_at_once;

static void *guess_at_once(void *arg)
{
    atomic_fetch_add(&asked_at_once, guess(arg, 20, 1000));
    return NULL;
}

/* The answers are not there yet: it is the questions that are counted. */
static void questions_at_the_same_time_count_each(void **state)
{
    enum { THREADS = 16 };
    struct address who = at("192.0.2.1");
    pthread_t threads[THREADS];
    (void)state;
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, guess_at_once, &who), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
    assert_int_equal(asked_at_once, LIMITS_CODES_BURST);
}

static void right_codes_cost_nothing(void **state)
{
    struct address who = at("192.0.2.1");
    (void)state;
    for (int i = 0; i < 1000; i++) {
        assert_int_equal(ask(&who, "RIGHT", 1000), LIMITS_CHARGED);
        assert_int_equal(ask(&who, "RIGHT", 1000), LIMITS_FREE); /* meanwhile, beside it */
        limits_codes_refund(limits, &who, "RIGHT", 1000);
    }
    assert_int_equal(guess(&who, LIMITS_CODES_BURST - 1, 1000), LIMITS_CODES_BURST - 1);
    assert_int_equal(ask(&who, "RIGHT", 1000), LIMITS_CHARGED);
    limits_codes_refund(limits, &who, "RIGHT", 1000);
    assert_int_equal(guess(&who, 2, 1000), 1);
    /* Taking back what time has paid already, or for nobody known, does no harm. */
    limits_codes_refund(limits, &who, "RIGHT", 1000000);
    assert_int_equal(guess(&who, 100, 1000000), LIMITS_CODES_BURST);
}

static void the_same_wrong_code_is_charged_once(void **state)
{
    struct address who = at("192.0.2.1");
    (void)state;
    assert_int_equal(ask(&who, "WAITING", 1000), LIMITS_CHARGED);
    for (int i = 0; i < 1000; i++) {
        assert_int_equal(ask(&who, "WAITING", 1000), LIMITS_FREE);
    }
    assert_int_equal(guess(&who, 100, 1000), LIMITS_CODES_BURST - 1);
    /* A class that waits for its teacher may go on asking, whoever guesses beside it. */
    assert_int_equal(ask(&who, "WAITING", 1000), LIMITS_FREE);
}

static void addresses_do_not_pay_for_each_other(void **state)
{
    struct address one = at("192.0.2.1");
    struct address two = at("192.0.2.2");
    (void)state;
    guess(&one, LIMITS_CODES_BURST, 1000);
    assert_int_equal(wait_for(&one, "NEXT", 1000), 1);
    assert_int_equal(ask(&two, "NEXT", 1000), LIMITS_CHARGED);
}

static void an_ipv6_network_is_one(void **state)
{
    struct address one = at("2001:db8:0:1::1");
    struct address same = at("2001:db8:0:1:ffff::2");
    struct address other = at("2001:db8:0:2::1");
    (void)state;
    guess(&one, LIMITS_CODES_BURST, 1000);
    assert_int_equal(wait_for(&same, "NEXT", 1000), 1);
    assert_int_equal(ask(&other, "NEXT", 1000), LIMITS_CHARGED);
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
    assert_int_equal(wait_for(&worst, "NEXT", 1000), 1);
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
    assert_true(limits_enter(limits, LIMITS_OPENING)); /* of 16 threads an eighth */
    assert_true(limits_enter(limits, LIMITS_OPENING));
    assert_false(limits_enter(limits, LIMITS_OPENING));
    assert_true(limits_enter(limits, LIMITS_TOKEN)); /* the same */
    assert_true(limits_enter(limits, LIMITS_TOKEN));
    assert_false(limits_enter(limits, LIMITS_TOKEN));
}

static void images_of_one_user_and_of_all(void **state)
{
    struct limits *more = limits_create(64); /* eight at a time */
    (void)state;
    for (int i = 0; i < LIMITS_IMAGES_PER_USER; i++) {
        assert_true(limits_image_enter(more, "anna"));
    }
    assert_false(limits_image_enter(more, "anna"));
    for (int i = 0; i < 8 - LIMITS_IMAGES_PER_USER; i++) {
        assert_true(limits_image_enter(more, "ben"));
    }
    assert_false(limits_image_enter(more, "cleo"));
    limits_image_leave(more, "ben");
    assert_false(limits_image_enter(more, "anna"));
    assert_true(limits_image_enter(more, "cleo"));
    limits_image_leave(more, "anna");
    assert_true(limits_image_enter(more, "anna"));
    limits_destroy(more);
}

static void uploads_are_counted_by_user_and_in_all(void **state)
{
    struct limits *more = limits_create(32); /* eight at a time */
    (void)state;
    for (int i = 0; i < LIMITS_UPLOADS_PER_USER; i++) {
        assert_true(limits_upload_enter(more, "anna"));
    }
    assert_false(limits_upload_enter(more, "anna"));
    for (int i = 0; i < 8 - LIMITS_UPLOADS_PER_USER; i++) {
        assert_true(limits_upload_enter(more, "ben"));
    }
    assert_false(limits_upload_enter(more, "cleo"));
    limits_upload_leave(more, "ben");
    assert_false(limits_upload_enter(more, "anna"));
    assert_true(limits_upload_enter(more, "cleo"));
    limits_upload_leave(more, "anna");
    assert_true(limits_upload_enter(more, "anna"));
    limits_destroy(more);
}

static void chats_are_counted_by_user_and_in_all(void **state)
{
    struct limits *more = limits_create(64); /* 32 at a time */
    (void)state;
    for (int i = 0; i < LIMITS_CHATS_PER_USER; i++) {
        assert_true(limits_chat_enter(more, "anna"));
    }
    assert_false(limits_chat_enter(more, "anna"));
    for (int i = 0; i < 32 - LIMITS_CHATS_PER_USER; i++) {
        assert_true(limits_chat_enter(more, "ben"));
    }
    assert_false(limits_chat_enter(more, "cleo"));
    limits_chat_leave(more, "anna");
    assert_true(limits_chat_enter(more, "cleo"));
    assert_false(limits_chat_enter(more, "anna"));
    limits_destroy(more);
}

static void *next_turn(void *arg)
{
    static const atomic_bool never;
    return limits_image_turn(arg, "anna", 60000, &never) ? arg : NULL;
}

static void one_image_of_a_user_goes_on_at_a_time(void **state)
{
    static const atomic_bool never;
    static const atomic_bool now = true;
    struct limits *more = limits_create(64);
    pthread_t thread;
    void *got;
    (void)state;
    for (int i = 0; i < 3; i++) {
        assert_true(limits_image_enter(more, "anna"));
    }
    assert_true(limits_image_enter(more, "ben"));
    assert_true(limits_image_turn(more, "anna", 0, &never));
    assert_false(limits_image_turn(more, "anna", 0, &never));
    assert_false(limits_image_turn(more, "anna", 60000, &now));
    assert_true(limits_image_turn(more, "ben", 0, &never)); /* others pass */
    limits_image_leave(more, "anna"); /* one that gave up: the turn stays with the first */
    assert_false(limits_image_turn(more, "anna", 0, &never));
    assert_int_equal(pthread_create(&thread, NULL, next_turn, more), 0);
    limits_image_turn_end(more, "anna");
    limits_image_leave(more, "anna");
    pthread_join(thread, &got);
    assert_ptr_equal(got, more);
    limits_image_turn_end(more, "anna");
    limits_image_leave(more, "anna");
    assert_true(limits_image_enter(more, "anna"));
    assert_true(limits_image_turn(more, "anna", 0, &never));
    limits_destroy(more);
}

static void waste_is_charged_and_paid_off_slowly(void **state)
{
    (void)state;
    limits_waste_charge(limits, "anna", LIMITS_WASTE_MS - 1000, 0);
    assert_int_equal(limits_waste(limits, "anna", 0), 0);
    limits_waste_charge(limits, "anna", 2000, 0);
    assert_int_equal(limits_waste(limits, "anna", 0), 10); /* a second of a decoder: ten */
    assert_int_equal(limits_waste(limits, "anna", 9000), 1);
    assert_int_equal(limits_waste(limits, "anna", 10000), 0);
    assert_int_equal(limits_waste(limits, "ben", 0), 0);
    for (int i = 0; i < 10000; i++) { /* a crowd that wastes little does not make it forgotten */
        char name[16];
        snprintf(name, sizeof name, "c%d", i);
        limits_waste_charge(limits, name, 1, 0);
    }
    assert_int_equal(limits_waste(limits, "anna", 0), 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_burst_is_free_then_it_costs_time, set_up, tear_down),
        cmocka_unit_test_setup_teardown(questions_at_the_same_time_count_each, set_up, tear_down),
        cmocka_unit_test_setup_teardown(right_codes_cost_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_same_wrong_code_is_charged_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(addresses_do_not_pay_for_each_other, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_ipv6_network_is_one, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_full_table_keeps_the_worst, set_up, tear_down),
        cmocka_unit_test_setup_teardown(slots_are_counted, set_up, tear_down),
        cmocka_unit_test(images_of_one_user_and_of_all),
        cmocka_unit_test(uploads_are_counted_by_user_and_in_all),
        cmocka_unit_test(chats_are_counted_by_user_and_in_all),
        cmocka_unit_test(one_image_of_a_user_goes_on_at_a_time),
        cmocka_unit_test_setup_teardown(waste_is_charged_and_paid_off_slowly, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
