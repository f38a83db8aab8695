/* Images: hosts upload them one after the other, spread over the class; thumbnails are fetched. See class.h. */
#include <stdio.h>

#include "base/clock.h"
#include "simulate/class.h"
#include "simulate/fields.h"
#include "simulate/picture.h"

#define LIMIT_MS 30000
#define PATH_MAX_BYTES 256

static void next(struct simulation *sim);

static struct room *room_of(const struct simulation *sim)
{
    return &sim->rooms[(sim->images.started - 1) % sim->options.rooms];
}

static void ask(struct simulation *sim, const struct fetch_request *request, fetch_done *done)
{
    struct room *room = room_of(sim);
    sim->images.began_ns = clock_mono_ns();
    sim->images.fetch = fetch_start(&sim->loop, room->target, request, done, sim);
    if (!sim->images.fetch) {
        errors_add(&sim->report.errors, "image", "no memory or descriptors here");
        next(sim);
    }
}

/* True for 200 or 201; else it is counted, and the next one begins. */
static bool went_well(struct simulation *sim, const char *what, const struct response *response,
                      const char *error)
{
    char text[RESPONSE_TEXT_MAX];
    sim->images.fetch = NULL;
    if (response && (response->status == 200 || response->status == 201)) {
        return true;
    }
    if (response) {
        response_text(response, text);
    }
    errors_add(&sim->report.errors, what, response ? text : error);
    next(sim);
    return false;
}

static void got_thumbnail(void *arg, const struct response *response, const char *error)
{
    struct simulation *sim = arg;
    if (!went_well(sim, "thumbnail", response, error)) {
        return;
    }
    if (response->body.n == 0) {
        errors_add(&sim->report.errors, "thumbnail", "there is nothing in it");
    } else {
        sim->report.images++;
    }
    next(sim);
}

/* Only what can stand in a request line. */
static bool is_path(const char *path)
{
    size_t ok = strspn(path, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789/._~-");
    return path[0] == '/' && path[ok] == '\0';
}

static void uploaded(void *arg, const struct response *response, const char *error)
{
    struct simulation *sim = arg;
    char path[PATH_MAX_BYTES];
    if (!went_well(sim, "image", response, error)) {
        return;
    }
    histogram_add(&sim->report.measures[MEASURE_IMAGE], clock_mono_ns() - sim->images.began_ns);
    field_text(response->body, "thumbUrl", path, sizeof path);
    if (!is_path(path)) {
        errors_add(&sim->report.errors, "image", "the answer has no thumbUrl");
        next(sim);
        return;
    }
    const struct fetch_request request = {.method = "GET", .path = path, .limit_ms = LIMIT_MS};
    ask(sim, &request, got_thumbnail);
}

static void upload(struct simulation *sim)
{
    char path[64];
    struct room *room = room_of(sim);
    snprintf(path, sizeof path, "/rooms/%s/images", room->code);
    const struct fetch_request request = {
        .method = "POST",
        .path = path,
        .token = sim->options.token[0] ? sim->options.token : room->token,
        .type = "image/png",
        .body = buf_span(&sim->images.picture),
        .limit_ms = LIMIT_MS,
    };
    ask(sim, &request, uploaded);
}

/* Whether the server takes images at all; a rejected body would only be cut off. */
static void got_options(void *arg, const struct response *response, const char *error)
{
    struct simulation *sim = arg;
    sim->images.fetch = NULL;
    if (response && response->status == 404) {
        sim->report.no_images = "this server has no POST /rooms/{id}/images";
        sim->images.started = sim->images.done = sim->options.images;
        return;
    }
    if (response) {
        upload(sim);
    } else {
        errors_add(&sim->report.errors, "image", error);
        next(sim);
    }
}

static void on_timer(uv_timer_t *timer)
{
    struct simulation *sim = timer->data;
    char path[64];
    if (++sim->images.started > 1) {
        upload(sim);
        return;
    }
    snprintf(path, sizeof path, "/rooms/%s/images", room_of(sim)->code);
    const struct fetch_request request = {.method = "OPTIONS", .path = path, .limit_ms = LIMIT_MS};
    ask(sim, &request, got_options);
}

/* The one under way is over; the next one follows at its time. */
static void next(struct simulation *sim)
{
    struct images *images = &sim->images;
    images->done = images->started;
    if (images->started < sim->options.images) {
        uint64_t pause = (uint64_t)sim->options.seconds * 1000 / (sim->options.images + 1);
        uint64_t spent = (uint64_t)((clock_mono_ns() - images->began_ns) / 1000000);
        uv_timer_start(&images->timer, on_timer, pause > spent ? pause - spent : 0, 0);
    }
}

bool images_prepare(struct simulation *sim)
{
    if (sim->options.images > 0) {
        picture_png(&sim->images.picture);
    }
    return !sim->images.picture.failed;
}

void images_start(struct simulation *sim)
{
    sim->images.began_ns = clock_mono_ns();
    next(sim);
}

bool images_busy(const struct simulation *sim)
{
    return sim->images.done < sim->options.images;
}

void images_stop(struct simulation *sim)
{
    uv_timer_stop(&sim->images.timer);
    if (sim->images.fetch) {
        fetch_cancel(sim->images.fetch);
        sim->images.fetch = NULL;
    }
}
