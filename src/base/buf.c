/* A growable byte buffer; see buf.h. Grows by doubling, so appending costs O(1) amortised. */
#include "base/buf.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define BUF_FIRST 64 /* bytes of the first allocation */

bool span_copy(struct span s, char *out, size_t cap)
{
    if (cap == 0) {
        return false;
    }
    size_t n = s.n < cap ? s.n : cap - 1;
    if (n > 0) {
        memcpy(out, s.p, n);
    }
    out[n] = '\0';
    return n == s.n;
}

struct span span_word(struct span *text)
{
    const char *blank = text->n ? memchr(text->p, ' ', text->n) : NULL;
    struct span word = {text->p, blank ? (size_t)(blank - text->p) : text->n};
    size_t used = word.n + (blank ? 1 : 0);
    text->p += used;
    text->n -= used;
    return word;
}

struct span span_trim(struct span text)
{
    while (text.n > 0 && *text.p == ' ') {
        text.p++;
        text.n--;
    }
    while (text.n > 0 && text.p[text.n - 1] == ' ') {
        text.n--;
    }
    return text;
}

void buf_init(struct buf *b)
{
    *b = (struct buf){0};
}

void buf_finish(struct buf *b)
{
    free(b->data);
    buf_init(b);
}

void buf_clear(struct buf *b)
{
    b->len = 0;
    b->failed = false;
}

bool buf_reserve(struct buf *b, size_t more)
{
    if (b->failed) {
        return false;
    }
    if (more <= b->cap - b->len) {
        return true;
    }
    size_t cap = b->cap ? b->cap : BUF_FIRST;
    while (cap - b->len < more) {
        if (cap > SIZE_MAX / 2) {
            b->failed = true;
            return false;
        }
        cap *= 2;
    }
    char *data = realloc(b->data, cap);
    if (!data) {
        b->failed = true;
        return false;
    }
    b->data = data;
    b->cap = cap;
    return true;
}

void buf_append(struct buf *b, const void *data, size_t len)
{
    if (len == 0 || !buf_reserve(b, len)) {
        return;
    }
    memcpy(b->data + b->len, data, len);
    b->len += len;
}

void buf_append_span(struct buf *b, struct span s)
{
    buf_append(b, s.p, s.n);
}

void buf_append_text(struct buf *b, const char *text)
{
    buf_append(b, text, strlen(text));
}

void buf_append_char(struct buf *b, char c)
{
    buf_append(b, &c, 1);
}

void buf_append_int(struct buf *b, int64_t value)
{
    char digits[24];
    int n = snprintf(digits, sizeof digits, "%" PRId64, value);
    buf_append(b, digits, (size_t)n);
}

void buf_printf(struct buf *b, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    buf_vprintf(b, format, args);
    va_end(args);
}

/* Into what is free; only what does not fit there is printed again, when there is room. */
void buf_vprintf(struct buf *b, const char *format, va_list args)
{
    size_t left = b->cap - b->len;
    va_list again;
    if (b->failed) {
        return;
    }
    va_copy(again, args);
    int n = vsnprintf(left ? b->data + b->len : NULL, left, format, args);
    if (n < 0) {
        b->failed = true;
    } else if ((size_t)n < left) {
        b->len += (size_t)n;
    } else if (buf_reserve(b, (size_t)n + 1)) {
        vsnprintf(b->data + b->len, (size_t)n + 1, format, again);
        b->len += (size_t)n;
    }
    va_end(again);
}

const char *buf_cstr(struct buf *b)
{
    if (!buf_reserve(b, 1)) {
        return NULL;
    }
    b->data[b->len] = '\0';
    return b->data;
}
