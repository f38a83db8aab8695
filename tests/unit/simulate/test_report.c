/* The report: what is in the table and in the JSON, and when a class went well. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/json.h"
#include "simulate/fields.h"
#include "simulate/report.h"

#define MS 1000000

static struct report report;

/* A class of two that went well. */
static int before_each(void **state)
{
    (void)state;
    report = (struct report){
        .version = "1.2.3",
        .servers = 1,
        .students = 2,
        .rooms = 1,
        .joined = 2,
        .seconds = 12.34,
        .sent = 4,
        .heard = 8,
        .replayed = 2,
        .memory_before = 10 << 20,
        .parts = {[PART_JOIN] = true, [PART_TALK] = true},
        .spent = {[PART_JOIN] = {2, 0.5, 0.1, 11 << 20}, [PART_TALK] = {10, 1, 0.2, 12 << 20}},
    };
    histogram_add(&report.measures[MEASURE_JOIN], 5 * MS);
    histogram_add(&report.measures[MEASURE_JOIN], 7 * MS);
    for (int i = 0; i < 6; i++) {
        histogram_add(&report.measures[MEASURE_DELIVERY], 2 * MS);
    }
    return 0;
}

static const char *table(void)
{
    static struct buf out;
    buf_clear(&out);
    report_table(&report, &out);
    return buf_cstr(&out);
}

static struct span json(void)
{
    static struct buf out;
    buf_clear(&out);
    report_json(&report, &out);
    return (struct span){out.data, out.len};
}

static void has(const char *what)
{
    const char *text = table();
    if (!strstr(text, what)) {
        fail_msg("no \"%s\" in\n%s", what, text);
    }
}

static void has_not(const char *what)
{
    const char *text = table();
    if (strstr(text, what)) {
        fail_msg("\"%s\" in\n%s", what, text);
    }
}

static void a_good_class(void **state)
{
    (void)state;
    assert_true(report_is_good(&report));
    has("2 students in 1 room, 12 s, lectern 1.2.3\n");
    has("ms             count       p50       p95       p99       max\n");
    has("join               2       7.0       7.0       7.0       7.0\n");
    has("delivery           6       2.0       2.0       2.0       2.0\n");
    has_not("image ");
    has("4 messages heard 8 times (2 by replay)");
    has("before                                         10.0\n");
    has("join             2.0      0.50      25 %       11.0\n");
    has("messages        10.0      1.00      10 %       12.0\n");
    has_not("reconnect");
    has("lost 0, repeated 0, errors 0\n");
    has("Everything arrived, once and in order.\n");
}

static void whatever_went_wrong_makes_it_no_good(void **state)
{
    (void)state;
    report.lost = 1;
    assert_false(report_is_good(&report));
    has("lost 1, ");
    has("Not everything went well");
    report.lost = 0;
    report.repeated = 1;
    assert_false(report_is_good(&report));
    report.repeated = 0;
    report.joined = 1;
    assert_false(report_is_good(&report));
    report.joined = 2;
    report.interrupted = true;
    assert_false(report_is_good(&report));
    has("Broken off");
    report.interrupted = false;
    errors_add(&report.errors, "join", "409 room_full");
    assert_false(report_is_good(&report));
    has("errors 1\n          1  join: 409 room_full\n");
}

static void a_class_that_never_began_says_only_why(void **state)
{
    (void)state;
    histogram_clear(&report.measures[MEASURE_JOIN]);
    report.failure = "nobody is there";
    assert_false(report_is_good(&report));
    has("The class could not be held: nobody is there.\n");
    has_not("students");
    has_not("memory");
}

static void errors_are_counted_by_kind(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) {
        errors_add(&report.errors, "join", "503 unavailable");
        errors_add(&report.errors, "guest", "503 unavailable");
    }
    assert_int_equal(report.errors.total, 6);
    assert_int_equal(report.errors.used, 2);
    has("          3  join: 503 unavailable\n          3  guest: 503 unavailable\n");
}

static void kinds_of_errors_are_bounded(void **state)
{
    char what[300];
    (void)state;
    for (int i = 0; i < 100; i++) {
        snprintf(what, sizeof what, "%d %0200d", i, 1);
        errors_add(&report.errors, "join", what);
    }
    assert_int_equal(report.errors.total, 100);
    assert_int_equal(report.errors.used, ERROR_KINDS);
    assert_string_equal(report.errors.kinds[ERROR_KINDS - 1].kind, "other");
    uint64_t sum = 0;
    for (size_t i = 0; i < report.errors.used; i++) {
        sum += report.errors.kinds[i].count;
    }
    assert_int_equal(sum, 100);
}

static void what_is_not_known_is_said(void **state)
{
    (void)state;
    report.no_usage = "GET /metrics: no answer in 10 s";
    report.no_images = "there is no such call";
    has("CPU and memory are not known: GET /metrics: no answer in 10 s.\n");
    has("Images were left out: there is no such call.\n");
    assert_true(report_is_good(&report));
    assert_true(span_eq(field_raw(json(), "usage"), "null"));
    assert_true(span_eq(field_raw(json(), "imagesLeftOut"), "\"there is no such call\""));
}

static void its_own_slowness_is_said(void **state)
{
    (void)state;
    has_not("itself");
    report.lag_ns = 60 * MS;
    has("The simulation itself was late by up to 60 ms");
    report.lag_ns = 0;
    report.spent[PART_TALK].own_cpu = 9.5;
    has("The simulation itself was busy during \"messages\" (95 % of a core)");
    report.spent[PART_TALK].own_cpu = 0;
    has_not("itself");
}

static void the_same_as_json(void **state)
{
    (void)state;
    errors_add(&report.errors, "join", "closed 4005 \"too\\slow\"\n");
    errors_add(&report.errors, "join", "other");
    report.lost = 7;
    struct span text = json();
    assert_true(json_valid(text));
    assert_true(text.p[text.n - 1] == '\n');
    assert_int_equal(memchr(text.p, '\n', text.n) == text.p + text.n - 1, 1);
    assert_true(span_eq(field_raw(text, "ok"), "false"));
    assert_true(span_eq(field_raw(text, "failure"), "null"));
    assert_int_equal(field_number(text, "students", 0), 2);
    assert_int_equal(field_number(text, "lost", 0), 7);
    assert_int_equal(field_number(text, "heard", 0), 8);
    struct span delivery = field_raw(field_raw(text, "ms"), "delivery");
    assert_int_equal(field_number(delivery, "count", 0), 6);
    assert_true(span_eq(field_raw(delivery, "max"), "2.000"));
    struct span talk = field_raw(field_raw(text, "usage"), "messages");
    assert_true(span_eq(field_raw(talk, "cpu"), "1.000"));
    assert_int_equal(field_number(talk, "memory", 0), 12 << 20);
    assert_int_equal(field_number(field_raw(text, "errors"), "join: other", 0), 1);
}

#define TEST(f) cmocka_unit_test_setup(f, before_each)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_good_class),
        TEST(whatever_went_wrong_makes_it_no_good),
        TEST(a_class_that_never_began_says_only_why),
        TEST(errors_are_counted_by_kind),
        TEST(kinds_of_errors_are_bounded),
        TEST(what_is_not_known_is_said),
        TEST(its_own_slowness_is_said),
        TEST(the_same_as_json),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
