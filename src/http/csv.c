/* Cells and rows; see csv.h. */
#include "http/csv.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

static bool one_of(char c, const char *set)
{
    return c != '\0' && strchr(set, c);
}

static bool needs_quotes(struct span text)
{
    for (size_t i = 0; i < text.n; i++) {
        if (one_of(text.p[i], ",\"\r\n")) {
            return true;
        }
    }
    return false;
}

void csv_cell(struct csv *csv, struct span text)
{
    struct buf *out = csv->out;
    bool quotes = needs_quotes(text);
    if (csv->in_row) {
        buf_append_char(out, ',');
    }
    csv->in_row = true;
    if (quotes) {
        buf_append_char(out, '"');
    }
    if (text.n > 0 && one_of(text.p[0], "=+-@\t\r")) {
        buf_append_char(out, '\'');
    }
    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] == '"') {
            buf_append_char(out, '"');
        }
        buf_append_char(out, text.p[i]);
    }
    if (quotes) {
        buf_append_char(out, '"');
    }
}

void csv_int(struct csv *csv, int64_t value)
{
    char text[24];
    int n = snprintf(text, sizeof text, "%" PRId64, value);
    csv_cell(csv, (struct span){text, (size_t)n});
}

void csv_time(struct csv *csv, int64_t ms)
{
    char text[48];
    struct tm tm;
    time_t seconds = (time_t)(ms / 1000);
    gmtime_r(&seconds, &tm);
    size_t n = strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &tm);
    n += (size_t)snprintf(text + n, sizeof text - n, ".%03dZ", (int)(ms % 1000));
    csv_cell(csv, (struct span){text, n});
}

void csv_end(struct csv *csv)
{
    buf_append_text(csv->out, "\r\n");
    csv->in_row = false;
}
