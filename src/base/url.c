/* Query strings, paths, cookies and the Redis URL; see url.h. */
#include "base/url.h"

#include "base/ascii.h"
#include "base/number.h"
#include "base/utf8.h"

const char *url_result_text(enum url_result result)
{
    switch (result) {
    case URL_OK:
        return "is fine";
    case URL_ABSENT:
        return "is missing";
    case URL_BAD_ESCAPE:
        return "has a % without two hexadecimal digits";
    case URL_TOO_LONG:
        return "is too long";
    case URL_NUL:
        return "holds a NUL byte";
    case URL_BAD_UTF8:
        return "is not valid UTF-8";
    case URL_TWICE:
        return "is given twice";
    case URL_BAD_PATH:
        return "is not a plain path";
    }
    return "is not valid";
}

/* The byte at *p, decoded, and a step over it; -1 for a bad escape. */
static int next_byte(const char **p, const char *end, bool form)
{
    char c = *(*p)++;
    if (c == '+' && form) {
        return ' ';
    }
    if (c != '%') {
        return (unsigned char)c;
    }
    int high = end - *p < 2 ? -1 : ascii_hex((*p)[0]);
    int low = end - *p < 2 ? -1 : ascii_hex((*p)[1]);
    if (high < 0 || low < 0) {
        return -1;
    }
    *p += 2;
    return high << 4 | low;
}

static enum url_result decode(struct span text, bool form, char *out, size_t cap, size_t *len)
{
    const char *p = text.p;
    const char *end = text.n ? text.p + text.n : text.p;
    size_t n = 0;
    while (p < end) {
        int byte = next_byte(&p, end, form);
        if (byte <= 0) {
            return byte < 0 ? URL_BAD_ESCAPE : URL_NUL;
        }
        if (n + 1 >= cap) {
            return URL_TOO_LONG;
        }
        out[n++] = (char)byte;
    }
    if (!utf8_valid(out, n)) {
        return URL_BAD_UTF8;
    }
    out[n] = '\0';
    *len = n;
    return URL_OK;
}

enum url_result url_decode(struct span text, bool form, char *out, size_t cap, size_t *len)
{
    *len = 0;
    if (cap == 0) {
        return URL_TOO_LONG;
    }
    enum url_result result = decode(text, form, out, cap, len);
    if (result) {
        out[0] = '\0';
    }
    return result;
}

/* Cuts the bytes up to `separator` (or all) off the front of *rest, and the separator with them. */
static struct span cut(struct span *rest, char separator)
{
    const char *at = rest->n ? memchr(rest->p, separator, rest->n) : NULL;
    if (!at) {
        struct span all = *rest;
        *rest = (struct span){NULL, 0};
        return all;
    }
    struct span first = {rest->p, (size_t)(at - rest->p)};
    *rest = (struct span){at + 1, rest->n - first.n - 1};
    return first;
}

/* True if `text`, decoded, is `name`. What cannot be decoded is no name of ours. */
static bool decodes_to(struct span text, const char *name)
{
    const char *p = text.p;
    const char *end = text.n ? text.p + text.n : text.p;
    for (; *name; name++) {
        if (p == end || next_byte(&p, end, true) != (unsigned char)*name) {
            return false;
        }
    }
    return p == end;
}

enum url_result url_query_get(struct span query, const char *name, char *out, size_t cap,
                              size_t *len)
{
    struct span found = {NULL, 0};
    bool seen = false;
    *len = 0;
    if (cap == 0) {
        return URL_TOO_LONG;
    }
    out[0] = '\0';
    while (query.n > 0) {
        struct span value = cut(&query, '&');
        struct span key = cut(&value, '=');
        if (decodes_to(key, name)) {
            if (seen) {
                return URL_TWICE;
            }
            seen = true;
            found = value;
        }
    }
    return seen ? url_decode(found, true, out, cap, len) : URL_ABSENT;
}

/* True for what names no resource, or could name another one to those who decode again. */
static bool bad_segment(const char *text, size_t len)
{
    if (len == 0 || (text[0] == '.' && (len == 1 || (len == 2 && text[1] == '.')))) {
        return true;
    }
    for (size_t i = 0; i < len; i++) {
        if (ascii_is_control(text[i]) || text[i] == '/' || text[i] == '\\') {
            return true;
        }
    }
    return false;
}

enum url_result url_path_split(struct span path, struct url_path *out)
{
    *out = (struct url_path){0};
    if (path.n == 0 || path.p[0] != '/') {
        return URL_BAD_PATH;
    }
    out->slash = path.p[path.n - 1] == '/';
    if (path.n > URL_PATH_MAX) {
        return URL_TOO_LONG;
    }
    struct span rest = {path.p + 1, path.n - 1};
    size_t used = 0;
    while (rest.n > 0) {
        struct span raw = cut(&rest, '/');
        if (out->count == URL_SEGMENTS_MAX) {
            return URL_TOO_LONG;
        }
        size_t len;
        enum url_result result =
            url_decode(raw, false, out->text + used, sizeof out->text - used, &len);
        if (result) {
            return result;
        }
        if (bad_segment(out->text + used, len)) {
            return URL_BAD_PATH;
        }
        out->start[out->count] = (uint16_t)used;
        out->len[out->count++] = (uint16_t)len;
        used += len + 1;
    }
    return URL_OK;
}

struct span url_path_at(const struct url_path *path, size_t i)
{
    if (i >= path->count) {
        return (struct span){"", 0};
    }
    return (struct span){path->text + path->start[i], path->len[i]};
}

static struct span trim(struct span s)
{
    while (s.n > 0 && (s.p[0] == ' ' || s.p[0] == '\t')) {
        s.p++;
        s.n--;
    }
    while (s.n > 0 && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t')) {
        s.n--;
    }
    return s;
}

