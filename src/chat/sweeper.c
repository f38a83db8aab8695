/*
 * The sweeper's thread; see sweeper.h. Every few seconds, and when it is nudged, it looks for deleted
 * rooms, files to erase and uploads to give up, which are three short queries; every HOUR_MS, and at
 * its start, it also goes through what is on disk.
 *
 * An upload is nobody's any more when the server that takes it has lost its lease in Redis
 * (room/lease.c), or is this one and not at it, or when it is older than any upload may become.
 */
#include "chat/sweeper.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "chat/file_body.h"
#include "chat/publish.h"
#include "core/log.h"
#include "core/metrics.h"
#include "store/chat_files.h"

#define SWEEP_S_MAX 15 /* looks that often at least, and once per lease */
#define HOUR_MS 3600000
#define ROWS 500              /* that are looked at in one go */
#define ERASE_FAILURES 10     /* files that cannot be erased; then it is the place, not the files */
#define LEASE_PARTS 3         /* a lost lease is looked at again after this part of one */
#define YOUNG_MS 3000         /* uploads that began so lately are left alone */
#define PART_MS 600000        /* parts that were not written to for so long are nobody's */
#define OWNERLESS_MS 3600000  /* files without row that are older are nobody's, … */
#define LOST_MS 604800000     /* … and kept aside for a week */
#define GRACE_MS 60000        /* beyond the longest upload: for the store, and clocks that differ */
#define UPLOAD_START_MS 10000 /* TRANSFER_GRACE_MS of http/transfer.h, which is not ours to know */

struct sweeper {
    struct sweeper_context context;
    pthread_t thread;
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t woken;
    bool nudged, ending;
    struct sweeper_upload *uploads; /* that this server is at */
};

/* The longest that an upload of `max` bytes may take, ms. */
static int64_t upload_ms(int64_t max)
{
    return UPLOAD_START_MS + max * 1000 / SWEEPER_RATE;
}

static bool is_ending(struct sweeper *sweeper)
{
    pthread_mutex_lock(&sweeper->lock);
    bool ending = sweeper->ending;
    pthread_mutex_unlock(&sweeper->lock);
    return ending;
}

/* ---- Erasing ---- */

/* What deleted rooms have left; their files become deleted ones. */
static void erase_rooms(struct sweeper *sweeper)
{
    bool more = true;
    while (more && !is_ending(sweeper)) {
        if (chats_purge(sweeper->context.store, &more)) {
            return;
        }
    }
}

/* Erases those of a list, and gives how many could not be. */
static unsigned erase_list(struct sweeper *sweeper, const struct chat_file_row *rows, size_t count)
{
    unsigned failures = 0;
    for (size_t i = 0; i < count && failures < ERASE_FAILURES && !is_ending(sweeper); i++) {
        bool erased = !blobs_erase(sweeper->context.blobs, rows[i].id) &&
                      !chat_files_forget(sweeper->context.store, rows[i].id);
        metric_add(METRIC_FILES_ERASED, erased);
        failures += !erased;
    }
    return failures;
}

/* Files whose messages are gone. One that cannot be erased now is met again, and keeps no others. */
static void erase_deleted(struct sweeper *sweeper)
{
    size_t count = ROWS;
    unsigned failures = 0;
    while (count == ROWS && failures < ERASE_FAILURES && !is_ending(sweeper)) {
        struct chat_file_row *rows = NULL;
        if (chat_files_list(sweeper->context.store, CHAT_FILE_DELETED, INT64_MAX, ROWS, &rows,
                            &count)) {
            return;
        }
        failures = erase_list(sweeper, rows, count);
        free(rows);
    }
}

/* ---- Giving up ---- */

/* Tells the store and the room that an upload has failed. False: to be tried again. */
static bool fail(struct sweeper *sweeper, struct chat_file_row *file)
{
    struct buf body, event;
    buf_init(&body);
    buf_init(&event);
    file->state = CHAT_FILE_FAILED;
    chat_file_body(&body, file);
    chat_file_event(&event, file);
    struct chat_file_finish op = {.id = file->id,
                                  .state = CHAT_FILE_FAILED,
                                  .bytes = file->bytes,
                                  .body = buf_span(&body),
                                  .event = buf_span(&event),
                                  .now_ms = clock_wall_ms()};
    enum store_result result = body.failed || event.failed
                                   ? STORE_UNAVAILABLE
                                   : chat_files_finish(sweeper->context.store, &op);
    if (result == STORE_OK) {
        log_info("chat", "room:%s: the upload of file %.8s is given up", file->room, file->id);
        metric_add(METRIC_FILES_FAILED, 1);
        (void)chat_publish_messages(sweeper->context.pool, op.seal, &op.rows);
        chat_message_rows_finish(&op.rows);
        (void)blobs_erase(sweeper->context.blobs, file->id); /* it may have got as far as that */
    }
    buf_finish(&body);
    buf_finish(&event);
    return result == STORE_OK || result == STORE_NOT_FOUND;
}

