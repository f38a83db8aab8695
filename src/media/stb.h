/*
 * stb's image libraries, as they are compiled here: four kinds of files, nothing from disk, all
 * memory from the budget, PNG compressed by zlib. To be called in the decoder's process only.
 */
#ifndef LECTERN_MEDIA_STB_H
#define LECTERN_MEDIA_STB_H

#include "media/budget.h"

#define IMAGE_EDGE_MAX 16384 /* pixels: a longer side is not decoded */

#define STBI_ONLY_JPEG
#define STBI_ONLY_PNG
#define STBI_ONLY_BMP
#define STBI_ONLY_GIF
#define STBI_NO_STDIO
#define STBI_NO_LINEAR
#define STBI_MAX_DIMENSIONS IMAGE_EDGE_MAX
#define STBI_MALLOC(size) budget_malloc(size)
#define STBI_REALLOC(p, size) budget_realloc(p, size)
#define STBI_FREE(p) budget_free(p)

#define STBIR_MALLOC(size, context) ((void)(context), budget_malloc(size))
#define STBIR_FREE(p, context) ((void)(context), budget_free(p))

/* Of a compressor in place of stb's own; the result is freed by STBIW_FREE. */
unsigned char *stb_compress(unsigned char *data, int len, int *out_len, int quality);

#define STBI_WRITE_NO_STDIO
#define STBIW_MALLOC(size) budget_malloc(size)
#define STBIW_REALLOC(p, size) budget_realloc(p, size)
#define STBIW_FREE(p) budget_free(p)
#define STBIW_ZLIB_COMPRESS stb_compress

#include <stb/stb_image.h>
#include <stb/stb_image_resize.h>
#include <stb/stb_image_write.h>

#endif
