/*
 * An event loop: one thread around one libuv loop. Loops share nothing; loop_post() is the only way
 * into a loop from another thread.
 */
#ifndef LECTERN_NET_LOOP_H
#define LECTERN_NET_LOOP_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#define LOOP_READ_SIZE 65536 /* bytes of the loop's shared read buffer */

struct conn;
struct joined;
struct loop;

/* NULL when libuv or memory refuses. `index` is the loop's number, for logs. */
struct loop *loop_create(unsigned index);

/* Starts the thread. 0 or -1. */
int loop_start(struct loop *loop) __attribute__((warn_unused_result));

/*
 * Runs `fn(arg)` on the loop's thread, soon, in the order of posting. Any thread. Returns 0, or -1
 * when the loop is stopping or there is no memory: then fn never runs and arg is still the caller's.
 */
int loop_post(struct loop *loop, void (*fn)(void *arg), void *arg)
    __attribute__((warn_unused_result));

/*
 * Ends the loop: refuses further posts, runs those already accepted, and returns when the thread has
 * ended. Every handle on it must be closed or closing by then, or the call waits for it. Not from
 * the loop's own thread.
 */
void loop_stop(struct loop *loop);

/* Frees a loop that never started or has been stopped; accepts NULL. */
void loop_destroy(struct loop *loop);

/* The rest is for the loop's own thread. */

uv_loop_t *loop_uv(struct loop *loop);
unsigned loop_index(const struct loop *loop);
char *loop_read_buffer(struct loop *loop);     /* LOOP_READ_SIZE bytes, valid within one callback */
struct joined *loop_joined(struct loop *loop); /* cleared when the turn ends; see net/joined.h */
int64_t loop_now_ms(const struct loop *loop);  /* monotonic, cached at the start of the turn */

/*
 * For a timer that judges by what has not come. Where the loop stood still, timers run before what came meanwhile is
 * read: a tick that comes a whole interval late should judge nobody. The next one may, however late it is.
 */
struct loop_pace {
    int64_t ticked_ms; /* loop's time; set when the timer is started */
    bool late;
};
bool loop_tick_is_late(const struct loop *loop, struct loop_pace *pace, int64_t every_ms);

/*
 * Something to be done once before the loop waits again, after the events and timers of this turn.
 * The owner sets fn and arg; next and queued are the loop's.
 */
struct loop_task {
    struct loop_task *next;
    void (*fn)(void *arg);
    void *arg;
    bool queued;
};

/*
 * Queues a task unless it is queued already. Tasks run in the order in which they were queued, those
 * that a running one queues in the same turn too, and before the connections are flushed; those that
 * flushing queues (conn_handlers.drain), behind that. A task stays in place until it has run or was
 * cancelled.
 */
void loop_at_turn_end(struct loop *loop, struct loop_task *task);
void loop_cancel(struct loop *loop, struct loop_task *task); /* does nothing if it is not queued */

/* Puts a connection on the list of those that are flushed when this turn's events are done. */
void loop_flush_later(struct loop *loop, struct conn *conn);
void loop_forget(struct loop *loop, struct conn *conn);

/* Counts bytes written to sockets; added to the metrics once per turn. */
void loop_count_sent(struct loop *loop, size_t bytes);

#endif
