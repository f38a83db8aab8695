/*
 * How the servers that are compared want to be spoken to: one row each. All carry the same text,
 * which holds a mark: '~' and the message's number within its room as 8 hexadecimal digits.
 */
#ifndef LECTERN_BENCH_DIALECT_H
#define LECTERN_BENCH_DIALECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

#define MARK_LEN 9
#define NO_MARK UINT32_MAX

enum greeting { GREETING_WAIT, GREETING_DONE };

struct dialect {
    const char *name;
    const char *host_path;      /* printf: room */
    const char *student_path;   /* printf: room */
    const char *before, *after; /* the text's ends around mark and padding */
    bool tokens;                /* wants "Authorization: Bearer" */
    bool greets;                /* a socket is open when greeting() says so, else after the 101 */
    /* A text before the socket is open; `answer` (or NULL) is to be sent. */
    enum greeting (*greeting)(struct span text, const char **answer);
    const char *ping, *pong; /* in texts, or NULL */
};

const struct dialect *dialect_find(const char *name);

/* Appends a message of `size` bytes (or the shortest possible) with number `seq`. */
void dialect_message(const struct dialect *d, struct buf *out, uint32_t seq, size_t size);

/* The number in a received text, or NO_MARK. */
uint32_t dialect_mark(struct span text);

#endif
