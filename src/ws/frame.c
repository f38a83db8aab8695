/*
 * WebSocket frames.
 *
 * The parser looks at a header as far as it has come (first two bytes, then length, then mask), so
 * that a bad or too big frame is refused before any byte of its body is taken. A body that is whole
 * in the input is unmasked where it lies and reported from there. Only what is cut off by the
 * input's end or belongs to a fragmented message is kept in the payload buffer:
 *
 *     | message so far (payload_len) | control frame so far (control_len) | free ... payload_cap |
 *
 * A control frame may stand between a message's fragments, but nothing may stand inside a frame, so
 * the second part is always empty when bytes are added to the first. Every state change comes
 * before the callback that it leads to, because a callback may destroy the parser.
 */
#include "ws/frame.h"

#include <stdlib.h>
#include <string.h>

#include "ws/deflate.h"

#define HEADER_START 2 /* bytes of a header that tell how long it is */
#define MASK_SIZE 4
#define PAYLOAD_START 128      /* bytes first allocated for a payload */
#define MESSAGE_MAX (1u << 30) /* largest limit that the 32-bit fields allow for */
#define CONTROL_BIT 0x8

struct input {
    uint8_t *data;
    size_t len;
};

struct error_row {
    uint16_t close_code;
    const char *text;
};

static const struct error_row errors[] = {
    [-WS_ERR_RSV] = {WS_CLOSE_PROTOCOL, "reserved bits are set"},
    [-WS_ERR_OPCODE] = {WS_CLOSE_PROTOCOL, "reserved opcode"},
    [-WS_ERR_CONTROL_FRAGMENTED] = {WS_CLOSE_PROTOCOL, "fragmented control frame"},
    [-WS_ERR_CONTROL_LENGTH] = {WS_CLOSE_PROTOCOL, "control frame too long"},
    [-WS_ERR_UNMASKED] = {WS_CLOSE_PROTOCOL, "frame is not masked"},
    [-WS_ERR_CONTINUATION] = {WS_CLOSE_PROTOCOL, "nothing to continue"},
    [-WS_ERR_INTERLEAVED] = {WS_CLOSE_PROTOCOL, "new message inside a fragmented one"},
    [-WS_ERR_LENGTH] = {WS_CLOSE_PROTOCOL, "bad length"},
    [-WS_ERR_CLOSE_LENGTH] = {WS_CLOSE_PROTOCOL, "bad close frame"},
    [-WS_ERR_CLOSE_CODE] = {WS_CLOSE_PROTOCOL, "bad close code"},
    [-WS_ERR_UTF8] = {WS_CLOSE_BAD_DATA, "text is not UTF-8"},
    [-WS_ERR_DEFLATE] = {WS_CLOSE_BAD_DATA, "compressed data is damaged"},
    [-WS_ERR_TOO_BIG] = {WS_CLOSE_TOO_BIG, "message too big"},
    [-WS_ERR_NO_MEMORY] = {WS_CLOSE_INTERNAL, "out of memory"},
    [-WS_ERR_MASKED] = {WS_CLOSE_PROTOCOL, "frame is masked"},
};

static const struct error_row *error_row(int error)
{
    static const struct error_row unknown = {WS_CLOSE_INTERNAL, "internal error"};
    if (error >= 0 || -error >= (int)(sizeof errors / sizeof *errors))
        return &unknown;
    return &errors[-error];
}

uint16_t ws_error_close_code(int error)
{
    return error_row(error)->close_code;
}

const char *ws_error_text(int error)
{
    return error_row(error)->text;
}

void ws_mask(uint8_t *data, size_t len, const uint8_t mask[4])
{
    uint32_t mask32;
    memcpy(&mask32, mask, sizeof mask32);
    uint64_t mask64 = (uint64_t)mask32 << 32 | mask32;
    for (; len >= 8; data += 8, len -= 8) {
        uint64_t word;
        memcpy(&word, data, sizeof word);
        word ^= mask64;
        memcpy(data, &word, sizeof word);
    }
    for (size_t i = 0; i < len; i++)
        data[i] ^= mask[i & 3];
}

bool ws_close_code_valid(unsigned code)
{
    return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) ||
           (code >= 3000 && code <= 4999);
}

