/*
 * WebSockets on a loop: glues the pure codec (src/ws) to a connection, keeps the sockets of a kind in
 * a list that a timer walks once a second (pings, silence, closing handshakes that take too long).
 *
 * States: open -> closing (a close frame is queued, from either side) -> destroyed. While closing,
 * bytes are still parsed, for the peer's close frame, but no message is passed on.
 */
#include "net/wsock.h"

#include <stdlib.h>
#include <string.h>

#include "core/metrics.h"
#include "ws/deflate.h"
#include "ws/frame.h"

#define TICK_MS 1000
#define CLOSE_NO_STATUS_SEEN 1006 /* RFC 6455 7.1.5: lost without a close frame */
#define CLOSE_NORMAL 1000
#define FRAMED_GROWTH 6  /* bytes that a message's byte may be in JSON: \u0000 */
#define FRAMED_AROUND 64 /* bytes around it: brackets, quotes, blanks */

struct wsock_group {
    struct loop *loop;
    struct wsock_options options;
    struct ws_limits limits, framed_limits;
    struct ws_deflater *deflater;
    struct wsock *head;
    size_t count;
    uv_timer_t tick;
    struct loop_pace pace;
};

struct wsock {
    struct conn conn; /* first: conn.c's handlers get this address */
    struct wsock_group *group;
    struct wsock *next, **link;
    const struct wsock_handlers *handlers;
    void *owner;
    struct ws_parser parser;
    int64_t opened_ms;
    int64_t heard_ms;    /* when bytes last came */
    int64_t deadline_ms; /* of the pong or the closing handshake; valid while pinged or closing */
    char *reason;        /* of the end; NULL = none */
    uint16_t code;       /* of the end; 0 while open */
    bool closing : 1, by_peer : 1, clean : 1, pinged : 1, broken : 1, framed : 1;
};

static struct wsock *of_conn(struct conn *conn)
{
    return (struct wsock *)conn;
}

static int64_t now_ms(const struct wsock *sock)
{
    return loop_now_ms(sock->group->loop);
}

/* Remembers the first cause of the end. */
static void note_end(struct wsock *sock, uint16_t code, const char *reason, size_t len,
                     bool by_peer)
{
    if (sock->code) {
        return;
    }
    sock->code = code;
    sock->by_peer = by_peer;
    if (len > 0) {
        sock->reason = strndup(reason, len);
    }
}

static enum conn_result queue_control(struct wsock *sock, enum ws_opcode opcode, const void *data,
                                      size_t len, size_t limit)
{
    struct frame *frame = frame_create(2 + len);
    if (!frame) {
        metric_add(METRIC_OUT_OF_MEMORY, 1);
        return CONN_NOMEM;
    }
    size_t header = ws_frame_header((uint8_t *)frame->bytes, WS_FIN, opcode, len);
    if (len > 0) {
        memcpy(frame->bytes + header, data, len);
    }
    frame->len = (uint32_t)(header + len);
    enum conn_result result = conn_queue(&sock->conn, frame, limit);
    frame_unref(frame);
    return result;
}

/* Queues our close frame (once); code 0 or 1005 means an empty one. */
static void begin_close(struct wsock *sock, uint16_t code, const char *reason, size_t len)
{
    sock->closing = true;
    sock->deadline_ms = now_ms(sock) + WSOCK_CLOSE_MS;
    uint8_t payload[WS_CONTROL_MAX];
    size_t size = 0;
    if (code != 0 && code != WS_CLOSE_NO_CODE) {
        size = ws_close_payload(payload, code, reason, len);
    }
    if (queue_control(sock, WS_OP_CLOSE, payload, size, CONN_NO_LIMIT) != CONN_OK) {
        conn_destroy(&sock->conn);
    }
}

void wsock_close(struct wsock *sock, uint16_t code, const char *reason)
{
    if (sock->closing || sock->conn.dead) {
        return;
    }
    const char *text = reason ? reason : "";
    note_end(sock, code, text, strlen(text), false);
    begin_close(sock, code, text, strlen(text));
}

