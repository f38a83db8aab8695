/* Structure of image files: what each kind says, and that nothing incomplete passes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "files.h"
#include "media/probe.h"

static struct buf file;

static int set_up(void **state)
{
    (void)state;
    budget_set(64u << 20);
    buf_init(&file);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    buf_finish(&file);
    return 0;
}

static void expect(enum image_kind kind, uint32_t width, uint32_t height)
{
    struct probe probe;
    assert_int_equal(image_probe(buf_span(&file), &probe), PROBE_OK);
    assert_int_equal(probe.kind, kind);
    assert_int_equal(probe.width, width);
    assert_int_equal(probe.height, height);
}

static enum probe_result result_of(const void *bytes, size_t n)
{
    struct probe probe;
    return image_probe((struct span){bytes, n}, &probe);
}

/* Every beginning of the file up to `whole` bytes is refused; from there on it is complete. */
static void expect_whole_from(size_t whole)
{
    for (size_t n = 0; n < whole; n++) {
        /* In memory of its own, so that a sanitizer sees what is read beyond it. */
        char *copy = malloc(n ? n : 1);
        memcpy(copy, file.data, n);
        assert_int_not_equal(result_of(copy, n), PROBE_OK);
        free(copy);
    }
    for (size_t n = whole; n <= file.len; n++) {
        assert_int_equal(result_of(file.data, n), PROBE_OK);
    }
}

static void jpeg_is_complete_at_its_end(void **state)
{
    struct pixels pixels = make_pixels(40, 24, 3);
    (void)state;
    make_jpeg(&pixels, &file);
    pixels_free(&pixels);
    expect(IMAGE_JPEG, 40, 24);
    size_t whole = file.len;
    buf_append_text(&file, "what cameras append");
    expect_whole_from(whole);
}

static void jpeg_exif_is_found(void **state)
{
    struct pixels pixels = make_pixels(16, 8, 3);
    struct probe probe;
    (void)state;
    make_jpeg(&pixels, &file);
    pixels_free(&pixels);
    assert_int_equal(image_probe(buf_span(&file), &probe), PROBE_OK);
    assert_int_equal(probe.exif.n, 0);
    insert_exif(&file, 6, false);
    assert_int_equal(image_probe(buf_span(&file), &probe), PROBE_OK);
    assert_memory_equal(probe.exif.p, "Exif\0\0II", 8);
    assert_int_equal(probe.exif.n, 6 + 8 + 2 + 12 + 4);
}

static void jpeg_varieties_that_are_not_decoded(void **state)
{
    static const uint8_t markers[] = {0xc3, 0xc5, 0xc6, 0xc7, 0xc9, 0xca, 0xcb, 0xcd, 0xce, 0xcf};
    struct pixels pixels = make_pixels(16, 8, 3);
    (void)state;
    make_jpeg(&pixels, &file);
    pixels_free(&pixels);
    uint8_t *frame = memmem(file.data, file.len, "\xff\xc0", 2);
    assert_non_null(frame);
    frame[1] = 0xc2;
    assert_int_equal(result_of(file.data, file.len), PROBE_OK);
    for (size_t i = 0; i < sizeof markers; i++) {
        frame[1] = markers[i];
        assert_int_equal(result_of(file.data, file.len), PROBE_UNKNOWN);
    }
}

/* Each costs a pass over all pixels, and next to no bytes. */
static void jpeg_of_very_many_scans(void **state)
{
    static const char scan[] = "\xff\xda\x00\x08\x01\x01\x00\x01\x3f\x00";
    struct pixels pixels = make_pixels(16, 8, 3);
    (void)state;
    make_jpeg(&pixels, &file);
    pixels_free(&pixels);
    file.len -= 2; /* EOI */
    for (int i = 1; i < PROBE_SCANS_MAX; i++) {
        buf_append(&file, scan, sizeof scan - 1);
    }
    buf_append(&file, "\xff\xd9", 2);
    assert_int_equal(result_of(file.data, file.len), PROBE_OK);
    file.len -= 2;
    buf_append(&file, scan, sizeof scan - 1);
    buf_append(&file, "\xff\xd9", 2);
    assert_int_equal(result_of(file.data, file.len), PROBE_COSTLY);
}

static void jpeg_without_frame_or_scan(void **state)
{
    (void)state;
    assert_int_equal(result_of("\xff\xd8\xff\xd9", 4), PROBE_BROKEN);
    assert_int_equal(result_of("\xff\xd8\xff\xda\x00\x02\xff\xd9", 8), PROBE_BROKEN);
    assert_int_equal(result_of("\xff\xd8\xff\xe0\x00\x01\xff\xd9", 8), PROBE_BROKEN);
    /* A frame that is shorter than its fields, and one of no height. */
    assert_int_equal(result_of("\xff\xd8\xff\xc0\x00\x06\x08\x00\x01\x00\x01\xff\xd9", 13),
                     PROBE_BROKEN);
    assert_int_equal(
        result_of("\xff\xd8\xff\xc0\x00\x0b\x08\x00\x00\x00\x10\x01\x01\x11\x00\xff\xd9", 17),
        PROBE_BROKEN);
}

