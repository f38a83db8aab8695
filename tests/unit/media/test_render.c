/* From files of every kind to what is kept. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "files.h"
#include "media/probe.h"
#include "media/render.h"

static struct buf file;
static struct rendering got;
static size_t budget;

static int set_up(void **state)
{
    (void)state;
    budget = 256u << 20;
    budget_set(budget);
    buf_init(&file);
    got = (struct rendering){0};
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    render_finish(&got);
    buf_finish(&file);
    assert_int_equal(budget_used(), 0);
    return 0;
}

static void expect_picture(const struct picture *picture, bool png, uint32_t width, uint32_t height)
{
    struct probe probe;
    assert_int_equal(picture->png, png);
    assert_int_equal(picture->width, width);
    assert_int_equal(picture->height, height);
    assert_int_equal(image_probe(buf_span(&picture->bytes), &probe), PROBE_OK);
    assert_int_equal(probe.kind, png ? IMAGE_PNG : IMAGE_JPEG);
    assert_int_equal(probe.width, width);
    assert_int_equal(probe.height, height);
    assert_in_range(picture->bytes.len, 1, RENDER_BYTES_MAX);
}

static void render(enum render_result result)
{
    render_finish(&got);
    budget_set(budget);
    assert_int_equal(render_image(buf_span(&file), &got), result);
}

static void expect_colour(uint32_t x, uint32_t y, int red, int green, int blue)
{
    int width, height, channels;
    uint8_t *data = stbi_load_from_memory((uint8_t *)got.image.bytes.data, (int)got.image.bytes.len,
                                          &width, &height, &channels, 3);
    assert_non_null(data);
    const uint8_t *p = data + ((size_t)y * (size_t)width + x) * 3;
    assert_in_range(p[0] + 12, red, red + 24); /* JPEG is not exact */
    assert_in_range(p[1] + 12, green, green + 24);
    assert_in_range(p[2] + 12, blue, blue + 24);
    budget_free(data);
}

static void every_kind(void **state)
{
    struct pixels pixels = make_pixels(600, 400, 3);
    (void)state;
    make_jpeg(&pixels, &file);
    render(RENDER_OK);
    expect_picture(&got.image, false, 600, 400);
    expect_picture(&got.thumb, false, 320, 213);
    expect_colour(590, 10, 251, 6, 60);
    buf_clear(&file);
    make_png(&pixels, &file);
    render(RENDER_OK);
    expect_picture(&got.image, false, 600, 400);
    expect_colour(10, 390, 4, 249, 60);
    pixels_free(&pixels);
    buf_clear(&file);
    make_bmp(30, 20, 0x2050f0, &file);
    render(RENDER_OK);
    expect_picture(&got.image, false, 30, 20);
    expect_picture(&got.thumb, false, 30, 20);
    expect_colour(3, 3, 0x20, 0x50, 0xf0);
    buf_clear(&file);
    make_gif(&file);
    render(RENDER_OK);
    expect_picture(&got.image, false, 2, 2);
    expect_colour(1, 1, 255, 0, 0); /* the first frame's */
}

static void grey(void **state)
{
    struct pixels pixels = make_pixels(64, 32, 1);
    (void)state;
    make_png(&pixels, &file);
    pixels_free(&pixels);
    render(RENDER_OK);
    expect_picture(&got.image, false, 64, 32);
    expect_colour(60, 10, 242, 242, 242);
}

static void large_ones_are_shrunk(void **state)
{
    struct pixels pixels = make_pixels(3000, 4500, 3);
    (void)state;
    make_jpeg(&pixels, &file);
    pixels_free(&pixels);
    render(RENDER_OK);
    expect_picture(&got.image, false, 1365, 2048);
    expect_picture(&got.thumb, false, 213, 320);
    expect_colour(1360, 2040, 254, 254, 60);
}

/* The stored picture is red at the right and green at the bottom. */
static void upright_in_all_eight_orientations(void **state)
{
    static const struct {
        bool transposed;
        int red, green; /* of the upright picture's top left corner */
    } corners[9] = {
        [1] = {false, 0, 0}, [2] = {false, 255, 0}, [3] = {false, 255, 255}, [4] = {false, 0, 255},
        [5] = {true, 0, 0},  [6] = {true, 0, 255},  [7] = {true, 255, 255},  [8] = {true, 255, 0},
    };
    struct pixels pixels = make_pixels(160, 80, 3);
    (void)state;
    for (uint32_t i = 1; i <= 8; i++) {
        buf_clear(&file);
        make_jpeg(&pixels, &file);
        insert_exif(&file, i, i % 2 == 0);
        render(RENDER_OK);
        expect_picture(&got.image, false, corners[i].transposed ? 80 : 160,
                       corners[i].transposed ? 160 : 80);
        expect_colour(0, 0, corners[i].red, corners[i].green, 60);
    }
    pixels_free(&pixels);
}

static void an_orientation_that_does_not_exist(void **state)
{
    static const uint32_t values[] = {0, 9, 255, 65535};
    struct pixels pixels = make_pixels(32, 16, 3);
    (void)state;
    for (size_t i = 0; i < 4; i++) {
        buf_clear(&file);
        make_jpeg(&pixels, &file);
        insert_exif(&file, values[i], false);
        render(RENDER_OK);
        expect_picture(&got.image, false, 32, 16);
    }
    pixels_free(&pixels);
}

static bool contains(const struct buf *bytes, const char *text)
{
    return memmem(bytes->data, bytes->len, text, strlen(text)) != NULL;
}

