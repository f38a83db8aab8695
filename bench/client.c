/*
 * WebSocket clients, just enough of RFC 6455: unfragmented texts in both directions, pings, close.
 * Frames are masked with a key of zeros, which costs the server the same.
 *
 * Bytes are read into one shared buffer; what is left of an incomplete frame is kept per client.
 * What a socket does not take at once waits in `out` and is tried again at every poll.
 */
#include "client.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <netinet/tcp.h>

#include "stats.h"

#define BUFFER_SIZE (1 << 20)
#define EVENTS 1024

enum { OP_TEXT = 1, OP_CLOSE = 8, OP_PING = 9, OP_PONG = 10 };

int engine_init(struct engine *engine)
{
    engine->epoll = epoll_create1(EPOLL_CLOEXEC);
    engine->buffer = malloc(BUFFER_SIZE);
    return engine->epoll >= 0 && engine->buffer ? 0 : -1;
}

void engine_finish(struct engine *engine)
{
    close(engine->epoll);
    free(engine->buffer);
    free(engine->dirty);
}

static bool is_opening(const struct client *client)
{
    return client->state != CLIENT_CLOSED && client->state != CLIENT_OPEN;
}

static void forget(struct engine *engine, struct client *client)
{
    if (client->state == CLIENT_CLOSED) {
        return;
    }
    engine->opening -= is_opening(client);
    client->state = CLIENT_CLOSED;
    if (client->fd >= 0) {
        close(client->fd);
    }
    client->fd = -1;
    buf_finish(&client->in);
    buf_finish(&client->out);
}

void client_drop(struct engine *engine, struct client *client)
{
    forget(engine, client);
}

static void end(struct engine *engine, struct client *client)
{
    forget(engine, client);
    engine->handlers->closed(client);
}

/* ---- sending ---- */

static void flush(struct engine *engine, struct client *client)
{
    size_t sent = 0;
    while (sent < client->out.len) {
        ssize_t n = send(client->fd, client->out.data + sent, client->out.len - sent, MSG_NOSIGNAL);
        if (n < 0 && errno != EAGAIN && errno != EINTR) {
            end(engine, client);
            return;
        }
        if (n < 0 && errno == EAGAIN) {
            break;
        }
        sent += n > 0 ? (size_t)n : 0;
    }
    if (sent > 0) {
        memmove(client->out.data, client->out.data + sent, client->out.len - sent);
        client->out.len -= sent;
    }
}

static void flush_all(struct engine *engine)
{
    size_t count = engine->dirty_count, kept = 0;
    for (size_t i = 0; i < count; i++) {
        struct client *client = engine->dirty[i];
        if (client->state != CLIENT_CLOSED) {
            flush(engine, client);
        }
        client->queued = client->state != CLIENT_CLOSED && client->out.len > 0;
        if (client->queued) {
            engine->dirty[kept++] = client;
        }
    }
    for (size_t i = count; i < engine->dirty_count; i++) { /* came while flushing */
        engine->dirty[kept++] = engine->dirty[i];
    }
    engine->dirty_count = kept;
}

static void queue(struct engine *engine, struct client *client)
{
    if (client->queued) {
        return;
    }
    if (engine->dirty_count == engine->dirty_cap) {
        engine->dirty_cap = engine->dirty_cap ? engine->dirty_cap * 2 : 1024;
        engine->dirty = realloc(engine->dirty, engine->dirty_cap * sizeof *engine->dirty);
        if (!engine->dirty) {
            perror("bench");
            exit(1);
        }
    }
    client->queued = true;
    engine->dirty[engine->dirty_count++] = client;
}

static void send_frame(struct engine *engine, struct client *client, unsigned opcode,
                       struct span payload)
{
    uint8_t head[14] = {(uint8_t)(0x80u | opcode)};
    size_t len = 2;
    if (payload.n < 126) {
        head[1] = (uint8_t)(0x80u | payload.n);
    } else if (payload.n < 65536) {
        head[1] = 0x80u | 126u;
        head[2] = (uint8_t)(payload.n >> 8);
        head[3] = (uint8_t)payload.n;
        len = 4;
    } else {
        head[1] = 0x80u | 127u;
        for (unsigned i = 0; i < 8; i++) {
            head[2 + i] = (uint8_t)((uint64_t)payload.n >> (56 - 8 * i));
        }
        len = 10;
    }
    buf_append(&client->out, head, len + 4); /* the mask: four zeros */
    buf_append(&client->out, payload.p, payload.n);
    queue(engine, client);
}

