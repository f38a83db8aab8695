/*
 * Sending and receiving on a non-blocking socket that a thread may wait for, but not for long: a
 * transfer gets TRANSFER_GRACE_MS and must keep to a least rate on the whole, or it is given up.
 * (civetweb's own limits are per read, so that one byte every few seconds holds a thread for ever.)
 */
#ifndef LECTERN_HTTP_TRANSFER_H
#define LECTERN_HTTP_TRANSFER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define TRANSFER_GRACE_MS 10000
#define TRANSFER_RECEIVE_RATE 1024 /* bytes per second, least */
#define TRANSFER_SEND_RATE 8192

struct transfer {
    int fd;
    const atomic_bool *stop; /* gives up when it becomes true */
    int64_t started_ms;
    int64_t moved;      /* bytes so far, those that wait in the kernel included */
    unsigned rate;      /* least bytes per second behind the grace */
    int64_t silence_ms; /* receiving: given up after so long without a byte; 0: never */
    bool failed;        /* sending failed: everything further is dropped */
};

enum transfer_result {
    TRANSFER_END = 0,   /* the peer sends no more */
    TRANSFER_SLOW = -1, /* too slow, or the server stops */
    TRANSFER_LOST = -2, /* the socket is broken */
};

void transfer_init(struct transfer *transfer, int fd, unsigned rate, const atomic_bool *stop);

/* How long it may still wait as things are, ms; 0 or less: it must be given up. */
int64_t transfer_left_ms(const struct transfer *transfer);

/* Waits for bytes; their number, or a transfer_result. */
ssize_t transfer_receive(struct transfer *transfer, void *data, size_t cap);

/* Sends all of it; false when that failed now or before. */
bool transfer_send(struct transfer *transfer, const void *data, size_t len);

/*
 * Says that nothing more will be sent, throws away what still comes for at most `ms`, and closes.
 * Closing at once would reset the connection, and the peer might lose what it was answered.
 */
void transfer_close(int fd, int64_t ms);

#endif
