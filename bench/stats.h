/*
 * What a run measures: time, what other processes cost (Linux /proc), and the report.
 */
#ifndef LECTERN_BENCH_STATS_H
#define LECTERN_BENCH_STATS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include "base/histogram.h"

int64_t now_ns(void); /* CLOCK_MONOTONIC */

/* Processes whose CPU time is charged to one name ("server", "redis"). */
#define PROCESSES_MAX 16

struct processes {
    pid_t pids[PROCESSES_MAX];
    size_t count;
};

double processes_cpu_s(const struct processes *p);      /* user + system, all threads, seconds */
int64_t processes_rss_bytes(const struct processes *p); /* resident memory */

/* One run's result: a line for people on stdout, and the same as one line of JSON. */
#define REPORT_MAX 4096

struct report {
    char text[REPORT_MAX];
    char json[REPORT_MAX];
};

void report_begin(struct report *r, const char *title);
void report_text(struct report *r, const char *name, const char *value);
void report_number(struct report *r, const char *name, double value, int decimals);
/* Adds p50, p95, p99, p99.9 and max in `unit_ns` units, named `name` + "_p50" and so on. */
void report_histogram(struct report *r, const char *name, const struct histogram *h,
                      double unit_ns);
void report_end(struct report *r, FILE *json); /* prints both; `json` may be NULL: stdout */

#endif
