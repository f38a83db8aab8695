/* Metrics and the text that Prometheus reads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <math.h>
#include <pthread.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "core/metrics.h"

static struct buf page;

static const char *scrape(void)
{
    buf_clear(&page);
    metrics_write(&page);
    const char *text = buf_cstr(&page);
    assert_non_null(text);
    return text;
}

/* The value of the sample `name` (with its labels); fails when there is none or more than one. */
static double sample(const char *text, const char *name)
{
    char line[128];
    snprintf(line, sizeof line, "\n%s ", name);
    const char *at = strstr(text, line);
    if (!at) {
        fail_msg("there is no sample %s", name);
        return NAN;
    }
    assert_null(strstr(at + 1, line));
    return strtod(at + strlen(line), NULL);
}

static bool has(const char *text, const char *part)
{
    return strstr(text, part) != NULL;
}

static void counters_and_gauges(void **state)
{
    (void)state;
    metric_add(METRIC_MESSAGES_IN, 3);
    metric_add(METRIC_MESSAGES_IN, 4);
    metric_add(METRIC_CONNECTIONS, 5);
    metric_add(METRIC_CONNECTIONS, -2);
    metric_set(METRIC_REDIS_UP, 2);
    assert_int_equal(metric_get(METRIC_MESSAGES_IN), 7);
    assert_int_equal(metric_get(METRIC_CONNECTIONS), 3);
    const char *text = scrape();
    assert_float_equal(sample(text, "lectern_messages_in_total"), 7, 0);
    assert_float_equal(sample(text, "lectern_connections"), 3, 0);
    assert_float_equal(sample(text, "lectern_redis_up"), 2, 0);
    assert_true(has(text, "\n# TYPE lectern_messages_in_total counter\n"));
    assert_true(has(text, "\n# TYPE lectern_connections gauge\n"));
}

static void histograms_are_cumulative(void **state)
{
    (void)state;
    metric_observe(HISTOGRAM_ACK, 0.0002);
    metric_observe(HISTOGRAM_ACK, 0.0005); /* a bound belongs to its own bucket */
    metric_observe(HISTOGRAM_ACK, 0.0006);
    metric_observe(HISTOGRAM_ACK, 0.3);
    metric_observe(HISTOGRAM_ACK, 10);
    metric_observe(HISTOGRAM_ACK, 60);
    const char *text = scrape();
    assert_float_equal(sample(text, "lectern_ack_seconds_bucket{le=\"0.0005\"}"), 2, 0);
    assert_float_equal(sample(text, "lectern_ack_seconds_bucket{le=\"0.001\"}"), 3, 0);
    assert_float_equal(sample(text, "lectern_ack_seconds_bucket{le=\"0.25\"}"), 3, 0);
    assert_float_equal(sample(text, "lectern_ack_seconds_bucket{le=\"0.5\"}"), 4, 0);
    assert_float_equal(sample(text, "lectern_ack_seconds_bucket{le=\"10\"}"), 5, 0);
    assert_float_equal(sample(text, "lectern_ack_seconds_bucket{le=\"+Inf\"}"), 6, 0);
    assert_float_equal(sample(text, "lectern_ack_seconds_count"), 6, 0);
    assert_float_equal(sample(text, "lectern_ack_seconds_sum"), 70.3013, 1e-6);
    assert_true(has(text, "\n# TYPE lectern_ack_seconds histogram\n"));
}

static void odd_observations_do_no_harm(void **state)
{
    (void)state;
    metric_observe(HISTOGRAM_DELIVER, -5); /* clocks that disagree */
    metric_observe(HISTOGRAM_DELIVER, NAN);
    metric_observe(HISTOGRAM_DELIVER, INFINITY);
    const char *text = scrape();
    assert_float_equal(sample(text, "lectern_deliver_seconds_bucket{le=\"0.0005\"}"), 2, 0);
    assert_float_equal(sample(text, "lectern_deliver_seconds_count"), 3, 0);
    assert_float_equal(sample(text, "lectern_deliver_seconds_sum"), 1e6, 1);
}

