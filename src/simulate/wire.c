/* TCP connections on the loop; see wire.h. */
#include "simulate/wire.h"

#include <stdlib.h>
#include <string.h>

#define READ_SIZE 65536

struct wire {
    uv_tcp_t tcp;
    uv_connect_t connect;
    const struct wire_events *events; /* NULL: closed, nothing is told any more */
    void *arg;
};

struct write {
    uv_write_t request;
    char data[];
};

static void freed(uv_handle_t *handle)
{
    free(handle->data);
}

void wire_close(struct wire *wire, bool reset)
{
    wire->events = NULL;
    if (!reset || uv_tcp_close_reset(&wire->tcp, freed)) {
        uv_close((uv_handle_t *)&wire->tcp, freed);
    }
}

static void end(struct wire *wire, int error)
{
    const struct wire_events *events = wire->events;
    void *arg = wire->arg;
    if (events) {
        wire_close(wire, false);
        events->on_end(arg, error);
    }
}

/* One buffer for all: what is read is handed on before the next read. There is one loop. */
static void lend(uv_handle_t *handle, size_t wanted, uv_buf_t *buffer)
{
    static char shared[READ_SIZE];
    (void)handle;
    (void)wanted;
    *buffer = uv_buf_init(shared, sizeof shared);
}

static void received(uv_stream_t *stream, ssize_t n, const uv_buf_t *buffer)
{
    struct wire *wire = stream->data;
    if (n < 0) {
        end(wire, n == UV_EOF ? 0 : (int)n);
    } else if (n > 0 && wire->events) {
        wire->events->on_data(wire->arg, (uint8_t *)buffer->base, (size_t)n);
    }
}

static void connected(uv_connect_t *request, int status)
{
    struct wire *wire = request->data;
    if (!wire->events) {
        return; /* closed meanwhile */
    }
    if (status == 0) {
        status = uv_read_start((uv_stream_t *)&wire->tcp, lend, received);
    }
    if (status) {
        end(wire, status);
    } else {
        wire->events->on_connect(wire->arg);
    }
}

int wire_open(uv_loop_t *loop, const struct target *target, const struct wire_events *events,
              void *arg, struct wire **out)
{
    struct wire *wire = calloc(1, sizeof *wire);
    if (!wire) {
        return UV_ENOMEM;
    }
    *wire = (struct wire){.events = events, .arg = arg};
    uv_tcp_init(loop, &wire->tcp);
    wire->tcp.data = wire;
    wire->connect.data = wire;
    int error = uv_tcp_connect(&wire->connect, &wire->tcp,
                               (const struct sockaddr *)&target->address, connected);
    if (error) {
        wire_close(wire, false);
        return error;
    }
    uv_tcp_nodelay(&wire->tcp, 1);
    *out = wire;
    return 0;
}

/* Failures are left to the reading side: it has what the server still said, then the error. */
static void written(uv_write_t *request, int status)
{
    (void)status;
    free(request);
}

void wire_send(struct wire *wire, const void *data, size_t len)
{
    uv_stream_t *stream = (uv_stream_t *)&wire->tcp;
    struct write *write = malloc(sizeof *write + len);
    if (!write) {
        return; /* noticed as an answer that does not come */
    }
    memcpy(write->data, data, len);
    uv_buf_t buffer = uv_buf_init(write->data, (unsigned)len);
    if (uv_write(&write->request, stream, &buffer, 1, written)) {
        free(write);
    }
}