static int on_message(void *arg, enum ws_opcode opcode, uint8_t *data, size_t len)
{
    struct wsock *sock = arg;
    if (!sock->closing) {
        metric_add(METRIC_MESSAGES_IN, 1);
        sock->handlers->message(sock, opcode == WS_OP_BINARY, (char *)data, len);
    }
    return sock->conn.dead;
}

static int on_ping(void *arg, const uint8_t *data, size_t len)
{
    struct wsock *sock = arg;
    if (!sock->closing &&
        queue_control(sock, WS_OP_PONG, data, len, sock->group->options.queue_max) == CONN_FULL) {
        wsock_close(sock, WSOCK_CODE_TOO_SLOW, "too slow");
    }
    return sock->conn.dead;
}

static int on_pong(void *arg, const uint8_t *data, size_t len)
{
    (void)arg; /* any byte is a sign of life */
    (void)data;
    (void)len;
    return 0;
}

static int on_close(void *arg, uint16_t code, const char *reason, size_t len)
{
    struct wsock *sock = arg;
    sock->clean = true;
    if (!sock->closing) {
        note_end(sock, code, reason, len, true);
        begin_close(sock, code, reason, len);
        conn_flush(&sock->conn);
    }
    /* Both close frames are on their way; if ours still waits behind a slow reader, the tick ends it. */
    if (conn_queued(&sock->conn) == 0) {
        conn_destroy(&sock->conn);
    }
    return 1;
}

static const struct ws_events events = {on_message, on_ping, on_pong, on_close};

static void conn_data(struct conn *conn, uint8_t *data, size_t len)
{
    struct wsock *sock = of_conn(conn);
    if (sock->broken) {
        return; /* after a protocol error nothing more is read as frames */
    }
    sock->heard_ms = now_ms(sock);
    sock->pinged = false;
    int result = ws_parser_feed(&sock->parser, data, len, &events, sock);
    if (result < 0) {
        sock->broken = true;
        metric_add(METRIC_PROTOCOL_ERRORS, 1);
        wsock_close(sock, ws_error_close_code(result), ws_error_text(result));
    }
}

static void conn_drain(struct conn *conn)
{
    struct wsock *sock = of_conn(conn);
    if (sock->closing) {
        if (sock->clean && conn_queued(conn) == 0) {
            conn_destroy(conn);
        }
    } else if (sock->handlers->drain) {
        sock->handlers->drain(sock);
    }
}

static void conn_ended(struct conn *conn, int error)
{
    struct wsock *sock = of_conn(conn);
    note_end(sock, CLOSE_NO_STATUS_SEEN, error ? strerror(error) : "",
             error ? strlen(strerror(error)) : 0, true);
    conn_destroy(conn);
}

static void conn_closed(struct conn *conn)
{
    struct wsock *sock = of_conn(conn);
    struct wsock_group *group = sock->group;
    *sock->link = sock->next;
    if (sock->next) {
        sock->next->link = sock->link;
    }
    group->count--;
    metric_add(METRIC_CONNECTIONS, -1);
    uint16_t code = sock->code ? sock->code : CLOSE_NO_STATUS_SEEN;
    metric_closed(code);
    struct wsock_end end = {code, sock->by_peer, sock->clean, sock->reason ? sock->reason : ""};
    sock->handlers->closed(sock, &end);
    ws_parser_finish(&sock->parser);
    free(sock->reason);
    free(sock);
}

static const struct conn_handlers conn_events = {conn_data, conn_drain, conn_ended, conn_closed};

static void send_ping(struct wsock *sock)
{
    size_t limit = sock->group->options.queue_max;
    bool full = sock->framed && queue_control(sock, WS_OP_TEXT, "h", 1, limit) == CONN_FULL;
    if (full || queue_control(sock, WS_OP_PING, NULL, 0, limit) == CONN_FULL) {
        wsock_close(sock, WSOCK_CODE_TOO_SLOW, "too slow");
    }
}

