/*
 * Sessions of SockJS over HTTP. See sockjs.h.
 *
 *   open     a receiver is there (`answer`), or came not long ago. Frames go straight into the queue of a
 *            stream's socket; for polls, and while no receiver is there, they are kept.
 *   closed   `code` is set. At the end of the turn the owner is told. What is kept, and then the close
 *            frame, is for those requests that still come; some time after the last the session is
 *            forgotten.
 *
 * SockJS acknowledges nothing. So where not all of an answer could be sent the session is closed:
 * the client comes back and asks for what it missed, which is better than a hole that nobody sees.
 */
#include "net/sockjs_internal.h"

#include <stdlib.h>
#include <string.h>

#include "core/metrics.h"
#include "ws/frame.h"
#include "ws/sockjs_codec.h"

#define TICK_MS 1000
#define CLOSE_LOST 1006 /* what a WebSocket says that was lost without a close frame */
#define CLOSE_NORMAL 1000
#define CLOSE_TOO_BIG 1009
#define KEPT_FIRST 8 /* entries of a new list */

struct sockjs_session {
    struct sockjs_group *group;
    struct sockjs_session *next, **link;
    struct sockjs_claim *claim;
    const struct sockjs_handlers *handlers;
    void *owner;
    struct answer *answer;  /* the receiver that waits; NULL: none */
    struct answer *leaving; /* the one before, which gets no more but is not closed yet; or NULL */
    size_t answers;         /* sockets that belong to the session */
    struct frame **kept;    /* for the next receiver */
    size_t kept_count, kept_cap;
    size_t kept_bytes, paced_bytes; /* of those kept; of these, how many do not count */
    struct loop_task turn_end;
    int64_t opened_ms;
    int64_t left_ms; /* when the last receiver left; valid while none is there */
    int64_t sent_ms; /* when something was last written to a receiver */
    char *reason;    /* of the end; NULL = none */
    uint16_t code;   /* of the end; 0 while open */
    bool opened : 1, by_peer : 1, told : 1, above_mark : 1;
};

static int64_t now_ms(const struct sockjs_group *group)
{
    return loop_now_ms(group->loop);
}

/* ---- The end ---- */

static void drop_kept(struct sockjs_session *session)
{
    for (size_t i = 0; i < session->kept_count; i++) {
        frame_unref(session->kept[i]);
    }
    free(session->kept);
    session->kept = NULL;
    session->kept_count = session->kept_cap = session->kept_bytes = session->paced_bytes = 0;
}

static void pump(struct sockjs_session *session);

static void end(struct sockjs_session *session, uint16_t code, const char *reason, bool by_peer)
{
    if (session->code) {
        return;
    }
    session->code = code;
    session->by_peer = by_peer;
    session->reason = *reason ? strdup(reason) : NULL;
    session->left_ms = now_ms(session->group);
    loop_at_turn_end(session->group->loop, &session->turn_end);
}

void sockjs_session_close(struct sockjs_session *session, uint16_t code, const char *reason)
{
    end(session, code, reason ? reason : "", false); /* the turn's end tells the receiver */
}

static void lose(struct sockjs_session *session)
{
    if (!session->code) {
        drop_kept(session);
        end(session, CLOSE_LOST, "", true);
    }
}

static void forget(struct sockjs_session *session)
{
    *session->link = session->next;
    if (session->next) {
        session->next->link = session->link;
    }
    loop_cancel(session->group->loop, &session->turn_end);
    sockjs_unclaim(session->group->claims, session->claim);
    drop_kept(session);
    free(session->reason);
    free(session);
}

/* What a receiver that comes too late is told. */
static void answer_end(const struct sockjs_session *session, struct answer *answer)
{
    if (session->code == CLOSE_LOST) {
        answer_close(answer, SOCKJS_CODE_INTERRUPTED, "Connection interrupted");
    } else {
        answer_close(answer, session->code, session->reason ? session->reason : "");
    }
}

