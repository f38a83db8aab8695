/* Query strings, paths, cookies and the Redis URL. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/url.h"

/* Looks `name` up in an exact-size copy, so that a sanitizer sees a read beyond it. */
static enum url_result get(const char *query, const char *name, char *out, size_t cap)
{
    size_t n = strlen(query);
    size_t len = 999;
    char *copy = malloc(n ? n : 1);
    assert_non_null(copy);
    memcpy(copy, query, n);
    enum url_result result = url_query_get((struct span){copy, n}, name, out, cap, &len);
    free(copy);
    assert_int_equal(len, strlen(out));
    if (result) {
        assert_string_equal(out, "");
    }
    return result;
}

static void check_query(const char *query, const char *name, const char *expected)
{
    char out[32] = "before";
    assert_int_equal(get(query, name, out, sizeof out), URL_OK);
    assert_string_equal(out, expected);
}

static void check_query_error(const char *query, const char *name, enum url_result expected)
{
    char out[8] = "before";
    assert_int_equal(get(query, name, out, sizeof out), expected);
}

static void parameters_are_found(void **state)
{
    (void)state;
    check_query("room=FTYXPM", "room", "FTYXPM");
    check_query("a=1&room=X&b=2", "room", "X");
    check_query("&&room=X&&", "room", "X");
    check_query("room=", "room", "");
    check_query("room", "room", "");
    check_query("a&room", "room", "");
    check_query("room=a=b=c", "room", "a=b=c");
    check_query("r%6fom=X", "room", "X");
    check_query("na+me=X", "na me", "X");
    check_query("xroom=1&room=2&roomx=3", "room", "2");
    check_query("name=a+b%20c%2Bd", "name", "a b c+d");
    check_query("name=%EA%B9%80", "name", "김");
    check_query("name=%ea%b9%80", "name", "김");
    check_query("name=a%26b%3Dc", "name", "a&b=c");
    check_query("=x&name=1", "", "x");
    check_query("a=%zz&name=ok", "name", "ok"); /* others are not our business */
    check_query("a%zz=1&name=ok", "name", "ok");
}

static void parameters_are_missing(void **state)
{
    (void)state;
    char out[8];
    size_t len;
    check_query_error("", "room", URL_ABSENT);
    check_query_error("&", "room", URL_ABSENT);
    check_query_error("Room=X", "room", URL_ABSENT);
    check_query_error("roo=X", "room", URL_ABSENT);
    check_query_error("room%00=X", "room", URL_ABSENT);
    check_query_error("a=room", "room", URL_ABSENT);
    check_query_error("a=1;room=X", "room", URL_ABSENT);
    assert_int_equal(url_query_get((struct span){NULL, 0}, "a", out, sizeof out, &len), URL_ABSENT);
}

static void bad_parameters_are_told_apart(void **state)
{
    (void)state;
    check_query_error("a=%", "a", URL_BAD_ESCAPE);
    check_query_error("a=%4", "a", URL_BAD_ESCAPE);
    check_query_error("a=%4g", "a", URL_BAD_ESCAPE);
    check_query_error("a=%%41", "a", URL_BAD_ESCAPE);
    check_query_error("a=%u0041", "a", URL_BAD_ESCAPE);
    check_query_error("a=%4&b=1", "a", URL_BAD_ESCAPE); /* not across the separator */
    check_query_error("a=x%00y", "a", URL_NUL);
    check_query_error("a=%FF", "a", URL_BAD_UTF8);
    check_query_error("a=\xc3", "a", URL_BAD_UTF8);
    check_query_error("a=%c0%af", "a", URL_BAD_UTF8);
    check_query_error("a=%ed%a0%80", "a", URL_BAD_UTF8);
    check_query_error("a=1&a=2", "a", URL_TWICE);
    check_query_error("a=1&%61=1", "a", URL_TWICE);
    check_query_error("a&a", "a", URL_TWICE);
    check_query_error("a=12345678", "a", URL_TOO_LONG);
    check_query("a=1234567&b=", "a", "1234567");
}

