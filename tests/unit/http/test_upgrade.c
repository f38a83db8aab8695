/* A whole HTTP server whose event loop has ended: what becomes of a socket that nobody takes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/id.h"
#include "core/log.h"
#include "core/metrics.h"
#include "http/server.h"
#include "net/fds.h"

static struct config config;
static struct tokens *tokens;
static struct bus_pool *pool;
static struct loop *loop;
static struct proto_loop *proto_loop;
static struct http_server *server;

static int set_up(void **state)
{
    static char *const environment[] = {"LECTERN_LISTEN=127.0.0.1:0", "LECTERN_HTTP_THREADS=16",
                                        "LECTERN_JWT_SECRET=0123456789abcdef0123456789abcdef",
                                        "LECTERN_LOG_LEVEL=error", NULL};
    char error[CONFIG_ERROR_MAX];
    (void)state;
    log_set_level(LOG_LEVEL_ERROR);
    if (config_load(&config, environment, error, sizeof error) || id_init() || fds_init()) {
        return -1;
    }
    tokens = tokens_create(&config, error, sizeof error);
    pool = bus_pool_create(&config);
    loop = loop_create(0);
    proto_loop = loop ? proto_loop_create(loop, &config, NULL, NULL, NULL) : NULL;
    if (!tokens || !pool || !proto_loop || loop_start(loop)) {
        return -1;
    }
    fds_own_all_open();
    static struct proto_loop *loops[1];
    loops[0] = proto_loop;
    const struct http_context context = {
        .config = &config,
        .tokens = tokens,
        .pool = pool,
        .server_id = "test",
        .web_dir = "/nonexistent",
        .loops = loops,
        .loop_count = 1,
    };
    server = http_server_start(&context, error, sizeof error);
    return server ? 0 : -1;
}

static void close_groups(void *arg)
{
    proto_loop_close_groups(arg);
}

static int tear_down(void **state)
{
    (void)state;
    http_server_stop(server);
    proto_loop_destroy(proto_loop);
    loop_destroy(loop);
    bus_pool_destroy(pool);
    tokens_destroy(tokens);
    config_finish(&config);
    return 0;
}

/* Sends `request` on a connection of its own and reads until its end; the number of bytes. */
static size_t ask(const char *request, char *answer, size_t cap)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                                  .sin_port = htons((uint16_t)http_server_port(server))};
    const struct timeval patience = {.tv_sec = 10};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    size_t len = 0;
    ssize_t n;
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(send(fd, request, strlen(request), MSG_NOSIGNAL), strlen(request));
    while ((n = recv(fd, answer + len, cap - len, 0)) > 0) {
        len += (size_t)n;
    }
    assert_int_equal(n, 0);
    close(fd);
    return len;
}

static void a_socket_that_no_loop_takes_is_closed_after_its_handshake(void **state)
{
    static const char request[] =
        "GET /echo HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
    static const char try_later[] = "\r\n\r\n\x88\x02\x03\xf5"; /* close, 1013 */
    char answer[1024];
    int64_t failed = metric_get(METRIC_TAKE_FAILED);
    (void)state;
    /* The loop is gone for good: what is posted to it comes back. */
    assert_int_equal(loop_post(loop, close_groups, proto_loop), 0);
    loop_stop(loop);
    for (int i = 0; i < 40; i++) { /* more than there are threads: each is free again */
        size_t len = ask(request, answer, sizeof answer);
        assert_true(len > 12 + sizeof try_later - 1);
        assert_memory_equal(answer, "HTTP/1.1 101", 12);
        assert_memory_equal(answer + len - (sizeof try_later - 1), try_later, sizeof try_later - 1);
    }
    assert_int_equal(metric_get(METRIC_TAKE_FAILED), failed + 40);
    assert_int_equal(metric_get(METRIC_CIVETWEB_SOCKETS), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_socket_that_no_loop_takes_is_closed_after_its_handshake),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
