/* The checks of a request head, and readers of header values. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "http/head.h"

/* Checks a head of Host and up to two more headers. */
static const char *check(const char *name1, const char *value1, const char *name2,
                         const char *value2, int64_t *length)
{
    struct mg_header headers[] = {{"Host", "a"}, {name1, value1}, {name2, value2}};
    return head_check(headers, name2 ? 3 : name1 ? 2 : 1, "1.1", length);
}

static void accept_length(const char *value, int64_t expected)
{
    int64_t length = -1;
    assert_null(check("Content-Length", value, NULL, NULL, &length));
    assert_int_equal(length, expected);
}

static void refuse(const char *name1, const char *value1, const char *name2, const char *value2,
                   const char *code)
{
    int64_t length;
    const char *wrong = check(name1, value1, name2, value2, &length);
    assert_non_null(wrong);
    assert_string_equal(wrong, code);
}

static void lengths_are_plain_numbers(void **state)
{
    (void)state;
    int64_t length = -1;
    assert_null(check(NULL, NULL, NULL, NULL, &length));
    assert_int_equal(length, 0);
    accept_length("0", 0);
    accept_length("5", 5);
    accept_length("5 ", 5);
    accept_length("999999999999999", 999999999999999);
    static const char *const odd[] = {"",
                                      " ",
                                      "-1",
                                      "+5",
                                      "5abc",
                                      "0x10",
                                      "005",
                                      "5,5",
                                      "5, 5",
                                      "5 5",
                                      "1e3",
                                      "1.0",
                                      "1000000000000000"};
    for (size_t i = 0; i < sizeof odd / sizeof odd[0]; i++) {
        refuse("Content-Length", odd[i], NULL, NULL, "bad_request");
    }
}

static void a_body_is_framed_once(void **state)
{
    (void)state;
    refuse("Content-Length", "5", "Content-Length", "5", "bad_request");
    refuse("content-length", "5", "CONTENT-LENGTH", "6", "bad_request");
    refuse("Content-Length", "5", "Transfer-Encoding", "chunked", "bad_request");
    refuse("Transfer-Encoding", "chunked", "Content-Length", "5", "bad_request");
    refuse("Transfer-Encoding", "chunked", "Transfer-Encoding", "chunked", "bad_request");
    refuse("Transfer-Encoding", "gzip, chunked", NULL, NULL, "bad_request");
    refuse("Transfer-Encoding", "identity", NULL, NULL, "bad_request");
    refuse("Transfer-Encoding", "", NULL, NULL, "bad_request");
    refuse("Transfer-Encoding", "chunked", NULL, NULL, "length_required");
    refuse("transfer-encoding", "Chunked ", NULL, NULL, "length_required");
}

static void one_host_is_named(void **state)
{
    struct mg_header two[] = {{"Host", "a"}, {"host", "b"}};
    int64_t length;
    (void)state;
    assert_null(head_check(two, 1, "1.1", &length));
    assert_string_equal(head_check(two, 2, "1.1", &length), "bad_request");
    assert_string_equal(head_check(two, 0, "1.1", &length), "bad_request");
    assert_null(head_check(two, 0, "1.0", &length));
}

static void too_many_headers_are_refused(void **state)
{
    struct mg_header headers[MG_MAX_HEADERS];
    int64_t length;
    (void)state;
    for (int i = 0; i < MG_MAX_HEADERS; i++) {
        headers[i] = (struct mg_header){i ? "X" : "Host", "a"};
    }
    assert_null(head_check(headers, MG_MAX_HEADERS - 1, "1.1", &length));
    assert_string_equal(head_check(headers, MG_MAX_HEADERS, "1.1", &length), "headers_too_large");
}

/*
 * Is a head complete that civetweb has left like this, from the version on? '^' stands for a NUL;
 * '<' and '>' stand before a header's name and value and are not part of it.
 */