static void the_capacity_counts_decoded_bytes(void **state)
{
    (void)state;
    char out[4];
    assert_int_equal(get("a=%61%62%63", "a", out, sizeof out), URL_OK);
    assert_string_equal(out, "abc");
    assert_int_equal(get("a=%61%62%63%64", "a", out, sizeof out), URL_TOO_LONG);
    size_t len;
    assert_int_equal(url_query_get(span_of("a=1"), "a", out, 0, &len), URL_TOO_LONG);
    assert_int_equal(url_decode(span_of(""), true, out, 0, &len), URL_TOO_LONG);
    char one[1];
    assert_int_equal(get("a=", "a", one, 1), URL_OK);
    assert_int_equal(get("a=1", "a", one, 1), URL_TOO_LONG);
}

static void a_nul_byte_in_the_query_is_refused(void **state)
{
    (void)state;
    char out[8];
    size_t len;
    struct span query = {"a=x\0y", 5};
    assert_int_equal(url_query_get(query, "a", out, sizeof out, &len), URL_NUL);
}

static void plus_is_a_blank_in_forms_only(void **state)
{
    (void)state;
    char out[8];
    size_t len;
    assert_int_equal(url_decode(span_of("a+b"), true, out, sizeof out, &len), URL_OK);
    assert_string_equal(out, "a b");
    assert_int_equal(url_decode(span_of("a+b"), false, out, sizeof out, &len), URL_OK);
    assert_string_equal(out, "a+b");
    assert_int_equal(len, 3);
}

static enum url_result split(const char *path, struct url_path *out)
{
    size_t n = strlen(path);
    char *copy = malloc(n ? n : 1);
    assert_non_null(copy);
    memcpy(copy, path, n);
    enum url_result result = url_path_split((struct span){copy, n}, out);
    free(copy);
    return result;
}

static void check_path(const char *path, bool slash, size_t count, const char *const *segments)
{
    struct url_path out;
    assert_int_equal(split(path, &out), URL_OK);
    assert_int_equal(out.slash, slash);
    assert_int_equal(out.count, count);
    for (size_t i = 0; i < count; i++) {
        assert_true(span_eq(url_path_at(&out, i), segments[i]));
        assert_int_equal(url_path_at(&out, i).p[url_path_at(&out, i).n], '\0');
    }
    assert_int_equal(url_path_at(&out, count).n, 0);
}

static void paths_are_split(void **state)
{
    (void)state;
    check_path("/", true, 0, NULL);
    check_path("/ws", false, 1, (const char *[]){"ws"});
    check_path("/teacher/", true, 1, (const char *[]){"teacher"});
    check_path("/rooms/FTYXPM/users/kim%40school", false, 4,
               (const char *[]){"rooms", "FTYXPM", "users", "kim@school"});
    check_path("/%EA%B9%80/a+b", false, 2, (const char *[]){"김", "a+b"});
    check_path("/.../..a/.b", false, 3, (const char *[]){"...", "..a", ".b"});
    check_path("/1/2/3/4/5/6/7/8", false, 8,
               (const char *[]){"1", "2", "3", "4", "5", "6", "7", "8"});
}

static void bad_paths_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *path;
        enum url_result result;
    } cases[] = {
        {"", URL_BAD_PATH},
        {"rooms", URL_BAD_PATH},
        {"*", URL_BAD_PATH},
        {"//", URL_BAD_PATH},
        {"//rooms", URL_BAD_PATH},
        {"/rooms//users", URL_BAD_PATH},
        {"/rooms//", URL_BAD_PATH},
        {"/.", URL_BAD_PATH},
        {"/..", URL_BAD_PATH},
        {"/a/../b", URL_BAD_PATH},
        {"/%2e%2E/b", URL_BAD_PATH},
        {"/%2e", URL_BAD_PATH},
        {"/a%2Fb", URL_BAD_PATH},
        {"/a%5cb", URL_BAD_PATH},
        {"/a\\b", URL_BAD_PATH},
        {"/a%0ab", URL_BAD_PATH},
        {"/a%7f", URL_BAD_PATH},
        {"/a%00", URL_NUL},
        {"/a%", URL_BAD_ESCAPE},
        {"/a%2", URL_BAD_ESCAPE},
        {"/a%2/b", URL_BAD_ESCAPE},
        {"/%ff", URL_BAD_UTF8},
        {"/1/2/3/4/5/6/7/8/9", URL_TOO_LONG},
    };
    struct url_path out;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(split(cases[i].path, &out), cases[i].result);
    }
}

