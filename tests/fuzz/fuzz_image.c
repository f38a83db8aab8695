/*
 * Whole image files: their structure as the server reads it, then all that the decoder's process does
 * with them. What comes out must be what Lectern promises: pictures that its own reader takes.
 */
#include <stdint.h>
#include <stdlib.h>

#include "media/budget.h"
#include "media/exif.h"
#include "media/probe.h"
#include "media/render.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define PIXELS_MAX (1u << 15) /* larger ones only cost time */
#define BUDGET (64u << 20)

static void check(int condition)
{
    if (!condition) {
        abort();
    }
}

static void check_picture(const struct picture *picture, uint32_t edge)
{
    struct probe probe;
    check(picture->bytes.len > 0 && picture->bytes.len <= RENDER_BYTES_MAX);
    check(image_probe((struct span){picture->bytes.data, picture->bytes.len}, &probe) == PROBE_OK);
    check(probe.kind == (picture->png ? IMAGE_PNG : IMAGE_JPEG));
    check(probe.width == picture->width && probe.height == picture->height);
    check(probe.width <= edge && probe.height <= edge);
    check(probe.exif.n == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct span file = {(const char *)data, size};
    struct probe probe;
    struct rendering rendering;
    if (image_probe(file, &probe)) {
        return 0;
    }
    check(probe.width > 0 && probe.height > 0);
    int orientation = exif_orientation(probe.exif);
    check(orientation >= 1 && orientation <= 8);
    if ((uint64_t)probe.width * probe.height > PIXELS_MAX) {
        return 0;
    }
    budget_set(BUDGET);
    if (render_image(file, &rendering) == RENDER_OK) {
        check_picture(&rendering.image, RENDER_EDGE);
        check_picture(&rendering.thumb, RENDER_THUMB_EDGE);
    }
    render_finish(&rendering);
    check(budget_used() == 0);
    return 0;
}
