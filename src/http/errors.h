/*
 * The errors that HTTP answers carry (docs/protocol.md, "Errors"): one table from code to status,
 * usual sentence and Retry-After. Read-only, any thread.
 */
#ifndef LECTERN_HTTP_ERRORS_H
#define LECTERN_HTTP_ERRORS_H

#include <stddef.h>

#include "base/buf.h"

struct http_error {
    const char *code;
    int status;
    unsigned retry_after_s; /* 0: no Retry-After */
    const char *message;    /* a sentence for people */
};

/* The row of `code`; for a code that is not in the table, that of "internal". */
const struct http_error *error_find(const char *code);

/* Row `i` of the table, NULL behind the last. */
const struct http_error *error_at(size_t i);

/* Appends {"error":{"code":…,"message":…[,"field":…]}}; `field` may be NULL. */
void error_write(struct buf *out, const char *code, const char *field, const char *message);

/* The reason phrase of an HTTP status that Lectern answers with. */
const char *status_text(int status);

#endif
