/* Which requests a route takes, and what is read as a page. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/id.h"
#include "core/log.h"
#include "http/pages.h"
#include "http/routes.h"

static bool matches(const char *pattern, const char *path)
{
    struct url_path split;
    assert_int_equal(url_path_split(span_of(path), &split), URL_OK);
    return route_matches(pattern, &split);
}

static void patterns_match_whole_paths(void **state)
{
    (void)state;
    assert_true(matches("/guest", "/guest"));
    assert_true(matches("/guest", "/g%75est"));
    assert_false(matches("/guest", "/guest/"));
    assert_false(matches("/guest", "/guests"));
    assert_false(matches("/guest", "/gues"));
    assert_false(matches("/guest", "/"));
    assert_false(matches("/guest", "/guest/x"));
    assert_true(matches("/sockjs/{service}/", "/sockjs/ws/"));
    assert_false(matches("/sockjs/{service}/", "/sockjs/ws"));
    assert_false(matches("/sockjs/{service}/", "/sockjs/ws/x/"));
    assert_true(matches("/rooms/{id}", "/rooms/ABCD"));
    assert_false(matches("/rooms/{id}", "/rooms"));
    assert_false(matches("/rooms/{id}", "/rooms/ABCD/users"));
    assert_true(matches("/rooms/{id}/users/{userId}", "/rooms/ABCD/users/s1"));
    assert_false(matches("/rooms/{id}/users/{userId}", "/rooms/ABCD/log/s1"));
}

static void no_two_rows_are_the_same(void **state)
{
    (void)state;
    for (const struct route *a = route_table; a->pattern; a++) {
        assert_non_null(a->handler);
        for (const struct route *b = route_table; b < a; b++) {
            assert_false(strcmp(a->pattern, b->pattern) == 0 && strcmp(a->method, b->method) == 0);
        }
    }
}

static void etags_are_compared(void **state)
{
    (void)state;
    assert_true(pages_etag_matches("\"a\"", "\"a\""));
    assert_true(pages_etag_matches("W/\"a\"", "\"a\""));
    assert_true(pages_etag_matches("\"b\", \"a\"", "\"a\""));
    assert_true(pages_etag_matches("\"b\",W/\"a\" ", "\"a\""));
    assert_true(pages_etag_matches("*", "\"a\""));
    assert_false(pages_etag_matches("\"b\"", "\"a\""));
    assert_false(pages_etag_matches("\"a\"x", "\"a\""));
    assert_false(pages_etag_matches("a", "\"a\""));
    assert_false(pages_etag_matches("", "\"a\""));
    assert_false(pages_etag_matches(NULL, "\"a\""));
}

static char dir[] = "/tmp/lectern-pages-XXXXXX";

static void put(const char *name, const char *text)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static bool has(const struct pages *pages, const char *path)
{
    struct request req;
    memset(&req, 0, sizeof req);
    enum url_result result = url_path_split(span_of(path), &req.path);
    return result == URL_OK && pages_has(pages, &req);
}

static void in_dir(const char *name, char *out, size_t cap)
{
    snprintf(out, cap, "%s/%s", dir, name);
}

static int make_dir(void **state)
{
    char path[256];
    char target[256];
    (void)state;
    if (!mkdtemp(dir)) {
        return -1;
    }
    in_dir("student", path, sizeof path);
    mkdir(path, 0700);
    put("student/index.html", "<!doctype html>");
    put("student/app-ABCDEFG2.js", "1");
    put(".secret", "no");
    put("top.txt", "yes");
    in_dir("top.txt", target, sizeof target);
    in_dir("link.txt", path, sizeof path);
    if (symlink(target, path) < 0) {
        return -1;
    }
    in_dir("fifo", path, sizeof path);
    return mkfifo(path, 0600);
}

static int remove_dir(void **state)
{
    static const char *const names[] = {
        "student/index.html", "student/app-ABCDEFG2.js", ".secret", "top.txt", "link.txt", "fifo"};
    char path[256];
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        in_dir(names[i], path, sizeof path);
        unlink(path);
    }
    in_dir("student", path, sizeof path);
    rmdir(path);
    return rmdir(dir);
}

static void plain_files_are_pages(void **state)
{
    (void)state;
    struct pages *pages = pages_load(dir);
    assert_non_null(pages);
    assert_int_equal(pages_count(pages), 3);
    assert_true(has(pages, "/student/index.html"));
    assert_true(has(pages, "/student/app-ABCDEFG2.js"));
    assert_true(has(pages, "/top.txt"));
    assert_true(has(pages, "/t%6Fp.txt"));
    pages_destroy(pages);
}

static void nothing_else_is(void **state)
{
    static const char *const paths[] = {
        "/.secret",       "/link.txt",
        "/fifo",          "/student/../top.txt",
        "/top.txt/",      "/student/nothing",
        "/../etc/passwd", "/%2e%2e/etc/passwd",
        "//top.txt",      "/student%2findex.html",
        "/teacher/",      "/top.txt%00",
    };
    (void)state;
    struct pages *pages = pages_load(dir);
    assert_non_null(pages);
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        assert_false(has(pages, paths[i]));
    }
    pages_destroy(pages);
}

static void directories_lead_to_their_index(void **state)
{
    (void)state;
    struct pages *pages = pages_load(dir);
    assert_true(has(pages, "/student/"));
    assert_true(has(pages, "/student"));
    assert_true(has(pages, "/"));
    pages_destroy(pages);
    pages = pages_load("/nonexistent/directory");
    assert_non_null(pages);
    assert_int_equal(pages_count(pages), 0);
    assert_false(has(pages, "/"));
    pages_destroy(pages);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(patterns_match_whole_paths),
        cmocka_unit_test(no_two_rows_are_the_same),
        cmocka_unit_test(etags_are_compared),
        cmocka_unit_test(plain_files_are_pages),
        cmocka_unit_test(nothing_else_is),
        cmocka_unit_test(directories_lead_to_their_index),
    };
    log_set_level(LOG_LEVEL_ERROR);
    return id_init() < 0 ? 1 : cmocka_run_group_tests(tests, make_dir, remove_dir);
}