static void metadata_is_gone(void **state)
{
    struct pixels pixels = make_pixels(32, 16, 3);
    (void)state;
    make_jpeg(&pixels, &file);
    pixels_free(&pixels);
    insert_exif(&file, 1, true);
    assert_true(contains(&file, "Exif") && contains(&file, "secret-name"));
    render(RENDER_OK);
    const struct buf *both[] = {&got.image.bytes, &got.thumb.bytes};
    for (int i = 0; i < 2; i++) {
        assert_false(contains(both[i], "Exif"));
        assert_false(contains(both[i], "secret-name"));
    }
}

static void png_only_where_something_is_transparent(void **state)
{
    struct pixels pixels = make_pixels(400, 200, 4);
    (void)state;
    make_png(&pixels, &file);
    render(RENDER_OK);
    expect_picture(&got.image, false, 400, 200);
    pixels.data[3] = 0;
    buf_clear(&file);
    make_png(&pixels, &file);
    pixels_free(&pixels);
    render(RENDER_OK);
    expect_picture(&got.image, true, 400, 200);
    expect_picture(&got.thumb, true, 320, 160);
    int width, height, channels;
    uint8_t *data = stbi_load_from_memory((uint8_t *)got.image.bytes.data, (int)got.image.bytes.len,
                                          &width, &height, &channels, 0);
    assert_int_equal(channels, 4);
    assert_int_equal(data[3], 0);
    assert_int_equal(data[7], 255);
    budget_free(data);
}

static void noise(struct pixels *pixels)
{
    uint32_t seed = 1;
    for (size_t i = 0; i < (size_t)pixels->width * pixels->height * pixels->channels; i++) {
        seed = seed * 1103515245 + 12345;
        pixels->data[i] = (uint8_t)(seed >> 16);
    }
}

static void never_more_bytes_than_allowed(void **state)
{
    struct pixels pixels = make_pixels(2048, 2048, 4);
    (void)state;
    noise(&pixels);
    make_png(&pixels, &file);
    render(RENDER_OK);
    assert_in_range(got.image.bytes.len, 1, RENDER_BYTES_MAX);
    assert_true(got.image.png);
    assert_in_range(got.image.width, 500, 2047);
    assert_int_equal(got.image.width, got.image.height);
    pixels_drop_alpha(&pixels);
    buf_clear(&file);
    make_jpeg(&pixels, &file);
    pixels_free(&pixels);
    render(RENDER_OK);
    assert_in_range(got.image.bytes.len, 1, RENDER_BYTES_MAX);
    assert_false(got.image.png);
}

static void gigabytes_that_are_only_claimed(void **state)
{
    (void)state;
    make_png_bomb(100000, &file);
    render(RENDER_TOO_LARGE);
    buf_clear(&file);
    make_png_bomb(7000, &file); /* 49 megapixels of 8 bytes: allowed, but not within the budget */
    render(RENDER_TOO_LARGE);
    buf_clear(&file);
    make_png_bomb(16, &file);
    render(RENDER_BROKEN);
}

static void a_bomb_that_really_inflates(void **state)
{
    struct pixels pixels = make_pixels(4000, 4000, 1);
    (void)state;
    memset(pixels.data, 0, 16000000);
    make_png(&pixels, &file);
    pixels_free(&pixels);
    assert_in_range(file.len, 1, 40000);
    memcpy(file.data + 16, "\0\0\x01\0", 4); /* an IHDR of 256 pixels: the data is longer */
    budget = 8u << 20;
    render(RENDER_TOO_LARGE);
}

static void damaged_bytes_never_do_harm(void **state)
{
    struct pixels pixels = make_pixels(48, 32, 3);
    struct buf whole[4];
    (void)state;
    for (int i = 0; i < 4; i++) {
        buf_init(&whole[i]);
    }
    make_jpeg(&pixels, &whole[0]);
    make_png(&pixels, &whole[1]);
    make_gif(&whole[2]);
    make_bmp(16, 16, 0, &whole[3]);
    pixels_free(&pixels);
    for (int i = 0; i < 4; i++) {
        for (size_t at = 0; at < whole[i].len; at += 1 + whole[i].len / 300) {
            struct rendering out;
            buf_clear(&file);
            buf_append(&file, whole[i].data, whole[i].len);
            file.data[at] = (char)~file.data[at];
            (void)!render_image(buf_span(&file), &out); /* anything but a crash or a leak */
            render_finish(&out);
            assert_int_equal(budget_used(), 0);
        }
        buf_finish(&whole[i]);
    }
}

/* stb_image 2.27 decodes with tables that are not there. */
static void tables_that_are_never_defined(void **state)
{
    struct pixels pixels = make_pixels(64, 64, 3);
    struct buf whole;
    (void)state;
    noise(&pixels);
    buf_init(&whole);
    make_jpeg(&pixels, &whole);
    pixels_free(&pixels);
    for (size_t at = 2; (uint8_t)whole.data[at + 1] != 0xda;) {
        size_t length =
            2 + ((size_t)(uint8_t)whole.data[at + 2] << 8) + (uint8_t)whole.data[at + 3];
        struct rendering out;
        buf_clear(&file);
        buf_append(&file, whole.data, at);
        buf_append(&file, whole.data + at + length, whole.len - at - length);
        (void)!render_image(buf_span(&file), &out);
        render_finish(&out);
        at += length;
    }
    buf_finish(&whole);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(every_kind),
        TEST(grey),
        TEST(large_ones_are_shrunk),
        TEST(upright_in_all_eight_orientations),
        TEST(an_orientation_that_does_not_exist),
        TEST(metadata_is_gone),
        TEST(png_only_where_something_is_transparent),
        TEST(never_more_bytes_than_allowed),
        TEST(gigabytes_that_are_only_claimed),
        TEST(a_bomb_that_really_inflates),
        TEST(damaged_bytes_never_do_harm),
        TEST(tables_that_are_never_defined),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