/* Is the server's lease not there? False also where Redis cannot tell. */
static bool lease_missing(struct sweeper *sweeper, const char *server)
{
    char key[ID_MAX + 16];
    struct bus_reply *reply = NULL;
    int n = snprintf(key, sizeof key, "server:%s:alive", server);
    const struct span argv[] = {span_of("EXISTS"), {key, (size_t)n}};
    bool missing =
        bus_pool_command(sweeper->context.pool, argv, 2, &reply) == 0 && bus_reply_int(reply) == 0;
    bus_reply_free(reply);
    return missing;
}

/* False: the sweeper ends. */
static bool pause_for(struct sweeper *sweeper, int64_t ms)
{
    int64_t until_ms = clock_mono_ms() + ms;
    const struct timespec until = {.tv_sec = until_ms / 1000, .tv_nsec = until_ms % 1000 * 1000000};
    int result = 0;
    pthread_mutex_lock(&sweeper->lock);
    while (!sweeper->ending && result == 0) {
        result = pthread_cond_timedwait(&sweeper->woken, &sweeper->lock, &until);
    }
    bool go_on = !sweeper->ending;
    pthread_mutex_unlock(&sweeper->lock);
    return go_on;
}

/*
 * Is the server gone? A Redis that was emptied has no leases, until those who live have renewed theirs, which
 * they do every sixth of one: only who is missing a while later, too, is gone.
 */
static bool server_gone(struct sweeper *sweeper, const char *server)
{
    int64_t pause_ms = (int64_t)sweeper->context.config->lease_s * 1000 / LEASE_PARTS;
    return lease_missing(sweeper, server) && pause_for(sweeper, pause_ms) &&
           lease_missing(sweeper, server);
}

/* With the lock. */
static bool is_upload(const struct sweeper *sweeper, const char *file_id)
{
    const struct sweeper_upload *upload = sweeper->uploads;
    while (upload && strcmp(upload->file_id, file_id) != 0) {
        upload = upload->next;
    }
    return upload != NULL;
}

/* `gone` is the server last found to be, "" for none: so that many uploads of one are not waited for each. */
static bool is_abandoned(struct sweeper *sweeper, const struct chat_file_row *file,
                         char gone[ID_MAX + 1])
{
    int64_t age_ms = clock_wall_ms() - file->created_ms;
    if (age_ms > upload_ms(sweeper->context.config->file_max) + GRACE_MS ||
        strcmp(file->server, gone) == 0) {
        return true;
    }
    if (strcmp(file->server, sweeper->context.server_id) == 0) {
        pthread_mutex_lock(&sweeper->lock);
        bool own = is_upload(sweeper, file->id);
        pthread_mutex_unlock(&sweeper->lock);
        return !own;
    }
    return server_gone(sweeper, file->server) && span_copy(span_of(file->server), gone, ID_MAX + 1);
}

static void give_up_abandoned(struct sweeper *sweeper)
{
    struct chat_file_row *rows = NULL;
    size_t count = 0;
    char gone[ID_MAX + 1] = "";
    if (chat_files_list(sweeper->context.store, CHAT_FILE_UPLOADING, clock_wall_ms() - YOUNG_MS,
                        ROWS, &rows, &count)) {
        return;
    }
    for (size_t i = 0; i < count && !is_ending(sweeper); i++) {
        if (is_abandoned(sweeper, &rows[i], gone) && !fail(sweeper, &rows[i])) {
            break;
        }
    }
    free(rows);
}

/* ---- What is on disk ---- */