static void the_longest_path_fits(void **state)
{
    (void)state;
    char path[URL_PATH_MAX + 2];
    struct url_path out;
    memset(path, 'a', sizeof path);
    path[0] = '/';
    path[URL_PATH_MAX] = '\0';
    assert_int_equal(split(path, &out), URL_OK);
    assert_int_equal(url_path_at(&out, 0).n, URL_PATH_MAX - 1);
    path[URL_PATH_MAX] = 'a';
    path[URL_PATH_MAX + 1] = '\0';
    assert_int_equal(split(path, &out), URL_TOO_LONG);
}

static void check_cookie(const char *header, const char *name, const char *expected)
{
    struct span value;
    assert_int_equal(cookie_get(span_of(header), name, &value), URL_OK);
    assert_true(span_eq(value, expected));
}

static void cookies_are_found(void **state)
{
    (void)state;
    struct span value;
    check_cookie("a=1", "a", "1");
    check_cookie("a=1; b=2; c=3", "b", "2");
    check_cookie("a=1;b=2", "b", "2");
    check_cookie("  a = 1 ;\tb= 2\t", "b", "2");
    check_cookie("a=\"quoted\"", "a", "quoted");
    check_cookie("a=\"", "a", "\"");
    check_cookie("a=x=y=", "a", "x=y=");
    check_cookie("a=", "a", "");
    check_cookie("a=1; a=2", "a", "1");
    check_cookie("aa=1; a=2", "a", "2");
    assert_int_equal(cookie_get(span_of("b=a"), "a", &value), URL_ABSENT);
    assert_int_equal(cookie_get(span_of("A=1"), "a", &value), URL_ABSENT);
    assert_int_equal(cookie_get(span_of("b=1; a; c=2"), "a", &value), URL_ABSENT);
    assert_int_equal(cookie_get(span_of("x=\"; a=1\"y"), "a", &value), URL_OK);
    assert_int_equal(cookie_get(span_of(""), "a", &value), URL_ABSENT);
    assert_int_equal(cookie_get((struct span){NULL, 0}, "a", &value), URL_ABSENT);
    assert_int_equal(value.n, 0);
}

static void ipv4_addresses(void **state)
{
    (void)state;
    static const char *const good[] = {"0.0.0.0", "127.0.0.1", "255.255.255.255", "10.1.20.199"};
    static const char *const bad[] = {
        "",
        "1",
        "1.2.3",
        "1.2.3.4.5",
        "1.2.3.",
        ".1.2.3",
        "1..2.3",
        "256.1.1.1",
        "1.1.1.256",
        "01.1.1.1",
        "1.1.1.00",
        "1.1.1.1 ",
        " 1.1.1.1",
        "1.1.1.-1",
        "1.1.1.0x1",
        "a.b.c.d",
        "::1",
        "1.1.1.1.",
        "1.1.1.1234567890123",
    };
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_true(ipv4_valid(span_of(good[i])));
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_false(ipv4_valid(span_of(bad[i])));
    }
    assert_false(ipv4_valid((struct span){NULL, 0}));
}

static void check_redis(const char *text, const char *host, unsigned port, unsigned db,
                        const char *user, const char *password)
{
    struct redis_url url;
    const char *wrong = redis_url_parse(span_of(text), &url);
    if (wrong) {
        fail_msg("%s: %s", text, wrong);
    }
    assert_int_equal(url.address_count, 1);
    assert_string_equal(url.addresses[0].host, host);
    assert_int_equal(url.addresses[0].port, port);
    assert_string_equal(url.primary, "");
    assert_int_equal(url.db, db);
    assert_string_equal(url.user, user);
    assert_string_equal(url.password, password);
}

