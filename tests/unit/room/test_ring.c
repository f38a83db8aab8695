/* The in-memory end of a room's log: order, bounds, positions. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "room/ring.h"

static struct log_id id(uint64_t ms, uint64_t seq)
{
    return (struct log_id){ms, seq};
}

static void append(struct ring *ring, uint64_t ms, const char *json)
{
    assert_non_null(ring_append(ring, id(ms, 0), TARGET_ALL, "", "t1", span_of(json)));
}

static void ids_are_ordered_by_time_then_sequence(void **state)
{
    (void)state;
    assert_true(log_id_compare(id(1, 5), id(2, 0)) < 0);
    assert_true(log_id_compare(id(2, 1), id(2, 0)) > 0);
    assert_int_equal(log_id_compare(id(2, 1), id(2, 1)), 0);
}

static void ids_are_read_strictly(void **state)
{
    (void)state;
    struct log_id out;
    assert_true(log_id_parse(span_of("1732094000123-7"), &out));
    assert_true(out.ms == 1732094000123 && out.seq == 7);
    const char *const bad[] = {"",
                               "-",
                               "1",
                               "1-",
                               "-1",
                               "1-2-3",
                               "1-2 ",
                               " 1-2",
                               "a-1",
                               "1-b",
                               "12345678901234567890-1",
                               "+1-2",
                               "0x1-2"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_false(log_id_parse(span_of(bad[i]), &out));
    }
}

static void old_and_equal_ids_are_refused(void **state)
{
    (void)state;
    struct ring ring;
    ring_init(&ring, 10, 1000);
    append(&ring, 5, "{}");
    assert_null(ring_append(&ring, id(5, 0), TARGET_ALL, "", "t1", span_of("{}")));
    assert_null(ring_append(&ring, id(4, 9), TARGET_ALL, "", "t1", span_of("{}")));
    assert_true(ring.end == 1);
    ring_finish(&ring);
}

static void entries_keep_what_they_were_given(void **state)
{
    (void)state;
    struct ring ring;
    ring_init(&ring, 10, 1000);
    ring_append(&ring, id(1, 2), TARGET_STUDENT, "s1", "t1", span_of("{\"a\":1}"));
    const struct ring_entry *entry = ring_at(&ring, 0);
    assert_non_null(entry);
    assert_string_equal(entry->target, "s1");
    assert_string_equal(entry->sender, "t1");
    assert_int_equal(entry->targets, TARGET_STUDENT);
    assert_true(span_eq(entry->json, "{\"a\":1}"));
    append(&ring, 2, "{}");
    assert_null(ring_at(&ring, 1)->target);
    assert_null(ring_at(&ring, 2));
    ring_finish(&ring);
}

static void the_number_of_entries_is_bounded(void **state)
{
    (void)state;
    struct ring ring;
    ring_init(&ring, 100, 1000000);
    for (uint64_t i = 1; i <= 1000; i++) {
        append(&ring, i, "{}");
    }
    assert_true(ring.end - ring.first == 100);
    assert_true(ring.first == 900 && ring.end == 1000);
    assert_true(log_id_compare(ring.dropped, id(900, 0)) == 0);
    for (uint64_t p = 900; p < 1000; p++) {
        assert_true(ring_at(&ring, p)->id.ms == p + 1);
    }
    assert_null(ring_at(&ring, 899));
    ring_finish(&ring);
}

static void bytes_are_bounded_but_the_newest_stays(void **state)
{
    (void)state;
    struct ring ring;
    char big[200];
    memset(big, 'x', sizeof big);
    ring_init(&ring, 100, 50);
    append(&ring, 1, "0123456789");
    append(&ring, 2, "0123456789");
    assert_true(ring.end - ring.first == 2);
    assert_non_null(
        ring_append(&ring, id(3, 0), TARGET_ALL, "", "t1", (struct span){big, sizeof big}));
    assert_true(ring.end - ring.first == 1);
    assert_true(ring.bytes == sizeof big);
    append(&ring, 4, "a");
    assert_true(ring.bytes == 1);
    ring_finish(&ring);
}

static void what_was_dropped_only_grows(void **state)
{
    (void)state;
    struct ring ring;
    ring_init(&ring, 1, 1000);
    append(&ring, 1, "{}");
    ring.dropped = id(7, 0); /* as a trimmed log does */
    append(&ring, 8, "{}");  /* drops 1 */
    assert_true(log_id_compare(ring.dropped, id(7, 0)) == 0);
    append(&ring, 9, "{}");
    assert_true(log_id_compare(ring.dropped, id(8, 0)) == 0);
    ring_finish(&ring);
}

static void positions_after_an_id_are_found(void **state)
{
    (void)state;
    struct ring ring;
    ring_init(&ring, 8, 1000);
    assert_true(ring_after(&ring, id(1, 0)) == 0);
    for (uint64_t i = 1; i <= 20; i++) {
        append(&ring, i * 10, "{}");
    }
    for (uint64_t i = 13; i <= 20; i++) {
        assert_true(ring_after(&ring, id(i * 10, 0)) == i);
        assert_true(ring_after(&ring, id(i * 10 - 1, 99)) == i - 1);
    }
    assert_true(ring_after(&ring, id(1, 0)) == ring.first);
    ring_finish(&ring);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids_are_ordered_by_time_then_sequence),
        cmocka_unit_test(ids_are_read_strictly),
        cmocka_unit_test(old_and_equal_ids_are_refused),
        cmocka_unit_test(entries_keep_what_they_were_given),
        cmocka_unit_test(the_number_of_entries_is_bounded),
        cmocka_unit_test(bytes_are_bounded_but_the_newest_stays),
        cmocka_unit_test(what_was_dropped_only_grows),
        cmocka_unit_test(positions_after_an_id_are_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
