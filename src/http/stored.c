/* Sending stored files; see stored.h. */
#include "http/stored.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "core/metrics.h"
#include "http/answer.h"
#include "http/errors.h"
#include "http/file_name.h"
#include "http/range.h"
#include "media/bucket_reads.h"
#include "media/cache.h"
#include "media/render.h"
#include "net/fds.h"

#define SMALL                                                                                      \
    (16u << 10) /* bytes that are sent with their head, by the thread that has read them */

#define OBJECT_WAIT_MS 3000 /* for one's turn to fetch a picture; else it is read like any object */

/* The part of a file that is asked for. */
struct part {
    int status; /* 200 or 206 */
    int64_t offset, len;
};

static const char *code_of(enum blob_result result)
{
    return result == BLOB_NONE ? "file_not_found" : "unavailable";
}

/* An error in place of the file that the head was prepared for. */
static void refuse(struct request *req, const char *code)
{
    req->status = 0;
    req->cache_control = "no-store";
    buf_clear(&req->headers);
    answer_error(req, code);
}

static void describe(struct request *req, const struct stored *file, const char *etag)
{
    struct buf disposition;
    buf_init(&disposition);
    file_disposition(&disposition, file_type_inline(file->type), file->label);
    const char *text = buf_cstr(&disposition);
    req->cache_control = "private, max-age=86400, immutable";
    req->policy = "default-src 'none'; frame-ancestors 'none'; sandbox";
    answer_header(req, "ETag", "%s", etag);
    answer_header(req, "Accept-Ranges", "bytes");
    answer_header(req, "Content-Disposition", "%s", text ? text : "attachment");
    buf_finish(&disposition);
}

/* Prepares the head of what is asked for; false after answering: 304 or 416. */
static bool choose_part(struct request *req, const struct stored *file, struct part *part)
{
    char etag[BLOB_NAME_SIZE + 2];
    int64_t first, last;
    snprintf(etag, sizeof etag, "\"%s\"", file->blob);
    describe(req, file, etag);
    *part = (struct part){200, 0, file->size};
    if (pages_etag_matches(request_header(req, "If-None-Match"), etag)) {
        answer(req, 304, NULL, (struct span){NULL, 0});
        return false;
    }
    if (file->size < 0 || request_is(req, "HEAD") ||
        !range_applies(request_header(req, "If-Range"), etag)) {
        return true;
    }
    switch (range_read(request_header(req, "Range"), file->size, &first, &last)) {
    case RANGE_PART:
        *part = (struct part){206, first, last - first + 1};
        answer_header(req, "Content-Range", "bytes %lld-%lld/%lld", (long long)first,
                      (long long)last, (long long)file->size);
        return true;
    case RANGE_NONE:
        req->cache_control = "no-store";
        buf_clear(&req->headers);
        answer_header(req, "Content-Range", "bytes */%lld", (long long)file->size);
        answer_error(req, "range_not_satisfiable");
        return false;
    default:
        return true;
    }
}

/* The end of a head. */
static void write_length(int64_t len, struct buf *head)
{
    buf_printf(head, "Content-Length: %lld\r\n\r\n", (long long)len);
}

/* ---- From a directory ---- */

/* By this thread, where the sender has no place left; false where it cannot be done. */
static bool send_here(struct request *req, int fd, const struct part *part)
{
    char *piece = malloc(BLOB_PIECE);
    int64_t sent = 0;
    bool going = piece && limits_enter(req->server->limits, LIMITS_TRANSFER);
    bool entered = going;
    while (going && sent < part->len) {
        int64_t left = part->len - sent;
        ssize_t n = pread(fd, piece, left < (int64_t)BLOB_PIECE ? (size_t)left : BLOB_PIECE,
                          part->offset + sent);
        going = n > 0 && transfer_send(&req->out, piece, (size_t)n);
        sent += n;
    }
    if (entered) {
        limits_leave(req->server->limits, LIMITS_TRANSFER);
    }
    free(piece);
    return going;
}

static void send_large(struct request *req, const struct stored *file, const struct part *part,
                       int fd)
{
    struct buf head;
    if (!request_take(req)) {
        close(fd);
        refuse(req, "no_capacity");
        return;
    }
    buf_init(&head);
    answer_write_head(req, part->status, file->type, &head);
    write_length(part->len, &head);
    req->status = part->status;
    bool sent = !head.failed && transfer_send(&req->out, head.data, head.len);
    fds_own(fd);
    if (sent && sender_take_file(req->server->sender, &req->out, fd, part->offset,
                                 part->offset + part->len)) {
        req->fd = -1; /* both are the sender's */
    } else {
        sent = sent && send_here(req, fd, part);
        fds_disown(fd);
        close(fd);
        if (!sent) {
            answer_abort(req); /* half of a file would look like one that is damaged */
        }
    }
    buf_finish(&head);
}