void ws_parser_init(struct ws_parser *parser, const struct ws_limits *limits, bool deflate)
{
    *parser = (struct ws_parser){.limits = limits, .deflate = deflate};
}

void ws_parser_init_client(struct ws_parser *parser, const struct ws_limits *limits, bool deflate)
{
    ws_parser_init(parser, limits, deflate);
    parser->client = true;
}

static void drop_payload(struct ws_parser *parser)
{
    free(parser->payload);
    parser->payload = NULL;
    parser->payload_cap = 0;
}

void ws_parser_finish(struct ws_parser *parser)
{
    drop_payload(parser);
}

/* Appends to what the payload buffer holds. */
static int keep(struct ws_parser *parser, const uint8_t *data, size_t len)
{
    size_t used = (size_t)parser->payload_len + parser->control_len;
    if (used + len > parser->payload_cap) {
        size_t cap = parser->payload_cap ? parser->payload_cap : PAYLOAD_START;
        while (cap < used + len)
            cap *= 2;
        uint8_t *payload = realloc(parser->payload, cap);
        if (!payload)
            return WS_ERR_NO_MEMORY;
        parser->payload = payload;
        parser->payload_cap = (uint32_t)cap;
    }
    if (len > 0)
        memcpy(parser->payload + used, data, len);
    return 0;
}

/* Header: opcode, reserved bits and the rest of what the first two bytes say. */
static int check_start(const struct ws_parser *parser)
{
    unsigned flags = parser->header[0] & 0xF0u;
    unsigned opcode = parser->header[0] & 0x0Fu;
    bool first = opcode == WS_OP_TEXT || opcode == WS_OP_BINARY;
    unsigned allowed = WS_FIN | (parser->deflate && first ? WS_RSV1 : 0);
    if (flags & ~allowed)
        return WS_ERR_RSV;
    if ((opcode & ~(unsigned)CONTROL_BIT) > 2)
        return WS_ERR_OPCODE;
    if (opcode & CONTROL_BIT) {
        if (!(flags & WS_FIN))
            return WS_ERR_CONTROL_FRAGMENTED;
        if ((parser->header[1] & 0x7F) > WS_CONTROL_MAX)
            return WS_ERR_CONTROL_LENGTH;
    }
    bool masked = parser->header[1] & 0x80;
    if (masked == parser->client)
        return masked ? WS_ERR_MASKED : WS_ERR_UNMASKED;
    if (opcode == WS_OP_CONTINUATION && parser->opcode == 0)
        return WS_ERR_CONTINUATION;
    if (first && parser->opcode != 0)
        return WS_ERR_INTERLEAVED;
    return 0;
}

/*
 * Bytes that a message may have on the wire. Compression lengthens what it cannot shorten (by 4 %
 * with zlib's smallest buffers), so a compressed message gets some more; its real limit is that of
 * inflation.
 */
static uint32_t wire_limit(const struct ws_parser *parser, bool compressed)
{
    uint32_t max = parser->limits->max_message;
    if (max > MESSAGE_MAX)
        max = MESSAGE_MAX;
    return compressed ? max + max / 16 + 64 : max;
}

/* Header: reads the payload length, its extended form being complete. */
static int check_length(const struct ws_parser *parser, uint64_t *length)
{
    unsigned code = parser->header[1] & 0x7F;
    *length = code;
    if (code > 125) {
        size_t bytes = code == 126 ? 2 : 8;
        *length = 0;
        for (size_t i = 0; i < bytes; i++)
            *length = *length << 8 | parser->header[HEADER_START + i];
        if (*length < (code == 126 ? 126 : 65536) || *length >> 63)
            return WS_ERR_LENGTH;
    }
    if (parser->header[0] & CONTROL_BIT)
        return 0;
    bool compressed = parser->opcode ? parser->compressed : (parser->header[0] & WS_RSV1) != 0;
    if (*length > wire_limit(parser, compressed) - parser->payload_len)
        return WS_ERR_TOO_BIG;
    return 0;
}

/* Header: moves input there until it has size bytes; false if the input ends before. */
static bool gather(struct ws_parser *parser, struct input *in, size_t size)
{
    while (parser->header_len < size) {
        if (in->len == 0)
            return false;
        parser->header[parser->header_len++] = *in->data++;
        in->len--;
    }
    return true;
}

