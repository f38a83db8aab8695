/* What waits for a slow follower: order, bounds, and the count of what was dropped. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "feed/queue.h"

static uint32_t dropped[3];
static struct feed_queue queue;

static void push(unsigned channel, size_t len, char mark)
{
    struct frame *frame = frame_create(len);
    assert_non_null(frame);
    memset(frame->bytes, mark, len);
    feed_queue_push(&queue, channel, frame);
    frame_unref(frame);
}

static char pop(void)
{
    struct frame *frame = feed_queue_pop(&queue);
    char mark = frame ? frame->bytes[0] : '\0';
    frame_unref(frame);
    return mark;
}

static void begin(size_t max)
{
    memset(dropped, 0, sizeof dropped);
    feed_queue_init(&queue, max, dropped);
}

static void frames_come_in_their_order(void **state)
{
    (void)state;
    begin(100000);
    for (int round = 0; round < 3;
         round++) { /* around the ring's end, and after it was given back */
        for (int mark = 'a'; mark <= 'z'; mark++) {
            push(0, 10, (char)mark);
        }
        for (int mark = 'a'; mark <= 'm'; mark++) {
            assert_int_equal(pop(), mark);
        }
        push(0, 10, '1');
        for (int mark = 'n'; mark <= 'z'; mark++) {
            assert_int_equal(pop(), mark);
        }
        assert_int_equal(pop(), '1');
        assert_int_equal(pop(), '\0');
    }
    assert_true(queue.bytes == 0 && queue.dropped_total == 0 && !queue.ring);
    feed_queue_finish(&queue);
}

static void the_oldest_go_and_are_counted_by_channel(void **state)
{
    (void)state;
    begin(1000);
    for (int i = 0; i < 100; i++) {
        push((unsigned)i % 3, 100, (char)('A' + i % 26));
    }
    assert_true(queue.bytes <= 1000);
    assert_true(queue.len > 1);
    assert_int_equal(queue.dropped_total + queue.len, 100);
    assert_int_equal(dropped[0] + dropped[1] + dropped[2], queue.dropped_total);
    assert_true(dropped[0] >= dropped[2]);
    char last = '\0', mark;
    while ((mark = pop()) != '\0') {
        last = mark;
    }
    assert_int_equal(last, 'A' + 99 % 26); /* the newest is there */
    feed_queue_finish(&queue);
}

static void one_that_never_fits_is_dropped_itself(void **state)
{
    (void)state;
    begin(1000);
    push(0, 10, 'a');
    push(1, 2000, 'b');
    assert_int_equal(dropped[1], 1);
    assert_int_equal(pop(), '\0'); /* to make room, the other one went */
    assert_int_equal(queue.dropped_total, 2);
    feed_queue_finish(&queue);
}

static void what_never_was_a_frame_can_be_counted(void **state)
{
    (void)state;
    begin(1000);
    feed_queue_skip(&queue, 2);
    assert_true(dropped[2] == 1 && queue.dropped_total == 1);
    feed_queue_finish(&queue);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_come_in_their_order),
        cmocka_unit_test(the_oldest_go_and_are_counted_by_channel),
        cmocka_unit_test(one_that_never_fits_is_dropped_itself),
        cmocka_unit_test(what_never_was_a_frame_can_be_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
