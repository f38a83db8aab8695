/*
 * Fan-out: hosts send, all students of their rooms receive.
 *
 * Closed loop: each host keeps `window` messages in flight; one is done when the last student of the room
 * has it. Open loop: each host sends at its scheduled times, whatever comes back, and latency counts
 * from the scheduled time. Hosts do not receive. Every student's numbers are checked: one that is missing is a
 * loss, one that comes again a repeat. Number 0 is sent until everybody has it: that proves the
 * subscriptions.
 */
#include <stdlib.h>
#include <string.h>

#include "world.h"

#define FLIGHT 1024 /* more than any window, a power of two */
#define PROOF_NS 200000000
#define PATIENCE_NS 15000000000
#define DRAIN_NS 3000000000

struct room {
    uint32_t sent, done;        /* numbers: the last sent, the last that all have */
    uint32_t receivers[FLIGHT]; /* how many have number n & (FLIGHT - 1) */
    int64_t sent_ns[FLIGHT];
    int64_t next_ns; /* open loop */
};

static struct {
    struct world *world;
    const struct options *options;
    struct room *rooms;
    struct histogram each, broadcast; /* one delivery, all deliveries of a message */
    size_t proven, closed;
    uint64_t deliveries, done, lost, repeated;
    uint64_t bytes;
    bool measuring, stopping, open_loop;
    struct buf text;
} run;

static void send_next(uint32_t index, int64_t at_ns)
{
    struct room *room = &run.rooms[index];
    uint32_t seq = ++room->sent;
    room->receivers[seq & (FLIGHT - 1)] = 0;
    room->sent_ns[seq & (FLIGHT - 1)] = at_ns;
    buf_clear(&run.text);
    dialect_message(run.world->engine.dialect, &run.text, seq, run.options->size);
    client_send(&run.world->engine, &run.world->hosts[index], buf_span(&run.text));
}

static void send_proof(uint32_t index)
{
    buf_clear(&run.text);
    dialect_message(run.world->engine.dialect, &run.text, 0, run.options->size);
    client_send(&run.world->engine, &run.world->hosts[index], buf_span(&run.text));
}

static void on_open(struct client *client)
{
    client->last = NO_MARK;
}

static void on_closed(struct client *client)
{
    if (client->http_status == 101) {
        run.closed++;
    }
}

static void all_have(struct room *room, uint32_t index, uint32_t seq, int64_t now)
{
    room->done = seq;
    run.done++;
    if (run.measuring) {
        histogram_add(&run.broadcast, now - room->sent_ns[seq & (FLIGHT - 1)]);
    }
    if (!run.stopping && !run.open_loop) {
        send_next(index, now);
    }
}

static void on_text(struct client *client, struct span text)
{
    uint32_t seq = client->host ? NO_MARK : dialect_mark(text);
    if (seq == NO_MARK) {
        return;
    }
    if (seq == 0) {
        run.proven += client->last == NO_MARK;
        client->last = 0;
        return;
    }
    if (seq <= client->last) {
        run.repeated++;
        return;
    }
    struct room *room = &run.rooms[client->room];
    uint32_t slot = seq & (FLIGHT - 1);
    run.lost += seq - client->last - 1;
    client->last = seq;
    run.deliveries++;
    run.bytes += text.n;
    bool last = ++room->receivers[slot] == run.options->students;
    if (last || run.open_loop) {
        int64_t now = now_ns();
        if (run.open_loop && run.measuring) {
            histogram_add(&run.each, now - room->sent_ns[slot]);
        }
        if (last) {
            all_have(room, client->room, seq, now);
        }
    }
}

static const struct engine_handlers handlers = {on_open, on_text, on_closed};

static bool all_proven(void)
{
    return run.proven == run.world->student_count;
}

static bool all_done(void)
{
    for (size_t i = 0; i < run.world->host_count; i++) {
        if (run.rooms[i].done != run.rooms[i].sent) {
            return false;
        }
    }
    return true;
}

static void prepare(struct world *world, const struct options *options,
                    const struct dialect *dialect, bool open_loop)
{
    memset(&run, 0, sizeof run);
    run.world = world;
    run.options = options;
    run.open_loop = open_loop;
    world_init(world, options, dialect, &handlers);
    run.rooms = calloc(options->rooms, sizeof *run.rooms);
    if (!run.rooms) {
        die("out of memory");
    }
    world_open(world, world->hosts, world->host_count, 64);
    world_open(world, world->students, world->student_count, 64);
    for (int64_t end = now_ns() + PATIENCE_NS; !all_proven();) {
        for (uint32_t i = 0; i < options->rooms; i++) {
            send_proof(i);
        }
        world_run(world, now_ns() + PROOF_NS, 1, all_proven);
        if (now_ns() > end) {
            die("only %zu of %zu students receive", run.proven, world->student_count);
        }
    }
    world_run(world, now_ns() + PROOF_NS, 1, NULL);
}

