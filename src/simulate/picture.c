/*
 * PNG (ISO/IEC 15948): signature, IHDR, one IDAT with rows that are not filtered, IEND. Colours run over
 * the page with some grain, so that it neither shrinks to nothing nor takes long to make.
 */
#include "simulate/picture.h"

#include <stdlib.h>
#include <zlib.h>

#define ROW (1 + 3 * PICTURE_WIDTH) /* the filter's number, then RGB */

static void put32(uint8_t *at, uint32_t value)
{
    for (int i = 0; i < 4; i++) {
        at[i] = (uint8_t)(value >> (24 - 8 * i));
    }
}

static void chunk(struct buf *out, const char type[4], const uint8_t *data, uint32_t len)
{
    uint8_t number[4];
    put32(number, len);
    buf_append(out, number, 4);
    buf_append(out, type, 4);
    buf_append(out, data, len);
    uLong crc = crc32(crc32(0, (const Bytef *)type, 4), data, len);
    put32(number, (uint32_t)crc);
    buf_append(out, number, 4);
}

static void draw(uint8_t *rows)
{
    uint32_t grain = 2654435761u;
    for (uint32_t y = 0; y < PICTURE_HEIGHT; y++) {
        uint8_t *at = rows + (size_t)y * ROW;
        *at++ = 0;
        for (uint32_t x = 0; x < PICTURE_WIDTH; x++) {
            grain = grain * 1664525u + 1013904223u;
            uint32_t line = (x + y) % 80 < 3 ? 120 : 0;
            *at++ = (uint8_t)(200 - line + (grain >> 29));
            *at++ = (uint8_t)(90 + x * 100 / PICTURE_WIDTH);
            *at++ = (uint8_t)(90 + y * 100 / PICTURE_HEIGHT);
        }
    }
}

void picture_png(struct buf *out)
{
    static const uint8_t signature[] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
    uint8_t header[13] = {[8] = 8, [9] = 2}; /* 8 bits, RGB */
    uLong raw = (uLong)ROW * PICTURE_HEIGHT;
    uLongf len = compressBound(raw);
    uint8_t *rows = malloc(raw), *packed = malloc(len);
    if (!rows || !packed) {
        out->failed = true;
    } else {
        draw(rows);
        if (compress2(packed, &len, rows, raw, 1) != Z_OK) {
            out->failed = true;
        }
        put32(header, PICTURE_WIDTH);
        put32(header + 4, PICTURE_HEIGHT);
        buf_append(out, signature, sizeof signature);
        chunk(out, "IHDR", header, sizeof header);
        chunk(out, "IDAT", packed, (uint32_t)len);
        chunk(out, "IEND", header, 0);
    }
    free(rows);
    free(packed);
}
