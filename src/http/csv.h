/*
 * Comma-separated values (RFC 4180, UTF-8) that are safe to open in a spreadsheet: a cell that a
 * spreadsheet would take for a formula gets an apostrophe in front. Pure, any thread.
 */
#ifndef LECTERN_HTTP_CSV_H
#define LECTERN_HTTP_CSV_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

/* The mark by which spreadsheets recognise UTF-8, and without which they garble Korean. */
#define CSV_BOM "\xef\xbb\xbf"

struct csv {
    struct buf *out;
    bool in_row; /* the row has a cell already */
};

/* Appends a cell to the row. */
void csv_cell(struct csv *csv, struct span text);
void csv_int(struct csv *csv, int64_t value);

/* A time in ms since 1970 as `2024-11-20T08:15:23.123Z`. */
void csv_time(struct csv *csv, int64_t ms);

/* Ends the row. */
void csv_end(struct csv *csv);

#endif
