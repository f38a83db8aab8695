/*
 * One epoll(7) for all transfers. Other threads add theirs to the list and to the epoll under the
 * lock; from then on a transfer belongs to the sender's thread, which alone takes it out. When
 * everything is written it waits, for a moment, for the reader's end before it closes (see
 * transfer_close()).
 */
#include "http/sender.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "core/metrics.h"
#include "net/fds.h"

#define EVENTS 64
#define CHUNK (256u << 10) /* bytes that one reader gets before it is another's turn */
#define LOOK_MS 500        /* how often those are looked for whose time is over */
#define LINGER_MS 2000     /* for the reader to end, once everything is written */

struct job {
    struct job *next, *prev;
    struct transfer transfer;
    struct cached *file;     /* NULL: … */
    int fd;                  /* … a file on disk, owned; else -1 */
    int64_t offset, end;     /* of what is sent */
    int64_t linger_until_ms; /* 0: still sending */
};

struct sender {
    pthread_t thread;
    int epoll;
    int wake;             /* an eventfd: end */
    unsigned most;        /* transfers at a time */
    pthread_mutex_t lock; /* guards what follows */
    struct job *jobs;
    unsigned count; /* of transfers, files on disk twice */
};

static unsigned weight(const struct job *job)
{
    return job->file || job->fd < 0 ? 1 : 2;
}

static void close_own(int fd)
{
    if (fd >= 0) {
        fds_disown(fd);
        close(fd);
    }
}

/* ---- The thread's own ---- */

static void end_job(struct sender *sender, struct job *job)
{
    pthread_mutex_lock(&sender->lock);
    *(job->prev ? &job->prev->next : &sender->jobs) = job->next;
    if (job->next) {
        job->next->prev = job->prev;
    }
    sender->count -= weight(job);
    pthread_mutex_unlock(&sender->lock);
    /* By name: closing is not enough while a decoder that is being started holds copies. */
    epoll_ctl(sender->epoll, EPOLL_CTL_DEL, job->transfer.fd, NULL);
    close_own(job->transfer.fd);
    close_own(job->fd);
    cached_release(job->file);
    free(job);
}

/* Everything is written: from now on it is the reader's end that is waited for. */
static void linger(struct sender *sender, struct job *job)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = job};
    job->linger_until_ms = clock_mono_ms() + LINGER_MS;
    if (shutdown(job->transfer.fd, SHUT_WR) ||
        epoll_ctl(sender->epoll, EPOLL_CTL_MOD, job->transfer.fd, &event)) {
        end_job(sender, job);
    }
}

static bool would_block(void)
{
    return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
}

/*
 * To be ended so that the reader notices: a file on disk that is shorter than it was, or cannot be
 * read, must not look as if it were whole.
 */
