/* The head of an answer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <sys/socket.h>
#include <unistd.h>

#include "core/metrics.h"
#include "http/answer.h"

static struct config config;
static struct http_server server = {.context.config = &config};
static const struct mg_request_info info = {.http_version = "1.1"};

/* A request whose socket has been taken; what is answered can be read from the result. */
static int open_request(struct request *req)
{
    int pair[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    *req = (struct request){.server = &server,
                            .info = &info,
                            .method = "GET",
                            .cache_control = "no-store",
                            .policy = "default-src 'none'",
                            .fd = pair[0]};
    transfer_init(&req->out, pair[0], TRANSFER_SEND_RATE, NULL);
    return pair[1];
}

static const char *close_request(struct request *req, int fd)
{
    static char text[4096];
    close(req->fd);
    buf_finish(&req->headers);
    ssize_t n = read(fd, text, sizeof text - 1);
    close(fd);
    text[n > 0 ? n : 0] = '\0';
    return text;
}

static void headers_are_never_cut(void **state)
{
    struct request req;
    char value[1500];
    int fd = open_request(&req);
    (void)state;
    memset(value, 'v', sizeof value - 1);
    value[sizeof value - 1] = '\0';
    answer_header(&req, "X-Long", "%s", value);
    answer(&req, 204, NULL, (struct span){NULL, 0});
    const char *text = close_request(&req, fd);
    const char *line = strstr(text, "\r\nX-Long: v");
    assert_non_null(line);
    assert_int_equal(strspn(line + 10, "v"), sizeof value - 1);
    assert_memory_equal(line + 10 + sizeof value - 1, "\r\n", 2);
}

static void an_answer_whose_headers_are_incomplete_is_not_sent(void **state)
{
    struct request req;
    int64_t failures = metric_get(METRIC_OUT_OF_MEMORY);
    int fd = open_request(&req);
    (void)state;
    answer_header(&req, "Set-Cookie", "a=b");
    req.headers.failed = true; /* as when there was no memory for the next one */
    answer(&req, 200, "text/plain", span_of("secret"));
    assert_string_equal(close_request(&req, fd), "");
    assert_int_equal(metric_get(METRIC_OUT_OF_MEMORY), failures + 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(headers_are_never_cut),
        cmocka_unit_test(an_answer_whose_headers_are_incomplete_is_not_sent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
