/*
 * The frame parser and encoders. Every stream of bytes is fed whole, byte by byte and at random
 * cuts, and must lead to the same events and the same end.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "unit/ws/wire.h"
#include "ws/deflate.h"

#define RANDOM_RUNS 40
#define TEXT(s) (s), sizeof(s) - 1

static struct ws_limits limits; /* max_message is set anew for each test */
static uint32_t seed;

static uint32_t next_random(void)
{
    seed = seed * 1664525u + 1013904223u;
    return seed >> 8;
}

/* One stream of bytes and what it should lead to. */
struct stream {
    struct wire bytes;
    struct record want;
    bool deflate;
};

static void stream_finish(struct stream *stream)
{
    wire_finish(&stream->bytes);
    wire_finish(&stream->want.log);
}

static void frame(struct stream *stream, unsigned first, const void *payload, size_t len)
{
    wire_frame(&stream->bytes, first, payload, len);
}

static void raw(struct stream *stream, const void *data, size_t len)
{
    wire_put(&stream->bytes, data, len);
}

static void want(struct stream *stream, char kind, unsigned code, const void *data, size_t len)
{
    record_put(&stream->want, kind, code, data, len);
}

static void assert_same(const struct stream *stream, const struct record *got, int result,
                        int want_result)
{
    if (result != want_result)
        fail_msg("result %d (%s), not %d", result, ws_error_text(result), want_result);
    assert_int_equal(got->log.len, stream->want.log.len);
    if (got->log.len > 0)
        assert_memory_equal(got->log.data, stream->want.log.data, got->log.len);
}

/* Feeds in pieces of 1 to max_piece bytes, random unless it is 1, up to the end or an error. */
static void run(const struct stream *stream, size_t max_piece, int want_result)
{
    struct ws_parser parser;
    struct record got = {.stop_at = stream->want.stop_at};
    int result = 0;
    ws_parser_init(&parser, &limits, stream->deflate);
    for (size_t at = 0; result == 0 && at < stream->bytes.len;) {
        size_t piece = 1 + (max_piece > 1 ? next_random() % max_piece : 0);
        if (piece > stream->bytes.len - at)
            piece = stream->bytes.len - at;
        result = wire_feed(&parser, stream->bytes.data + at, piece, &got);
        at += piece;
    }
    assert_same(stream, &got, result, want_result);
    if (result < 0) { /* an error stays, and keeps nothing */
        uint8_t byte = 0;
        assert_null(parser.payload);
        assert_int_equal(ws_parser_feed(&parser, &byte, 1, &record_events, &got), result);
    }
    ws_parser_finish(&parser);
    wire_finish(&got.log);
}

static void run_whole(const struct stream *stream, int want_result)
{
    struct ws_parser parser;
    struct record got = {.stop_at = stream->want.stop_at};
    ws_parser_init(&parser, &limits, stream->deflate);
    int result = wire_feed(&parser, stream->bytes.data, stream->bytes.len, &got);
    assert_same(stream, &got, result, want_result);
    ws_parser_finish(&parser);
    wire_finish(&got.log);
}

/* Runs the stream in every manner, then frees it. */
static void check(struct stream *stream, int want_result)
{
    run_whole(stream, want_result);
    run(stream, 1, want_result);
    for (int i = 0; i < RANDOM_RUNS; i++)
        run(stream, 2 + next_random() % (stream->bytes.len + 2), want_result);
    stream_finish(stream);
}

/* A stream that is refused from its first frame on. */
static void refused(const void *data, size_t len, int want_result)
{
    struct stream stream = {0};
    raw(&stream, data, len);
    check(&stream, want_result);
}

/* Exact bytes, exact message. */
static void accepted(bool deflate, const void *data, size_t len, char kind, unsigned code,
                     const void *payload, size_t payload_len)
{
    struct stream stream = {.deflate = deflate};
    raw(&stream, data, len);
    want(&stream, kind, code, payload, payload_len);
    check(&stream, 0);
}

/* ---- RFC 6455 5.7 */

static void test_rfc6455_masked_examples(void **unused)
{
    (void)unused;
    accepted(false, TEXT("\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"), 'm', WS_OP_TEXT,
             TEXT("Hello"));
    accepted(false, TEXT("\x8a\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"), 'q', 0, TEXT("Hello"));
}

