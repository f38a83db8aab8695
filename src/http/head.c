/* Checks of a request's head, and small readers of header values; see head.h. */
#include "http/head.h"

#include <string.h>
#include <strings.h>

#define LENGTH_DIGITS_MAX 15

const char *head_get(const struct mg_header *headers, int count, const char *name)
{
    for (int i = 0; i < count; i++) {
        if (strcasecmp(headers[i].name, name) == 0) {
            return headers[i].value;
        }
    }
    return NULL;
}

int head_count(const struct mg_header *headers, int count, const char *name)
{
    int found = 0;
    for (int i = 0; i < count; i++) {
        found += strcasecmp(headers[i].name, name) == 0;
    }
    return found;
}

/* The length of `text` without the blanks at its end. */
static size_t trimmed(const char *text)
{
    size_t n = strlen(text);
    while (n > 0 && (text[n - 1] == ' ' || text[n - 1] == '\t')) {
        n--;
    }
    return n;
}

/* Digits and nothing else. */
static bool read_length(const char *text, int64_t *length)
{
    size_t n = trimmed(text);
    if (n == 0 || n > LENGTH_DIGITS_MAX) {
        return false;
    }
    *length = 0;
    for (size_t i = 0; i < n; i++) {
        if (text[i] < '0' || text[i] > '9') {
            return false;
        }
        *length = *length * 10 + (text[i] - '0');
    }
    return true;
}

static const char *check_framing(const struct mg_header *headers, int count,
                                 int64_t *content_length)
{
    int lengths = head_count(headers, count, "Content-Length");
    int encodings = head_count(headers, count, "Transfer-Encoding");
    *content_length = 0;
    if (lengths + encodings == 0) {
        return NULL;
    }
    if (lengths + encodings > 1) {
        return "bad_request";
    }
    if (encodings) {
        const char *coding = head_get(headers, count, "Transfer-Encoding");
        bool chunked = trimmed(coding) == 7 && strncasecmp(coding, "chunked", 7) == 0;
        return chunked ? "length_required" : "bad_request";
    }
    const char *length = head_get(headers, count, "Content-Length");
    return read_length(length, content_length) ? NULL : "bad_request";
}

const char *head_check(const struct mg_header *headers, int count, const char *version,
                       int64_t *content_length)
{
    *content_length = 0;
    /* civetweb silently leaves out what comes after this many. */
    if (count >= MG_MAX_HEADERS) {
        return "headers_too_large";
    }
    int hosts = head_count(headers, count, "Host");
    if (hosts > 1 || (hosts == 0 && strcmp(version, "1.0") != 0)) {
        return "bad_request";
    }
    return check_framing(headers, count, content_length);
}

static const char *skip_blanks(const char *p)
{
    return p + strspn(p, " \t");
}

/* True for "q=0", "q=0.0", … behind an element's semicolon. */
static bool weight_is_zero(const char *p, const char *end)
{
    p = skip_blanks(p);
    if (end - p < 3 || (*p != 'q' && *p != 'Q') || p[1] != '=') {
        return false;
    }
    for (p += 2; p < end && *p != ' ' && *p != '\t'; p++) {
        if (*p != '0' && *p != '.') {
            return false;
        }
    }
    return true;
}

bool head_accepts(const char *list, const char *token)
{
    size_t wanted = strlen(token);
    if (!list) {
        return false;
    }
    while (*list) {
        list += strspn(list, " \t,");
        const char *end = list + strcspn(list, ",");
        size_t n = strcspn(list, " \t;,");
        if (n == wanted && strncasecmp(list, token, n) == 0) {
            const char *weight = memchr(list, ';', (size_t)(end - list));
            return !weight || !weight_is_zero(weight + 1, end);
        }
        list = end;
    }
    return false;
}

bool head_is_type(const char *content_type, const char *type)
{
    size_t n = strlen(type);
    if (!content_type || strncasecmp(content_type, type, n) != 0) {
        return false;
    }
    content_type = skip_blanks(content_type + n);
    return *content_type == '\0' || *content_type == ';';
}
