/* STOMP frames, read and written. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "unit/ws/stomp_wire.h"

#define BODY_MAX 65536

/* A literal with the NULs that it holds. */
#define BYTES(literal) (literal), sizeof(literal) - 1

static void read_pieces(enum stomp_version version, const char *data, size_t len, size_t first,
                        size_t piece, struct stomp_record *record, int *result)
{
    struct stomp_parser parser;
    *record = (struct stomp_record){0};
    buf_init(&record->text);
    stomp_parser_init(&parser, BODY_MAX);
    stomp_parser_set_version(&parser, version);
    *result = stomp_record_feed(&parser, record, data, len, first, piece);
    stomp_parser_finish(&parser);
}

/* The same comes out however the bytes are cut in two, and byte by byte. */
static void check(enum stomp_version version, const char *data, size_t len, const char *expected)
{
    struct stomp_record record;
    int result;
    for (size_t first = 1; first <= len; first++) {
        read_pieces(version, data, len, first, len, &record, &result);
        assert_string_equal(buf_cstr(&record.text), expected);
        assert_int_equal(result < 0, record.errors == 1);
        buf_finish(&record.text);
    }
    read_pieces(version, data, len, 1, 1, &record, &result);
    assert_string_equal(buf_cstr(&record.text), expected);
    buf_finish(&record.text);
}

static void test_frames(void **unused)
{
    (void)unused;
    check(STOMP_1_2, BYTES("SEND\ndestination:/app/X\n\nhello\0"),
          "SEND{destination=/app/X}[hello]");
    check(STOMP_1_2, BYTES("DISCONNECT\n\n\0"), "DISCONNECT[]");
    check(STOMP_UNKNOWN, BYTES("CONNECT\naccept-version:1.1,1.2\nhost:x\n\n\0"),
          "CONNECT{accept-version=1.1,1.2}{host=x}[]");
    check(STOMP_1_2, BYTES("ACK\nid:1\n\n\0NACK\nid:2\n\n\0"), "ACK{id=1}[]NACK{id=2}[]");
    check(STOMP_1_2, BYTES("BEGIN\ntransaction:t\n\n\0"), "BEGIN{transaction=t}[]");
    check(STOMP_1_2, BYTES("SUBSCRIBE\nid:0\ndestination:/topic/가\n\n\0"),
          "SUBSCRIBE{id=0}{destination=/topic/가}[]");
}

static void test_between_frames(void **unused)
{
    (void)unused;
    check(STOMP_1_2, BYTES("\n\n\r\n\nSEND\n\na\0\n\r\n\nSEND\n\nb\0\n"), "SEND[a]SEND[b]");
    check(STOMP_1_0, BYTES("\r\nSEND\n\na\0\r\n"), "SEND[a]");
    check(STOMP_1_2, BYTES("\r\rSEND\n\na\0"), "!-1()");
    check(STOMP_1_2, BYTES("\n\n\n"), "");
}

static void test_line_ends(void **unused)
{
    (void)unused;
    check(STOMP_1_2, BYTES("SEND\r\na:b\r\n\r\n\r\n\0"), "SEND{a=b}[\r\n]");
    check(STOMP_UNKNOWN, BYTES("CONNECT\r\na:b\r\n\r\n\0"), "CONNECT{a=b}[]");
    check(STOMP_1_2, BYTES("SEND\r\na:b\n\r\nx\0"), "SEND{a=b}[x]");
    /* Only from 1.2 on is CR part of a line's end. */
    check(STOMP_1_1, BYTES("SEND\na:b\r\n\nx\0"), "SEND{a=b\r}[x]");
    check(STOMP_1_1, BYTES("SEND\r\n\nx\0"), "!-1()");
}