static void redis_urls(void **state)
{
    (void)state;
    check_redis("redis://127.0.0.1:6379", "127.0.0.1", 6379, 0, "", "");
    check_redis("redis://redis", "redis", 6379, 0, "", "");
    check_redis("redis://redis/", "redis", 6379, 0, "", "");
    check_redis("redis://redis/0", "redis", 6379, 0, "", "");
    check_redis("redis://my_redis-1.school.example:6380/15", "my_redis-1.school.example", 6380, 15,
                "", "");
    check_redis("redis://:secret@h:1", "h", 1, 0, "", "secret");
    check_redis("redis://kim:secret@h:65535/1", "h", 65535, 1, "kim", "secret");
    check_redis("redis://k%69m:a%3Ab%40c%2Fd%25+@h", "h", 6379, 0, "kim", "a:b@c/d%+");
    check_redis("redis://kim:a:b@h", "h", 6379, 0, "kim", "a:b");
    check_redis("redis://1st.example", "1st.example", 6379, 0, "", "");
}

static void bad_redis_urls(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",
        "redis",
        "redis:",
        "redis:/h",
        "redis://",
        "http://h",
        "REDIS://h",
        "rediss://h",
        "redis+sentinel://h",
        " redis://h",
        "redis://h ",
        "redis://:6379",
        "redis://h:",
        "redis://h:0",
        "redis://h:65536",
        "redis://h:06379",
        "redis://h:6379x",
        "redis://h:-1",
        "redis://h:1:2",
        "redis://h/x",
        "redis://h/-1",
        "redis://h/1/2",
        "redis://h/65536",
        "redis://h/0x",
        "redis://h?db=1",
        "redis://h#1",
        "redis://user@h",
        "redis://@h",
        "redis://:@h",
        "redis://user:@h",
        "redis://u:p@",
        "redis://u:p%@h",
        "redis://u:p%00@h",
        "redis://u:%ff@h",
        "redis://u:p@h@i",
        "redis://[::1]:6379",
        "redis://::1",
        "redis://256.1.1.1",
        "redis://1.2.3",
        "redis://010.0.0.1",
        "redis://1",
        "redis://-h",
        "redis://h-",
        "redis://h.",
        "redis://.h",
        "redis://a..b",
        "redis://a b",
        "redis://h\xc3\xa9",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct redis_url url;
        const char *wrong = redis_url_parse(span_of(texts[i]), &url);
        if (!wrong) {
            fail_msg("%s should be refused", texts[i]);
            return;
        }
        assert_true(strlen(wrong) > 10);
    }
}

static void long_parts_of_redis_urls(void **state)
{
    (void)state;
    struct redis_url url;
    char text[700];
    char part[300];
    memset(part, 'p', sizeof part);
    snprintf(text, sizeof text, "redis://:%.255s@h", part);
    assert_null(redis_url_parse(span_of(text), &url));
    assert_int_equal(strlen(url.password), 255);
    snprintf(text, sizeof text, "redis://:%.256s@h", part);
    assert_non_null(redis_url_parse(span_of(text), &url));
    snprintf(text, sizeof text, "redis://%.63s.%.63s.%.63s.%.61s", part, part, part, part);
    assert_null(redis_url_parse(span_of(text), &url));
    assert_int_equal(strlen(url.addresses[0].host), REDIS_HOST_MAX);
    snprintf(text, sizeof text, "redis://%.63s.%.63s.%.63s.%.62s", part, part, part, part);
    assert_non_null(redis_url_parse(span_of(text), &url));
    snprintf(text, sizeof text, "redis://%.64s", part);
    assert_non_null(redis_url_parse(span_of(text), &url));
}

