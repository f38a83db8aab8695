/*
 * POST /chat/room/{id}/files: a file for a chat room. Its message is there at once, `uploading`; the
 * body goes to where files are kept in pieces of 64 KiB (media/blobs.h), and a `file-state` says how
 * it ended. Images are decoded first, as in class rooms, and their message appears when they are
 * ready.
 *
 * An upload that cannot be begun or ended properly (the store is away just then) is left to the
 * sweeper (chat/sweeper.h), as are those of servers that are killed.
 */
#include <stdlib.h>

#include "base/clock.h"
#include "chat/file_body.h"
#include "chat/message.h"
#include "chat/sweeper.h"
#include "core/log.h"
#include "core/metrics.h"
#include "http/answer.h"
#include "http/body.h"
#include "http/chat_rest.h"
#include "http/file_name.h"
#include "http/handlers.h"
#include "http/images.h"
#include "media/probe.h"

#define NAME_SENT_MAX 4096 /* bytes of a name as it comes: of paths, only the last part stays */

enum as {
    AS_ANY,   /* images that can be decoded are, everything else stays as it is */
    AS_IMAGE, /* an image, or it is refused */
    AS_FILE,  /* as it is */
};

struct upload {
    struct request *req;
    enum as as;
    char ref[ID_MAX + 1]; /* "" = none */
    char seal[SEAL_LEN + 1];
    struct chat_file_row file; /* as the store has it, or will have it */
    struct body_stream body;
    struct sweeper_upload begun; /* while it is a file's */
};

/* ---- What is asked ---- */

static bool read_name(struct request *req, char out[FILE_NAME_MAX + 1])
{
    const char *header = request_header(req, "X-File-Name");
    char *sent = malloc(NAME_SENT_MAX);
    size_t len = 0;
    enum url_result result =
        sent ? url_decode(span_of(header ? header : ""), false, sent, NAME_SENT_MAX, &len)
             : URL_TOO_LONG;
    if (result) {
        char message[128];
        snprintf(message, sizeof message, "The header X-File-Name %s.", url_result_text(result));
        answer_field(req, "bad_field", "X-File-Name", message);
    } else {
        file_name_clean((struct span){sent, len}, out);
    }
    free(sent);
    return !result;
}

static bool read_ref(struct request *req, char out[ID_MAX + 1])
{
    const char *header = request_header(req, "X-Ref");
    if (header && !id_valid(span_of(header))) {
        answer_field(req, "bad_field", "X-Ref", "A ref is 1 to 64 of A-Z a-z 0-9 . _ @ -.");
        return false;
    }
    return span_copy(span_of(header ? header : ""), out, ID_MAX + 1);
}

static bool read_as(struct request *req, enum as *out)
{
    char text[8];
    if (!request_field(req, "as", text, sizeof text)) {
        return false;
    }
    *out = strcmp(text, "image") == 0 ? AS_IMAGE : strcmp(text, "file") == 0 ? AS_FILE : AS_ANY;
    if (*text && *out == AS_ANY) {
        answer_field(req, "bad_field", "as", "The parameter as is image or file.");
        return false;
    }
    return true;
}

/* The request's head; false after answering. */
static bool read_head(struct upload *upload)
{
    struct request *req = upload->req;
    if (!read_as(req, &upload->as) || !read_ref(req, upload->ref) ||
        !read_name(req, upload->file.name)) {
        return false;
    }
    if (!file_type_read(request_header(req, "Content-Type"), upload->file.type)) {
        answer_field(req, "bad_field", "Content-Type", "A content type is written type/subtype.");
        return false;
    }
    if (!request_header(req, "Content-Length")) {
        answer_error(req, "length_required");
        return false;
    }
    upload->file.bytes = req->content_length;
    return true;
}

/* Types that promise something that is decoded here. */
static bool is_picture(const char *type)
{
    static const char *const types[] = {"image/jpeg", "image/jpg", "image/pjpeg",   "image/png",
                                        "image/gif",  "image/bmp", "image/x-ms-bmp"};
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        if (strcmp(type, types[i]) == 0) {
            return true;
        }
    }
    return false;
}

/* ---- The message ---- */

