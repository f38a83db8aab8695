/*
 * Carriers; see carrier.h. What they have in common is here, the work is done in net/: by net/wsock.c for
 * WebSockets, by net/sockjs.c for SockJS over HTTP. SockJS's framing on a WebSocket is short enough to
 * be done here.
 */
#include "proto/carrier.h"

#include <stdlib.h>
#include <string.h>

#include "core/metrics.h"
#include "net/parts.h"
#include "ws/frame.h"
#include "ws/sockjs_codec.h"

struct carrier {
    const struct carrier_handlers *handlers; /* NULL: closed before it was bound */
    void *owner;
    struct wsock *sock;             /* NULL: a session */
    struct sockjs_session *session; /* NULL: a WebSocket */
    enum carrier_variant variant;
};

struct carrier_group {
    struct wsock_group *sockets;
    struct sockjs_group *sessions;
};

/* ---- Groups ---- */

struct carrier_group *carrier_group_create(struct loop *loop, const struct wsock_options *options,
                                           struct sockjs_claims *claims)
{
    struct carrier_group *group = calloc(1, sizeof *group);
    if (!group) {
        return NULL;
    }
    group->sockets = wsock_group_create(loop, options);
    group->sessions = group->sockets ? sockjs_group_create(loop, options, claims) : NULL;
    if (!group->sessions) {
        carrier_group_destroy(group);
        return NULL;
    }
    return group;
}

void carrier_group_destroy(struct carrier_group *group)
{
    if (!group) {
        return;
    }
    if (group->sockets) {
        wsock_group_destroy(group->sockets);
    }
    if (group->sessions) {
        sockjs_group_destroy(group->sessions);
    }
    free(group);
}

size_t carrier_group_count(const struct carrier_group *group)
{
    return wsock_group_count(group->sockets) + sockjs_group_count(group->sessions);
}

size_t carrier_group_close_some(struct carrier_group *group, size_t count, uint16_t code,
                                const char *reason)
{
    size_t closed = wsock_group_close_some(group->sockets, count, code, reason);
    return closed + sockjs_group_close_some(group->sessions, count - closed, code, reason);
}

void carrier_group_kill_all(struct carrier_group *group)
{
    wsock_group_kill_all(group->sockets);
    sockjs_group_kill_all(group->sessions);
}

struct sockjs_group *carrier_group_sessions(const struct carrier_group *group)
{
    return group->sessions;
}

/* ---- What they bring ---- */

static void bring(struct carrier *carrier, bool binary, char *data, size_t len)
{
    if (carrier->handlers) {
        carrier->handlers->message(carrier, binary, data, len);
    }
}

static void bring_drain(struct carrier *carrier)
{
    if (carrier->handlers && carrier->handlers->drain) {
        carrier->handlers->drain(carrier);
    }
}

static void bring_end(struct carrier *carrier, const struct wsock_end *end)
{
    if (carrier->handlers) {
        carrier->handlers->closed(carrier, end);
    }
    free(carrier);
}

/* A payload of SockJS's: one message or several. */
static void bring_payload(struct carrier *carrier, bool binary, char *data, size_t len)
{
    struct sockjs_reader reader;
    struct span message;
    enum sockjs_payload result = binary ? SOCKJS_BROKEN : sockjs_begin(&reader, data, len);
    if (result == SOCKJS_BROKEN) {
        metric_add(METRIC_PROTOCOL_ERRORS, 1);
        carrier_close(carrier, WS_CLOSE_PROTOCOL, "Broken JSON encoding.");
    }
    while (result == SOCKJS_OK && !wsock_closing(carrier->sock) && sockjs_next(&reader, &message)) {
        if (message.n > wsock_message_max(carrier->sock)) {
            carrier_close(carrier, WS_CLOSE_TOO_BIG, "message too big");
        } else {
            bring(carrier, false, (char *)message.p, message.n);
        }
    }
}

static void sock_message(struct wsock *sock, bool binary, char *data, size_t len)
{
    struct carrier *carrier = wsock_owner(sock);
    if (carrier->variant == CARRIER_SOCKJS_WS) {
        bring_payload(carrier, binary, data, len);
    } else {
        bring(carrier, binary, data, len);
    }
}

static void sock_drain(struct wsock *sock)
{
    bring_drain(wsock_owner(sock));
}

static void sock_closed(struct wsock *sock, const struct wsock_end *end)
{
    bring_end(wsock_owner(sock), end);
}

static const struct wsock_handlers sock_handlers = {sock_message, sock_drain, sock_closed};

static void session_message(struct sockjs_session *session, char *data, size_t len)
{
    bring(sockjs_session_owner(session), false, data, len);
}

static void session_drain(struct sockjs_session *session)
{
    bring_drain(sockjs_session_owner(session));
}