static bool look_for_owner(void *arg, const char *name)
{
    struct sweeper *sweeper = arg;
    struct chat_file_row file;
    enum store_result result = chat_files_get(sweeper->context.store, name, &file);
    if (result == STORE_NOT_FOUND) {
        log_info("chat", "set a file aside that nobody owns: lost/%s", name);
        (void)blobs_set_aside(sweeper->context.blobs, name);
    }
    return (result == STORE_OK || result == STORE_NOT_FOUND) && !is_ending(sweeper);
}

static void sweep_disk(struct sweeper *sweeper)
{
    blobs_sweep(sweeper->context.blobs, PART_MS, LOST_MS);
    blobs_each(sweeper->context.blobs, OWNERLESS_MS, look_for_owner, sweeper);
}

/* ---- The thread ---- */

/* Until it is time to look again, or there is a reason; false: the end. */
static bool wait_for_work(struct sweeper *sweeper)
{
    uint32_t lease_s = sweeper->context.config->lease_s;
    int64_t until_ms = clock_mono_ms() + (lease_s < SWEEP_S_MAX ? lease_s : SWEEP_S_MAX) * 1000;
    const struct timespec until = {.tv_sec = until_ms / 1000, .tv_nsec = until_ms % 1000 * 1000000};
    int result = 0;
    pthread_mutex_lock(&sweeper->lock);
    while (!sweeper->nudged && !sweeper->ending && result == 0) {
        result = pthread_cond_timedwait(&sweeper->woken, &sweeper->lock, &until);
    }
    sweeper->nudged = false;
    bool go_on = !sweeper->ending;
    pthread_mutex_unlock(&sweeper->lock);
    return go_on;
}

static void *run(void *arg)
{
    struct sweeper *sweeper = arg;
    int64_t disk_ms = clock_mono_ms();
    if (blobs_check(sweeper->context.blobs)) {
        log_warn("chat", "no file can be kept where LECTERN_FILES_URL says: uploads will fail");
    }
    do {
        erase_rooms(sweeper);
        erase_deleted(sweeper);
        give_up_abandoned(sweeper);
        if (clock_mono_ms() >= disk_ms) {
            sweep_disk(sweeper);
            disk_ms = clock_mono_ms() + HOUR_MS;
        }
    } while (wait_for_work(sweeper));
    return NULL;
}

/* ---- Any thread's ---- */

struct sweeper *sweeper_create(const struct sweeper_context *context)
{
    struct sweeper *sweeper = calloc(1, sizeof *sweeper);
    pthread_condattr_t attributes;
    if (!sweeper) {
        return NULL;
    }
    sweeper->context = *context;
    pthread_mutex_init(&sweeper->lock, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&sweeper->woken, &attributes);
    pthread_condattr_destroy(&attributes);
    if (pthread_create(&sweeper->thread, NULL, run, sweeper)) {
        pthread_cond_destroy(&sweeper->woken);
        pthread_mutex_destroy(&sweeper->lock);
        free(sweeper);
        return NULL;
    }
    return sweeper;
}

void sweeper_destroy(struct sweeper *sweeper)
{
    if (!sweeper) {
        return;
    }
    pthread_mutex_lock(&sweeper->lock);
    sweeper->ending = true;
    pthread_cond_signal(&sweeper->woken);
    pthread_mutex_unlock(&sweeper->lock);
    pthread_join(sweeper->thread, NULL);
    pthread_cond_destroy(&sweeper->woken);
    pthread_mutex_destroy(&sweeper->lock);
    free(sweeper);
}

void sweeper_nudge(struct sweeper *sweeper)
{
    if (sweeper) {
        pthread_mutex_lock(&sweeper->lock);
        sweeper->nudged = true;
        pthread_cond_signal(&sweeper->woken);
        pthread_mutex_unlock(&sweeper->lock);
    }
}

void sweeper_upload_begin(struct sweeper *sweeper, struct sweeper_upload *upload)
{
    pthread_mutex_lock(&sweeper->lock);
    upload->prev = NULL;
    upload->next = sweeper->uploads;
    if (upload->next) {
        upload->next->prev = upload;
    }
    sweeper->uploads = upload;
    pthread_mutex_unlock(&sweeper->lock);
}

void sweeper_upload_end(struct sweeper *sweeper, struct sweeper_upload *upload)
{
    pthread_mutex_lock(&sweeper->lock);
    *(upload->prev ? &upload->prev->next : &sweeper->uploads) = upload->next;
    if (upload->next) {
        upload->next->prev = upload->prev;
    }
    pthread_mutex_unlock(&sweeper->lock);
}
