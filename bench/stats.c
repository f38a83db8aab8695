/* Time, other processes' costs, and the report of a run. See stats.h. */
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
