/*
 * The writer: one thread, one connection. Callers queue jobs and sleep; the thread takes all that
 * wait (STORE_BATCH_MAX at most), runs them in one transaction, each behind a savepoint so that one
 * can fail without the others, commits, and wakes the callers. While it commits, the next batch
 * gathers: under load many jobs share a sync of the disk, a single one does not wait for company.
 *
 * What can go wrong with a batch:
 *  - The connection dies before COMMIT was sent (PostgreSQL was restarted, perhaps long ago): nothing
 *    was done, and the jobs go back into the queue, for another try on a new connection.
 *  - It dies after COMMIT was sent: nobody knows. The callers are told STORE_UNAVAILABLE.
 *  - It does not answer in time: the same, and the store counts as away.
 *  - A job was in the way of another server's transaction (a deadlock): it alone goes back.
 *
 * The thread also finds out whether the store is there: while it is away it tries to connect every
 * STORE_RETRY_MS, while nobody writes it asks every STORE_PROBE_MS. A store that cannot be reached is away,
 * and jobs are refused until it can.
 */
#include "store/internal.h"

#include <limits.h>

#include "base/clock.h"
#include "core/log.h"
#include "core/metrics.h"

/* Lives on its caller's stack. */
struct job {
    struct job *next;
    store_fn *fn;
    void *arg;
    enum store_result result;
    unsigned tries;
    bool again; /* the writer's: put it into the next batch */
    bool taken; /* the writer has it: the caller must wait for `done`. Under the lock */
    bool done;  /* under the lock */
    pthread_cond_t woken;
};

enum batch_result {
    BATCH_COMMITTED,
    BATCH_VOID,    /* not committed, for certain */
    BATCH_UNKNOWN, /* the connection was lost at COMMIT */
};

/* ---- Callers ---- */

static void append(struct writer *writer, struct job *job)
{
    job->next = NULL;
    if (writer->last) {
        writer->last->next = job;
    } else {
        writer->first = job;
    }
    writer->last = job;
}

static void unlink_job(struct writer *writer, const struct job *job)
{
    struct job **at = &writer->first, *before = NULL;
    while (*at != job) {
        before = *at;
        at = &(*at)->next;
    }
    *at = job->next;
    if (writer->last == job) {
        writer->last = before;
    }
}

/* With the lock, which is released while waiting. */
static void wait_for_job(struct writer *writer, struct job *job, int64_t deadline_ms)
{
    while (!job->done) {
        if (job->taken) {
            pthread_cond_wait(&job->woken, &writer->lock);
        } else if (store_cond_wait(&job->woken, &writer->lock, deadline_ms) && !job->taken &&
                   !job->done) {
            unlink_job(writer, job);
            return;
        }
    }
}

enum store_result store_write(struct store *store, store_fn *fn, void *arg)
{
    struct writer *writer = &store->writer;
    struct job job = {.fn = fn, .arg = arg, .result = STORE_UNAVAILABLE};
    int64_t began_ns = clock_mono_ns();
    store_cond_init(&job.woken);
    pthread_mutex_lock(&writer->lock);
    if (store_ready(store) && crowd_enter(&writer->crowd)) {
        append(writer, &job);
        pthread_cond_signal(&writer->work);
        wait_for_job(writer, &job, clock_mono_ms() + store->timeout_ms);
        crowd_leave(&writer->crowd, job.done);
    }
    pthread_mutex_unlock(&writer->lock);
    pthread_cond_destroy(&job.woken);
    if (job.done) {
        metric_observe(HISTOGRAM_STORE_WRITE, (double)(clock_mono_ns() - began_ns) / 1e9);
    }
    return job.result;
}

void writer_look(struct store *store)
{
    pthread_mutex_lock(&store->writer.lock);
    store->writer.look_ms = 0;
    pthread_cond_signal(&store->writer.work);
    pthread_mutex_unlock(&store->writer.lock);
}

/* ---- The connection ---- */

/* It is of no use any more. One that died is replaced at once, one that is silent means trouble. */
static void drop(struct store *store)
{
    struct writer *writer = &store->writer;
    int64_t now_ms = clock_mono_ms();
    if (now_ms >= writer->db->deadline_ms) {
        store_set_up(store, false, writer->db->error);
    } else if (now_ms - writer->complained_ms > STORE_COMPLAIN_MS) {
        writer->complained_ms = now_ms;
        log_warn("store", "%s: connection lost: %s", store->target.driver->name, writer->db->error);
    }
    metric_add(METRIC_STORE_LOST, 1);
    writer->db->driver->close(writer->db);
    writer->db = NULL;
}

/* Connects unless it is connected. False: the store is away. */
static bool reach(struct store *store)
{
    char error[DB_ERROR_MAX];
    bool hopeless; /* or not: an operator may put it right while we run */
    if (!store->writer.db) {
        store->writer.db = store_connect(store, error, &hopeless);
        store_set_up(store, store->writer.db != NULL, error);
    }
    return store->writer.db != NULL;
}

/* Nobody writes: does it still answer? */
static void look(struct store *store)
{
    struct db *db = store->writer.db;
    db->deadline_ms = clock_mono_ms() + store->timeout_ms;
    if (db_do(db, "SELECT 1") < 0) {
        drop(store);
    }
}

/* ---- Batches ---- */

