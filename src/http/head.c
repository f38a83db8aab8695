/* Checks of a request's head, and small readers of header values; see head.h. */
#include "http/head.h"

#include <string.h>
#include <strings.h>

#include "base/number.h"

#define LENGTH_MAX 999999999999999u /* bytes of a body that anybody could mean */

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
    const char *text = head_get(headers, count, "Content-Length");
    uint64_t length;
    if (!number_read((struct span){text, trimmed(text)}, 0, LENGTH_MAX, &length)) {
        return "bad_request";
    }
    *content_length = (int64_t)length;
    return NULL;
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

/*
 * civetweb has put a NUL in place of each line's CR and LF, of the colon and of blanks before it,
 * and of the head's last byte; there are no others, as it refuses heads that hold some.
 */
bool head_complete(const struct mg_request_info *info)
{
    const char *end = info->http_version + strlen(info->http_version);
    for (int i = 0; i < info->num_headers; i++) {
        const struct mg_header *header = &info->http_headers[i];
        const char *colon = header->name + strlen(header->name);
        bool blank_before_colon = header->value > colon + 1 && colon[1] == '\0';
        if (header->name != end + 2 || blank_before_colon) {
            return false;
        }
        end = header->value + strlen(header->value);
    }
    /* Without headers, civetweb has run over the empty line as well. */
    char cr = info->num_headers > 0 ? '\r' : '\0';
    return end + 4 - info->request_method <= HEAD_MAX && end[1] == '\0' && end[2] == cr &&
           end[3] == '\0';
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
