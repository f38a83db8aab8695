/* One HTTP request on the loop. All calls and callbacks on the loop's thread. */
#ifndef LECTERN_SIMULATE_FETCH_H
#define LECTERN_SIMULATE_FETCH_H

#include <stdint.h>
#include <uv.h>

#include "simulate/response.h"
#include "simulate/target.h"

/* All of it is only read during fetch_start(). */
struct fetch_request {
    const char *method, *path;
    const char *token; /* NULL: none */
    const char *type;  /* of the body; NULL: there is none */
    struct span body;
    uint32_t limit_ms; /* for all of it */
};

struct fetch;

/*
 * `answer` is NULL when none came: `error` says why then, "connection refused" or "no answer in 10 s".
 * The fetch is gone when it is called.
 */
typedef void fetch_done(void *arg, const struct response *response, const char *error);

/* Starts. NULL, when memory or descriptors are short: then `done` never runs. */
struct fetch *fetch_start(uv_loop_t *loop, const struct target *target,
                          const struct fetch_request *request, fetch_done *done, void *arg);

/* Gives it up; `done` does not run. */
void fetch_cancel(struct fetch *fetch);

#endif
