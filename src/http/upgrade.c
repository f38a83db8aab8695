/*
 * Upgrades: one list of checks, each of which lets the upgrade pass or answers it; what they ask of the
 * client is the door's (door.h), the last one reserves a place there and takes the socket. See upgrade.h.
 *
 * Where something fails after the reservation, the reservation is given back. Bytes that a client
 * sends before it has our 101 stay with civetweb and are lost; RFC 6455 forbids them.
 */
#include "http/upgrade.h"

#include <stdlib.h>
#include <string.h>

#include "core/log.h"
#include "core/metrics.h"
#include "http/answer.h"
#include "http/door.h"
#include "http/head.h"
#include "http/routes.h"
#include "ws/handshake.h"

#define RESPONSE_SIZE 1024

struct upgrade {
    struct request req;
    struct door door;
    const char *key; /* Sec-WebSocket-Key */
    char response[RESPONSE_SIZE];
};

static bool refuse(struct upgrade *up, const char *code)
{
    answer_error(&up->req, code);
    return false;
}

/* What is no GET is no handshake, whatever its headers say: it is answered as everywhere else. */
static bool check_method(struct upgrade *up)
{
    if (request_is(&up->req, "GET")) {
        return true;
    }
    routes_dispatch(&up->req);
    return false;
}

static bool check_path(struct upgrade *up)
{
    up->door.proto = door_find(&up->req.path, &up->door.socket.framed);
    return up->door.proto || refuse(up, "not_found");
}

static bool pass_role(struct upgrade *up)
{
    return door_role(&up->door);
}

static bool pass_outside(struct upgrade *up)
{
    return door_outside(&up->door);
}

static bool pass_inside(struct upgrade *up)
{
    return door_inside(&up->door);
}

/* RFC 6455 section 4.2.1, as far as civetweb has not looked yet. */
static bool check_handshake(struct upgrade *up)
{
    struct request *req = &up->req;
    const struct mg_request_info *info = req->info;
    up->key = request_header(req, "Sec-WebSocket-Key");
    if (strcmp(info->http_version, "1.1") != 0 || req->content_length > 0 ||
        !ws_list_has(request_header(req, "Connection"), "upgrade") ||
        !ws_list_has(request_header(req, "Upgrade"), "websocket") ||
        head_count(info->http_headers, info->num_headers, "Sec-WebSocket-Key") != 1 ||
        head_count(info->http_headers, info->num_headers, "Sec-WebSocket-Version") != 1 ||
        !ws_key_valid(up->key)) {
        return refuse(up, "bad_request");
    }
    return true;
}

static bool is_bearer(const char *token, size_t len)
{
    return len >= 7 && memcmp(token, "bearer.", 7) == 0;
}

/* Which of `names` a token is; their number when it is none. */
static size_t find_name(const char *const *names, const char *token, size_t len)
{
    size_t i = 0;
    while (names[i] && (strlen(names[i]) != len || memcmp(names[i], token, len) != 0)) {
        i++;
    }
    return i;
}

/* The best of ours that is offered; a list of strangers is refused, but for tokens among them. */
static bool check_subprotocol(struct upgrade *up)
{
    struct buf list;
    const char *const *names = up->door.proto->subprotocols;
    const char *token;
    size_t len;
    size_t best = SIZE_MAX;
    bool strangers = false;
    if (!names) {
        return true;
    }
    buf_init(&list);
    const char *cursor = request_header_list(&up->req, "Sec-WebSocket-Protocol", &list);
    int more = 0;
    while (cursor && (more = ws_next_token(&cursor, &token, &len)) > 0) {
        size_t i = find_name(names, token, len);
        bool ours = names[i] != NULL;
        if (ours && i < best) {
            best = i;
        }
        strangers = strangers || (!ours && !is_bearer(token, len));
    }
    buf_finish(&list);
    if (more < 0 || (strangers && best == SIZE_MAX)) {
        return refuse(up, "bad_subprotocol");
    }
    up->door.socket.subprotocol = best == SIZE_MAX ? NULL : names[best];
    return true;
}