static void test_escapes(void **unused)
{
    (void)unused;
    check(STOMP_1_2, BYTES("SEND\na\\cb:1\\n2\\c3\\\\4\\r5\n\n\0"), "SEND{a:b=1\n2:3\\4\r5}[]");
    check(STOMP_1_1, BYTES("SEND\na:1\\n2\\c3\\\\n\n\n\0"), "SEND{a=1\n2:3\\n}[]");
    check(STOMP_1_1, BYTES("SEND\na:\\r\n\n\0"), "!-6()"); /* 1.2's own */
    check(STOMP_1_2, BYTES("SEND\na:\\t\n\n\0"), "!-6()");
    check(STOMP_1_2, BYTES("SEND\na:b\\\n\n\0"), "!-6()");
    check(STOMP_1_2, BYTES("SEND\n\\x:b\n\n\0"), "!-6()");
    check(STOMP_1_0, BYTES("SEND\na:\\n\\t\\\n\n\0"), "SEND{a=\\n\\t\\}[]"); /* knows none */
    check(STOMP_UNKNOWN, BYTES("CONNECT\npasscode:a\\nb\\\n\n\0"), "CONNECT{passcode=a\\nb\\}[]");
    check(STOMP_1_2, BYTES("STOMP\npasscode:a\\x\n\n\0"), "STOMP{passcode=a\\x}[]");
}

static void test_headers(void **unused)
{
    (void)unused;
    check(STOMP_1_2, BYTES("SEND\na:1\na:2\nb:\nc: x:y \n\n\0"), "SEND{a=1}{a=2}{b=}{c= x:y }[]");
    check(STOMP_1_0, BYTES("SEND\na : 1 \ncontent-length: 2\n\nx\0\0"),
          "SEND{a=1}{content-length=2}[x");
    check(STOMP_1_2, BYTES("SEND\nnothing\n\n\0"), "!-5()");
    check(STOMP_1_2, BYTES("SEND\n:value\n\n\0"), "!-5()");
    check(STOMP_1_2, BYTES("SEND\nreceipt:r\\c1\nnothing\n\n\0"), "!-5(r:1)");
    check(STOMP_1_2, BYTES("SEND\na:\xff\n\n\0"), "!-7()");
    check(STOMP_1_2, BYTES("SEND\na:b\0"), "!-8()");
    check(STOMP_1_2, BYTES("SEND\0"), "!-8()");
}

static void test_commands(void **unused)
{
    (void)unused;
    check(STOMP_1_2, BYTES("send\n\n\0"), "!-1()");
    check(STOMP_1_2, BYTES("MESSAGE\n\n\0"), "!-1()"); /* a server's */
    check(STOMP_1_2, BYTES("GET / HTTP/1.1\r\nreceipt:7\r\n\r\n\0"), "!-1(7)");
    check(STOMP_1_2, BYTES("SUBSCRIBE\nid:1\nreceipt:9\n\nx\0"), "!-12(9)");
    check(STOMP_1_2, BYTES("SEND\n\na\0x\n\n\0"), "SEND[a]!-1()");
    assert_string_equal(stomp_command_name(STOMP_STOMP), "STOMP");
}

static void test_content_length(void **unused)
{
    (void)unused;
    struct stomp_record record;
    int result;
    static const char expected[] = "SEND{content-length=5}[a\0\n\0b]ACK{id=1}[]";
    static const char binary[] = "SEND\ncontent-length:5\n\na\0\n\0b\0ACK\nid:1\n\n";
    for (size_t first = 1; first <= sizeof binary; first++) {
        read_pieces(STOMP_1_2, binary, sizeof binary, first, 3, &record, &result);
        assert_int_equal(record.frames, 2);
        assert_int_equal(record.text.len, sizeof expected - 1);
        assert_memory_equal(record.text.data, expected, sizeof expected - 1);
        buf_finish(&record.text);
    }
    check(STOMP_1_2, BYTES("SEND\ncontent-length:0\n\n\0"), "SEND{content-length=0}[]");
    check(STOMP_1_2, BYTES("SEND\ncontent-length:002\n\nab\0"), "SEND{content-length=002}[ab]");
    check(STOMP_1_2, BYTES("SEND\ncontent-length:1\ncontent-length:9\n\na\0"),
          "SEND{content-length=1}{content-length=9}[a]"); /* the first counts */
    check(STOMP_1_2, BYTES("SEND\nreceipt:r\ncontent-length:2\n\nabc\0"), "!-11(r)");
    check(STOMP_1_2, BYTES("SEND\ncontent-length:-1\n\na\0"), "!-9()");
    check(STOMP_1_2, BYTES("SEND\ncontent-length:\n\na\0"), "!-9()");
    check(STOMP_1_2, BYTES("SEND\ncontent-length:1e1\nreceipt:x\n\na\0"), "!-9(x)");
    check(STOMP_1_2, BYTES("SEND\nreceipt:q\ncontent-length:65537\n\na"), "!-10(q)");
    check(STOMP_1_2, BYTES("SEND\ncontent-length:99999999999999999999\n\na"), "!-9()");
}

