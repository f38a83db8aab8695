/* Queues and the free list of calls; see calls.h. */
#include "bus/calls.h"

#include <stdlib.h>

void call_queue_push(struct call_queue *queue, struct call *call)
{
    call->next = NULL;
    if (queue->head) {
        queue->tail->next = call;
    } else {
        queue->head = call;
    }
    queue->tail = call;
}

struct call *call_queue_pop(struct call_queue *queue)
{
    struct call *call = queue->head;
    if (call) {
        queue->head = call->next;
    }
    return call;
}

struct call *call_take(struct call_pool *pool, call_fn *fn, void *arg)
{
    struct call *call = pool->free;
    if (call) {
        pool->free = call->next;
        pool->count--;
    } else {
        call = calloc(1, sizeof *call);
        if (!call) {
            return NULL;
        }
    }
    call->fn = fn;
    call->arg = arg;
    call->is_script = false;
    buf_clear(&call->command);
    return call;
}

static void call_destroy(struct call *call)
{
    buf_finish(&call->command);
    free(call);
}

void call_give_back(struct call_pool *pool, struct call *call)
{
    if (pool->count == CALL_POOL_MAX) {
        call_destroy(call);
        return;
    }
    if (call->command.cap > CALL_POOL_BYTES_MAX) {
        buf_finish(&call->command);
    }
    call->next = pool->free;
    pool->free = call;
    pool->count++;
}

void call_pool_finish(struct call_pool *pool)
{
    while (pool->free) {
        struct call *call = pool->free;
        pool->free = call->next;
        call_destroy(call);
    }
    pool->count = 0;
}

void call_end(struct call_pool *pool, struct call *call, const struct bus_reply *reply)
{
    call_fn *fn = call->fn;
    void *arg = call->arg;
    call_give_back(pool, call);
    if (fn) {
        fn(arg, reply);
    }
}