static void session_closed(struct sockjs_session *session, const struct wsock_end *end)
{
    bring_end(sockjs_session_owner(session), end);
}

static const struct sockjs_handlers session_handlers = {session_message, session_drain,
                                                        session_closed};

/* ---- Making them ---- */

static struct carrier *allocate(enum carrier_variant variant)
{
    struct carrier *carrier = calloc(1, sizeof *carrier);
    if (!carrier) {
        metric_add(METRIC_OUT_OF_MEMORY, 1);
        return NULL;
    }
    carrier->variant = variant;
    return carrier;
}

/* Sends one of SockJS's own frames over a WebSocket. */
static void send_raw(struct wsock *sock, struct span text)
{
    struct frame *frame = wsock_encode(wsock_group_of(sock), text, false, false);
    if (frame) {
        wsock_send(sock, frame, true);
    }
    frame_unref(frame);
}

struct carrier *carrier_of_websocket(struct carrier_group *group, int fd, bool deflate, bool framed)
{
    struct carrier *carrier = allocate(framed    ? CARRIER_SOCKJS_WS
                                       : deflate ? CARRIER_WS_DEFLATE
                                                 : CARRIER_WS);
    if (!carrier) {
        return NULL;
    }
    carrier->sock = wsock_start(group->sockets, fd, deflate, &sock_handlers, carrier);
    if (!carrier->sock) {
        free(carrier);
        return NULL;
    }
    if (framed) {
        wsock_set_framed(carrier->sock);
        send_raw(carrier->sock, span_of("o"));
    }
    return carrier;
}

struct carrier *carrier_of_session(struct carrier_group *group, struct sockjs_claim *claim)
{
    struct carrier *carrier = allocate(CARRIER_SOCKJS);
    if (!carrier) {
        return NULL;
    }
    carrier->session = sockjs_session_start(group->sessions, claim, &session_handlers, carrier);
    if (!carrier->session) {
        free(carrier);
        return NULL;
    }
    return carrier;
}

struct sockjs_session *carrier_session(const struct carrier *carrier)
{
    return carrier->session;
}

void carrier_bind(struct carrier *carrier, const struct carrier_handlers *handlers, void *owner)
{
    carrier->handlers = handlers;
    carrier->owner = owner;
}

/* ---- Whole messages ---- */

static struct frame *encode_plain(void *sock, struct span text)
{
    return wsock_encode(wsock_group_of(sock), text, false, false);
}

static struct frame *encode_deflate(void *sock, struct span text)
{
    struct frame *frame = wsock_encode(wsock_group_of(sock), text, false, true);
    return frame ? frame : encode_plain(sock, text);
}

static struct frame *encode_session(void *session, struct span text)
{
    (void)session;
    return sockjs_encode(text);
}

/* SockJS's framing in a WebSocket's: the latter's header knows the former's length. */
static struct frame *encode_framed(void *sock, struct span text)
{
    (void)sock;
    struct frame *rest = sockjs_encode_rest(text, false);
    struct frame *head = rest ? parts_head(span_of("a[\""), rest, false) : NULL;
    struct frame *frame = head ? frame_create((size_t)head->len + rest->len) : NULL;
    if (frame) {
        memcpy(frame->bytes, head->bytes, head->len);
        memcpy(frame->bytes + head->len, rest->bytes, rest->len);
    }
    frame_unref(head);
    frame_unref(rest);
    return frame;
}

static bool deliver(void *sock, struct frame *frame, bool paced)
{
    return wsock_send(sock, frame, paced) == CONN_OK;
}

static bool deliver_session(void *session, struct frame *frame, bool paced)
{
    return sockjs_session_send(session, frame, paced) == CONN_OK;
}

static size_t backlog(void *sock)
{
    return wsock_backlog(sock);
}

static size_t backlog_session(void *session)
{
    return sockjs_session_backlog(session);
}

static void close_sock(void *sock, uint16_t code, const char *reason)
{
    wsock_close(sock, code, reason);
}

static void close_session(void *session, uint16_t code, const char *reason)
{
    sockjs_session_close(session, code, reason);
}

/* The client is told twice: SockJS reads its own frame, everybody else the WebSocket's. */
static void close_framed(void *sock, uint16_t code, const char *reason)
{
    struct buf text;
    if (wsock_closing(sock)) {
        return;
    }
    buf_init(&text);
    sockjs_close_frame(&text, code, reason ? reason : "");
    if (!text.failed) {
        send_raw(sock, buf_span(&text));
    }
    buf_finish(&text);
    wsock_close(sock, code, reason);
}

static const struct receiver_ops receiver_ops[] = {
    {CARRIER_WS, encode_plain, deliver, backlog, close_sock, NULL},
    {CARRIER_WS_DEFLATE, encode_deflate, deliver, backlog, close_sock, NULL},
    {CARRIER_SOCKJS, encode_session, deliver_session, backlog_session, close_session, NULL},
    {CARRIER_SOCKJS_WS, encode_framed, deliver, backlog, close_framed, NULL},
};

