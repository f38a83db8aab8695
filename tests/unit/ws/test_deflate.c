/* permessage-deflate: whole messages in both directions, and damaged or hostile ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <zlib.h>

#include "ws/deflate.h"

#define TEXT(s) (s), sizeof(s) - 1

static struct ws_deflater *deflater;
static struct ws_inflater *inflater;

/* One whose buffer has not grown. */
static void fresh_inflater(void)
{
    ws_inflater_destroy(inflater);
    inflater = ws_inflater_create();
    assert_non_null(inflater);
}

/* Inflates an exact-size copy, so that a sanitizer sees a read beyond it. */
static int inflate_copy(const void *data, size_t len, size_t max, uint8_t **out, size_t *out_len)
{
    uint8_t *copy = malloc(len ? len : 1);
    assert_non_null(copy);
    memcpy(copy, data, len);
    int result = ws_inflate(inflater, copy, len, max, out, out_len);
    free(copy);
    return result;
}

static void inflates_to(const void *data, size_t len, const void *text, size_t text_len)
{
    uint8_t *out = NULL;
    size_t out_len = 0;
    assert_int_equal(inflate_copy(data, len, 1000, &out, &out_len), WS_DEFLATE_OK);
    assert_int_equal(out_len, text_len);
    assert_non_null(out);
    assert_memory_equal(out, text, text_len);
}

static void is_damaged(const void *data, size_t len)
{
    uint8_t *out;
    size_t out_len;
    assert_int_equal(inflate_copy(data, len, 1000, &out, &out_len), WS_DEFLATE_BAD_DATA);
}

/* A message as other implementations make it: any window, memory level and flush. */
static size_t deflate_with(int level, int bits, int memory, const void *data, size_t len,
                           uint8_t *out, size_t cap)
{
    z_stream stream = {0};
    assert_int_equal(deflateInit2(&stream, level, Z_DEFLATED, -bits, memory, Z_DEFAULT_STRATEGY),
                     Z_OK);
    stream.next_in = (z_const Bytef *)data;
    stream.avail_in = (uInt)len;
    stream.next_out = out;
    stream.avail_out = (uInt)cap;
    assert_int_equal(deflate(&stream, Z_SYNC_FLUSH), Z_OK);
    assert_true(stream.avail_out > 0);
    size_t made = cap - stream.avail_out;
    deflateEnd(&stream);
    assert_memory_equal(out + made - 4, "\x00\x00\xff\xff", 4);
    return made - 4;
}

static size_t korean_json(char *out, size_t cap)
{
    size_t len = 0;
    for (int i = 0; len + 100 < cap; i++)
        len += (size_t)snprintf(out + len, cap - len, "{\"id\":\"s%d\",\"name\":\"학생 %d번\"},", i,
                                i * 7);
    return len;
}

static void fill_noise(uint8_t *out, size_t len)
{
    uint32_t random = 7;
    for (size_t i = 0; i < len; i++) {
        random = random * 1664525u + 1013904223u;
        out[i] = (uint8_t)(random >> 24);
    }
}

static void test_round_trip(void **unused)
{
    (void)unused;
    static char text[200000];
    size_t all = korean_json(text, sizeof text);
    static const size_t lengths[] = {64, 256, 1000, 4096, 4097, 32768, 65536, 65537};
    for (size_t i = 0; i <= sizeof lengths / sizeof *lengths; i++) {
        size_t len = i < sizeof lengths / sizeof *lengths ? lengths[i] : all;
        const uint8_t *packed;
        size_t packed_len;
        uint8_t *out;
        size_t out_len;
        assert_int_equal(ws_deflate(deflater, text, len, &packed, &packed_len), WS_DEFLATE_OK);
        assert_true(packed_len < len);
        assert_int_equal(inflate_copy(packed, packed_len, len, &out, &out_len), WS_DEFLATE_OK);
        assert_int_equal(out_len, len);
        assert_memory_equal(out, text, len);
        assert_int_equal(inflate_copy(packed, packed_len, len - 1, &out, &out_len),
                         WS_DEFLATE_TOO_BIG);
    }
}

/* Nothing is carried over: the same message gives the same bytes, and each can be read alone. */
static void test_no_context_takeover(void **unused)
{
    (void)unused;
    char text[2000];
    uint8_t first[2000];
    size_t len = korean_json(text, sizeof text);
    const uint8_t *packed;
    size_t first_len;
    size_t packed_len;
    assert_int_equal(ws_deflate(deflater, text, len, &packed, &first_len), WS_DEFLATE_OK);
    memcpy(first, packed, first_len);
    assert_int_equal(ws_deflate(deflater, text, len, &packed, &packed_len), WS_DEFLATE_OK);
    assert_int_equal(packed_len, first_len);
    assert_memory_equal(packed, first, first_len);
}

