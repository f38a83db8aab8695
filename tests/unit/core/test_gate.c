/* So many inside at a time, never more; who waits comes in when one leaves, first come, first served. */
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

/* ---- The order ---- */

static atomic_bool go_on;
static atomic_int served;

struct visitor {
    pthread_t thread;
    int64_t wait_ms;
    const atomic_bool *stop;
    int place; /* the how many-th that came in; -1: did not */
};

static void *visit(void *arg)
{
    struct visitor *visitor = arg;
    visitor->place = -1;
    if (gate_enter(&gate, visitor->wait_ms, visitor->stop)) {
        visitor->place = atomic_fetch_add(&served, 1);
        while (!atomic_load(&go_on)) {
            sched_yield();
        }
        gate_leave(&gate);
    }
    return NULL;
}

static const struct gate_waiter *last_in_line(void)
{
    pthread_mutex_lock(&gate.lock);
    const struct gate_waiter *last = gate.last;
    pthread_mutex_unlock(&gate.lock);
    return last;
}

/* Starts a thread and waits until it stands in line. */
static void send(struct visitor *visitor, int64_t wait_ms, const atomic_bool *to_stop)
{
    const struct gate_waiter *before = last_in_line();
    *visitor = (struct visitor){.wait_ms = wait_ms, .stop = to_stop};
    assert_int_equal(pthread_create(&visitor->thread, NULL, visit, visitor), 0);
    while (last_in_line() == before) {
        sched_yield();
    }
}

static void first_come_first_served(void **state)
{
    static struct visitor visitors[THREADS];
    struct visitor stopped;
    (void)state;
    atomic_store(&go_on, false);
    atomic_store(&served, 0);
    fill();
    for (int i = 0; i < THREADS; i++) {
        if (i == THREADS / 2) {
            send(&stopped, 3600000, &stop); /* gives up in the midst of the others */
        }
        send(&visitors[i], 3600000, NULL);
    }
    atomic_store(&stop, true);
    pthread_join(stopped.thread, NULL);
    assert_int_equal(stopped.place, -1);
    gate_leave(&gate);
    assert_false(gate_enter(&gate, 0, NULL)); /* the place is the first one's, awake or not */
    atomic_store(&go_on, true);
    for (int i = 0; i < THREADS; i++) {
        pthread_join(visitors[i].thread, NULL);
        assert_int_equal(visitors[i].place, i);
    }
    assert_true(gate_enter(&gate, 0, NULL));
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(never_more_than_allowed),
        TEST(waiting_has_an_end),
        TEST(a_stop_ends_the_waiting),
        TEST(first_come_first_served),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
