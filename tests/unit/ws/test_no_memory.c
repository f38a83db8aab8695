/*
 * Out of memory in the codec: each allocation of a scenario fails once. It costs one connection
 * or message, and leaks nothing (a sanitizer sees it). The sources are compiled in, so that their
 * allocations can be made to fail.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "unit/ws/wire.h"

static int left = -1; /* allocations that succeed before one fails; negative: none fails */

static bool fails(void)
{
    return left >= 0 && left-- == 0;
}

static void *failing_malloc(size_t size)
{
    return fails() ? NULL : malloc(size);
}

static void *failing_calloc(size_t count, size_t size)
{
    return fails() ? NULL : calloc(count, size);
}

static void *failing_realloc(void *old, size_t size)
{
    return fails() ? NULL : realloc(old, size);
}

#define malloc failing_malloc
#define calloc failing_calloc
#define realloc failing_realloc
#include "../../../src/ws/deflate.c"
#include "../../../src/ws/frame.c"
#undef malloc
#undef calloc
#undef realloc

/* Feeds byte by byte, the fail_at-th allocation failing; returns how it ended. */
static int feed_failing(const struct wire *bytes, int fail_at, struct record *record)
{
    left = -1;
    struct ws_limits limits = {.max_message = 100000, .inflater = ws_inflater_create()};
    assert_non_null(limits.inflater);
    struct ws_parser parser;
    ws_parser_init(&parser, &limits, true);
    left = fail_at;
    int result = 0;
    for (size_t i = 0; result == 0 && i < bytes->len; i++)
        result = wire_feed(&parser, bytes->data + i, 1, record);
    left = -1;
    if (result < 0)
        assert_null(parser.payload);
    ws_parser_finish(&parser);
    ws_inflater_destroy(limits.inflater);
    return result;
}

static void test_parser(void **unused)
{
    (void)unused;
    static char zeros[20000];
    struct ws_deflater *deflater = ws_deflater_create();
    struct wire bytes = {0};
    const uint8_t *packed;
    size_t packed_len;
    assert_non_null(deflater);
    assert_int_equal(ws_deflate(deflater, zeros, sizeof zeros, &packed, &packed_len), 0);
    wire_frame(&bytes, 0x02, zeros, 200);
    wire_frame(&bytes, 0x89, zeros, 100);
    wire_frame(&bytes, 0x80, zeros, 200);
    wire_frame(&bytes, 0x89, zeros, 10);
    wire_frame(&bytes, 0xc2, packed, packed_len);
    int fail_at = 0;
    int result = WS_ERR_NO_MEMORY;
    for (; result == WS_ERR_NO_MEMORY; fail_at++) {
        struct record record = {0};
        result = feed_failing(&bytes, fail_at, &record);
        assert_true(result == WS_ERR_NO_MEMORY || (result == 0 && record.events == 4));
        wire_finish(&record.log);
    }
    assert_true(fail_at > 6); /* payload three times and more, inflater's output three times */
    wire_finish(&bytes);
    ws_deflater_destroy(deflater);
}

static void test_deflater(void **unused)
{
    (void)unused;
    static const char text[] = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    const uint8_t *packed;
    size_t len;
    left = 0;
    assert_null(ws_deflater_create());
    struct ws_deflater *deflater = ws_deflater_create();
    assert_non_null(deflater);
    left = 0;
    assert_int_equal(ws_deflate(deflater, text, 50, &packed, &len), WS_DEFLATE_NO_MEMORY);
    assert_int_equal(ws_deflate(deflater, text, 50, &packed, &len), WS_DEFLATE_OK);
    left = 0; /* growing fails, and what there was is gone, too */
    assert_int_equal(ws_deflate(deflater, text, 60, &packed, &len), WS_DEFLATE_NO_MEMORY);
    assert_int_equal(ws_deflate(deflater, text, 50, &packed, &len), WS_DEFLATE_OK);
    ws_deflater_destroy(deflater);
}

static void test_inflater(void **unused)
{
    (void)unused;
    for (int fail_at = 0; fail_at < 2; fail_at++) {
        left = fail_at;
        assert_null(ws_inflater_create());
    }
    left = -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parser),
        cmocka_unit_test(test_deflater),
        cmocka_unit_test(test_inflater),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
