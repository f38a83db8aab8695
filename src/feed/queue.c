/* A ring of frames that forgets its oldest; see queue.h. */
#include "feed/queue.h"

#include <stdlib.h>

#include "core/metrics.h"

#define FIRST_CAP 16

struct feed_waiting {
    struct frame *frame;
    unsigned channel;
};

void feed_queue_init(struct feed_queue *queue, size_t max, uint32_t *dropped)
{
    *queue = (struct feed_queue){.max = max, .dropped = dropped};
}

static size_t weight(const struct frame *frame)
{
    return frame->len + sizeof(struct frame) + sizeof(struct feed_waiting);
}

void feed_queue_skip(struct feed_queue *queue, unsigned channel)
{
    queue->dropped[channel]++;
    queue->dropped_total++;
    metric_add(METRIC_FEED_DROPPED, 1);
}

static struct feed_waiting take_first(struct feed_queue *queue)
{
    struct feed_waiting first = queue->ring[queue->head];
    queue->head = (queue->head + 1) % queue->cap;
    queue->len--;
    queue->bytes -= weight(first.frame);
    if (queue->len == 0) {
        free(queue->ring);
        queue->ring = NULL;
        queue->head = queue->cap = 0;
    }
    return first;
}

static void drop_first(struct feed_queue *queue)
{
    struct feed_waiting first = take_first(queue);
    feed_queue_skip(queue, first.channel);
    frame_unref(first.frame);
}

static int grow(struct feed_queue *queue)
{
    uint32_t cap = queue->cap ? queue->cap * 2 : FIRST_CAP;
    struct feed_waiting *ring = malloc(cap * sizeof *ring);
    if (!ring) {
        metric_add(METRIC_OUT_OF_MEMORY, 1);
        return -1;
    }
    for (uint32_t i = 0; i < queue->len; i++) {
        ring[i] = queue->ring[(queue->head + i) % queue->cap];
    }
    free(queue->ring);
    queue->ring = ring;
    queue->head = 0;
    queue->cap = cap;
    return 0;
}

void feed_queue_push(struct feed_queue *queue, unsigned channel, struct frame *frame)
{
    size_t needed = weight(frame);
    while (queue->len > 0 && queue->bytes + needed > queue->max) {
        drop_first(queue);
    }
    if (needed > queue->max || (queue->len == queue->cap && grow(queue))) {
        feed_queue_skip(queue, channel);
        return;
    }
    queue->ring[(queue->head + queue->len) % queue->cap] =
        (struct feed_waiting){frame_ref(frame), channel};
    queue->len++;
    queue->bytes += needed;
}

struct frame *feed_queue_pop(struct feed_queue *queue)
{
    return queue->len > 0 ? take_first(queue).frame : NULL;
}

void feed_queue_finish(struct feed_queue *queue)
{
    while (queue->len > 0) {
        frame_unref(take_first(queue).frame);
    }
}
