/* The one place where stb's code is compiled; see stb.h. */
#define STB_IMAGE_IMPLEMENTATION
#define STB_IMAGE_RESIZE_IMPLEMENTATION
#define STB_IMAGE_WRITE_IMPLEMENTATION
#include "media/stb.h"

#include <zlib.h>

#define LEVEL                                                                                      \
    4 /* of zlib: its default, 6, takes four times as long on a photo, for a few per cent */

unsigned char *stb_compress(unsigned char *data, int len, int *out_len, int quality)
{
    (void)quality; /* on stb's scale */
    uLongf size = compressBound((uLong)len);
    unsigned char *out = budget_malloc(size);
    if (out && compress2(out, &size, data, (uLong)len, LEVEL) != Z_OK) {
        budget_free(out);
        out = NULL;
    }
    *out_len = out ? (int)size : 0;
    return out;
}