/* The examples that a server sends: refused when a client sends them, and made by our encoder. */
static void test_rfc6455_unmasked_examples(void **unused)
{
    (void)unused;
    refused(TEXT("\x81\x05Hello"), WS_ERR_UNMASKED);
    refused(TEXT("\x01\x03Hel"), WS_ERR_UNMASKED);
    refused(TEXT("\x89\x05Hello"), WS_ERR_UNMASKED);

    static const struct {
        unsigned flags;
        enum ws_opcode opcode;
        uint64_t len;
        const char *header;
        size_t size;
    } examples[] = {
        {WS_FIN, WS_OP_TEXT, 5, "\x81\x05", 2},
        {0, WS_OP_TEXT, 3, "\x01\x03", 2},
        {WS_FIN, WS_OP_CONTINUATION, 2, "\x80\x02", 2},
        {WS_FIN, WS_OP_PING, 5, "\x89\x05", 2},
        {WS_FIN, WS_OP_BINARY, 256, "\x82\x7e\x01\x00", 4},
        {WS_FIN, WS_OP_BINARY, 65536, "\x82\x7f\0\0\0\0\0\x01\0\0", 10},
        {WS_FIN | WS_RSV1, WS_OP_TEXT, 0, "\xc1\x00", 2},
        {WS_FIN, WS_OP_CLOSE, 125, "\x88\x7d", 2},
        {WS_FIN, WS_OP_TEXT, 126, "\x81\x7e\x00\x7e", 4},
        {WS_FIN, WS_OP_TEXT, 65535, "\x81\x7e\xff\xff", 4},
        {WS_FIN, WS_OP_TEXT, INT64_MAX, "\x81\x7f\x7f\xff\xff\xff\xff\xff\xff\xff", 10},
    };
    for (size_t i = 0; i < sizeof examples / sizeof *examples; i++) {
        uint8_t header[WS_FRAME_HEADER_MAX];
        size_t size =
            ws_frame_header(header, examples[i].flags, examples[i].opcode, examples[i].len);
        assert_int_equal(size, examples[i].size);
        assert_memory_equal(header, examples[i].header, size);
    }
}

static void test_rfc6455_lengths(void **unused)
{
    (void)unused;
    static const size_t lengths[] = {0,   1,   7,   8,   9,     124,   125,
                                     126, 127, 128, 256, 65535, 65536, 70000};
    uint8_t *payload = malloc(70000);
    assert_non_null(payload);
    for (size_t i = 0; i < 70000; i++)
        payload[i] = (uint8_t)(i * 7 + i / 256);
    limits.max_message = 70000;
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        struct stream stream = {0};
        frame(&stream, 0x82, payload, lengths[i]);
        want(&stream, 'm', WS_OP_BINARY, payload, lengths[i]);
        frame(&stream, 0x81, TEXT("next")); /* the parser is in step afterwards */
        want(&stream, 'm', WS_OP_TEXT, TEXT("next"));
        check(&stream, 0);
    }
    free(payload);
}

/* ---- headers */

static void test_reserved_bits(void **unused)
{
    (void)unused;
    static const uint8_t firsts[] = {0xc1, 0xa1, 0x91, 0xf1, 0xc2, 0xc8, 0xc9, 0xaa, 0x9a, 0x41};
    for (size_t i = 0; i < sizeof firsts; i++) {
        struct stream stream = {0};
        frame(&stream, firsts[i], TEXT("x"));
        check(&stream, WS_ERR_RSV);
    }
}

/* With permessage-deflate, RSV1 is for the first frame of a data message and nothing else. */
static void test_rsv1_with_deflate(void **unused)
{
    (void)unused;
    static const uint8_t firsts[] = {0xa1, 0x91, 0xe1, 0xd1, 0xc8, 0xc9, 0xca, 0xa9, 0x9a};
    for (size_t i = 0; i < sizeof firsts; i++) {
        struct stream stream = {.deflate = true};
        frame(&stream, firsts[i], TEXT("x"));
        check(&stream, WS_ERR_RSV);
    }
    struct stream continued = {.deflate = true};
    frame(&continued, 0x41, TEXT("\xf2\x48\xcd"));
    frame(&continued, 0xc0, TEXT("\xc9\xc9\x07\x00"));
    check(&continued, WS_ERR_RSV);
    struct stream late = {.deflate = true};
    frame(&late, 0x01, TEXT("a"));
    frame(&late, 0xc0, TEXT("b"));
    check(&late, WS_ERR_RSV);
}

static void test_reserved_opcodes(void **unused)
{
    (void)unused;
    for (unsigned opcode = 0; opcode < 16; opcode++) {
        if (opcode <= 2 || (opcode >= 8 && opcode <= 10))
            continue;
        for (unsigned fin = 0; fin <= 0x80; fin += 0x80) {
            struct stream stream = {0};
            frame(&stream, fin | opcode, TEXT("x"));
            check(&stream, WS_ERR_OPCODE);
        }
    }
}

static void test_unmasked(void **unused)
{
    (void)unused;
    refused(TEXT("\x82\x00"), WS_ERR_UNMASKED);
    refused(TEXT("\x88\x00"), WS_ERR_UNMASKED);
    refused(TEXT("\x8a\x00"), WS_ERR_UNMASKED);
    refused(TEXT("\x82\x7e\x01\x00"), WS_ERR_UNMASKED);
}

static void test_lengths_not_shortest(void **unused)
{
    (void)unused;
    refused(TEXT("\x81\xfe\x00\x00"), WS_ERR_LENGTH);
    refused(TEXT("\x81\xfe\x00\x7d"), WS_ERR_LENGTH);
    refused(TEXT("\x82\xff\0\0\0\0\0\0\0\0"), WS_ERR_LENGTH);
    refused(TEXT("\x82\xff\0\0\0\0\0\0\0\x7d"), WS_ERR_LENGTH);
    refused(TEXT("\x82\xff\0\0\0\0\0\0\xff\xff"), WS_ERR_LENGTH);
}

