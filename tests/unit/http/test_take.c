/* Finding and taking a socket, and moving bytes over it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "http/take.h"
#include "http/transfer.h"
#include "net/fds.h"

struct tcp {
    int listener, client, server;
    unsigned client_port, server_port;
};

static unsigned port_of(int fd)
{
    struct sockaddr_in address = {0};
    socklen_t len = sizeof address;
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
    return ntohs(address.sin_port);
}

/* A connection over loopback, both ends here, the server's end as civetweb would have it. */
static struct tcp connect_pair(void)
{
    struct tcp tcp;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    tcp.listener = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(tcp.listener, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(tcp.listener, 1), 0);
    tcp.server_port = port_of(tcp.listener);
    address.sin_port = htons((uint16_t)tcp.server_port);
    tcp.client = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(connect(tcp.client, (struct sockaddr *)&address, sizeof address), 0);
    tcp.client_port = port_of(tcp.client);
    tcp.server = accept(tcp.listener, NULL, NULL);
    assert_true(tcp.server >= 0);
    return tcp;
}

static void close_pair(const struct tcp *tcp)
{
    close(tcp->listener);
    close(tcp->client);
    close(tcp->server);
}

static void the_one_that_fits_is_found(void **state)
{
    (void)state;
    struct tcp tcp = connect_pair();
    struct tcp other = connect_pair();
    assert_int_equal(take_find("127.0.0.1", tcp.client_port, tcp.server_port), tcp.server);
    assert_int_equal(take_find("127.0.0.1", other.client_port, other.server_port), other.server);
    assert_int_equal(take_find("127.0.0.2", tcp.client_port, tcp.server_port), TAKE_NONE);
    assert_int_equal(take_find("127.0.0.1", tcp.client_port, other.server_port), TAKE_NONE);
    assert_int_equal(take_find("::1", tcp.client_port, tcp.server_port), TAKE_NONE);
    assert_int_equal(take_find("", tcp.client_port, tcp.server_port), TAKE_NONE);
    int twin = dup(tcp.server);
    assert_int_equal(take_find("127.0.0.1", tcp.client_port, tcp.server_port), TAKE_SEVERAL);
    fds_own(twin);
    assert_int_equal(take_find("127.0.0.1", tcp.client_port, tcp.server_port), tcp.server);
    fds_disown(twin);
    close(twin);
    close_pair(&tcp);
    close_pair(&other);
}

/* How far to look is read from /proc only now and then. */
static void a_number_past_what_was_open_before_is_found(void **state)
{
    (void)state;
    struct tcp tcp = connect_pair();
    int recent = fds_highest_recent();
    assert_int_equal(take_find("127.0.0.1", tcp.client_port, tcp.server_port), tcp.server);
    int far = fcntl(tcp.server, F_DUPFD_CLOEXEC, recent + 1);
    assert_true(far > recent);
    close(tcp.server);
    tcp.server = far;
    assert_int_equal(take_find("127.0.0.1", tcp.client_port, tcp.server_port), far);
    close_pair(&tcp);
}

static void what_was_taken_reads_as_closed_for_civetweb(void **state)
{
    char c;
    (void)state;
    struct take *take = take_create();
    struct tcp tcp = connect_pair();
    assert_int_equal(write(tcp.client, "x", 1), 1);
    int taken = take_over(take, tcp.server);
    assert_true(taken >= 0 && taken != tcp.server);
    assert_int_equal(recv(tcp.server, &c, 1, 0), 0);
    assert_int_equal(send(tcp.server, "y", 1, MSG_NOSIGNAL), -1);
    assert_int_equal(shutdown(tcp.server, SHUT_WR), 0);
    assert_int_equal(read(taken, &c, 1), 1);
    assert_int_equal(write(taken, "z", 1), 1);
    assert_int_equal(read(tcp.client, &c, 1), 1);
    assert_int_equal(c, 'z');
    /* Ours by now: nobody finds it. */
    assert_int_equal(take_find("127.0.0.1", tcp.client_port, tcp.server_port), TAKE_NONE);
    transfer_close(taken, 0);
    assert_int_equal(read(tcp.client, &c, 1), 0);
    close_pair(&tcp);
    take_destroy(take);
}

