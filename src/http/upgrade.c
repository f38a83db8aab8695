/*
 * The door: one list of checks, each of which lets the upgrade pass or answers it; the last ones
 * reserve a place in the room and take the socket. See upgrade.h.
 *
 * Where something fails after the reservation, the reservation is given back. Bytes that a client
 * sends before it has our 101 stay with civetweb and are lost; RFC 6455 forbids them.
 */
#include "http/upgrade.h"

#include <limits.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "base/map.h"
#include "base/number.h"
#include "core/log.h"
#include "core/memory.h"
#include "core/metrics.h"
#include "http/answer.h"
#include "http/codes.h"
#include "http/head.h"
#include "http/routes.h"
#include "net/fds.h"
#include "ws/handshake.h"

#define RESPONSE_SIZE 1024
#define OPENING_TRIES 50   /* how often a room is asked for whose host is just arriving, */
#define OPENING_MS 20      /* and the wait between, ms */
#define FULL_NOTE_MS 10000 /* between two lines of the log that say so */

struct upgrade {
    struct request req;
    const struct proto *proto;
    const char *key;              /* Sec-WebSocket-Key */
    const char *subprotocol;      /* to answer with, or NULL */
    char code[ROOM_CODE_MAX + 1]; /* "": a new room is asked for */
    struct room_options options;
    struct socket_request socket;
    char response[RESPONSE_SIZE];
};

static bool refuse(struct upgrade *up, const char *code)
{
    answer_error(&up->req, code);
    return false;
}

static bool refuse_field(struct upgrade *up, const char *field, const char *message)
{
    answer_field(&up->req, "bad_field", field, message);
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
    for (up->proto = proto_table; up->proto->path; up->proto++) {
        if (route_matches(up->proto->path, &up->req.path)) {
            return true;
        }
    }
    return refuse(up, "not_found");
}

