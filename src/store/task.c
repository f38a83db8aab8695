/*
 * Work for loops; see task.h. Writes go into the writer's queue (writer.c), reads into one of their own,
 * which a few threads work off; they are made as they are needed.
 *
 * What is done is put onto the list of its loop's station, in order, and the loop is told by one
 * loop_post() for all that gathers until it gets there. Should there be no memory for that, the list stays and
 * the writer tells the loop later: nothing that was done is ever forgotten.
 */
#include "store/task.h"

#include <stdlib.h>

#include "base/clock.h"
#include "net/loop.h"
#include "store/internal.h"

/* Where a loop's finished tasks wait for it. Stays when the loop has ended. */
struct station {
    struct station *next; /* set before others can see it */
    struct loop *loop;
    unsigned pending; /* submitted and not answered; the loop's */

    pthread_mutex_t lock; /* guards what follows */
    struct store_task *first, *last;
    bool posted;
};

/* ---- Stations ---- */

static struct station *first_station(struct tasks *tasks)
{
    pthread_mutex_lock(&tasks->lock);
    struct station *station = tasks->stations;
    pthread_mutex_unlock(&tasks->lock);
    return station;
}

static struct station *find_station(struct tasks *tasks, const struct loop *loop)
{
    struct station *station = first_station(tasks);
    while (station && station->loop != loop) {
        station = station->next;
    }
    return station;
}

/* Only a loop's own thread asks for its station, so it is not made twice. */
static struct station *station_of(struct tasks *tasks, struct loop *loop)
{
    struct station *station = find_station(tasks, loop);
    if (station) {
        return station;
    }
    station = calloc(1, sizeof *station);
    if (station) {
        station->loop = loop;
        pthread_mutex_init(&station->lock, NULL);
        pthread_mutex_lock(&tasks->lock);
        station->next = tasks->stations;
        tasks->stations = station;
        pthread_mutex_unlock(&tasks->lock);
    }
    return station;
}

static void answer(struct station *station, struct store_task *list)
{
    while (list) {
        struct store_task *task = list;
        list = task->next;
        station->pending--;
        task->done(task, task->result);
    }
}

/* On the loop. */
static void deliver(void *arg)
{
    struct station *station = arg;
    pthread_mutex_lock(&station->lock);
    struct store_task *list = station->first;
    station->first = station->last = NULL;
    station->posted = false;
    pthread_mutex_unlock(&station->lock);
    answer(station, list);
}

/* The task is its loop's as soon as the lock is released. */
static void put(struct store_task *task)
{
    struct station *station = task->station;
    task->next = NULL;
    pthread_mutex_lock(&station->lock);
    if (station->last) {
        station->last->next = task;
    } else {
        station->first = task;
    }
    station->last = task;
    pthread_mutex_unlock(&station->lock);
}

static bool post_one(struct station *station)
{
    pthread_mutex_lock(&station->lock);
    bool wanted = station->first && !station->posted;
    station->posted = station->posted || wanted;
    pthread_mutex_unlock(&station->lock);
    if (!wanted || loop_post(station->loop, deliver, station) == 0) {
        return true;
    }
    pthread_mutex_lock(&station->lock);
    station->posted = false;
    pthread_mutex_unlock(&station->lock);
    return false;
}

bool tasks_post(struct store *store)
{
    bool all = true;
    for (struct station *s = first_station(&store->tasks); s; s = s->next) {
        all = post_one(s) && all;
    }
    return all;
}

void tasks_hand_over(struct store *store, struct store_task *list)
{
    bool any = list != NULL;
    while (list) {
        struct store_task *task = list;
        list = task->next;
        put(task);
    }
    if (any && !tasks_post(store)) {
        writer_owe(&store->writer);
    }
}

/* ---- Reading ---- */

/* With the lock, which is released while waiting. NULL: the store is closed. */
static struct store_task *next_read(struct tasks *tasks)
{
    tasks->idle++;
    while (!tasks->first && !tasks->ending) {
        pthread_cond_wait(&tasks->work, &tasks->lock);
    }
    tasks->idle--;
    struct store_task *task = tasks->ending ? NULL : tasks->first;
    if (task) {
        tasks->first = task->next;
        tasks->last = tasks->first ? tasks->last : NULL;
        tasks->queued--;
    }
    return task;
}

static void *reader_main(void *arg)
{
    struct store *store = arg;
    struct tasks *tasks = &store->tasks;
    for (;;) {
        pthread_mutex_lock(&tasks->lock);
        struct store_task *task = next_read(tasks);
        pthread_mutex_unlock(&tasks->lock);
        if (!task) {
            return NULL;
        }
        task->result = clock_mono_ms() < task->deadline_ms
                           ? store_read_for_loop(store, task->deadline_ms, task->fn, task->arg)
                           : STORE_UNAVAILABLE;
        task->next = NULL;
        tasks_hand_over(store, task);
    }
}

