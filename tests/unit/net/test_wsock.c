/*
 * Sockets on a real loop: posting, one write per turn, the queue's limit, the closing handshake. The
 * other end is a socket pair in this thread.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>
#include <fcntl.h>
#include <semaphore.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/fds.h"
#include "net/wsock.h"
#include "ws/frame.h"

#define QUEUE_MAX 4096

struct world {
    struct loop *loop;
    struct wsock_group *group;
    struct wsock *sock;
    int peer, ours;
    bool deflate;
    sem_t done;
    struct wsock_end end;
    unsigned messages;
    size_t last_len;
    int order[3], ordered;
    enum conn_result results[2];
};

static void on_message(struct wsock *sock, bool binary, char *data, size_t len)
{
    struct world *w = wsock_owner(sock);
    (void)binary;
    (void)data;
    w->messages++;
    w->last_len = len;
    sem_post(&w->done);
}

static void on_closed(struct wsock *sock, const struct wsock_end *end)
{
    struct world *w = wsock_owner(sock);
    w->end = *end;
    sem_post(&w->done);
}

static const struct wsock_handlers handlers = {on_message, NULL, on_closed};

static void begin(void *arg)
{
    struct world *w = arg;
    const struct wsock_options options = {
        .message_max = 1024, .queue_max = QUEUE_MAX, .ping_s = 60};
    w->group = wsock_group_create(w->loop, &options);
    w->sock = wsock_start(w->group, w->ours, w->deflate, &handlers, w);
    sem_post(&w->done);
}

/* Runs fn on the loop and waits until it has called sem_post. */
static void on_loop(struct world *w, void (*fn)(void *arg))
{
    assert_int_equal(loop_post(w->loop, fn, w), 0);
    sem_wait(&w->done);
}

static void set_up(struct world *w, int type)
{
    int pair[2];
    *w = (struct world){.deflate = false};
    sem_init(&w->done, 0, 0);
    assert_int_equal(socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, pair), 0);
    w->peer = pair[0];
    w->ours = pair[1];
    fcntl(w->ours, F_SETFL, O_NONBLOCK);
    fds_own(w->ours);
    w->loop = loop_create(0);
    assert_non_null(w->loop);
    assert_int_equal(loop_start(w->loop), 0);
    on_loop(w, begin);
    assert_non_null(w->sock);
}

static void end_group(void *arg)
{
    struct world *w = arg;
    wsock_group_destroy(w->group);
    sem_post(&w->done);
}

static void tear_down(struct world *w)
{
    on_loop(w, end_group);
    loop_stop(w->loop);
    loop_destroy(w->loop);
    close(w->peer);
    sem_destroy(&w->done);
}

static void send_masked(struct world *w, uint8_t opcode, const void *payload, uint8_t len)
{
    uint8_t frame[2 + 4 + 125] = {(uint8_t)(0x80 | opcode), (uint8_t)(0x80 | len)};
    if (len > 0) {
        memcpy(frame + 6, payload, len); /* a mask of zeros */
    }
    assert_int_equal(send(w->peer, frame, 6u + len, 0), 6 + len);
}

static size_t read_all(int fd, uint8_t *out, size_t cap)
{
    size_t got = 0;
    for (ssize_t n; got < cap && (n = recv(fd, out + got, cap - got, 0)) > 0;) {
        got += (size_t)n;
    }
    return got;
}

static void note_order(void *arg)
{
    struct world *w = arg;
    w->order[w->ordered] = w->ordered;
    w->ordered++;
    sem_post(&w->done);
}

static void posts_run_in_order_and_end_with_the_loop(void **state)
{
    (void)state;
    struct world w = {.ordered = 0};
    sem_init(&w.done, 0, 0);
    w.loop = loop_create(0);
    for (int i = 0; i < 3; i++) { /* before the thread runs, too */
        assert_int_equal(loop_post(w.loop, note_order, &w), 0);
    }
    assert_int_equal(loop_start(w.loop), 0);
    loop_stop(w.loop);
    assert_int_equal(w.ordered, 3);
    assert_int_equal(loop_post(w.loop, note_order, &w), -1);
    loop_destroy(w.loop);
    sem_destroy(&w.done);
}

