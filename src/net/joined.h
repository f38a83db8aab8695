/*
 * Frames in one piece. The members of a room have the same frames waiting at the end of a turn, and
 * copying those together once costs less than having the kernel gather them for each socket anew:
 * with eight small ones a quarter of the system call. Each loop has one, which its connections share.
 */
#ifndef LECTERN_NET_JOINED_H
#define LECTERN_NET_JOINED_H

#include <stdint.h>

#include "net/frame.h"

#define JOINED_FRAMES 64   /* at most */
#define JOINED_BYTES 16384 /* past this copying is what it costs, once or twice */

struct joined {
    struct frame *frames[JOINED_FRAMES]; /* referenced: else others could come to their addresses */
    uint32_t count;
    uint32_t len; /* of the bytes */
    char bytes[JOINED_BYTES];
};

/* Makes it hold these frames, which are within both limits; does nothing if it does already. */
void joined_set(struct joined *joined, struct frame *const *frames, uint32_t count);

void joined_clear(struct joined *joined); /* lets go of the frames */

#endif
