/* Writing answers, by civetweb or on a socket that was taken; see answer.h. */
#include "http/answer.h"

#include <stdarg.h>
#include <stdio.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "core/metrics.h"
#include "http/errors.h"
#include "http/origin.h"
#include "net/fds.h"

/*
 * Long answers go out on the socket itself: with a send buffer that holds all of a page the thread
 * is free at once, however slowly it is read. What does not fit into such a buffer needs a slot.
 */
#define LONG_ANSWER (16u << 10) /* bytes */
#define BUFFER_MAX (256u << 10)

void answer_header(struct request *req, const char *name, const char *format, ...)
{
    va_list args;
    buf_printf(&req->headers, "%s: ", name);
    va_start(args, format);
    buf_vprintf(&req->headers, format, args);
    va_end(args);
    buf_append_text(&req->headers, "\r\n");
}

static void write_date(struct buf *head)
{
    char text[48];
    struct tm tm;
    time_t now = time(NULL);
    gmtime_r(&now, &tm);
    strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &tm);
    buf_printf(head, "Date: %s\r\n", text);
}

/* Lets pages of the configured origins read the answer. */
static void write_cors(const struct request *req, struct buf *head)
{
    char *const *origins = req->server->context.config->origins;
    const char *origin = request_header(req, "Origin");
    if (!origins || !origins[0]) {
        return;
    }
    buf_append_text(head, "Vary: Origin\r\n");
    if (origin && origin_listed(origin, origins)) {
        buf_printf(head, "Access-Control-Allow-Origin: %s\r\n", origin);
        buf_append_text(head, "Access-Control-Allow-Credentials: true\r\n"
                              "Access-Control-Expose-Headers: Retry-After\r\n");
    }
}

void answer_write_head(const struct request *req, int status, const char *type, struct buf *head)
{
    buf_printf(head, "HTTP/1.1 %d %s\r\n", status, status_text(status));
    write_date(head);
    if (type) {
        buf_printf(head, "Content-Type: %s\r\n", type);
    }
    buf_printf(head,
               "Connection: close%s\r\n"
               "Cache-Control: %s\r\n"
               "X-Content-Type-Options: nosniff\r\n"
               "Referrer-Policy: no-referrer\r\n"
               "Content-Security-Policy: %s\r\n",
               status == 426 ? ", Upgrade" : "", req->cache_control, req->policy);
    write_cors(req, head);
    buf_append_span(head, buf_span(&req->headers));
    head->failed = head->failed || req->headers.failed;
}

static bool send_bytes(struct request *req, const void *data, size_t len)
{
    if (req->fd >= 0) {
        return transfer_send(&req->out, data, len);
    }
    return len == 0 || mg_write(req->conn, data, len) == (int)len;
}

