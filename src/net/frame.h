/*
 * Bytes ready to be sent: immutable once sealed, reference-counted, shared by all the connections of
 * one loop that send them. Never crosses to another loop (the count is not atomic).
 */
#ifndef LECTERN_NET_FRAME_H
#define LECTERN_NET_FRAME_H

#include <stddef.h>
#include <stdint.h>

struct frame {
    uint32_t refs;
    uint32_t len;
    char bytes[];
};

/* A frame with one reference and room for `len` bytes, or NULL. */
struct frame *frame_create(size_t len);

static inline struct frame *frame_ref(struct frame *frame)
{
    frame->refs++;
    return frame;
}

void frame_unref(struct frame *frame); /* accepts NULL */

#endif
