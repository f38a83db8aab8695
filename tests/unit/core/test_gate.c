/* So many inside at a time, never more; who waits comes in when one leaves. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <sched.h>

#include "core/gate.h"

#define MOST 3
#define THREADS 16
#define ROUNDS 200

static struct gate gate;
static atomic_bool stop;
static atomic_int inside, highest;

static int set_up(void **state)
{
    (void)state;
    gate_init(&gate, MOST);
    atomic_store(&stop, false);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    gate_finish(&gate);
    return 0;
}

static void *come_and_go(void *arg)
{
    (void)arg;
    for (int i = 0; i < ROUNDS; i++) {
        if (!gate_enter(&gate, 60000, &stop)) {
            return &gate;
        }
        int now = atomic_fetch_add(&inside, 1) + 1;
        int before = atomic_load(&highest);
        while (now > before && !atomic_compare_exchange_weak(&highest, &before, now)) {
        }
        sched_yield();
        atomic_fetch_sub(&inside, 1);
        gate_leave(&gate);
    }
    return NULL;
}

static void never_more_than_allowed(void **state)
{
    pthread_t threads[THREADS];
    (void)state;
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, come_and_go, NULL), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        void *failed;
        pthread_join(threads[i], &failed);
        assert_null(failed);
    }
    assert_in_range(atomic_load(&highest), 1, MOST);
}

static void fill(void)
{
    for (int i = 0; i < MOST; i++) {
        assert_true(gate_enter(&gate, 0, &stop));
    }
}

static void waiting_has_an_end(void **state)
{
    (void)state;
    fill();
    assert_false(gate_enter(&gate, 0, &stop));
    assert_false(gate_enter(&gate, 30, &stop));
    gate_leave(&gate);
    assert_true(gate_enter(&gate, 0, &stop));
}

static void a_stop_ends_the_waiting(void **state)
{
    (void)state;
    fill();
    atomic_store(&stop, true);
    assert_false(gate_enter(&gate, 3600000, &stop));
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(never_more_than_allowed),
        TEST(waiting_has_an_end),
        TEST(a_stop_ends_the_waiting),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