/* Our streams keep to the window that ws_offer_deflate() may have promised. */
static void test_window(void **unused)
{
    (void)unused;
    static char text[100000];
    static uint8_t out[sizeof text];
    const uint8_t *packed;
    size_t packed_len;
    uint32_t random = 1;
    for (size_t i = 0; i < sizeof text; i++) { /* matches 5,000 to 20,000 bytes back: beyond it */
        random = random * 1103515245u + 12345u;
        text[i] = i < 20000 ? (char)(random >> 24) : text[i - 5000 * (1 + i / 1000 % 4)];
    }
    korean_json(text + 50000, 20000);
    assert_int_equal(ws_deflate(deflater, text, sizeof text, &packed, &packed_len), WS_DEFLATE_OK);
    z_stream stream = {0};
    assert_int_equal(inflateInit2(&stream, -WS_DEFLATE_WINDOW_BITS), Z_OK);
    stream.next_in = (z_const Bytef *)packed;
    stream.avail_in = (uInt)packed_len;
    size_t made = 0; /* in small steps: zlib checks distances in what it has written out, too */
    while (stream.avail_in > 0) {
        stream.next_out = out + made;
        stream.avail_out = (uInt)(sizeof out - made < 64 ? sizeof out - made : 64);
        uInt room = stream.avail_out;
        assert_int_equal(inflate(&stream, Z_SYNC_FLUSH), Z_OK);
        made += room - stream.avail_out;
    }
    inflateEnd(&stream);
    assert_int_equal(made, sizeof text);
    assert_memory_equal(out, text, sizeof text);
}

static void test_no_gain(void **unused)
{
    (void)unused;
    const uint8_t *packed;
    size_t packed_len;
    static uint8_t noise[100000];
    fill_noise(noise, sizeof noise);
    assert_int_equal(ws_deflate(deflater, NULL, 0, &packed, &packed_len), WS_DEFLATE_NO_GAIN);
    assert_int_equal(ws_deflate(deflater, "a", 1, &packed, &packed_len), WS_DEFLATE_NO_GAIN);
    assert_int_equal(ws_deflate(deflater, "abcdef", 6, &packed, &packed_len), WS_DEFLATE_NO_GAIN);
    for (size_t len = 10; len <= sizeof noise; len *= 10)
        assert_int_equal(ws_deflate(deflater, noise, len, &packed, &packed_len),
                         WS_DEFLATE_NO_GAIN);
    for (size_t len = 1; len < 1000; len++) { /* noise, then more and more of the same */
        memset(noise + 50, 'x', len);
        int result = ws_deflate(deflater, noise, 50 + len, &packed, &packed_len);
        assert_true(result == WS_DEFLATE_NO_GAIN ||
                    (result == WS_DEFLATE_OK && packed_len < 50 + len));
    }
}

static void test_rfc7692_examples(void **unused)
{
    (void)unused;
    inflates_to(TEXT("\xf2\x48\xcd\xc9\xc9\x07\x00"), TEXT("Hello"));
    inflates_to(TEXT("\x00\x05\x00\xfa\xff\x48\x65\x6c\x6c\x6f\x00"), TEXT("Hello"));
    inflates_to(TEXT("\xf3\x48\xcd\xc9\xc9\x07\x00\x00"), TEXT("Hello"));
    inflates_to(TEXT("\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00"), TEXT("Hello"));
    inflates_to(TEXT("\x00"), TEXT(""));
    is_damaged(TEXT("\xf2\x00\x11\x00\x00")); /* 7.2.3.2, refers to the message before it */
}

/* Streams that end with BFINAL: with more to follow, and without the byte that should follow. */
static void test_final_blocks(void **unused)
{
    (void)unused;
    inflates_to(TEXT("\xf3\x48\xcd\xc9\xc9\x07\x00"), TEXT("Hello"));
    inflates_to(TEXT("\xf3\x48\xcd\xc9\xc9\x07\x00\xf3\x48\xcd\xc9\xc9\x07\x00\x00"),
                TEXT("HelloHello"));
    inflates_to(TEXT("\xf3\x48\xcd\xc9\xc9\x07\x00\xf2\x48\xcd\xc9\xc9\x07\x00"),
                TEXT("HelloHello"));
    inflates_to(TEXT("\x01\x02\x00\xfd\xff"
                     "ok"
                     "\x01\x00\x00\xff\xff\x00"),
                TEXT("ok"));
    is_damaged(TEXT("\xf3\x48\xcd\xc9\xc9\x07\x00\xff"));
    inflates_to(TEXT("\xf3\x48\xcd\xc9\xc9\x07\x00"), TEXT("Hello"));
    is_damaged(TEXT("\xf2\x48\xcd\xc9")); /* nothing of the final block is remembered */
}

