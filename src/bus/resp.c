/*
 * RESP 2 requests. A command's size is bounded first and reserved once, then its bytes are written
 * without further checks: this runs once per message.
 */
#include "bus/resp.h"

#include <string.h>

#define HEADER_MAX 24 /* bytes of "$18446744073709551615\r\n" and one to spare */

static char *put_header(char *p, char kind, size_t n)
{
    char digits[20];
    size_t count = 0;
    do {
        digits[count++] = (char)('0' + n % 10);
        n /= 10;
    } while (n > 0);
    *p++ = kind;
    while (count > 0) {
        *p++ = digits[--count];
    }
    *p++ = '\r';
    *p++ = '\n';
    return p;
}

static char *put_bulk(char *p, struct span s)
{
    p = put_header(p, '$', s.n);
    if (s.n > 0) {
        memcpy(p, s.p, s.n);
        p += s.n;
    }
    *p++ = '\r';
    *p++ = '\n';
    return p;
}

static size_t bulks_max(const struct span *argv, size_t argc)
{
    size_t size = 0;
    for (size_t i = 0; i < argc; i++) {
        size += argv[i].n + HEADER_MAX + 2;
    }
    return size;
}

/* Writes head and tail as one command; `head` is short and always there. */
static bool put_command(struct buf *out, const struct span *head, size_t head_count,
                        const struct span *keys, size_t key_count, const struct span *args,
                        size_t arg_count)
{
    buf_clear(out);
    size_t size = HEADER_MAX + bulks_max(head, head_count) + bulks_max(keys, key_count) +
                  bulks_max(args, arg_count) + 1;
    if (!buf_reserve(out, size)) {
        return false;
    }
    char *p = put_header(out->data, '*', head_count + key_count + arg_count);
    for (size_t i = 0; i < head_count; i++) {
        p = put_bulk(p, head[i]);
    }
    for (size_t i = 0; i < key_count; i++) {
        p = put_bulk(p, keys[i]);
    }
    for (size_t i = 0; i < arg_count; i++) {
        p = put_bulk(p, args[i]);
    }
    *p = '\0';
    out->len = (size_t)(p - out->data);
    return true;
}

bool resp_command(struct buf *out, const struct span *argv, size_t argc)
{
    return put_command(out, argv, argc, NULL, 0, NULL, 0);
}

bool resp_evalsha(struct buf *out, enum bus_script script, const struct span *keys,
                  size_t key_count, const struct span *args, size_t arg_count)
{
    char number[HEADER_MAX];
    char *end = put_header(number, '$', key_count) - 2; /* "$2\r\n" holds the number as text */
    const struct span head[] = {
        span_of("EVALSHA"),
        span_of(bus_script_sha(script)),
        {number + 1, (size_t)(end - number - 1)},
    };
    return put_command(out, head, 3, keys, key_count, args, arg_count);
}

bool resp_script_load(struct buf *out, enum bus_script script)
{
    const struct span argv[] = {
        span_of("SCRIPT"),
        span_of("LOAD"),
        span_of(bus_script_text(script)),
    };
    return resp_command(out, argv, 3);
}

bool resp_auth(struct buf *out, const struct redis_url *url)
{
    struct span argv[3] = {span_of("AUTH")};
    size_t argc = 1;
    if (url->user[0] != '\0') {
        argv[argc++] = span_of(url->user);
    }
    argv[argc++] = span_of(url->password);
    return resp_command(out, argv, argc);
}

bool resp_select(struct buf *out, const struct redis_url *url)
{
    char number[HEADER_MAX];
    char *end = put_header(number, '$', url->db) - 2;
    const struct span argv[] = {span_of("SELECT"), {number + 1, (size_t)(end - number - 1)}};
    return resp_command(out, argv, 2);
}

static bool begins_with_word(struct span s, const char *word)
{
    size_t n = strlen(word);
    return s.n >= n && memcmp(s.p, word, n) == 0 && (s.n == n || s.p[n] == ' ');
}

enum resp_error resp_classify(struct span error)
{
    static const struct {
        const char *word;
        enum resp_error meaning;
    } table[] = {
        {"NOSCRIPT", RESP_ERROR_NOSCRIPT},
        {"READONLY", RESP_ERROR_USELESS},   /* a replica, or a primary that was demoted */
        {"LOADING", RESP_ERROR_USELESS},    /* just started, reading its data */
        {"MASTERDOWN", RESP_ERROR_USELESS}, /* a replica that has lost its primary */
        {"NOREPLICAS", RESP_ERROR_USELESS}, /* a primary that has lost its replicas */
        {"NOAUTH", RESP_ERROR_USELESS},     /* wants a password that this connection did not give */
        {"MOVED", RESP_ERROR_USELESS},      /* a Redis Cluster, which Lectern does not support */
        {"CLUSTERDOWN", RESP_ERROR_USELESS},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        if (begins_with_word(error, table[i].word)) {
            return table[i].meaning;
        }
    }
    return RESP_ERROR_OTHER;
}

void resp_error_text(struct span error, char *out, size_t cap)
{
    span_copy(error, out, cap);
    char *arguments = strstr(out, ", with args"); /* "ERR unknown command 'AUTH', with args…" */
    if (arguments) {
        *arguments = '\0';
    }
}

bool resp_wants_login(struct span error)
{
    return begins_with_word(error, "NOAUTH");
}

bool resp_refuses_login(struct span error)
{
    return begins_with_word(error, "WRONGPASS") || resp_wants_login(error) ||
           begins_with_word(error, "NOPERM") ||
           (error.n > 8 && memcmp(error.p, "ERR AUTH", 8) == 0);
}
