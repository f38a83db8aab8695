/*
 * The calls of one Redis link: queues of them, and a free list, so that a warm link allocates
 * nothing per call. One thread.
 */
#ifndef LECTERN_BUS_CALLS_H
#define LECTERN_BUS_CALLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "bus/reply.h"

typedef void call_fn(void *arg, const struct bus_reply *reply);

struct call {
    struct call *next;
    call_fn *fn; /* may be NULL */
    void *arg;
    int64_t issued_ns;  /* monotonic; its deadline counts from here */
    struct buf command; /* formatted; kept until the answer, in case it must be sent again */
    bool is_script;     /* NOSCRIPT is repaired */
};

struct call_queue {
    struct call *head, *tail;
};

void call_queue_push(struct call_queue *queue, struct call *call);
struct call *call_queue_pop(struct call_queue *queue); /* NULL when empty */

#define CALL_POOL_MAX 1024       /* calls kept for reuse */
#define CALL_POOL_BYTES_MAX 2048 /* of a kept call's buffer; longer ones are freed */

struct call_pool {
    struct call *free;
    size_t count;
};

/* A call with an empty command (its buffer may have memory), or NULL. */
struct call *call_take(struct call_pool *pool, call_fn *fn, void *arg);
void call_give_back(struct call_pool *pool, struct call *call);
void call_pool_finish(struct call_pool *pool);

/* Gives the call back, then runs its callback, so that it may make calls of its own. */
void call_end(struct call_pool *pool, struct call *call, const struct bus_reply *reply);

#endif
