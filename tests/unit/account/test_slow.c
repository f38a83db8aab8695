/* The rule by which failures are slowed down, and this process's memory of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <pthread.h>
#include <stdio.h>

#include <cmocka.h>

#include "account/slow.h"
#include "base/id.h"

#define BURST 10
#define REFILL 1000
#define START 1000000 /* ms: not at the clock's beginning */

static int set_up(void **state)
{
    *state = id_init() == 0 ? slow_create() : NULL;
    return *state ? 0 : -1;
}

static int tear_down(void **state)
{
    slow_destroy(*state);
    slow_destroy(NULL);
    return 0;
}

static struct slow_try account(const char *key)
{
    return (struct slow_try){.failures = span_of(key)};
}

static struct slow_try address(const char *key)
{
    return (struct slow_try){.buckets = {{span_of(key), BURST, REFILL}}, .bucket_count = 1};
}

static void the_delay_doubles_up_to_a_limit(void **state)
{
    (void)state;
    for (unsigned i = 0; i < SLOW_FREE; i++) {
        assert_int_equal(slow_delay_ms(i), 0);
    }
    assert_int_equal(slow_delay_ms(SLOW_FREE), SLOW_BASE_MS);
    assert_int_equal(slow_delay_ms(SLOW_FREE + 1), 2 * SLOW_BASE_MS);
    assert_int_equal(slow_delay_ms(SLOW_FREE + 8), 256 * SLOW_BASE_MS);
    assert_int_equal(slow_delay_ms(SLOW_FREE + 9), SLOW_LONGEST_MS);
    assert_int_equal(slow_delay_ms(1000), SLOW_LONGEST_MS);
    assert_int_equal(slow_delay_ms(UINT32_MAX), SLOW_LONGEST_MS);
}

static void failures_make_wait(void **state)
{
    struct slow_try kim = account("kim:a"), lee = account("lee:a");
    int64_t now = START;
    for (int i = 0; i < SLOW_FREE; i++) {
        assert_int_equal(slow_attempt(*state, &kim, now), 0);
    }
    assert_int_equal(slow_attempt(*state, &kim, now), SLOW_BASE_MS);
    assert_int_equal(slow_attempt(*state, &kim, now + 400), SLOW_BASE_MS - 400);
    assert_int_equal(slow_attempt(*state, &lee, now), 0);
    /* Waiting is not charged, the next try is. */
    assert_int_equal(slow_attempt(*state, &kim, now + SLOW_BASE_MS), 0);
    assert_int_equal(slow_attempt(*state, &kim, now + SLOW_BASE_MS), 2 * SLOW_BASE_MS);
    now += SLOW_BASE_MS + SLOW_FORGET_MS;
    for (int i = 0; i < SLOW_FREE; i++) {
        assert_int_equal(slow_attempt(*state, &kim, now), 0);
    }
}

static void being_right_starts_over(void **state)
{
    struct slow_try kim = account("kim:b");
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < SLOW_FREE; i++) {
            assert_int_equal(slow_attempt(*state, &kim, START), 0);
        }
        slow_settle(*state, &kim, SLOW_RIGHT, START);
    }
}

static void what_was_not_tried_is_taken_back(void **state)
{
    struct slow_try kim = account("kim:c");
    for (int i = 0; i < 3 * SLOW_FREE; i++) {
        assert_int_equal(slow_attempt(*state, &kim, START), 0);
        slow_settle(*state, &kim, SLOW_UNTRIED, START);
    }
    for (int i = 0; i < SLOW_FREE; i++) {
        assert_int_equal(slow_attempt(*state, &kim, START), 0);
    }
    assert_true(slow_attempt(*state, &kim, START) > 0);
}

static void a_bucket_fills_and_empties(void **state)
{
    struct slow_try school = address("10.0.0.1");
    for (int i = 0; i < BURST; i++) {
        assert_int_equal(slow_attempt(*state, &school, START), 0);
    }
    assert_int_equal(slow_attempt(*state, &school, START), REFILL);
    assert_int_equal(slow_attempt(*state, &school, START + 300), REFILL - 300);
    assert_int_equal(slow_attempt(*state, &school, START + REFILL), 0);
    assert_int_equal(slow_attempt(*state, &school, START + REFILL), REFILL);
    slow_settle(*state, &school, SLOW_RIGHT, START + REFILL);
    assert_int_equal(slow_attempt(*state, &school, START + REFILL), 0);
    for (int i = 0; i < BURST; i++) {
        assert_int_equal(slow_attempt(*state, &school, START + 100 * REFILL), 0);
    }
}

