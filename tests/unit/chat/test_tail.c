/* The newest rows of a chat room (chat/tail.h). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "chat/tail.h"

static struct tail tail;

static int tear_down(void **state)
{
    (void)state;
    tail_finish(&tail);
    return 0;
}

static struct span text_of(int64_t seq)
{
    static char text[32];
    return (struct span){text, (size_t)snprintf(text, sizeof text, "row %lld", (long long)seq)};
}

static void append(int64_t seq, int64_t now_ms)
{
    assert_int_equal(tail.end, seq);
    assert_non_null(tail_append(&tail, MESSAGE_SENT, text_of(seq), now_ms));
}

static void assert_holds(int64_t first, int64_t end)
{
    assert_int_equal(tail.first, first);
    assert_int_equal(tail.end, end);
    assert_null(tail_at(&tail, first - 1));
    assert_null(tail_at(&tail, end));
    for (int64_t seq = first; seq < end; seq++) {
        const struct tail_entry *entry = tail_at(&tail, seq);
        const struct span text = text_of(seq);
        assert_non_null(entry);
        assert_int_equal(entry->len, text.n);
        assert_memory_equal(entry->json, text.p, text.n);
    }
}

static void rows_at_both_ends(void **state)
{
    (void)state;
    tail_init(&tail, 100);
    assert_holds(100, 100);
    for (int64_t seq = 100; seq < 140; seq++) {
        append(seq, 0);
    }
    for (int64_t seq = 99; seq >= 60; seq--) {
        assert_true(tail_prepend(&tail, MESSAGE_SENT, text_of(seq), 0));
    }
    assert_holds(60, 140);
}

static void bound_in_rows(void **state)
{
    (void)state;
    tail_init(&tail, 1);
    for (int64_t seq = 1; seq <= TAIL_ROWS + 50; seq++) {
        append(seq, 0);
    }
    assert_holds(51, TAIL_ROWS + 51);
    assert_false(tail.full);
    assert_false(tail_prepend(&tail, MESSAGE_SENT, text_of(50), 0));
    assert_true(tail.full);
    append(TAIL_ROWS + 51, 0);
    assert_false(tail.full); /* one went, so there may be place again */
}

static void bound_in_bytes(void **state)
{
    (void)state;
    char *large = calloc(1, 100000);
    assert_non_null(large);
    const struct span text = {large, 100000};
    tail_init(&tail, 10);
    for (int i = 0; i < 12; i++) {
        assert_non_null(tail_append(&tail, MESSAGE_SENT, text, 0));
        assert_true(tail.bytes <= TAIL_BYTES);
    }
    assert_int_equal(tail.end, 22);
    assert_int_equal(tail.end - tail.first, 5);
    assert_false(tail_prepend(&tail, MESSAGE_SENT, text, 0));
    assert_true(tail.full);
    /* The newest stays, however large. */
    char *huge = calloc(1, TAIL_BYTES + 1);
    assert_non_null(huge);
    assert_non_null(tail_append(&tail, MESSAGE_SENT, (struct span){huge, TAIL_BYTES + 1}, 0));
    assert_int_equal(tail.end - tail.first, 1);
    assert_non_null(tail_at(&tail, 22));
    free(huge);
    free(large);
}

static void deleted_rows_stay_as_holes(void **state)
{
    (void)state;
    tail_init(&tail, 1);
    for (int64_t seq = 1; seq <= 4; seq++) {
        append(seq, 0);
    }
    tail_at(&tail, 2)->frames[0] = frame_create(1);
    tail_delete(&tail, 2);
    assert_int_equal(tail_at(&tail, 2)->kind, MESSAGE_DELETED);
    assert_null(tail_at(&tail, 2)->frames[0]);
    tail_delete(&tail, 0);
    tail_delete(&tail, 5);
    assert_non_null(tail_append(&tail, MESSAGE_DELETED, (struct span){NULL, 0}, 0));
    assert_int_equal(tail_at(&tail, 5)->len, 0);
    assert_int_equal(tail.end, 6);
}

static void forgetting(void **state)
{
    (void)state;
    tail_init(&tail, 1);
    for (int64_t seq = 1; seq <= 10; seq++) {
        append(seq, seq * 100);
    }
    tail_forget(&tail, 3);
    assert_holds(4, 11);
    tail_forget(&tail, 2);
    assert_holds(4, 11);
    tail_forget_older(&tail, 700);
    assert_holds(7, 11);
    tail.full = true;
    tail_forget_older(&tail, 99999);
    assert_holds(11, 11);
    assert_false(tail.full);
    append(11, 0);
    tail_restart(&tail, 500);
    assert_holds(500, 500);
    append(500, 0);
    assert_holds(500, 501);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(rows_at_both_ends, tear_down),
        cmocka_unit_test_teardown(bound_in_rows, tear_down),
        cmocka_unit_test_teardown(bound_in_bytes, tear_down),
        cmocka_unit_test_teardown(deleted_rows_stay_as_holes, tear_down),
        cmocka_unit_test_teardown(forgetting, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
