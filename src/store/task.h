/*
 * Work for the store that a loop does not wait for: it is submitted, and its result comes back to the
 * loop. Work of HTTP threads, which wait, goes through the same queues and batches (store.h); what
 * either may ask for stands in one header per subject (chats.h, messages.h…), each in an `x(store, op)`
 * that waits and, where loops need it, an `x_submit(store, loop, op)`.
 *
 * An operation is a struct that begins with a store_task, then has what is asked (set by its owner) and
 * what comes out (set before `done`; undefined unless the result is one for which it is said to be). Its
 * owner keeps it in place, and what it points to unchanged, until `done` is called. Operations whose
 * output owns memory say how it is freed.
 *
 * - A submit returns 0, and then `done` is called exactly once, on the loop, in a later turn; or -1, and
 *   then nothing happens and the operation is its owner's: the store is away, the queue is full, out of
 *   memory.
 * - Writes of one room are done in the order in which they were submitted, and `done` is called in that
 *   order. What several loops or threads submit for one room is done in some order; `done` always comes
 *   after the commit. Reads have no order among each other or with writes, but see all that was
 *   committed when they were submitted.
 * - `done` may free the operation, submit it anew, or submit others.
 * - Waiting in the queue is bounded by LECTERN_STORE_TIMEOUT_MS, and the work itself by the same.
 * - Before a loop ends its owner stops submitting and waits until store_tasks() is 0: that is bounded
 *   as the tasks are, and store_cancel() answers those that were not begun at once. Loops end
 *   before store_close().
 */
#ifndef LECTERN_STORE_TASK_H
#define LECTERN_STORE_TASK_H

#include <stdbool.h>
#include <stdint.h>

#include "store/store.h"

struct db;
struct loop;
struct station;

#define STORE_SUBMITTED_MAX 16384 /* writes of loops that may wait */
#define STORE_READS_MAX 4096      /* reads of loops that may wait */

struct store_task {
    void (*done)(struct store_task *task, enum store_result result); /* the owner's; on the loop */

    /* The rest is the store's. */
    struct store_task *next;
    enum store_result (*fn)(struct db *db, void *arg);
    void *arg;
    struct station *station; /* of the loop that is told; NULL: a thread sleeps for it */
    void *woken;             /* that thread's condition */
    uint64_t key;            /* of the room it is about; 0: none */
    int64_t began_ns;
    int64_t deadline_ms; /* for waiting, monotonic */
    enum store_result result;
    unsigned tries;
    bool again;    /* the writer's: put it into the next batch */
    bool left;     /* over from a batch: comes before those that came later */
    bool taken;    /* the writer has it: who sleeps for it must wait for `finished` */
    bool finished; /* both under the writer's lock */
};

/* For the subjects: `fn` is a store_fn (internal.h). 0 or -1 as said above. The loop's thread. */
int store_submit_write(struct store *store, struct loop *loop, struct store_task *task)
    __attribute__((warn_unused_result));
int store_submit_read(struct store *store, struct loop *loop, struct store_task *task)
    __attribute__((warn_unused_result));

/* How many of the loop's were submitted and not yet answered. The loop's thread. */
unsigned store_tasks(struct store *store, struct loop *loop);

/*
 * Answers those of the loop's that nobody has begun with STORE_UNAVAILABLE: `done` is called for each,
 * within the call. Then only those that are being worked on are left. The loop's thread.
 */
void store_cancel(struct store *store, struct loop *loop);

#endif
