/*
 * The writer: one thread, one connection, one queue. Callers queue a task and sleep, loops queue theirs
 * and go on (task.h); the thread takes all that wait (STORE_BATCH_MAX at most), runs them in one transaction,
 * commits, and wakes or tells whoever is concerned. While it commits, the next batch gathers: under load
 * many tasks share a sync of the disk, a single one does not wait for company.
 *
 * What can go wrong with a batch (batch.c; a task can fail without the others):
 *  - The connection dies before COMMIT was sent (PostgreSQL was restarted, perhaps long ago): nothing
 *    was done, and the tasks go back to the front of the queue, for another try on a new connection.
 *  - It dies after COMMIT was sent: nobody knows. The callers are told STORE_UNAVAILABLE.
 *  - It does not answer in time: the same, and the store counts as away.
 *  - A task was in the way of another server's transaction (a deadlock): it goes back, with those of the same room
 *    that come after it, for what is done in a room is done in order.
 *
 * The thread also finds out whether the store is there: while it is away it tries to connect every
 * STORE_RETRY_MS, while nobody writes it asks every STORE_PROBE_MS. A store that cannot be reached is away,
 * and tasks are refused until it can.
 */
#include "store/internal.h"

#include <limits.h>

#include "base/clock.h"
#include "core/log.h"
#include "core/metrics.h"

/* ---- The queue; all with the lock ---- */

static void append(struct writer *writer, struct store_task *task)
{
    task->next = NULL;
    task->left = false;
    if (writer->last) {
        writer->last->next = task;
    } else {
        writer->first = task;
    }
    writer->last = task;
}

/* Puts a list back where it was taken from. */
static void prepend(struct writer *writer, struct store_task *list)
{
    struct store_task *last = list;
    while (last && last->next) {
        last = last->next;
    }
    if (last) {
        last->next = writer->first;
        writer->first = list;
        writer->last = writer->last ? writer->last : last;
    }
}

static void unlink_task(struct writer *writer, const struct store_task *task)
{
    struct store_task **at = &writer->first, *before = NULL;
    while (*at != task) {
        before = *at;
        at = &(*at)->next;
    }
    *at = task->next;
    if (writer->last == task) {
        writer->last = before;
    }
}

struct store_task *writer_withdraw(struct writer *writer, const struct station *station)
{
    struct store_task *out = NULL, **out_tail = &out;
    pthread_mutex_lock(&writer->lock);
    struct store_task **at = &writer->first;
    writer->last = NULL;
    while (*at) {
        struct store_task *task = *at;
        if (task->station == station) {
            *at = task->next;
            *out_tail = task;
            out_tail = &task->next;
            writer->submitted--;
        } else {
            writer->last = task;
            at = &task->next;
        }
    }
    *out_tail = NULL;
    pthread_mutex_unlock(&writer->lock);
    return out;
}

/* ---- Callers ---- */

uint64_t store_key(const char *room)
{
    uint64_t hash = 0xcbf29ce484222325; /* FNV-1a: any will do that all servers have in common */
    for (const char *p = room; *p; p++) {
        hash = (hash ^ (unsigned char)*p) * 0x100000001b3;
    }
    return hash ? hash : 1;
}

static void observe(const struct store_task *task)
{
    metric_observe(HISTOGRAM_STORE_WRITE, (double)(clock_mono_ns() - task->began_ns) / 1e9);
}

/* With the lock, which is released while waiting. */
static void wait_for_task(struct writer *writer, struct store_task *task)
{
    while (!task->finished) {
        if (task->taken) {
            pthread_cond_wait(task->woken, &writer->lock);
        } else if (store_cond_wait(task->woken, &writer->lock, task->deadline_ms) && !task->taken &&
                   !task->finished) {
            unlink_task(writer, task);
            return;
        }
    }
}

