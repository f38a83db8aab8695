/*
 * The answers to requests that wait for frames. A poll gets a whole answer with its length; a stream
 * gets its head at once and then frames, and ends where the connection does (the head says
 * `Connection: close`). The end is a FIN behind the last byte; then the client's own is waited for.
 */
#include "net/sockjs_internal.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/metrics.h"
#include "net/fds.h"
#include "ws/sockjs_codec.h"

#define LINGER_MS 3000 /* for the client to close, once everything is sent */
#define PRELUDE 2048   /* bytes without which some browsers don't show a stream's beginning */

/* What stands around a frame; frames of messages end in "\n" already. */
static const struct framing {
    const char *before, *after;
} framings[] = {
    [SOCKJS_XHR] = {"", "\n"},
    [SOCKJS_XHR_STREAMING] = {"", "\n"},
    [SOCKJS_EVENTSOURCE] = {"data: ", "\r\n\r\n"},
};

static struct answer *of_conn(struct conn *conn)
{
    return (struct answer *)conn;
}

static int64_t now_ms(const struct answer *answer)
{
    return loop_now_ms(answer->group->loop);
}

/* ---- The socket ---- */

static void on_data(struct conn *conn, uint8_t *data, size_t len)
{
    (void)conn, (void)data, (void)len; /* one request per connection: what else comes is not read */
}

static void on_drain(struct conn *conn)
{
    struct answer *answer = of_conn(conn);
    if (answer->session) {
        session_drained(answer->session);
    }
}

static void end(struct answer *answer, bool lost)
{
    struct sockjs_session *session = answer->session;
    answer->session = NULL;
    conn_destroy(&answer->conn);
    if (session) {
        session_answer_gone(session, answer, lost);
    }
}

static void on_ended(struct conn *conn, int error)
{
    struct answer *answer = of_conn(conn);
    (void)error; /* proxies reset a connection once they have the whole answer */
    end(answer, !answer->finishing || conn_queued(conn) > 0);
}

static void on_closed(struct conn *conn)
{
    struct answer *answer = of_conn(conn);
    *answer->link = answer->next;
    if (answer->next) {
        answer->next->link = answer->link;
    }
    answer->group->waiting--;
    free(answer->head);
    free(answer);
}

static const struct conn_handlers conn_events = {on_data, on_drain, on_ended, on_closed};

/* A client that is gone without a word is noticed by the heartbeats that it does not acknowledge. */
static void set_patience(const struct sockjs_group *group, int fd)
{
    unsigned ms = group->options.ping_s * 2000;
    setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &ms, sizeof ms);
}

struct answer *answer_start(struct sockjs_group *group, const struct sockjs_receiver *receiver,
                            struct sockjs_session *session)
{
    struct answer *answer = calloc(1, sizeof *answer);
    if (!answer || conn_start(&answer->conn, group->loop, receiver->fd, &conn_events)) {
        metric_add(METRIC_OUT_OF_MEMORY, 1);
        free(answer);
        free(receiver->head);
        fds_disown(receiver->fd);
        close(receiver->fd);
        return NULL;
    }
    set_patience(group, receiver->fd);
    answer->group = group;
    answer->session = session;
    answer->transport = receiver->transport;
    answer->head = receiver->head;
    answer->head_len = receiver->head_len;
    answer->moved_ms = now_ms(answer);
    answer->next = group->answers;
    answer->link = &group->answers;
    if (answer->next) {
        answer->next->link = &answer->next;
    }
    group->answers = answer;
    group->waiting++;
    return answer;
}

void answer_finish(struct answer *answer)
{
    answer->finishing = true;
    answer->moved_ms = now_ms(answer);
    conn_finish(&answer->conn);
}

void answer_kill(struct answer *answer)
{
    end(answer, true);
}

void answer_dismiss(struct answer *answer)
{
    end(answer, false);
}

void answer_check(struct answer *answer, int64_t now)
{
    size_t queued = conn_queued(&answer->conn);
    conn_trim(&answer->conn);
    if (queued != answer->queued) {
        answer->queued = queued;
        answer->moved_ms = now;
    }
    int64_t patience = queued > 0 ? (int64_t)answer->group->options.ping_s * 2000 : LINGER_MS;
    if ((queued > 0 || answer->finishing) && now - answer->moved_ms >= patience) {
        end(answer, queued > 0);
    }
}

/* ---- What is written ---- */