/* Takes a header, or what there is of it: when all has come, in_body is true. */
static int take_header(struct ws_parser *parser, struct input *in)
{
    if (!gather(parser, in, HEADER_START))
        return 0;
    int error = check_start(parser);
    if (error)
        return error;
    unsigned code = parser->header[1] & 0x7F;
    size_t size = HEADER_START + (code < 126 ? 0u : code == 126 ? 2u : 8u);
    if (!gather(parser, in, size))
        return 0;
    uint64_t length;
    error = check_length(parser, &length);
    size_t mask_size = parser->client ? 0 : MASK_SIZE;
    if (error || !gather(parser, in, size + mask_size))
        return error;

    memcpy(parser->mask, parser->header + size, mask_size);
    parser->frame_left = (uint32_t)length;
    parser->in_body = true;
    if (!(parser->header[0] & CONTROL_BIT) && parser->opcode == 0) {
        parser->opcode = parser->header[0] & 0x0F;
        parser->compressed = (parser->header[0] & WS_RSV1) != 0;
        utf8_init(&parser->utf8);
    }
    return 0;
}

static int report_close(struct ws_parser *parser, const uint8_t *data, size_t len,
                        const struct ws_events *events, void *arg)
{
    uint16_t code = WS_CLOSE_NO_CODE;
    if (len == 1)
        return WS_ERR_CLOSE_LENGTH;
    if (len >= 2) {
        code = (uint16_t)(data[0] << 8 | data[1]);
        if (!ws_close_code_valid(code))
            return WS_ERR_CLOSE_CODE;
        data += 2;
        len -= 2;
    }
    if (!utf8_valid(data, len))
        return WS_ERR_UTF8;
    parser->closed = true;
    drop_payload(parser);
    return events->on_close(arg, code, (const char *)data, len) ? WS_STOPPED : 0;
}

/* Takes a piece of a control frame's body, its last one if the frame is complete. */
static int take_control(struct ws_parser *parser, const uint8_t *data, size_t len,
                        const struct ws_events *events, void *arg)
{
    uint8_t whole[WS_CONTROL_MAX];
    if (parser->in_body || parser->control_len > 0) {
        int error = keep(parser, data, len);
        if (error)
            return error;
        parser->control_len = (uint8_t)(parser->control_len + len);
        if (parser->in_body)
            return 0;
        len = parser->control_len;
        data = memcpy(whole, parser->payload + parser->payload_len, len);
        parser->control_len = 0;
        if (parser->payload_len == 0)
            drop_payload(parser);
    }
    switch (parser->header[0] & 0x0F) {
    case WS_OP_PING:
        return events->on_ping(arg, data, len) ? WS_STOPPED : 0;
    case WS_OP_PONG:
        return events->on_pong(arg, data, len) ? WS_STOPPED : 0;
    default:
        return report_close(parser, data, len, events, arg);
    }
}

/* Inflates a message into the inflater's buffer and checks what comes out. */
static int inflate_message(const struct ws_parser *parser, bool text, uint8_t **data, size_t *len)
{
    const struct ws_limits *limits = parser->limits;
    switch (ws_inflate(limits->inflater, *data, *len, wire_limit(parser, false), data, len)) {
    case WS_DEFLATE_OK:
        return text && !utf8_valid(*data, *len) ? WS_ERR_UTF8 : 0;
    case WS_DEFLATE_TOO_BIG:
        return WS_ERR_TOO_BIG;
    case WS_DEFLATE_NO_MEMORY:
        return WS_ERR_NO_MEMORY;
    default:
        return WS_ERR_DEFLATE;
    }
}

/* The message is complete: data lies in the input or in the payload buffer. */
static int report_message(struct ws_parser *parser, uint8_t *data, size_t len,
                          const struct ws_events *events, void *arg)
{
    enum ws_opcode opcode = parser->opcode;
    uint8_t *kept = parser->payload; /* taken from the parser, which the callback may destroy */
    parser->payload = NULL;
    parser->payload_len = 0;
    parser->payload_cap = 0;
    parser->opcode = 0;
    int result = 0;
    if (parser->compressed)
        result = inflate_message(parser, opcode == WS_OP_TEXT, &data, &len);
    else if (opcode == WS_OP_TEXT && !utf8_complete(&parser->utf8))
        result = WS_ERR_UTF8;
    if (result == 0 && events->on_message(arg, opcode, data, len))
        result = WS_STOPPED;
    free(kept);
    return result;
}