const struct receiver_ops *carrier_receiver_ops(const struct carrier *carrier)
{
    return &receiver_ops[carrier->variant];
}

void *carrier_receiver(struct carrier *carrier)
{
    return carrier->session ? (void *)carrier->session : (void *)carrier->sock;
}

static struct frame *encode_one(struct carrier *carrier, struct span text, bool binary)
{
    if (!binary || carrier->variant == CARRIER_SOCKJS || carrier->variant == CARRIER_SOCKJS_WS) {
        return receiver_ops[carrier->variant].encode(carrier_receiver(carrier), text);
    }
    struct wsock_group *group = wsock_group_of(carrier->sock);
    struct frame *frame = NULL;
    if (carrier->variant == CARRIER_WS_DEFLATE) {
        frame = wsock_encode(group, text, true, true);
    }
    return frame ? frame : wsock_encode(group, text, true, false);
}

bool carrier_send(struct carrier *carrier, struct frame *frame, bool paced)
{
    return receiver_ops[carrier->variant].deliver(carrier_receiver(carrier), frame, paced);
}

bool carrier_send_text(struct carrier *carrier, struct span text, bool binary)
{
    struct frame *frame = encode_one(carrier, text, binary);
    if (!frame) {
        carrier_close(carrier, WS_CLOSE_INTERNAL, "out of memory");
        return false;
    }
    bool sent = carrier_send(carrier, frame, false);
    frame_unref(frame);
    return sent;
}

size_t carrier_backlog(const struct carrier *carrier)
{
    return carrier->session ? sockjs_session_backlog(carrier->session)
                            : wsock_backlog(carrier->sock);
}

void carrier_close(struct carrier *carrier, uint16_t code, const char *reason)
{
    receiver_ops[carrier->variant].close(carrier_receiver(carrier), code, reason);
}

/* ---- Messages in parts ---- */

struct frame *carrier_encode_rest(struct carrier *carrier, struct span rest)
{
    switch (carrier->variant) {
    case CARRIER_SOCKJS:
        return sockjs_encode_rest(rest, true);
    case CARRIER_SOCKJS_WS:
        return sockjs_encode_rest(rest, false);
    case CARRIER_WS_DEFLATE:
        return parts_rest(wsock_group_deflater(wsock_group_of(carrier->sock)), rest);
    default:
        return parts_rest(NULL, rest);
    }
}

static struct frame *encode_head(struct carrier *carrier, struct span head, struct frame *rest)
{
    if (carrier->variant == CARRIER_WS || carrier->variant == CARRIER_WS_DEFLATE) {
        return parts_head(head, rest, carrier->variant == CARRIER_WS_DEFLATE);
    }
    struct frame *escaped = sockjs_encode_head(head);
    if (!escaped || carrier->variant == CARRIER_SOCKJS) {
        return escaped;
    }
    struct frame *own = parts_head((struct span){escaped->bytes, escaped->len}, rest, false);
    frame_unref(escaped);
    return own;
}

bool carrier_send_parts(struct carrier *carrier, struct span head, struct frame *rest, bool paced)
{
    struct frame *own = encode_head(carrier, head, rest);
    if (!own) {
        carrier_close(carrier, WS_CLOSE_INTERNAL, "out of memory");
        return false;
    }
    enum conn_result result = carrier->session
                                  ? sockjs_session_send_parts(carrier->session, own, rest, paced)
                                  : wsock_send_parts(carrier->sock, own, rest, paced);
    frame_unref(own);
    return result == CONN_OK;
}

struct frame *carrier_join_parts(struct carrier *carrier, struct span head, struct frame *rest)
{
    struct frame *own = carrier->session ? NULL : encode_head(carrier, head, rest);
    struct frame *whole = own ? frame_create((size_t)own->len + rest->len) : NULL;
    if (whole) {
        memcpy(whole->bytes, own->bytes, own->len);
        memcpy(whole->bytes + own->len, rest->bytes, rest->len);
    }
    frame_unref(own);
    return whole;
}

/* ---- Facts ---- */

void *carrier_owner(const struct carrier *carrier)
{
    return carrier->owner;
}

enum carrier_variant carrier_variant(const struct carrier *carrier)
{
    return carrier->variant;
}

const char *carrier_kind(const struct carrier *carrier)
{
    static const char *const kinds[] = {"websocket", "websocket", "sockjs", "sockjs-websocket"};
    return kinds[carrier->variant];
}

int64_t carrier_age_ms(const struct carrier *carrier)
{
    return carrier->session ? sockjs_session_age_ms(carrier->session) : wsock_age_ms(carrier->sock);
}
