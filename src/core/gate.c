/* A count and a condition; see gate.h. */
#include "core/gate.h"

#include <time.h>

#include "base/clock.h"

#define SLICE_MS 200 /* how late a stop may be noticed */

void gate_init(struct gate *gate, unsigned most)
{
    pthread_condattr_t attributes;
    *gate = (struct gate){.most = most};
    pthread_mutex_init(&gate->lock, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&gate->left, &attributes);
    pthread_condattr_destroy(&attributes);
}

void gate_finish(struct gate *gate)
{
    pthread_cond_destroy(&gate->left);
    pthread_mutex_destroy(&gate->lock);
}

bool gate_enter(struct gate *gate, int64_t wait_ms, const atomic_bool *stop)
{
    int64_t deadline = clock_mono_ms() + wait_ms;
    bool open;
    pthread_mutex_lock(&gate->lock);
    while (!(open = gate->inside < gate->most) && !(stop && atomic_load(stop))) {
        int64_t now = clock_mono_ms();
        if (now >= deadline) {
            break;
        }
        int64_t wake = now + SLICE_MS < deadline ? now + SLICE_MS : deadline;
        const struct timespec until = {wake / 1000, wake % 1000 * 1000000};
        pthread_cond_timedwait(&gate->left, &gate->lock, &until);
    }
    gate->inside += open;
    pthread_mutex_unlock(&gate->lock);
    return open;
}

void gate_leave(struct gate *gate)
{
    pthread_mutex_lock(&gate->lock);
    gate->inside--;
    pthread_cond_signal(&gate->left);
    pthread_mutex_unlock(&gate->lock);
}