void client_send(struct engine *engine, struct client *client, struct span text)
{
    if (client->state == CLIENT_OPEN || client->state == CLIENT_GREETING) {
        send_frame(engine, client, OP_TEXT, text);
    }
}

void client_send_close(struct engine *engine, struct client *client)
{
    if (client->state == CLIENT_OPEN) {
        send_frame(engine, client, OP_CLOSE, (struct span){"\x03\xe8", 2});
    }
}

/* ---- receiving ---- */

static void opened(struct engine *engine, struct client *client)
{
    engine->opening--;
    client->state = CLIENT_OPEN;
    engine->handlers->open(client);
}

static void keep_id(struct client *client, struct span text)
{
    static const char start[] = "{\"id\":\"";
    size_t skip = sizeof start - 1;
    const char *end_of = text.n > skip && memcmp(text.p, start, skip) == 0
                             ? memchr(text.p + skip, '"', text.n - skip)
                             : NULL;
    if (end_of) {
        struct span id = {text.p + skip, (size_t)(end_of - text.p) - skip};
        (void)span_copy(id, client->since, sizeof client->since);
    }
}

static void take_text(struct engine *engine, struct client *client, struct span text)
{
    const struct dialect *dialect = engine->dialect;
    if (engine->keep_ids) {
        keep_id(client, text);
    }
    if (client->state == CLIENT_OPEN) {
        if (dialect->ping && span_eq(text, dialect->ping)) {
            client_send(engine, client, span_of(dialect->pong));
        } else {
            engine->handlers->text(client, text);
        }
        return;
    }
    const char *answer = NULL;
    enum greeting greeting = dialect->greeting(text, &answer);
    if (answer) {
        client_send(engine, client, span_of(answer));
    }
    if (greeting == GREETING_DONE) {
        opened(engine, client);
    }
}

/* The length of the frame at `p`, head included, or 0 if it is not complete. */
static size_t frame_at(const uint8_t *p, size_t n, size_t *head)
{
    if (n < 2) {
        return 0;
    }
    uint64_t len = p[1] & 127u;
    *head = 2;
    if (len == 126) {
        *head = 4;
        len = n >= 4 ? (uint64_t)p[2] << 8 | p[3] : UINT32_MAX;
    } else if (len == 127) {
        *head = 10;
        len = 0;
        for (unsigned i = 0; i < 8; i++) {
            len = len << 8 | (n >= 10 ? p[2 + i] : 1u);
        }
    }
    return n >= *head && n - *head >= len ? *head + (size_t)len : 0;
}

static size_t take_frames(struct engine *engine, struct client *client, const char *p, size_t n)
{
    size_t used = 0, head = 0, len;
    while (client->state >= CLIENT_GREETING &&
           (len = frame_at((const uint8_t *)p + used, n - used, &head)) > 0) {
        struct span payload = {p + used + head, len - head};
        unsigned opcode = (uint8_t)p[used] & 15u;
        used += len;
        if (opcode == OP_TEXT) {
            take_text(engine, client, payload);
        } else if (opcode == OP_PING) {
            send_frame(engine, client, OP_PONG, payload);
        } else if (opcode == OP_CLOSE) {
            end(engine, client);
        }
    }
    return used;
}

static void note_refusal(struct engine *engine, int status, struct span answer)
{
    static const char before[] = "\"code\":\"";
    const char *at = memmem(answer.p, answer.n, before, sizeof before - 1);
    size_t left = at ? answer.n - (size_t)(at - answer.p) - (sizeof before - 1) : 0;
    const char *code = at ? at + sizeof before - 1 : "";
    const char *quote = left > 0 ? memchr(code, '"', left) : NULL;
    snprintf(engine->refusal, sizeof engine->refusal, "%d/%.*s", status,
             quote ? (int)(quote - code) : 0, code);
}

static size_t take_head(struct engine *engine, struct client *client, const char *p, size_t n)
{
    const char *at = memmem(p, n, "\r\n\r\n", 4);
    if (!at) {
        return 0;
    }
    client->http_status = n > 12 && memcmp(p, "HTTP/1.1 ", 9) == 0 ? atoi(p + 9) : -1;
    if (client->http_status != 101) {
        note_refusal(engine, client->http_status, (struct span){p, n});
        end(engine, client);
        return n;
    }
    client->state = CLIENT_GREETING;
    if (!engine->dialect->greets) {
        opened(engine, client);
    }
    return (size_t)(at - p) + 4;
}

