/*
 * The readers: connections that are made when they are needed, one at a time and up to STORE_READERS,
 * and lent to one caller at a time. `idle` is a stack, so that in quiet times the others are left alone.
 * When one is found dead, those made before it are taken for dead as well (by `generation`), and the call
 * that found it tries once more on a new one: after a restart of PostgreSQL nobody is refused.
 *
 * PostgreSQL may grant fewer connections than that. Whoever is refused one waits for one of the
 * others, if there are any, and for a while no more are asked for.
 */
#include "store/internal.h"

#include <stdlib.h>

#include "base/clock.h"
#include "core/log.h"
#include "core/metrics.h"

struct reader {
    struct reader *next; /* while idle */
    struct db *db;       /* NULL: not connected, never so while idle */
    unsigned generation;
    bool new; /* the one that readers.connecting tells of */
};

static void disconnect(struct reader *reader)
{
    if (reader->db) {
        reader->db->driver->close(reader->db);
        reader->db = NULL;
    }
}

/* ---- Taking and giving back ---- */

static bool may_connect(const struct readers *readers, int64_t now_ms)
{
    return !readers->connecting && (readers->count == 0 || (readers->count < STORE_READERS &&
                                                            now_ms >= readers->not_before_ms));
}

static struct reader *add_reader(struct readers *readers)
{
    struct reader *reader = calloc(1, sizeof *reader);
    if (reader) {
        reader->generation = readers->generation;
        reader->new = readers->connecting = true;
        readers->count++;
    }
    return reader;
}

/*
 * With the lock, which is released while waiting: a reader, or NULL when there is none in time or the
 * store has gone away meanwhile.
 */
static struct reader *wait_for_reader(struct store *store, int64_t deadline_ms)
{
    struct readers *readers = &store->readers;
    while (store_ready(store)) {
        int64_t now_ms = clock_mono_ms(), until_ms = deadline_ms;
        struct reader *reader = readers->idle;
        if (reader) {
            readers->idle = reader->next;
            return reader;
        }
        if (may_connect(readers, now_ms)) {
            return add_reader(readers);
        }
        if (now_ms >= deadline_ms) {
            break;
        }
        if (!readers->connecting && readers->count < STORE_READERS &&
            readers->not_before_ms < deadline_ms) {
            until_ms = readers->not_before_ms;
        }
        store_cond_wait(&readers->changed, &readers->lock, until_ms);
    }
    return NULL;
}