/* A frame whose body has `len` bytes, with or without content-length. */
static void body_of(size_t len, bool counted, const char *expected)
{
    struct stomp_record record;
    struct buf bytes;
    int result;
    buf_init(&bytes);
    buf_append_text(&bytes, "SEND\nreceipt:r\n");
    if (counted)
        buf_printf(&bytes, "content-length:%zu\n", len);
    buf_append_char(&bytes, '\n');
    for (size_t i = 0; i < len; i++)
        buf_append_char(&bytes, 'x');
    buf_append_char(&bytes, '\0');
    for (size_t piece = 1; piece < 200000; piece = piece * 7 + 1) {
        read_pieces(STOMP_1_2, bytes.data, bytes.len, piece, piece, &record, &result);
        if (expected)
            assert_string_equal(buf_cstr(&record.text), expected);
        else
            assert_true(record.frames == 1 && record.text.len > len);
        buf_finish(&record.text);
    }
    buf_finish(&bytes);
}

static void test_body_limit(void **unused)
{
    (void)unused;
    body_of(BODY_MAX, true, NULL);
    body_of(BODY_MAX, false, NULL);
    body_of(BODY_MAX + 1, true, "!-10(r)");
    body_of(BODY_MAX + 1, false, "!-10(r)");
}

/* `head` repeated `count` times, then the end of a frame. */
static void repeated(const char *before, const char *head, size_t count, const char *expected)
{
    struct stomp_record record;
    struct buf bytes;
    int result;
    buf_init(&bytes);
    buf_append_text(&bytes, before);
    for (size_t i = 0; i < count; i++)
        buf_append_text(&bytes, head);
    buf_append(&bytes, BYTES("\n\n\0"));
    for (size_t piece = 1; piece < 100000; piece = piece * 5 + 2) {
        read_pieces(STOMP_1_2, bytes.data, bytes.len, piece, piece, &record, &result);
        if (expected)
            assert_string_equal(buf_cstr(&record.text), expected);
        else
            assert_int_equal(record.frames, 1);
        buf_finish(&record.text);
    }
    buf_finish(&bytes);
}

static void test_head_limits(void **unused)
{
    (void)unused;
    repeated("SEND\n", "a:b\n", STOMP_HEADERS_MAX - 1, NULL); /* and the one below: */
    repeated("SEND\na:b", "\na:b", STOMP_HEADERS_MAX - 1, NULL);
    repeated("SEND\na:b", "\na:b", STOMP_HEADERS_MAX, "!-4()");
    repeated("SEND\na:", "b", STOMP_LINE_MAX - 3, NULL);
    repeated("SEND\na:", "b", STOMP_LINE_MAX - 2, "!-2()");
    char line[1002];
    memset(line, 'x', sizeof line - 2);
    line[1] = ':';
    line[sizeof line - 2] = '\n';
    line[sizeof line - 1] = '\0';
    repeated("SEND\n", line, STOMP_HEAD_MAX / 1001 - 1, NULL);
    repeated("SEND\n", line, STOMP_HEAD_MAX / 1001 + 1, "!-3()");
}

static void test_stopping(void **unused)
{
    (void)unused;
    static const char bytes[] = "SEND\n\na\0SEND\n\nb\0SEND\n\nc";
    struct stomp_parser parser;
    for (size_t piece = 1; piece <= sizeof bytes; piece++) {
        struct stomp_record record = {.stop_at = 2};
        buf_init(&record.text);
        stomp_parser_init(&parser, BODY_MAX);
        int result = stomp_record_feed(&parser, &record, bytes, sizeof bytes, piece, piece);
        assert_int_equal(result, STOMP_STOPPED);
        assert_string_equal(buf_cstr(&record.text), "SEND[a]SEND[b]");
        stomp_parser_finish(&parser);
        buf_finish(&record.text);
    }
}