static void send_small(struct request *req, const struct stored *file, const struct part *part,
                       int fd)
{
    char *bytes = malloc(SMALL);
    ssize_t n = bytes ? pread(fd, bytes, (size_t)part->len, part->offset) : -1;
    close(fd);
    if (n != part->len) {
        refuse(req, bytes ? "unavailable" : "internal");
    } else {
        answer(req, part->status, file->type, (struct span){bytes, (size_t)n});
    }
    free(bytes);
}

static void serve_file(struct request *req, struct stored *file)
{
    int64_t size = 0;
    struct part part;
    enum blob_result result;
    int fd = blobs_open_file(req->server->context.blobs, file->blob, &size, &result);
    if (fd >= 0 && file->size >= 0 && size != file->size) {
        close(fd); /* a directory that was put back from elsewhere */
        fd = -1;
        result = BLOB_NONE;
    }
    if (fd < 0) {
        refuse(req, code_of(result));
        return;
    }
    file->size = size;
    if (!choose_part(req, file, &part)) {
        close(fd);
    } else if (request_is(req, "HEAD") || size == 0) {
        close(fd);
        answer(req, 200, file->type, (struct span){"", (size_t)size});
    } else {
        (part.len <= SMALL ? send_small : send_large)(req, file, &part, fd);
    }
}

/* ---- From a bucket ---- */

/*
 * From the bucket to the reader, on the bucket's reading thread. The head goes out once the object
 * is known to be there; until then it may become an error.
 */
struct relay {
    struct bucket_reader reader;
    struct transfer out;
    struct sender *sender; /* closes the socket in the end */
    struct buf head;
    size_t head_sent;
    struct buf absent, away; /* whole answers: file_not_found, unavailable */
    bool begun;
};

static struct relay *relay_of(struct bucket_reader *reader)
{
    return (struct relay *)reader; /* its first member */
}

static bool relay_begin(struct bucket_reader *reader, int64_t len)
{
    struct relay *relay = relay_of(reader);
    write_length(len, &relay->head);
    relay->begun = !relay->head.failed;
    return relay->begun;
}

/* What the socket takes now; -1 when it is broken. */
static ssize_t send_now(struct relay *relay, const char *data, size_t len)
{
    ssize_t n = send(relay->out.fd, data, len, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n < 0) {
        return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR ? 0 : -1;
    }
    relay->out.moved += n;
    return n;
}

static ssize_t relay_take(struct bucket_reader *reader, const char *data, size_t len)
{
    struct relay *relay = relay_of(reader);
    if (relay->head_sent < relay->head.len) {
        ssize_t n = send_now(relay, relay->head.data + relay->head_sent,
                             relay->head.len - relay->head_sent);
        if (n < 0) {
            return -1;
        }
        relay->head_sent += (size_t)n;
        if (relay->head_sent < relay->head.len) {
            return 0;
        }
    }
    return send_now(relay, data, len);
}

static bool relay_late(struct bucket_reader *reader)
{
    const struct relay *relay = relay_of(reader);
    return transfer_left_ms(&relay->out) <= 0 || atomic_load(relay->out.stop);
}

static void free_relay(struct relay *relay)
{
    buf_finish(&relay->head);
    buf_finish(&relay->absent);
    buf_finish(&relay->away);
    free(relay);
}

/* So that the reader notices that it was not all. */
static void reset(int fd)
{
    struct linger at_once = {.l_onoff = 1, .l_linger = 0};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    fds_disown(fd);
    close(fd);
}

static void relay_end(struct bucket_reader *reader, enum blob_result result)
{
    struct relay *relay = relay_of(reader);
    if (!relay->begun) {
        const struct buf *answer = result == BLOB_NONE ? &relay->absent : &relay->away;
        metric_refused(code_of(result));
        (void)send_now(relay, answer->data, answer->len);
    }
    if (relay->begun && result) {
        reset(relay->out.fd);
    } else if (!sender_take_file(relay->sender, &relay->out, -1, 0, 0)) {
        transfer_close(relay->out.fd, 0);
    }
    free_relay(relay);
}

