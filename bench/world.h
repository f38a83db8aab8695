/*
 * What all scenarios share: the options, and the rooms with their hosts and students, opened with
 * tokens of their own.
 */
#ifndef LECTERN_BENCH_WORLD_H
#define LECTERN_BENCH_WORLD_H

#include "client.h"
#include "stats.h"

struct options {
    const char *label;        /* of the server, for the report */
    const char *secret;       /* LECTERN_JWT_SECRET of the server */
    unsigned rooms, students; /* students: per room */
    size_t size;              /* bytes of a host's message */
    unsigned window;          /* messages in flight per room */
    double rate;              /* messages per second and host */
    int64_t warm_ns, duration_ns;
    unsigned clients; /* churn: at once */
    struct processes server, redis;
    FILE *json;
};

struct world {
    const struct options *options;
    struct engine engine;
    struct client *hosts;    /* one per room */
    struct client *students; /* those of room 0 first */
    size_t host_count, student_count;
    char *tokens; /* of hosts and students, each as long as any */
    char salt[9];
};

/* Makes all clients, opens none. Ends the program when out of memory. */
void world_init(struct world *world, const struct options *options, const struct dialect *dialect,
                const struct engine_handlers *handlers);
void world_finish(struct world *world);

/* Opens `clients`, at most `at_once` at a time; ends the program if one is not open in 60 s. */
void world_open(struct world *world, struct client *clients, size_t count, size_t at_once);

/* Polls until `deadline_ns` or until done() says so; true if it did. Busily if `wait_ms` is 0. */
bool world_run(struct world *world, int64_t deadline_ns, int wait_ms, bool (*done)(void));

void die(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));

/* The costs of a stretch of time. */
struct cost {
    double server_s, redis_s;
    int64_t at_ns;
};

struct cost cost_now(const struct options *options);
struct cost cost_since(const struct options *options, struct cost begin);

/* The scenarios; each prints its report. */
void fanout_closed(const struct options *options, const struct dialect *dialect,
                   struct world *world);
void fanout_open(const struct options *options, const struct dialect *dialect, struct world *world);
void storm_idle(const struct options *options, const struct dialect *dialect, struct world *world);
void storm_join(const struct options *options, const struct dialect *dialect, struct world *world);
void storm_churn(const struct options *options, const struct dialect *dialect, struct world *world);
void storm_reconnect(const struct options *options, const struct dialect *dialect,
                     struct world *world);

#endif
