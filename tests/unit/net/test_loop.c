/* What a turn of a loop ends with: its tasks, in their order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>
#include <fcntl.h>
#include <semaphore.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "net/conn.h"
#include "net/fds.h"
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

/* A connection that had much to send, and says so when it is sent. */
struct sender {
    struct conn conn;
    struct world *world;
    int fd;
};

static void on_data(struct conn *conn, uint8_t *data, size_t len)
{
    (void)conn, (void)data, (void)len;
}

static void on_drain(struct conn *conn)
{
    struct world *w = ((struct sender *)conn)->world;
    note(w, 'd');
    loop_at_turn_end(w->loop, &w->c);
}

static void on_ended(struct conn *conn, int error)
{
    (void)error;
    conn_destroy(conn);
}

static void on_closed(struct conn *conn)
{
    (void)conn;
}

static void send_much(void *arg)
{
    static const struct conn_handlers handlers = {on_data, on_drain, on_ended, on_closed};
    struct sender *sender = arg;
    struct frame *frame = frame_create(CONN_DRAIN_MARK + 1);
    memset(frame->bytes, 'x', frame->len);
    assert_int_equal(conn_start(&sender->conn, sender->world->loop, sender->fd, &handlers), 0);
    assert_int_equal(conn_queue(&sender->conn, frame, CONN_NO_LIMIT), CONN_OK);
    frame_unref(frame);
}

static void tasks_that_flushing_queues_do_not_wait_for_another_event(void **state)
{
    (void)state;
    int pair[2];
    struct timespec until;
    struct world w = {.c = {.fn = task_c}};
    w.c.arg = &w;
    sem_init(&w.done, 0, 0);
    w.loop = loop_create(0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    fcntl(pair[1], F_SETFL, O_NONBLOCK);
    fds_own(pair[1]);
    struct sender sender = {.world = &w, .fd = pair[1]};
    assert_int_equal(loop_post(w.loop, send_much, &sender), 0);
    assert_int_equal(loop_start(w.loop), 0);
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 30; /* without the end of the turn nothing would ever wake the loop */
    assert_int_equal(sem_timedwait(&w.done, &until), 0);
    close(pair[0]); /* ends the connection */
    loop_stop(w.loop);
    assert_string_equal(w.order, "dc");
    loop_destroy(w.loop);
    sem_destroy(&w.done);
}

static void a_tick_that_comes_late_is_told_but_not_twice_in_a_row(void **state)
{
    (void)state;
    struct loop *loop = loop_create(0);
    int64_t now = loop_now_ms(loop);
    struct loop_pace pace = {.ticked_ms = now - 1999};
    assert_false(loop_tick_is_late(loop, &pace, 1000));
    assert_int_equal(pace.ticked_ms, now);
    pace.ticked_ms = now - 2000;
    assert_true(loop_tick_is_late(loop, &pace, 1000));
    pace.ticked_ms = now - 5000;
    assert_false(loop_tick_is_late(loop, &pace, 1000)); /* a loop that is always late judges, too */
    pace.ticked_ms = now - 5000;
    assert_true(loop_tick_is_late(loop, &pace, 1000));
    loop_destroy(loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tasks_run_once_in_their_order_when_the_turn_ends),
        cmocka_unit_test(cancelled_tasks_leave_the_others),
        cmocka_unit_test(tasks_that_flushing_queues_do_not_wait_for_another_event),
        cmocka_unit_test(a_tick_that_comes_late_is_told_but_not_twice_in_a_row),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
