/*
 * What the parts of the store share: its insides, and how a subject (users.c) has its work done.
 *
 * Work is a function that is given a connection and returns a result. It may be called again from the
 * beginning when a connection turns out to be dead, so it sets whatever it puts out anew each time.
 */
#ifndef LECTERN_STORE_INTERNAL_H
#define LECTERN_STORE_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include "store/db.h"
#include "store/store.h"
#include "store/task.h"

#define STORE_READERS 8        /* connections at most */
#define STORE_BATCH_MAX 256    /* jobs of one transaction, and… */
#define STORE_BATCH_MS 20      /* …for how long it takes up further ones */
#define STORE_TASK_READERS 4   /* threads that read for loops */
#define STORE_REPOST_MS 20     /* between two tries to tell a loop, when there is no memory */
#define STORE_WAITERS 64       /* calls that may wait when nothing has been answered */
#define STORE_STALL_MS 1000    /* for this long */
#define STORE_RETRY_MS 500     /* between two tries to reach a store that is away */
#define STORE_PROBE_MS 2000    /* between two looks at one that nobody writes to */
#define STORE_TRIES 3          /* of a job whose transaction came to nothing */
#define STORE_COMPLAIN_MS 1000 /* between two log lines about lost connections */
#define STORE_REFUSED_MS 10000 /* between two about connections for reading that were not granted */
#define STORE_NO_HURRY INT64_MAX

typedef enum store_result store_fn(struct db *db, void *arg);

/*
 * Runs `fn` on a connection for reading, on the calling thread. Statements are transactions of their
 * own unless `fn` makes one.
 */
enum store_result store_read(struct store *store, store_fn *fn, void *arg)
    __attribute__((warn_unused_result));

/* The same, but it ends within `limit_ms` altogether unless that is STORE_NO_HURRY. */
enum store_result store_read_within(struct store *store, int64_t limit_ms, store_fn *fn, void *arg)
    __attribute__((warn_unused_result));

/*
 * Runs `fn` on the writer's thread and connection, inside a transaction that it shares with others'
 * work. What it did stays only if it returns STORE_OK; nobody else's work suffers if it doesn't. Returns
 * after the transaction has been committed, so `arg` may be the caller's stack.
 */
enum store_result store_write(struct store *store, store_fn *fn, void *arg)
    __attribute__((warn_unused_result));

/*
 * The same for work on one room, in the order of such work. `key` is store_key() of the room: what one
 * server does in a batch is done in the order of keys, so that two servers don't wait for each other's
 * rooms crosswise.
 */
enum store_result store_write_in(struct store *store, uint64_t key, store_fn *fn, void *arg)
    __attribute__((warn_unused_result));
uint64_t store_key(const char *room);

/* The store_result of what a call of db.h returned: STORE_OK for counts. */
enum store_result store_result_of(int db_result);

/* ---- Between store.c, writer.c and readers.c ---- */

/* Callers that wait for the same thing. Guarded by whatever guards that. */
struct crowd {
    unsigned waiting;
    unsigned most;    /* never more, however fast it goes; 0: no such bound */
    int64_t moved_ms; /* when one was served, or the first came; monotonic */
};

/* False: the most there may be are waiting already, or many are and nothing moves. */
bool crowd_enter(struct crowd *crowd);
void crowd_leave(struct crowd *crowd, bool served);

struct writer {
    pthread_t thread;
    struct db *db; /* the thread's own, as is complained_ms; NULL: not connected */
    int64_t complained_ms;

    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t work;
    struct store_task *first, *last;
    struct crowd crowd; /* those who sleep for one */
    unsigned submitted; /* tasks of loops: waiting or being worked on */
    bool owed;          /* a loop is to be told again of what is done: there was no memory */
    int64_t look_ms;    /* when to look whether the store is there, monotonic */
    bool ending;
};

struct reader;

