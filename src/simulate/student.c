/*
 * Students: they come, as guests or with tokens of their own, hear messages, answer some, are cut off,
 * and come back with `since`. See class.h.
 *
 * A refusal that may pass (no connection, 429, 503) is tried again as the pages do, and counted; what
 * was in and was closed comes back, too, unless the server said that it should not.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "simulate/class.h"
#include "simulate/fields.h"

#define COMING_MS 30000 /* to a welcome */
#define ATTEMPTS_MAX 5
#define RETRY_MS 1000 /* and up to as much again */
#define ANSWER_WITHIN_MS 2000
#define HISTORY_MAX 500 /* of the protocol */

static void on_timer(uv_timer_t *timer);

static void set_state(struct student *student, enum student_state state)
{
    struct simulation *sim = student->sim;
    sim->counts[student->state]--;
    sim->counts[state]++;
    student->state = state;
}

static void set_catching_up(struct student *student, bool catching_up)
{
    student->sim->catching_up += (uint32_t)catching_up - (uint32_t)student->catching_up;
    student->catching_up = catching_up;
}

static const char *where(const struct student *student)
{
    return student->returning ? "reconnect" : "join";
}

/* Answers that were not acknowledged may have come or not: with the socket goes what is known. */
static void forget_answers(struct student *student)
{
    student->sim->answers_open -= student->open + (student->question > 0);
    student->open = 0;
    student->question = 0;
}

static void leave(struct student *student, enum student_state state, bool reset)
{
    uv_timer_stop(&student->timer);
    if (student->fetch) {
        fetch_cancel(student->fetch);
        student->fetch = NULL;
    }
    peer_close(&student->peer, reset);
    forget_answers(student);
    set_catching_up(student, false);
    set_state(student, state);
}

void student_give_up(struct student *student, const char *why)
{
    errors_add(&student->sim->report.errors, where(student), why);
    leave(student, STUDENT_LOST, true);
}

/* It did not get in, or is out: another try, if that may help. */
static void try_again(struct student *student, bool hopeful)
{
    leave(student, STUDENT_AWAY, false);
    if (hopeful && ++student->attempts < ATTEMPTS_MAX) {
        student_due(student, RETRY_MS + id_random_below(RETRY_MS));
    } else {
        set_state(student, STUDENT_LOST);
    }
}

/* ---- hearing ---- */

/* All that was missed is there again. */
static void caught_up(struct student *student)
{
    set_catching_up(student, false);
    histogram_add(&student->sim->report.measures[MEASURE_RECONNECT],
                  clock_mono_ns() - student->began_ns);
}

static void welcomed(struct student *student)
{
    int64_t now = clock_mono_ns();
    if (student->state == STUDENT_IN) {
        return; /* the server had lost Redis for a while */
    }
    uv_timer_stop(&student->timer);
    student->attempts = 0;
    student->in_ns = now;
    set_state(student, STUDENT_IN);
    if (!student->returning) {
        histogram_add(&student->sim->report.measures[MEASURE_JOIN], now - student->began_ns);
        student->returning = true;
    } else if (student->last >= student->room->missed) {
        caught_up(student);
    } else {
        set_catching_up(student, true);
    }
}

static void answer_now(struct student *student)
{
    struct buf text;
    uint32_t from = (uint32_t)(student - student->sim->students);
    buf_init(&text);
    write_answer(&text, student->question, from, ++student->answers, clock_mono_ns());
    student->question = 0; /* what was "to be sent" is now "open" */
    student->open++;
    peer_send(&student->peer, buf_span(&text));
    buf_finish(&text);
}

static void hear_message(struct student *student, const struct heard *heard)
{
    struct simulation *sim = student->sim;
    const struct options *options = &sim->options;
    int64_t at_ns = (int64_t)field_number(heard->message, "at", 0);
    uint64_t number = field_number(heard->message, "simulate", 0);
    (void)span_copy(span_of(heard->id), student->since, sizeof student->since);
    if (number <= student->last || number > student->room->sent) {
        sim->report.repeated++;
        return;
    }
    student->last = (uint32_t)number;
    student->heard++;
    sim->report.heard++;
    if (at_ns < student->in_ns) {
        sim->report.replayed++;
    } else if (sim->talk_end_ns == 0 || at_ns < sim->talk_end_ns) {
        histogram_add(&sim->report.measures[MEASURE_DELIVERY], clock_mono_ns() - at_ns);
    }
    if (student->catching_up && student->last >= student->room->missed) {
        caught_up(student);
    }
    if (sim->phase == PHASE_TALKING && options->answer_every > 0 &&
        number % options->answer_every == 0) {
        sim->answers_open +=
            student->question == 0; /* a second question takes the first one's place */
        student->question = (uint32_t)number;
        uv_timer_start(&student->timer, on_timer, id_random_below(ANSWER_WITHIN_MS), 0);
    }
}

static void hear_outcome(struct student *student, const struct heard *heard, bool accepted)
{
    struct simulation *sim = student->sim;
    if (student->open > 0) {
        student->open--;
        sim->answers_open--;
    }
    if (accepted) {
        student->acked++;
        sim->report.answers++;
    } else {
        char code[RESPONSE_CODE_MAX];
        field_text(heard->message, "code", code, sizeof code);
        errors_add(&sim->report.errors, "answer", code);
    }
}