static void queue_ten(void *arg)
{
    struct world *w = arg;
    struct frame *frame = wsock_encode(w->group, span_of("hello"), false, false);
    for (int i = 0; i < 10; i++) {
        wsock_send(w->sock, frame, false);
    }
    frame_unref(frame);
    sem_post(&w->done);
}

/* A sequenced-packet socket keeps writes apart: one packet is one write. */
static void what_one_turn_queues_leaves_in_one_write(void **state)
{
    (void)state;
    struct world w;
    uint8_t packet[1024];
    set_up(&w, SOCK_SEQPACKET);
    on_loop(&w, queue_ten);
    assert_int_equal(recv(w.peer, packet, sizeof packet, 0), 10 * 7);
    assert_memory_equal(packet, "\x81\x05hello\x81\x05hello", 14);
    send_masked(&w, WS_OP_CLOSE, "\x03\xe8", 2);
    sem_wait(&w.done);
    assert_int_equal(w.end.code, 1000);
    assert_true(w.end.by_peer && w.end.clean);
    tear_down(&w);
}

static void messages_arrive_whole(void **state)
{
    (void)state;
    struct world w;
    set_up(&w, SOCK_STREAM);
    send_masked(&w, WS_OP_TEXT, "hi", 2);
    sem_wait(&w.done);
    assert_int_equal(w.messages, 1);
    assert_int_equal(w.last_len, 2);
    close(w.peer);
    w.peer = -1;
    sem_wait(&w.done);
    assert_int_equal(w.end.code, 1006);
    assert_true(w.end.by_peer && !w.end.clean);
    tear_down(&w);
}

static void a_protocol_error_closes_with_its_code(void **state)
{
    (void)state;
    struct world w;
    uint8_t answer[128];
    set_up(&w, SOCK_STREAM);
    assert_int_equal(send(w.peer, "\x81\x02hi", 4, 0), 4); /* not masked */
    assert_true(recv(w.peer, answer, sizeof answer, 0) >= 4);
    assert_memory_equal(answer + 2, "\x03\xea", 2);
    assert_int_equal(answer[0], 0x88);
    shutdown(w.peer, SHUT_WR);
    sem_wait(&w.done);
    assert_int_equal(w.end.code, 1002);
    assert_false(w.end.by_peer);
    tear_down(&w);
}

/* Fills the kernel's buffer and then the queue. */
static void queue_until_full(void *arg)
{
    struct world *w = arg;
    char text[1000];
    memset(text, 'x', sizeof text);
    struct frame *frame = wsock_encode(w->group, (struct span){text, sizeof text}, false, false);
    enum conn_result result = CONN_OK;
    for (int i = 0; i < 100000 && result == CONN_OK; i++) {
        result = wsock_send(w->sock, frame, false);
        if (result == CONN_OK) {
            conn_flush((struct conn *)w->sock);
        }
    }
    w->results[0] = result;
    w->results[1] = wsock_send(w->sock, frame, false);
    frame_unref(frame);
    sem_post(&w->done);
}

/* What had begun is finished, what had not is dropped, and the close frame says why. */
static void a_full_queue_closes_with_4005(void **state)
{
    (void)state;
    struct world w;
    static uint8_t all[8 << 20];
    set_up(&w, SOCK_STREAM);
    on_loop(&w, queue_until_full);
    assert_int_equal(w.results[0], CONN_FULL);
    assert_int_equal(w.results[1], CONN_CLOSED);
    send_masked(&w, WS_OP_CLOSE, "\x0f\xa5", 2);
    size_t len = read_all(w.peer, all, sizeof all), at = 0;
    while (at + 4 < len && all[at] == 0x81) {
        assert_int_equal(all[at + 1], 126);
        at += 4 + 1000;
    }
    assert_true(at + 4 <= len);
    assert_int_equal(all[at], 0x88);
    assert_int_equal(all[at + 2] << 8 | all[at + 3], 4005);
    assert_int_equal(at + 2 + all[at + 1], len);
    sem_wait(&w.done);
    assert_int_equal(w.end.code, 4005);
    tear_down(&w);
}

int main(void)
{
    if (fds_init()) {
        return 1;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(posts_run_in_order_and_end_with_the_loop),
        cmocka_unit_test(what_one_turn_queues_leaves_in_one_write),
        cmocka_unit_test(messages_arrive_whole),
        cmocka_unit_test(a_protocol_error_closes_with_its_code),
        cmocka_unit_test(a_full_queue_closes_with_4005),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
