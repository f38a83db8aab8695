/*
 * Sessions of SockJS on a real loop: what each kind of request is answered, byte by byte, messages in
 * parts, the limit of what waits, and the end. The clients are socket pairs in this thread.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <fcntl.h>
#include <semaphore.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/fds.h"
#include "net/sockjs.h"
#include "ws/sockjs_codec.h"

#define QUEUE_MAX 4096
#define HEAD "HTTP/1.1 200 OK\r\n"
#define OPENED HEAD "Content-Length: 2\r\n\r\no\n"

struct world {
    struct loop *loop;
    struct sockjs_claims *claims;
    struct sockjs_group *group;
    struct sockjs_session *session;
    sem_t done, closed;
    struct wsock_end end;
    unsigned drained;
    int peer, ours; /* of the request that step_receive() hands over */
    enum sockjs_transport transport;
    const char *payload;
    char heard[64];
    size_t len; /* of messages that step_fill() sends */
    size_t backlog;
    bool paced, told_inside;
    bool over; /* this thread's: it has seen the end */
    enum conn_result result;
};

static void on_message(struct sockjs_session *session, char *data, size_t len)
{
    struct world *w = sockjs_session_owner(session);
    strncat(w->heard, data, len);
    strcat(w->heard, "|");
}

static void on_drain(struct sockjs_session *session)
{
    struct world *w = sockjs_session_owner(session);
    w->drained++;
}

static void on_closed(struct sockjs_session *session, const struct wsock_end *end)
{
    struct world *w = sockjs_session_owner(session);
    w->end = *end;
    w->told_inside = true;
    sem_post(&w->closed);
}

static const struct sockjs_handlers handlers = {on_message, on_drain, on_closed};

/* ---- Steps on the loop ---- */

static void step_begin(void *arg)
{
    struct world *w = arg;
    const struct wsock_options options = {.message_max = 16, .queue_max = QUEUE_MAX, .ping_s = 60};
    const struct sockjs_holder nobody = {0};
    struct sockjs_claim *claim = NULL;
    w->group = sockjs_group_create(w->loop, &options, w->claims);
    assert_int_equal(sockjs_claim(w->claims, "ws/key", &nobody, &claim), SOCKJS_CLAIMED);
    w->session = sockjs_session_start(w->group, claim, &handlers, w);
    sem_post(&w->done);
}

static void step_receive(void *arg)
{
    struct world *w = arg;
    struct sockjs_receiver receiver = {w->ours, w->transport, strdup(HEAD), sizeof HEAD - 1};
    sockjs_session_receive(w->session, &receiver);
    sem_post(&w->done);
}

/* One message in one part and one in two. */
static void step_send(void *arg)
{
    struct world *w = arg;
    struct frame *whole = sockjs_encode(span_of("one\n"));
    struct frame *head = sockjs_encode_head(span_of("<\"head\">"));
    struct frame *rest = sockjs_encode_rest(span_of(" rest"), true);
    assert_int_equal(sockjs_session_send(w->session, whole, false), CONN_OK);
    assert_int_equal(sockjs_session_send_parts(w->session, head, rest, false), CONN_OK);
    frame_unref(whole);
    frame_unref(head);
    frame_unref(rest);
    sem_post(&w->done);
}

static void step_fill(void *arg)
{
    struct world *w = arg;
    char *text = malloc(w->len);
    memset(text, 'x', w->len);
    struct frame *frame = sockjs_encode((struct span){text, w->len});
    w->result = sockjs_session_send(w->session, frame, w->paced);
    frame_unref(frame);
    free(text);
    sem_post(&w->done);
}

/* More than may wait, in the turn in which the receiver came. */
static void step_receive_and_fill(void *arg)
{
    struct world *w = arg;
    struct sockjs_receiver receiver = {w->ours, w->transport, strdup(HEAD), sizeof HEAD - 1};
    sockjs_session_receive(w->session, &receiver);
    step_fill(w);
}

static void step_feed(void *arg)
{
    struct world *w = arg;
    char *data = strdup(w->payload);
    struct sockjs_reader reader;
    assert_int_equal(sockjs_begin(&reader, data, strlen(data)), SOCKJS_OK);
    sockjs_session_feed(w->session, &reader);
    free(data);
    sem_post(&w->done);
}

/* The turn before is over. */
static void step_wait(void *arg)
{
    struct world *w = arg;
    sem_post(&w->done);
}