/* Pings the quiet, ends the silent and those who do not finish the closing handshake. */
static void check_life(struct wsock *sock, int64_t now)
{
    int64_t ping_ms = (int64_t)sock->group->options.ping_s * 1000;
    int64_t lifetime_ms = (int64_t)sock->group->options.lifetime_s * 1000;
    int64_t quiet = now - sock->heard_ms;
    conn_trim(&sock->conn);
    if (sock->closing) {
        if (now >= sock->deadline_ms) {
            conn_destroy(&sock->conn);
        }
    } else if (lifetime_ms > 0 && now - sock->opened_ms >= lifetime_ms) {
        wsock_close(sock, CLOSE_NORMAL, "time is up");
    } else if (sock->pinged && now >= sock->deadline_ms && sock->group->options.patient &&
               conn_peer_alive(&sock->conn)) {
        sock->deadline_ms =
            now + ping_ms; /* it reads slowly: the ping waits among what it has to read */
    } else if (sock->pinged && now >= sock->deadline_ms) {
        wsock_close(sock, WSOCK_CODE_SILENT, "no sign of life");
    } else if (quiet >= ping_ms && !sock->pinged) {
        sock->pinged = true;
        sock->deadline_ms = now + ping_ms;
        send_ping(sock);
    }
}

static void tick(uv_timer_t *timer)
{
    struct wsock_group *group = timer->data;
    int64_t now = loop_now_ms(group->loop);
    if (loop_tick_is_late(group->loop, &group->pace, TICK_MS)) {
        return;
    }
    for (struct wsock *sock = group->head; sock; sock = sock->next) {
        if (!sock->conn.dead) {
            check_life(sock, now);
        }
    }
}

struct wsock_group *wsock_group_create(struct loop *loop, const struct wsock_options *options)
{
    struct wsock_group *group = calloc(1, sizeof *group);
    if (!group) {
        return NULL;
    }
    group->loop = loop;
    group->options = *options;
    group->limits.max_message = (uint32_t)options->message_max;
    group->limits.inflater = ws_inflater_create();
    group->deflater = ws_deflater_create();
    size_t framed_max = options->message_max * FRAMED_GROWTH + FRAMED_AROUND;
    group->framed_limits = group->limits;
    group->framed_limits.max_message = framed_max < UINT32_MAX ? (uint32_t)framed_max : UINT32_MAX;
    if (!group->limits.inflater || !group->deflater) {
        ws_inflater_destroy(group->limits.inflater);
        ws_deflater_destroy(group->deflater);
        free(group);
        return NULL;
    }
    uv_timer_init(loop_uv(loop), &group->tick);
    group->tick.data = group;
    group->pace.ticked_ms = loop_now_ms(loop);
    uv_timer_start(&group->tick, tick, TICK_MS, TICK_MS);
    return group;
}

static void group_closed(uv_handle_t *handle)
{
    struct wsock_group *group = handle->data;
    ws_inflater_destroy(group->limits.inflater);
    ws_deflater_destroy(group->deflater);
    free(group);
}

void wsock_group_destroy(struct wsock_group *group)
{
    uv_close((uv_handle_t *)&group->tick, group_closed);
}

size_t wsock_group_close_some(struct wsock_group *group, size_t count, uint16_t code,
                              const char *reason)
{
    size_t closed = 0;
    for (struct wsock *sock = group->head; sock && closed < count; sock = sock->next) {
        if (!wsock_closing(sock)) {
            wsock_close(sock, code, reason);
            closed++;
        }
    }
    return closed;
}

void wsock_group_kill_all(struct wsock_group *group)
{
    for (struct wsock *sock = group->head; sock; sock = sock->next) {
        conn_destroy(&sock->conn);
    }
}

struct ws_deflater *wsock_group_deflater(const struct wsock_group *group)
{
    return group->deflater;
}

size_t wsock_group_count(const struct wsock_group *group)
{
    return group->count;
}

