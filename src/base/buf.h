/*
 * A growable byte buffer, and the borrowed span that names bytes owned by someone else.
 *
 * Not thread-safe: one owner at a time. Growth failures are remembered (`failed`), so a writer may
 * append freely and look once at the end.
 */
#ifndef LECTERN_BASE_BUF_H
#define LECTERN_BASE_BUF_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Bytes that belong to someone else; not terminated. `p` may be NULL when `n` is 0. */
struct span {
    const char *p;
    size_t n;
};

static inline struct span span_of(const char *text)
{
    return (struct span){text, text ? strlen(text) : 0};
}

static inline bool span_eq(struct span a, const char *text)
{
    size_t n = strlen(text);
    return a.n == n && (n == 0 || memcmp(a.p, text, n) == 0);
}

static inline bool span_same(struct span a, struct span b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

/* Copies `s` into `out` (capacity `cap`, always terminated); false if it did not fit. */
bool span_copy(struct span s, char *out, size_t cap);

/* Takes the next word, up to a blank, off the front of `text`. */
struct span span_word(struct span *text);

/* Without the blanks at both ends. */
struct span span_trim(struct span text);

struct buf {
    char *data; /* NULL until something was appended; not terminated unless buf_cstr() was called */
    size_t len; /* bytes used */
    size_t cap; /* bytes allocated */
    bool failed; /* an allocation failed: contents are incomplete */
};

void buf_init(struct buf *b);
void buf_finish(struct buf *b); /* frees the bytes; the struct may be used again */
void buf_clear(struct buf *b);  /* forgets the contents, keeps the memory */

bool buf_reserve(struct buf *b, size_t more);
void buf_append(struct buf *b, const void *data, size_t len);
void buf_append_span(struct buf *b, struct span s);
void buf_append_text(struct buf *b, const char *text);
void buf_append_char(struct buf *b, char c);
void buf_append_int(struct buf *b, int64_t value);
void buf_printf(struct buf *b, const char *format, ...) __attribute__((format(printf, 2, 3)));
void buf_vprintf(struct buf *b, const char *format, va_list args)
    __attribute__((format(printf, 2, 0)));

/* The contents with a terminating NUL behind them (not counted in len); NULL when out of memory. */
const char *buf_cstr(struct buf *b);

static inline struct span buf_span(const struct buf *b)
{
    return (struct span){b->data, b->len};
}

#endif
