/* Frames that several connections send, copied together once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "net/joined.h"

static struct frame *frame_of(const char *text)
{
    struct frame *frame = frame_create(strlen(text));
    memcpy(frame->bytes, text, strlen(text));
    return frame;
}

static void assert_holds(const struct joined *joined, const char *text)
{
    assert_int_equal(joined->len, strlen(text));
    assert_memory_equal(joined->bytes, text, strlen(text));
}

static void test_joins(void **state)
{
    (void)state;
    static struct joined joined;
    struct frame *frames[] = {frame_of("one "), frame_of("two "), frame_of("three")};
    joined_set(&joined, frames, 3);
    assert_holds(&joined, "one two three");
    assert_int_equal(frames[0]->refs, 2);
    joined.bytes[0] = 'O'; /* the next connection's are the same: nothing is copied again */
    joined_set(&joined, frames, 3);
    assert_holds(&joined, "One two three");
    joined_set(&joined, frames, 2);
    assert_holds(&joined, "one two ");
    joined_set(&joined, frames + 1, 2);
    assert_holds(&joined, "two three");
    assert_int_equal(frames[0]->refs, 1);
    joined_clear(&joined);
    assert_int_equal(joined.len, 0);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(frames[i]->refs, 1);
        frame_unref(frames[i]);
    }
}

/* A frame that has been sent by all is kept, so that no other comes to its address meanwhile. */
static void test_keeps(void **state)
{
    (void)state;
    static struct joined joined;
    struct frame *frames[] = {frame_of("a"), frame_of("b")};
    joined_set(&joined, frames, 2);
    frame_unref(frames[0]);
    frame_unref(frames[1]);
    struct frame *later[] = {frame_of("c"), frame_of("d")};
    assert_ptr_not_equal(later[0], frames[0]);
    assert_ptr_not_equal(later[0], frames[1]);
    joined_set(&joined, later, 2);
    assert_holds(&joined, "cd");
    joined_clear(&joined);
    frame_unref(later[0]);
    frame_unref(later[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_joins),
        cmocka_unit_test(test_keeps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
