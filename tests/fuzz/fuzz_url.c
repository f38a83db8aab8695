/*
 * Query strings, paths, cookies and Redis URLs: any bytes, in each role. What is accepted must be
 * text that keeps the header's promises.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/url.h"
#include "base/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(int condition)
{
    if (!condition) {
        abort();
    }
}

/* Decoded text: terminated, UTF-8, without NUL, and empty after an error. */
static void check_text(enum url_result result, const char *text, size_t cap, size_t len)
{
    check(len < cap && text[len] == '\0' && strlen(text) == len);
    check(utf8_valid(text, len));
    check(result == URL_OK || len == 0);
    check(*url_result_text(result));
}

static void check_query(struct span text)
{
    static const char *const names[] = {"room", "name", "token", "since", ""};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char small[8], large[512];
        size_t small_len, large_len;
        enum url_result a = url_query_get(text, names[i], large, sizeof large, &large_len);
        enum url_result b = url_query_get(text, names[i], small, sizeof small, &small_len);
        check_text(a, large, sizeof large, large_len);
        check_text(b, small, sizeof small, small_len);
        /* What fits the smaller one is the same in both. */
        check(b != URL_OK || (a == URL_OK && strcmp(small, large) == 0));
        check((a == URL_ABSENT) == (b == URL_ABSENT) && (a == URL_TWICE) == (b == URL_TWICE));
    }
}

static void check_decode(struct span text)
{
    char out[512];
    size_t len;
    for (int form = 0; form < 2; form++) {
        enum url_result result = url_decode(text, form, out, sizeof out, &len);
        check_text(result, out, sizeof out, len);
        check(result != URL_ABSENT && result != URL_TWICE && result != URL_BAD_PATH);
    }
}

static void check_path(struct span text)
{
    struct url_path path;
    if (url_path_split(text, &path)) {
        return;
    }
    check(text.n >= 1 && text.p[0] == '/' && path.count <= URL_SEGMENTS_MAX);
    check(path.slash == (text.p[text.n - 1] == '/'));
    for (size_t i = 0; i < path.count; i++) {
        struct span s = url_path_at(&path, i);
        check(s.n > 0 && s.p[s.n] == '\0' && strlen(s.p) == s.n && utf8_valid(s.p, s.n));
        check(!memchr(s.p, '/', s.n) && !span_eq(s, ".") && !span_eq(s, ".."));
    }
    check(url_path_at(&path, path.count).n == 0);
}

static void check_cookie(struct span text)
{
    struct span value;
    if (cookie_get(text, "lectern_device", &value) == URL_OK) {
        check(value.p >= text.p && value.p + value.n <= text.p + text.n);
        check(!memchr(value.p, ';', value.n));
    }
}

static void check_redis(struct span text)
{
    struct redis_url url;
    if (redis_url_parse(text, &url) == NULL) {
        check(url.address_count >= 1 && url.address_count <= REDIS_SENTINELS_MAX);
        check(*url.primary || url.address_count == 1);
        for (size_t i = 0; i < url.address_count; i++) {
            const struct redis_address *address = &url.addresses[i];
            check(address->port > 0 && *address->host);
            check(strlen(address->host) <= REDIS_HOST_MAX);
        }
        check(strlen(url.primary) <= REDIS_PRIMARY_MAX && url.db <= REDIS_DB_MAX);
        check(*url.password || !*url.user);
        check(utf8_valid(url.user, strlen(url.user)));
        check(utf8_valid(url.password, strlen(url.password)));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span text = {(const char *)data, size};
    check_query(text);
    check_decode(text);
    check_path(text);
    check_cookie(text);
    check_redis(text);
    (void)ipv4_valid(text);
    return 0;
}
