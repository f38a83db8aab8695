/*
 * Fuzz target for the frame parser. Input: one byte of options, one that seeds the cuts, then what
 * a client sends. However the bytes are cut into pieces, the events and the end must be the same,
 * and every event must keep what the header promises.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "../unit/ws/wire.h"
#include "ws/deflate.h"

#define WHOLE SIZE_MAX /* as a piece's size: all there is */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct options {
    struct ws_limits limits;
    bool deflate;
    bool client;      /* a client's parser: what comes is not masked */
    unsigned stop_at; /* the event at which the callback destroys the parser; 0 = none */
};

static void require(bool condition)
{
    if (!condition)
        abort();
}

/* UTF-8 once more, by decoding: slower than base/utf8 and written in another way. */
static bool is_utf8(const uint8_t *p, size_t len)
{
    static const uint32_t least[] = {0, 0x80, 0x800, 0x10000};
    for (size_t i = 0; i < len;) {
        size_t more = p[i] < 0x80 ? 0 : p[i] >> 5 == 6 ? 1 : p[i] >> 4 == 14 ? 2 : 3;
        uint32_t c = more == 0 ? p[i] : p[i] & (0x3Fu >> more);
        if ((more == 3 && p[i] >> 3 != 30) || len - i <= more)
            return false;
        for (size_t k = 1; k <= more; k++) {
            if (p[i + k] >> 6 != 2)
                return false;
            c = c << 6 | (p[i + k] & 0x3F);
        }
        if (c < least[more] || c > 0x10FFFF || (c >= 0xD800 && c <= 0xDFFF))
            return false;
        i += more + 1;
    }
    return true;
}

static void check_event(const struct options *options, const uint32_t head[3], const uint8_t *data)
{
    switch (head[0]) {
    case 'm':
        require(head[1] == WS_OP_TEXT || head[1] == WS_OP_BINARY);
        require(head[2] <= options->limits.max_message);
        require(head[1] != WS_OP_TEXT || is_utf8(data, head[2]));
        break;
    case 'c':
        require(head[1] == WS_CLOSE_NO_CODE ? head[2] == 0 : ws_close_code_valid(head[1]));
        require(is_utf8(data, head[2]));
        require(head[2] <= WS_CONTROL_MAX);
        break;
    default:
        require(head[2] <= WS_CONTROL_MAX);
    }
}

static void check_record(const struct options *options, const struct record *record, int result)
{
    unsigned events = 0;
    for (size_t at = 0; at < record->log.len; events++) {
        uint32_t head[3];
        memcpy(head, record->log.data + at, sizeof head);
        at += sizeof head;
        check_event(options, head, record->log.data + at);
        at += head[2];
        require(head[0] != 'c' || at == record->log.len);
    }
    require(events == record->events);
    require(result <= 0 ? result >= WS_ERR_MASKED : events == options->stop_at);
}

/* Feeds pieces of 1 to max_piece bytes, or all at once, up to an end; returns how it ended. */
static int run(const struct options *options, const uint8_t *data, size_t size, size_t max_piece,
               uint32_t seed, struct record *record)
{
    struct ws_parser *parser = malloc(sizeof *parser);
    require(parser != NULL);
    (options->client ? ws_parser_init_client : ws_parser_init)(parser, &options->limits,
                                                               options->deflate);
    record->stop_at = options->stop_at;
    record->destroy = parser;
    for (size_t at = 0; at < size;) {
        seed = seed * 1664525u + 1013904223u;
        size_t piece = max_piece == WHOLE ? size : 1 + (seed >> 8) % max_piece;
        if (piece > size - at)
            piece = size - at;
        int result = wire_feed(parser, data + at, piece, record);
        at += piece;
        if (result == WS_STOPPED)
            return result;
        if (result < 0) {
            require(parser->payload == NULL);
            free(parser);
            return result;
        }
        require(parser->payload_cap <= 2 * at + 128);
    }
    ws_parser_finish(parser);
    free(parser);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct ws_inflater *inflater;
    static const uint32_t sizes[] = {20, 200, 4000, 65536};
    if (!inflater)
        inflater = ws_inflater_create();
    if (size < 2 || !inflater)
        return 0;
    struct options options = {
        .limits = {.max_message = sizes[data[0] >> 1 & 3], .inflater = inflater},
        .deflate = data[0] & 1,
        .stop_at = data[0] >> 3 & 7,
        .client = data[0] >> 6 & 1,
    };
    uint32_t seed = data[1];
    data += 2;
    size -= 2;
    struct record bytewise = {0};
    int result = run(&options, data, size, 1, 0, &bytewise);
    check_record(&options, &bytewise, result);
    const size_t max_pieces[] = {WHOLE, 5, 20, size / 2 + 2};
    for (size_t i = 0; i < sizeof max_pieces / sizeof *max_pieces; i++) {
        struct record cut = {0};
        require(run(&options, data, size, max_pieces[i], seed + (uint32_t)i, &cut) == result);
        require(cut.log.len == bytewise.log.len);
        require(bytewise.log.len == 0 || memcmp(cut.log.data, bytewise.log.data, cut.log.len) == 0);
        wire_finish(&cut.log);
    }
    wire_finish(&bytewise.log);
    return 0;
}
