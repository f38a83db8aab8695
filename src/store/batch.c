/*
 * A transaction of the writer's: the work of several callers, none of which must spoil the others'.
 *
 * As long as all goes well there are no savepoints between them (they cost as much as a small task does).
 * If one has written something and then failed, all is rolled back and run once more, each task behind
 * a savepoint.
 */
#include "base/clock.h"
#include "store/internal.h"

/* Runs a task; false: what it has written must be undone, or the connection is lost. */
static bool run_task(struct db *db, struct store_task *task)
{
    db->conflict = db->refused = db->wrote = false;
    task->again = false;
    task->result = task->fn(db, task->arg);
    if (task->result == STORE_OK && (db->refused || db->conflict)) {
        task->result = STORE_FAILED; /* not heeded by the task, but a part of it is missing */
    }
    task->again = db->conflict;
    return !db->lost && !db->refused && !db->conflict && (task->result == STORE_OK || !db->wrote);
}

/* The same behind a savepoint; false: the connection is lost, and the batch with it. */
static bool run_guarded(struct db *db, struct store_task *task)
{
    return db_do(db, "SAVEPOINT job") == DB_OK &&
           (run_task(db, task) || db_do(db, "ROLLBACK TO SAVEPOINT job") == DB_OK) &&
           db_do(db, "RELEASE SAVEPOINT job") == DB_OK;
}

/* All, each by itself; those of a room in which one has to be tried again wait for that. */
static bool run_guarded_all(struct db *db, struct store_task *batch)
{
    const struct store_task *before = NULL;
    for (struct store_task *task = batch; task; before = task, task = task->next) {
        if (before && before->again && before->key && before->key == task->key) {
            task->again = true;
        } else if (!run_guarded(db, task)) {
            return false;
        }
    }
    return true;
}

enum run_result {
    RUN_WHOLE,
    RUN_SPOILT, /* one has failed: all is to be undone */
    RUN_LOST,
};

/* All without savepoints, until the time is up: *rest are those that were not begun. */
static enum run_result run_all(struct db *db, struct store_task *batch, struct store_task **rest)
{
    int64_t until_ms = clock_mono_ms() + STORE_BATCH_MS;
    *rest = NULL;
    for (struct store_task *task = batch; task; task = task->next) {
        if (!run_task(db, task)) {
            return db->lost ? RUN_LOST : RUN_SPOILT;
        }
        if (task->next && clock_mono_ms() >= until_ms) {
            *rest = task->next;
            task->next = NULL;
        }
    }
    return RUN_WHOLE;
}

enum batch_result batch_run(struct db *db, int64_t timeout_ms, struct store_task *batch,
                            struct store_task **rest)
{
    db->deadline_ms = clock_mono_ms() + timeout_ms;
    bool whole = db_do(db, db->driver->begin) == DB_OK;
    db->quiet = true;
    enum run_result result = whole ? run_all(db, batch, rest) : RUN_LOST;
    db->quiet = false;
    if (result == RUN_SPOILT) {
        whole = db_do(db, "ROLLBACK") == DB_OK && db_do(db, db->driver->begin) == DB_OK &&
                run_guarded_all(db, batch);
        result = whole ? RUN_WHOLE : RUN_LOST;
    }
    if (result == RUN_WHOLE) {
        return db_do(db, "COMMIT") == DB_OK ? BATCH_COMMITTED : BATCH_UNKNOWN;
    }
    return clock_mono_ms() < db->deadline_ms ? BATCH_VOID : BATCH_UNKNOWN;
}