enum store_result store_write_in(struct store *store, uint64_t key, store_fn *fn, void *arg)
{
    struct writer *writer = &store->writer;
    pthread_cond_t woken;
    struct store_task task = {.fn = fn,
                              .arg = arg,
                              .key = key,
                              .woken = &woken,
                              .began_ns = clock_mono_ns(),
                              .deadline_ms = clock_mono_ms() + store->timeout_ms,
                              .result = STORE_UNAVAILABLE};
    store_cond_init(&woken);
    pthread_mutex_lock(&writer->lock);
    if (store_ready(store) && crowd_enter(&writer->crowd)) {
        append(writer, &task);
        pthread_cond_signal(&writer->work);
        wait_for_task(writer, &task);
        crowd_leave(&writer->crowd, task.finished);
    }
    pthread_mutex_unlock(&writer->lock);
    pthread_cond_destroy(&woken);
    if (task.finished) {
        observe(&task);
    }
    return task.result;
}

enum store_result store_write(struct store *store, store_fn *fn, void *arg)
{
    return store_write_in(store, 0, fn, arg);
}

int writer_submit(struct store *store, struct store_task *task)
{
    struct writer *writer = &store->writer;
    pthread_mutex_lock(&writer->lock);
    bool room = writer->submitted < STORE_SUBMITTED_MAX;
    if (room) {
        writer->submitted++;
        append(writer, task);
        pthread_cond_signal(&writer->work);
    }
    pthread_mutex_unlock(&writer->lock);
    return room ? 0 : -1;
}

