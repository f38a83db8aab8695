/* What servers spend, as their GET /metrics tells. All calls and callbacks on the loop's thread. */
#ifndef LECTERN_SIMULATE_USAGE_H
#define LECTERN_SIMULATE_USAGE_H

#include <uv.h>

#include "simulate/fetch.h"
#include "simulate/options.h"

/* A server's figures at one moment. */
struct usage {
    double cpu_s;   /* since its start */
    double memory;  /* resident, bytes */
    double start_s; /* of the process, since 1970: tells whether it is still the same */
};

/* Finds the three figures in Prometheus text. Pure. */
bool usage_read(struct span text, struct usage *out);

#define USAGE_WHY_MAX 160

/* Asks all servers at once; embedded by its owner, zeroed at first. */
struct usage_meter {
    const struct options *options;
    uv_loop_t *loop;
    struct usage_ask {
        struct usage_meter *meter;
        struct fetch *fetch;
        struct usage before, now;
        bool known;
    } asks[TARGETS_MAX];
    size_t waiting;
    char why[USAGE_WHY_MAX]; /* why the figures cannot be known; "": they are. Stays so */
    double cpu_s;  /* since the last question that was answered before this one, all servers */
    double memory; /* bytes, all servers */
    void (*done)(void *arg);
    void *arg;
};

/*
 * Asks; `done` runs once, later or at once, with cpu_s and memory set, or `why`. Only one question at a
 * time.
 */
void usage_ask(struct usage_meter *meter, void (*done)(void *arg), void *arg);

/* Gives a question up: `done` does not run. */
void usage_cancel(struct usage_meter *meter);

#endif