static void send_long(struct request *req, const struct buf *head, struct span body)
{
    size_t len = head->len + body.n;
    int size = (int)(len < BUFFER_MAX ? len : BUFFER_MAX);
    bool slot = len > BUFFER_MAX;
    if (head->failed || !request_take(req) ||
        (slot && !limits_enter(req->server->limits, LIMITS_TRANSFER))) {
        req->status = 0;
        req->cache_control = "no-store";
        buf_clear(&req->headers);
        answer_error(req, "no_capacity");
        return;
    }
    setsockopt(req->fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    (void)(send_bytes(req, head->data, head->len) && send_bytes(req, body.p, body.n));
    if (slot) {
        limits_leave(req->server->limits, LIMITS_TRANSFER);
    }
}

static void send_answer(struct request *req, struct buf *head, struct span body)
{
    if (head->len + body.n > LONG_ANSWER) {
        send_long(req, head, body);
        return;
    }
    if (req->unread) {
        (void)request_take(req); /* so that it can be closed without losing the answer */
    }
    buf_append_span(head, body); /* one packet */
    if (head->failed) {
        metric_add(METRIC_OUT_OF_MEMORY, 1);
        return;
    }
    (void)send_bytes(req, head->data, head->len);
}

void answer(struct request *req, int status, const char *type, struct span body)
{
    struct buf head;
    if (req->status) {
        return;
    }
    req->status = status;
    buf_init(&head);
    answer_write_head(req, status, type, &head);
    if (status != 204 && status != 304) {
        buf_printf(&head, "Content-Length: %zu\r\n", body.n);
    }
    buf_append_text(&head, "\r\n");
    if (request_is(req, "HEAD")) {
        body.n = 0;
    }
    send_answer(req, &head, body);
    buf_finish(&head);
}

/* By this thread, where the sender has no place left; false where too many threads do that. */
static bool send_rest(struct request *req, struct cached *file, size_t sent)
{
    if (!limits_enter(req->server->limits, LIMITS_TRANSFER)) {
        return false;
    }
    bool done = transfer_send(&req->out, file->data + sent, file->len - sent);
    limits_leave(req->server->limits, LIMITS_TRANSFER);
    return done;
}

/* The taken socket goes to the sender with what is left; false where nobody can send it. */
static bool hand_over(struct request *req, struct cached *file)
{
    ssize_t n = send(req->fd, file->data, file->len, MSG_DONTWAIT | MSG_NOSIGNAL);
    size_t sent = n > 0 ? (size_t)n : 0;
    req->out.moved += (int64_t)sent;
    if (sent == file->len) {
        return true;
    }
    if (!sender_take(req->server->sender, &req->out, file, sent)) {
        return send_rest(req, file, sent);
    }
    req->fd = -1; /* the sender's */
    return true;
}

/* Without a buffer of its own size for so many: the sender's thread fills what there is again. */
static void send_file(struct request *req, const struct buf *head, struct cached *file)
{
    if (head->failed || !request_take(req)) {
        req->status = 0;
        req->cache_control = "no-store";
        buf_clear(&req->headers);
        answer_error(req, "no_capacity");
        return;
    }
    if (send_bytes(req, head->data, head->len) && !hand_over(req, file)) {
        answer_abort(req); /* half of a file would look like one that is damaged */
    }
}

void answer_file(struct request *req, const char *type, struct cached *file)
{
    struct buf head;
    const struct span bytes = {file->data, file->len};
    if (file->len <= LONG_ANSWER / 2 || request_is(req, "HEAD")) {
        answer(req, 200, type, bytes); /* with its head one packet, or a few */
        return;
    }
    req->status = 200;
    buf_init(&head);
    answer_write_head(req, 200, type, &head);
    buf_printf(&head, "Content-Length: %zu\r\n\r\n", file->len);
    send_file(req, &head, file);
    buf_finish(&head);
}

void answer_json(struct request *req, int status, struct buf *json)
{
    if (json->failed) {
        metric_add(METRIC_OUT_OF_MEMORY, 1);
        answer_error(req, "internal");
    } else {
        answer(req, status, "application/json", buf_span(json));
    }
    buf_finish(json);
}

/* What certain statuses must carry besides. */
static void write_error_headers(struct request *req, const struct http_error *row, unsigned wait_s)
{
    if (wait_s > 0) {
        answer_header(req, "Retry-After", "%u", wait_s);
    }
    if (row->status == 401) {
        answer_header(req, "WWW-Authenticate", "Bearer");
    }
    if (row->status == 426) {
        answer_header(req, "Upgrade", "websocket");
        answer_header(req, "Sec-WebSocket-Version", "13");
    }
    if (row->status == 405 && req->allow) {
        buf_append_text(&req->headers, "Allow: ");
        for (size_t i = 0; req->allow[i]; i++) {
            buf_printf(&req->headers, "%s%s", i ? ", " : "", req->allow[i]);
        }
        buf_append_text(&req->headers, "\r\n");
    }
}

static void answer_row(struct request *req, const struct http_error *row, const char *field,
                       const char *message, unsigned wait_s)
{
    struct buf json;
    if (req->status) {
        return;
    }
    metric_refused(row->code);
    write_error_headers(req, row, wait_s);
    buf_init(&json);
    error_write(&json, row->code, field, message);
    answer(req, row->status, "application/json", buf_span(&json));
    buf_finish(&json);
}

void answer_error(struct request *req, const char *code)
{
    const struct http_error *row = error_find(code);
    answer_row(req, row, NULL, row->message, row->retry_after_s);
}

void answer_field(struct request *req, const char *code, const char *field, const char *message)
{
    const struct http_error *row = error_find(code);
    answer_row(req, row, field, message, row->retry_after_s);
}

void answer_later(struct request *req, const char *code, unsigned wait_s)
{
    const struct http_error *row = error_find(code);
    answer_row(req, row, NULL, row->message, wait_s);
}

void answer_begin(struct request *req, int status, const char *type)
{
    struct buf head;
    buf_init(&head);
    req->status = status;
    req->chunked = strcmp(req->info->http_version, "1.0") != 0;
    answer_write_head(req, status, type, &head);
    buf_append_text(&head, req->chunked ? "Transfer-Encoding: chunked\r\n\r\n" : "\r\n");
    if (head.failed) {
        req->out.failed = true;
    }
    (void)send_bytes(req, head.data, head.len);
    buf_finish(&head);
}

bool answer_piece(struct request *req, struct span piece)
{
    char size[24];
    if (request_is(req, "HEAD") || piece.n == 0) {
        return !req->out.failed;
    }
    if (!req->chunked) {
        return send_bytes(req, piece.p, piece.n);
    }
    int n = snprintf(size, sizeof size, "%zx\r\n", piece.n);
    return send_bytes(req, size, (size_t)n) && send_bytes(req, piece.p, piece.n) &&
           send_bytes(req, "\r\n", 2);
}

void answer_end(struct request *req)
{
    if (req->chunked && !request_is(req, "HEAD")) {
        (void)send_bytes(req, "0\r\n\r\n", 5);
    }
}

void answer_abort(struct request *req)
{
    struct linger at_once = {.l_onoff = 1, .l_linger = 0};
    if (req->fd >= 0) {
        /* A reset: an answer without length must not look as if it were whole. */
        setsockopt(req->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
        fds_disown(req->fd);
        close(req->fd);
        req->fd = -1;
    }
}