enum url_result cookie_get(struct span header, const char *name, struct span *value)
{
    while (header.n > 0) {
        struct span pair = cut(&header, ';');
        bool named = pair.n > 0 && memchr(pair.p, '=', pair.n); /* else it is a value alone */
        struct span key = trim(cut(&pair, '='));
        if (!named || !span_eq(key, name)) {
            continue;
        }
        struct span text = trim(pair);
        if (text.n >= 2 && text.p[0] == '"' && text.p[text.n - 1] == '"') {
            text = (struct span){text.p + 1, text.n - 2};
        }
        *value = text;
        return URL_OK;
    }
    *value = (struct span){NULL, 0};
    return URL_ABSENT;
}

bool ipv4_valid(struct span s)
{
    for (int i = 0; i < 4; i++) {
        uint32_t byte;
        if (i == 3 && s.n > 0 && memchr(s.p, '.', s.n)) {
            return false;
        }
        if (!number_read_u32(cut(&s, '.'), 0, 255, &byte)) {
            return false;
        }
    }
    return true;
}

/* One label of a host name (RFC 1123), or with '_' as container networks name their hosts. */
static bool label_valid(struct span s)
{
    if (s.n < 1 || s.n > 63 || s.p[0] == '-' || s.p[s.n - 1] == '-') {
        return false;
    }
    for (size_t i = 0; i < s.n; i++) {
        if (!ascii_is_alnum(s.p[i]) && s.p[i] != '-' && s.p[i] != '_') {
            return false;
        }
    }
    return true;
}

static bool host_valid(struct span s)
{
    if (s.n < 1 || s.n > REDIS_HOST_MAX || s.p[s.n - 1] == '.') {
        return false;
    }
    bool named = false; /* it has a character that an address has not */
    for (size_t i = 0; i < s.n; i++) {
        named = named || (s.p[i] != '.' && !ascii_is_digit(s.p[i]));
    }
    for (struct span rest = s; rest.n > 0;) {
        if (!label_valid(cut(&rest, '.'))) {
            return false;
        }
    }
    return named || ipv4_valid(s);
}

static const char *parse_credentials(struct span text, struct redis_url *out)
{
    if (!memchr(text.p, ':', text.n)) {
        return "what stands before @ is [user]:password";
    }
    struct span user = cut(&text, ':');
    size_t user_len;
    size_t password_len;
    if (url_decode(user, false, out->user, sizeof out->user, &user_len) ||
        url_decode(text, false, out->password, sizeof out->password, &password_len)) {
        return "user and password are percent-encoded UTF-8 of at most 255 bytes";
    }
    return password_len == 0 ? "the password is not empty" : NULL;
}

static const char *parse_address(struct span text, uint16_t port_default, struct redis_address *out)
{
    bool has_port = text.n > 0 && memchr(text.p, ':', text.n);
    struct span host = cut(&text, ':');
    uint32_t port = port_default;
    if (!host_valid(host)) {
        return "a host is an IPv4 address or a host name";
    }
    if (has_port && !number_read_u32(text, 1, UINT16_MAX, &port)) {
        return "a port is a number from 1 to 65535";
    }
    (void)span_copy(host, out->host, sizeof out->host);
    out->port = (uint16_t)port;
    return NULL;
}

static const char *parse_sentinels(struct span text, struct redis_url *out)
{
    for (bool more = true; more;) {
        if (out->address_count == REDIS_SENTINELS_MAX) {
            return "there are more than 8 sentinels";
        }
        more = text.n > 0 && memchr(text.p, ',', text.n);
        const char *wrong = parse_address(cut(&text, ','), REDIS_SENTINEL_PORT_DEFAULT,
                                          &out->addresses[out->address_count++]);
        if (wrong) {
            return wrong;
        }
    }
    return NULL;
}

static bool primary_valid(struct span s)
{
    for (size_t i = 0; i < s.n; i++) {
        if (!ascii_is_alnum(s.p[i]) && s.p[i] != '.' && s.p[i] != '_' && s.p[i] != '-') {
            return false;
        }
    }
    return s.n >= 1 && s.n <= REDIS_PRIMARY_MAX;
}

static bool skip(struct span *rest, const char *prefix)
{
    size_t n = strlen(prefix);
    if (rest->n < n || memcmp(rest->p, prefix, n) != 0) {
        return false;
    }
    *rest = (struct span){rest->p + n, rest->n - n};
    return true;
}

const char *redis_url_parse(struct span text, struct redis_url *out)
{
    const char *wrong = NULL;
    struct span rest = text;
    bool sentinels = skip(&rest, "redis+sentinel://");
    *out = (struct redis_url){0};
    if (!sentinels && !skip(&rest, "redis://")) {
        return "it begins with redis:// or redis+sentinel://";
    }
    struct span authority = cut(&rest, '/');
    if (authority.n > 0 && memchr(authority.p, '@', authority.n)) {
        wrong = parse_credentials(cut(&authority, '@'), out);
    }
    if (!wrong && sentinels) {
        wrong = parse_sentinels(authority, out);
        struct span primary = cut(&rest, '/');
        if (!wrong && !primary_valid(primary)) {
            wrong = "behind the sentinels stands the primary's name, 1 to 64 of A-Z a-z 0-9 . _ -";
        }
        (void)span_copy(primary, out->primary, sizeof out->primary);
    } else if (!wrong) {
        out->address_count = 1;
        wrong = parse_address(authority, REDIS_PORT_DEFAULT, &out->addresses[0]);
    }
    if (!wrong && rest.n > 0 && !number_read_u32(rest, 0, REDIS_DB_MAX, &out->db)) {
        wrong = "the database is a number from 0 to 65535";
    }
    return wrong;
}
