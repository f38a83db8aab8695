/* Allocation of frames; see frame.h. */
#include "net/frame.h"

#include <stdlib.h>

struct frame *frame_create(size_t len)
{
    if (len > UINT32_MAX - sizeof(struct frame)) {
        return NULL;
    }
    struct frame *frame = malloc(sizeof *frame + len);
    if (frame) {
        frame->refs = 1;
        frame->len = (uint32_t)len;
    }
    return frame;
}

void frame_unref(struct frame *frame)
{
    if (frame && --frame->refs == 0) {
        free(frame);
    }
}