static void refusals_are_counted_by_code(void **state)
{
    (void)state;
    char same_text[] = "room_taken";
    metric_refused("room_taken");
    metric_refused(same_text);
    metric_refused("rate_limited");
    const char *text = scrape();
    assert_float_equal(sample(text, "lectern_refused_total{code=\"room_taken\"}"), 2, 0);
    assert_float_equal(sample(text, "lectern_refused_total{code=\"rate_limited\"}"), 1, 0);
    assert_false(has(text, "lectern_refused_total{code=\"other\"}"));
}

static void closes_are_counted_by_code(void **state)
{
    (void)state;
    metric_closed(1000);
    metric_closed(1015);
    metric_closed(4000);
    metric_closed(4005);
    metric_closed(4005);
    const char *text = scrape();
    assert_float_equal(sample(text, "lectern_closed_total{code=\"1000\"}"), 1, 0);
    assert_float_equal(sample(text, "lectern_closed_total{code=\"1015\"}"), 1, 0);
    assert_float_equal(sample(text, "lectern_closed_total{code=\"4000\"}"), 1, 0);
    assert_float_equal(sample(text, "lectern_closed_total{code=\"4005\"}"), 2, 0);
    assert_false(has(text, "code=\"other\""));
    assert_false(has(text, "code=\"1001\""));
    static const uint16_t others[] = {0, 999, 1016, 3000, 3999, 4016, 65535};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        metric_closed(others[i]);
    }
    text = scrape();
    assert_float_equal(sample(text, "lectern_closed_total{code=\"other\"}"), 7, 0);
}

#define THREADS 4
#define ROUNDS 4000
#define CODES 40

static char codes[CODES][24];
static pthread_barrier_t start;

static void *count(void *arg)
{
    (void)arg;
    pthread_barrier_wait(&start); /* so that they race for the codes' places */
    for (int i = 0; i < ROUNDS; i++) {
        metric_add(METRIC_BYTES_IN, 1);
        metric_observe(HISTOGRAM_HTTP, 0.002);
        metric_closed(1001);
        metric_refused(codes[i % CODES]);
    }
    return NULL;
}

static void threads_count_together(void **state)
{
    (void)state;
    pthread_t threads[THREADS];
    for (int i = 0; i < CODES; i++) {
        snprintf(codes[i], sizeof codes[i], "code_%d", i);
    }
    assert_int_equal(pthread_barrier_init(&start, NULL, THREADS), 0);
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, count, NULL), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
    pthread_barrier_destroy(&start);
    const char *text = scrape();
    assert_float_equal(sample(text, "lectern_bytes_in_total"), THREADS * ROUNDS, 0);
    assert_float_equal(sample(text, "lectern_http_seconds_count"), THREADS * ROUNDS, 0);
    assert_float_equal(sample(text, "lectern_http_seconds_sum"), THREADS * ROUNDS * 0.002, 1e-6);
    assert_float_equal(sample(text, "lectern_closed_total{code=\"1001\"}"), THREADS * ROUNDS, 0);
    for (int i = 0; i < CODES; i++) {
        char name[64];
        snprintf(name, sizeof name, "lectern_refused_total{code=\"code_%d\"}", i);
        assert_float_equal(sample(text, name), THREADS * ROUNDS / CODES, 0);
    }
}

/* Last of those that refuse: it fills all the places. */
static void too_many_codes_become_other(void **state)
{
    (void)state;
    static char extras[100][24];
    for (int i = 0; i < 100; i++) {
        snprintf(extras[i], sizeof extras[i], "extra_%d", i);
        metric_refused(extras[i]);
        metric_refused(extras[i]);
    }
    const char *text = scrape();
    assert_float_equal(sample(text, "lectern_refused_total{code=\"extra_0\"}"), 2, 0);
    assert_false(has(text, "extra_99"));
    double other = sample(text, "lectern_refused_total{code=\"other\"}");
    /* Of 128 places, the threads' codes have 40 and earlier tests two: 86 of the hundred fit. */
    assert_float_equal(other, 2 * (100 - (128 - CODES - 2)), 0);
    metric_refused("room_taken");
    assert_float_equal(sample(scrape(), "lectern_refused_total{code=\"room_taken\"}"), 3, 0);
}