static void step_look(void *arg)
{
    struct world *w = arg;
    w->backlog = sockjs_session_backlog(w->session);
    sem_post(&w->done);
}

static void step_close(void *arg)
{
    struct world *w = arg;
    w->told_inside = false;
    sockjs_session_close(w->session, 4000, "the \"end\"");
    sockjs_session_close(w->session, 4001, "too late");
    assert_false(w->told_inside);
    sem_post(&w->done);
}

static void step_end(void *arg)
{
    struct world *w = arg;
    sockjs_group_kill_all(w->group);
    sem_post(&w->done);
}

static void step_destroy(void *arg)
{
    struct world *w = arg;
    assert_int_equal(sockjs_group_count(w->group), 0);
    sockjs_group_destroy(w->group);
    sem_post(&w->done);
}

/* ---- This thread's ---- */

static void on_loop(struct world *w, void (*fn)(void *arg))
{
    assert_int_equal(loop_post(w->loop, fn, w), 0);
    sem_wait(&w->done);
}

static size_t backlog(struct world *w)
{
    on_loop(w, step_look);
    return w->backlog;
}

static void set_up(struct world *w)
{
    *w = (struct world){.peer = -1};
    sem_init(&w->done, 0, 0);
    sem_init(&w->closed, 0, 0);
    w->claims = sockjs_claims_create();
    w->loop = loop_create(0);
    assert_int_equal(loop_start(w->loop), 0);
    on_loop(w, step_begin);
}

/* Its end has been told, and can be looked at. */
static void wait_closed(struct world *w)
{
    if (!w->over) {
        sem_wait(&w->closed);
        w->over = true;
    }
}

static void tear_down(struct world *w)
{
    on_loop(w, step_end);
    close(w->peer);
    wait_closed(w);
    on_loop(w, step_destroy);
    loop_stop(w->loop);
    loop_destroy(w->loop);
    assert_int_equal(sockjs_look(w->claims, "ws/key", NULL), SOCKJS_ABSENT);
    sockjs_claims_destroy(w->claims);
    sem_destroy(&w->done);
    sem_destroy(&w->closed);
}