static void test_damaged(void **unused)
{
    (void)unused;
    uint8_t packed[2000];
    char text[1000];
    size_t len = korean_json(text, sizeof text);
    size_t packed_len = deflate_with(6, 15, 8, text, len, packed, sizeof packed);
    inflates_to(packed, packed_len, text, len);
    for (size_t cut = 0; cut < packed_len; cut++)
        is_damaged(packed, cut);
    is_damaged(TEXT(""));
    is_damaged(TEXT("\x07"));                 /* block type 3 */
    is_damaged(TEXT("\x00\x05\x00\x00\x00")); /* stored length and its complement differ */
    is_damaged(TEXT("\x04"));                 /* a dynamic block's header, cut off */
}

/* What other implementations send: all windows and memory levels, stored blocks too. */
static void test_other_deflaters(void **unused)
{
    (void)unused;
    static char text[40000];
    static uint8_t packed[80000];
    size_t len = korean_json(text, sizeof text);
    for (int bits = 9; bits <= 15; bits++) {
        for (int memory = 1; memory <= 9; memory += 4) {
            for (int level = 0; level <= 9; level += 3) {
                size_t packed_len =
                    deflate_with(level, bits, memory, text, len, packed, sizeof packed);
                uint8_t *out;
                size_t out_len;
                assert_int_equal(inflate_copy(packed, packed_len, len, &out, &out_len),
                                 WS_DEFLATE_OK);
                assert_int_equal(out_len, len);
                assert_memory_equal(out, text, len);
            }
        }
    }
}

/* A client that uses the whole window of 32 KiB. */
static void test_far_matches(void **unused)
{
    (void)unused;
    static uint8_t text[60000];
    static uint8_t packed[70000];
    uint8_t *out;
    size_t out_len;
    fresh_inflater(); /* its buffer grows in the middle of a message */
    fill_noise(text, 30000);
    memcpy(text + 30000, text, 30000);
    size_t packed_len = deflate_with(9, 15, 9, text, sizeof text, packed, sizeof packed);
    assert_true(packed_len < 35000);
    assert_int_equal(inflate_copy(packed, packed_len, sizeof text, &out, &out_len), WS_DEFLATE_OK);
    assert_int_equal(out_len, sizeof text);
    assert_memory_equal(out, text, sizeof text);
}

/* A few bytes that would become very many: refused at the limit, whatever came before. */
static void test_bomb(void **unused)
{
    (void)unused;
    size_t len = 50u << 20;
    char *zeros = calloc(1, len);
    uint8_t *packed = malloc(100000);
    assert_non_null(zeros);
    assert_non_null(packed);
    size_t packed_len = deflate_with(9, 15, 9, zeros, len, packed, 100000);
    uint8_t *out;
    size_t out_len;
    static const size_t limits[] = {0, 1, 100, 4095, 4096, 4097, 65536, 1 << 20};
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++)
        assert_int_equal(inflate_copy(packed, packed_len, limits[i], &out, &out_len),
                         WS_DEFLATE_TOO_BIG);
    inflates_to(TEXT("\xf2\x48\xcd\xc9\xc9\x07\x00"), TEXT("Hello"));
    free(packed);
    free(zeros);
}

/* Exactly at the limit, for sizes around those that the buffer grows to. */
static void test_limit_is_exact(void **unused)
{
    (void)unused;
    static char zeros[40000];
    uint8_t packed[1000];
    for (size_t len = 1; len < sizeof zeros; len = len * 2 + 1) {
        for (size_t around = len > 2 ? len - 2 : 0; around <= len + 2; around++) {
            size_t packed_len = deflate_with(6, 15, 8, zeros, around, packed, sizeof packed);
            uint8_t *out;
            size_t out_len;
            fresh_inflater();
            if (around > 0)
                assert_int_equal(inflate_copy(packed, packed_len, around - 1, &out, &out_len),
                                 WS_DEFLATE_TOO_BIG);
            assert_int_equal(inflate_copy(packed, packed_len, around, &out, &out_len),
                             WS_DEFLATE_OK);
            assert_int_equal(out_len, around);
        }
    }
}

static void test_destroy_null(void **unused)
{
    (void)unused;
    ws_deflater_destroy(NULL);
    ws_inflater_destroy(NULL);
}

static int before_all(void **unused)
{
    (void)unused;
    deflater = ws_deflater_create();
    inflater = ws_inflater_create();
    return deflater && inflater ? 0 : -1;
}

static int after_all(void **unused)
{
    (void)unused;
    ws_deflater_destroy(deflater);
    ws_inflater_destroy(inflater);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),       cmocka_unit_test(test_no_context_takeover),
        cmocka_unit_test(test_window),           cmocka_unit_test(test_no_gain),
        cmocka_unit_test(test_rfc7692_examples), cmocka_unit_test(test_final_blocks),
        cmocka_unit_test(test_damaged),          cmocka_unit_test(test_other_deflaters),
        cmocka_unit_test(test_far_matches),      cmocka_unit_test(test_bomb),
        cmocka_unit_test(test_limit_is_exact),   cmocka_unit_test(test_destroy_null),
    };
    return cmocka_run_group_tests(tests, before_all, after_all);
}