/* What the store now has at the upload's message. */
static enum store_result read_message(const struct upload *upload, struct chat_message_rows *rows)
{
    *rows = (struct chat_message_rows){.count = 0};
    enum store_result result =
        messages_get(upload->req->server->context.store, upload->file.room, upload->file.seq, rows);
    if (!result && (rows->count == 0 || rows->list[0].kind == MESSAGE_DELETED)) {
        result = STORE_NOT_FOUND;
    }
    return result;
}

static void answer_message(struct upload *upload, int status)
{
    struct chat_message_rows rows;
    struct buf json;
    enum store_result result = read_message(upload, &rows);
    if (result) {
        chat_rest_refuse(upload->req, result, "message_not_found");
    } else {
        buf_init(&json);
        chat_message_write_own(&json, &rows.list[0]);
        answer_json(upload->req, status, &json);
    }
    chat_message_rows_finish(&rows);
}

/*
 * Appends the message; false after answering. Where the sender has used the ref before, that
 * message is the answer.
 */
static bool append(struct upload *upload, const char *type, const struct buf *body)
{
    const struct chat_file_row *row = &upload->file;
    struct request *req = upload->req;
    struct buf text;
    buf_init(&text);
    chat_text_write(&text, buf_span(body));
    const struct message_file file = {.id = row->id,
                                      .name = span_of(row->name),
                                      .type = span_of(row->type),
                                      .bytes = row->bytes,
                                      .ready = row->state == CHAT_FILE_READY,
                                      .server = row->server};
    struct message_append op = {.room = row->room,
                                .sender = req->claims.user_id,
                                .type = span_of(type),
                                .body = buf_span(body),
                                .text = buf_span(&text),
                                .ref = span_of(upload->ref),
                                .now_ms = clock_wall_ms(),
                                .file = &file};
    enum store_result result = body->failed || text.failed
                                   ? STORE_FAILED
                                   : messages_append(req->server->context.store, &op);
    buf_finish(&text);
    if (result) {
        chat_rest_refuse(req, result, "room_not_found");
        return false;
    }
    upload->file.seq = op.seq;
    memcpy(upload->seal, op.seal, sizeof upload->seal);
    if (op.repeated) {
        answer_message(upload, 200);
        return false;
    }
    return true;
}

/* Shows the new message to the room; who sends has read all before. */
static void tell(const struct upload *upload)
{
    struct chat_message_rows rows;
    if (!read_message(upload, &rows)) {
        chat_rest_tell(upload->req, upload->seal, &rows);
    }
    chat_message_rows_finish(&rows);
    chat_rest_tell_read(upload->req, upload->seal, upload->file.room, upload->file.seq);
}

/* ---- Files ---- */

static ssize_t next_bytes(void *arg, void *data, size_t cap)
{
    return body_next(arg, data, cap);
}

/* Tells the store and the room how the upload ended. */
static enum store_result finish(struct upload *upload, enum chat_file_state state)
{
    struct http_context *context = &upload->req->server->context;
    struct buf body, event;
    buf_init(&body);
    buf_init(&event);
    upload->file.state = state;
    chat_file_body(&body, &upload->file);
    chat_file_event(&event, &upload->file);
    struct chat_file_finish op = {.id = upload->file.id,
                                  .state = state,
                                  .bytes = upload->file.bytes,
                                  .body = buf_span(&body),
                                  .event = buf_span(&event),
                                  .now_ms = clock_wall_ms()};
    enum store_result result =
        body.failed || event.failed ? STORE_FAILED : chat_files_finish(context->store, &op);
    if (result == STORE_OK) {
        chat_rest_tell(upload->req, op.seal, &op.rows);
        chat_message_rows_finish(&op.rows);
    }
    buf_finish(&body);
    buf_finish(&event);
    return result;
}

static void refuse_blob(struct upload *upload, enum blob_result result)
{
    const char *wrong = upload->body.wrong ? upload->body.wrong : "unavailable";
    switch (result) {
    case BLOB_FULL:
        wrong = "files_full";
        break;
    case BLOB_CUT:
        break;
    default:
        wrong = "unavailable";
    }
    log_info("http", "room:%s user=%s file %.8s failed after %lld of %lld bytes: %s",
             upload->file.room, upload->req->claims.user_id, upload->file.id,
             (long long)(upload->file.bytes - upload->body.left), (long long)upload->file.bytes,
             *wrong ? wrong : "cut off");
    if (*wrong) {
        answer_error(upload->req, wrong);
    }
}