static bool complete(const char *template)
{
    char head[256];
    struct mg_request_info info = {.request_method = head, .http_version = head};
    size_t n = 0;
    memset(head, 'x', sizeof head); /* what follows is a body */
    for (const char *p = template; *p; p++) {
        if (*p == '<') {
            info.http_headers[info.num_headers++].name = head + n;
        } else if (*p == '>') {
            info.http_headers[info.num_headers - 1].value = head + n;
        } else {
            head[n++] = *p == '^' ? '\0' : *p;
        }
    }
    return head_complete(&info);
}

static void nothing_may_follow_the_last_header(void **state)
{
    (void)state;
    assert_true(complete("1.1^^<Host^ >a^^\r^"));
    assert_true(complete("1.1^^<Host^ >a^^<X^>^^<Y^>z ^^\r^"));
    assert_true(complete("1.0^^^^"));
    assert_false(complete("1.1^^<Host^ >a^^ folded\r\n\r^"));
    assert_false(complete("1.1^^<Host^ >a^^: nameless\r\n\r^"));
    assert_false(complete("1.1^^<Host^ >a^^\x80: x\r\n\r^"));
    assert_false(complete("1.1^^<Host^ >a^^\rX: y\r\n\r^"));
    assert_false(complete("1.1^^<Host^ >a^\r\nX: y\r\n\r^"));
    assert_false(complete("1.0^^:x\r\n\r^"));
    assert_false(complete("1.0^^^:x\r\n\r^"));
}

static void lines_end_as_they_should(void **state)
{
    (void)state;
    assert_false(complete("1.1^<Host^ >a^^\r^"));
    assert_false(complete("1.1^^<Host^ >a^<X^ >y^^\r^"));
    assert_false(complete("1.1^^<Host^ >a^^"));
    assert_false(complete("1.1^^^<Host^ >a^^\r^")); /* a blank before the first name */
    assert_false(complete("1.1^^<Host^^ >a^^\r^")); /* and one behind it */
    assert_false(complete("1.1^^<Host^ >a^^<X^^>^^\r^"));
}

static void headers_are_found_in_any_case(void **state)
{
    struct mg_header headers[] = {{"Host", "a"}, {"X-One", "1"}, {"x-one", "2"}};
    (void)state;
    assert_string_equal(head_get(headers, 3, "X-ONE"), "1");
    assert_null(head_get(headers, 3, "X-On"));
    assert_null(head_get(headers, -1, "Host"));
    assert_int_equal(head_count(headers, 3, "x-one"), 2);
}

static void weights_of_zero_are_refusals(void **state)
{
    (void)state;
    assert_true(head_accepts("gzip", "gzip"));
    assert_true(head_accepts("br, GZIP;q=0.5", "gzip"));
    assert_true(head_accepts("br,gzip ; q=1.0", "gzip"));
    assert_true(head_accepts("gzip;q=0.001", "gzip"));
    assert_false(head_accepts("gzip;q=0", "gzip"));
    assert_false(head_accepts("gzip; q=0.000, br", "gzip"));
    assert_false(head_accepts("xgzip, gzipx", "gzip"));
    assert_false(head_accepts("", "gzip"));
    assert_false(head_accepts(NULL, "gzip"));
}

static void types_are_compared_without_parameters(void **state)
{
    (void)state;
    assert_true(head_is_type("application/json", "application/json"));
    assert_true(head_is_type("Application/JSON; charset=utf-8", "application/json"));
    assert_true(head_is_type("application/json ;x=y", "application/json"));
    assert_false(head_is_type("application/jsonp", "application/json"));
    assert_false(head_is_type("text/plain;application/json", "application/json"));
    assert_false(head_is_type("", "application/json"));
    assert_false(head_is_type(NULL, "application/json"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lengths_are_plain_numbers),
        cmocka_unit_test(a_body_is_framed_once),
        cmocka_unit_test(one_host_is_named),
        cmocka_unit_test(too_many_headers_are_refused),
        cmocka_unit_test(nothing_may_follow_the_last_header),
        cmocka_unit_test(lines_end_as_they_should),
        cmocka_unit_test(headers_are_found_in_any_case),
        cmocka_unit_test(weights_of_zero_are_refusals),
        cmocka_unit_test(types_are_compared_without_parameters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
