/* A list of waits behind a lock, looked at while it is not empty; see patience.h. */
#include "http/patience.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>

#include "base/clock.h"

#define LOOK_MS 250 /* how late the end may come */

struct patience {
    pthread_t thread;
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t changed;
    struct patience_wait *waits;
    bool ending;
};

static void end_late(struct patience *patience)
{
    int64_t now_ms = clock_mono_ms();
    for (struct patience_wait *wait = patience->waits; wait; wait = wait->next) {
        if (!wait->over && now_ms >= wait->deadline_ms) {
            wait->over = true;
            shutdown(wait->fd, SHUT_RD); /* it can still be answered */
        }
    }
}

static void *run(void *arg)
{
    struct patience *patience = arg;
    pthread_mutex_lock(&patience->lock);
    while (!patience->ending) {
        if (!patience->waits) {
            pthread_cond_wait(&patience->changed, &patience->lock);
            continue;
        }
        struct timespec until;
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_nsec += LOOK_MS * 1000000L;
        until.tv_sec += until.tv_nsec / 1000000000L;
        until.tv_nsec %= 1000000000L;
        pthread_cond_timedwait(&patience->changed, &patience->lock, &until);
        end_late(patience);
    }
    pthread_mutex_unlock(&patience->lock);
    return NULL;
}

struct patience *patience_create(void)
{
    struct patience *patience = calloc(1, sizeof *patience);
    if (!patience) {
        return NULL;
    }
    pthread_mutex_init(&patience->lock, NULL);
    pthread_cond_init(&patience->changed, NULL);
    if (pthread_create(&patience->thread, NULL, run, patience)) {
        pthread_cond_destroy(&patience->changed);
        pthread_mutex_destroy(&patience->lock);
        free(patience);
        return NULL;
    }
    return patience;
}

void patience_destroy(struct patience *patience)
{
    if (!patience) {
        return;
    }
    pthread_mutex_lock(&patience->lock);
    patience->ending = true;
    pthread_cond_signal(&patience->changed);
    pthread_mutex_unlock(&patience->lock);
    pthread_join(patience->thread, NULL);
    pthread_cond_destroy(&patience->changed);
    pthread_mutex_destroy(&patience->lock);
    free(patience);
}

void patience_begin(struct patience *patience, struct patience_wait *wait, int fd, int64_t ms)
{
    *wait = (struct patience_wait){.fd = fd, .deadline_ms = clock_mono_ms() + ms};
    pthread_mutex_lock(&patience->lock);
    wait->next = patience->waits;
    wait->link = &patience->waits;
    if (wait->next) {
        wait->next->link = &wait->next;
    } else {
        pthread_cond_signal(&patience->changed);
    }
    patience->waits = wait;
    pthread_mutex_unlock(&patience->lock);
}

bool patience_end(struct patience *patience, struct patience_wait *wait)
{
    pthread_mutex_lock(&patience->lock);
    *wait->link = wait->next;
    if (wait->next) {
        wait->next->link = wait->link;
    }
    pthread_mutex_unlock(&patience->lock);
    return wait->over;
}