/* Both ends of a request's socket. */
static void make_pair(struct world *w, enum sockjs_transport transport)
{
    const struct timeval patience = {.tv_sec = 30}; /* rather a failure than a test that hangs */
    int pair[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    setsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    w->peer = pair[0];
    w->ours = pair[1];
    fcntl(w->ours, F_SETFL, O_NONBLOCK);
    fds_own(w->ours);
    w->transport = transport;
}

/* A request; the one before is closed. */
static void request(struct world *w, enum sockjs_transport transport)
{
    close(w->peer);
    make_pair(w, transport);
    on_loop(w, step_receive);
}

static void expect(struct world *w, const char *want)
{
    char got[8192];
    size_t len = strlen(want);
    assert_true(len < sizeof got);
    assert_int_equal(recv(w->peer, got, len, MSG_WAITALL), len);
    got[len] = '\0';
    assert_string_equal(got, want);
}

static void expect_end(struct world *w)
{
    char byte;
    assert_int_equal(recv(w->peer, &byte, 1, 0), 0);
}

static void polls(void **state)
{
    (void)state;
    struct world w;
    set_up(&w);
    request(&w, SOCKJS_XHR);
    expect(&w, OPENED);
    expect_end(&w);
    on_loop(&w, step_send); /* kept */
    request(&w, SOCKJS_XHR);
    expect(&w, HEAD "Content-Length: 29\r\n\r\na[\"one\\n\",\"<\\\"head\\\"> rest\"]\n");
    expect_end(&w);
    request(&w, SOCKJS_XHR); /* waits */
    on_loop(&w, step_send);
    expect(&w, HEAD "Content-Length: 29\r\n\r\na[\"one\\n\",\"<\\\"head\\\"> rest\"]\n");
    expect_end(&w);
    tear_down(&w);
    assert_int_equal(w.end.code, 1006);
}

static void streams(void **state)
{
    (void)state;
    struct world w;
    char prelude[2049];
    memset(prelude, 'h', sizeof prelude - 1);
    prelude[sizeof prelude - 1] = '\0';
    set_up(&w);
    request(&w, SOCKJS_XHR_STREAMING);
    expect(&w, HEAD "\r\n");
    expect(&w, prelude);
    expect(&w, "\no\n");
    on_loop(&w, step_send);
    expect(&w, "a[\"one\\n\"]\na[\"<\\\"head\\\"> rest\"]\n");
    on_loop(&w, step_close);
    expect(&w, "c[4000,\"the \\\"end\\\"\"]\n");
    expect_end(&w);
    tear_down(&w);
    assert_int_equal(w.end.code, 4000);
    assert_false(w.end.by_peer);
}

static void events(void **state)
{
    (void)state;
    struct world w;
    set_up(&w);
    request(&w, SOCKJS_EVENTSOURCE);
    expect(&w, HEAD "\r\n\r\ndata: o\r\n\r\n");
    on_loop(&w, step_send);
    expect(&w, "data: a[\"one\\n\"]\r\n\r\ndata: a[\"<\\\"head\\\"> rest\"]\r\n\r\n");
    tear_down(&w);
}

static void an_ended_session_gives_what_it_kept_and_then_its_end_again_and_again(void **state)
{
    (void)state;
    struct world w;
    set_up(&w);
    request(&w, SOCKJS_XHR);
    expect(&w, OPENED);
    on_loop(&w, step_send);
    on_loop(&w, step_close);
    wait_closed(&w);
    assert_int_equal(sockjs_look(w.claims, "ws/key", NULL), SOCKJS_ENDED);
    request(&w, SOCKJS_XHR);
    expect(&w, HEAD "Content-Length: 29\r\n\r\na[\"one\\n\",\"<\\\"head\\\"> rest\"]\n");
    for (int i = 0; i < 2; i++) {
        request(&w, SOCKJS_XHR);
        expect(&w, HEAD "Content-Length: 22\r\n\r\nc[4000,\"the \\\"end\\\"\"]\n");
        expect_end(&w);
    }
    tear_down(&w);
}

static void what_waits_is_bounded(void **state)
{
    (void)state;
    struct world w;
    set_up(&w);
    w.len = QUEUE_MAX / 2;
    on_loop(&w, step_fill);
    assert_int_equal(w.result, CONN_OK);
    on_loop(&w, step_fill);
    assert_int_equal(w.result, CONN_FULL);
    wait_closed(&w);
    assert_int_equal(w.end.code, WSOCK_CODE_TOO_SLOW);
    on_loop(&w, step_fill);
    assert_int_equal(w.result, CONN_CLOSED);
    assert_int_equal(backlog(&w), 0);
    tear_down(&w);
}

static void one_that_is_dropped_is_told_so_in_a_whole_answer(void **state)
{
    (void)state;
    struct world w;
    char prelude[2049];
    memset(prelude, 'h', sizeof prelude - 1);
    prelude[sizeof prelude - 1] = '\0';
    set_up(&w);
    make_pair(&w, SOCKJS_XHR_STREAMING);
    w.len = QUEUE_MAX;
    on_loop(&w, step_receive_and_fill);
    assert_int_equal(w.result, CONN_FULL);
    expect(&w, HEAD "\r\n");
    expect(&w, prelude);
    expect(&w, "\nc[4005,\"too slow\"]\n");
    expect_end(&w);
    tear_down(&w);
}

static void a_second_receiver_does_not_harm_the_first_even_when_it_breaks(void **state)
{
    (void)state;
    struct world w;
    set_up(&w);
    request(&w, SOCKJS_XHR);
    expect(&w, OPENED);
    request(&w, SOCKJS_XHR); /* waits */
    int first = w.peer;
    make_pair(&w, SOCKJS_XHR);
    close(w.peer);
    on_loop(&w, step_receive); /* its answer cannot be sent */
    on_loop(&w, step_wait);
    w.peer = first;
    on_loop(&w, step_send); /* a session that is closing would refuse it */
    expect(&w, HEAD "Content-Length: 29\r\n\r\na[\"one\\n\",\"<\\\"head\\\"> rest\"]\n");
    tear_down(&w);
}

/* Whoever asks again and again without reading would leave answers without end. */
static void who_has_not_read_an_answer_gets_no_other(void **state)
{
    (void)state;
    struct world w;
    const int small = 4608;
    char *got = malloc(60000);
    set_up(&w);
    request(&w, SOCKJS_XHR);
    expect(&w, OPENED);
    close(w.peer);
    make_pair(&w, SOCKJS_XHR);
    setsockopt(w.ours, SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
    on_loop(&w, step_receive);
    w.len = 50000;
    w.paced = true;
    on_loop(&w, step_fill); /* which does not go into the socket as a whole */
    on_loop(&w, step_wait);
    int first = w.peer;
    assert_true(backlog(&w) > 0);
    make_pair(&w, SOCKJS_XHR);
    on_loop(&w, step_receive);
    expect(&w, HEAD "Content-Length: 40\r\n\r\nc[2010,\"Another connection still open\"]\n");
    close(w.peer);
    w.peer = first;
    while (recv(w.peer, got, 60000, 0) > 0) {
    }
    free(got);
    request(&w, SOCKJS_XHR);
    on_loop(&w, step_send);
    expect(&w, HEAD "Content-Length: 29\r\n\r\na[\"one\\n\",\"<\\\"head\\\"> rest\"]\n");
    tear_down(&w);
}

static void replay_stops_at_the_backlog_and_is_told_to_go_on(void **state)
{
    (void)state;
    struct world w;
    char *got = malloc(200000);
    set_up(&w);
    request(&w, SOCKJS_XHR);
    expect(&w, OPENED);
    w.len = 50000;
    w.paced = true;
    for (int i = 0; i < 2; i++) {
        on_loop(&w, step_fill);
        assert_int_equal(w.result, CONN_OK);
    }
    assert_true(backlog(&w) > CONN_DRAIN_MARK);
    assert_int_equal(w.drained, 0);
    request(&w, SOCKJS_XHR);
    ssize_t n;
    while ((n = recv(w.peer, got, 200000, 0)) > 0) {
    }
    request(&w, SOCKJS_XHR); /* a turn later it has been told */
    assert_int_equal(w.drained, 1);
    free(got);
    tear_down(&w);
}

static void messages_come_in_order_and_one_too_big_ends_it(void **state)
{
    (void)state;
    struct world w;
    set_up(&w);
    w.payload = "[\"a\",\"b\",\"0123456789abcdef\"]";
    on_loop(&w, step_feed);
    assert_string_equal(w.heard, "a|b|0123456789abcdef|");
    w.payload = "[\"c\",\"0123456789abcdefg\",\"never\"]";
    on_loop(&w, step_feed);
    assert_string_equal(w.heard, "a|b|0123456789abcdef|c|");
    wait_closed(&w);
    assert_int_equal(w.end.code, 1009);
    tear_down(&w);
}

static void claims_are_made_once(void **state)
{
    (void)state;
    struct sockjs_claims *claims = sockjs_claims_create();
    struct sockjs_claim *one = NULL, *two = NULL;
    const struct sockjs_holder first = {.user = "s1", .token = "hash"};
    const struct sockjs_holder second = {.user = "s2"};
    struct sockjs_holder found = {.user = "none"};
    assert_int_equal(sockjs_look(claims, "a", &found), SOCKJS_ABSENT);
    assert_string_equal(found.user, "none");
    assert_int_equal(sockjs_claim(claims, "a", &first, &one), SOCKJS_CLAIMED);
    assert_int_equal(sockjs_claim(claims, "a", &second, &two), SOCKJS_EXISTS);
    assert_null(two);
    assert_int_equal(sockjs_look(claims, "a", &found), SOCKJS_OPENING);
    assert_memory_equal(&found, &first, sizeof found);
    assert_null(sockjs_session_find(claims, "a"));
    sockjs_unclaim(claims, one);
    assert_int_equal(sockjs_claim(claims, "a", &second, &two), SOCKJS_CLAIMED);
    sockjs_unclaim(claims, two);
    sockjs_claims_destroy(claims);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(polls),
        cmocka_unit_test(streams),
        cmocka_unit_test(events),
        cmocka_unit_test(an_ended_session_gives_what_it_kept_and_then_its_end_again_and_again),
        cmocka_unit_test(what_waits_is_bounded),
        cmocka_unit_test(one_that_is_dropped_is_told_so_in_a_whole_answer),
        cmocka_unit_test(a_second_receiver_does_not_harm_the_first_even_when_it_breaks),
        cmocka_unit_test(who_has_not_read_an_answer_gets_no_other),
        cmocka_unit_test(replay_stops_at_the_backlog_and_is_told_to_go_on),
        cmocka_unit_test(messages_come_in_order_and_one_too_big_ends_it),
        cmocka_unit_test(claims_are_made_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
