/*
 * Receiving a request's body (http/request.h, request_body).
 *
 * civetweb's mg_read() goes on for as long as a byte comes now and then. So the socket is taken
 * first: then mg_read() gives what had come with the head and meets the dummy's end of file, and
 * the rest is read here, against a deadline that moves with the bytes.
 */
#include "http/answer.h"
#include "http/head.h"
#include "http/request.h"

/* Receives until `out` has `want` bytes. NULL, "" when the client is gone, or an error's code. */
static const char *receive_rest(struct request *req, size_t want, struct buf *out)
{
    struct transfer in;
    const char *expect = request_header(req, "Expect");
    if (expect && head_is_type(expect, "100-continue")) {
        static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
        transfer_send(&req->out, go_on, sizeof go_on - 1);
    }
    transfer_init(&in, req->fd, TRANSFER_RECEIVE_RATE, &req->server->stopping);
    in.moved = (int64_t)out->len;
    while (out->len < want) {
        ssize_t n = transfer_receive(&in, out->data + out->len, want - out->len);
        if (n <= 0) {
            return n == TRANSFER_SLOW ? "request_timeout" : n == TRANSFER_END ? "bad_request" : "";
        }
        out->len += (size_t)n;
    }
    return NULL;
}

static const char *receive(struct request *req, size_t max, struct buf *out)
{
    if (req->content_length > (int64_t)max) {
        return "body_too_large";
    }
    size_t want = (size_t)req->content_length;
    if (want == 0) {
        return NULL;
    }
    if (!request_take(req)) {
        return "no_capacity";
    }
    if (!buf_reserve(out, want)) {
        return "internal";
    }
    int n = mg_read(req->conn, out->data, want);
    out->len = n > 0 ? (size_t)n : 0;
    if (out->len < want) {
        if (!limits_enter(req->server->limits, LIMITS_BODY)) {
            return "no_capacity";
        }
        const char *wrong = receive_rest(req, want, out);
        limits_leave(req->server->limits, LIMITS_BODY);
        if (wrong) {
            return wrong;
        }
    }
    req->unread = false;
    return NULL;
}

bool request_body(struct request *req, size_t max, struct buf *out)
{
    const char *wrong = receive(req, max, out);
    if (wrong && *wrong) {
        answer_error(req, wrong);
    }
    return !wrong;
}