struct wsock *wsock_start(struct wsock_group *group, int fd, bool deflate,
                          const struct wsock_handlers *handlers, void *owner)
{
    struct wsock *sock = calloc(1, sizeof *sock);
    if (!sock) {
        metric_add(METRIC_OUT_OF_MEMORY, 1);
        return NULL;
    }
    sock->group = group;
    sock->handlers = handlers;
    sock->owner = owner;
    if (conn_start(&sock->conn, group->loop, fd, &conn_events)) {
        free(sock);
        return NULL;
    }
    ws_parser_init(&sock->parser, &group->limits, deflate);
    sock->opened_ms = sock->heard_ms = now_ms(sock);
    sock->next = group->head;
    sock->link = &group->head;
    if (sock->next) {
        sock->next->link = &sock->next;
    }
    group->head = sock;
    group->count++;
    metric_add(METRIC_CONNECTIONS, 1);
    metric_add(METRIC_CONNECTIONS_TOTAL, 1);
    return sock;
}

void wsock_set_framed(struct wsock *sock)
{
    sock->framed = true;
    ws_parser_init(&sock->parser, &sock->group->framed_limits, sock->parser.deflate);
}

size_t wsock_message_max(const struct wsock *sock)
{
    return sock->group->options.message_max;
}

void *wsock_owner(const struct wsock *sock)
{
    return sock->owner;
}

struct wsock_group *wsock_group_of(const struct wsock *sock)
{
    return sock->group;
}

bool wsock_closing(const struct wsock *sock)
{
    return sock->closing || sock->conn.dead;
}

int64_t wsock_age_ms(const struct wsock *sock)
{
    return now_ms(sock) - sock->opened_ms;
}

struct frame *wsock_encode(struct wsock_group *group, struct span text, bool binary, bool deflate)
{
    const uint8_t *payload = (const uint8_t *)text.p;
    size_t len = text.n;
    unsigned flags = WS_FIN;
    if (deflate) {
        if (len < WS_DEFLATE_MIN ||
            ws_deflate(group->deflater, text.p, text.n, &payload, &len) != WS_DEFLATE_OK) {
            return NULL;
        }
        flags |= WS_RSV1;
    }
    struct frame *frame = frame_create(WS_FRAME_HEADER_MAX + len);
    if (!frame) {
        metric_add(METRIC_OUT_OF_MEMORY, 1);
        return NULL;
    }
    size_t header =
        ws_frame_header((uint8_t *)frame->bytes, flags, binary ? WS_OP_BINARY : WS_OP_TEXT, len);
    if (len > 0) {
        memcpy(frame->bytes + header, payload, len);
    }
    frame->len = (uint32_t)(header + len);
    return frame;
}

/* Ends a socket whose queue did not take a message. */
static enum conn_result end_unless(struct wsock *sock, enum conn_result result)
{
    if (result == CONN_FULL) {
        /* What waits is of no use to one who comes back with `since`; the close code is. */
        metric_add(METRIC_QUEUE_DROPS, 1);
        conn_drop_queue(&sock->conn);
        wsock_close(sock, WSOCK_CODE_TOO_SLOW, "too slow");
    } else if (result == CONN_NOMEM) {
        metric_add(METRIC_OUT_OF_MEMORY, 1);
        conn_drop_queue(&sock->conn);
        wsock_close(sock, WS_CLOSE_INTERNAL, "out of memory");
    }
    return result;
}

static size_t limit_of(const struct wsock *sock, bool paced)
{
    return paced ? CONN_NO_LIMIT : sock->group->options.queue_max;
}

enum conn_result wsock_send(struct wsock *sock, struct frame *frame, bool paced)
{
    if (sock->closing) {
        return CONN_CLOSED;
    }
    enum conn_result result = conn_queue(&sock->conn, frame, limit_of(sock, paced));
    return result == CONN_OK ? result : end_unless(sock, result);
}

enum conn_result wsock_send_parts(struct wsock *sock, struct frame *head, struct frame *rest,
                                  bool paced)
{
    if (sock->closing) {
        return CONN_CLOSED;
    }
    return end_unless(sock, conn_queue_pair(&sock->conn, head, rest, limit_of(sock, paced)));
}

size_t wsock_backlog(const struct wsock *sock)
{
    return conn_queued(&sock->conn);
}
