/* Decode, shrink, turn, encode; see render.h. */
#include "media/render.h"

#include <limits.h>
#include <math.h>

#include "media/exif.h"
#include "media/pixels.h"
#include "media/probe.h"
#include "media/stb.h"

/* Tried one after the other until the file is small enough. */
static const int qualities[] = {85, 75, 60, 40};
#define QUALITIES (sizeof qualities / sizeof qualities[0])

static enum render_result decode(struct span file, struct pixels *out)
{
    int width, height, channels;
    if (file.n > INT_MAX) {
        return RENDER_TOO_LARGE;
    }
    uint8_t *data =
        stbi_load_from_memory((const uint8_t *)file.p, (int)file.n, &width, &height, &channels, 0);
    if (!data) {
        return budget_exceeded() ? RENDER_TOO_LARGE : RENDER_BROKEN;
    }
    *out = (struct pixels){data, (uint32_t)width, (uint32_t)height, (uint32_t)channels};
    return RENDER_OK;
}

static void write_bytes(void *context, void *data, int size)
{
    buf_append(context, data, (size_t)size);
}

static bool encode_png(const struct pixels *pixels, struct buf *out)
{
    buf_clear(out);
    return stbi_write_png_to_func(write_bytes, out, (int)pixels->width, (int)pixels->height,
                                  (int)pixels->channels, pixels->data, 0) &&
           !out->failed;
}

static bool encode_jpeg(const struct pixels *pixels, struct buf *out)
{
    for (size_t i = 0; i < QUALITIES; i++) {
        buf_clear(out);
        if (!stbi_write_jpg_to_func(write_bytes, out, (int)pixels->width, (int)pixels->height,
                                    (int)pixels->channels, pixels->data, qualities[i]) ||
            out->failed) {
            return false;
        }
        if (out->len <= RENDER_BYTES_MAX) {
            break;
        }
    }
    return true;
}

/* The side to try next where `edge` has led to so many bytes, too many: these go with the area. */
static uint32_t smaller(uint32_t edge, size_t bytes)
{
    double factor = sqrt((double)RENDER_BYTES_MAX / (double)bytes);
    return (uint32_t)((double)edge * factor * 0.95);
}

/* Encodes `pixels`, shrunk to `edge` and further until it fits. */
static enum render_result encode(const struct pixels *pixels, uint32_t edge, bool png,
                                 struct picture *out)
{
    for (;;) {
        struct pixels fit;
        if (!pixels_shrink(pixels, edge, &fit)) {
            return RENDER_TOO_LARGE;
        }
        bool encoded = png ? encode_png(&fit, &out->bytes) : encode_jpeg(&fit, &out->bytes);
        out->png = png;
        out->width = fit.width;
        out->height = fit.height;
        pixels_free(&fit);
        if (!encoded) {
            return RENDER_TOO_LARGE;
        }
        if (out->bytes.len <= RENDER_BYTES_MAX) {
            return RENDER_OK;
        }
        edge = smaller(edge, out->bytes.len);
    }
}

/* The file's pixels, upright, no larger than RENDER_EDGE; *png: something is transparent. */
static enum render_result load(struct span file, const struct probe *probe, struct pixels *out,
                               bool *png)
{
    struct pixels all;
    enum render_result result = decode(file, &all);
    if (result) {
        return result;
    }
    *png = pixels_transparent(&all);
    bool fits = pixels_shrink(&all, RENDER_EDGE, out);
    pixels_free(&all);
    if (!fits) {
        return RENDER_TOO_LARGE;
    }
    if (!*png) {
        pixels_drop_alpha(out);
    }
    if (!pixels_turn(out, exif_orientation(probe->exif))) {
        pixels_free(out);
        return RENDER_TOO_LARGE;
    }
    return RENDER_OK;
}

enum render_result render_image(struct span file, struct rendering *out)
{
    struct probe probe;
    struct pixels pixels;
    bool png;
    *out = (struct rendering){0};
    if (image_probe(file, &probe)) {
        return RENDER_BROKEN;
    }
    if (probe.width > IMAGE_EDGE_MAX || probe.height > IMAGE_EDGE_MAX ||
        (uint64_t)probe.width * probe.height > RENDER_PIXELS_MAX) {
        return RENDER_TOO_LARGE;
    }
    enum render_result result = load(file, &probe, &pixels, &png);
    if (result) {
        return result;
    }
    result = encode(&pixels, RENDER_EDGE, png, &out->image);
    if (result == RENDER_OK) {
        result = encode(&pixels, RENDER_THUMB_EDGE, png, &out->thumb);
    }
    pixels_free(&pixels);
    return result;
}

void render_finish(struct rendering *rendering)
{
    buf_finish(&rendering->image.bytes);
    buf_finish(&rendering->thumb.bytes);
}