/* Everything that was counted at one moment. */
struct moment {
    struct cost cost;
    uint64_t deliveries, done, bytes, reads;
    int64_t busy_ns;
};

static struct moment moment_now(void)
{
    return (struct moment){cost_now(run.options),   run.deliveries,           run.done, run.bytes,
                           run.world->engine.reads, run.world->engine.busy_ns};
}

static void finish(struct report *report, const struct options *options)
{
    if (!world_run(run.world, now_ns() + DRAIN_NS, 0, all_done)) {
        for (size_t i = 0; i < run.world->student_count; i++) {
            run.lost += run.rooms[run.world->students[i].room].sent - run.world->students[i].last;
        }
    }
    report_number(report, "lost", (double)run.lost, 0);
    report_number(report, "repeated", (double)run.repeated, 0);
    report_number(report, "closed", (double)run.closed, 0);
    report_end(report, options->json);
    world_finish(run.world);
    free(run.rooms);
    buf_finish(&run.text);
}

static void report_rates(struct report *report, const struct moment *a, const struct moment *b)
{
    double seconds = (double)(b->cost.at_ns - a->cost.at_ns) / 1e9;
    double deliveries = (double)(b->deliveries - a->deliveries);
    double millions = deliveries > 0 ? deliveries / 1e6 : 1e-6;
    double server = b->cost.server_s - a->cost.server_s, redis = b->cost.redis_s - a->cost.redis_s;
    report_number(report, "kdeliveries_s", deliveries / seconds / 1e3, 1);
    report_number(report, "broadcasts_s", (double)(b->done - a->done) / seconds, 0);
    report_number(report, "mb_s", (double)(b->bytes - a->bytes) / seconds / 1e6, 1);
    report_number(report, "server_s_per_m", server / millions, 3);
    report_number(report, "redis_s_per_m", redis / millions, 3);
    report_number(report, "cpu_s_per_m", (server + redis) / millions, 3);
    report_number(report, "server_pct", 100 * server / seconds, 0);
    report_number(report, "client_pct", 100 * (double)(b->busy_ns - a->busy_ns) / 1e9 / seconds, 0);
    uint64_t reads = b->reads - a->reads;
    report_number(report, "per_read", reads > 0 ? deliveries / (double)reads : 0, 2);
}

static void report_shape(struct report *report, const char *title, const struct options *options)
{
    report_begin(report, title);
    report_text(report, "server", options->label);
    report_number(report, "rooms", options->rooms, 0);
    report_number(report, "students", options->students, 0);
    report_number(report, "size", (double)options->size, 0);
}

void fanout_closed(const struct options *options, const struct dialect *dialect,
                   struct world *world)
{
    static struct report report;
    if (options->window == 0 || options->window >= FLIGHT) {
        die("the window is 1 to %d", FLIGHT - 1);
    }
    prepare(world, options, dialect, false);
    for (uint32_t i = 0; i < options->rooms; i++) {
        for (unsigned w = 0; w < options->window; w++) {
            send_next(i, now_ns());
        }
    }
    world_run(world, now_ns() + options->warm_ns, 0, NULL);
    run.measuring = true;
    struct moment begin = moment_now();
    world_run(world, now_ns() + options->duration_ns, 0, NULL);
    struct moment end = moment_now();
    run.measuring = false;
    run.stopping = true;
    report_shape(&report, "fanout", options);
    report_number(&report, "window", options->window, 0);
    report_rates(&report, &begin, &end);
    report_histogram(&report, "broadcast_ms", &run.broadcast, 1e6);
    finish(&report, options);
}

static void send_due(int64_t now, int64_t period_ns)
{
    for (uint32_t i = 0; i < run.options->rooms; i++) {
        struct room *room = &run.rooms[i];
        if (now >= room->next_ns) {
            send_next(i, room->next_ns);
            room->next_ns += period_ns;
        }
    }
}

/* Sends at scheduled times until `end_ns`. */
static void run_schedule(int64_t end_ns, int64_t period_ns)
{
    for (int64_t now; (now = now_ns()) < end_ns;) {
        send_due(now, period_ns);
        engine_poll(&run.world->engine, 0);
    }
}

void fanout_open(const struct options *options, const struct dialect *dialect, struct world *world)
{
    static struct report report;
    int64_t period_ns = (int64_t)(1e9 / options->rate);
    prepare(world, options, dialect, true);
    int64_t begin_ns = now_ns();
    for (uint32_t i = 0; i < options->rooms; i++) { /* spread evenly over the period */
        run.rooms[i].next_ns = begin_ns + period_ns * i / options->rooms;
    }
    run_schedule(begin_ns + options->warm_ns, period_ns);
    run.measuring = true;
    struct moment begin = moment_now();
    run_schedule(now_ns() + options->duration_ns, period_ns);
    struct moment end = moment_now();
    report_shape(&report, "latency", options);
    report_number(&report, "rate", options->rate, 2);
    report_rates(&report, &begin, &end);
    report_histogram(&report, "delivery_us", &run.each, 1e3);
    finish(&report, options);
}