static void process_figures(void **state)
{
    (void)state;
    const char *text = scrape();
    double before = sample(text, "process_open_fds");
    assert_true(before >= 3 && before < 1000);
    assert_true(sample(text, "process_max_fds") >= before);
    double resident = sample(text, "process_resident_memory_bytes");
    assert_true(resident > 1e5 && resident < 1e11);
    assert_true(sample(text, "process_virtual_memory_bytes") >= resident);
    assert_true(sample(text, "process_cpu_seconds_total") >= 0);
    assert_true(fabs(sample(text, "process_start_time_seconds") - (double)time(NULL)) < 600);
    assert_true(has(scrape(), "lectern_build_info{version=\"" LECTERN_VERSION "\"} 1\n"));
}

/* Waits until so many descriptors are counted; returns when that was asked for. */
static int64_t wait_for_count(double wanted)
{
    double counted = -1;
    int64_t asked_ms = 0;
    for (int i = 0; i < 2000 && counted != wanted; i++) {
        if (i > 0) {
            usleep(10000);
        }
        asked_ms = clock_mono_ms();
        counted = sample(scrape(), "process_open_fds");
    }
    assert_float_equal(counted, wanted, 0);
    return asked_ms;
}

/* That takes long on a server with many. A machine that stalls for so long itself is tried again. */
static void descriptors_are_counted_once_a_second(void **state)
{
    (void)state;
    double before = sample(scrape(), "process_open_fds");
    bool seen = false;
    for (int i = 0; i < 20 && !seen; i++) {
        int first[2], second[2];
        assert_int_equal(pipe(first), 0);
        int64_t counted_ms = wait_for_count(before + 2); /* at the earliest */
        assert_int_equal(pipe(second), 0);
        double still = sample(scrape(), "process_open_fds");
        seen = clock_mono_ms() < counted_ms + 1000;
        assert_true(!seen || still == before + 2);
        for (int k = 0; k < 2; k++) {
            close(first[k]);
            close(second[k]);
        }
        wait_for_count(before);
    }
    assert_true(seen);
}

/* The exposition format: each line is a comment of ours or one sample; types come before samples. */
static void the_text_is_well_formed(void **state)
{
    (void)state;
    regex_t line;
    const char *text = scrape();
    assert_int_equal(regcomp(&line,
                             "^(# HELP [a-z_]+ [^\n]+\\.|# TYPE [a-z_]+ (counter|gauge|histogram)|"
                             "[a-z_]+(\\{[a-z]+=\"[^\"\n]*\"\\})? [0-9.]+)$",
                             REG_EXTENDED),
                     0);
    assert_int_equal(text[strlen(text) - 1], '\n');
    while (*text) {
        char one[256];
        size_t len = strcspn(text, "\n");
        assert_true(len < sizeof one);
        snprintf(one, sizeof one, "%.*s", (int)len, text);
        if (regexec(&line, one, 0, NULL, 0) != 0) {
            fail_msg("not well-formed: %s", one);
        }
        text += len + 1;
    }
    regfree(&line);
}

/* Every metric of the header has a name of its own. */
static void all_metrics_have_names(void **state)
{
    (void)state;
    const char *text = scrape();
    size_t helps = 0;
    for (const char *p = text; (p = strstr(p, "# HELP ")); p++) {
        char head[128];
        snprintf(head, sizeof head, "%.*s ", (int)(strcspn(p + 7, " ") + 7), p);
        assert_null(strstr(p + 1, head));
        helps++;
    }
    /* Build, refused, closed, and six figures of the process. */
    assert_int_equal(helps, METRIC_COUNT + HISTOGRAM_COUNT + 3 + 6);
    assert_false(has(text, "(null)"));
}

static int tear_down(void **state)
{
    (void)state;
    buf_finish(&page);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counters_and_gauges),
        cmocka_unit_test(histograms_are_cumulative),
        cmocka_unit_test(odd_observations_do_no_harm),
        cmocka_unit_test(refusals_are_counted_by_code),
        cmocka_unit_test(closes_are_counted_by_code),
        cmocka_unit_test(threads_count_together),
        cmocka_unit_test(too_many_codes_become_other),
        cmocka_unit_test(process_figures),
        cmocka_unit_test(descriptors_are_counted_once_a_second),
        cmocka_unit_test(the_text_is_well_formed),
        cmocka_unit_test(all_metrics_have_names),
    };
    return cmocka_run_group_tests(tests, NULL, tear_down);
}