static void test_length_above_63_bits(void **unused)
{
    (void)unused;
    refused(TEXT("\x82\xff\x80\0\0\0\0\0\0\0"), WS_ERR_LENGTH);
    refused(TEXT("\x82\xff\xff\xff\xff\xff\xff\xff\xff\xff"), WS_ERR_LENGTH);
}

static void test_continuation_rules(void **unused)
{
    (void)unused;
    struct stream stream = {0};
    frame(&stream, 0x80, TEXT("x"));
    check(&stream, WS_ERR_CONTINUATION);
    stream = (struct stream){0};
    frame(&stream, 0x00, TEXT(""));
    check(&stream, WS_ERR_CONTINUATION);
    stream = (struct stream){0}; /* after a message has ended */
    frame(&stream, 0x81, TEXT("one"));
    want(&stream, 'm', WS_OP_TEXT, TEXT("one"));
    frame(&stream, 0x80, TEXT("x"));
    check(&stream, WS_ERR_CONTINUATION);
    stream = (struct stream){0};
    frame(&stream, 0x01, TEXT("one"));
    frame(&stream, 0x80, TEXT("two"));
    want(&stream, 'm', WS_OP_TEXT, TEXT("onetwo"));
    frame(&stream, 0x80, TEXT("x"));
    check(&stream, WS_ERR_CONTINUATION);
    for (unsigned first = 1; first <= 0x82; first += first == 1 ? 1 : 0x7f) {
        stream = (struct stream){0}; /* 0x01, 0x02, 0x81: a new message inside */
        frame(&stream, 0x02, TEXT(""));
        frame(&stream, first, TEXT("x"));
        check(&stream, WS_ERR_INTERLEAVED);
    }
}

static void test_fragments(void **unused)
{
    (void)unused;
    struct stream stream = {0};
    frame(&stream, 0x01, TEXT("Hel"));
    frame(&stream, 0x80, TEXT("lo"));
    want(&stream, 'm', WS_OP_TEXT, TEXT("Hello"));
    frame(&stream, 0x02, TEXT(""));
    frame(&stream, 0x00, TEXT(""));
    frame(&stream, 0x00, TEXT("a"));
    frame(&stream, 0x00, TEXT(""));
    frame(&stream, 0x00, TEXT("bc"));
    frame(&stream, 0x80, TEXT(""));
    want(&stream, 'm', WS_OP_BINARY, TEXT("abc"));
    frame(&stream, 0x01, TEXT(""));
    frame(&stream, 0x80, TEXT(""));
    want(&stream, 'm', WS_OP_TEXT, TEXT(""));
    frame(&stream, 0x01, TEXT(""));
    frame(&stream, 0x80, TEXT("whole in the last"));
    want(&stream, 'm', WS_OP_TEXT, TEXT("whole in the last"));
    frame(&stream, 0x82, TEXT(""));
    want(&stream, 'm', WS_OP_BINARY, TEXT(""));
    check(&stream, 0);
}

/* ---- control frames */

static void test_control_frames_between_fragments(void **unused)
{
    (void)unused;
    char longest[WS_CONTROL_MAX];
    memset(longest, 'p', sizeof longest);
    struct stream stream = {0};
    frame(&stream, 0x89, TEXT(""));
    want(&stream, 'p', 0, TEXT(""));
    frame(&stream, 0x01, TEXT("안"));
    frame(&stream, 0x89, longest, sizeof longest);
    want(&stream, 'p', 0, longest, sizeof longest);
    frame(&stream, 0x00, TEXT("\xeb\x85"));
    frame(&stream, 0x8a, TEXT("\xff\xfe")); /* not text: any bytes */
    want(&stream, 'q', 0, TEXT("\xff\xfe"));
    frame(&stream, 0x8a, TEXT(""));
    want(&stream, 'q', 0, TEXT(""));
    frame(&stream, 0x80, TEXT("\x95!"));
    want(&stream, 'm', WS_OP_TEXT, TEXT("안녕!"));
    frame(&stream, 0x02, TEXT("half"));
    frame(&stream, 0x88,
          TEXT("\x03\xe8"
               "bye"));
    want(&stream, 'c', 1000, TEXT("bye"));
    check(&stream, 0);
}

static void test_control_fragmented(void **unused)
{
    (void)unused;
    static const uint8_t firsts[] = {0x08, 0x09, 0x0a};
    for (size_t i = 0; i < sizeof firsts; i++) {
        struct stream stream = {0};
        frame(&stream, firsts[i], TEXT("x"));
        check(&stream, WS_ERR_CONTROL_FRAGMENTED);
    }
}