/* Nothing is lost or doubled where the reader wants to wait behind each frame. */
static void test_pausing(void **unused)
{
    (void)unused;
    static const char bytes[] = "SEND\n\na\0\nSEND\n\nb\0SEND\n\nc";
    struct stomp_parser parser;
    for (size_t piece = 1; piece <= sizeof bytes; piece++) {
        struct stomp_record record = {.pauses = true};
        buf_init(&record.text);
        stomp_parser_init(&parser, BODY_MAX);
        assert_false(stomp_record_feed(&parser, &record, bytes, sizeof bytes, piece, piece));
        assert_string_equal(buf_cstr(&record.text), "SEND[a]SEND[b]SEND[c]");
        stomp_parser_finish(&parser);
        buf_finish(&record.text);
    }
}

/* An error is final, and is told once. */
static void test_error_stays(void **unused)
{
    (void)unused;
    struct stomp_parser parser;
    struct stomp_record record = {0};
    buf_init(&record.text);
    stomp_parser_init(&parser, BODY_MAX);
    assert_int_equal(stomp_record_feed(&parser, &record, BYTES("NO\n\n\0"), 5, 5),
                     STOMP_ERR_COMMAND);
    assert_int_equal(stomp_record_feed(&parser, &record, BYTES("SEND\n\n\0"), 1, 1),
                     STOMP_ERR_COMMAND);
    assert_string_equal(buf_cstr(&record.text), "!-1()");
    for (int error = STOMP_ERR_NO_MEMORY; error < 0; error++)
        assert_true(*stomp_error_text(error));
    assert_string_equal(stomp_error_text(0), "");
    assert_string_equal(stomp_error_text(STOMP_ERR_NO_MEMORY - 1), "");
    buf_finish(&record.text);
}

/* The version that CONNECT brought holds for the frame behind it in the same bytes. */
static void test_version_follows(void **unused)
{
    (void)unused;
    static const char bytes[] = "CONNECT\na:\\n\n\n\0SEND\na:\\n\n\n";
    for (size_t piece = 1; piece <= sizeof bytes; piece++) {
        struct stomp_parser parser;
        struct stomp_record record = {.parser = &parser, .version = STOMP_1_1};
        buf_init(&record.text);
        stomp_parser_init(&parser, BODY_MAX);
        assert_false(stomp_record_feed(&parser, &record, bytes, sizeof bytes, piece, piece));
        assert_string_equal(buf_cstr(&record.text), "CONNECT{a=\\n}[]SEND{a=\n}[]");
        assert_false(stomp_parser_in_frame(&parser));
        assert_null(parser.held); /* nothing is kept between frames */
        buf_finish(&record.text);
    }
}

static void test_memory(void **unused)
{
    (void)unused;
    struct stomp_parser parser;
    struct stomp_record record = {0};
    buf_init(&record.text);
    stomp_parser_init(&parser, BODY_MAX);
    assert_false(
        stomp_record_feed(&parser, &record, BYTES("SEND\ncontent-length:65536\n\nx"), 9, 9));
    assert_true(stomp_parser_in_frame(&parser));
    assert_true(parser.held_cap <= 512); /* what is only announced costs nothing */
    stomp_parser_finish(&parser);
    buf_finish(&record.text);
}

static enum stomp_version choose(const char *accept)
{
    return stomp_version_choose(span_of(accept));
}

static void test_choosing(void **unused)
{
    (void)unused;
    assert_int_equal(choose(NULL), STOMP_1_0);
    assert_int_equal(choose("1.0"), STOMP_1_0);
    assert_int_equal(choose("1.2,1.1,1.0"), STOMP_1_2);
    assert_int_equal(choose("1.0, 1.1"), STOMP_1_1);
    assert_int_equal(choose("1.1,2.0"), STOMP_1_1);
    assert_int_equal(choose("2.0,,1.23"), STOMP_UNKNOWN);
    assert_int_equal(choose(""), STOMP_UNKNOWN);
    assert_string_equal(stomp_version_name(STOMP_1_1), "1.1");
}

