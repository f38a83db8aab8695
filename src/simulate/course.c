/*
 * The course of a simulated class. A timer looks a hundred times a second whether a phase is over; what
 * happens within a phase is host.c's, student.c's and images.c's. Parts are what the server's expenses
 * are told for: each begins with a phase and ends when servers have been asked. See class.h.
 */
#include <stdlib.h>
#include <sys/resource.h>

#include "base/clock.h"
#include "simulate/class.h"
#include "simulate/fields.h"

#define TICK_MS 10
#define NS_PER_S 1000000000LL
#define ASK_MS 10000
#define OPEN_S 30   /* for all rooms */
#define COME_S 60   /* for all students, beyond the time that they take by intent */
#define QUIET_S 30  /* for the last answers and images */
#define MISSED_S 5  /* for what hosts send while students are cut off */
#define SETTLE_S 10 /* for what is on its way at the end */
#define ENDING_S 5  /* for the rooms' end */

static void enter(struct simulation *sim, enum phase phase)
{
    sim->phase = phase;
    sim->phase_ns = clock_mono_ns();
}

static bool past(const struct simulation *sim, int64_t seconds)
{
    return clock_mono_ns() - sim->phase_ns > seconds * NS_PER_S;
}

/* Progress, for whoever waits. */
static void tell(const char *what, uint32_t number, const char *unit)
{
    fprintf(stderr, "simulate: %s %u %s\n", what, number, unit);
}

/* ---- the end ---- */

static void end_rooms(struct simulation *sim)
{
    enter(sim, PHASE_ENDING);
    usage_cancel(&sim->meter);
    images_stop(sim);
    for (size_t i = 0; i < TARGETS_MAX; i++) {
        if (sim->asks[i].fetch) {
            fetch_cancel(sim->asks[i].fetch);
            sim->asks[i].fetch = NULL;
        }
    }
    for (uint32_t i = 0; i < sim->options.students; i++) {
        student_stop(&sim->students[i]);
    }
    for (uint32_t i = 0; i < sim->options.rooms; i++) {
        host_end(&sim->rooms[i]);
    }
}

void sim_fail(struct simulation *sim, const char *format, ...)
{
    va_list args;
    if (sim->phase == PHASE_ENDING) {
        return;
    }
    va_start(args, format);
    vsnprintf(sim->failure, sizeof sim->failure, format, args);
    va_end(args);
    sim->report.failure = sim->failure;
    end_rooms(sim);
}

void course_break_off(struct simulation *sim)
{
    sim->report.interrupted = true;
    if (sim->phase != PHASE_ENDING) {
        end_rooms(sim);
    }
}

static void look_at_end(struct simulation *sim)
{
    uint32_t open = 0;
    for (uint32_t i = 0; i < sim->options.rooms; i++) {
        open += sim->rooms[i].in;
    }
    if (open == 0 || past(sim, ENDING_S)) {
        for (uint32_t i = 0; i < sim->options.rooms; i++) {
            sim->report.sent += sim->rooms[i].acked;
        }
        sim->report.seconds = (double)(clock_mono_ns() - sim->began_ns) / 1e9;
        uv_stop(&sim->loop);
    }
}

/* ---- parts ---- */