/* With the lock: somebody will take what is queued. */
static bool has_thread(struct store *store)
{
    struct tasks *tasks = &store->tasks;
    if (tasks->idle <= tasks->queued && tasks->threads < STORE_TASK_READERS &&
        pthread_create(&tasks->thread[tasks->threads], NULL, reader_main, store) == 0) {
        tasks->threads++;
    }
    return tasks->threads > 0;
}

static bool enqueue_read(struct store *store, struct store_task *task)
{
    struct tasks *tasks = &store->tasks;
    pthread_mutex_lock(&tasks->lock);
    bool taken = tasks->queued < STORE_READS_MAX && has_thread(store);
    if (taken) {
        if (tasks->last) {
            tasks->last->next = task;
        } else {
            tasks->first = task;
        }
        tasks->last = task;
        tasks->queued++;
        pthread_cond_signal(&tasks->work);
    }
    pthread_mutex_unlock(&tasks->lock);
    return taken;
}

static struct store_task *withdraw_reads(struct tasks *tasks, const struct station *station)
{
    struct store_task *out = NULL, **out_tail = &out;
    pthread_mutex_lock(&tasks->lock);
    struct store_task **at = &tasks->first;
    tasks->last = NULL;
    while (*at) {
        struct store_task *task = *at;
        if (task->station == station) {
            *at = task->next;
            *out_tail = task;
            out_tail = &task->next;
            tasks->queued--;
        } else {
            tasks->last = task;
            at = &task->next;
        }
    }
    *out_tail = NULL;
    pthread_mutex_unlock(&tasks->lock);
    return out;
}

/* ---- Loops ---- */

/* False: it is not taken. */
static bool begin(struct store *store, struct loop *loop, struct store_task *task)
{
    struct station *station = station_of(&store->tasks, loop);
    if (!station || !store_ready(store)) {
        return false;
    }
    task->station = station;
    task->woken = NULL;
    task->next = NULL;
    task->tries = 0;
    task->again = task->taken = task->finished = false;
    task->result = STORE_UNAVAILABLE;
    task->began_ns = clock_mono_ns();
    task->deadline_ms = clock_mono_ms() + store->timeout_ms;
    station->pending++; /* before: it may be done by the time that we are back */
    return true;
}

static int begun(struct store_task *task, struct station *station, bool taken)
{
    if (!taken) {
        station->pending--;
        task->station = NULL;
    }
    return taken ? 0 : -1;
}

int store_submit_write(struct store *store, struct loop *loop, struct store_task *task)
{
    if (!begin(store, loop, task)) {
        return -1;
    }
    struct station *station = task->station;
    return begun(task, station, writer_submit(store, task) == 0);
}

int store_submit_read(struct store *store, struct loop *loop, struct store_task *task)
{
    if (!begin(store, loop, task)) {
        return -1;
    }
    struct station *station = task->station;
    return begun(task, station, enqueue_read(store, task));
}

unsigned store_tasks(struct store *store, struct loop *loop)
{
    const struct station *station = find_station(&store->tasks, loop);
    return station ? station->pending : 0;
}

static void refuse(struct station *station, struct store_task *list)
{
    for (struct store_task *task = list; task; task = task->next) {
        task->result = STORE_UNAVAILABLE;
    }
    answer(station, list);
}

void store_cancel(struct store *store, struct loop *loop)
{
    struct station *station = find_station(&store->tasks, loop);
    if (station) {
        refuse(station, writer_withdraw(&store->writer, station));
        refuse(station, withdraw_reads(&store->tasks, station));
    }
}

/* ---- From beginning to end ---- */

void tasks_init(struct tasks *tasks)
{
    pthread_mutex_init(&tasks->lock, NULL);
    pthread_cond_init(&tasks->work, NULL);
}

void tasks_stop(struct tasks *tasks)
{
    pthread_mutex_lock(&tasks->lock);
    tasks->ending = true;
    pthread_cond_broadcast(&tasks->work);
    pthread_mutex_unlock(&tasks->lock);
    for (unsigned i = 0; i < tasks->threads; i++) {
        pthread_join(tasks->thread[i], NULL);
    }
    tasks->threads = 0;
}

void tasks_finish(struct tasks *tasks)
{
    while (tasks->stations) {
        struct station *station = tasks->stations;
        tasks->stations = station->next;
        pthread_mutex_destroy(&station->lock);
        free(station);
    }
    pthread_cond_destroy(&tasks->work);
    pthread_mutex_destroy(&tasks->lock);
}