/* The body of a file whose message is there: keeps it, and says how that went. */
static void receive_file(struct upload *upload)
{
    struct http_context *context = &upload->req->server->context;
    metric_add(METRIC_FILES_UPLOADING, 1);
    enum blob_result kept = blobs_put(context->blobs, upload->file.id, upload->file.bytes,
                                      next_bytes, &upload->body, &upload->req->server->stopping);
    metric_add(METRIC_FILES_UPLOADING, -1);
    if (kept) {
        metric_add(METRIC_FILES_FAILED, 1);
        (void)finish(upload, CHAT_FILE_FAILED);
        refuse_blob(upload, kept);
        if (kept == BLOB_UNAVAILABLE) { /* a bucket may have it, and not have said so */
            (void)blobs_erase(context->blobs, upload->file.id);
        }
        return;
    }
    enum store_result told = finish(upload, CHAT_FILE_READY);
    if (told == STORE_NOT_FOUND) { /* deleted meanwhile, or given up for us */
        (void)blobs_erase(context->blobs, upload->file.id);
        answer_error(upload->req, "message_not_found");
    } else if (told) {
        chat_rest_refuse(upload->req, told, "message_not_found");
    } else {
        metric_add(METRIC_FILES_TAKEN, 1);
        answer_message(upload, 201);
    }
}

/* Is there space for so many bytes more? False after answering. */
static bool fits(struct upload *upload)
{
    uint64_t most = upload->req->server->context.config->files_max;
    int64_t total = 0;
    if (most == 0) {
        return true;
    }
    enum store_result result = chat_files_total(upload->req->server->context.store, &total);
    if (result) {
        chat_rest_refuse(upload->req, result, "internal");
    } else if (total + upload->file.bytes > (int64_t)most) {
        answer_error(upload->req, "files_full");
        result = STORE_FULL;
    }
    return !result;
}

static void send_file(struct upload *upload)
{
    struct request *req = upload->req;
    struct buf body;
    if (!body_open(req, (int64_t)req->server->context.config->file_max, SWEEPER_RATE,
                   SWEEPER_SILENCE_MS, &upload->body) ||
        !chat_rest_begin(req)) {
        return;
    }
    buf_init(&body);
    upload->file.state = CHAT_FILE_UPLOADING;
    chat_file_body(&body, &upload->file);
    bool appended = fits(upload) && append(upload, "file", &body);
    if (appended) {
        tell(upload);
    }
    chat_rest_end(req);
    buf_finish(&body);
    if (appended) {
        receive_file(upload);
    }
}

static void take_file(struct upload *upload)
{
    struct sweeper *sweeper = upload->req->server->context.sweeper;
    upload->begun.file_id = upload->file.id;
    sweeper_upload_begin(sweeper, &upload->begun);
    send_file(upload);
    sweeper_upload_end(sweeper, &upload->begun);
}

/* ---- Images ---- */

/* Keeps both pictures; false after answering. */
static bool keep_pictures(struct upload *upload, const struct rendering *rendering)
{
    struct blobs *blobs = upload->req->server->context.blobs;
    char thumb[BLOB_NAME_SIZE];
    snprintf(thumb, sizeof thumb, "%s.t", upload->file.id);
    enum blob_result result =
        blobs_put_bytes(blobs, upload->file.id, buf_span(&rendering->image.bytes));
    if (!result) {
        result = blobs_put_bytes(blobs, thumb, buf_span(&rendering->thumb.bytes));
    }
    if (result) {
        (void)blobs_erase(blobs, upload->file.id);
        refuse_blob(upload, result);
    }
    return !result;
}

