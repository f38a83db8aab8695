/* Shrinking, turning, transparency, and the budget that all of it is paid from. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "files.h"

static int set_up(void **state)
{
    (void)state;
    budget_set(64u << 20);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    assert_int_equal(budget_used(), 0);
    return 0;
}

static struct pixels pixels_of(const char *letters, uint32_t width, uint32_t height)
{
    struct pixels pixels = {.width = width, .height = height, .channels = 1};
    pixels.data = budget_malloc(width * height);
    memcpy(pixels.data, letters, width * height);
    return pixels;
}

/* Exif 2.3: where row 0 and column 0 of the stored picture are in the upright one. */
static void all_orientations(void **state)
{
    static const struct {
        const char *letters;
        uint32_t width, height;
    } upright[9] = {
        [1] = {"abcdef", 3, 2}, [2] = {"cbafed", 3, 2}, [3] = {"fedcba", 3, 2},
        [4] = {"defabc", 3, 2}, [5] = {"adbecf", 2, 3}, [6] = {"daebfc", 2, 3},
        [7] = {"fcebda", 2, 3}, [8] = {"cfbead", 2, 3},
    };
    (void)state;
    for (int i = 1; i <= 8; i++) {
        struct pixels pixels = pixels_of("abcdef", 3, 2);
        assert_true(pixels_turn(&pixels, i));
        assert_int_equal(pixels.width, upright[i].width);
        assert_int_equal(pixels.height, upright[i].height);
        assert_memory_equal(pixels.data, upright[i].letters, 6);
        pixels_free(&pixels);
    }
}

static void turning_keeps_channels_together(void **state)
{
    struct pixels pixels = {.width = 2, .height = 1, .channels = 3};
    (void)state;
    pixels.data = budget_malloc(6);
    memcpy(pixels.data, "rgbRGB", 6);
    assert_true(pixels_turn(&pixels, 8));
    assert_memory_equal(pixels.data, "RGBrgb", 6);
    pixels_free(&pixels);
}

static void sizes_after_shrinking(void **state)
{
    static const struct {
        uint32_t width, height, edge, to_width, to_height;
    } cases[] = {
        {100, 50, 100, 100, 50},   {100, 50, 200, 100, 50}, {100, 50, 50, 50, 25},
        {101, 50, 50, 50, 25},     {50, 99, 50, 25, 50},    {1000, 1, 50, 50, 1},
        {1, 1000, 50, 1, 50},      {1000, 3, 50, 50, 1},    {640, 480, 320, 320, 240},
        {999, 666, 320, 320, 213},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct pixels in = make_pixels(cases[i].width, cases[i].height, 3), out;
        assert_true(pixels_shrink(&in, cases[i].edge, &out));
        assert_int_equal(out.width, cases[i].to_width);
        assert_int_equal(out.height, cases[i].to_height);
        pixels_free(&in);
        pixels_free(&out);
    }
}

static void a_gradient_stays_one(void **state)
{
    struct pixels in = make_pixels(1000, 700, 3), out;
    (void)state;
    assert_true(pixels_shrink(&in, 90, &out)); /* by blocks of 11, then by the filter */
    for (uint32_t y = 0; y < out.height; y++) {
        for (uint32_t x = 0; x < out.width; x++) {
            const uint8_t *p = out.data + (y * out.width + x) * 3;
            assert_in_range(p[0] + 4, x * 255 / (out.width - 1), x * 255 / (out.width - 1) + 8);
            assert_in_range(p[1] + 5, y * 255 / (out.height - 1), y * 255 / (out.height - 1) + 10);
            assert_int_equal(p[2], 60);
        }
    }
    pixels_free(&in);
    pixels_free(&out);
}

/* White that nobody sees does not lighten the black beside it. */
static void transparent_colours_do_not_bleed(void **state)
{
    (void)state;
    for (uint32_t edge = 10; edge <= 30; edge += 20) { /* by blocks; by the filter */
        struct pixels in = make_pixels(40, 40, 4), out;
        for (size_t i = 0; i < 1600; i++) {
            bool visible = i / 40 % 2 == 0;
            memset(in.data + i * 4, visible ? 0 : 255, 3);
            in.data[i * 4 + 3] = visible ? 255 : 0;
        }
        assert_true(pixels_shrink(&in, edge, &out));
        for (size_t i = 0; i < (size_t)out.width * out.height; i++) {
            if (out.data[i * 4 + 3] > 0) {
                assert_in_range(out.data[i * 4], 0, 1);
            }
        }
        pixels_free(&in);
        pixels_free(&out);
    }
}

static void transparency(void **state)
{
    struct pixels pixels = make_pixels(3, 3, 4);
    (void)state;
    assert_false(pixels_transparent(&pixels));
    pixels.data[35] = 254;
    assert_true(pixels_transparent(&pixels));
    pixels_drop_alpha(&pixels);
    assert_int_equal(pixels.channels, 3);
    assert_false(pixels_transparent(&pixels));
    assert_memory_equal(pixels.data + 24, "\xff\xff\x3c", 3); /* the last one, with its colours */
    pixels_free(&pixels);
}

static void no_more_than_the_budget(void **state)
{
    struct pixels in = make_pixels(100, 100, 3), out;
    (void)state;
    budget_set(budget_used() + 29999);
    assert_false(pixels_shrink(&in, 100, &out));
    assert_true(budget_exceeded());
    assert_false(pixels_turn(&in, 6));
    assert_non_null(in.data);
    budget_set(budget_used() + 30000);
    assert_false(budget_exceeded());
    assert_true(pixels_shrink(&in, 100, &out));
    pixels_free(&out);
    pixels_free(&in);
}

static void budget_counts_what_is_held(void **state)
{
    (void)state;
    budget_set(1000);
    char *p = budget_malloc(600);
    memset(p, 7, 600);
    assert_null(budget_malloc(401));
    assert_null(budget_malloc(SIZE_MAX));
    p = budget_realloc(p, 1000);
    assert_non_null(p);
    assert_int_equal(p[599], 7);
    assert_null(budget_realloc(p, 1001)); /* p stays */
    assert_int_equal(budget_used(), 1000);
    p = budget_realloc(p, 10);
    assert_int_equal(budget_used(), 10);
    budget_free(p);
    budget_free(NULL);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(all_orientations),
        TEST(turning_keeps_channels_together),
        TEST(sizes_after_shrinking),
        TEST(a_gradient_stays_one),
        TEST(transparent_colours_do_not_bleed),
        TEST(transparency),
        TEST(no_more_than_the_budget),
        TEST(budget_counts_what_is_held),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
