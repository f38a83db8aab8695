/*
 * Many sockets: what idle ones cost in memory, what coming and going costs in CPU time, a whole
 * class joining at once, and everybody coming back at once.
 *
 * In the reconnect storm students are cut off without a word and come back with since=…, while the
 * hosts go on sending: every number has to arrive, once.
 */
#include <stdlib.h>
#include <string.h>

#include "world.h"

#define SETTLE_NS 2000000000
#define STORM_LIMIT_NS 60000000000
#define SEND_EVERY_NS 500000000
#define RETRY_NS 500000000

static struct {
    struct world *world;
    const struct options *options;
    struct histogram joined;   /* from connect to welcome */
    size_t open, refused, cut; /* refused: handshakes; cut: open sockets closed by the server */
    uint64_t cycles, lost, repeated, deliveries;
    uint32_t sent;
    uint64_t unaccepted; /* deliveries that hosts' refused messages would have been */
    bool cycling, retrying;
    int64_t *retry_ns; /* per student; 0: none */
} storm;

static void on_open(struct client *client)
{
    histogram_add(&storm.joined, now_ns() - client->opened_ns);
    if (client->host) {
        return;
    }
    storm.open++;
    if (storm.cycling) {
        client_send_close(&storm.world->engine, client);
    }
}

/* A host whose message was refused would send it again; here it is not counted as lost. */
static void host_text(struct span text)
{
    static const char error[] = "\"messageType\":\"error\"";
    if (memmem(text.p, text.n, error, sizeof error - 1)) {
        storm.unaccepted += storm.options->students;
    }
}

static void on_text(struct client *client, struct span text)
{
    if (client->host) {
        host_text(text);
        return;
    }
    uint32_t seq = dialect_mark(text);
    if (seq == NO_MARK) {
        return;
    }
    if (seq <= client->last) {
        storm.repeated++;
        return;
    }
    storm.lost += seq - client->last - 1;
    storm.deliveries++;
    client->last = seq;
}

/* Opens the client again as the next of the users that share its turn. */
static void cycle(struct client *client)
{
    struct world *world = storm.world;
    size_t stride = storm.options->clients;
    size_t next = (size_t)client->user + stride;
    next = next < world->student_count ? next : next % stride;
    storm.cycles++;
    client_open(&world->engine, &world->students[next]);
}

static void on_closed(struct client *client)
{
    if (client->http_status != 101) {
        storm.refused++;
        if (storm.retrying && !client->host) {
            storm.retry_ns[client->user] = now_ns() + RETRY_NS + rand() % RETRY_NS;
        }
    } else if (!client->host && storm.cycling) {
        cycle(client);
    } else {
        storm.cut++;
    }
}

static const struct engine_handlers handlers = {on_open, on_text, on_closed};

static void prepare(struct world *world, const struct options *options,
                    const struct dialect *dialect)
{
    memset(&storm, 0, sizeof storm);
    storm.world = world;
    storm.options = options;
    world_init(world, options, dialect, &handlers);
    storm.retry_ns = calloc(world->student_count + 1, sizeof *storm.retry_ns);
    if (!storm.retry_ns) {
        die("out of memory");
    }
}

static void settle(void)
{
    world_run(storm.world, now_ns() + SETTLE_NS, 10, NULL);
}

static void begin_report(struct report *report, const char *title)
{
    report_begin(report, title);
    report_text(report, "server", storm.options->label);
    report_number(report, "rooms", storm.options->rooms, 0);
    report_number(report, "students", storm.options->students, 0);
}

static void finish(struct report *report)
{
    report_number(report, "refused", (double)storm.refused, 0);
    report_number(report, "closed", (double)storm.cut, 0);
    if (storm.world->engine.refusal[0]) {
        report_text(report, "refusal", storm.world->engine.refusal);
    }
    report_end(report, storm.options->json);
    world_finish(storm.world);
    free(storm.retry_ns);
}

static void send_all(void)
{
    struct world *world = storm.world;
    struct buf text;
    buf_init(&text);
    dialect_message(world->engine.dialect, &text, ++storm.sent, storm.options->size);
    for (size_t i = 0; i < world->host_count; i++) {
        client_send(&world->engine, &world->hosts[i], buf_span(&text));
    }
    buf_finish(&text);
}

/* ---- memory ---- */

static void report_memory(struct report *report, const char *suffix, double empty, size_t sockets)
{
    char name[64];
    double rss = (double)processes_rss_bytes(&storm.options->server);
    snprintf(name, sizeof name, "rss_mib_%s", suffix);
    report_number(report, name, rss / 1048576, 1);
    snprintf(name, sizeof name, "bytes_per_socket_%s", suffix);
    report_number(report, name, (rss - empty) / (double)sockets, 0);
}

void storm_idle(const struct options *options, const struct dialect *dialect, struct world *world)
{
    static struct report report;
    prepare(world, options, dialect);
    size_t third = world->student_count / 3;
    double empty = (double)processes_rss_bytes(&options->server);
    begin_report(&report, "idle");
    report_number(&report, "rss_mib_empty", empty / 1048576, 1);
    world_open(world, world->hosts, world->host_count, 64);
    world_open(world, world->students, third, 64);
    settle();
    report_memory(&report, "third", empty, world->host_count + third);
    double rss_third = (double)processes_rss_bytes(&options->server);
    world_open(world, world->students + third, world->student_count - third, 64);
    settle();
    report_memory(&report, "full", empty, world->host_count + world->student_count);
    double rss_full = (double)processes_rss_bytes(&options->server);
    report_number(&report, "bytes_per_socket_marginal",
                  (rss_full - rss_third) / (double)(world->student_count - third), 0);
    send_all();
    settle();
    report_memory(&report, "sent", empty, world->host_count + world->student_count);
    finish(&report);
}