static void sentinel_urls(void **state)
{
    (void)state;
    struct redis_url url;
    assert_null(redis_url_parse(span_of("redis+sentinel://h/school"), &url));
    assert_int_equal(url.address_count, 1);
    assert_string_equal(url.addresses[0].host, "h");
    assert_int_equal(url.addresses[0].port, 26379);
    assert_string_equal(url.primary, "school");
    assert_string_equal(url.user, "");
    assert_string_equal(url.password, "");
    assert_int_equal(url.db, 0);

    assert_null(redis_url_parse(
        span_of("redis+sentinel://kim:a%2Cb%2F@10.0.0.1:5000,s-2.example,s_3:1/My.pri-mary_1/15"),
        &url));
    assert_int_equal(url.address_count, 3);
    assert_string_equal(url.addresses[0].host, "10.0.0.1");
    assert_int_equal(url.addresses[0].port, 5000);
    assert_string_equal(url.addresses[1].host, "s-2.example");
    assert_int_equal(url.addresses[1].port, 26379);
    assert_string_equal(url.addresses[2].host, "s_3");
    assert_int_equal(url.addresses[2].port, 1);
    assert_string_equal(url.primary, "My.pri-mary_1");
    assert_string_equal(url.user, "kim");
    assert_string_equal(url.password, "a,b/");
    assert_int_equal(url.db, 15);

    assert_null(redis_url_parse(span_of("redis+sentinel://a,b,c,d,e,f,g,h/p/0"), &url));
    assert_int_equal(url.address_count, REDIS_SENTINELS_MAX);
    assert_null(redis_url_parse(span_of("redis+sentinel://:x@a/p/"), &url));
    assert_string_equal(url.password, "x");

    char text[128];
    char name[70];
    memset(name, 'p', sizeof name);
    snprintf(text, sizeof text, "redis+sentinel://h/%.64s", name);
    assert_null(redis_url_parse(span_of(text), &url));
    assert_int_equal(strlen(url.primary), REDIS_PRIMARY_MAX);
    snprintf(text, sizeof text, "redis+sentinel://h/%.65s", name);
    assert_non_null(redis_url_parse(span_of(text), &url));
}

static void bad_sentinel_urls(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "redis+sentinel",
        "redis+sentinel://",
        "redis+sentinel:///p",
        "redis+sentinel://h",
        "redis+sentinel://h/",
        "redis+sentinel://h//0",
        "redis+sentinel://h,/p",
        "redis+sentinel://,h/p",
        "redis+sentinel://h,,i/p",
        "redis+sentinel://h, i/p",
        "redis+sentinel://h:/p",
        "redis+sentinel://h:0/p",
        "redis+sentinel://h:1,i:65536/p",
        "redis+sentinel://h:1:2/p",
        "redis+sentinel://1.2.3,h/p",
        "redis+sentinel://[::1]/p",
        "redis+sentinel://a,b,c,d,e,f,g,h,i/p",
        "redis+sentinel://h/p/x",
        "redis+sentinel://h/p/65536",
        "redis+sentinel://h/p/1/",
        "redis+sentinel://h/p q",
        "redis+sentinel://h/p%41",
        "redis+sentinel://h/p?db=1",
        "redis+sentinel://h/p,q",
        "redis+sentinel://u@h/p",
        "redis+sentinel://u:@h/p",
        "redis+sentinel://u:p@h,u:p@i/p",
        "redis+sentinel://u:p%@h/p",
        "rediss+sentinel://h/p",
        "redis+Sentinel://h/p",
        "redis://h,i/0",
        "redis://h/p",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct redis_url url;
        const char *wrong = redis_url_parse(span_of(texts[i]), &url);
        if (!wrong) {
            fail_msg("%s should be refused", texts[i]);
            return;
        }
        assert_true(strlen(wrong) > 10);
    }
}

static void what_is_wrong_has_words(void **state)
{
    (void)state;
    for (int i = URL_BAD_PATH; i <= URL_OK; i++) {
        for (int j = URL_BAD_PATH; j < i; j++) {
            assert_string_not_equal(url_result_text((enum url_result)i),
                                    url_result_text((enum url_result)j));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parameters_are_found),
        cmocka_unit_test(parameters_are_missing),
        cmocka_unit_test(bad_parameters_are_told_apart),
        cmocka_unit_test(the_capacity_counts_decoded_bytes),
        cmocka_unit_test(a_nul_byte_in_the_query_is_refused),
        cmocka_unit_test(plus_is_a_blank_in_forms_only),
        cmocka_unit_test(paths_are_split),
        cmocka_unit_test(bad_paths_are_refused),
        cmocka_unit_test(the_longest_path_fits),
        cmocka_unit_test(cookies_are_found),
        cmocka_unit_test(ipv4_addresses),
        cmocka_unit_test(redis_urls),
        cmocka_unit_test(bad_redis_urls),
        cmocka_unit_test(long_parts_of_redis_urls),
        cmocka_unit_test(sentinel_urls),
        cmocka_unit_test(bad_sentinel_urls),
        cmocka_unit_test(what_is_wrong_has_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
