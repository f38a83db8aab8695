/* The picture that is uploaded: a PNG that any decoder takes (ISO/IEC 15948). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <zlib.h>

#include "simulate/picture.h"

static uint32_t get32(const char *at)
{
    const uint8_t *p = (const uint8_t *)at;
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* Walks over the chunk at *at, checks its CRC, and returns its data. */
static struct span chunk(const struct buf *png, size_t *at, const char *type)
{
    assert_true(png->len - *at >= 12);
    uint32_t len = get32(png->data + *at);
    assert_true(png->len - *at - 12 >= len);
    const char *data = png->data + *at + 8;
    assert_memory_equal(data - 4, type, 4);
    assert_int_equal(crc32(0, (const Bytef *)data - 4, len + 4), get32(data + len));
    *at += len + 12;
    return (struct span){data, len};
}

static void it_is_a_png(void **state)
{
    struct buf png;
    size_t at = 8;
    (void)state;
    buf_init(&png);
    picture_png(&png);
    assert_false(png.failed);
    assert_memory_equal(png.data, "\x89PNG\r\n\x1a\n", 8);
    struct span header = chunk(&png, &at, "IHDR");
    assert_int_equal(header.n, 13);
    assert_int_equal(get32(header.p), PICTURE_WIDTH);
    assert_int_equal(get32(header.p + 4), PICTURE_HEIGHT);
    assert_memory_equal(header.p + 8, "\x08\x02\x00\x00\x00", 5);
    struct span data = chunk(&png, &at, "IDAT");
    assert_int_equal(chunk(&png, &at, "IEND").n, 0);
    assert_int_equal(at, png.len);

    uLongf len = (1 + 3 * PICTURE_WIDTH) * PICTURE_HEIGHT + 1;
    uint8_t *rows = malloc(len);
    assert_non_null(rows);
    assert_int_equal(uncompress(rows, &len, (const Bytef *)data.p, data.n), Z_OK);
    assert_int_equal(len, (1 + 3 * PICTURE_WIDTH) * PICTURE_HEIGHT);
    for (size_t y = 0; y < PICTURE_HEIGHT; y++) {
        assert_int_equal(rows[y * (1 + 3 * PICTURE_WIDTH)], 0); /* no filter */
    }
    free(rows);
    buf_finish(&png);
}

static void it_is_neither_small_nor_too_large_for_a_server(void **state)
{
    struct buf png;
    (void)state;
    buf_init(&png);
    picture_png(&png);
    assert_true(png.len > 500000 && png.len < 3000000);
    buf_finish(&png);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_a_png),
        cmocka_unit_test(it_is_neither_small_nor_too_large_for_a_server),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