/* stb_image 2.27 does not look, and writes behind its table. */
static void jpeg_with_a_table_too_long(void **state)
{
    struct pixels pixels = make_pixels(16, 8, 3);
    (void)state;
    make_jpeg(&pixels, &file);
    pixels_free(&pixels);
    uint8_t *table = memmem(file.data, file.len, "\xff\xc4", 2);
    assert_non_null(table);
    uint8_t *counts = table + 5;
    size_t before = (size_t)((char *)table - file.data);
    size_t behind = before + 2 + (size_t)(table[2] << 8 | table[3]);
    memset(counts, 0, 16);
    counts[15] = 255;
    assert_int_equal(result_of(file.data, file.len), PROBE_BROKEN); /* leaves the segment */
    struct buf longer;
    buf_init(&longer);
    for (uint32_t extra = 0; extra <= 1; extra++) {
        static const char values[300];
        buf_clear(&longer);
        buf_append(&longer, file.data, before);
        buf_append(&longer, "\xff\xc4", 2);
        put_be(&longer, 2 + 17 + 256 + extra, 2);
        buf_append(&longer, values, 15); /* class, and no codes of up to 14 bits */
        put_be(&longer, 1 + extra, 1);
        put_be(&longer, 255, 1);
        buf_append(&longer, values, 256 + extra);
        buf_append(&longer, file.data + behind, file.len - behind);
        assert_int_equal(result_of(longer.data, longer.len), extra ? PROBE_BROKEN : PROBE_OK);
    }
    buf_finish(&longer);
}

static void png(void **state)
{
    struct pixels pixels = make_pixels(5, 7, 4);
    (void)state;
    make_png(&pixels, &file);
    pixels_free(&pixels);
    expect(IMAGE_PNG, 5, 7);
    expect_whole_from(file.len);
}

static void png_without_pixels(void **state)
{
    (void)state;
    buf_append(&file, "\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\1\0\0\0\1\x08\6\0\0\0....", 33);
    buf_append(&file, "\0\0\0\0IEND....", 12);
    assert_int_equal(result_of(file.data, file.len), PROBE_BROKEN);
    file.data[19] = 0; /* the width */
    assert_int_equal(result_of(file.data, file.len), PROBE_BROKEN);
}

static void gif_is_complete_with_its_first_frame(void **state)
{
    (void)state;
    make_gif(&file);
    expect(IMAGE_GIF, 2, 2);
    expect_whole_from(19 + 8 + 11 + 5);
    file.data[6] = 0;
    assert_int_equal(result_of(file.data, file.len), PROBE_BROKEN);
}

static void bmp(void **state)
{
    (void)state;
    make_bmp(5, 3, 0x102030, &file);
    expect(IMAGE_BMP, 5, 3);
    expect_whole_from(file.len - 1); /* the last row's padding may be missing */
    buf_clear(&file);
    make_bmp(5, -3, 0x102030, &file);
    expect(IMAGE_BMP, 5, 3);
}

static void bmp_headers(void **state)
{
    (void)state;
    make_bmp(4, 4, 0, &file);
    file.data[30] = 1; /* run lengths */
    assert_int_equal(result_of(file.data, file.len), PROBE_UNKNOWN);
    file.data[30] = 0;
    file.data[14] = 64; /* a header of OS/2 */
    assert_int_equal(result_of(file.data, file.len), PROBE_UNKNOWN);
    file.data[14] = 40;
    file.data[28] = 0; /* bits per pixel */
    assert_int_equal(result_of(file.data, file.len), PROBE_BROKEN);
    file.data[28] = 24;
    memcpy(file.data + 18, "\xff\xff\xff\xff", 4); /* a negative width */
    assert_int_equal(result_of(file.data, file.len), PROBE_BROKEN);
    memcpy(file.data + 18, "\xff\xff\xff\x7f", 4);
    memcpy(file.data + 22, "\xff\xff\xff\x7f", 4);
    assert_int_equal(result_of(file.data, file.len), PROBE_BROKEN);
}

static void other_files(void **state)
{
    static const char *const texts[] = {"",
                                        "B",
                                        "hello, I am photo.jpg",
                                        "<svg xmlns='http://www.w3.org/2000/svg'/>",
                                        "RIFF....WEBPVP8 ",
                                        "....ftypheic........",
                                        "GIF88a..........",
                                        "P6 1 1 255 ...",
                                        "%PDF-1.7"};
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        assert_int_equal(result_of(texts[i], strlen(texts[i])), PROBE_UNKNOWN);
    }
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(jpeg_is_complete_at_its_end),
        TEST(jpeg_exif_is_found),
        TEST(jpeg_varieties_that_are_not_decoded),
        TEST(jpeg_of_very_many_scans),
        TEST(jpeg_without_frame_or_scan),
        TEST(jpeg_with_a_table_too_long),
        TEST(png),
        TEST(png_without_pixels),
        TEST(gif_is_complete_with_its_first_frame),
        TEST(bmp),
        TEST(bmp_headers),
        TEST(other_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
