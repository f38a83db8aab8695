/*
 * What an image file says of itself, and whether it is all there. Pure: bytes in, answer out, no
 * allocation, time linear in the file's size. It looks at structure only (headers, and the frames
 * that lead to the end of the first picture); pixels are the decoder's, in a process of its own.
 *
 * Sources: ITU-T T.81 annex B (JPEG), ISO/IEC 15948 (PNG), GIF89a, and Windows' BITMAPINFOHEADER.
 */
#ifndef LECTERN_MEDIA_PROBE_H
#define LECTERN_MEDIA_PROBE_H

#include <stdint.h>

#include "base/buf.h"

enum image_kind {
    IMAGE_JPEG, /* baseline or progressive */
    IMAGE_PNG,
    IMAGE_GIF, /* its first frame counts */
    IMAGE_BMP, /* not compressed */
};

#define PROBE_SCANS_MAX 100 /* cameras and programs write ten or so */

enum probe_result {
    PROBE_OK = 0,
    PROBE_UNKNOWN = -1, /* none of these kinds, or a variety that is not decoded */
    PROBE_BROKEN = -2,  /* one of them, but damaged, or its end is missing */
    PROBE_COSTLY = -3,  /* a JPEG of more than PROBE_SCANS_MAX scans: each passes over all pixels */
};

struct probe {
    enum image_kind kind;
    uint32_t width, height; /* as stored, before it is turned upright; 1 or more */
    struct span exif;       /* the JPEG's first Exif segment from "Exif" on, else empty; borrowed */
};

enum probe_result image_probe(struct span file, struct probe *out)
    __attribute__((warn_unused_result));

#endif
