/* HTTP answers as a simulated class reads them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "simulate/response.h"

#define TEXT(s) ((struct span){(s), sizeof(s) - 1})

static struct response response;

static void a_body_of_known_length(void **state)
{
    static const char whole[] =
        "HTTP/1.1 200 OK\r\nServer: x\r\ncontent-length:  5 \r\n\r\nhello, and more";
    const size_t needed = sizeof whole - 1 - sizeof ", and more" + 1;
    (void)state;
    for (size_t n = 0; n < needed; n++) {
        assert_int_equal(response_read((struct span){whole, n}, false, &response), RESPONSE_MORE);
        assert_int_equal(response_read((struct span){whole, n}, true, &response), RESPONSE_BAD);
    }
    for (size_t n = needed; n < sizeof whole; n++) {
        assert_int_equal(response_read((struct span){whole, n}, false, &response), RESPONSE_WHOLE);
        assert_int_equal(response.status, 200);
        assert_true(span_eq(response.body, "hello"));
        assert_true(span_eq(response_header(&response, "Server"), "x"));
        assert_true(span_eq(response_header(&response, "SERVER"), "x"));
        assert_int_equal(response_header(&response, "Serve").n, 0);
    }
}

static void a_body_up_to_the_end(void **state)
{
    (void)state;
    assert_int_equal(response_read(TEXT("HTTP/1.0 404 Gone\r\n\r\nab"), false, &response),
                     RESPONSE_MORE);
    assert_int_equal(response_read(TEXT("HTTP/1.0 404 Gone\r\n\r\nab"), true, &response),
                     RESPONSE_WHOLE);
    assert_true(span_eq(response.body, "ab"));
}

static void no_content_is_no_content(void **state)
{
    (void)state;
    assert_int_equal(response_read(TEXT("HTTP/1.1 204 No Content\r\n\r\n"), false, &response),
                     RESPONSE_WHOLE);
    assert_int_equal(response_read(TEXT("HTTP/1.1 204 No Content\r\n\r\nmore"), true, &response),
                     RESPONSE_WHOLE);
    assert_int_equal(response.body.n, 0);
    assert_int_equal(
        response_read(TEXT("HTTP/1.1 304 Same\r\nContent-Length: 9\r\n\r\n"), false, &response),
        RESPONSE_WHOLE);
}

static void what_is_not_understood_is_said(void **state)
{
    static char endless[RESPONSE_HEAD_MAX + 100];
    (void)state;
    assert_int_equal(response_read(TEXT("-ERR unknown command\r\n\r\n"), false, &response),
                     RESPONSE_BAD);
    assert_int_equal(response_read(TEXT("HTTP/1.1 2x0 OK\r\n\r\n"), false, &response),
                     RESPONSE_BAD);
    assert_int_equal(response_read(TEXT("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"),
                                   false, &response),
                     RESPONSE_BAD);
    assert_int_equal(
        response_read(TEXT("HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n"), false, &response),
        RESPONSE_BAD);
    memset(endless, 'x', sizeof endless);
    assert_int_equal(response_read((struct span){endless, sizeof endless}, false, &response),
                     RESPONSE_BAD);
}

static void the_head_alone(void **state)
{
    size_t used = 0;
    (void)state;
    assert_int_equal(response_head(TEXT("HTTP/1.1 101 Switching\r\nUpgrade: websocket\r\n\r\n\x81"),
                                   &response, &used),
                     RESPONSE_WHOLE);
    assert_int_equal(response.status, 101);
    assert_int_equal(used, sizeof "HTTP/1.1 101 Switching\r\nUpgrade: websocket\r\n\r\n" - 1);
}

static void refusals_have_a_code(void **state)
{
    static const struct {
        const char *body, *text;
    } cases[] = {
        {"{\"error\":{\"code\":\"no_capacity\",\"message\":\"Full.\"}}", "503 no_capacity"},
        {"{\"error\":{\"message\":\"Full.\"}}", "503"},
        {"{\"error\":\"no_capacity\"}", "503"},
        {"<html>", "503"},
        {"", "503"},
        {"{\"error\":{\"code\":\"a b\\n\"}}",
         "503"}, /* nothing that could pass for more than a code */
    };
    char text[RESPONSE_TEXT_MAX];
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        response = (struct response){.status = 503, .body = span_of(cases[i].body)};
        response_text(&response, text);
        assert_string_equal(text, cases[i].text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_body_of_known_length),
        cmocka_unit_test(a_body_up_to_the_end),
        cmocka_unit_test(no_content_is_no_content),
        cmocka_unit_test(what_is_not_understood_is_said),
        cmocka_unit_test(the_head_alone),
        cmocka_unit_test(refusals_have_a_code),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
