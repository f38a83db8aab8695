/* The report as a table and as JSON; see report.h. */
#include "simulate/report.h"

#include "base/json.h"

#define NS_PER_MS 1e6
#define MIB 1048576.0
#define LAG_WORTH_TELLING_NS 20000000 /* of figures in milliseconds */
#define BUSY 0.8                      /* of a core: then it may be the simulation that was slow */

static const char *const measure_names[MEASURE_COUNT] = {
    [MEASURE_GUEST] = "guest",   [MEASURE_JOIN] = "join",   [MEASURE_DELIVERY] = "delivery",
    [MEASURE_ANSWER] = "answer", [MEASURE_IMAGE] = "image", [MEASURE_RECONNECT] = "reconnect",
};

static const char *const part_names[PART_COUNT] = {
    [PART_JOIN] = "join",
    [PART_TALK] = "messages",
    [PART_RECONNECT] = "reconnect",
};

static const struct {
    const char *name;
    double share;
} points[] = {{"p50", 0.5}, {"p95", 0.95}, {"p99", 0.99}, {"max", 1}};
#define POINTS (sizeof points / sizeof points[0])

static double point_ms(const struct histogram *h, size_t point)
{
    double share = points[point].share;
    return (double)(share < 1 ? histogram_at(h, share) : h->max_ns) / NS_PER_MS;
}

void errors_add(struct errors *errors, const char *where, const char *what)
{
    char kind[ERROR_KIND_MAX];
    snprintf(kind, sizeof kind, "%s: %s", where, what);
    errors->total++;
    for (size_t i = 0; i < errors->used; i++) {
        if (strcmp(errors->kinds[i].kind, kind) == 0) {
            errors->kinds[i].count++;
            return;
        }
    }
    if (errors->used == ERROR_KINDS) {
        snprintf(errors->kinds[ERROR_KINDS - 1].kind, ERROR_KIND_MAX, "other");
        errors->kinds[ERROR_KINDS - 1].count++;
        return;
    }
    memcpy(errors->kinds[errors->used].kind, kind, sizeof kind);
    errors->kinds[errors->used++].count = 1;
}

bool report_is_good(const struct report *report)
{
    return !report->failure && !report->interrupted && report->errors.total == 0 &&
           report->lost == 0 && report->repeated == 0 && report->joined == report->students;
}

/* ---- the table ---- */

static void table_measures(const struct report *report, struct buf *out)
{
    buf_printf(out, "%-10s %9s", "ms", "count");
    for (size_t i = 0; i < POINTS; i++) {
        buf_printf(out, " %9s", points[i].name);
    }
    buf_append_char(out, '\n');
    for (size_t m = 0; m < MEASURE_COUNT; m++) {
        const struct histogram *h = &report->measures[m];
        if (h->total == 0) {
            continue;
        }
        buf_printf(out, "%-10s %9llu", measure_names[m], (unsigned long long)h->total);
        for (size_t i = 0; i < POINTS; i++) {
            buf_printf(out, " %9.1f", point_ms(h, i));
        }
        buf_append_char(out, '\n');
    }
}

static double share(double cpu_s, double seconds)
{
    return seconds > 0 ? 100 * cpu_s / seconds : 0;
}

static void table_usage(const struct report *report, struct buf *out)
{
    if (report->no_usage) {
        buf_printf(out, "\nThe server's CPU and memory are not known: %s.\n", report->no_usage);
        return;
    }
    if (!report->parts[PART_JOIN]) {
        return; /* broken off before servers were asked again */
    }
    buf_printf(out, "\n%-10s %9s %9s %9s %10s\n", report->servers > 1 ? "servers" : "server",
               "seconds", "CPU s", "of a core", "memory MiB");
    buf_printf(out, "%-10s %9s %9s %9s %10.1f\n", "before", "", "", "",
               (double)report->memory_before / MIB);
    for (size_t i = 0; i < PART_COUNT; i++) {
        const struct spent *spent = &report->spent[i];
        if (report->parts[i]) {
            buf_printf(out, "%-10s %9.1f %9.2f %7.0f %% %10.1f\n", part_names[i], spent->seconds,
                       spent->cpu_s, share(spent->cpu_s, spent->seconds),
                       (double)spent->memory / MIB);
        }
    }
}

static void table_errors(const struct report *report, struct buf *out)
{
    buf_printf(out, "lost %llu, repeated %llu, errors %llu\n", (unsigned long long)report->lost,
               (unsigned long long)report->repeated, (unsigned long long)report->errors.total);
    for (size_t i = 0; i < report->errors.used; i++) {
        buf_printf(out, "  %9llu  %s\n", (unsigned long long)report->errors.kinds[i].count,
                   report->errors.kinds[i].kind);
    }
}

/* Figures are the server's only while the simulation itself is not the slow one. */
static void table_own(const struct report *report, struct buf *out)
{
    for (size_t i = 0; i < PART_COUNT; i++) {
        const struct spent *spent = &report->spent[i];
        if (report->parts[i] && spent->own_cpu > BUSY * spent->seconds) {
            buf_printf(out,
                       "The simulation itself was busy during \"%s\" (%.0f %% of a core): its "
                       "times are too long.\n",
                       part_names[i], share(spent->own_cpu, spent->seconds));
        }
    }
    if (report->lag_ns > LAG_WORTH_TELLING_NS) {
        buf_printf(
            out,
            "The simulation itself was late by up to %.0f ms: this machine had too much to do.\n",
            (double)report->lag_ns / NS_PER_MS);
    }
}

