/* How a photo was held, from its Exif data (libexif). In the decoder's process only. */
#ifndef LECTERN_MEDIA_EXIF_H
#define LECTERN_MEDIA_EXIF_H

#include "base/buf.h"

/*
 * The orientation, 1 to 8 (Exif 2.3, tag 0x0112), of a segment that begins with "Exif"; 1, upright,
 * when it has none or cannot be read.
 */
int exif_orientation(struct span segment);

#endif