static double own_cpu_s(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static void begin_part(struct simulation *sim, enum part part)
{
    sim->part = part;
    sim->part_ns = clock_mono_ns();
    sim->part_own_cpu = own_cpu_s();
}

static void begin_talk(struct simulation *sim)
{
    begin_part(sim, PART_TALK);
    sim->report.joined = sim->counts[STUDENT_IN];
    tell("sending messages for", sim->options.seconds, "seconds");
    enter(sim, PHASE_TALKING);
    for (uint32_t i = 0; i < sim->options.rooms; i++) {
        host_talk(&sim->rooms[i]);
    }
    images_start(sim);
}

static void begin_cut(struct simulation *sim)
{
    begin_part(sim, PART_RECONNECT);
    sim->cuts++;
    tell("cutting off", sim->counts[STUDENT_IN], "students");
    enter(sim, PHASE_CUT);
    for (uint32_t i = 0; i < sim->options.students; i++) {
        if (sim->students[i].state == STUDENT_IN) {
            student_cut(&sim->students[i]);
        }
    }
    for (uint32_t i = 0; i < sim->options.rooms; i++) {
        host_say(&sim->rooms[i]);
        sim->rooms[i].missed = sim->rooms[i].sent;
    }
}

static void begin_settle(struct simulation *sim)
{
    for (uint32_t i = 0; i < sim->options.rooms; i++) {
        host_be_silent(&sim->rooms[i]);
    }
    enter(sim, PHASE_SETTLING);
}

static void part_measured(void *arg)
{
    struct simulation *sim = arg;
    struct report *report = &sim->report;
    struct spent *spent = &report->spent[sim->part];
    sim->measuring = false;
    report->no_usage = sim->meter.why[0] ? sim->meter.why : NULL;
    report->parts[sim->part] = true;
    spent->seconds += (double)(clock_mono_ns() - sim->part_ns) / 1e9;
    spent->own_cpu += own_cpu_s() - sim->part_own_cpu;
    spent->cpu_s += sim->meter.cpu_s;
    spent->memory = (uint64_t)sim->meter.memory;
    if (sim->part == PART_JOIN) {
        begin_talk(sim);
    } else if (sim->cuts < sim->options.reconnects) {
        begin_cut(sim);
    } else {
        begin_settle(sim);
    }
}

static void end_part(struct simulation *sim)
{
    sim->measuring = true;
    usage_ask(&sim->meter, part_measured, sim);
}

/* ---- asking and opening ---- */

static void before_measured(void *arg)
{
    struct simulation *sim = arg;
    sim->report.no_usage = sim->meter.why[0] ? sim->meter.why : NULL;
    sim->report.memory_before = (uint64_t)sim->meter.memory;
    begin_part(sim, PART_JOIN);
    enter(sim, PHASE_OPENING);
    for (uint32_t i = 0; i < sim->options.rooms && sim->phase == PHASE_OPENING; i++) {
        host_open(&sim->rooms[i]);
    }
}

static void got_version(void *arg, const struct response *response, const char *error)
{
    struct version_ask *ask = arg;
    struct simulation *sim = ask->sim;
    size_t index = (size_t)(ask - sim->asks);
    const char *authority = sim->options.targets[index].authority;
    char name[16] = "", version[sizeof sim->version] = "";
    ask->fetch = NULL;
    if (!response) {
        sim_fail(sim, "%s cannot be reached: %s", authority, error);
        return;
    }
    field_text(response->body, "name", name, sizeof name);
    field_text(response->body, "version", version, sizeof version);
    if (response->status != 200 || strcmp(name, "lectern") != 0) {
        sim_fail(sim, "%s answers GET /version, but not as Lectern does (status %d)", authority,
                 response->status);
        return;
    }
    if (index == 0) {
        memcpy(sim->version, version, sizeof version);
    }
    if (--sim->asked == 0) {
        usage_ask(&sim->meter, before_measured, sim);
    }
}

static void ask_servers(struct simulation *sim)
{
    const struct fetch_request request = {.method = "GET", .path = "/version", .limit_ms = ASK_MS};
    sim->asked = sim->options.target_count;
    for (size_t i = 0; i < sim->options.target_count; i++) {
        struct version_ask *ask = &sim->asks[i];
        ask->sim = sim;
        ask->fetch = fetch_start(&sim->loop, &sim->options.targets[i], &request, got_version, ask);
        if (!ask->fetch) {
            sim_fail(sim, "no connection can be made here");
            return;
        }
    }
}

static void look_at_rooms(struct simulation *sim)
{
    for (uint32_t i = 0; i < sim->options.rooms; i++) {
        if (!sim->rooms[i].in) {
            if (past(sim, OPEN_S)) {
                sim_fail(sim, "the server opened no room in %d s", OPEN_S);
            }
            return;
        }
    }
    tell("bringing in", sim->options.students, "students");
    enter(sim, PHASE_JOINING);
    for (uint32_t i = 0; i < sim->options.students; i++) {
        uint64_t delay = (uint64_t)sim->options.join_seconds * 1000 * i / sim->options.students;
        student_due(&sim->students[i], (uint32_t)delay);
    }
}

/* ---- coming and coming back ---- */

/* True when nobody is on the way any more; after the time for it those who are, are given up. */
static bool all_came(struct simulation *sim, int64_t within_s)
{
    const uint32_t *counts = sim->counts;
    if (counts[STUDENT_DUE] + counts[STUDENT_COMING] + sim->catching_up == 0) {
        return true;
    }
    if (!past(sim, within_s)) {
        return false;
    }
    for (uint32_t i = 0; i < sim->options.students; i++) {
        struct student *student = &sim->students[i];
        if (student->state == STUDENT_DUE || student->state == STUDENT_COMING) {
            student_give_up(student, "given up");
        }
    }
    return true;
}

static void look_at_joining(struct simulation *sim)
{
    if (!all_came(sim, (int64_t)sim->options.join_seconds + COME_S)) {
        return;
    }
    if (sim->counts[STUDENT_IN] == 0) {
        sim_fail(sim, "no student came in; the errors above say why");
    } else {
        end_part(sim);
    }
}

/* Students of a room come back once its message, which they miss, is in. */
static void look_at_cut(struct simulation *sim)
{
    for (uint32_t i = 0; i < sim->options.rooms; i++) {
        const struct room *room = &sim->rooms[i];
        if (room->acked_last < room->missed && !past(sim, MISSED_S)) {
            return;
        }
    }
    enter(sim, PHASE_RETURNING);
    for (uint32_t i = 0; i < sim->options.students; i++) {
        if (sim->students[i].state == STUDENT_AWAY) {
            student_come(&sim->students[i]);
        }
    }
}

/* ---- talking ---- */

static void look_at_quiet(struct simulation *sim)
{
    if ((sim->answers_open == 0 && !images_busy(sim)) || past(sim, QUIET_S)) {
        if (images_busy(sim)) {
            errors_add(&sim->report.errors, "image", "not done in time");
            images_stop(sim);
        }
        sim->talk_end_ns = clock_mono_ns();
        end_part(sim);
    }
}

/* Is anything that the server accepted still on its way? */
static bool settled(const struct simulation *sim)
{
    for (uint32_t i = 0; i < sim->options.rooms; i++) {
        const struct room *room = &sim->rooms[i];
        if (room->acked + room->refused < room->sent) {
            return false;
        }
    }
    for (uint32_t i = 0; i < sim->options.students; i++) {
        const struct student *student = &sim->students[i];
        if (student->state == STUDENT_IN &&
            (student->heard < student->room->acked || student->answers_heard < student->acked)) {
            return false;
        }
    }
    return true;
}

static void count_losses(struct simulation *sim)
{
    struct report *report = &sim->report;
    for (uint32_t i = 0; i < sim->options.rooms; i++) {
        const struct room *room = &sim->rooms[i];
        for (uint32_t n = room->acked + room->refused; n < room->sent; n++) {
            errors_add(&report->errors, "message", "no ack came");
        }
    }
    for (uint32_t i = 0; i < sim->options.students; i++) {
        const struct student *student = &sim->students[i];
        uint32_t wanted = student->room->acked;
        if (student->state == STUDENT_IN) {
            report->lost += wanted > student->heard ? wanted - student->heard : 0;
        }
        if (student->acked > student->answers_heard) {
            report->lost += student->acked - student->answers_heard;
        }
        for (uint32_t n = 0; n < student->open; n++) {
            errors_add(&report->errors, "answer", "no ack came");
        }
    }
}

static void tick(uv_timer_t *timer)
{
    struct simulation *sim = timer->data;
    if (sim->measuring && sim->phase != PHASE_ENDING) {
        return;
    }
    switch (sim->phase) {
    case PHASE_ASKING: /* goes on by itself */
        break;
    case PHASE_OPENING:
        look_at_rooms(sim);
        break;
    case PHASE_JOINING:
        look_at_joining(sim);
        break;
    case PHASE_TALKING:
        if (past(sim, sim->options.seconds)) {
            enter(sim, PHASE_QUIET);
        }
        break;
    case PHASE_QUIET:
        look_at_quiet(sim);
        break;
    case PHASE_CUT:
        look_at_cut(sim);
        break;
    case PHASE_RETURNING:
        if (all_came(sim, COME_S)) {
            end_part(sim);
        }
        break;
    case PHASE_SETTLING:
        if (settled(sim) || past(sim, SETTLE_S)) {
            count_losses(sim);
            end_rooms(sim);
        }
        break;
    case PHASE_ENDING:
        look_at_end(sim);
        break;
    }
}

void course_start(struct simulation *sim)
{
    sim->began_ns = clock_mono_ns();
    sim->meter.options = &sim->options;
    sim->meter.loop = &sim->loop;
    enter(sim, PHASE_ASKING);
    uv_timer_init(&sim->loop, &sim->tick);
    sim->tick.data = sim;
    uv_timer_start(&sim->tick, tick, TICK_MS, TICK_MS);
    ask_servers(sim);
}
