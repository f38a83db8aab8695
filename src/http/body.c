/*
 * Receiving and reading a request's body; see body.h.
 *
 * civetweb's mg_read() goes on for as long as a byte comes now and then. So the socket is taken
 * first: then mg_read() gives what had come with the head and meets the dummy's end of file, and
 * the rest is read here, against a deadline that moves with the bytes.
 */
#include "http/body.h"

#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/utf8.h"
#include "core/metrics.h"
#include "http/answer.h"
#include "http/head.h"

#define CHUNK 16384 /* bytes of a body in chunks that are read at a time */

static void tell_to_go_on(struct request *req)
{
    const char *expect = request_header(req, "Expect");
    if (expect && head_is_type(expect, "100-continue")) {
        static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
        transfer_send(&req->out, go_on, sizeof go_on - 1);
    }
}

/* Receives until `out` has `want` bytes. NULL, "" when the client is gone, or an error's code. */
static const char *receive_rest(struct request *req, size_t want, unsigned rate, struct buf *out)
{
    struct transfer in;
    tell_to_go_on(req);
    transfer_init(&in, req->fd, rate, &req->server->stopping);
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

/*
 * A body in chunks, which civetweb alone can put together: what it has read of it cannot be told from
 * outside. Its reads end when the time is over (http/patience.h).
 */
static const char *receive_chunks(struct request *req, size_t max, struct buf *out)
{
    const struct mg_request_info *info = req->info;
    struct patience_wait wait;
    int fd = take_find(info->remote_addr, (unsigned)info->remote_port, (unsigned)info->server_port);
    if (fd < 0 || !limits_enter(req->server->limits, LIMITS_BODY)) {
        return "no_capacity";
    }
    int n = 1;
    patience_begin(req->server->patience, &wait, fd, TRANSFER_GRACE_MS);
    while (n > 0 && out->len <= max) {
        if (!buf_reserve(out, CHUNK)) {
            break;
        }
        n = mg_read(req->conn, out->data + out->len, CHUNK);
        out->len += n > 0 ? (size_t)n : 0;
    }
    bool late = patience_end(req->server->patience, &wait);
    limits_leave(req->server->limits, LIMITS_BODY);
    req->unread = n != 0;
    return out->failed      ? "internal"
           : out->len > max ? "body_too_large"
           : late           ? "request_timeout"
           : n < 0          ? "bad_request"
                            : NULL;
}

static const char *receive(struct request *req, size_t max, unsigned rate, struct buf *out)
{
    if (req->chunked_body) {
        return receive_chunks(req, max, out);
    }
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
        const char *wrong = receive_rest(req, want, rate, out);
        limits_leave(req->server->limits, LIMITS_BODY);
        if (wrong) {
            return wrong;
        }
    }
    req->unread = false;
    return NULL;
}

/* Can every string of this valid JSON text, names too, be read as plain text? */
static bool strings_decode(struct span json)
{
    for (size_t i = 0; i < json.n; i++) {
        size_t start = i;
        if (json.p[i] != '"') {
            continue;
        }
        for (i++; json.p[i] != '"'; i++) {
            i += json.p[i] == '\\';
        }
        if (!json_string_decodes((struct span){json.p + start, i + 1 - start})) {
            return false;
        }
    }
    return true;
}

/* Is there an object in which two members have one name? (Bodies are short.) */
static bool has_twins(const cJSON *value)
{
    for (const cJSON *a = value->child; a; a = a->next) {
        for (const cJSON *b = a->next; cJSON_IsObject(value) && b; b = b->next) {
            if (strcmp(a->string, b->string) == 0) {
                return true;
            }
        }
        if (has_twins(a)) {
            return true;
        }
    }
    return false;
}

/* NULL with the code of the error in *wrong. */
static cJSON *parse(struct span text, const char **wrong)
{
    size_t count;
    size_t at;
    *wrong = "bad_json";
    if (!utf8_valid(text.p, text.n) || json_members(text, NULL, 0, &count, &at) ||
        !strings_decode(text)) {
        return NULL;
    }
    cJSON *object = cJSON_ParseWithLength(text.p, text.n);
    if (!object) {
        metric_add(METRIC_OUT_OF_MEMORY, 1); /* there was nothing else to object to */
        *wrong = "internal";
    } else if (has_twins(object)) {
        cJSON_Delete(object);
        object = NULL;
    }
    return object;
}

cJSON *body_json(struct request *req, size_t max)
{
    struct buf body;
    cJSON *object = NULL;
    if (!head_is_type(request_header(req, "Content-Type"), "application/json")) {
        answer_error(req, "unsupported_media_type");
        return NULL;
    }
    buf_init(&body);
    const char *wrong = receive(req, max, TRANSFER_RECEIVE_RATE, &body);
    if (!wrong) {
        object = parse(buf_span(&body), &wrong);
    }
    if (!object && *wrong) {
        answer_error(req, wrong);
    }
    buf_finish(&body);
    return object;
}

bool body_bytes(struct request *req, size_t max, unsigned rate, struct buf *out)
{
    const char *wrong = receive(req, max, rate, out);
    if (wrong && *wrong) {
        answer_error(req, wrong);
    }
    return !wrong;
}

bool body_open(struct request *req, int64_t max, unsigned rate, int64_t silence_ms,
               struct body_stream *out)
{
    if (req->content_length > max) {
        answer_error(req, "body_too_large");
        return false;
    }
    if (!request_take(req)) {
        answer_error(req, "no_capacity");
        return false;
    }
    *out = (struct body_stream){.req = req, .left = req->content_length};
    transfer_init(&out->in, req->fd, rate, &req->server->stopping);
    out->in.silence_ms = silence_ms;
    return true;
}

/* What had come with the head, as far as there is any left. */
static ssize_t next_buffered(struct body_stream *body, void *data, size_t cap)
{
    int n = body->direct ? 0 : mg_read(body->req->conn, data, cap);
    if (n <= 0 && !body->direct) {
        body->direct = true;
        tell_to_go_on(body->req);
    }
    return n > 0 ? n : 0;
}

ssize_t body_next(struct body_stream *body, void *data, size_t cap)
{
    cap = (int64_t)cap < body->left ? cap : (size_t)body->left;
    if (cap == 0) {
        return 0;
    }
    ssize_t n = next_buffered(body, data, cap);
    if (n == 0) {
        n = transfer_receive(&body->in, data, cap);
    }
    if (n <= 0) {
        body->wrong = n == TRANSFER_SLOW  ? "request_timeout"
                      : n == TRANSFER_END ? "bad_request"
                                          : "";
        return -1;
    }
    body->left -= n;
    body->req->unread = body->left > 0;
    return n;
}

bool body_text(struct request *req, const cJSON *object, const char *key, char *out, size_t cap)
{
    char message[128];
    const cJSON *member = cJSON_GetObjectItemCaseSensitive(object, key);
    const char *wrong = NULL;
    if (!member) {
        wrong = "is missing";
    } else if (!cJSON_IsString(member)) {
        wrong = "must be a string";
    } else if (!span_copy(span_of(member->valuestring), out, cap)) {
        wrong = "is too long";
    }
    if (wrong) {
        snprintf(message, sizeof message, "The field %s %s.", key, wrong);
        answer_field(req, "bad_field", key, message);
    }
    return !wrong;
}
