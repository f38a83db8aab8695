/* Hosts: they open rooms, send messages at their pace, and hear the students' answers. See class.h. */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "simulate/class.h"
#include "simulate/fields.h"

#define NS_PER_S 1000000000LL
#define NS_PER_MS 1000000LL
#define CATCH_UP_MAX 50 /* messages sent at one go when the machine stood still */
#define ROOM_PREFIX 5   /* of "room:" */

/* ---- what the server says ---- */

/* Limits that would only lead to refusals are said at once. */
static void check_limits(const struct room *room, struct span welcome)
{
    struct simulation *sim = room->sim;
    struct span limits = field_raw(welcome, "limits");
    uint64_t participants = field_number(limits, "participants", UINT64_MAX);
    uint64_t rate = field_number(limits, "rate", UINT64_MAX);
    uint64_t message = field_number(limits, "message", UINT64_MAX);
    uint32_t each = (sim->options.students + sim->options.rooms - 1) / sim->options.rooms;
    if (each > participants) {
        sim_fail(sim,
                 "a room of this server takes %llu students (LECTERN_ROOM_MAX), %u were to come: "
                 "--rooms makes several",
                 (unsigned long long)participants, each);
    } else if (sim->options.messages_per_s > rate) {
        sim_fail(sim, "this server lets a host send %llu messages per second (LECTERN_RATE_HOST)",
                 (unsigned long long)rate);
    } else if (sim->options.message_bytes > message) {
        sim_fail(sim, "this server's messages have at most %llu bytes (LECTERN_MESSAGE_MAX)",
                 (unsigned long long)message);
    }
}

/* The first welcome names the room; later ones only repeat. */
static void welcomed(struct room *room, struct span text, const struct heard *heard)
{
    char name[ROOM_PREFIX + sizeof room->code];
    if (room->in) {
        return;
    }
    field_text(text, "room", name, sizeof name);
    const char *code = strlen(name) > ROOM_PREFIX ? name + ROOM_PREFIX : "";
    if (!id_room_code_valid(span_of(code))) {
        sim_fail(room->sim, "the server's welcome names no room, so it is not Lectern's");
        return;
    }
    snprintf(room->code, sizeof room->code, "%s", code);
    room->in = true;
    check_limits(room, heard->message);
}

static void answered(struct room *room, const struct heard *heard, bool accepted)
{
    uint32_t number = heard->ref[0] == 'm' ? (uint32_t)strtoul(heard->ref + 1, NULL, 10) : 0;
    if (accepted) {
        room->acked++;
        room->acked_last = number > room->acked_last ? number : room->acked_last;
    } else {
        char code[RESPONSE_CODE_MAX];
        field_text(heard->message, "code", code, sizeof code);
        room->refused += number > 0;
        if (number > 0 && number == room->missed) {
            room->missed = room->acked_last; /* nobody needs to wait for it */
        }
        errors_add(&room->sim->report.errors, "message", code);
    }
}

static void hear_answer(struct room *room, const struct heard *heard)
{
    struct simulation *sim = room->sim;
    uint64_t from = field_number(heard->message, "from", UINT64_MAX);
    uint64_t number = field_number(heard->message, "number", 0);
    int64_t at_ns = (int64_t)field_number(heard->message, "at", 0);
    if (from >= sim->options.students || sim->students[from].room != room) {
        errors_add(&sim->report.errors, "host", "heard an answer that nobody gave");
        return;
    }
    struct student *student = &sim->students[from];
    if (number <= student->answers_last) {
        sim->report.repeated++;
        return;
    }
    student->answers_last = (uint32_t)number;
    student->answers_heard++;
    sim->report.answers_heard++;
    histogram_add(&sim->report.measures[MEASURE_ANSWER], clock_mono_ns() - at_ns);
}