static void without_descriptors_the_socket_stays(void **state)
{
    struct rlimit before;
    char c;
    (void)state;
    struct take *take = take_create();
    struct tcp tcp = connect_pair();
    int next = dup(0);
    close(next);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    struct rlimit none_left = {(rlim_t)next, before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none_left), 0);
    /* Fewer descriptors are allowed than poll(2) is asked about at once. */
    int found = take_find("127.0.0.1", tcp.client_port, tcp.server_port);
    int taken = take_over(take, tcp.server);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_int_equal(found, tcp.server);
    assert_int_equal(taken, TAKE_EXHAUSTED);
    assert_int_equal(write(tcp.server, "x", 1), 1);
    assert_int_equal(read(tcp.client, &c, 1), 1);
    close_pair(&tcp);
    take_destroy(take);
}

static void bytes_are_moved(void **state)
{
    static char sent[1 << 16];
    static char got[sizeof sent];
    struct transfer in, out;
    int pair[2];
    (void)state;
    memset(sent, 'a', sizeof sent);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    transfer_init(&out, pair[0], 1024, NULL);
    transfer_init(&in, pair[1], 1024, NULL);
    assert_true(transfer_send(&out, sent, sizeof sent));
    assert_int_equal(out.moved, sizeof sent);
    size_t len = 0;
    while (len < sizeof got) {
        ssize_t n = transfer_receive(&in, got + len, sizeof got - len);
        assert_true(n > 0);
        len += (size_t)n;
    }
    assert_memory_equal(sent, got, sizeof sent);
    close(pair[0]);
    assert_int_equal(transfer_receive(&in, got, 1), TRANSFER_END);
    assert_false(transfer_send(&in, sent, 1));
    assert_false(transfer_send(&in, sent, 1));
    close(pair[1]);
}

static void a_stop_ends_the_waiting(void **state)
{
    static char much[1 << 22];
    atomic_bool stop = true;
    struct transfer in, out;
    char c;
    int pair[2];
    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    transfer_init(&in, pair[0], 1024, &stop);
    assert_int_equal(transfer_receive(&in, &c, 1), TRANSFER_SLOW);
    transfer_init(&out, pair[0], 1024, &stop);
    assert_false(transfer_send(&out, much, sizeof much));
    close(pair[0]);
    close(pair[1]);
}

static void the_grace_is_all_that_a_silent_peer_gets(void **state)
{
    struct transfer in;
    char c;
    int pair[2];
    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    transfer_init(&in, pair[0], 1024, NULL);
    in.started_ms -= TRANSFER_GRACE_MS - 50;
    assert_int_equal(transfer_receive(&in, &c, 1), TRANSFER_SLOW);
    /* What has come buys time. */
    transfer_init(&in, pair[0], 1000, NULL);
    in.started_ms -= TRANSFER_GRACE_MS + 1000;
    in.moved = 2000;
    assert_int_equal(write(pair[1], "x", 1), 1);
    assert_int_equal(transfer_receive(&in, &c, 1), 1);
    close(pair[0]);
    close(pair[1]);
}

static int set_up(void **state)
{
    (void)state;
    if (fds_init() < 0) {
        return -1;
    }
    fds_own_all_open();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_one_that_fits_is_found),
        cmocka_unit_test(a_number_past_what_was_open_before_is_found),
        cmocka_unit_test(what_was_taken_reads_as_closed_for_civetweb),
        cmocka_unit_test(without_descriptors_the_socket_stays),
        cmocka_unit_test(bytes_are_moved),
        cmocka_unit_test(a_stop_ends_the_waiting),
        cmocka_unit_test(the_grace_is_all_that_a_silent_peer_gets),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