/* Takes a piece of a data frame's body, its last one if the frame is complete. */
static int take_data(struct ws_parser *parser, uint8_t *data, size_t len,
                     const struct ws_events *events, void *arg)
{
    if (parser->opcode == WS_OP_TEXT && !parser->compressed && !utf8_feed(&parser->utf8, data, len))
        return WS_ERR_UTF8;
    bool complete = !parser->in_body && (parser->header[0] & WS_FIN);
    if (complete && parser->payload_len == 0)
        return report_message(parser, data, len, events, arg);
    int error = len > 0 ? keep(parser, data, len) : 0;
    if (error)
        return error;
    parser->payload_len += (uint32_t)len;
    if (!complete)
        return 0;
    return report_message(parser, parser->payload, parser->payload_len, events, arg);
}

/* Takes what there is of the current frame's body; when all has come, in_body is false. */
static int take_body(struct ws_parser *parser, struct input *in, const struct ws_events *events,
                     void *arg)
{
    uint8_t *data = in->data;
    size_t len = in->len < parser->frame_left ? in->len : parser->frame_left;
    in->data += len;
    in->len -= len;
    if (!parser->client)
        ws_mask(data, len, parser->mask);
    parser->frame_left -= (uint32_t)len;
    if (parser->frame_left == 0) {
        parser->in_body = false;
        parser->header_len = 0;
    } else if (len & 3) {
        uint8_t old[MASK_SIZE];
        memcpy(old, parser->mask, MASK_SIZE);
        for (size_t i = 0; i < MASK_SIZE; i++)
            parser->mask[i] = old[(i + len) & 3];
    }
    if (parser->header[0] & CONTROL_BIT)
        return take_control(parser, data, len, events, arg);
    return take_data(parser, data, len, events, arg);
}

int ws_parser_feed(struct ws_parser *parser, uint8_t *data, size_t len,
                   const struct ws_events *events, void *arg)
{
    if (parser->error)
        return parser->error;
    struct input in = {data, len};
    while (in.len > 0 && !parser->closed) {
        int result = 0;
        if (!parser->in_body)
            result = take_header(parser, &in);
        if (result == 0 && parser->in_body)
            result = take_body(parser, &in, events, arg);
        if (result == WS_STOPPED)
            return WS_STOPPED;
        if (result < 0) {
            parser->error = (int8_t)result;
            drop_payload(parser);
            return result;
        }
    }
    return 0;
}

size_t ws_frame_header(uint8_t out[WS_FRAME_HEADER_MAX], unsigned flags, enum ws_opcode opcode,
                       uint64_t len)
{
    size_t bytes = len < 126 ? 0 : len < 65536 ? 2 : 8;
    out[0] = (uint8_t)(flags | opcode);
    out[1] = bytes == 0 ? (uint8_t)len : bytes == 2 ? 126 : 127;
    for (size_t i = 0; i < bytes; i++)
        out[2 + i] = (uint8_t)(len >> 8 * (bytes - 1 - i));
    return 2 + bytes;
}

size_t ws_client_frame_header(uint8_t out[WS_CLIENT_HEADER_MAX], unsigned flags,
                              enum ws_opcode opcode, uint64_t len, const uint8_t mask[4])
{
    uint8_t header[WS_FRAME_HEADER_MAX];
    size_t size = ws_frame_header(header, flags, opcode, len);
    header[1] |= 0x80;
    memcpy(out, header, size);
    memcpy(out + size, mask, MASK_SIZE);
    return size + MASK_SIZE;
}

size_t ws_close_payload(uint8_t out[WS_CONTROL_MAX], uint16_t code, const char *reason, size_t len)
{
    if (code == WS_CLOSE_NO_CODE)
        return 0;
    out[0] = (uint8_t)(code >> 8);
    out[1] = (uint8_t)code;
    len = utf8_prefix(reason, len, WS_CONTROL_MAX - 2);
    if (len > 0)
        memcpy(out + 2, reason, len);
    return 2 + len;
}