static void tell_end(struct sockjs_session *session)
{
    struct wsock_end how = {session->code, session->by_peer, false,
                            session->reason ? session->reason : ""};
    session->told = true;
    sockjs_claim_end(session->group->claims, session->claim);
    session->group->open--;
    metric_add(METRIC_CONNECTIONS, -1);
    metric_add(METRIC_SOCKJS_SESSIONS, -1);
    metric_closed(session->code);
    session->handlers->closed(session, &how);
}

static void turn_end(void *arg)
{
    struct sockjs_session *session = arg;
    pump(session);
    if (session->code && !session->told) {
        tell_end(session);
    }
}

/* ---- Receivers ---- */

/* The receiver gets no more: the next one is waited for. */
static void release_answer(struct sockjs_session *session)
{
    session->leaving = session->answer;
    session->answer = NULL;
    session->left_ms = now_ms(session->group);
}

/* Frames that one poll may carry: as many as fit into a stream, and at least one. */
static size_t batch_size(const struct sockjs_session *session)
{
    size_t bytes = 0;
    size_t count = 0;
    while (count < session->kept_count &&
           (count == 0 || bytes + session->kept[count]->len <= SOCKJS_STREAM_BYTES)) {
        bytes += session->kept[count++]->len;
    }
    return count;
}

/* The first `count` of those kept have gone to a receiver. */
static void take_kept(struct sockjs_session *session, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        session->kept_bytes -= session->kept[i]->len;
        frame_unref(session->kept[i]);
    }
    session->kept_count -= count;
    memmove(session->kept, session->kept + count, session->kept_count * sizeof *session->kept);
    if (session->paced_bytes > session->kept_bytes) {
        session->paced_bytes = session->kept_bytes;
    }
    if (session->kept_count == 0) {
        drop_kept(session);
    }
}

/* A stream that has carried enough is ended, so that browsers can free what they have of it. */
static void roll_over(struct sockjs_session *session)
{
    struct answer *answer = session->answer;
    if (answer && answer_is_stream(answer) && answer->written >= SOCKJS_STREAM_BYTES) {
        release_answer(session);
        answer_finish(answer);
    }
}

static void pump_stream(struct sockjs_session *session)
{
    size_t count = 0;
    enum conn_result result = CONN_OK;
    while (result == CONN_OK && count < session->kept_count &&
           session->answer->written < SOCKJS_STREAM_BYTES) {
        result = answer_frame(session->answer, session->kept[count], NULL, CONN_NO_LIMIT);
        count += result == CONN_OK;
    }
    take_kept(session, count);
    if (result == CONN_NOMEM) {
        metric_add(METRIC_OUT_OF_MEMORY, 1);
        lose(session);
    }
    roll_over(session);
}

static void pump_poll(struct sockjs_session *session)
{
    struct answer *answer = session->answer;
    size_t count = batch_size(session);
    release_answer(session);
    answer_batch(answer, session->kept, count);
    take_kept(session, count);
}

/* Gives the receiver what is kept, and then the end. */
static void pump(struct sockjs_session *session)
{
    if (session->answer && session->kept_count > 0) {
        session->sent_ms = now_ms(session->group);
        if (answer_is_stream(session->answer)) {
            pump_stream(session);
        } else {
            pump_poll(session);
        }
    }
    if (session->answer && session->code) {
        struct answer *answer = session->answer;
        release_answer(session);
        answer_end(session, answer);
    }
}

/* Tells the owner that there is room again. */
static void check_drained(struct sockjs_session *session)
{
    if (session->above_mark && !session->code &&
        sockjs_session_backlog(session) <= CONN_DRAIN_MARK / 2) {
        session->above_mark = false;
        session->handlers->drain(session);
    }
}

void session_drained(struct sockjs_session *session)
{
    check_drained(session);
}

