/* One HTTP request; see fetch.h. The request is built at once and sent when the connection stands. */
#include "simulate/fetch.h"

#include <stdio.h>
#include <stdlib.h>

#include "simulate/wire.h"

#define RESPONSE_MAX (16u << 20) /* bytes */

struct fetch {
    struct wire *wire; /* NULL when it is gone */
    uv_timer_t limit;
    uint32_t limit_ms;
    struct buf request, answer;
    fetch_done *done;
    void *arg;
};

static void freed(uv_handle_t *handle)
{
    struct fetch *fetch = handle->data;
    buf_finish(&fetch->request);
    buf_finish(&fetch->answer);
    free(fetch);
}

void fetch_cancel(struct fetch *fetch)
{
    fetch->done = NULL;
    if (fetch->wire) {
        wire_close(fetch->wire, false);
        fetch->wire = NULL;
    }
    uv_close((uv_handle_t *)&fetch->limit, freed);
}

/* Tells the outcome; the answer's bytes live until the handle is freed, after `done`. */
static void finish(struct fetch *fetch, const struct response *response, const char *error)
{
    fetch_done *done = fetch->done;
    void *arg = fetch->arg;
    fetch_cancel(fetch);
    done(arg, response, error);
}

static void on_limit(uv_timer_t *timer)
{
    struct fetch *fetch = timer->data;
    char error[48];
    snprintf(error, sizeof error, "no answer in %u s", fetch->limit_ms / 1000);
    finish(fetch, NULL, error);
}

static void on_connect(void *arg)
{
    struct fetch *fetch = arg;
    wire_send(fetch->wire, fetch->request.data, fetch->request.len);
}

static void look(struct fetch *fetch, bool ended, const char *error)
{
    struct response response;
    switch (response_read(buf_span(&fetch->answer), ended, &response)) {
    case RESPONSE_WHOLE:
        finish(fetch, &response, NULL);
        break;
    case RESPONSE_BAD:
        finish(fetch, NULL, error);
        break;
    default:
        break;
    }
}

static void on_data(void *arg, uint8_t *data, size_t len)
{
    struct fetch *fetch = arg;
    buf_append(&fetch->answer, data, len);
    if (fetch->answer.failed || fetch->answer.len > RESPONSE_MAX) {
        finish(fetch, NULL, "the answer is too long");
    } else {
        look(fetch, false, "the answer is not HTTP as Lectern speaks it");
    }
}

static void on_end(void *arg, int error)
{
    struct fetch *fetch = arg;
    fetch->wire = NULL;
    look(fetch, true, error ? uv_strerror(error) : "the connection was closed without an answer");
}

static const struct wire_events events = {on_connect, on_data, on_end};

/* As HTTP/1.0, so that no proxy on the way makes chunks of the answer (RFC 9112 section 6.1). */
static void write_request(struct buf *out, const struct target *target,
                          const struct fetch_request *request)
{
    buf_printf(out, "%s %s HTTP/1.0\r\nHost: %s\r\nConnection: close\r\n", request->method,
               request->path, target->authority);
    if (request->token) {
        buf_printf(out, "Authorization: Bearer %s\r\n", request->token);
    }
    if (request->type) {
        buf_printf(out, "Content-Type: %s\r\nContent-Length: %zu\r\n", request->type,
                   request->body.n);
    }
    buf_append_text(out, "\r\n");
    if (request->type) {
        buf_append_span(out, request->body);
    }
}

struct fetch *fetch_start(uv_loop_t *loop, const struct target *target,
                          const struct fetch_request *request, fetch_done *done, void *arg)
{
    struct fetch *fetch = calloc(1, sizeof *fetch);
    if (!fetch) {
        return NULL;
    }
    *fetch = (struct fetch){.done = done, .arg = arg, .limit_ms = request->limit_ms};
    write_request(&fetch->request, target, request);
    uv_timer_init(loop, &fetch->limit);
    fetch->limit.data = fetch;
    if (fetch->request.failed || wire_open(loop, target, &events, fetch, &fetch->wire)) {
        fetch->wire = NULL;
        fetch_cancel(fetch);
        return NULL;
    }
    uv_timer_start(&fetch->limit, on_limit, request->limit_ms, 0);
    return fetch;
}
