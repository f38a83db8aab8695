/*
 * Images decoded in processes of their own, a few at a time. The bytes of strangers never meet an
 * image library in the server's process: here they are only measured by their structure
 * (media/probe.h), and what comes back is checked again. A decoder that crashes, hangs or wants too
 * much costs one upload.
 *
 * decoder_run() blocks and may be called from any thread but a loop's.
 */
#ifndef LECTERN_MEDIA_DECODER_H
#define LECTERN_MEDIA_DECODER_H

#include <stdatomic.h>
#include <stdbool.h>

#include "core/config.h"
#include "media/render.h"

struct decoder;

/* With processes, and memory and time for each, as configured. NULL: no memory. */
struct decoder *decoder_create(const struct config *config);
void decoder_destroy(struct decoder *decoder); /* accepts NULL; nothing may be running */

enum decoder_result {
    DECODER_OK = 0,
    DECODER_UNKNOWN = -1,     /* no image, or of a kind that is not taken */
    DECODER_BROKEN = -2,      /* damaged or incomplete; or its decoder crashed */
    DECODER_TOO_LARGE = -3,   /* too many pixels; or over the limits of memory or time */
    DECODER_BUSY = -4,        /* no process became free in time, or the server is ending */
    DECODER_UNAVAILABLE = -5, /* the system gives no process, or does not let it be locked in */
};

/*
 * Fills `out`, which render_finish() frees in any case. `*file` is freed as soon as it is handed
 * over. Waits up to DECODER_WAIT_MS for a process; gives up when *stop becomes true.
 */
enum decoder_result decoder_run(struct decoder *decoder, struct buf *file, const atomic_bool *stop,
                                struct rendering *out) __attribute__((warn_unused_result));
#define DECODER_WAIT_MS 20000

/* Decodes a pixel of its own: can images be taken here at all? As decoder_run(). */
bool decoder_works(struct decoder *decoder) __attribute__((warn_unused_result));

#endif