void session_answer_gone(struct sockjs_session *session, struct answer *answer, bool lost)
{
    session->answers--;
    if (session->answer == answer) {
        release_answer(session);
    } else if (!session->answer) {
        session->left_ms = now_ms(session->group); /* only now can the client come again */
    }
    if (session->leaving == answer) {
        session->leaving = NULL;
    }
    if (lost) {
        lose(session);
    }
    check_drained(session);
}

/*
 * A receiver waits, or the one before has not been sent all that it was given: whoever asks again
 * without reading would make the server keep answers without end.
 */
static bool has_receiver(const struct sockjs_session *session)
{
    return session->answer ||
           (session->leaving && !session->code && conn_queued(&session->leaving->conn) > 0);
}

void sockjs_session_receive(struct sockjs_session *session, const struct sockjs_receiver *receiver)
{
    if (has_receiver(session)) { /* which goes on, whatever becomes of this one */
        sockjs_refuse(session->group, receiver, SOCKJS_CODE_OTHER_OPEN,
                      "Another connection still open");
        return;
    }
    struct answer *answer = answer_start(session->group, receiver, session);
    if (!answer) {
        return;
    }
    session->answers++;
    if (session->leaving && conn_queued(&session->leaving->conn) == 0) {
        answer_dismiss(session->leaving);
    }
    if (answer_is_stream(answer)) {
        answer_open(answer);
    }
    if (answer->conn.dead) {
        return;
    }
    session->answer = answer;
    session->sent_ms = now_ms(session->group);
    if (!session->opened) {
        session->opened = true;
        if (!answer_is_stream(answer)) {
            release_answer(session);
        }
        answer_text(answer, span_of("o"));
    }
    pump(session);
    check_drained(session);
}

void sockjs_refuse(struct sockjs_group *group, const struct sockjs_receiver *receiver,
                   uint16_t code, const char *reason)
{
    struct answer *answer = answer_start(group, receiver, NULL);
    if (answer && answer_is_stream(answer)) {
        answer_open(answer);
    }
    if (answer) {
        answer_close(answer, code, reason);
    }
}

/* ---- Messages ---- */

void sockjs_session_feed(struct sockjs_session *session, struct sockjs_reader *payload)
{
    struct span message;
    while (!session->code && sockjs_next(payload, &message)) {
        if (message.n > session->group->options.message_max) {
            sockjs_session_close(session, CLOSE_TOO_BIG, "message too big");
            return;
        }
        metric_add(METRIC_MESSAGES_IN, 1);
        session->handlers->message(session, (char *)message.p, message.n);
    }
}

static struct frame *encode(const char *before, struct span text, const char *after)
{
    size_t before_len = strlen(before);
    size_t after_len = strlen(after);
    size_t len = sockjs_escaped_len(text);
    struct frame *frame = frame_create(before_len + len + after_len);
    if (!frame) {
        metric_add(METRIC_OUT_OF_MEMORY, 1);
        return NULL;
    }
    memcpy(frame->bytes, before, before_len);
    memcpy(sockjs_escape(frame->bytes + before_len, text), after, after_len);
    return frame;
}

struct frame *sockjs_encode(struct span text)
{
    return encode("a[\"", text, "\"]\n");
}

struct frame *sockjs_encode_rest(struct span rest, bool line)
{
    return encode("", rest, line ? "\"]\n" : "\"]");
}

struct frame *sockjs_encode_head(struct span head)
{
    return encode("a[\"", head, "");
}

static bool grow_kept(struct sockjs_session *session)
{
    size_t cap = session->kept_cap ? session->kept_cap * 2 : KEPT_FIRST;
    struct frame **kept = realloc(session->kept, cap * sizeof(struct frame *));
    if (!kept) {
        return false;
    }
    session->kept = kept;
    session->kept_cap = cap;
    return true;
}

/* One frame for both; a new reference in any case. NULL: no memory. */
static struct frame *join(struct frame *first, const struct frame *second)
{
    if (!second) {
        return frame_ref(first);
    }
    struct frame *frame = frame_create((size_t)first->len + second->len);
    if (frame) {
        memcpy(frame->bytes, first->bytes, first->len);
        memcpy(frame->bytes + first->len, second->bytes, second->len);
    }
    return frame;
}