static void on_text(struct peer *peer, struct span text)
{
    struct student *student = peer->owner;
    struct errors *errors = &student->sim->report.errors;
    struct heard heard;
    if (!hear(text, &heard)) {
        errors_add(errors, "student", "heard something that is no message");
    } else if (span_eq(heard.type, "send")) {
        hear_message(student, &heard);
    } else if (span_eq(heard.type, "ack")) {
        hear_outcome(student, &heard, true);
    } else if (span_eq(heard.type, "error")) {
        hear_outcome(student, &heard, false);
    } else if (span_eq(heard.type, "welcome")) {
        welcomed(student);
    } else if (span_eq(heard.type, "gap")) {
        errors_add(errors, where(student), "what was missed is no longer remembered (gap)");
    }
}

/* 4000 to 4003: the room is over, another socket took its place, removed, the token is used up. */
static bool may_come_back(const struct peer_end *end)
{
    bool passing = end->status == 0 || end->status == 429 || end->status == 503;
    return passing && !(end->code >= 4000 && end->code <= 4003);
}

static void on_end(struct peer *peer, const struct peer_end *end)
{
    struct student *student = peer->owner;
    if (student->sim->phase == PHASE_ENDING) {
        leave(student, STUDENT_AWAY, false);
        return;
    }
    bool was_in = student->state == STUDENT_IN;
    errors_add(&student->sim->report.errors, was_in ? "student" : where(student), end->text);
    try_again(student, may_come_back(end));
}

static const struct peer_events events = {on_text, on_end};

/* ---- coming ---- */

static void connect_now(struct student *student)
{
    char path[sizeof "/ws?room=&history=" + ROOM_CODE_MAX + 2 * SINCE_MAX];
    bool since = student->returning && student->since[0];
    int len = snprintf(path, sizeof path, "/ws?room=%s", student->room->code);
    if (since) {
        snprintf(path + len, sizeof path - (size_t)len, "&since=%s", student->since);
    } else {
        snprintf(path + len, sizeof path - (size_t)len, "&history=%d",
                 student->returning ? HISTORY_MAX : 0);
    }
    student->began_ns = clock_mono_ns();
    int error =
        peer_open(&student->peer, &student->sim->loop, student->target, path, student->token);
    if (error) {
        errors_add(&student->sim->report.errors, where(student), uv_strerror(error));
        try_again(student, true);
    }
}

static void got_guest(void *arg, const struct response *response, const char *error)
{
    struct student *student = arg;
    struct simulation *sim = student->sim;
    char text[RESPONSE_TEXT_MAX], token[TOKEN_MAX + 1];
    student->fetch = NULL;
    if (response && response->status == 200) {
        field_text(response->body, "token", token, sizeof token);
        student->token = token[0] ? strdup(token) : NULL;
        if (student->token) {
            histogram_add(&sim->report.measures[MEASURE_GUEST],
                          clock_mono_ns() - student->began_ns);
            connect_now(student);
            return;
        }
    }
    if (response) {
        response_text(response, text);
    }
    errors_add(&sim->report.errors, "guest", response ? text : error);
    if (response && strstr(text, "guest_unavailable")) {
        sim_fail(sim,
                 "this server makes no tokens for guests (%s), so students cannot come with "
                 "--token",
                 text);
        return;
    }
    try_again(student, !response || response->status == 429 || response->status == 503);
}

static void ask_for_token(struct student *student)
{
    struct simulation *sim = student->sim;
    struct buf body;
    buf_init(&body);
    buf_printf(&body, "{\"room\":\"%s\",\"name\":\"Student %u\"}", student->room->code,
               (unsigned)(student - sim->students) + 1);
    const struct fetch_request request = {
        .method = "POST",
        .path = "/guest",
        .type = "application/json",
        .body = buf_span(&body),
        .limit_ms = COMING_MS,
    };
    student->began_ns = clock_mono_ns();
    student->fetch = fetch_start(&sim->loop, student->target, &request, got_guest, student);
    buf_finish(&body);
    if (!student->fetch) {
        errors_add(&sim->report.errors, "guest", "no memory or descriptors here");
        try_again(student, true);
    }
}

static void on_timer(uv_timer_t *timer)
{
    struct student *student = timer->data;
    switch (student->state) {
    case STUDENT_DUE:
        student_come(student);
        break;
    case STUDENT_COMING:
        errors_add(&student->sim->report.errors, where(student), "no welcome in 30 s");
        try_again(student, true);
        break;
    case STUDENT_IN:
        if (student->question > 0) {
            answer_now(student);
        }
        break;
    default:
        break;
    }
}

void student_init(struct student *student)
{
    uv_timer_init(&student->sim->loop, &student->timer);
    student->timer.data = student;
    student->state = STUDENT_AWAY;
    student->sim->counts[STUDENT_AWAY]++;
    peer_init(&student->peer, &events, student);
}

void student_due(struct student *student, uint32_t delay_ms)
{
    set_state(student, STUDENT_DUE);
    uv_timer_start(&student->timer, on_timer, delay_ms, 0);
}

void student_come(struct student *student)
{
    set_state(student, STUDENT_COMING);
    uv_timer_start(&student->timer, on_timer, COMING_MS, 0);
    if (student->token) {
        connect_now(student);
    } else {
        ask_for_token(student);
    }
}

void student_cut(struct student *student)
{
    leave(student, STUDENT_AWAY, true);
}

void student_stop(struct student *student)
{
    if (student->state == STUDENT_IN) {
        uv_timer_stop(&student->timer);
        forget_answers(student);
        set_catching_up(student, false);
    } else if (student->state != STUDENT_LOST) {
        leave(student, STUDENT_AWAY, false);
    }
}
