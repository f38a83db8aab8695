/*
 * No memory to tell a loop that its work is done: it is told a little later, and nobody is busy meanwhile. The
 * loop's source is compiled in, so that its allocations can be made to fail.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "unit/store/chat_rig.h"

#define FAILURES 50

static atomic_int failing;                 /* so many of the loop's allocations fail yet */
static _Atomic int64_t second_ms, last_ms; /* when they did */

static void *failing_malloc(size_t size)
{
    if (failing == 0) {
        return malloc(size);
    }
    last_ms = clock_mono_ms();
    if (--failing == FAILURES - 2) {
        second_ms = atomic_load(&last_ms);
    }
    return NULL;
}

#define malloc failing_malloc
#include "../../../src/net/loop.c"
#undef malloc

struct one {
    struct message_append op;
    struct rig *rig;
    struct loop *loop;
    enum store_result result;
    atomic_bool refused, answered;
};

static void answered(struct store_task *task, enum store_result result)
{
    struct one *one = (struct one *)task;
    one->result = result;
    one->answered = true;
}

static void submit(void *arg)
{
    struct one *one = arg;
    failing = FAILURES;
    one->refused = messages_append_submit(one->rig->store, one->loop, &one->op) != 0;
}

static void who_could_not_be_told_is_told_soon(void **state)
{
    (void)state;
    static struct one one;
    struct rig *rig = chat_rig_open();
    struct room_id room = make_group(rig, "kim", "모둠");
    one =
        (struct one){.op = a_message(room.id, "kim", "\"x\""), .rig = rig, .loop = loop_create(0)};
    one.op.task.done = answered;
    assert_non_null(one.loop);
    assert_int_equal(loop_start(one.loop), 0);
    assert_int_equal(loop_post(one.loop, submit, &one), 0);
    /* Much sooner than if the writer's looks at the store were waited for, but not in one breath. */
    assert_true(WAIT_FOR(atomic_load(&one.answered)));
    assert_int_equal(failing, 0);
    assert_true(last_ms - second_ms >= FAILURES / 2 * STORE_REPOST_MS); /* looks come in between */
    assert_false(one.refused);
    assert_int_equal(one.result, STORE_OK);
    assert_int_equal(one.op.seq, 2);
    loop_stop(one.loop);
    loop_destroy(one.loop);
    rig_close(rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_could_not_be_told_is_told_soon),
    };
    return rig_run(tests);
}
