/*
 * Pixels in memory, and what is done to them between decoding and encoding. Pure but for memory,
 * which is the budget's.
 */
#ifndef LECTERN_MEDIA_PIXELS_H
#define LECTERN_MEDIA_PIXELS_H

#include <stdbool.h>
#include <stdint.h>

/* Rows from the top, without padding; 8 bits per channel: grey, grey+alpha, RGB, RGB+alpha. */
struct pixels {
    uint8_t *data; /* owned; from the budget (media/budget.h) */
    uint32_t width, height;
    uint32_t channels; /* 1 to 4; an even number has alpha last */
};

void pixels_free(struct pixels *pixels); /* accepts one without data */

/* True if it has an alpha channel in which something is less than opaque. */
bool pixels_transparent(const struct pixels *pixels);

/* Removes the alpha channel, in place, where there is one. */
void pixels_drop_alpha(struct pixels *pixels);

/*
 * Shrinks until the longer side has `edge` pixels; one that is small enough is copied. Colours of
 * transparent pixels do not bleed. False when there is no memory.
 */
bool pixels_shrink(const struct pixels *in, uint32_t edge, struct pixels *out)
    __attribute__((warn_unused_result));

/* Turns it upright, in place, from an Exif orientation (1 to 8). False: no memory. */
bool pixels_turn(struct pixels *pixels, int orientation) __attribute__((warn_unused_result));

#endif