static void reset_job(struct sender *sender, struct job *job)
{
    struct linger at_once = {.l_onoff = 1, .l_linger = 0};
    setsockopt(job->transfer.fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    end_job(sender, job);
}

/* The next bytes, as send(2). Sockets and files do not wait; a disk may, for a moment. */
static ssize_t send_next(struct job *job)
{
    int64_t left = job->end - job->offset;
    size_t n = left < (int64_t)CHUNK ? (size_t)left : CHUNK;
    if (job->file) {
        return send(job->transfer.fd, job->file->data + job->offset, n,
                    MSG_DONTWAIT | MSG_NOSIGNAL);
    }
    off_t at = job->offset;
    return sendfile(job->transfer.fd, job->fd, &at, n);
}

static void send_some(struct sender *sender, struct job *job)
{
    ssize_t n = job->offset < job->end ? send_next(job) : 0;
    if (n < 0 && would_block()) {
        return;
    }
    if (n < 0 || (n == 0 && job->offset < job->end)) {
        reset_job(sender, job);
        return;
    }
    job->offset += n;
    job->transfer.moved += n;
    if (job->offset == job->end) {
        linger(sender, job);
    }
}

/* Throws away what the reader still says; ends the job at its end. */
static void drain(struct sender *sender, struct job *job)
{
    char waste[4096];
    ssize_t n = recv(job->transfer.fd, waste, sizeof waste, MSG_DONTWAIT);
    if (n == 0 || (n < 0 && !would_block())) {
        end_job(sender, job);
    }
}

static bool is_over(const struct job *job, int64_t now_ms)
{
    return job->linger_until_ms ? now_ms >= job->linger_until_ms
                                : transfer_left_ms(&job->transfer) <= 0;
}

static void end_late_jobs(struct sender *sender)
{
    int64_t now_ms = clock_mono_ms();
    pthread_mutex_lock(&sender->lock);
    struct job *job = sender->jobs;
    pthread_mutex_unlock(&sender->lock);
    /* New ones are put in front of the first, the others do not change but by this thread. */
    while (job) {
        struct job *next = job->next;
        if (is_over(job, now_ms)) {
            end_job(sender, job);
        }
        job = next;
    }
}

static void *run(void *arg)
{
    struct sender *sender = arg;
    int64_t look_ms = clock_mono_ms() + LOOK_MS;
    for (;;) {
        struct epoll_event events[EVENTS];
        int n = epoll_wait(sender->epoll, events, EVENTS, LOOK_MS);
        for (int i = 0; i < n; i++) {
            struct job *job = events[i].data.ptr;
            if (!job) {
                return NULL;
            }
            (job->linger_until_ms ? drain : send_some)(sender, job);
        }
        if (clock_mono_ms() >= look_ms) {
            end_late_jobs(sender);
            look_ms = clock_mono_ms() + LOOK_MS;
        }
    }
}

/* ---- Any thread's ---- */

static bool add(struct sender *sender, struct job *job)
{
    struct epoll_event event = {.events = EPOLLOUT, .data.ptr = job};
    bool added = false;
    pthread_mutex_lock(&sender->lock);
    if (sender->count + weight(job) <= sender->most) {
        job->next = sender->jobs;
        if (job->next) {
            job->next->prev = job;
        }
        sender->jobs = job;
        added = epoll_ctl(sender->epoll, EPOLL_CTL_ADD, job->transfer.fd, &event) == 0;
        sender->count += added ? weight(job) : 0;
        if (!added) {
            sender->jobs = job->next;
            if (job->next) {
                job->next->prev = NULL;
            }
        }
    }
    pthread_mutex_unlock(&sender->lock);
    return added;
}

bool sender_take(struct sender *sender, const struct transfer *transfer, struct cached *file,
                 size_t offset)
{
    struct job *job = calloc(1, sizeof *job);
    if (!job) {
        return false;
    }
    *job = (struct job){.transfer = *transfer, .file = file, .fd = -1};
    job->offset = (int64_t)offset;
    job->end = (int64_t)file->len;
    atomic_fetch_add(&file->refs, 1);
    if (!add(sender, job)) {
        cached_release(file);
        free(job);
        return false;
    }
    metric_add(METRIC_FILES_HANDED, 1);
    return true;
}

bool sender_take_file(struct sender *sender, const struct transfer *transfer, int file,
                      int64_t offset, int64_t end)
{
    struct job *job = calloc(1, sizeof *job);
    if (!job) {
        return false;
    }
    *job = (struct job){.transfer = *transfer, .fd = file, .offset = offset, .end = end};
    if (!add(sender, job)) {
        free(job);
        return false;
    }
    metric_add(METRIC_FILES_HANDED, 1);
    return true;
}

struct sender *sender_create(unsigned most)
{
    struct sender *sender = calloc(1, sizeof *sender);
    struct epoll_event event = {.events = EPOLLIN};
    if (!sender) {
        return NULL;
    }
    sender->most = most;
    pthread_mutex_init(&sender->lock, NULL);
    sender->epoll = epoll_create1(EPOLL_CLOEXEC);
    sender->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    fds_own(sender->epoll);
    fds_own(sender->wake);
    if (sender->epoll < 0 || sender->wake < 0 ||
        epoll_ctl(sender->epoll, EPOLL_CTL_ADD, sender->wake, &event) ||
        pthread_create(&sender->thread, NULL, run, sender)) {
        close_own(sender->epoll);
        close_own(sender->wake);
        pthread_mutex_destroy(&sender->lock);
        free(sender);
        return NULL;
    }
    return sender;
}

void sender_destroy(struct sender *sender)
{
    if (!sender) {
        return;
    }
    eventfd_write(sender->wake, 1);
    pthread_join(sender->thread, NULL);
    while (sender->jobs) {
        end_job(sender, sender->jobs);
    }
    close_own(sender->epoll);
    close_own(sender->wake);
    pthread_mutex_destroy(&sender->lock);
    free(sender);
}