static void test_control_too_long(void **unused)
{
    (void)unused;
    char payload[200] = {0};
    static const uint8_t firsts[] = {0x88, 0x89, 0x8a};
    for (size_t i = 0; i < sizeof firsts; i++) {
        struct stream stream = {0};
        frame(&stream, firsts[i], payload, 126);
        check(&stream, WS_ERR_CONTROL_LENGTH);
        const uint8_t longer[] = {firsts[i], 0xff};
        refused(longer, sizeof longer, WS_ERR_CONTROL_LENGTH);
    }
}

static void test_close(void **unused)
{
    (void)unused;
    struct stream stream = {0};
    frame(&stream, 0x88, TEXT(""));
    want(&stream, 'c', WS_CLOSE_NO_CODE, TEXT(""));
    frame(&stream, 0x81, TEXT("ignored"));
    raw(&stream, TEXT("\xff\xff\xff not even a frame"));
    check(&stream, 0);
    stream = (struct stream){0};
    frame(&stream, 0x88, TEXT("\x0f\xa0수업 끝"));
    want(&stream, 'c', 4000, TEXT("수업 끝"));
    check(&stream, 0);
    stream = (struct stream){0};
    frame(&stream, 0x88, TEXT("\x03"));
    check(&stream, WS_ERR_CLOSE_LENGTH);
    stream = (struct stream){0};
    frame(&stream, 0x88, TEXT("\x03\xe8\xed\xa0\x80"));
    check(&stream, WS_ERR_UTF8);
    stream = (struct stream){0};
    frame(&stream, 0x88, TEXT("\x03\xe8\xec\x95")); /* cut off inside a code point */
    check(&stream, WS_ERR_UTF8);
}

static void test_close_codes(void **unused)
{
    (void)unused;
    for (unsigned code = 0; code <= 0xFFFF; code++) {
        bool valid = (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) ||
                     (code >= 3000 && code <= 4999);
        assert_int_equal(ws_close_code_valid(code), valid);
    }
    static const unsigned codes[] = {0,    999,  1000, 1003, 1004, 1005, 1006, 1007, 1011, 1014,
                                     1015, 1016, 1100, 2000, 2999, 3000, 4999, 5000, 65535};
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
        struct stream stream = {0};
        const uint8_t payload[] = {(uint8_t)(codes[i] >> 8), (uint8_t)codes[i]};
        frame(&stream, 0x88, payload, sizeof payload);
        if (ws_close_code_valid(codes[i]))
            want(&stream, 'c', codes[i], "", 0);
        check(&stream, ws_close_code_valid(codes[i]) ? 0 : WS_ERR_CLOSE_CODE);
    }
}

static void test_close_payload(void **unused)
{
    (void)unused;
    uint8_t out[WS_CONTROL_MAX];
    char reason[200];
    assert_int_equal(ws_close_payload(out, 4000, TEXT("ended")), 7);
    assert_memory_equal(out,
                        "\x0f\xa0"
                        "ended",
                        7);
    assert_int_equal(ws_close_payload(out, 1001, NULL, 0), 2);
    assert_memory_equal(out, "\x03\xe9", 2);
    assert_int_equal(ws_close_payload(out, WS_CLOSE_NO_CODE, TEXT("lost")), 0);
    memset(reason, 'r', sizeof reason);
    assert_int_equal(ws_close_payload(out, 1000, reason, 123), 125);
    assert_int_equal(ws_close_payload(out, 1000, reason, sizeof reason), 125);
    memcpy(reason + 121, "끝", 3); /* two of its bytes would fit */
    assert_int_equal(ws_close_payload(out, 1000, reason, sizeof reason), 123);
    memcpy(reason + 120, "끝", 3);
    assert_int_equal(ws_close_payload(out, 1000, reason, 123), 125);
    assert_true(utf8_valid(out + 2, 123));
}

/* ---- text */

static void test_text_across_frames(void **unused)
{
    (void)unused;
    static const char text[] = "a\xc3\xa9\xec\x95\x88\xf0\x9f\x98\x80z";
    size_t len = sizeof text - 1;
    for (size_t cut = 0; cut <= len; cut++) {
        struct stream stream = {0};
        frame(&stream, 0x01, text, cut);
        frame(&stream, 0x80, text + cut, len - cut);
        want(&stream, 'm', WS_OP_TEXT, text, len);
        check(&stream, 0);
    }
    struct stream stream = {0};
    for (size_t i = 0; i < len; i++)
        frame(&stream, i == 0 ? 0x01 : 0x00, text + i, 1);
    frame(&stream, 0x80, "", 0);
    want(&stream, 'm', WS_OP_TEXT, text, len);
    check(&stream, 0);
}

static void test_bad_text(void **unused)
{
    (void)unused;
    static const char *const bad[] = {"\x80",
                                      "\xc0\xaf",
                                      "\xed\xa0\x80",
                                      "\xf4\x90\x80\x80",
                                      "\xec\x95",
                                      "abcdefgh\xff",
                                      "\xec\x95\x88\xf0\x9f\x98"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        size_t len = strlen(bad[i]);
        struct stream stream = {0};
        frame(&stream, 0x81, bad[i], len);
        check(&stream, WS_ERR_UTF8);
        stream = (struct stream){0}; /* binary may be anything */
        frame(&stream, 0x82, bad[i], len);
        want(&stream, 'm', WS_OP_BINARY, bad[i], len);
        check(&stream, 0);
        stream = (struct stream){0}; /* cut between two fragments */
        frame(&stream, 0x01, bad[i], len / 2);
        frame(&stream, 0x80, bad[i] + len / 2, len - len / 2);
        check(&stream, WS_ERR_UTF8);
    }
}

