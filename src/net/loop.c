/*
 * An event loop on a thread of its own.
 *
 * Posts from other threads go through a list under a mutex and one uv_async_t; the list is taken
 * whole and run without the lock. A uv_prepare_t runs each time before the loop waits, after the events
 * and after the timers (a uv_check_t would run before those, and leave what they queued until the next
 * event): there the turn's tasks are run, then the connections that got something to send are flushed, so
 * that all that a turn queued for a socket leaves in one write. loop_stop() posts the last function, which closes the loop's own
 * handles; the thread ends when no handle is left.
 */
#include "net/loop.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

#include "core/metrics.h"
#include "net/conn.h"
#include "net/joined.h"

struct post {
    struct post *next;
    void (*fn)(void *arg);
    void *arg;
};

struct loop {
    uv_loop_t uv;
    uv_async_t wake;
    uv_prepare_t turn_end;
    uv_thread_t thread;
    bool started;
    unsigned index;
    struct loop_task *task_head, **task_tail;
    struct conn *flush_head, **flush_tail;
    size_t sent; /* bytes, since the metrics were told */
    struct joined joined;

    pthread_mutex_t lock; /* guards the next three */
    struct post *posts, **posts_tail;
    bool stopping;

    char read_buffer[LOOP_READ_SIZE];
};

static void run_posts(uv_async_t *wake)
{
    struct loop *loop = wake->data;
    pthread_mutex_lock(&loop->lock);
    struct post *post = loop->posts;
    loop->posts = NULL;
    loop->posts_tail = &loop->posts;
    pthread_mutex_unlock(&loop->lock);
    while (post) {
        struct post *next = post->next;
        post->fn(post->arg);
        free(post);
        post = next;
    }
}

static void run_tasks(struct loop *loop)
{
    while (loop->task_head) {
        struct loop_task *task = loop->task_head;
        loop_cancel(loop, task);
        task->fn(task->arg);
    }
}

static void flush_all(struct loop *loop)
{
    while (loop->flush_head) {
        struct conn *conn = loop->flush_head;
        loop_forget(loop, conn);
        if (loop->flush_head) {
            conn_prefetch(loop->flush_head); /* arrives while the kernel works for this one */
        }
        conn_flush(conn);
    }
}

static void flush_turn(uv_prepare_t *turn_end)
{
    struct loop *loop = turn_end->data;
    do {
        run_tasks(loop);
        flush_all(loop);
    } while (loop->task_head); /* queued by those who were told that there is room again */
    joined_clear(&loop->joined);
    if (loop->sent > 0) {
        metric_add(METRIC_BYTES_OUT, (int64_t)loop->sent);
        loop->sent = 0;
    }
}

void loop_count_sent(struct loop *loop, size_t bytes)
{
    loop->sent += bytes;
}

struct loop *loop_create(unsigned index)
{
    struct loop *loop = calloc(1, sizeof *loop);
    if (!loop) {
        return NULL;
    }
    loop->index = index;
    loop->task_tail = &loop->task_head;
    loop->flush_tail = &loop->flush_head;
    loop->posts_tail = &loop->posts;
    pthread_mutex_init(&loop->lock, NULL);
    if (uv_loop_init(&loop->uv)) {
        pthread_mutex_destroy(&loop->lock);
        free(loop);
        return NULL;
    }
    if (uv_async_init(&loop->uv, &loop->wake, run_posts)) {
        uv_loop_close(&loop->uv);
        pthread_mutex_destroy(&loop->lock);
        free(loop);
        return NULL;
    }
    loop->wake.data = loop;
    uv_prepare_init(&loop->uv, &loop->turn_end);
    loop->turn_end.data = loop;
    uv_prepare_start(&loop->turn_end, flush_turn);
    return loop;
}

static void loop_main(void *arg)
{
    struct loop *loop = arg;
    sigset_t all; /* signals are the main thread's */
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, NULL);
    uv_run(&loop->uv, UV_RUN_DEFAULT);
}

int loop_start(struct loop *loop)
{
    if (uv_thread_create(&loop->thread, loop_main, loop)) {
        return -1;
    }
    loop->started = true;
    return 0;
}

