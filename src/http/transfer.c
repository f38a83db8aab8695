/* Waiting with a deadline that moves with the bytes; see transfer.h. */
#include "http/transfer.h"

#include <errno.h>
#include <linux/sockios.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "net/fds.h"

#define SLICE_MS 200 /* how late a stop may be noticed */

void transfer_init(struct transfer *transfer, int fd, unsigned rate, const atomic_bool *stop)
{
    *transfer = (struct transfer){.fd = fd, .stop = stop, .rate = rate};
    transfer->started_ms = clock_mono_ms();
}

/*
 * Bytes that have come to the other side: what still waits in the kernel's buffer, which may be
 * megabytes, does not count, or a peer that never reads would have minutes.
 */
static int64_t arrived(const struct transfer *transfer)
{
    int waiting = 0;
    if (ioctl(transfer->fd, SIOCOUTQ, &waiting) < 0 || waiting > transfer->moved) {
        return 0;
    }
    return transfer->moved - waiting;
}

int64_t transfer_left_ms(const struct transfer *transfer)
{
    int64_t deadline =
        transfer->started_ms + TRANSFER_GRACE_MS + arrived(transfer) * 1000 / transfer->rate;
    return deadline - clock_mono_ms();
}

/* Waits for `events`; false when it must not wait any longer. */
static bool wait_for(const struct transfer *transfer, short events)
{
    int64_t silent_ms = clock_mono_ms() + transfer->silence_ms;
    for (;;) {
        int64_t left = transfer_left_ms(transfer);
        if (transfer->silence_ms > 0 && silent_ms - clock_mono_ms() < left) {
            left = silent_ms - clock_mono_ms();
        }
        if (left <= 0 || (transfer->stop && atomic_load(transfer->stop))) {
            return false;
        }
        struct pollfd pfd = {.fd = transfer->fd, .events = events};
        if (poll(&pfd, 1, left < SLICE_MS ? (int)left : SLICE_MS) > 0) {
            return true;
        }
    }
}

static bool would_block(void)
{
    return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
}

ssize_t transfer_receive(struct transfer *transfer, void *data, size_t cap)
{
    for (;;) {
        if (!wait_for(transfer, POLLIN)) {
            return TRANSFER_SLOW;
        }
        ssize_t n = recv(transfer->fd, data, cap, MSG_DONTWAIT);
        if (n >= 0) {
            transfer->moved += n;
            return n;
        }
        if (!would_block()) {
            return TRANSFER_LOST;
        }
    }
}

bool transfer_send(struct transfer *transfer, const void *data, size_t len)
{
    const char *p = data;
    while (len > 0 && !transfer->failed) {
        ssize_t n = send(transfer->fd, p, len, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n >= 0) {
            p += n;
            len -= (size_t)n;
            transfer->moved += n;
        } else if (!would_block() || !wait_for(transfer, POLLOUT)) {
            transfer->failed = true;
        }
    }
    return !transfer->failed;
}

/* True when the peer has ended, or may have no more time. */
static bool drained(int fd, int64_t deadline_ms)
{
    char waste[4096];
    ssize_t n = recv(fd, waste, sizeof waste, MSG_DONTWAIT);
    int64_t left = deadline_ms - clock_mono_ms();
    if (n == 0 || (n < 0 && !would_block()) || left <= 0) {
        return true;
    }
    struct pollfd pfd = {.fd = fd, .events = POLLIN};
    return n < 0 && poll(&pfd, 1, (int)left) <= 0;
}

void transfer_close(int fd, int64_t ms)
{
    int64_t deadline_ms = clock_mono_ms() + ms;
    shutdown(fd, SHUT_WR);
    while (!drained(fd, deadline_ms)) {
    }
    fds_disown(fd);
    close(fd);
}