static size_t take(struct engine *engine, struct client *client, const char *p, size_t n)
{
    size_t used = 0;
    if (client->state == CLIENT_UPGRADING) {
        used = take_head(engine, client, p, n);
    }
    if (client->state >= CLIENT_GREETING) {
        used += take_frames(engine, client, p + used, n - used);
    }
    return used;
}

static void readable(struct engine *engine, struct client *client)
{
    ssize_t got = recv(client->fd, engine->buffer, BUFFER_SIZE, 0);
    if (got <= 0) {
        if (got == 0 || (errno != EAGAIN && errno != EINTR)) {
            end(engine, client);
        }
        return;
    }
    engine->reads++;
    const char *p = engine->buffer;
    size_t n = (size_t)got;
    bool kept = client->in.len > 0;
    if (kept) {
        buf_append(&client->in, p, n);
        p = client->in.data;
        n = client->in.len;
    }
    size_t used = take(engine, client, p, n);
    if (client->state < CLIENT_UPGRADING) {
        return; /* closed, or opened anew by a handler: its buffers are others */
    }
    if (kept) {
        memmove(client->in.data, client->in.data + used, n - used);
        client->in.len = n - used;
    } else if (used < n) {
        buf_append(&client->in, p + used, n - used);
    }
}

/* ---- opening ---- */

static void watch(struct engine *engine, struct client *client, int operation, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.ptr = client};
    if (epoll_ctl(engine->epoll, operation, client->fd, &event)) {
        perror("bench: epoll_ctl");
        exit(1);
    }
}

static void connected(struct engine *engine, struct client *client)
{
    const struct dialect *dialect = engine->dialect;
    int error = 0;
    socklen_t len = sizeof error;
    char room[ROOM_NAME_SIZE];
    getsockopt(client->fd, SOL_SOCKET, SO_ERROR, &error, &len);
    if (error) {
        end(engine, client);
        return;
    }
    client->state = CLIENT_UPGRADING;
    watch(engine, client, EPOLL_CTL_MOD, EPOLLIN);
    snprintf(room, sizeof room, "%s%04u", engine->room_salt, client->room % 10000);
    buf_append_text(&client->out, "GET ");
    buf_printf(&client->out, client->host ? dialect->host_path : dialect->student_path, room);
    if (engine->resume && client->since[0]) {
        buf_printf(&client->out, "&since=%s", client->since);
    }
    buf_append_text(&client->out, " HTTP/1.1\r\nHost: bench\r\nConnection: Upgrade\r\nUpgrade: "
                                  "websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: "
                                  "AAAAAAAAAAAAAAAAAAAAAA==\r\n");
    if (dialect->tokens) {
        buf_printf(&client->out, "Authorization: Bearer %s\r\n", client->token);
    }
    buf_append_text(&client->out, "\r\n");
    queue(engine, client);
}

static bool start_connecting(struct engine *engine, struct client *client)
{
    const struct sockaddr_in *target = &engine->targets[client->user % engine->target_count];
    struct sockaddr_in source = {.sin_family = AF_INET};
    int on = 1;
    client->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (client->fd < 0) {
        return false;
    }
    source.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1 + client->user % engine->sources);
    setsockopt(client->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
    setsockopt(client->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return bind(client->fd, (struct sockaddr *)&source, sizeof source) == 0 &&
           (connect(client->fd, (const struct sockaddr *)target, sizeof *target) == 0 ||
            errno == EINPROGRESS);
}

void client_open(struct engine *engine, struct client *client)
{
    client->state = CLIENT_CONNECTING;
    client->http_status = 0;
    client->opened_ns = now_ns();
    engine->opening++;
    buf_init(&client->in);
    buf_init(&client->out);
    if (!start_connecting(engine, client)) {
        perror("bench: connect");
        end(engine, client);
        return;
    }
    watch(engine, client, EPOLL_CTL_ADD, EPOLLOUT);
}

void engine_poll(struct engine *engine, int wait_ms)
{
    struct epoll_event events[EVENTS];
    int count = epoll_wait(engine->epoll, events, EVENTS, engine->dirty_count > 0 ? 0 : wait_ms);
    if (count <= 0 && engine->dirty_count == 0) {
        return;
    }
    int64_t began = now_ns();
    for (int i = 0; i < count; i++) {
        struct client *client = events[i].data.ptr;
        if (client->state == CLIENT_CONNECTING) {
            connected(engine, client);
        } else if (client->state != CLIENT_CLOSED) {
            readable(engine, client);
        }
    }
    flush_all(engine);
    engine->busy_ns += now_ns() - began;
}