/* Answers 101 on the socket, which is ours by now. */
static bool send_handshake(struct upgrade *up)
{
    struct socket_request *socket = &up->door.socket;
    char accept[WS_ACCEPT_SIZE];
    char extension[WS_EXTENSION_SIZE];
    struct transfer out;
    struct buf offers;
    buf_init(&offers);
    ws_accept_key(up->key, accept);
    socket->deflate = ws_offer_deflate(
        request_header_list(&up->req, "Sec-WebSocket-Extensions", &offers), extension);
    buf_finish(&offers);
    size_t len = ws_handshake_response(up->response, sizeof up->response, accept,
                                       socket->subprotocol, socket->deflate ? extension : NULL);
    transfer_init(&out, socket->fd, TRANSFER_SEND_RATE, &up->req.server->stopping);
    return len > 0 && transfer_send(&out, up->response, len);
}

static void give_up(struct upgrade *up, bool answered)
{
    static const char try_later[] = "\x88\x02\x03\xf5"; /* a close frame, 1013 */
    struct transfer out;
    door_release(&up->door);
    if (answered) {
        transfer_init(&out, up->door.socket.fd, TRANSFER_SEND_RATE, NULL);
        (void)transfer_send(&out, try_later, sizeof try_later - 1);
    }
    transfer_close(up->door.socket.fd, 0);
    log_warn("http", "%s %s: the socket could not be handed over", up->req.address,
             up->door.proto->path);
}

/* Reserves, takes the socket, answers 101, and gives the socket to its loop. */
static bool take(struct upgrade *up)
{
    struct request *req = &up->req;
    struct door *door = &up->door;
    const struct mg_request_info *info = req->info;
    int fd = take_find(info->remote_addr, (unsigned)info->remote_port, (unsigned)info->server_port);
    if (fd < 0) {
        metric_add(METRIC_TAKE_AMBIGUOUS, 1);
        return refuse(up, "no_capacity");
    }
    if (!door_reserve(door)) {
        return false;
    }
    door->socket.fd = take_over(req->server->take, fd);
    if (door->socket.fd < 0) {
        door_release(door);
        return refuse(up, "no_capacity");
    }
    req->status = 101;
    bool answered = send_handshake(up);
    if (!answered || proto_post(door_loop(door), door->proto, &door->socket) < 0) {
        give_up(up, answered);
        return false;
    }
    return true;
}

/* In this order; each answers when it does not let pass. */
static bool (*const checks[])(struct upgrade *up) = {
    check_method, check_path,        pass_role,   check_handshake,
    pass_outside, check_subprotocol, pass_inside, take,
};

/* There is no memory to look at the request. Not part of on_connect(), whose stack it would grow. */
__attribute__((noinline)) static int refuse_unread(const struct mg_connection *conn, void *server)
{
    struct request req = {0};
    const char *wrong = request_init(&req, server, (struct mg_connection *)conn);
    answer_error(&req, wrong ? wrong : "no_capacity");
    request_finish(&req);
    return 1;
}

/* Not 0: civetweb sends nothing, and meets end of file where a socket was taken. */
static int on_connect(const struct mg_connection *conn, void *arg)
{
    /* Not on the stack: each of the HTTP threads would keep the page for ever. */
    struct upgrade *up = calloc(1, sizeof *up);
    if (!up) {
        metric_add(METRIC_OUT_OF_MEMORY, 1);
        return refuse_unread(conn, arg);
    }
    const char *wrong = request_init(&up->req, arg, (struct mg_connection *)conn);
    if (wrong) {
        answer_error(&up->req, wrong);
    } else {
        up->door.req = &up->req;
        for (size_t i = 0; i < sizeof checks / sizeof checks[0] && checks[i](up); i++) {
        }
    }
    request_finish(&up->req);
    free(up);
    return 1;
}

/* civetweb's own WebSocket must never come to life: on_connect() always declines. */
static void on_ready(struct mg_connection *conn, void *arg)
{
    (void)arg;
    metric_add(METRIC_CIVETWEB_SOCKETS, 1);
    (void)mg_websocket_write(conn, MG_WEBSOCKET_OPCODE_CONNECTION_CLOSE, "\x03\xf3", 2);
}

static int on_data(struct mg_connection *conn, int bits, char *data, size_t len, void *arg)
{
    (void)conn, (void)bits, (void)data, (void)len, (void)arg;
    metric_add(METRIC_CIVETWEB_SOCKETS, 1);
    return 0; /* close it */
}

void upgrade_register(struct http_server *server)
{
    mg_set_websocket_handler(server->civetweb, "**", on_connect, on_ready, on_data, NULL, server);
}