/* For the next receiver, or for a poll that is answered when the turn ends. */
static enum conn_result keep(struct sockjs_session *session, struct frame *first,
                             const struct frame *second, size_t limit)
{
    size_t len = first->len + (second ? second->len : 0);
    size_t counted = session->kept_bytes - session->paced_bytes;
    if (limit != CONN_NO_LIMIT && counted + len > limit) {
        return CONN_FULL;
    }
    if (session->kept_count == session->kept_cap && !grow_kept(session)) {
        return CONN_NOMEM;
    }
    struct frame *frame = join(first, second);
    if (!frame) {
        return CONN_NOMEM;
    }
    session->kept[session->kept_count++] = frame;
    session->kept_bytes += len;
    session->paced_bytes += limit == CONN_NO_LIMIT ? len : 0;
    if (session->answer) {
        loop_at_turn_end(session->group->loop, &session->turn_end);
    }
    return CONN_OK;
}

static enum conn_result send_frames(struct sockjs_session *session, struct frame *first,
                                    struct frame *second, bool paced)
{
    size_t limit = paced ? CONN_NO_LIMIT : session->group->options.queue_max;
    enum conn_result result;
    if (session->code) {
        return CONN_CLOSED;
    }
    if (session->answer && answer_is_stream(session->answer)) {
        result = answer_frame(session->answer, first, second, limit);
        session->sent_ms = now_ms(session->group);
    } else {
        result = keep(session, first, second, limit);
    }
    if (result == CONN_FULL || result == CONN_NOMEM) {
        bool full = result == CONN_FULL;
        metric_add(full ? METRIC_QUEUE_DROPS : METRIC_OUT_OF_MEMORY, 1);
        drop_kept(session);
        if (session->answer) {
            conn_drop_queue(&session->answer->conn);
        }
        sockjs_session_close(session, full ? WSOCK_CODE_TOO_SLOW : WS_CLOSE_INTERNAL,
                             full ? "too slow" : "out of memory");
    } else if (sockjs_session_backlog(session) > CONN_DRAIN_MARK) {
        session->above_mark = true;
    }
    roll_over(session);
    return result;
}

enum conn_result sockjs_session_send(struct sockjs_session *session, struct frame *frame,
                                     bool paced)
{
    return send_frames(session, frame, NULL, paced);
}

enum conn_result sockjs_session_send_parts(struct sockjs_session *session, struct frame *head,
                                           struct frame *rest, bool paced)
{
    return send_frames(session, head, rest, paced);
}

size_t sockjs_session_backlog(const struct sockjs_session *session)
{
    return session->kept_bytes + (session->answer ? conn_queued(&session->answer->conn) : 0) +
           (session->leaving ? conn_queued(&session->leaving->conn) : 0);
}

/* ---- Sessions ---- */

struct sockjs_session *sockjs_session_start(struct sockjs_group *group, struct sockjs_claim *claim,
                                            const struct sockjs_handlers *handlers, void *owner)
{
    struct sockjs_session *session = calloc(1, sizeof *session);
    if (!session) {
        metric_add(METRIC_OUT_OF_MEMORY, 1);
        return NULL;
    }
    session->group = group;
    session->claim = claim;
    session->handlers = handlers;
    session->owner = owner;
    session->turn_end.fn = turn_end;
    session->turn_end.arg = session;
    session->opened_ms = session->left_ms = now_ms(group);
    session->next = group->sessions;
    session->link = &group->sessions;
    if (session->next) {
        session->next->link = &session->next;
    }
    group->sessions = session;
    group->open++;
    metric_add(METRIC_CONNECTIONS, 1);
    metric_add(METRIC_CONNECTIONS_TOTAL, 1);
    metric_add(METRIC_SOCKJS_SESSIONS, 1);
    sockjs_claim_fill(group->claims, claim, session);
    return session;
}