static void on_text(struct peer *peer, struct span text)
{
    struct room *room = peer->owner;
    struct heard heard;
    if (!hear(text, &heard)) {
        errors_add(&room->sim->report.errors, "host", "heard something that is no message");
    } else if (span_eq(heard.type, "answer")) {
        hear_answer(room, &heard);
    } else if (span_eq(heard.type, "ack")) {
        answered(room, &heard, true);
    } else if (span_eq(heard.type, "error")) {
        answered(room, &heard, false);
    } else if (span_eq(heard.type, "welcome")) {
        welcomed(room, text, &heard);
    }
}

static void on_end(struct peer *peer, const struct peer_end *end)
{
    struct room *room = peer->owner;
    struct simulation *sim = room->sim;
    bool was_in = room->in;
    room->in = false;
    if (sim->phase == PHASE_ENDING) {
        return;
    }
    errors_add(&sim->report.errors, "host", end->text);
    if (was_in) {
        sim_fail(sim, "the server gave up the host's socket (%s)", end->text);
    } else if (end->status == 401 && sim->options.token[0]) {
        sim_fail(sim, "the server refused the token that was given (%s)", end->text);
    } else if (end->status == 401) {
        sim_fail(
            sim,
            "the server refused the token (%s): LECTERN_JWT_SECRET or LECTERN_DATA_DIR must be "
            "the server's here, or --token be given",
            end->text);
    } else {
        sim_fail(sim, "no room could be opened (%s)%s", end->text,
                 end->status == 400 ? "; the token must be a teacher's" : "");
    }
}

static const struct peer_events events = {on_text, on_end};

void host_open(struct room *room)
{
    /* hold=0: whatever ends this process, the room ends with it. */
    static const char path[] = "/ws?name=lectern%20simulate&hold=0";
    struct simulation *sim = room->sim;
    peer_init(&room->peer, &events, room);
    const char *token = sim->options.token[0] ? sim->options.token : room->token;
    int error = peer_open(&room->peer, &sim->loop, room->target, path, token);
    if (error) {
        sim_fail(sim, "a host could not connect: %s", uv_strerror(error));
    }
}

/* ---- sending ---- */

void host_say(struct room *room)
{
    struct buf text;
    if (!room->in) {
        return;
    }
    buf_init(&text);
    write_message(&text, ++room->sent, clock_mono_ns(), room->sim->options.message_bytes);
    if (!text.failed) {
        peer_send(&room->peer, buf_span(&text));
    }
    buf_finish(&text);
}

static void schedule(struct room *room);

static void on_timer(uv_timer_t *timer)
{
    struct room *room = timer->data;
    struct report *report = &room->sim->report;
    int64_t now = clock_mono_ns(), late = now - room->due_ns;
    int64_t interval = NS_PER_S / room->sim->options.messages_per_s;
    if (room->sim->talk_end_ns == 0 && late > report->lag_ns) {
        report->lag_ns = late;
    }
    for (int i = 0; room->due_ns <= now && i < CATCH_UP_MAX; i++) {
        host_say(room);
        room->due_ns += interval;
    }
    if (room->due_ns <= now) {
        room->due_ns = now + interval;
    }
    schedule(room);
}

static void schedule(struct room *room)
{
    int64_t left = room->due_ns - clock_mono_ns();
    uv_update_time(&room->sim->loop);
    uv_timer_start(&room->timer, on_timer,
                   left > 0 ? (uint64_t)((left + NS_PER_MS - 1) / NS_PER_MS) : 0, 0);
}

void host_talk(struct room *room)
{
    const struct options *options = &room->sim->options;
    int64_t interval = NS_PER_S / options->messages_per_s;
    int64_t index = room - room->sim->rooms;
    room->due_ns = clock_mono_ns() + interval * index / options->rooms; /* not all at once */
    schedule(room);
}

void host_be_silent(struct room *room)
{
    uv_timer_stop(&room->timer);
}

void host_end(struct room *room)
{
    static const char end[] = "{\"messageType\":\"end\"}";
    host_be_silent(room);
    if (room->in) {
        peer_send(&room->peer, span_of(end));
    } else {
        peer_close(&room->peer, false);
    }
}
