/* Servers' CPU and memory; see usage.h. */
#include "simulate/usage.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define LIMIT_MS 10000

/* The value of the line "name value". */
static bool find(struct span text, const char *name, double *out)
{
    char number[40];
    size_t len = strlen(name);
    const char *at = text.p, *end = text.p + text.n;
    while (at < end) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        const char *stop = newline ? newline : end;
        if ((size_t)(stop - at) > len && memcmp(at, name, len) == 0 && at[len] == ' ') {
            char *rest;
            if (!span_copy((struct span){at + len + 1, (size_t)(stop - at) - len - 1}, number,
                           sizeof number)) {
                return false;
            }
            *out = strtod(number, &rest);
            return rest != number && *rest == '\0' && isfinite(*out) && *out >= 0;
        }
        at = stop + 1;
    }
    return false;
}

bool usage_read(struct span text, struct usage *out)
{
    return find(text, "process_cpu_seconds_total", &out->cpu_s) &&
           find(text, "process_resident_memory_bytes", &out->memory) &&
           find(text, "process_start_time_seconds", &out->start_s);
}

static void unknown(struct usage_meter *meter, const char *why, const char *more)
{
    if (!meter->why[0]) {
        snprintf(meter->why, sizeof meter->why, "GET /metrics: %s%s", why, more);
    }
}

static void add_up(struct usage_meter *meter)
{
    meter->cpu_s = meter->memory = 0;
    for (size_t i = 0; i < meter->options->target_count; i++) {
        struct usage_ask *ask = &meter->asks[i];
        if (ask->known && ask->before.start_s != ask->now.start_s) {
            unknown(meter, "another process answered than before", "");
        }
        meter->cpu_s += ask->known ? ask->now.cpu_s - ask->before.cpu_s : 0;
        meter->memory += ask->now.memory;
        ask->before = ask->now;
        ask->known = true;
    }
}

static void answered(struct usage_meter *meter)
{
    if (--meter->waiting == 0) {
        if (!meter->why[0]) {
            add_up(meter);
        }
        meter->done(meter->arg);
    }
}

static void on_answer(void *arg, const struct response *response, const char *error)
{
    struct usage_ask *ask = arg;
    char text[RESPONSE_TEXT_MAX];
    ask->fetch = NULL;
    if (!response) {
        unknown(ask->meter, error, "");
    } else if (response->status != 200) {
        response_text(response, text);
        unknown(ask->meter, "it is answered by ", text);
    } else if (!usage_read(response->body, &ask->now)) {
        unknown(ask->meter, "the figures of the process are not there", "");
    }
    answered(ask->meter);
}

void usage_ask(struct usage_meter *meter, void (*done)(void *arg), void *arg)
{
    const struct fetch_request request = {
        .method = "GET", .path = "/metrics", .limit_ms = LIMIT_MS};
    size_t count = meter->options->target_count;
    meter->done = done;
    meter->arg = arg;
    meter->waiting = 1; /* this call itself, so that `done` runs once */
    for (size_t i = 0; i < count && !meter->why[0]; i++) {
        struct usage_ask *ask = &meter->asks[i];
        ask->meter = meter;
        ask->fetch =
            fetch_start(meter->loop, &meter->options->targets[i], &request, on_answer, ask);
        if (ask->fetch) {
            meter->waiting++;
        } else {
            unknown(meter, "no memory or descriptors here", "");
        }
    }
    answered(meter);
}

void usage_cancel(struct usage_meter *meter)
{
    for (size_t i = 0; i < TARGETS_MAX; i++) {
        if (meter->asks[i].fetch) {
            fetch_cancel(meter->asks[i].fetch);
            meter->asks[i].fetch = NULL;
        }
    }
    meter->waiting = 0;
}
