/*
 * The readers: connections that are made when they are needed, up to STORE_READERS, and lent to one
 * caller at a time. `idle` is a stack, so that in quiet times the others are left alone. When one is
 * found dead, those made before it are taken for dead as well (by `generation`), and the call that found
 * it tries once more on a new one: after a restart of PostgreSQL nobody is refused.
 */
#include "store/internal.h"

#include <stdlib.h>

#include "base/clock.h"
#include "core/log.h"
#include "core/metrics.h"

struct reader {
    struct reader *next; /* while idle */
    struct db *db;       /* NULL: not connected */
    unsigned generation;
};

static void disconnect(struct reader *reader)
{
    if (reader->db) {
        reader->db->driver->close(reader->db);
        reader->db = NULL;
    }
}

/* With the lock, which is released while waiting: a reader, or NULL when there is none in time. */
static struct reader *wait_for_reader(struct readers *readers, int64_t deadline_ms)
{
    while (!readers->idle && readers->count == STORE_READERS) {
        if (store_cond_wait(&readers->changed, &readers->lock, deadline_ms)) {
            break;
        }
    }
    struct reader *reader = readers->idle;
    if (reader) {
        readers->idle = reader->next;
    } else if (readers->count < STORE_READERS && (reader = calloc(1, sizeof *reader)) != NULL) {
        readers->count++;
    }
    return reader;
}

static struct reader *take(struct readers *readers, int64_t deadline_ms)
{
    struct reader *reader = NULL;
    pthread_mutex_lock(&readers->lock);
    if (crowd_enter(&readers->crowd)) {
        reader = wait_for_reader(readers, deadline_ms);
        crowd_leave(&readers->crowd, reader != NULL);
    }
    unsigned generation = readers->generation;
    pthread_mutex_unlock(&readers->lock);
    if (reader && reader->generation != generation) {
        disconnect(reader);
        reader->generation = generation;
    }
    return reader;
}

static void give_back(struct readers *readers, struct reader *reader)
{
    pthread_mutex_lock(&readers->lock);
    reader->next = readers->idle;
    readers->idle = reader;
    pthread_cond_signal(&readers->changed);
    pthread_mutex_unlock(&readers->lock);
}

/* The connection is dead: so are, most likely, those that were made before it. */
static void give_up(struct readers *readers, struct reader *reader)
{
    disconnect(reader);
    pthread_mutex_lock(&readers->lock);
    if (reader->generation == readers->generation) {
        readers->generation++;
    }
    reader->generation = readers->generation;
    pthread_mutex_unlock(&readers->lock);
}

/* Runs `fn`, on a new connection if there is none; *fresh tells which. */
static enum store_result try(struct store *store, struct reader *reader, int64_t deadline_ms,
                             store_fn *fn, void *arg, bool *fresh)
{
    const struct db_driver *driver = store->target.driver;
    char error[DB_ERROR_MAX];
    bool hopeless;
    *fresh = reader->db == NULL;
    if (*fresh) {
        reader->db = driver->connect(&store->target, DB_READER, deadline_ms, error, &hopeless);
        if (!reader->db) {
            log_debug("store", "no connection for reading: %s", error);
            return STORE_UNAVAILABLE;
        }
    }
    reader->db->deadline_ms = deadline_ms;
    enum store_result result = fn(reader->db, arg);
    if (!reader->db->lost) {
        return result;
    }
    log_debug("store", "a connection for reading is lost: %s", reader->db->error);
    give_up(&store->readers, reader);
    return STORE_UNAVAILABLE;
}

enum store_result store_read(struct store *store, store_fn *fn, void *arg)
{
    int64_t began_ns = clock_mono_ns();
    if (!store_ready(store)) {
        return STORE_UNAVAILABLE;
    }
    struct reader *reader = take(&store->readers, clock_mono_ms() + store->timeout_ms);
    if (!reader) {
        return STORE_UNAVAILABLE;
    }
    int64_t deadline_ms = clock_mono_ms() + store->timeout_ms;
    bool fresh;
    enum store_result result = try(store, reader, deadline_ms, fn, arg, &fresh);
    if (!reader->db && !fresh && clock_mono_ms() < deadline_ms) {
        result = try(store, reader, deadline_ms, fn, arg, &fresh);
    }
    if (!reader->db) {
        writer_look(store);
    }
    give_back(&store->readers, reader);
    metric_observe(HISTOGRAM_STORE_READ, (double)(clock_mono_ns() - began_ns) / 1e9);
    return result;
}

void readers_init(struct readers *readers)
{
    pthread_mutex_init(&readers->lock, NULL);
    store_cond_init(&readers->changed);
}

void readers_finish(struct readers *readers)
{
    while (readers->idle) {
        struct reader *reader = readers->idle;
        readers->idle = reader->next;
        disconnect(reader);
        free(reader);
    }
    pthread_cond_destroy(&readers->changed);
    pthread_mutex_destroy(&readers->lock);
}