/* ---- coming and going ---- */

void storm_churn(const struct options *options, const struct dialect *dialect, struct world *world)
{
    static struct report report;
    prepare(world, options, dialect);
    size_t at_once = options->clients;
    if (at_once == 0 || at_once > world->student_count) {
        die("churn needs between 1 and rooms x students --clients");
    }
    for (size_t i = 0; i < world->student_count; i++) { /* neighbours in different rooms */
        world->students[i].room = (uint32_t)(i % options->rooms);
    }
    world_open(world, world->hosts, world->host_count, 64);
    storm.cycling = true;
    for (size_t i = 0; i < at_once; i++) {
        client_open(&world->engine, &world->students[i]);
    }
    world_run(world, now_ns() + options->warm_ns, 0, NULL);
    histogram_clear(&storm.joined);
    uint64_t cycles = storm.cycles;
    struct cost begin = cost_now(options);
    world_run(world, now_ns() + options->duration_ns, 0, NULL);
    struct cost cost = cost_since(options, begin);
    double count = (double)(storm.cycles - cycles);
    storm.cycling = false;
    begin_report(&report, "churn");
    report_number(&report, "clients", options->clients, 0);
    report_number(&report, "handshakes_s", count / ((double)cost.at_ns / 1e9), 0);
    report_number(&report, "server_us_each", cost.server_s * 1e6 / count, 1);
    report_number(&report, "redis_us_each", cost.redis_s * 1e6 / count, 1);
    report_number(&report, "server_pct", cost.server_s * 1e11 / (double)cost.at_ns, 0);
    report_histogram(&report, "join_ms", &storm.joined, 1e6);
    finish(&report);
}

/* ---- a class joins ---- */

static bool all_answered(void)
{
    return storm.world->engine.opening == 0;
}

void storm_join(const struct options *options, const struct dialect *dialect, struct world *world)
{
    static struct report report;
    prepare(world, options, dialect);
    world_open(world, world->hosts, world->host_count, 64);
    settle();
    histogram_clear(&storm.joined);
    struct cost begin = cost_now(options);
    for (size_t i = 0; i < world->student_count; i++) {
        client_open(&world->engine, &world->students[i]);
    }
    world_run(world, begin.at_ns + STORM_LIMIT_NS, 0, all_answered);
    struct cost cost = cost_since(options, begin);
    begin_report(&report, "join");
    report_number(&report, "joined", (double)storm.open, 0);
    report_number(&report, "all_ms", (double)cost.at_ns / 1e6, 0);
    report_number(&report, "server_us_each", cost.server_s * 1e6 / (double)(storm.open + 1), 0);
    report_number(&report, "redis_us_each", cost.redis_s * 1e6 / (double)(storm.open + 1), 0);
    report_histogram(&report, "join_ms", &storm.joined, 1e6);
    settle();
    finish(&report);
}

/* ---- everybody comes back ---- */

static void retry_due(int64_t now)
{
    struct world *world = storm.world;
    for (size_t i = 0; i < world->student_count; i++) {
        if (storm.retry_ns[i] > 0 && storm.retry_ns[i] <= now) {
            storm.retry_ns[i] = 0;
            client_open(&world->engine, &world->students[i]);
        }
    }
}

/* Until all students are open; the time it took, ns. */
static int64_t come_back(int64_t begin_ns)
{
    struct world *world = storm.world;
    int64_t next_send = begin_ns, now = begin_ns;
    while (storm.open < world->student_count) {
        now = now_ns();
        if (now - begin_ns > STORM_LIMIT_NS) {
            break;
        }
        if (now >= next_send) {
            send_all();
            retry_due(now);
            next_send += SEND_EVERY_NS;
        }
        engine_poll(&world->engine, 0);
    }
    return now - begin_ns;
}

void storm_reconnect(const struct options *options, const struct dialect *dialect,
                     struct world *world)
{
    static struct report report;
    world->engine.keep_ids = world->engine.resume = true;
    prepare(world, options, dialect);
    world_open(world, world->hosts, world->host_count, 64);
    world_open(world, world->students, world->student_count, 64);
    send_all();
    settle();
    histogram_clear(&storm.joined);
    storm.open = 0;
    storm.retrying = true;
    struct cost begin = cost_now(options);
    for (size_t i = 0; i < world->student_count; i++) {
        client_drop(&world->engine, &world->students[i]);
    }
    for (size_t i = 0; i < world->student_count; i++) {
        client_open(&world->engine, &world->students[i]);
    }
    int64_t took_ns = come_back(begin.at_ns);
    struct cost cost = cost_since(options, begin);
    settle();
    for (size_t i = 0; i < world->student_count; i++) {
        storm.lost += storm.sent - world->students[i].last;
    }
    begin_report(&report, "reconnect");
    report_number(&report, "back", (double)storm.open, 0);
    report_number(&report, "all_ms", (double)took_ns / 1e6, 0);
    report_number(&report, "server_s", cost.server_s, 2);
    report_number(&report, "redis_s", cost.redis_s, 2);
    report_histogram(&report, "join_ms", &storm.joined, 1e6);
    report_number(&report, "unaccepted", (double)storm.unaccepted, 0);
    report_number(&report, "lost", (double)storm.lost - (double)storm.unaccepted, 0);
    report_number(&report, "repeated", (double)storm.repeated, 0);
    finish(&report);
}