/* Runs a job behind a savepoint. False: the connection is lost, and the batch with it. */
static bool run_job(struct db *db, struct job *job)
{
    db->conflict = db->refused = false;
    job->again = false;
    if (db_do(db, "SAVEPOINT job") != DB_OK) {
        return false;
    }
    job->result = job->fn(db, job->arg);
    if (job->result == STORE_OK && (db->refused || db->conflict)) {
        job->result = STORE_FAILED; /* not heeded by the job, but a part of it is missing */
    }
    if (job->result == STORE_OK) {
        return db_do(db, "RELEASE SAVEPOINT job") == DB_OK;
    }
    job->again = db->conflict;
    return db_do(db, "ROLLBACK TO SAVEPOINT job") == DB_OK &&
           db_do(db, "RELEASE SAVEPOINT job") == DB_OK;
}

static enum batch_result run_batch(struct store *store, struct job *batch)
{
    struct db *db = store->writer.db;
    db->deadline_ms = clock_mono_ms() + store->timeout_ms;
    bool whole = db_do(db, db->driver->begin) == DB_OK;
    for (struct job *job = batch; whole && job; job = job->next) {
        whole = run_job(db, job);
    }
    if (whole) {
        return db_do(db, "COMMIT") == DB_OK ? BATCH_COMMITTED : BATCH_UNKNOWN;
    }
    return clock_mono_ms() < db->deadline_ms ? BATCH_VOID : BATCH_UNKNOWN;
}

/* Tells the callers, and puts back those that are to be tried again. */
static void answer(struct writer *writer, struct job *batch, enum batch_result outcome)
{
    pthread_mutex_lock(&writer->lock);
    while (batch) {
        struct job *job = batch;
        batch = job->next;
        job->taken = false;
        if (outcome == BATCH_VOID || (outcome == BATCH_COMMITTED && job->again)) {
            job->done = ++job->tries == STORE_TRIES;
            job->result = STORE_UNAVAILABLE;
        } else {
            job->done = true;
            job->result = outcome == BATCH_COMMITTED ? job->result : STORE_UNAVAILABLE;
        }
        if (!job->done) {
            append(writer, job);
        }
        pthread_cond_signal(&job->woken);
    }
    pthread_mutex_unlock(&writer->lock);
}

/* With the lock: takes up to `most` jobs off the queue. */
static struct job *take_jobs(struct writer *writer, unsigned most)
{
    struct job *batch = writer->first, *last = NULL, *job = batch;
    for (unsigned i = 0; job && i < most; i++) {
        job->taken = true;
        last = job;
        job = job->next;
    }
    if (last) {
        last->next = NULL;
    }
    writer->first = job;
    if (!job) {
        writer->last = NULL;
    }
    return batch;
}

static struct job *take_batch(struct writer *writer, unsigned most)
{
    pthread_mutex_lock(&writer->lock);
    struct job *batch = take_jobs(writer, most);
    pthread_mutex_unlock(&writer->lock);
    return batch;
}

static void work(struct store *store, struct job *batch)
{
    int64_t jobs = 0;
    for (struct job *job = batch; job; job = job->next) {
        jobs++;
    }
    enum batch_result outcome = run_batch(store, batch);
    if (outcome == BATCH_COMMITTED) {
        metric_add(METRIC_STORE_BATCHES, 1);
        metric_add(METRIC_STORE_WRITES, jobs);
    } else {
        drop(store);
    }
    answer(&store->writer, batch, outcome);
}

/* ---- The thread ---- */

/* Until there is something to do; false: nothing ever will be. */
static bool wait_for_work(struct writer *writer)
{
    pthread_mutex_lock(&writer->lock);
    while (!writer->first && !writer->ending && clock_mono_ms() < writer->look_ms) {
        store_cond_wait(&writer->work, &writer->lock, writer->look_ms);
    }
    bool more = writer->first || !writer->ending;
    pthread_mutex_unlock(&writer->lock);
    return more;
}

/* When to look next: at once if the connection was lost and nothing more is known. */
static void look_later(struct store *store)
{
    struct writer *writer = &store->writer;
    pthread_mutex_lock(&writer->lock);
    writer->look_ms = writer->db           ? clock_mono_ms() + STORE_PROBE_MS
                      : store_ready(store) ? 0
                                           : clock_mono_ms() + STORE_RETRY_MS;
    pthread_mutex_unlock(&writer->lock);
}

static void *writer_main(void *arg)
{
    struct store *store = arg;
    struct writer *writer = &store->writer;
    while (wait_for_work(writer)) {
        if (reach(store)) {
            struct job *batch = take_batch(writer, STORE_BATCH_MAX);
            if (batch) {
                work(store, batch);
            } else {
                look(store);
            }
        } else { /* those who came before it was known */
            answer(writer, take_batch(writer, UINT_MAX), BATCH_UNKNOWN);
        }
        look_later(store);
    }
    return NULL;
}

int writer_start(struct store *store, struct db *db)
{
    struct writer *writer = &store->writer;
    writer->db = db;
    writer->look_ms = clock_mono_ms() + (db ? STORE_PROBE_MS : STORE_RETRY_MS);
    pthread_mutex_init(&writer->lock, NULL);
    store_cond_init(&writer->work);
    if (pthread_create(&writer->thread, NULL, writer_main, store) == 0) {
        return 0;
    }
    if (db) {
        db->driver->close(db);
    }
    pthread_cond_destroy(&writer->work);
    pthread_mutex_destroy(&writer->lock);
    return -1;
}

void writer_stop(struct store *store)
{
    struct writer *writer = &store->writer;
    pthread_mutex_lock(&writer->lock);
    writer->ending = true;
    pthread_cond_signal(&writer->work);
    pthread_mutex_unlock(&writer->lock);
    pthread_join(writer->thread, NULL);
    if (writer->db) {
        writer->db->driver->close(writer->db);
    }
    pthread_cond_destroy(&writer->work);
    pthread_mutex_destroy(&writer->lock);
}
