/* Which of its statements a connection has prepared: SQL texts, known by their addresses. */
#ifndef LECTERN_STORE_STATEMENTS_H
#define LECTERN_STORE_STATEMENTS_H

#include <stddef.h>

struct statement {
    const char *sql;
    void *prepared; /* the driver's; may be NULL */
};

struct statements {
    struct statement *list; /* as many as there are different texts in the source */
    size_t count, cap;
};

/* The index of `sql`, or -1. */
long statements_find(const struct statements *statements, const char *sql);

/* Adds it and returns its index, or -1: out of memory. */
long statements_add(struct statements *statements, const char *sql, void *prepared);

void statements_finish(struct statements *statements); /* the driver has freed what it prepared */

#endif
