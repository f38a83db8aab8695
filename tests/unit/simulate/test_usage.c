/* Figures of the process out of Prometheus text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/metrics.h"
#include "simulate/usage.h"

static bool reads(const char *text, struct usage *usage)
{
    return usage_read(span_of(text), usage);
}

static void what_the_server_writes_is_read(void **state)
{
    struct buf text;
    struct usage usage;
    (void)state;
    buf_init(&text);
    metrics_write(&text);
    assert_true(usage_read(buf_span(&text), &usage));
    assert_true(usage.cpu_s >= 0 && usage.cpu_s < 3600);
    assert_true(usage.memory > 100000);
    assert_true(usage.start_s > 1600000000);
    buf_finish(&text);
}

static void lines_are_read_whole(void **state)
{
    struct usage usage;
    (void)state;
    assert_true(reads("# HELP process_cpu_seconds_total x\nprocess_cpu_seconds_total 1.5\n"
                      "process_cpu_seconds_total_other 9\n"
                      "process_resident_memory_bytes 2e6\nprocess_start_time_seconds 3",
                      &usage));
    assert_true(usage.cpu_s == 1.5);
    assert_true(usage.memory == 2e6);
    assert_true(usage.start_s == 3);
}

static void anything_else_is_not(void **state)
{
    static const char *const cpu[] = {
        "",
        "process_cpu_seconds_total\n",
        "process_cpu_seconds_total x\n",
        "process_cpu_seconds_total 1 x\n",
        "process_cpu_seconds_total nan\n",
        "process_cpu_seconds_total -1\n",
        "xprocess_cpu_seconds_total 1\n",
        "process_cpu_seconds_total 1111111111111111111111111111111111111111111\n"};
    char text[256];
    struct usage usage;
    (void)state;
    for (size_t i = 0; i < sizeof cpu / sizeof cpu[0]; i++) {
        snprintf(text, sizeof text,
                 "%sprocess_resident_memory_bytes 1\nprocess_start_time_seconds 1\n", cpu[i]);
        assert_false(reads(text, &usage));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_the_server_writes_is_read),
        cmocka_unit_test(lines_are_read_whole),
        cmocka_unit_test(anything_else_is_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
