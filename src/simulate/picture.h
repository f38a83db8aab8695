/* A picture to upload: a PNG of some colours with grain, about a megabyte. Pure. */
#ifndef LECTERN_SIMULATE_PICTURE_H
#define LECTERN_SIMULATE_PICTURE_H

#include "base/buf.h"

#define PICTURE_WIDTH 1600
#define PICTURE_HEIGHT 1200

/* Appends it; that takes a tenth of a second. out->failed when memory is short. */
void picture_png(struct buf *out);

#endif