void writer_owe(struct writer *writer)
{
    pthread_mutex_lock(&writer->lock);
    writer->owed = true;
    pthread_cond_signal(&writer->work);
    pthread_mutex_unlock(&writer->lock);
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

/* With the lock: it is done with. Who sleeps is woken, a loop's goes to `told`. */
static void finish(struct writer *writer, struct store_task *task, struct store_task ***told)
{
    task->finished = true;
    if (task->station) {
        writer->submitted--;
        **told = task;
        *told = &task->next;
    } else {
        pthread_cond_signal(task->woken);
    }
}

/* True if it is to be tried again, else with what it has come to. */
static bool judge(struct store_task *task, enum batch_result outcome)
{
    if (outcome == BATCH_VOID || (outcome == BATCH_COMMITTED && task->again)) {
        task->result = STORE_UNAVAILABLE;
        return ++task->tries < STORE_TRIES;
    }
    task->result = outcome == BATCH_COMMITTED ? task->result : STORE_UNAVAILABLE;
    return false;
}

/* Tells the callers, and puts back those that are to be tried again, and what was not begun. */
static void answer(struct store *store, struct store_task *batch, struct store_task *rest,
                   enum batch_result outcome)
{
    struct writer *writer = &store->writer;
    struct store_task *told = NULL, **told_tail = &told, *back = NULL, **back_tail = &back;
    for (struct store_task *task = batch; task; task = task->next) {
        if (task->station) {
            observe(task);
        }
    }
    pthread_mutex_lock(&writer->lock);
    for (struct store_task *task = batch, *next; task; task = next) {
        next = task->next;
        if (judge(task, outcome)) {
            *back_tail = task;
            back_tail = &task->next;
        } else {
            finish(writer, task, &told_tail);
        }
    }
    *told_tail = NULL;
    *back_tail = rest;
    for (struct store_task *task = back; task; task = task->next) {
        task->taken = false;
        task->left = true;
        if (!task->station) {
            pthread_cond_signal(task->woken); /* its deadline counts again */
        }
    }
    prepend(writer, back);
    pthread_mutex_unlock(&writer->lock);
    tasks_hand_over(store, told);
}

/* With the lock: takes up to `most` tasks off the queue, of those that are like the first only if `like`. */
static struct store_task *take_tasks(struct writer *writer, unsigned most, bool like)
{
    struct store_task *batch = writer->first, *last = NULL, *task = batch;
    for (unsigned i = 0; task && i < most && (!like || task->left == batch->left); i++) {
        task->taken = true;
        last = task;
        task = task->next;
    }
    if (last) {
        last->next = NULL;
    }
    writer->first = task;
    if (!task) {
        writer->last = NULL;
    }
    return batch;
}

/* Puts a task where its key belongs, behind those with the same. */
static void insert_by_key(struct store_task **sorted, size_t count, struct store_task *task)
{
    size_t at = count;
    for (; at > 0 && sorted[at - 1]->key > task->key; at--) {
        sorted[at] = sorted[at - 1];
    }
    sorted[at] = task;
}

/*
 * The tasks of loops that have waited for too long are taken out; the others in the order of their keys, those of one
 * room in the order in which they came.
 */
static struct store_task *sort_out(struct store_task *list, struct store_task **late)
{
    struct store_task *sorted[STORE_BATCH_MAX];
    size_t count = 0;
    int64_t now_ms = clock_mono_ms();
    struct store_task **late_tail = late;
    while (list) {
        struct store_task *task = list;
        list = task->next;
        if (task->station && now_ms >= task->deadline_ms) {
            *late_tail = task;
            late_tail = &task->next;
        } else {
            insert_by_key(sorted, count++, task);
        }
    }
    *late_tail = NULL;
    for (size_t i = 0; i < count; i++) {
        sorted[i]->next = i + 1 < count ? sorted[i + 1] : NULL;
    }
    return count > 0 ? sorted[0] : NULL;
}

/*
 * The next batch: what was left over from one goes alone. With newer ones it would be put in order by keys again,
 * and those with high keys would wait for as long as others come.
 */
static struct store_task *take_batch(struct writer *writer)
{
    pthread_mutex_lock(&writer->lock);
    struct store_task *batch = take_tasks(writer, STORE_BATCH_MAX, true);
    pthread_mutex_unlock(&writer->lock);
    return batch;
}

static struct store_task *take_all(struct writer *writer)
{
    pthread_mutex_lock(&writer->lock);
    struct store_task *all = take_tasks(writer, UINT_MAX, false);
    pthread_mutex_unlock(&writer->lock);
    return all;
}

static void work(struct store *store, struct store_task *batch)
{
    int64_t tasks = 0;
    struct store_task *rest = NULL;
    enum batch_result outcome = batch_run(store->writer.db, store->timeout_ms, batch, &rest);
    for (struct store_task *task = batch; task; task = task->next) {
        tasks++;
    }
    if (outcome == BATCH_COMMITTED) {
        metric_add(METRIC_STORE_BATCHES, 1);
        metric_add(METRIC_STORE_WRITES, tasks);
    } else {
        drop(store);
    }
    answer(store, batch, rest, outcome);
}

/* True if there was anything to do. */
static bool work_off(struct store *store)
{
    struct store_task *late;
    struct store_task *batch = sort_out(take_batch(&store->writer), &late);
    bool any = batch || late;
    if (late) {
        answer(store, late, NULL, BATCH_UNKNOWN);
    }
    if (batch) {
        work(store, batch);
    }
    return any;
}

/* ---- The thread ---- */

/* With the lock. When there is something to do even if nobody brings it. */
static int64_t wake_ms(const struct writer *writer, int64_t repost_ms)
{
    return writer->owed && repost_ms < writer->look_ms ? repost_ms : writer->look_ms;
}

/* Until there is something to do; false: nothing ever will be. */
static bool wait_for_work(struct writer *writer)
{
    pthread_mutex_lock(&writer->lock);
    int64_t repost_ms = clock_mono_ms() + STORE_REPOST_MS;
    while (!writer->first && !writer->ending && clock_mono_ms() < wake_ms(writer, repost_ms)) {
        store_cond_wait(&writer->work, &writer->lock, wake_ms(writer, repost_ms));
    }
    bool more = writer->first || !writer->ending;
    pthread_mutex_unlock(&writer->lock);
    return more;
}

/* Tells the loops that could not be told. True if it was for this that the writer was woken. */
static bool repost(struct store *store)
{
    struct writer *writer = &store->writer;
    pthread_mutex_lock(&writer->lock);
    bool owed = writer->owed;
    writer->owed = false;
    pthread_mutex_unlock(&writer->lock);
    if (owed && !tasks_post(store)) {
        writer_owe(writer);
    }
    return owed;
}

/* Or is it time to look? */
static bool has_work(struct writer *writer)
{
    pthread_mutex_lock(&writer->lock);
    bool has = writer->first || clock_mono_ms() >= writer->look_ms;
    pthread_mutex_unlock(&writer->lock);
    return has;
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
        if (repost(store) && !has_work(writer)) {
            continue;
        }
        if (!reach(store)) { /* those who came before it was known */
            answer(store, take_all(writer), NULL, BATCH_UNKNOWN);
        } else if (!work_off(store)) {
            look(store);
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
