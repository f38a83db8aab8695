/* What a turn of a loop ends with: its tasks, in their order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>
#include <semaphore.h>

#include "net/loop.h"

#define STEPS 8

struct world {
    struct loop *loop;
    struct loop_task a, b, c, d;
    char order[STEPS + 1];
    size_t count;
    sem_t done;
};

static void note(struct world *w, char what)
{
    assert_true(w->count < STEPS);
    w->order[w->count++] = what;
}

static void task_a(void *arg)
{
    struct world *w = arg;
    note(w, 'a');
    loop_at_turn_end(w->loop, &w->c); /* still in this turn, after b */
    loop_cancel(w->loop, &w->d);
}

static void task_b(void *arg)
{
    note(arg, 'b');
}

static void task_c(void *arg)
{
    struct world *w = arg;
    note(w, 'c');
    sem_post(&w->done);
}

static void task_d(void *arg)
{
    note(arg, 'd');
}

static void in_a_turn(void *arg)
{
    struct world *w = arg;
    loop_at_turn_end(w->loop, &w->a);
    loop_at_turn_end(w->loop, &w->d);
    loop_at_turn_end(w->loop, &w->b);
    loop_at_turn_end(w->loop, &w->a); /* it is queued already */
    note(w, '1');
}

static void tasks_run_once_in_their_order_when_the_turn_ends(void **state)
{
    (void)state;
    struct world w = {
        .a = {.fn = task_a}, .b = {.fn = task_b}, .c = {.fn = task_c}, .d = {.fn = task_d}};
    w.a.arg = w.b.arg = w.c.arg = w.d.arg = &w;
    sem_init(&w.done, 0, 0);
    w.loop = loop_create(0);
    assert_non_null(w.loop);
    assert_int_equal(loop_post(w.loop, in_a_turn, &w), 0);
    assert_int_equal(loop_start(w.loop), 0);
    sem_wait(&w.done);
    assert_int_equal(loop_post(w.loop, in_a_turn, &w), 0); /* they can be queued again */
    sem_wait(&w.done);
    loop_stop(w.loop);
    assert_string_equal(w.order, "1abc1abc");
    loop_destroy(w.loop);
    sem_destroy(&w.done);
}

static void cancelled_tasks_leave_the_others(void **state)
{
    (void)state;
    struct world w = {.a = {.fn = task_b}, .b = {.fn = task_b}, .c = {.fn = task_c}};
    w.a.arg = w.b.arg = w.c.arg = &w;
    sem_init(&w.done, 0, 0);
    w.loop = loop_create(0);
    assert_non_null(w.loop);
    loop_cancel(w.loop, &w.a); /* not queued: nothing happens */
    loop_at_turn_end(w.loop, &w.a);
    loop_at_turn_end(w.loop, &w.b);
    loop_cancel(w.loop, &w.b); /* the last: what follows comes behind a */
    loop_at_turn_end(w.loop, &w.c);
    loop_cancel(w.loop, &w.a);
    assert_int_equal(loop_start(w.loop), 0);
    sem_wait(&w.done);
    loop_stop(w.loop);
    assert_string_equal(w.order, "c");
    loop_destroy(w.loop);
    sem_destroy(&w.done);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tasks_run_once_in_their_order_when_the_turn_ends),
        cmocka_unit_test(cancelled_tasks_leave_the_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