struct readers {
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t changed;
    struct reader *idle; /* connected ones, the last one used on top */
    unsigned count;      /* idle, in use and being connected */
    unsigned generation;
    bool connecting;       /* a new one: one at a time */
    int64_t not_before_ms; /* no new ones while there are others: one was refused. Monotonic */
    int64_t complained_ms;
    struct crowd crowd;
};

/* What loops have submitted for reading, and the loops themselves; see task.c. */
struct tasks {
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t work;
    struct store_task *first, *last;
    unsigned queued;
    unsigned idle; /* threads that wait for work */
    unsigned threads;
    bool ending;
    struct station *stations; /* one per loop, never fewer */
    pthread_t thread[STORE_TASK_READERS];
};

struct store {
    struct db_target target;
    char *path; /* SQLite's file, owned; else NULL */
    int64_t timeout_ms;
    atomic_bool up;
    bool came_up; /* it was up once; the opening thread's, then the writer's, as is reason */
    char reason[DB_ERROR_MAX]; /* why it is away, as was logged last */
    struct writer writer;
    struct readers readers;
    struct tasks tasks;
};

/*
 * Connects for writing and brings the tables up to date. NULL with a sentence; *hopeless as
 * db_driver.connect says.
 */
struct db *store_connect(struct store *store, char error[DB_ERROR_MAX], bool *hopeless);

/* Notes that the store was reached, or was not and why. The writer's thread only. */
void store_set_up(struct store *store, bool up, const char *reason);

/* ---- batch.c ---- */

enum batch_result {
    BATCH_COMMITTED,
    BATCH_VOID,    /* not committed, for certain */
    BATCH_UNKNOWN, /* the connection was lost at COMMIT, or it took too long */
};

/*
 * Runs a list of tasks in one transaction and commits it. What each has come to is in `result`, or
 * `again` is set: it is to be tried once more. Those that there was no time for (STORE_BATCH_MS) are
 * taken off the list into *rest. Unless BATCH_COMMITTED the connection is of no use any more.
 */
enum batch_result batch_run(struct db *db, int64_t timeout_ms, struct store_task *batch,
                            struct store_task **rest);

/* ---- writer.c ---- */

/* Starts the thread with a connection (or NULL), which it owns from then on. 0 or -1. */
int writer_start(struct store *store, struct db *db);
void writer_stop(struct store *store); /* nobody may be in store_write() */

/* Has the writer look at once whether the store is still there. Any thread. */
void writer_look(struct store *store);

/* Queues a write for a loop, at the deadline of those that wait. 0 or -1. */
int writer_submit(struct store *store, struct store_task *task);

/* Takes what a station has in the queue out of it. */
struct store_task *writer_withdraw(struct writer *writer, const struct station *station);

/* Has the writer call tasks_post() soon. Any thread. */
void writer_owe(struct writer *writer);

void tasks_init(struct tasks *tasks);
void tasks_stop(struct tasks *tasks); /* ends the threads: before the writer ends */
void tasks_finish(struct tasks *tasks);

/* Hands finished tasks, a list, to the loops that they belong to. Any thread, no lock held. */
void tasks_hand_over(struct store *store, struct store_task *list);

/* Tells the loops that have something to be told. False: one could not be told for want of memory. */
bool tasks_post(struct store *store);

/*
 * store_read() for the threads that read for loops: they wait for a connection until `until_ms`
 * (monotonic), however many HTTP threads do. They are few, and what waits for them is bounded elsewhere.
 */
enum store_result store_read_for_loop(struct store *store, int64_t until_ms, store_fn *fn,
                                      void *arg) __attribute__((warn_unused_result));

void readers_init(struct readers *readers, unsigned most_waiting);
void readers_wake(struct readers *readers); /* who waits shall see that the store is away */
void readers_finish(struct readers *readers);

/* Conditions of this kind are waited for by the monotonic clock. */
void store_cond_init(pthread_cond_t *cond);
int store_cond_wait(pthread_cond_t *cond, pthread_mutex_t *lock, int64_t until_ms);

#endif