/* Bad text ends the connection when it arrives, not when its frame or message would be complete. */
static void test_bad_text_at_once(void **unused)
{
    (void)unused;
    struct stream stream = {0};
    frame(&stream, 0x01, TEXT("\xec\x95\x88\xed"));
    frame(&stream, 0x00, TEXT("\xa0, and much that never comes"));
    stream.bytes.len -= strlen(", and much that never comes");
    check(&stream, WS_ERR_UTF8);
    stream = (struct stream){0};
    frame(&stream, 0x81, TEXT("ab\xf4\x90"));
    stream.bytes.data[1] = 0x80 | 100; /* announced longer than what has come */
    check(&stream, WS_ERR_UTF8);
}

/* ---- size */

static void test_size_limit(void **unused)
{
    (void)unused;
    char payload[300];
    memset(payload, 'x', sizeof payload);
    limits.max_message = 200;
    struct stream stream = {0};
    frame(&stream, 0x81, payload, 200);
    want(&stream, 'm', WS_OP_TEXT, payload, 200);
    frame(&stream, 0x01, payload, 150);
    frame(&stream, 0x00, payload, 50);
    frame(&stream, 0x89, payload, 125); /* control frames do not count */
    want(&stream, 'p', 0, payload, 125);
    frame(&stream, 0x80, payload, 0);
    want(&stream, 'm', WS_OP_TEXT, payload, 200);
    frame(&stream, 0x81, payload, 201);
    check(&stream, WS_ERR_TOO_BIG);
    stream = (struct stream){0};
    frame(&stream, 0x01, payload, 150);
    frame(&stream, 0x00, payload, 50);
    frame(&stream, 0x80, payload, 1);
    check(&stream, WS_ERR_TOO_BIG);
    limits.max_message = 0;
    stream = (struct stream){0};
    frame(&stream, 0x82, payload, 0);
    want(&stream, 'm', WS_OP_BINARY, payload, 0);
    frame(&stream, 0x82, payload, 1);
    check(&stream, WS_ERR_TOO_BIG);
}

/* The limit is applied to the header: neither mask nor body is waited for. */
static void test_size_limit_from_header(void **unused)
{
    (void)unused;
    limits.max_message = 65536;
    refused(TEXT("\x82\xff\x00\x00\x00\x00\x00\x01\x00\x01"), WS_ERR_TOO_BIG);
    refused(TEXT("\x82\xff\x7f\xff\xff\xff\xff\xff\xff\xff"), WS_ERR_TOO_BIG);
    limits.max_message = 1000;
    refused(TEXT("\x81\xfe\x03\xe9"), WS_ERR_TOO_BIG);
    limits.max_message = 10;
    refused(TEXT("\x81\x8b"), WS_ERR_TOO_BIG);
    limits.max_message = UINT32_MAX; /* taken as 1 GiB */
    refused(TEXT("\x82\xff\0\0\0\0\x40\0\0\x01"), WS_ERR_TOO_BIG);
}

/* What is held follows what has come, and is given back with the message. */
static void test_memory(void **unused)
{
    (void)unused;
    assert_true(sizeof(struct ws_parser) <= 64);
    struct ws_parser parser;
    struct record got = {0};
    struct wire bytes = {0};
    char payload[4000];
    memset(payload, 'x', sizeof payload);
    ws_parser_init(&parser, &limits, false);
    assert_null(parser.payload);
    wire_frame(&bytes, 0x82, payload, sizeof payload);
    size_t header = bytes.len - sizeof payload;
    assert_int_equal(wire_feed(&parser, bytes.data, header, &got), 0);
    assert_null(parser.payload);
    size_t come = 0;
    for (; come < sizeof payload - 1; come++) {
        assert_int_equal(wire_feed(&parser, bytes.data + header + come, 1, &got), 0);
        assert_non_null(parser.payload);
        assert_true(parser.payload_cap <= 2 * come + 128);
    }
    assert_int_equal(wire_feed(&parser, bytes.data + header + come, 1, &got), 0);
    assert_int_equal(got.events, 1);
    assert_null(parser.payload);

    /* A control frame in two pieces holds nothing afterwards either. */
    bytes.len = 0;
    wire_frame(&bytes, 0x89, payload, 100);
    assert_int_equal(wire_feed(&parser, bytes.data, 50, &got), 0);
    assert_non_null(parser.payload);
    assert_int_equal(wire_feed(&parser, bytes.data + 50, bytes.len - 50, &got), 0);
    assert_int_equal(got.events, 2);
    assert_null(parser.payload);

    /* Given up half way. */
    assert_int_equal(wire_feed(&parser, bytes.data, 50, &got), 0);
    ws_parser_finish(&parser);
    assert_null(parser.payload);
    wire_finish(&bytes);
    wire_finish(&got.log);
}

