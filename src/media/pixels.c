/*
 * Shrinking goes in two steps: whole blocks are averaged as long as twice the wanted size is left,
 * which is cheap, then stb's filter does the rest. From a photo of 50 megapixels the filter sees 12
 * at most; alone it would take seconds.
 */
#include "media/pixels.h"

#include <string.h>

#include "media/stb.h"

void pixels_free(struct pixels *pixels)
{
    budget_free(pixels->data);
    pixels->data = NULL;
}

static bool has_alpha(const struct pixels *pixels)
{
    return pixels->channels % 2 == 0;
}

static size_t count(const struct pixels *pixels)
{
    return (size_t)pixels->width * pixels->height;
}

static bool allocate(struct pixels *pixels, uint32_t width, uint32_t height, uint32_t channels)
{
    *pixels = (struct pixels){.width = width, .height = height, .channels = channels};
    pixels->data = budget_malloc(count(pixels) * channels);
    return pixels->data != NULL;
}

bool pixels_transparent(const struct pixels *pixels)
{
    size_t end = count(pixels) * pixels->channels;
    if (has_alpha(pixels)) {
        for (size_t i = pixels->channels - 1; i < end; i += pixels->channels) {
            if (pixels->data[i] != 0xff) {
                return true;
            }
        }
    }
    return false;
}

void pixels_drop_alpha(struct pixels *pixels)
{
    if (!has_alpha(pixels)) {
        return;
    }
    uint32_t colours = pixels->channels - 1;
    uint8_t *to = pixels->data;
    const uint8_t *from = pixels->data;
    for (size_t n = count(pixels); n > 0; n--) {
        memmove(to, from, colours);
        to += colours;
        from += pixels->channels;
    }
    pixels->channels = colours;
}

/* The average of a block of `step` by `step` pixels. */
static void average(const struct pixels *in, const uint8_t *block, uint32_t step, uint8_t *out)
{
    uint32_t sum[4] = {0};
    size_t stride = (size_t)in->width * in->channels;
    for (uint32_t y = 0; y < step; y++) {
        const uint8_t *p = block + y * stride;
        for (uint32_t x = 0; x < step; x++) {
            for (uint32_t c = 0; c < in->channels; c++) {
                sum[c] += *p++;
            }
        }
    }
    uint32_t area = step * step;
    for (uint32_t c = 0; c < in->channels; c++) {
        out[c] = (uint8_t)((sum[c] + area / 2) / area);
    }
}

/* The same, each colour counted by its pixel's alpha. */
static void average_alpha(const struct pixels *in, const uint8_t *block, uint32_t step,
                          uint8_t *out)
{
    uint32_t colours = in->channels - 1;
    uint32_t area = step * step;
    uint64_t sum[3] = {0};
    uint64_t alpha = 0;
    size_t stride = (size_t)in->width * in->channels;
    for (uint32_t y = 0; y < step; y++) {
        const uint8_t *p = block + y * stride;
        for (uint32_t x = 0; x < step; x++, p += in->channels) {
            for (uint32_t c = 0; c < colours; c++) {
                sum[c] += (uint32_t)p[c] * p[colours];
            }
            alpha += p[colours];
        }
    }
    for (uint32_t c = 0; c < colours; c++) {
        out[c] = (uint8_t)(alpha ? (sum[c] + alpha / 2) / alpha : 0);
    }
    out[colours] = (uint8_t)((alpha + area / 2) / area);
}

/* Blocks of `step` become pixels; what is left over at the right and the bottom is cut off. */
static bool shrink_by(const struct pixels *in, uint32_t step, struct pixels *out)
{
    if (!allocate(out, in->width / step, in->height / step, in->channels)) {
        return false;
    }
    uint8_t *to = out->data;
    for (uint32_t y = 0; y < out->height; y++) {
        const uint8_t *from = in->data + (size_t)y * step * in->width * in->channels;
        for (uint32_t x = 0; x < out->width; x++) {
            (has_alpha(in) ? average_alpha : average)(in, from, step, to);
            from += (size_t)step * in->channels;
            to += in->channels;
        }
    }
    return true;
}