static int post(struct loop *loop, void (*fn)(void *arg), void *arg, bool last)
{
    struct post *item = malloc(sizeof *item);
    if (!item) {
        return -1;
    }
    *item = (struct post){NULL, fn, arg};
    pthread_mutex_lock(&loop->lock);
    if (loop->stopping) {
        pthread_mutex_unlock(&loop->lock);
        free(item);
        return -1;
    }
    loop->stopping = last;
    *loop->posts_tail = item;
    loop->posts_tail = &item->next;
    uv_async_send(&loop->wake); /* with the lock: the loop cannot have run it, ended and gone */
    pthread_mutex_unlock(&loop->lock);
    return 0;
}

int loop_post(struct loop *loop, void (*fn)(void *arg), void *arg)
{
    return post(loop, fn, arg, false);
}

static void close_own_handles(void *arg)
{
    struct loop *loop = arg;
    uv_close((uv_handle_t *)&loop->wake, NULL);
    uv_close((uv_handle_t *)&loop->turn_end, NULL);
}

void loop_stop(struct loop *loop)
{
    while (post(loop, close_own_handles, loop, true)) {
        /* Out of memory: nothing else can end the thread in order, so keep asking. */
        uv_sleep(10);
    }
    if (loop->started) {
        uv_thread_join(&loop->thread);
    } else {
        uv_run(&loop->uv, UV_RUN_DEFAULT);
    }
    loop->started = false;
}

static void close_handle(uv_handle_t *handle, void *arg)
{
    (void)arg;
    if (!uv_is_closing(handle)) {
        uv_close(handle, NULL);
    }
}

void loop_destroy(struct loop *loop)
{
    if (!loop) {
        return;
    }
    if (uv_loop_close(&loop->uv) == UV_EBUSY) { /* never started: its own handles are open */
        uv_walk(&loop->uv, close_handle, NULL);
        uv_run(&loop->uv, UV_RUN_DEFAULT);
        uv_loop_close(&loop->uv);
    }
    pthread_mutex_destroy(&loop->lock);
    joined_clear(&loop->joined);
    free(loop);
}

uv_loop_t *loop_uv(struct loop *loop)
{
    return &loop->uv;
}

unsigned loop_index(const struct loop *loop)
{
    return loop->index;
}

char *loop_read_buffer(struct loop *loop)
{
    return loop->read_buffer;
}

struct joined *loop_joined(struct loop *loop)
{
    return &loop->joined;
}

int64_t loop_now_ms(const struct loop *loop)
{
    return (int64_t)uv_now(&loop->uv);
}

bool loop_tick_is_late(const struct loop *loop, struct loop_pace *pace, int64_t every_ms)
{
    int64_t now = loop_now_ms(loop);
    pace->late = !pace->late && now - pace->ticked_ms >= 2 * every_ms;
    pace->ticked_ms = now;
    return pace->late;
}

void loop_at_turn_end(struct loop *loop, struct loop_task *task)
{
    if (task->queued) {
        return;
    }
    task->queued = true;
    task->next = NULL;
    *loop->task_tail = task;
    loop->task_tail = &task->next;
}

void loop_cancel(struct loop *loop, struct loop_task *task)
{
    if (!task->queued) {
        return;
    }
    struct loop_task **link = &loop->task_head;
    while (*link != task) { /* the head in the common case */
        link = &(*link)->next;
    }
    *link = task->next;
    if (!*link) {
        loop->task_tail = link;
    }
    task->queued = false;
}

void loop_flush_later(struct loop *loop, struct conn *conn)
{
    if (conn->on_flush_list) {
        return;
    }
    conn->on_flush_list = true;
    conn->flush_next = NULL;
    *loop->flush_tail = conn;
    loop->flush_tail = &conn->flush_next;
}

void loop_forget(struct loop *loop, struct conn *conn)
{
    if (!conn->on_flush_list) {
        return;
    }
    struct conn **link = &loop->flush_head;
    while (*link != conn) { /* the head in the common case */
        link = &(*link)->flush_next;
    }
    *link = conn->flush_next;
    if (!*link) {
        loop->flush_tail = link;
    }
    conn->on_flush_list = false;
}