struct sockjs_session *sockjs_session_find(struct sockjs_claims *claims, const char *key)
{
    return sockjs_claim_find(claims, key);
}

void *sockjs_session_owner(const struct sockjs_session *session)
{
    return session->owner;
}

int64_t sockjs_session_age_ms(const struct sockjs_session *session)
{
    return now_ms(session->group) - session->opened_ms;
}

/* ---- Groups ---- */

static void beat(struct sockjs_session *session, int64_t now)
{
    struct answer *answer = session->answer;
    if (!answer_is_stream(answer)) {
        release_answer(session);
    }
    session->sent_ms = now;
    answer_text(answer, span_of("h"));
    roll_over(session);
}

static void check_life(struct sockjs_session *session, int64_t now)
{
    const struct wsock_options *options = &session->group->options;
    int64_t lifetime_ms = (int64_t)options->lifetime_s * 1000;
    bool waits = !session->answer && session->answers == 0;
    if (waits && now - session->left_ms >= SOCKJS_GRACE_MS) {
        if (session->told) {
            forget(session);
        } else {
            lose(session);
        }
        return;
    }
    if (session->code) {
        return;
    }
    if (lifetime_ms > 0 && now - session->opened_ms >= lifetime_ms) {
        sockjs_session_close(session, CLOSE_NORMAL, "time is up");
    } else if (session->answer && now - session->sent_ms >= (int64_t)options->ping_s * 1000) {
        beat(session, now);
    }
    check_drained(session);
}

static void tick(uv_timer_t *timer)
{
    struct sockjs_group *group = timer->data;
    int64_t now = now_ms(group);
    struct sockjs_session *next;
    if (loop_tick_is_late(group->loop, &group->pace, TICK_MS)) {
        return;
    }
    /* Before the heartbeats: what those have just queued is not sent yet, and looks as if it were stuck. */
    for (struct answer *answer = group->answers; answer; answer = answer->next) {
        if (!answer->conn.dead) {
            answer_check(answer, now);
        }
    }
    for (struct sockjs_session *session = group->sessions; session; session = next) {
        next = session->next;
        check_life(session, now);
    }
}

struct sockjs_group *sockjs_group_create(struct loop *loop, const struct wsock_options *options,
                                         struct sockjs_claims *claims)
{
    struct sockjs_group *group = calloc(1, sizeof *group);
    if (!group) {
        return NULL;
    }
    group->loop = loop;
    group->options = *options;
    group->claims = claims;
    uv_timer_init(loop_uv(loop), &group->tick);
    group->tick.data = group;
    group->pace.ticked_ms = loop_now_ms(loop);
    uv_timer_start(&group->tick, tick, TICK_MS, TICK_MS);
    return group;
}

static void group_closed(uv_handle_t *handle)
{
    free(handle->data);
}

void sockjs_group_destroy(struct sockjs_group *group)
{
    struct sockjs_session *next;
    for (struct sockjs_session *session = group->sessions; session; session = next) {
        next = session->next;
        forget(session); /* its owner knows */
    }
    uv_close((uv_handle_t *)&group->tick, group_closed);
}

size_t sockjs_group_count(const struct sockjs_group *group)
{
    return group->open + group->waiting;
}

size_t sockjs_group_close_some(struct sockjs_group *group, size_t count, uint16_t code,
                               const char *reason)
{
    size_t closed = 0;
    for (struct sockjs_session *session = group->sessions; session && closed < count;
         session = session->next) {
        if (!session->code) {
            sockjs_session_close(session, code, reason);
            closed++;
        }
    }
    return closed;
}

void sockjs_group_kill_all(struct sockjs_group *group)
{
    for (struct sockjs_session *session = group->sessions; session; session = session->next) {
        lose(session);
    }
    for (struct answer *answer = group->answers; answer; answer = answer->next) {
        answer_kill(answer);
    }
}