/* The longer side; at least 1. */
static uint32_t longer_side(const struct pixels *pixels)
{
    uint32_t side = pixels->width > pixels->height ? pixels->width : pixels->height;
    return side ? side : 1;
}

/* A side after the longer one, `longest`, has become `edge`. */
static uint32_t scaled(uint32_t side, uint32_t edge, uint32_t longest)
{
    uint32_t result = (uint32_t)(((uint64_t)side * edge + longest / 2) / longest);
    return result ? result : 1;
}

static bool filter(const struct pixels *in, uint32_t edge, struct pixels *out)
{
    uint32_t longest = longer_side(in);
    if (!allocate(out, scaled(in->width, edge, longest), scaled(in->height, edge, longest),
                  in->channels)) {
        return false;
    }
    int alpha = has_alpha(in) ? (int)in->channels - 1 : STBIR_ALPHA_CHANNEL_NONE;
    if (stbir_resize_uint8_generic(in->data, (int)in->width, (int)in->height, 0, out->data,
                                   (int)out->width, (int)out->height, 0, (int)in->channels, alpha,
                                   0, STBIR_EDGE_CLAMP, STBIR_FILTER_DEFAULT,
                                   STBIR_COLORSPACE_LINEAR, NULL)) {
        return true;
    }
    pixels_free(out);
    return false;
}

bool pixels_shrink(const struct pixels *in, uint32_t edge, struct pixels *out)
{
    uint32_t longest = longer_side(in);
    uint32_t shortest = in->width < in->height ? in->width : in->height;
    uint32_t step = longest / edge;
    step = step < shortest ? step : shortest;
    if (longest <= edge) {
        if (!allocate(out, in->width, in->height, in->channels)) {
            return false;
        }
        memcpy(out->data, in->data, count(in) * in->channels);
        return true;
    }
    struct pixels half = {0};
    if (step < 2) {
        return filter(in, edge, out);
    }
    if (!shrink_by(in, step, &half)) {
        return false;
    }
    if (longer_side(&half) <= edge) {
        *out = half;
        return true;
    }
    bool done = filter(&half, edge, out);
    pixels_free(&half);
    return done;
}

/*
 * What each orientation means for a walk through the source's pixels, row by row: where the first
 * one goes in the upright picture, and whether a step to the right becomes a step down.
 */
static const struct {
    bool right;     /* the first pixel is at the right, else at the left */
    bool bottom;    /* … at the bottom, else at the top */
    bool transpose; /* rows become columns */
} turns[9] = {
    [1] = {false, false, false}, [2] = {true, false, false}, [3] = {true, true, false},
    [4] = {false, true, false},  [5] = {false, false, true}, [6] = {true, false, true},
    [7] = {true, true, true},    [8] = {false, true, true},
};

bool pixels_turn(struct pixels *pixels, int orientation)
{
    struct pixels out;
    bool transpose = turns[orientation].transpose;
    if (orientation == 1) {
        return true;
    }
    if (!allocate(&out, transpose ? pixels->height : pixels->width,
                  transpose ? pixels->width : pixels->height, pixels->channels)) {
        return false;
    }
    ptrdiff_t step_x = (turns[orientation].right ? -1 : 1) * (ptrdiff_t)out.channels;
    ptrdiff_t step_y =
        (turns[orientation].bottom ? -1 : 1) * (ptrdiff_t)out.channels * (ptrdiff_t)out.width;
    ptrdiff_t along = transpose ? step_y : step_x;
    ptrdiff_t across = transpose ? step_x : step_y;
    size_t first_x = turns[orientation].right ? out.width - 1 : 0;
    size_t first_y = turns[orientation].bottom ? out.height - 1 : 0;
    uint8_t *row = out.data + (first_y * out.width + first_x) * out.channels;
    const uint8_t *from = pixels->data;
    for (uint32_t y = 0; y < pixels->height; y++, row += across) {
        uint8_t *to = row;
        for (uint32_t x = 0; x < pixels->width; x++, to += along, from += out.channels) {
            memcpy(to, from, out.channels);
        }
    }
    pixels_free(pixels);
    *pixels = out;
    return true;
}
