/* Image files made byte by byte, for the tests of src/media. */
#ifndef LECTERN_TESTS_MEDIA_FILES_H
#define LECTERN_TESTS_MEDIA_FILES_H

#include <stdint.h>
#include <string.h>

#include "base/buf.h"
#include "media/pixels.h"
#include "media/stb.h"

static inline void put_le(struct buf *out, uint32_t value, int bytes)
{
    for (int i = 0; i < bytes; i++) {
        buf_append_char(out, (char)(value >> (8 * i) & 0xff));
    }
}

static inline void put_be(struct buf *out, uint32_t value, int bytes)
{
    for (int i = bytes - 1; i >= 0; i--) {
        buf_append_char(out, (char)(value >> (8 * i) & 0xff));
    }
}

/* Pixels whose colours tell where they stand: red grows to the right, green downwards. */
static inline struct pixels make_pixels(uint32_t width, uint32_t height, uint32_t channels)
{
    struct pixels pixels = {.width = width, .height = height, .channels = channels};
    pixels.data = budget_malloc((size_t)width * height * channels);
    for (uint32_t y = 0; y < height; y++) {
        for (uint32_t x = 0; x < width; x++) {
            const uint8_t colours[4] = {(uint8_t)(x * 255 / (width > 1 ? width - 1 : 1)),
                                        (uint8_t)(y * 255 / (height > 1 ? height - 1 : 1)), 60,
                                        255};
            memcpy(pixels.data + ((size_t)y * width + x) * channels, colours, channels);
        }
    }
    return pixels;
}

static inline void append_bytes(void *out, void *data, int size)
{
    buf_append(out, data, (size_t)size);
}

static inline void make_jpeg(const struct pixels *pixels, struct buf *out)
{
    stbi_write_jpg_to_func(append_bytes, out, (int)pixels->width, (int)pixels->height,
                           (int)pixels->channels, pixels->data, 95);
}

static inline void make_png(const struct pixels *pixels, struct buf *out)
{
    stbi_write_png_to_func(append_bytes, out, (int)pixels->width, (int)pixels->height,
                           (int)pixels->channels, pixels->data, 0);
}

/* 24 bits, rows from the bottom; `height` may be negative: from the top. */
static inline void make_bmp(uint32_t width, int32_t height, uint32_t rgb, struct buf *out)
{
    uint32_t rows = (uint32_t)(height < 0 ? -height : height);
    uint32_t row = (width * 3 + 3) / 4 * 4;
    buf_append_text(out, "BM");
    put_le(out, 54 + row * rows, 4);
    put_le(out, 0, 4);
    put_le(out, 54, 4);
    put_le(out, 40, 4);
    put_le(out, width, 4);
    put_le(out, (uint32_t)height, 4);
    put_le(out, 1, 2);
    put_le(out, 24, 2);
    for (int i = 0; i < 6; i++) {
        put_le(out, i == 1 ? row * rows : 0, 4);
    }
    for (uint32_t y = 0; y < rows; y++) {
        for (uint32_t x = 0; x < width; x++) {
            put_le(out, rgb, 3);
        }
        put_le(out, 0, (int)(row - width * 3));
    }
}

/*
 * A GIF of two frames, red then blue, 2 x 2, without compression: codes of three bits, and a clear
 * code in front of each pair, so that they never grow.
 */
static inline void make_gif(struct buf *out)
{
    static const uint8_t head[] = {'G',  'I', 'F', '8', '9', 'a', 2, 0, 2,  0,
                                   0x80, 0,   0,   255, 0,   0,   0, 0, 255};
    static const uint8_t control[] = {0x21, 0xf9, 4, 0, 10, 0, 0, 0};
    buf_append(out, head, sizeof head);
    for (uint8_t colour = 0; colour < 2; colour++) {
        static const uint8_t image[] = {0x2c, 0, 0, 0, 0, 2, 0, 2, 0, 0, 2};
        const uint32_t codes[] = {4, colour, colour, 4, colour, colour, 5};
        uint32_t bits = 0;
        for (int i = 0; i < 7; i++) {
            bits |= codes[i] << (3 * i);
        }
        buf_append(out, control, sizeof control);
        buf_append(out, image, sizeof image);
        put_le(out, 3, 1);
        put_le(out, bits, 3);
        put_le(out, 0, 1);
    }
    buf_append_char(out, 0x3b);
}

/* Puts an Exif segment with this orientation, and a comment, behind the SOI of a JPEG. */
static inline void insert_exif(struct buf *jpeg, uint32_t orientation, bool big_endian)
{
    struct buf out;
    void (*put)(struct buf *, uint32_t, int) = big_endian ? put_be : put_le;
    buf_init(&out);
    buf_append(&out, "\xff\xd8\xff\xe1", 4);
    put_be(&out, 2 + 6 + 8 + 2 + 12 + 4, 2);
    buf_append(&out, "Exif\0\0", 6);
    buf_append_text(&out, big_endian ? "MM" : "II");
    put(&out, 42, 2);
    put(&out, 8, 4);
    put(&out, 1, 2);
    put(&out, 0x0112, 2);
    put(&out, 3, 2);
    put(&out, 1, 4);
    put(&out, orientation, 2);
    put(&out, 0, 2);
    put(&out, 0, 4);
    buf_append(&out, "\xff\xfe\x00\x0dsecret-name", 15);
    buf_append(&out, jpeg->data + 2, jpeg->len - 2);
    buf_finish(jpeg);
    *jpeg = out;
}

/* A PNG of 73 bytes or so that claims `side` by `side` pixels of 16 bits. */
static inline void make_png_bomb(uint32_t side, struct buf *out)
{
    buf_append(out, "\x89PNG\r\n\x1a\n", 8);
    put_be(out, 13, 4);
    buf_append_text(out, "IHDR");
    put_be(out, side, 4);
    put_be(out, side, 4);
    buf_append(out, "\x10\x06\0\0\0", 5);
    put_be(out, 0, 4);
    put_be(out, 16, 4);
    buf_append_text(out, "IDAT");
    buf_append(out, "\x78\x9c\x63\x00\x00\x00\x01\x00\x01\0\0\0\0\0\0\0", 16);
    put_be(out, 0, 4);
    put_be(out, 0, 4);
    buf_append_text(out, "IEND");
    put_be(out, 0, 4);
}

#endif
