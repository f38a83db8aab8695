/*
 * What waits for one follower that reads slowly: bounded in bytes, the oldest goes first, and what went
 * is counted by channel until it has been told. One loop.
 */
#ifndef LECTERN_FEED_QUEUE_H
#define LECTERN_FEED_QUEUE_H

#include <stddef.h>
#include <stdint.h>

#include "net/frame.h"

struct feed_waiting; /* a frame and its channel */

struct feed_queue {
    struct feed_waiting *ring; /* NULL while nothing waits */
    uint32_t head, len, cap;
    size_t bytes;      /* of the frames, and what it takes to keep them */
    size_t max;        /* of these */
    uint32_t *dropped; /* by channel; borrowed, zeroed by the owner at first */
    uint64_t dropped_total;
};

void feed_queue_init(struct feed_queue *queue, size_t max, uint32_t *dropped);
void feed_queue_finish(struct feed_queue *queue);

/*
 * Adds a reference of `frame`, dropping the oldest ones to make room; where it would not fit at all, or
 * there is no memory, itself.
 */
void feed_queue_push(struct feed_queue *queue, unsigned channel, struct frame *frame);

/* Counts an event as dropped that never came to be a frame. */
void feed_queue_skip(struct feed_queue *queue, unsigned channel);

/* Takes the oldest, with its reference; NULL when nothing waits. */
struct frame *feed_queue_pop(struct feed_queue *queue);

#endif