static void send_image(struct upload *upload, const struct rendering *rendering)
{
    const struct picture *image = &rendering->image;
    struct buf body;
    upload->file.state = CHAT_FILE_READY;
    upload->file.bytes = (int64_t)image->bytes.len;
    snprintf(upload->file.type, sizeof upload->file.type, "image/%s", image->png ? "png" : "jpeg");
    file_name_extend(upload->file.name, image->png ? ".png" : ".jpg");
    if (!fits(upload) || !keep_pictures(upload, rendering)) {
        return;
    }
    buf_init(&body);
    chat_image_body(&body, &upload->file, image->width, image->height);
    if (append(upload, "image", &body)) {
        metric_add(METRIC_IMAGES, 1);
        metric_add(METRIC_FILES_TAKEN, 1);
        tell(upload);
        answer_message(upload, 201);
    } else if (upload->req->status < 500) { /* else it may have been appended after all */
        (void)blobs_erase(upload->req->server->context.blobs, upload->file.id);
    }
    buf_finish(&body);
}

/* What calls itself an image and is none of the kinds that are decoded: kept as some file. */
static void take_as_file(struct upload *upload, struct span bytes)
{
    struct buf body;
    struct blobs *blobs = upload->req->server->context.blobs;
    upload->file.state = CHAT_FILE_READY;
    strcpy(upload->file.type, "application/octet-stream");
    if (!fits(upload)) {
        return;
    }
    enum blob_result kept = blobs_put_bytes(blobs, upload->file.id, bytes);
    if (kept) {
        refuse_blob(upload, kept);
        return;
    }
    buf_init(&body);
    chat_file_body(&body, &upload->file);
    if (append(upload, "file", &body)) {
        metric_add(METRIC_FILES_TAKEN, 1);
        tell(upload);
        answer_message(upload, 201);
    } else if (upload->req->status < 500) {
        (void)blobs_erase(blobs, upload->file.id);
    }
    buf_finish(&body);
}

static void receive_image(struct upload *upload)
{
    struct request *req = upload->req;
    struct buf bytes;
    struct probe probe;
    struct rendering rendering = {0};
    buf_init(&bytes);
    if (body_bytes(req, req->server->context.config->image_max, IMAGES_RECEIVE_RATE, &bytes)) {
        if (upload->as == AS_ANY && image_probe(buf_span(&bytes), &probe) == PROBE_UNKNOWN) {
            take_as_file(upload, buf_span(&bytes));
        } else {
            enum decoder_result result = images_decode(req, &bytes, &rendering);
            if (result) {
                images_refuse(req, result);
            } else {
                send_image(upload, &rendering);
            }
        }
    }
    render_finish(&rendering);
    buf_finish(&bytes);
}

/* Before its body is received, and again when it is appended. */
static bool is_member(struct upload *upload)
{
    struct request *req = upload->req;
    struct chat_enter op = {.room_id = upload->file.room, .user = req->claims.user_id};
    if (!chat_rest_begin(req)) {
        return false;
    }
    enum store_result result = chats_enter(req->server->context.store, &op);
    chat_rest_end(req);
    if (result) {
        chat_rest_refuse(req, result, "room_not_found");
    } else {
        chat_people_finish(&op.people);
    }
    return !result;
}

static void take_image(struct upload *upload)
{
    if (is_member(upload) && images_enter(upload->req)) {
        receive_image(upload);
        images_leave(upload->req);
    }
}

/* ---- Both ---- */

static void take(struct upload *upload)
{
    struct request *req = upload->req;
    upload->file.id[0] = 'f';
    id_random(upload->file.id + 1, FILE_ID_LEN - 1);
    (void)span_copy(span_of(req->server->context.server_id), upload->file.server,
                    sizeof upload->file.server);
    if (!limits_upload_enter(req->server->limits, req->claims.user_id)) {
        answer_error(req, "files_busy");
        return;
    }
    if (upload->as == AS_IMAGE || (upload->as == AS_ANY && is_picture(upload->file.type))) {
        take_image(upload);
    } else {
        take_file(upload);
    }
    limits_upload_leave(req->server->limits, req->claims.user_id);
}

void chat_upload_post(struct request *req)
{
    struct upload *upload = calloc(1, sizeof *upload); /* too large for civetweb's small stacks */
    if (!upload) {
        metric_add(METRIC_OUT_OF_MEMORY, 1);
        answer_error(req, "internal");
        return;
    }
    upload->req = req;
    if (chat_rest_allowed(req) && chat_rest_room(req, 2, upload->file.room) && read_head(upload) &&
        chat_rest_paced(req)) {
        take(upload);
    }
    free(upload);
}