static bool check_role(struct upgrade *up)
{
    return up->req.server->context.config->role != CONFIG_ROLE_API || refuse(up, "wrong_role");
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

static bool check_draining(struct upgrade *up)
{
    return !atomic_load(&up->req.server->draining) || refuse(up, "draining");
}

static bool check_origin(struct upgrade *up)
{
    return request_origin_allowed(&up->req) || refuse(up, "origin_forbidden");
}

/* Ours is chosen where it is offered; a list of strangers is refused, but for tokens among them. */
static bool check_subprotocol(struct upgrade *up)
{
    struct buf list;
    const char *name = up->proto->subprotocol;
    const char *token;
    size_t len;
    bool strangers = false;
    if (!name) {
        return true;
    }
    buf_init(&list);
    const char *cursor = request_header_list(&up->req, "Sec-WebSocket-Protocol", &list);
    int more = 0;
    while (cursor && (more = ws_next_token(&cursor, &token, &len)) > 0) {
        if (len == strlen(name) && memcmp(token, name, len) == 0) {
            up->subprotocol = name;
        } else if (len < 7 || memcmp(token, "bearer.", 7) != 0) {
            strangers = true;
        }
    }
    buf_finish(&list);
    if (more < 0 || (strangers && !up->subprotocol)) {
        return refuse(up, "bad_subprotocol");
    }
    return true;
}

/* Says in the log that newcomers are turned away, once in a while. */
static void note_full(struct http_server *server, const char *limit)
{
    int64_t now_ms = clock_mono_ms();
    int64_t after_ms = atomic_load(&server->full_note_after_ms);
    if (now_ms >= after_ms && atomic_compare_exchange_strong(&server->full_note_after_ms, &after_ms,
                                                             now_ms + FULL_NOTE_MS)) {
        log_warn("http", "full: upgrades are refused, %s is reached with %lld sockets", limit,
                 (long long)metric_get(METRIC_CONNECTIONS));
    }
}

static bool check_capacity(struct upgrade *up)
{
    struct http_server *server = up->req.server;
    uint64_t memory_max = (uint64_t)server->context.config->memory_max << 20;
    bool memory = memory_max > 0 && memory_over(memory_max);
    if (!memory && metric_get(METRIC_CONNECTIONS) < server->sockets_max) {
        return true;
    }
    note_full(server, memory ? "LECTERN_MEMORY_MAX" : "the number of sockets");
    return refuse(up, "no_capacity");
}

static bool check_token(struct upgrade *up)
{
    if (!up->proto->joins_room) {
        return true;
    }
    const char *wrong = request_claims(&up->req);
    if (wrong) {
        return refuse(up, wrong);
    }
    if (up->req.claims.type == USER_SERVICE) {
        return refuse(up, "room_forbidden");
    }
    up->socket.claims = up->req.claims;
    return true;
}

static bool read_room(struct upgrade *up)
{
    struct request *req = &up->req;
    size_t len;
    if (!up->proto->joins_room) {
        return true;
    }
    enum url_result result = url_query_get(req->query, "room", up->code, sizeof up->code, &len);
    if (result == URL_ABSENT && req->claims.type == USER_TEACHER) {
        return true;
    }
    if (result != URL_OK || !id_room_code_valid((struct span){up->code, len})) {
        return refuse(up, "bad_room");
    }
    return true;
}

/* An unsigned number from `min` to `max`; `out` keeps its value when the parameter is absent. */
static bool read_number(struct upgrade *up, const char *name, uint32_t min, uint32_t max,
                        uint32_t *out)
{
    char text[16];
    char message[96];
    if (!request_field(&up->req, name, text, sizeof text)) {
        return false;
    }
    if (!*text || number_read_u32(span_of(text), min, max, out)) {
        return true;
    }
    snprintf(message, sizeof message, "The parameter %s is a number from %u to %u.", name, min,
             max);
    return refuse_field(up, name, message);
}

/* One of two words; `out` is true for the second. */
static bool read_word(struct upgrade *up, const char *name, const char *no, const char *yes,
                      bool *out)
{
    char text[16];
    char message[96];
    if (!request_field(&up->req, name, text, sizeof text)) {
        return false;
    }
    *out = strcmp(text, yes) == 0;
    if (*text && !*out && strcmp(text, no) != 0) {
        snprintf(message, sizeof message, "The parameter %s is %s or %s.", name, no, yes);
        return refuse_field(up, name, message);
    }
    return true;
}

static bool read_host_options(struct upgrade *up)
{
    struct room_options *options = &up->options;
    uint32_t most = up->req.server->context.config->room_max;
    options->max = most;
    if (!up->proto->joins_room || up->req.claims.type != USER_TEACHER) {
        return true;
    }
    if (!request_field(&up->req, "name", options->name, sizeof options->name)) {
        return false;
    }
    if (options->name[0] && !id_name_valid(span_of(options->name))) {
        return refuse_field(up, "name", "A room's name is 1 to 64 visible characters.");
    }
    return read_number(up, "max", 1, most, &options->max) &&
           read_number(up, "hold", 0, ROOM_HOLD_MAX_S, &options->hold_s) &&
           read_word(up, "talk", "teacher", "all", &options->talk_all) &&
           read_word(up, "notify", "host", "all", &options->notify_all);
}

static bool read_resume(struct upgrade *up)
{
    struct socket_request *socket = &up->socket;
    socket->history = ROOM_HISTORY_DEFAULT;
    if (!up->proto->joins_room) {
        return true;
    }
    if (!request_field(&up->req, "since", socket->since, sizeof socket->since) ||
        !read_number(up, "history", 0, ROOM_HISTORY_MAX, &socket->history)) {
        return false;
    }
    for (const char *p = socket->since; *p; p++) {
        if (*p != '.' && !id_type_valid((struct span){p, 1})) {
            return refuse_field(up, "since", "The parameter since is the id of a message.");
        }
    }
    return true;
}

/* The code of each outcome of reserve_place(). */
static const char *const outcome_codes[] = {
    [ROOM_NOT_FOUND] = "room_not_found", [ROOM_TAKEN] = "room_taken",
    [ROOM_LOCKED] = "room_locked",       [ROOM_FULL] = "room_full",
    [ROOM_REMOVED] = "removed",          [ROOM_FORBIDDEN] = "room_forbidden",
    [ROOM_UNAVAILABLE] = "unavailable",
};

/*
 * A student may be there a moment before the host's socket is active: waits for it, unless too many
 * threads do.
 */
static enum room_outcome reserve_place(struct upgrade *up)
{
    const struct timespec wait = {.tv_nsec = OPENING_MS * 1000000L};
    struct http_server *server = up->req.server;
    bool waits = false;
    enum room_outcome outcome;
    for (int i = 0; i < OPENING_TRIES; i++) {
        outcome = room_reserve(server->context.pool, &up->req.claims, up->code, &up->options,
                               &up->socket.ticket);
        if (outcome != ROOM_OPENING) {
            break;
        }
        if (!waits && !limits_enter(server->limits, LIMITS_OPENING)) {
            return ROOM_UNAVAILABLE;
        }
        waits = true;
        nanosleep(&wait, NULL);
    }
    if (waits) {
        limits_leave(server->limits, LIMITS_OPENING);
    }
    return outcome == ROOM_OPENING ? ROOM_NOT_FOUND : outcome;
}

static bool reserve(struct upgrade *up)
{
    struct request *req = &up->req;
    if (!up->proto->joins_room) {
        return true;
    }
    bool guesser = codes_guesser(&req->claims, up->code);
    if (guesser && !codes_may_ask(req, up->code)) {
        return false;
    }
    enum room_outcome outcome = reserve_place(up);
    if (outcome == ROOM_NOT_FOUND) {
        codes_missing(req);
        return false;
    }
    codes_refund(req, up->code);
    return outcome == ROOM_RESERVED || refuse(up, outcome_codes[outcome]);
}

static void release(struct upgrade *up)
{
    metric_add(METRIC_TAKE_FAILED, 1);
    if (up->proto->joins_room) {
        room_release(up->req.server->context.pool, &up->socket.ticket);
    }
}

/* A class goes to the loop that its code chooses, so that a server follows it once. */
static struct proto_loop *choose_loop(struct upgrade *up)
{
    struct http_server *server = up->req.server;
    const char *room = up->socket.ticket.room;
    unsigned index = up->proto->joins_room ? hash_stable(room, strlen(room))
                                           : atomic_fetch_add(&server->next_loop, 1);
    return server->context.loops[index % server->context.loop_count];
}

/* Answers 101 on the socket, which is ours by now. */
static bool send_handshake(struct upgrade *up)
{
    char accept[WS_ACCEPT_SIZE];
    char extension[WS_EXTENSION_SIZE];
    struct transfer out;
    struct buf offers;
    buf_init(&offers);
    ws_accept_key(up->key, accept);
    up->socket.deflate = ws_offer_deflate(
        request_header_list(&up->req, "Sec-WebSocket-Extensions", &offers), extension);
    buf_finish(&offers);
    size_t len = ws_handshake_response(up->response, sizeof up->response, accept, up->subprotocol,
                                       up->socket.deflate ? extension : NULL);
    transfer_init(&out, up->socket.fd, TRANSFER_SEND_RATE, &up->req.server->stopping);
    return len > 0 && transfer_send(&out, up->response, len);
}

static void give_up(struct upgrade *up, bool answered)
{
    static const char try_later[] = "\x88\x02\x03\xf5"; /* a close frame, 1013 */
    struct transfer out;
    release(up);
    if (answered) {
        transfer_init(&out, up->socket.fd, TRANSFER_SEND_RATE, NULL);
        (void)transfer_send(&out, try_later, sizeof try_later - 1);
    }
    transfer_close(up->socket.fd, 0);
    log_warn("http", "%s %s: the socket could not be handed over", up->req.address,
             up->proto->path);
}

/* Reserves, takes the socket, answers 101, and gives the socket to its loop. */
static bool take(struct upgrade *up)
{
    struct request *req = &up->req;
    const struct mg_request_info *info = req->info;
    int fd = take_find(info->remote_addr, (unsigned)info->remote_port, (unsigned)info->server_port);
    if (fd < 0) {
        metric_add(METRIC_TAKE_AMBIGUOUS, 1);
        return refuse(up, "no_capacity");
    }
    if (!reserve(up)) {
        return false;
    }
    if (atomic_load(&req->server->draining)) {
        release(up); /* it has begun while Redis was asked */
        return refuse(up, "draining");
    }
    up->socket.fd = take_over(req->server->take, fd);
    if (up->socket.fd < 0) {
        release(up);
        return refuse(up, "no_capacity");
    }
    req->status = 101;
    (void)span_copy(span_of(req->address), up->socket.address, sizeof up->socket.address);
    up->socket.started_ns = req->started_ns;
    bool answered = send_handshake(up);
    if (!answered || proto_post(choose_loop(up), up->proto, &up->socket) < 0) {
        give_up(up, answered);
        return false;
    }
    return true;
}

/* In the order of the door; each answers when it does not let pass. */
static bool (*const checks[])(struct upgrade *up) = {
    check_method,      check_path,        check_role,     check_handshake, check_draining,
    check_origin,      check_subprotocol, check_capacity, check_token,     read_room,
    read_host_options, read_resume,       take,
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