/* A whole answer with an error, as answer_error() would give it. */
static void write_refusal(const struct request *req, const char *code, struct buf *out)
{
    const struct http_error *row = error_find(code);
    struct buf json;
    buf_init(&json);
    error_write(&json, row->code, NULL, row->message);
    answer_write_head(req, row->status, "application/json", out);
    if (row->retry_after_s > 0) {
        buf_printf(out, "Retry-After: %u\r\n", row->retry_after_s);
    }
    buf_printf(out, "Content-Length: %zu\r\n\r\n", json.len);
    buf_append_span(out, buf_span(&json));
    out->failed = out->failed || json.failed;
    buf_finish(&json);
}

static void relay_object(struct request *req, const struct stored *file, const struct part *part,
                         struct relay *relay)
{
    if (!request_take(req)) {
        free_relay(relay);
        refuse(req, "no_capacity");
        return;
    }
    relay->out = req->out;
    relay->reader.fd = req->fd;
    relay->sender = req->server->sender;
    if (bucket_reads_start(req->server->reads, file->blob, file->size, part->offset, part->len,
                           &relay->reader)) {
        req->fd = -1; /* the reading thread's */
        req->status = part->status;
        return;
    }
    free_relay(relay);
    refuse(req, "no_capacity");
}

static void send_object(struct request *req, const struct stored *file, const struct part *part)
{
    struct relay *relay = calloc(1, sizeof *relay);
    if (!relay) {
        refuse(req, "internal");
        return;
    }
    relay->reader = (struct bucket_reader){
        .begin = relay_begin, .take = relay_take, .late = relay_late, .end = relay_end};
    answer_write_head(req, part->status, file->type, &relay->head);
    const char *cached = req->cache_control;
    struct buf headers = req->headers;
    req->headers = (struct buf){.data = NULL};
    req->cache_control = "no-store";
    write_refusal(req, "file_not_found", &relay->absent);
    write_refusal(req, "unavailable", &relay->away);
    req->headers = headers;
    req->cache_control = cached;
    if (relay->head.failed || relay->absent.failed || relay->away.failed) {
        free_relay(relay);
        metric_add(METRIC_OUT_OF_MEMORY, 1);
        refuse(req, "internal");
        return;
    }
    relay_object(req, file, part, relay);
}

/*
 * Pictures are small, and those who are shown one ask for it all at once: they come from this
 * server's cache, where one of them puts it. NULL: not this time, or no picture.
 */
static struct cached *find_picture(struct request *req, const struct stored *file)
{
    struct http_server *server = req->server;
    bool png = strcmp(file->type, "image/png") == 0;
    if ((!png && strcmp(file->type, "image/jpeg") != 0) || file->size > RENDER_BYTES_MAX) {
        return NULL;
    }
    struct cached *picture = cache_get(server->files, span_of(file->blob));
    if (picture || !gate_enter(&server->objects, OBJECT_WAIT_MS, &server->stopping)) {
        return picture;
    }
    picture = cache_get(server->files, span_of(file->blob));
    if (!picture) {
        struct buf bytes;
        int64_t now_ms = clock_mono_ms();
        buf_init(&bytes);
        metric_add(METRIC_FILES_FETCHED, 1);
        if (bucket_get(blobs_bucket(server->context.blobs), file->blob, RENDER_BYTES_MAX, &bytes) ==
                BLOB_OK &&
            (file->size < 0 || (int64_t)bytes.len == file->size)) {
            picture = cached_create(span_of(file->blob), png, buf_span(&bytes), now_ms);
        }
        if (picture) {
            cache_put(server->files, picture, now_ms);
        }
        buf_finish(&bytes);
    }
    gate_leave(&server->objects);
    return picture;
}

static void serve_object(struct request *req, const struct stored *file)
{
    struct part part;
    if (!choose_part(req, file, &part)) {
        return;
    }
    if (request_is(req, "HEAD") && file->size < 0) {
        answer_begin(req, 200, file->type); /* without a length */
    } else if (request_is(req, "HEAD") || file->size == 0) {
        answer(req, 200, file->type, (struct span){"", (size_t)file->size});
    } else {
        struct cached *picture = part.status == 200 ? find_picture(req, file) : NULL;
        if (picture) {
            answer_file(req, file->type, picture);
        } else {
            send_object(req, file, &part);
        }
        cached_release(picture);
    }
}

void stored_serve(struct request *req, const struct stored *file)
{
    struct stored copy = *file;
    if (req->server->reads) {
        serve_object(req, &copy);
    } else {
        serve_file(req, &copy);
    }
}