static void queue_bytes(struct answer *answer, struct buf *bytes)
{
    struct frame *frame = bytes->failed ? NULL : frame_create(bytes->len);
    if (frame) {
        memcpy(frame->bytes, bytes->data, bytes->len);
    }
    if (!frame || conn_queue(&answer->conn, frame, CONN_NO_LIMIT) == CONN_NOMEM) {
        metric_add(METRIC_OUT_OF_MEMORY, 1);
        answer->finishing = false; /* the client must not take it for whole */
        end(answer, true);
    }
    frame_unref(frame);
    buf_finish(bytes);
}

static void write_head(struct answer *answer, struct buf *out)
{
    buf_init(out);
    buf_append(out, answer->head, answer->head_len);
    free(answer->head);
    answer->head = NULL;
}

void answer_open(struct answer *answer)
{
    struct buf out;
    char prelude[PRELUDE + 1];
    write_head(answer, &out);
    buf_append_text(&out, "\r\n");
    if (answer->transport == SOCKJS_XHR_STREAMING) {
        memset(prelude, 'h', PRELUDE);
        prelude[PRELUDE] = '\n';
        buf_append(&out, prelude, sizeof prelude);
    } else {
        buf_append_text(&out, "\r\n");
    }
    queue_bytes(answer, &out);
    conn_flush(&answer->conn);
}

/* A poll's whole answer. */
static void answer_whole(struct answer *answer, struct span body)
{
    struct buf out;
    write_head(answer, &out);
    buf_printf(&out, "Content-Length: %zu\r\n\r\n", body.n);
    buf_append_span(&out, body);
    answer_finish(answer);
    queue_bytes(answer, &out);
}

void answer_text(struct answer *answer, struct span text)
{
    const struct framing *framing = &framings[answer->transport];
    struct buf out;
    buf_init(&out);
    buf_append_text(&out, framing->before);
    buf_append_span(&out, text);
    buf_append_text(&out, framing->after);
    if (!answer_is_stream(answer)) {
        answer_whole(answer, buf_span(&out));
        buf_finish(&out);
        return;
    }
    answer->written += out.len;
    queue_bytes(answer, &out);
}

void answer_close(struct answer *answer, uint16_t code, const char *reason)
{
    struct buf text;
    buf_init(&text);
    sockjs_close_frame(&text, code, reason);
    if (answer_is_stream(answer)) {
        answer_finish(answer);
    }
    answer_text(answer, buf_span(&text));
    buf_finish(&text);
}

/* The same message as an event; a copy, since its line ends otherwise. */
static struct frame *make_event(const struct frame *first, const struct frame *second)
{
    const struct framing *framing = &framings[SOCKJS_EVENTSOURCE];
    size_t before = strlen(framing->before);
    size_t after = strlen(framing->after);
    size_t len = first->len + (second ? second->len : 0) - 1;
    struct frame *frame = frame_create(before + len + after);
    if (frame) {
        size_t first_len = second ? first->len : len;
        memcpy(frame->bytes, framing->before, before);
        memcpy(frame->bytes + before, first->bytes, first_len);
        if (second) {
            memcpy(frame->bytes + before + first_len, second->bytes, second->len - 1);
        }
        memcpy(frame->bytes + before + len, framing->after, after);
    }
    return frame;
}

enum conn_result answer_frame(struct answer *answer, struct frame *first, struct frame *second,
                              size_t limit)
{
    size_t len = first->len + (second ? second->len : 0);
    enum conn_result result;
    if (answer->transport == SOCKJS_EVENTSOURCE) {
        struct frame *event = make_event(first, second);
        result = event ? conn_queue(&answer->conn, event, limit) : CONN_NOMEM;
        frame_unref(event);
    } else if (second) {
        result = conn_queue_pair(&answer->conn, first, second, limit);
    } else {
        result = conn_queue(&answer->conn, first, limit);
    }
    answer->written += result == CONN_OK ? len : 0;
    return result;
}

/* Each frame is `a[…]` and a line's end: what is between the brackets is put together. */
void answer_batch(struct answer *answer, struct frame *const *frames, size_t count)
{
    struct buf body;
    buf_init(&body);
    buf_append_text(&body, "a[");
    for (size_t i = 0; i < count; i++) {
        buf_append(&body, ",", i > 0);
        buf_append(&body, frames[i]->bytes + 2, frames[i]->len - 4);
    }
    buf_append_text(&body, "]\n");
    if (body.failed) {
        metric_add(METRIC_OUT_OF_MEMORY, 1);
        end(answer, true);
    } else {
        answer_whole(answer, buf_span(&body));
    }
    buf_finish(&body);
}