static void table_verdict(const struct report *report, struct buf *out)
{
    if (report->failure) {
        buf_printf(out, "The class could not be held: %s.\n", report->failure);
    } else if (report->interrupted) {
        buf_append_text(out, "Broken off: the class was ended, these figures are not all.\n");
    } else if (report_is_good(report)) {
        buf_append_text(out, "Everything arrived, once and in order.\n");
    } else {
        buf_append_text(out, "Not everything went well: see above.\n");
    }
}

static void table_class(const struct report *report, struct buf *out)
{
    buf_printf(out, "%u student%s in %u room%s, %.0f s", report->students,
               report->students > 1 ? "s" : "", report->rooms, report->rooms > 1 ? "s" : "",
               report->seconds);
    if (report->version[0]) {
        buf_printf(out, ", lectern %s", report->version);
    }
    if (report->servers > 1) {
        buf_printf(out, ", %u servers", report->servers);
    }
    buf_append_text(out, "\n\n");
    table_measures(report, out);
    buf_printf(out,
               "\n%llu messages heard %llu times (%llu by replay), %llu answers heard %llu times, "
               "%llu images\n",
               (unsigned long long)report->sent, (unsigned long long)report->heard,
               (unsigned long long)report->replayed, (unsigned long long)report->answers,
               (unsigned long long)report->answers_heard, (unsigned long long)report->images);
    if (report->no_images) {
        buf_printf(out, "Images were left out: %s.\n", report->no_images);
    }
    table_usage(report, out);
    buf_append_char(out, '\n');
}

/* A class that never began has nothing but its errors to tell. */
void report_table(const struct report *report, struct buf *out)
{
    if (report->measures[MEASURE_JOIN].total > 0) {
        table_class(report, out);
    }
    table_errors(report, out);
    table_own(report, out);
    table_verdict(report, out);
}

/* ---- JSON ---- */

static void json_text(struct buf *out, const char *key, const char *value)
{
    json_write_key(out, key);
    if (value) {
        json_write_string(out, span_of(value));
    } else {
        buf_append_text(out, "null");
    }
}

static void json_count(struct buf *out, const char *key, uint64_t value)
{
    json_write_key(out, key);
    buf_printf(out, "%llu", (unsigned long long)value);
}

static void json_measures(const struct report *report, struct buf *out)
{
    json_write_key(out, "ms");
    buf_append_char(out, '{');
    for (size_t m = 0; m < MEASURE_COUNT; m++) {
        const struct histogram *h = &report->measures[m];
        json_write_key(out, measure_names[m]);
        buf_printf(out, "{\"count\":%llu", (unsigned long long)h->total);
        for (size_t i = 0; i < POINTS; i++) {
            buf_printf(out, ",\"%s\":%.3f", points[i].name, point_ms(h, i));
        }
        buf_append_char(out, '}');
    }
    buf_append_char(out, '}');
}

static void json_usage(const struct report *report, struct buf *out)
{
    json_write_key(out, "usage");
    if (report->no_usage) {
        buf_append_text(out, "null");
        return;
    }
    buf_printf(out, "{\"memoryBefore\":%llu", (unsigned long long)report->memory_before);
    for (size_t i = 0; i < PART_COUNT; i++) {
        const struct spent *spent = &report->spent[i];
        if (report->parts[i]) {
            json_write_key(out, part_names[i]);
            buf_printf(out, "{\"seconds\":%.3f,\"cpu\":%.3f,\"memory\":%llu,\"ownCpu\":%.3f}",
                       spent->seconds, spent->cpu_s, (unsigned long long)spent->memory,
                       spent->own_cpu);
        }
    }
    buf_append_char(out, '}');
}

static void json_errors(const struct report *report, struct buf *out)
{
    json_write_key(out, "errors");
    buf_append_char(out, '{');
    for (size_t i = 0; i < report->errors.used; i++) {
        if (i > 0) {
            buf_append_char(out, ',');
        }
        json_write_string(out, span_of(report->errors.kinds[i].kind));
        buf_printf(out, ":%llu", (unsigned long long)report->errors.kinds[i].count);
    }
    buf_append_char(out, '}');
}

void report_json(const struct report *report, struct buf *out)
{
    buf_printf(out, "{\"ok\":%s", report_is_good(report) ? "true" : "false");
    json_text(out, "version", report->version);
    json_text(out, "failure", report->failure);
    buf_printf(out, ",\"interrupted\":%s", report->interrupted ? "true" : "false");
    json_count(out, "servers", report->servers);
    json_count(out, "students", report->students);
    json_count(out, "rooms", report->rooms);
    json_count(out, "joined", report->joined);
    buf_printf(out, ",\"seconds\":%.3f", report->seconds);
    json_measures(report, out);
    json_count(out, "messages", report->sent);
    json_count(out, "heard", report->heard);
    json_count(out, "replayed", report->replayed);
    json_count(out, "answers", report->answers);
    json_count(out, "answersHeard", report->answers_heard);
    json_count(out, "images", report->images);
    json_text(out, "imagesLeftOut", report->no_images);
    json_count(out, "lost", report->lost);
    json_count(out, "repeated", report->repeated);
    json_errors(report, out);
    json_usage(report, out);
    json_text(out, "usageUnknown", report->no_usage);
    buf_printf(out, ",\"ownLagMs\":%.3f}\n", (double)report->lag_ns / NS_PER_MS);
}
