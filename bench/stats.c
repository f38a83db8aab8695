/* Time, histograms, other processes' costs, and the report of a run. See stats.h. */
#include "stats.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

int64_t now_ns(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

void histogram_clear(struct histogram *h)
{
    memset(h, 0, sizeof *h);
}

static size_t bucket_of(uint64_t ns)
{
    if (ns < 2 * HISTOGRAM_STEPS) {
        return (size_t)ns;
    }
    unsigned shift = 63u - (unsigned)__builtin_clzll(ns) - 5u;
    return (size_t)shift * HISTOGRAM_STEPS + (size_t)(ns >> shift);
}

/* The middle of a bucket. */
static int64_t value_of(size_t bucket)
{
    if (bucket < 2 * HISTOGRAM_STEPS) {
        return (int64_t)bucket;
    }
    unsigned shift = (unsigned)(bucket / HISTOGRAM_STEPS) - 1;
    uint64_t base = (uint64_t)(bucket - (size_t)shift * HISTOGRAM_STEPS);
    return (int64_t)((base << shift) + ((1ull << shift) >> 1));
}

void histogram_add(struct histogram *h, int64_t ns)
{
    uint64_t value = ns > 0 ? (uint64_t)ns : 0;
    size_t bucket = bucket_of(value);
    h->counts[bucket < HISTOGRAM_SIZE ? bucket : HISTOGRAM_SIZE - 1]++;
    h->total++;
    if (ns > h->max_ns) {
        h->max_ns = ns;
    }
}

int64_t histogram_at(const struct histogram *h, double share)
{
    uint64_t wanted = (uint64_t)((double)h->total * share), seen = 0;
    for (size_t i = 0; i < HISTOGRAM_SIZE && h->total > 0; i++) {
        seen += h->counts[i];
        if (seen > wanted || seen == h->total) {
            int64_t value = value_of(i);
            return value < h->max_ns ? value : h->max_ns;
        }
    }
    return 0;
}

static double cpu_s(pid_t pid)
{
    char path[64], line[1024];
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    FILE *f = fopen(path, "r");
    if (!f) {
        return 0;
    }
    unsigned long long user = 0, system = 0;
    char *after = fgets(line, sizeof line, f) ? strrchr(line, ')') : NULL;
    fclose(f);
    if (!after || sscanf(after + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu", &user,
                         &system) != 2) {
        return 0;
    }
    return (double)(user + system) / (double)sysconf(_SC_CLK_TCK);
}

double processes_cpu_s(const struct processes *p)
{
    double sum = 0;
    for (size_t i = 0; i < p->count; i++) {
        sum += cpu_s(p->pids[i]);
    }
    return sum;
}

/* smaps_rollup counts pages; statm's figure may be off by megabytes where there are many threads. */
static int64_t rss_bytes(pid_t pid)
{
    char path[64], line[256];
    long long kib = 0;
    snprintf(path, sizeof path, "/proc/%d/smaps_rollup", (int)pid);
    FILE *f = fopen(path, "r");
    if (!f) {
        return 0;
    }
    while (fgets(line, sizeof line, f) && sscanf(line, "Rss: %lld kB", &kib) != 1) {
    }
    fclose(f);
    return kib * 1024;
}

int64_t processes_rss_bytes(const struct processes *p)
{
    int64_t sum = 0;
    for (size_t i = 0; i < p->count; i++) {
        sum += rss_bytes(p->pids[i]);
    }
    return sum;
}

static void append(char *to, const char *text)
{
    size_t len = strlen(to);
    snprintf(to + len, REPORT_MAX - len, "%s", text);
}

void report_begin(struct report *r, const char *title)
{
    snprintf(r->text, sizeof r->text, "%s:", title);
    snprintf(r->json, sizeof r->json, "{\"run\":\"%s\"", title);
}

void report_text(struct report *r, const char *name, const char *value)
{
    char part[256];
    snprintf(part, sizeof part, " %s=%s", name, value);
    append(r->text, part);
    snprintf(part, sizeof part, ",\"%s\":\"%s\"", name, value);
    append(r->json, part);
}

void report_number(struct report *r, const char *name, double value, int decimals)
{
    char part[128];
    snprintf(part, sizeof part, " %s=%.*f", name, decimals, value);
    append(r->text, part);
    snprintf(part, sizeof part, ",\"%s\":%.*f", name, decimals, value);
    append(r->json, part);
}

void report_histogram(struct report *r, const char *name, const struct histogram *h, double unit_ns)
{
    static const struct {
        const char *suffix;
        double share;
    } points[] = {{"p50", 0.5}, {"p95", 0.95}, {"p99", 0.99}, {"p999", 0.999}, {"max", 1}};
    for (size_t i = 0; i < sizeof points / sizeof points[0]; i++) {
        char full[96];
        snprintf(full, sizeof full, "%s_%s", name, points[i].suffix);
        int64_t ns = points[i].share < 1 ? histogram_at(h, points[i].share) : h->max_ns;
        report_number(r, full, (double)ns / unit_ns, unit_ns < 1e5 ? 0 : 2);
    }
}

void report_end(struct report *r, FILE *json)
{
    puts(r->text);
    append(r->json, "}\n");
    fputs(r->json, json ? json : stdout);
    fflush(json ? json : stdout);
    fflush(stdout);
}
