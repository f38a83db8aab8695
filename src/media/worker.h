/*
 * The decoder's process: this binary, started as `lectern image-worker MEMORY_MIB CPU_S PARENT_PID`
 * by media/decoder.h for one image, with an empty environment. The file comes as descriptor 0, the
 * answer goes to descriptor 1. Not for people.
 */
#ifndef LECTERN_MEDIA_WORKER_H
#define LECTERN_MEDIA_WORKER_H

#include <stdint.h>

#define WORKER_COMMAND "image-worker"
#define WORKER_MAGIC 0x31474d49u /* "IMG1" */

/* What precedes the bytes of both pictures on descriptor 1. The two processes are one binary. */
struct worker_answer {
    uint32_t magic;
    int32_t result; /* enum render_result, or WORKER_UNSAFE; what follows counts for RENDER_OK */
    struct {
        uint32_t width, height, bytes, png;
    } image, thumb;
};

#define WORKER_UNSAFE (-100) /* it could not be locked in, and so did not look at the file */

/* Runs it; what _exit() is to be called with: what is due at an orderly exit() is forbidden now. */
int worker_main(int argc, char **argv);

#endif
