/*
 * A count and a queue of who waits, each woken by itself; see gate.h. Who leaves hands its place to
 * the first in the queue, so that a newcomer never gets it instead.
 */
#include "core/gate.h"

#include <time.h>

#include "base/clock.h"

#define SLICE_MS 200 /* how late a stop may be noticed */

/* Lives on its thread's stack; guarded by the gate's lock. */
struct gate_waiter {
    struct gate_waiter *next;
    bool inside;
    pthread_cond_t let_in;
};

void gate_init(struct gate *gate, unsigned most)
{
    *gate = (struct gate){.most = most};
    pthread_mutex_init(&gate->lock, NULL);
}

void gate_finish(struct gate *gate)
{
    pthread_mutex_destroy(&gate->lock);
}

static void init_cond(pthread_cond_t *cond)
{
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(cond, &attributes);
    pthread_condattr_destroy(&attributes);
}

static void append(struct gate *gate, struct gate_waiter *waiter)
{
    if (gate->last) {
        gate->last->next = waiter;
    } else {
        gate->first = waiter;
    }
    gate->last = waiter;
}

static void take_out(struct gate *gate, const struct gate_waiter *waiter)
{
    struct gate_waiter **at = &gate->first, *before = NULL;
    while (*at != waiter) {
        before = *at;
        at = &(*at)->next;
    }
    *at = waiter->next;
    if (gate->last == waiter) {
        gate->last = before;
    }
}

/* With the lock, which is released while waiting. */
static bool wait_in_line(struct gate *gate, int64_t deadline_ms, const atomic_bool *stop)
{
    struct gate_waiter self = {.inside = false};
    init_cond(&self.let_in);
    append(gate, &self);
    int64_t now_ms;
    while (!self.inside && !(stop && atomic_load(stop)) &&
           (now_ms = clock_mono_ms()) < deadline_ms) {
        int64_t wake_ms = stop && now_ms + SLICE_MS < deadline_ms ? now_ms + SLICE_MS : deadline_ms;
        const struct timespec until = {wake_ms / 1000, wake_ms % 1000 * 1000000};
        pthread_cond_timedwait(&self.let_in, &gate->lock, &until);
    }
    if (!self.inside) {
        take_out(gate, &self);
    }
    pthread_cond_destroy(&self.let_in);
    return self.inside;
}

bool gate_enter(struct gate *gate, int64_t wait_ms, const atomic_bool *stop)
{
    int64_t deadline_ms = clock_mono_ms() + wait_ms;
    pthread_mutex_lock(&gate->lock);
    bool open = gate->inside < gate->most;
    if (open) {
        gate->inside++; /* nobody is waiting: places that become free are handed on */
    } else {
        open = wait_in_line(gate, deadline_ms, stop);
    }
    pthread_mutex_unlock(&gate->lock);
    return open;
}

void gate_leave(struct gate *gate)
{
    pthread_mutex_lock(&gate->lock);
    struct gate_waiter *next = gate->first;
    if (next) {
        take_out(gate, next);
        next->inside = true;
        pthread_cond_signal(&next->let_in);
    } else {
        gate->inside--;
    }
    pthread_mutex_unlock(&gate->lock);
}