/* ---- callbacks that stop */

static void test_stop(void **unused)
{
    (void)unused;
    for (unsigned stop_at = 1; stop_at <= 5; stop_at++) {
        struct stream stream = {.want = {.stop_at = stop_at}};
        frame(&stream, 0x81, TEXT("one"));
        frame(&stream, 0x01, TEXT("t"));
        frame(&stream, 0x89, TEXT("ping"));
        frame(&stream, 0x8a, TEXT("pong"));
        frame(&stream, 0x80, TEXT("wo"));
        frame(&stream, 0x88, TEXT(""));
        want(&stream, 'm', WS_OP_TEXT, TEXT("one"));
        if (stop_at > 1)
            want(&stream, 'p', 0, TEXT("ping"));
        if (stop_at > 2)
            want(&stream, 'q', 0, TEXT("pong"));
        if (stop_at > 3)
            want(&stream, 'm', WS_OP_TEXT, TEXT("two"));
        if (stop_at > 4)
            want(&stream, 'c', WS_CLOSE_NO_CODE, TEXT(""));
        check(&stream, WS_STOPPED);
    }
}

/* A callback destroys the parser, its data still in the payload buffer: sanitizers see any use. */
static void test_destroy_in_callback(void **unused)
{
    (void)unused;
    for (unsigned stop_at = 1; stop_at <= 4; stop_at++) {
        struct stream stream = {.deflate = true};
        frame(&stream, 0x01, TEXT("one"));
        frame(&stream, 0x89, TEXT("ping"));
        frame(&stream, 0x80, TEXT("two"));
        frame(&stream, 0xc1, TEXT("\xf2\x48\xcd\xc9\xc9\x07\x00"));
        frame(&stream, 0x88, TEXT("\x03\xe8"));
        for (size_t piece = 1; piece <= stream.bytes.len; piece++) {
            struct ws_parser *parser = malloc(sizeof *parser);
            assert_non_null(parser);
            struct record got = {.stop_at = stop_at, .destroy = parser};
            int result = 0;
            ws_parser_init(parser, &limits, true);
            for (size_t at = 0; result == 0; at += piece) {
                size_t left = stream.bytes.len - at;
                result =
                    wire_feed(parser, stream.bytes.data + at, left < piece ? left : piece, &got);
            }
            assert_int_equal(result, WS_STOPPED);
            assert_int_equal(got.events, stop_at);
            wire_finish(&got.log);
        }
        stream_finish(&stream);
    }
}

/* ---- permessage-deflate */

static void test_rfc7692_examples(void **unused)
{
    (void)unused;
    static const struct {
        const char *payload;
        size_t len;
        const char *text;
    } examples[] = {
        {TEXT("\xf2\x48\xcd\xc9\xc9\x07\x00"), "Hello"},                         /* 7.2.3.1 */
        {TEXT("\x00\x05\x00\xfa\xff\x48\x65\x6c\x6c\x6f\x00"), "Hello"},         /* 7.2.3.3 */
        {TEXT("\xf3\x48\xcd\xc9\xc9\x07\x00\x00"), "Hello"},                     /* 7.2.3.4 */
        {TEXT("\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00"), "Hello"}, /* 7.2.3.5 */
        {TEXT("\x00"), ""},                                                      /* 7.2.3.6 */
    };
    for (size_t i = 0; i < sizeof examples / sizeof *examples; i++) {
        struct stream stream = {.deflate = true};
        frame(&stream, 0xc1, examples[i].payload, examples[i].len);
        want(&stream, 'm', WS_OP_TEXT, examples[i].text, strlen(examples[i].text));
        for (size_t cut = 0; cut <= examples[i].len; cut++) {
            frame(&stream, 0x41, examples[i].payload, cut);
            frame(&stream, 0x89, TEXT("between"));
            want(&stream, 'p', 0, TEXT("between"));
            frame(&stream, 0x80, examples[i].payload + cut, examples[i].len - cut);
            want(&stream, 'm', WS_OP_TEXT, examples[i].text, strlen(examples[i].text));
        }
        frame(&stream, 0x81, TEXT("plain")); /* uncompressed ones may stand among them */
        want(&stream, 'm', WS_OP_TEXT, TEXT("plain"));
        check(&stream, 0);
    }
}

/* 7.2.3.2 needs context takeover, which is never agreed on. */
static void test_rfc7692_shared_window(void **unused)
{
    (void)unused;
    struct stream stream = {.deflate = true};
    frame(&stream, 0xc1, TEXT("\xf2\x48\xcd\xc9\xc9\x07\x00"));
    want(&stream, 'm', WS_OP_TEXT, TEXT("Hello"));
    frame(&stream, 0xc1, TEXT("\xf2\x00\x11\x00\x00"));
    check(&stream, WS_ERR_DEFLATE);
}