/* A try that one of its places refuses is charged to none of them. */
static void a_refused_try_costs_nothing(void **state)
{
    struct slow_try full = address("10.0.0.2");
    for (int i = 0; i < BURST; i++) {
        assert_int_equal(slow_attempt(*state, &full, START), 0);
    }
    struct slow_try both = full;
    both.failures = span_of("kim:d");
    for (int i = 0; i < 2 * SLOW_FREE; i++) {
        assert_int_equal(slow_attempt(*state, &both, START), REFILL);
    }
    struct slow_try kim = account("kim:d");
    for (int i = 0; i < SLOW_FREE; i++) {
        assert_int_equal(slow_attempt(*state, &kim, START), 0);
    }
}

/* More accounts than there are places: the one that owes most is still known. */
static void a_flood_does_not_wash_it_away(void **state)
{
    struct slow_try kim = account("kim:e");
    char key[32];
    int64_t now = START;
    for (int i = 0; i < SLOW_FREE + 6; i++) {
        int64_t wait = slow_attempt(*state, &kim, now);
        now += wait;
        assert_int_equal(wait > 0 ? slow_attempt(*state, &kim, now) : 0, 0);
    }
    for (int i = 0; i < 4 * SLOW_PLACES; i++) {
        snprintf(key, sizeof key, "10.1.%d.%d", i / 256, i % 256);
        struct slow_try other = address(key);
        assert_int_equal(slow_attempt(*state, &other, now), 0);
        snprintf(key, sizeof key, "x%d:a", i);
        other = account(key);
        assert_int_equal(slow_attempt(*state, &other, now + 1), 0);
    }
    assert_true(slow_attempt(*state, &kim, now) > 0);
    /* Its failures count on when it has waited. */
    now += slow_attempt(*state, &kim, now);
    for (int i = 0; i < 4 * SLOW_PLACES; i++) {
        snprintf(key, sizeof key, "y%d:a", i);
        struct slow_try other = account(key);
        assert_int_equal(slow_attempt(*state, &other, now), 0);
    }
    assert_int_equal(slow_attempt(*state, &kim, now), 0);
    assert_true(slow_attempt(*state, &kim, now) > 6 * SLOW_BASE_MS);
}

/* What is refused or taken back leaves no trace, and takes nobody's place. */
static void looking_takes_no_place(void **state)
{
    struct slow_try kim = account("kim:g"), full = address("10.0.0.9");
    char key[32];
    assert_int_equal(slow_attempt(*state, &kim, START), 0);
    for (int i = 0; i < BURST; i++) {
        assert_int_equal(slow_attempt(*state, &full, START), 0);
    }
    for (int i = 0; i < 4 * SLOW_PLACES; i++) {
        struct slow_try other = full;
        snprintf(key, sizeof key, "z%d:a", i);
        other.failures = span_of(key);
        assert_true(slow_attempt(*state, &other, START) > 0);
    }
    for (int i = 1; i < SLOW_FREE; i++) {
        assert_int_equal(slow_attempt(*state, &kim, START), 0);
    }
    assert_true(slow_attempt(*state, &kim, START) > 0);
}

struct hammer {
    pthread_t thread;
    struct slow *slow;
    int tried;
};

static void *hammer(void *arg)
{
    struct hammer *one = arg;
    struct slow_try kim = account("kim:f");
    for (int i = 0; i < 1000; i++) {
        one->tried += slow_attempt(one->slow, &kim, START) == 0;
    }
    return NULL;
}

static void threads_count_together(void **state)
{
    struct hammer hammers[4];
    int tried = 0;
    for (int i = 0; i < 4; i++) {
        hammers[i] = (struct hammer){.slow = *state};
        assert_int_equal(pthread_create(&hammers[i].thread, NULL, hammer, &hammers[i]), 0);
    }
    for (int i = 0; i < 4; i++) {
        pthread_join(hammers[i].thread, NULL);
        tried += hammers[i].tried;
    }
    assert_int_equal(tried, SLOW_FREE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_delay_doubles_up_to_a_limit),
        cmocka_unit_test_setup_teardown(failures_make_wait, set_up, tear_down),
        cmocka_unit_test_setup_teardown(being_right_starts_over, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_was_not_tried_is_taken_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_bucket_fills_and_empties, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_refused_try_costs_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_flood_does_not_wash_it_away, set_up, tear_down),
        cmocka_unit_test_setup_teardown(looking_takes_no_place, set_up, tear_down),
        cmocka_unit_test_setup_teardown(threads_count_together, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
