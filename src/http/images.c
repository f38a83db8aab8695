/*
 * POST /rooms/{id}/images: takes an image from somebody in a class. Who may is decided before the
 * body is received; what came is decoded elsewhere (media/decoder.h), and both results are kept for
 * every server to read (room/files.h).
 */
#include "http/images.h"
#include "base/clock.h"
#include "core/log.h"
#include "core/metrics.h"
#include "http/answer.h"
#include "http/body.h"
#include "http/codes.h"
#include "http/handlers.h"
#include "media/cache.h"
#include "room/files.h"

/* Answers what `files` could not do. */
static void refuse(struct request *req, enum files_result result)
{
    switch (result) {
    case FILES_NONE:
        answer_error(req, "room_not_found");
        break;
    case FILES_FULL:
        answer_error(req, "room_files_full");
        break;
    default:
        answer_error(req, "unavailable");
    }
}

/* NULL, or the code of the error: hosts may, also while away, and participants as `talk` says. */
static const char *refusal(const struct request *req, const struct files_door *door)
{
    const struct claims *claims = &req->claims;
    bool is_host = strcmp(claims->user_id, door->host) == 0;
    if (claims->type == USER_TEACHER && is_host) {
        return NULL;
    }
    if (claims->type != USER_STUDENT || is_host || !door->present) {
        return "forbidden";
    }
    return door->talk_all ? NULL : "talk_forbidden";
}

/* Looks at the room; false after answering. */
static bool may_send(struct request *req, const char *code, struct files_door *door)
{
    const struct claims *claims = &req->claims;
    if (claims->room[0] && strcmp(claims->room, code) != 0) {
        answer_error(req, "room_forbidden");
        return false;
    }
    if (codes_guesser(claims, code) && !codes_may_ask(req, code)) {
        return false;
    }
    enum files_result result = files_door(req->server->context.pool, code, claims->user_id, door);
    if (result == FILES_NONE) {
        codes_missing(req);
        return false;
    }
    codes_refund(req, code);
    if (result) {
        refuse(req, result);
        return false;
    }
    const char *wrong = refusal(req, door);
    if (!wrong &&
        door->bytes + FILE_CHARGE_MIN > (int64_t)req->server->context.config->images_room_max) {
        wrong = "room_files_full";
    }
    if (wrong) {
        answer_error(req, wrong);
    }
    return !wrong;
}

void images_refuse(struct request *req, enum decoder_result result)
{
    static const char *const codes[] = {
        [-DECODER_UNKNOWN] = "not_an_image",      [-DECODER_BROKEN] = "image_broken",
        [-DECODER_TOO_LARGE] = "image_too_large", [-DECODER_BUSY] = "images_busy",
        [-DECODER_UNAVAILABLE] = "internal",
    };
    answer_error(req, codes[-result]);
}

/* Into this server's cache too: those who are sent the image ask for it in a moment. */
static void remember(struct request *req, struct file_id id, bool thumb,
                     const struct picture *picture)
{
    char text[FILE_ID_SIZE];
    int64_t now_ms = clock_mono_ms();
    id.thumb = thumb;
    file_id_write(&id, text);
    struct cached *file =
        cached_create(span_of(text), picture->png, buf_span(&picture->bytes), now_ms);
    if (file) {
        cache_put(req->server->files, file, now_ms);
    }
    cached_release(file);
}

static void answer_image(struct request *req, const struct file_id *id, const struct picture *image)
{
    char text[FILE_ID_SIZE];
    struct buf json;
    file_id_write(id, text);
    buf_init(&json);
    buf_printf(&json,
               "{\"url\":\"/files/%s\",\"thumbUrl\":\"/files/%s.t\",\"width\":%u,\"height\":%u,"
               "\"bytes\":%zu}",
               text, text, image->width, image->height, image->bytes.len);
    answer_json(req, 200, &json);
}

/* Keeps both pictures and answers. */
static void keep(struct request *req, const char *code, const struct files_door *door,
                 const struct rendering *rendering)
{
    struct file_id id;
    const struct file_part image = {buf_span(&rendering->image.bytes), rendering->image.png};
    const struct file_part thumb = {buf_span(&rendering->thumb.bytes), rendering->thumb.png};
    file_id_draw(code, door->epoch, &id);
    enum files_result result = files_put(req->server->context.pool, &id, &image, &thumb,
                                         (int64_t)req->server->context.config->images_room_max);
    if (result) {
        refuse(req, result);
        return;
    }
    metric_add(METRIC_IMAGES, 1);
    remember(req, id, false, &rendering->image);
    remember(req, id, true, &rendering->thumb);
    log_debug("http", "room:%s user=%s image %ux%u, %zu bytes", code, req->claims.user_id,
              rendering->image.width, rendering->image.height, rendering->image.bytes.len);
    answer_image(req, &id, &rendering->image);
}

enum decoder_result images_decode(struct request *req, struct buf *body, struct rendering *out)
{
    struct limits *limits = req->server->limits;
    const char *user_id = req->claims.user_id;
    if (!limits_image_turn(limits, user_id, DECODER_WAIT_MS, &req->server->stopping)) {
        return DECODER_BUSY;
    }
    enum decoder_result result =
        decoder_run(req->server->context.decoder, body, &req->server->stopping, out);
    if (result == DECODER_BROKEN || result == DECODER_TOO_LARGE) {
        limits_waste_charge(limits, user_id, out->took_ms, clock_mono_ms());
    }
    limits_image_turn_end(limits, user_id);
    return result;
}

bool images_enter(struct request *req)
{
    unsigned wait_s = limits_waste(req->server->limits, req->claims.user_id, clock_mono_ms());
    if (wait_s > 0) {
        answer_later(req, "too_many_attempts", wait_s);
        return false;
    }
    if (!limits_image_enter(req->server->limits, req->claims.user_id)) {
        answer_error(req, "images_busy");
        return false;
    }
    return true;
}

void images_leave(struct request *req)
{
    limits_image_leave(req->server->limits, req->claims.user_id);
}

static void take_image(struct request *req, const char *code, const struct files_door *door)
{
    struct buf body;
    struct rendering rendering = {0};
    buf_init(&body);
    if (body_bytes(req, req->server->context.config->image_max, IMAGES_RECEIVE_RATE, &body)) {
        enum decoder_result result = images_decode(req, &body, &rendering);
        if (result) {
            images_refuse(req, result);
        } else {
            keep(req, code, door, &rendering);
        }
    }
    render_finish(&rendering);
    buf_finish(&body);
}

void images_post(struct request *req)
{
    char code[ROOM_CODE_MAX + 1];
    struct files_door door;
    if (!codes_of_path(req, code) || !may_send(req, code, &door)) {
        return;
    }
    if (images_enter(req)) {
        take_image(req, code, &door);
        images_leave(req);
    }
}
