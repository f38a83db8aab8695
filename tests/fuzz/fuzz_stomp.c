/*
 * STOMP frames as clients send them. The first byte chooses version and pieces; however the rest is cut,
 * the same frames come out, within the limits, and what a frame holds can be written and read again.
 */
#include <stdint.h>
#include <stdlib.h>

#include "../unit/ws/stomp_wire.h"
#include "base/utf8.h"

#define BODY_MAX 512

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(int condition)
{
    if (!condition) {
        abort();
    }
}

static int check_frame(void *arg, const struct stomp_frame *frame)
{
    (void)arg;
    check(frame->command < STOMP_COMMANDS && *stomp_command_name(frame->command));
    check(frame->count <= STOMP_HEADERS_MAX && frame->body.n <= BODY_MAX && frame->body.p);
    for (size_t i = 0; i < frame->count; i++) {
        const struct stomp_header *header = &frame->headers[i];
        check(header->name.n > 0 && header->value.n < STOMP_LINE_MAX);
        check(utf8_valid(header->name.p, header->name.n));
        check(utf8_valid(header->value.p, header->value.n));
        check(!memchr(header->name.p, '\0', header->name.n));
        check(stomp_header(frame, "receipt").p || !span_eq(header->name, "receipt"));
    }
    return 0;
}

static void check_error(void *arg, int error, struct span receipt)
{
    (void)arg;
    check(error < 0 && *stomp_error_text(error));
    check(utf8_valid(receipt.p, receipt.n));
}

static const struct stomp_events checks = {check_frame, check_error};

/* Writes down what the bytes are taken for. */
static int run(enum stomp_version version, const uint8_t *data, size_t size, size_t first,
               size_t piece, struct stomp_record *record)
{
    struct stomp_parser parser;
    *record = (struct stomp_record){.pauses = first == piece};
    buf_init(&record->text);
    stomp_parser_init(&parser, BODY_MAX);
    stomp_parser_set_version(&parser, version);
    int result = stomp_record_feed(&parser, record, data, size, first, piece);
    check(parser.held_cap <= 2 * (STOMP_HEAD_MAX + BODY_MAX + 1));
    stomp_parser_finish(&parser);
    return result;
}

/* A header's value survives being written and read. */
static void check_value(enum stomp_version version, struct span value)
{
    struct stomp_record record = {0};
    struct stomp_parser parser;
    struct buf out;
    if (memchr(value.p, '\0', value.n) || !utf8_valid(value.p, value.n)) {
        return;
    }
    buf_init(&out);
    buf_init(&record.text);
    stomp_write_command(&out, "SEND");
    stomp_write_header(&out, version, "v", value);
    stomp_write_body(&out, (struct span){"b", 1});
    stomp_parser_init(&parser, BODY_MAX);
    stomp_parser_set_version(&parser, version);
    check(stomp_record_feed(&parser, &record, out.data, out.len, out.len, 1) == 0);
    check(record.frames == 1);
    if (version == STOMP_1_2) {
        check(record.text.len == value.n + sizeof "SEND{v=}{content-length=1}[b]" - 1 &&
              memcmp(record.text.data + 7, value.p, value.n) == 0);
    }
    stomp_parser_finish(&parser);
    buf_finish(&record.text);
    buf_finish(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct stomp_record whole, cut;
    uint32_t can, wants;
    if (size < 1) {
        return 0;
    }
    enum stomp_version version = (enum stomp_version)(data[0] & 3);
    size_t piece = (size_t)(data[0] >> 2) + 1;
    data++;
    size--;
    int result = run(version, data, size, size, 1, &whole);
    check(run(version, data, size, piece, piece, &cut) == result);
    check(whole.frames == cut.frames && span_same(buf_span(&whole.text), buf_span(&cut.text)));
    buf_finish(&whole.text);
    buf_finish(&cut.text);
    struct stomp_parser parser;
    uint8_t *copy = malloc(size + 1);
    check(copy != NULL);
    memcpy(copy, data, size);
    stomp_parser_init(&parser, BODY_MAX);
    stomp_parser_set_version(&parser, version);
    check(stomp_parser_feed(&parser, copy, size, &checks, NULL) <= 0);
    stomp_parser_finish(&parser);
    free(copy);
    struct span text = {(const char *)data, size < 256 ? size : 256};
    (void)stomp_version_choose(text);
    (void)stomp_heart_beat_read(text, &can, &wants);
    if (version != STOMP_UNKNOWN) {
        check_value(version, text);
    }
    return 0;
}