static void test_heart_beats(void **unused)
{
    (void)unused;
    uint32_t can = 7, wants = 7;
    assert_true(stomp_heart_beat_read(span_of("0,0"), &can, &wants) && can == 0 && wants == 0);
    assert_true(stomp_heart_beat_read(span_of("10000, 4000"), &can, &wants));
    assert_true(can == 10000 && wants == 4000);
    assert_true(stomp_heart_beat_read((struct span){NULL, 0}, &can, &wants) && can == 0);
    static const char *const bad[] = {"",      ",",    "1",   "1,",          ",1",
                                      "1,2,3", "-1,0", "a,b", "4294967296,1"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(stomp_heart_beat_read(span_of(bad[i]), &can, &wants));
}

static void test_writing(void **unused)
{
    (void)unused;
    static const char value[] = "a:b\\c\nd\re";
    static const struct {
        enum stomp_version version;
        const char *line;
    } rows[] = {{STOMP_1_2, "v:a\\cb\\\\c\\nd\\re\n"},
                {STOMP_1_1, "v:a\\cb\\\\c\\nd\re\n"},
                {STOMP_1_0, "v:a:b\\c d\re\n"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct buf out;
        buf_init(&out);
        stomp_write_header(&out, rows[i].version, "v", span_of(value));
        assert_string_equal(buf_cstr(&out), rows[i].line);
        buf_finish(&out);
    }
    struct buf out;
    buf_init(&out);
    stomp_write_command(&out, "RECEIPT");
    stomp_write_header(&out, STOMP_1_2, "receipt-id", span_of("1"));
    stomp_write_body(&out, (struct span){NULL, 0});
    stomp_write_command(&out, "MESSAGE");
    stomp_write_body(&out, (struct span){BYTES("a\0b")});
    static const char expected[] = "RECEIPT\nreceipt-id:1\n\n\0MESSAGE\ncontent-length:3\n\na\0b";
    assert_int_equal(out.len, sizeof expected);
    assert_memory_equal(out.data, expected, sizeof expected);
    buf_finish(&out);
}

/* What is written is read back as it was. */
static void test_both_ways(void **unused)
{
    (void)unused;
    static const char value[] = "\\n:가\r\n\\\\c:";
    struct stomp_record record;
    struct buf out;
    int result;
    buf_init(&out);
    stomp_write_command(&out, "SEND");
    stomp_write_header(&out, STOMP_1_2, "v", span_of(value));
    stomp_write_body(&out, span_of("x"));
    read_pieces(STOMP_1_2, out.data, out.len, 5, 5, &record, &result);
    assert_string_equal(buf_cstr(&record.text), "SEND{v=\\n:가\r\n\\\\c:}{content-length=1}[x]");
    buf_finish(&record.text);
    buf_finish(&out);
}

static struct stomp_frame two_headers(void)
{
    static const struct stomp_header headers[] = {{{"a", 1}, {"1", 1}}, {{"a", 1}, {"2", 1}}};
    return (struct stomp_frame){STOMP_SEND, headers, 2, {"", 0}};
}

static void test_first_counts(void **unused)
{
    (void)unused;
    struct stomp_frame frame = two_headers();
    assert_true(span_eq(stomp_header(&frame, "a"), "1"));
    assert_null(stomp_header(&frame, "A").p);
    assert_null(stomp_header(&frame, "b").p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_frames),         cmocka_unit_test(test_between_frames),
        cmocka_unit_test(test_line_ends),      cmocka_unit_test(test_escapes),
        cmocka_unit_test(test_headers),        cmocka_unit_test(test_commands),
        cmocka_unit_test(test_content_length), cmocka_unit_test(test_body_limit),
        cmocka_unit_test(test_head_limits),    cmocka_unit_test(test_stopping),
        cmocka_unit_test(test_error_stays),    cmocka_unit_test(test_version_follows),
        cmocka_unit_test(test_memory),         cmocka_unit_test(test_choosing),
        cmocka_unit_test(test_heart_beats),    cmocka_unit_test(test_writing),
        cmocka_unit_test(test_pausing),        cmocka_unit_test(test_both_ways),
        cmocka_unit_test(test_first_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