/* `crowded`: the caller is one of those of which only so many may wait. */
static struct reader *take(struct store *store, int64_t deadline_ms, bool crowded)
{
    struct readers *readers = &store->readers;
    struct reader *reader = NULL;
    pthread_mutex_lock(&readers->lock);
    if (!crowded) {
        reader = wait_for_reader(store, deadline_ms);
    } else if (crowd_enter(&readers->crowd)) {
        reader = wait_for_reader(store, deadline_ms);
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

/* One that is not connected is no more. True if there are others. */
static bool give_back(struct readers *readers, struct reader *reader)
{
    pthread_mutex_lock(&readers->lock);
    if (reader->db) {
        reader->next = readers->idle;
        readers->idle = reader;
    } else {
        readers->count--;
        free(reader);
    }
    bool others = readers->count > 0;
    pthread_cond_signal(&readers->changed);
    pthread_mutex_unlock(&readers->lock);
    return others;
}

/*
 * The connection is of no use any more. If it died, so did most likely those that were made before it;
 * if it was only too slow for this caller, nothing is known of them.
 */
static void give_up(struct readers *readers, struct reader *reader, bool died)
{
    disconnect(reader);
    pthread_mutex_lock(&readers->lock);
    if (died && reader->generation == readers->generation) {
        readers->generation++;
    }
    reader->generation = readers->generation;
    pthread_mutex_unlock(&readers->lock);
}

/* ---- Reading ---- */

static void complain(struct readers *readers, const char *error)
{
    int64_t now_ms = clock_mono_ms();
    pthread_mutex_lock(&readers->lock);
    bool loud = !readers->complained_ms || now_ms - readers->complained_ms > STORE_REFUSED_MS;
    readers->complained_ms = loud ? now_ms : readers->complained_ms;
    readers->not_before_ms = now_ms + STORE_RETRY_MS;
    unsigned others = readers->count - 1;
    pthread_mutex_unlock(&readers->lock);
    if (loud) {
        log_warn("store", "no more connections for reading than %u: %s", others, error);
    }
}

static bool connect_reader(struct store *store, struct reader *reader, int64_t deadline_ms)
{
    struct readers *readers = &store->readers;
    char error[DB_ERROR_MAX];
    bool hopeless;
    reader->db =
        store->target.driver->connect(&store->target, DB_READER, deadline_ms, error, &hopeless);
    if (!reader->db) {
        complain(readers, error);
    }
    if (reader->new) {
        reader->new = false;
        pthread_mutex_lock(&readers->lock);
        readers->connecting = false;
        pthread_cond_signal(&readers->changed);
        pthread_mutex_unlock(&readers->lock);
    }
    return reader->db != NULL;
}

static enum store_result run_on(struct store *store, struct reader *reader, int64_t deadline_ms,
                                store_fn *fn, void *arg)
{
    reader->db->deadline_ms = deadline_ms;
    enum store_result result = fn(reader->db, arg);
    if (!reader->db->lost) {
        return result;
    }
    log_debug("store", "a connection for reading is lost: %s", reader->db->error);
    give_up(&store->readers, reader, clock_mono_ms() < deadline_ms);
    return STORE_UNAVAILABLE;
}

/* Runs `fn`, a second time if the connection turns out to be dead; *refused: it got none. */
static enum store_result try(struct store *store, struct reader *reader, int64_t deadline_ms,
                             store_fn *fn, void *arg, bool *refused)
{
    enum store_result result = STORE_UNAVAILABLE;
    bool fresh = !reader->db;
    *refused = fresh && !connect_reader(store, reader, deadline_ms);
    if (!*refused) {
        result = run_on(store, reader, deadline_ms, fn, arg);
    }
    if (!reader->db && !fresh && clock_mono_ms() < deadline_ms) {
        *refused = !connect_reader(store, reader, deadline_ms);
        result = *refused ? STORE_UNAVAILABLE : run_on(store, reader, deadline_ms, fn, arg);
    }
    if (!reader->db) {
        writer_look(store);
    }
    return result;
}

struct patience {
    int64_t wait_until_ms; /* for a connection */
    bool hurry;            /* the work itself ends by then, too */
    bool crowded;          /* see take() */
};

static enum store_result read_with(struct store *store, const struct patience *patience,
                                   store_fn *fn, void *arg)
{
    int64_t began_ns = clock_mono_ns();
    enum store_result result;
    bool refused, others;
    do {
        struct reader *reader = take(store, patience->wait_until_ms, patience->crowded);
        if (!reader) {
            return STORE_UNAVAILABLE;
        }
        int64_t deadline_ms =
            patience->hurry ? patience->wait_until_ms : clock_mono_ms() + store->timeout_ms;
        result = try(store, reader, deadline_ms, fn, arg, &refused);
        others = give_back(&store->readers, reader);
    } while (refused && others);
    metric_observe(HISTOGRAM_STORE_READ, (double)(clock_mono_ns() - began_ns) / 1e9);
    return result;
}

enum store_result store_read_within(struct store *store, int64_t limit_ms, store_fn *fn, void *arg)
{
    int64_t wait_ms = limit_ms < store->timeout_ms ? limit_ms : store->timeout_ms;
    const struct patience patience = {clock_mono_ms() + wait_ms, limit_ms != STORE_NO_HURRY, true};
    return read_with(store, &patience, fn, arg);
}

enum store_result store_read(struct store *store, store_fn *fn, void *arg)
{
    return store_read_within(store, STORE_NO_HURRY, fn, arg);
}

enum store_result store_read_for_loop(struct store *store, int64_t until_ms, store_fn *fn,
                                      void *arg)
{
    const struct patience patience = {until_ms, false, false};
    return read_with(store, &patience, fn, arg);
}

/* ---- From beginning to end ---- */

void readers_init(struct readers *readers, unsigned most_waiting)
{
    pthread_mutex_init(&readers->lock, NULL);
    store_cond_init(&readers->changed);
    readers->crowd.most = most_waiting;
}

void readers_wake(struct readers *readers)
{
    pthread_mutex_lock(&readers->lock);
    pthread_cond_broadcast(&readers->changed);
    pthread_mutex_unlock(&readers->lock);
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