static void test_compressed_bad(void **unused)
{
    (void)unused;
    struct stream stream = {.deflate = true};
    frame(&stream, 0xc1, TEXT("\xff\xff\xff\xff"));
    check(&stream, WS_ERR_DEFLATE);
    stream = (struct stream){.deflate = true};
    frame(&stream, 0xc1, TEXT("\xf2\x48\xcd\xc9")); /* cut off */
    check(&stream, WS_ERR_DEFLATE);
    stream = (struct stream){.deflate = true};
    frame(&stream, 0xc1, TEXT(""));
    check(&stream, WS_ERR_DEFLATE);
    stream = (struct stream){.deflate = true};
    frame(&stream, 0xc1, TEXT("\x00\x02\x00\xfd\xff\xed\xa0\x00")); /* a stored block, not UTF-8 */
    check(&stream, WS_ERR_UTF8);
    stream = (struct stream){.deflate = true};
    frame(&stream, 0xc2, TEXT("\x00\x02\x00\xfd\xff\xed\xa0\x00"));
    want(&stream, 'm', WS_OP_BINARY, TEXT("\xed\xa0"));
    check(&stream, 0);
}

static void test_compressed_size_limit(void **unused)
{
    (void)unused;
    struct ws_deflater *deflater = ws_deflater_create();
    static char zeros[100001];
    const uint8_t *packed;
    size_t packed_len;
    assert_non_null(deflater);
    limits.max_message = 100000;
    assert_int_equal(ws_deflate(deflater, zeros, 100000, &packed, &packed_len), WS_DEFLATE_OK);
    struct stream stream = {.deflate = true};
    frame(&stream, 0xc2, packed, packed_len);
    want(&stream, 'm', WS_OP_BINARY, zeros, 100000);
    assert_int_equal(ws_deflate(deflater, zeros, 100001, &packed, &packed_len), WS_DEFLATE_OK);
    frame(&stream, 0xc2, packed, packed_len);
    check(&stream, WS_ERR_TOO_BIG);

    /* Compressed data may be a little longer than the limit, where it could not be compressed. */
    limits.max_message = 100;
    uint8_t stored[106] = {0x00, 100, 0, (uint8_t)~100, 0xff};
    memset(stored + 5, 'x', 100);
    stream = (struct stream){.deflate = true};
    frame(&stream, 0xc1, stored, sizeof stored);
    want(&stream, 'm', WS_OP_TEXT, stored + 5, 100);
    check(&stream, 0);
    stream = (struct stream){.deflate = true}; /* the same in fragments */
    frame(&stream, 0x41, stored, 90);
    frame(&stream, 0x80, stored + 90, sizeof stored - 90);
    want(&stream, 'm', WS_OP_TEXT, stored + 5, 100);
    check(&stream, 0);
    refused(TEXT("\x82\xe5"), WS_ERR_TOO_BIG); /* 101 bytes, not compressed */
    stream = (struct stream){.deflate = true};
    raw(&stream, TEXT("\xc2\xfe\x01\x00")); /* 256 bytes, compressed */
    check(&stream, WS_ERR_TOO_BIG);
    ws_deflater_destroy(deflater);
}

/* ---- the rest */

static void test_mask(void **unused)
{
    (void)unused;
    static const uint8_t mask[4] = {0x12, 0x34, 0x56, 0x78};
    for (size_t len = 0; len < 70; len++) {
        for (size_t offset = 0; offset < 8; offset++) {
            uint8_t *data = malloc(offset + len + 1);
            assert_non_null(data);
            for (size_t i = 0; i < offset + len + 1; i++)
                data[i] = (uint8_t)(i * 31);
            ws_mask(data + offset, len, mask);
            for (size_t i = 0; i < offset + len + 1; i++) {
                bool inside = i >= offset && i < offset + len;
                uint8_t was = (uint8_t)(i * 31);
                assert_int_equal(data[i], inside ? was ^ mask[(i - offset) & 3] : was);
            }
            free(data);
        }
    }
}

static void test_errors(void **unused)
{
    (void)unused;
    for (int error = WS_ERR_RSV; error >= WS_ERR_MASKED; error--) {
        uint16_t expected = WS_CLOSE_PROTOCOL;
        if (error == WS_ERR_UTF8 || error == WS_ERR_DEFLATE)
            expected = WS_CLOSE_BAD_DATA;
        else if (error == WS_ERR_TOO_BIG)
            expected = WS_CLOSE_TOO_BIG;
        else if (error == WS_ERR_NO_MEMORY)
            expected = WS_CLOSE_INTERNAL;
        assert_int_equal(ws_error_close_code(error), expected);
        assert_true(strlen(ws_error_text(error)) > 0);
        assert_true(strlen(ws_error_text(error)) <= WS_CONTROL_MAX - 2);
    }
    assert_int_equal(ws_error_close_code(0), WS_CLOSE_INTERNAL);
    assert_int_equal(ws_error_close_code(-100), WS_CLOSE_INTERNAL);
    assert_non_null(ws_error_text(1));
}

