/*
 * GET /files/{id}: an image or a thumbnail, to whoever knows its address. From this server's cache,
 * and from Redis where it is not there. Redis also says, every few seconds, whether a file still
 * exists.
 */
#include "room/files.h"
#include "base/clock.h"
#include "core/metrics.h"
#include "http/answer.h"
#include "http/handlers.h"
#include "http/stored.h"
#include "media/blobs.h"
#include "media/cache.h"
#include "store/chat_files.h"

#define FRESH_MS 5000      /* a file that was there so long ago is taken to be there */
#define FETCH_WAIT_MS 3000 /* for one's turn to ask Redis (a file is up to 2 MiB) or the store */

/*
 * A Redis that was emptied has lost the file, its room may have come back (room/restore.c): then it
 * comes back too, if both its parts are here.
 */
static enum files_result put_back(struct request *req, struct file_id id, struct cached *file)
{
    char text[FILE_ID_SIZE];
    bool thumb = id.thumb;
    enum files_result result = FILES_NONE;
    id.thumb = !thumb;
    file_id_write(&id, text);
    struct cached *other = cache_get(req->server->files, span_of(text));
    if (other) {
        const struct cached *image = thumb ? other : file;
        const struct cached *small = thumb ? file : other;
        const struct file_part image_part = {{image->data, image->len}, image->png};
        const struct file_part small_part = {{small->data, small->len}, small->png};
        result = files_put(req->server->context.pool, &id, &image_part, &small_part,
                           (int64_t)req->server->context.config->images_room_max);
    }
    cached_release(other);
    return result;
}

/* Is a file that is in the cache still to be shown? While Redis is away, yes. */
static bool is_alive(struct request *req, const struct file_id *id, struct cached *file)
{
    int64_t now_ms = clock_mono_ms();
    if (now_ms - atomic_load(&file->checked_ms) < FRESH_MS) {
        return true;
    }
    enum files_result result = files_exists(req->server->context.pool, id);
    if (result == FILES_NONE) {
        result = put_back(req, *id, file);
    }
    if (result == FILES_OK) {
        atomic_store(&file->checked_ms, now_ms);
    }
    return result == FILES_OK || result == FILES_UNAVAILABLE;
}

struct fetch {
    struct request *req;
    struct span id;
    struct cached *file;
};

static void fetched(void *arg, const struct file_part *part)
{
    struct fetch *fetch = arg;
    int64_t now_ms = clock_mono_ms();
    fetch->file = cached_create(fetch->id, part->png, part->bytes, now_ms);
    if (fetch->file) {
        cache_put(fetch->req->server->files, fetch->file, now_ms);
    }
}

/* With one's turn: what came into the cache meanwhile, or what Redis has. */
static enum files_result fetch(struct fetch *fetch, const struct file_id *id)
{
    fetch->file = cache_get(fetch->req->server->files, fetch->id);
    if (fetch->file) {
        return FILES_OK;
    }
    metric_add(METRIC_FILES_FETCHED, 1);
    return files_get(fetch->req->server->context.pool, id, fetched, fetch);
}

/* The file, or NULL after answering. */
static struct cached *find(struct request *req, const struct file_id *id, struct span text)
{
    struct fetch job = {.req = req, .id = text};
    job.file = cache_get(req->server->files, text);
    if (job.file) {
        if (is_alive(req, id, job.file)) {
            return job.file;
        }
        cached_release(job.file);
        answer_error(req, "file_not_found");
        return NULL;
    }
    /* A class that is shown an image asks for it all at once: few ask Redis, the others find it. */
    enum files_result result = FILES_UNAVAILABLE;
    if (gate_enter(&req->server->fetching, FETCH_WAIT_MS, &req->server->stopping)) {
        result = fetch(&job, id);
        gate_leave(&req->server->fetching);
    }
    if (result) {
        answer_error(req, result == FILES_NONE ? "file_not_found" : "unavailable");
    } else if (!job.file) {
        metric_add(METRIC_OUT_OF_MEMORY, 1);
        answer_error(req, "internal");
    }
    return job.file;
}

/* A file of a chat: the store knows what it is, the bytes are where blobs are. */
static void serve_chat_file(struct request *req, struct span blob)
{
    char id[FILE_ID_LEN + 1];
    struct chat_file_row row;
    bool thumb = blob.n > FILE_ID_LEN;
    (void)span_copy((struct span){blob.p, FILE_ID_LEN}, id, sizeof id);
    /* Those who were shown a picture ask all at once: in turn, they do not wear the store out. */
    enum store_result result = STORE_UNAVAILABLE;
    if (gate_enter(&req->server->knowing, FETCH_WAIT_MS, &req->server->stopping)) {
        result = chat_files_get(req->server->context.store, id, &row);
        gate_leave(&req->server->knowing);
    }
    if (!result && row.state != CHAT_FILE_READY) {
        result = STORE_NOT_FOUND;
    }
    if (result) {
        answer_error(req, result == STORE_NOT_FOUND     ? "file_not_found"
                          : result == STORE_UNAVAILABLE ? "unavailable"
                                                        : "internal");
        return;
    }
    const struct stored file = {
        .blob = blob.p, .type = row.type, .label = row.name, .size = thumb ? -1 : row.bytes};
    stored_serve(req, &file);
}

void files_serve(struct request *req)
{
    struct file_id id;
    struct span text = url_path_at(&req->path, 1);
    char etag[FILE_ID_SIZE + 2];
    if (blob_name_valid(text.p, text.n)) {
        serve_chat_file(req, text);
        return;
    }
    if (!file_id_parse(text, &id)) {
        answer_error(req, "file_not_found");
        return;
    }
    struct cached *file = find(req, &id, text);
    if (!file) {
        return;
    }
    snprintf(etag, sizeof etag, "\"%.*s\"", (int)text.n,
             text.p); /* the address is of these bytes */
    req->cache_control = "private, max-age=86400, immutable";
    req->policy = "default-src 'none'; frame-ancestors 'none'; sandbox";
    answer_header(req, "ETag", "%s", etag);
    if (pages_etag_matches(request_header(req, "If-None-Match"), etag)) {
        answer(req, 304, NULL, (struct span){NULL, 0});
    } else {
        answer_header(req, "Content-Disposition", "inline");
        answer_file(req, file->png ? "image/png" : "image/jpeg", file);
    }
    cached_release(file);
}
