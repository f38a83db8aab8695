/* Copying frames together; see joined.h. */
#include "net/joined.h"

#include <string.h>

void joined_set(struct joined *joined, struct frame *const *frames, uint32_t count)
{
    size_t size = count * sizeof(struct frame *);
    if (joined->count == count && memcmp(joined->frames, frames, size) == 0) {
        return; /* the last connection had the same */
    }
    joined_clear(joined);
    for (uint32_t i = 0; i < count; i++) {
        joined->frames[i] = frame_ref(frames[i]);
        memcpy(joined->bytes + joined->len, frames[i]->bytes, frames[i]->len);
        joined->len += frames[i]->len;
    }
    joined->count = count;
}

void joined_clear(struct joined *joined)
{
    for (uint32_t i = 0; i < joined->count; i++) {
        frame_unref(joined->frames[i]);
    }
    joined->count = joined->len = 0;
}