/* What a client's parser reports of these bytes, in one piece and byte by byte. */
static int run_client(const struct wire *bytes, size_t piece, struct record *got)
{
    struct ws_parser parser;
    int result = 0;
    ws_parser_init_client(&parser, &limits, false);
    for (size_t at = 0; result == 0 && at < bytes->len; at += piece) {
        size_t n = bytes->len - at < piece ? bytes->len - at : piece;
        result = wire_feed(&parser, bytes->data + at, n, got);
    }
    ws_parser_finish(&parser);
    return result;
}

/* RFC 6455 5.1: a client closes when a server's frame is masked; all else is the same. */
static void test_clients_parser(void **unused)
{
    (void)unused;
    static const uint8_t frames[] = {0x81, 0x05, 'H', 'e',  'l',  'l',  'o', /* a text */
                                     0x01, 0x02, 'a', 'b',  0x89, 0x01, '?', /* a ping in between */
                                     0x80, 0x01, 'c', 0x88, 0x02, 0x03, 0xe8};
    struct wire bytes = {0};
    wire_put(&bytes, frames, sizeof frames);
    for (size_t piece = 1; piece <= sizeof frames; piece++) {
        struct record got = {0}, wanted = {0};
        record_put(&wanted, 'm', WS_OP_TEXT, TEXT("Hello"));
        record_put(&wanted, 'p', 0, TEXT("?"));
        record_put(&wanted, 'm', WS_OP_TEXT, TEXT("abc"));
        record_put(&wanted, 'c', 1000, NULL, 0);
        assert_int_equal(run_client(&bytes, piece, &got), 0);
        assert_int_equal(got.log.len, wanted.log.len);
        assert_memory_equal(got.log.data, wanted.log.data, wanted.log.len);
        wire_finish(&got.log);
        wire_finish(&wanted.log);
    }
    wire_finish(&bytes);

    struct record got = {0};
    wire_frame(&bytes, 0x81, TEXT("Hello"));
    assert_int_equal(run_client(&bytes, 1, &got), WS_ERR_MASKED);
    assert_int_equal(got.events, 0);
    wire_finish(&bytes);
}

/* What a client writes is what a server's parser takes, at all three lengths. */
static void test_clients_header(void **unused)
{
    (void)unused;
    static const size_t lengths[] = {0, 125, 126, 65535, 65536};
    static const uint8_t mask[4] = {1, 2, 3, 4};
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        uint8_t header[WS_CLIENT_HEADER_MAX];
        struct stream stream = {0};
        uint8_t *data = calloc(1, lengths[i] + 1);
        assert_non_null(data);
        memset(data, 'x', lengths[i]);
        want(&stream, 'm', WS_OP_TEXT, data, lengths[i]);
        size_t len = ws_client_frame_header(header, WS_FIN, WS_OP_TEXT, lengths[i], mask);
        assert_int_equal(len, lengths[i] < 126 ? 6 : lengths[i] < 65536 ? 8 : 14);
        ws_mask(data, lengths[i], mask);
        raw(&stream, header, len);
        raw(&stream, data, lengths[i]);
        run(&stream, 4096, 0);
        stream_finish(&stream);
        free(data);
    }
}

static int before_each(void **unused)
{
    (void)unused;
    limits.max_message = 65536;
    seed = 1;
    return 0;
}

static int before_all(void **unused)
{
    (void)unused;
    limits.inflater = ws_inflater_create();
    return limits.inflater ? 0 : -1;
}

static int after_all(void **unused)
{
    (void)unused;
    ws_inflater_destroy(limits.inflater);
    return 0;
}

#define TEST(f) cmocka_unit_test_setup(f, before_each)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_rfc6455_masked_examples),
        TEST(test_clients_parser),
        TEST(test_clients_header),
        TEST(test_rfc6455_unmasked_examples),
        TEST(test_rfc6455_lengths),
        TEST(test_reserved_bits),
        TEST(test_rsv1_with_deflate),
        TEST(test_reserved_opcodes),
        TEST(test_unmasked),
        TEST(test_lengths_not_shortest),
        TEST(test_length_above_63_bits),
        TEST(test_continuation_rules),
        TEST(test_fragments),
        TEST(test_control_frames_between_fragments),
        TEST(test_control_fragmented),
        TEST(test_control_too_long),
        TEST(test_close),
        TEST(test_close_codes),
        TEST(test_close_payload),
        TEST(test_text_across_frames),
        TEST(test_bad_text),
        TEST(test_bad_text_at_once),
        TEST(test_size_limit),
        TEST(test_size_limit_from_header),
        TEST(test_memory),
        TEST(test_stop),
        TEST(test_destroy_in_callback),
        TEST(test_rfc7692_examples),
        TEST(test_rfc7692_shared_window),
        TEST(test_compressed_bad),
        TEST(test_compressed_size_limit),
        TEST(test_mask),
        TEST(test_errors),
    };
    return cmocka_run_group_tests(tests, before_all, after_all);
}
