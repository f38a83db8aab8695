/* Messages in two parts: what a receiver's parser makes of them, with and without compression. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "net/parts.h"
#include "ws/frame.h"
#include "ws/handshake.h"

/* What was received: one message. */
struct got {
    unsigned count;
    enum ws_opcode opcode;
    size_t len;
    uint8_t data[300000];
};

static int on_message(void *arg, enum ws_opcode opcode, uint8_t *data, size_t len)
{
    struct got *got = arg;
    got->count++;
    got->opcode = opcode;
    got->len = len;
    assert_true(len <= sizeof got->data);
    memcpy(got->data, data, len);
    return 0;
}

static int on_control(void *arg, const uint8_t *data, size_t len)
{
    (void)arg, (void)data, (void)len;
    fail();
    return 0;
}

static int on_close(void *arg, uint16_t code, const char *reason, size_t len)
{
    (void)arg, (void)code, (void)reason, (void)len;
    fail();
    return 0;
}

/* The frame as a client would have sent it: the parser is a server's, so the mask bit is put in. */
static size_t mask(uint8_t *out, const uint8_t *in, size_t len)
{
    unsigned short_len = in[1];
    size_t head = short_len == 127 ? 10 : short_len == 126 ? 4 : 2;
    memcpy(out, in, head);
    out[1] |= 0x80;
    memset(out + head, 0, 4); /* a mask of zeros changes nothing */
    memcpy(out + head + 4, in + head, len - head);
    return len + 4;
}

static void check(struct ws_deflater *deflater, struct span head, struct span rest)
{
    static const struct ws_events events = {on_message, on_control, on_control, on_close};
    struct got *got = calloc(1, sizeof *got);
    struct ws_limits limits = {.max_message = sizeof got->data, .inflater = ws_inflater_create()};
    struct ws_parser parser;
    struct frame *second = parts_rest(deflater, rest);
    assert_non_null(second);
    struct frame *first = parts_head(head, second, deflater != NULL);
    assert_non_null(first);
    size_t len = first->len + second->len;
    uint8_t *wire = malloc(len + 4);
    uint8_t *masked = malloc(len + 4);
    memcpy(wire, first->bytes, first->len);
    memcpy(wire + first->len, second->bytes, second->len);
    len = mask(masked, wire, len);
    ws_parser_init(&parser, &limits, deflater != NULL);
    assert_int_equal(ws_parser_feed(&parser, masked, len, &events, got), 0);
    assert_int_equal(got->count, 1);
    assert_int_equal(got->opcode, WS_OP_TEXT);
    assert_int_equal(got->len, head.n + rest.n);
    assert_memory_equal(got->data, head.p, head.n);
    assert_memory_equal(got->data + head.n, rest.p, rest.n);
    ws_parser_finish(&parser);
    ws_inflater_destroy(limits.inflater);
    frame_unref(first);
    frame_unref(second);
    free(wire);
    free(masked);
    free(got);
}

static void test_parts(void **state)
{
    (void)state;
    static const size_t rests[] = {0, 1, 255, 256, 4000, 65535, 65536, 200000};
    static const size_t heads[] = {0, 1, 60, 126, 65535};
    struct ws_deflater *deflater = ws_deflater_create();
    char *text = malloc(200000);
    char *noise = malloc(200000); /* printable, and hard to compress */
    uint32_t seed = 1;
    for (size_t i = 0; i < 200000; i++) {
        text[i] = "the same over and over "[i % 23];
        seed = seed * 1664525 + 1013904223;
        noise[i] = (char)(' ' + (seed >> 16) % 95);
    }
    for (size_t i = 0; i < sizeof rests / sizeof *rests; i++) {
        for (size_t j = 0; j < sizeof heads / sizeof *heads; j++) {
            struct span head = {noise, heads[j]};
            check(NULL, head, (struct span){text, rests[i]});
            check(deflater, head, (struct span){text, rests[i]});
            check(deflater, head, (struct span){noise, rests[i]});
        }
    }
    free(text);
    free(noise);
    ws_deflater_destroy(deflater);
}

static void test_compressed(void **state)
{
    (void)state;
    char text[4096];
    memset(text, 'x', sizeof text);
    struct ws_deflater *deflater = ws_deflater_create();
    struct frame *rest = parts_rest(deflater, (struct span){text, sizeof text});
    assert_true(rest->len < 100);
    frame_unref(rest);
    ws_deflater_destroy(deflater);
}

static void test_head_too_long(void **state)
{
    (void)state;
    char *text = calloc(1, PARTS_HEAD_MAX + 1);
    struct frame *rest = parts_rest(NULL, span_of("x"));
    assert_null(parts_head((struct span){text, PARTS_HEAD_MAX + 1}, rest, false));
    frame_unref(rest);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parts),
        cmocka_unit_test(test_compressed),
        cmocka_unit_test(test_head_too_long),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
