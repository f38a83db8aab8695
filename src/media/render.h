/*
 * From any image file to the two that Lectern keeps: upright, without metadata, of bounded size.
 * This is where foreign bytes meet decoders written in C, so it runs in the decoder's process
 * (media/worker.h) and nowhere else but in tests.
 */
#ifndef LECTERN_MEDIA_RENDER_H
#define LECTERN_MEDIA_RENDER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

#define RENDER_EDGE 2048              /* longer side of the image, pixels, at most */
#define RENDER_THUMB_EDGE 320         /* of the thumbnail */
#define RENDER_BYTES_MAX (2u << 20)   /* of one encoded picture: it travels through Redis whole */
#define RENDER_PIXELS_MAX (50u << 20) /* of the file: 50 megapixels and a little */

enum render_result {
    RENDER_OK = 0,
    RENDER_BROKEN = -1,    /* not an image, or damaged */
    RENDER_TOO_LARGE = -2, /* more pixels than allowed, or it needs more memory than there is */
};

/* A JPEG, or a PNG where something is transparent. */
struct picture {
    struct buf bytes; /* owned */
    bool png;
    uint32_t width, height;
};

struct rendering {
    struct picture image, thumb;
    int64_t took_ms; /* the decoder's process, from start to end; decoder_run() sets it */
};

/*
 * Decodes within the budget (media/budget.h) and encodes both. render_finish() is due in any case.
 * JPEGs are 4:2:0 at quality 85, less where they would not fit RENDER_BYTES_MAX; a PNG that would
 * not is made smaller.
 */
enum render_result render_image(struct span file, struct rendering *out)
    __attribute__((warn_unused_result));
void render_finish(struct rendering *rendering);

#endif
