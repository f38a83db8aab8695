/*
 * What the tests and the fuzz target of the frame parser share: building a client's bytes, and
 * writing down what the parser reports so that two runs can be compared.
 */
#ifndef LECTERN_TESTS_UNIT_WS_WIRE_H
#define LECTERN_TESTS_UNIT_WS_WIRE_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "ws/frame.h"

struct wire {
    uint8_t *data;
    size_t len;
    size_t cap;
};

static inline void wire_put(struct wire *wire, const void *data, size_t len)
{
    if (wire->len + len > wire->cap) {
        wire->cap = (wire->len + len) * 2;
        wire->data = realloc(wire->data, wire->cap);
        if (!wire->data)
            abort();
    }
    if (len > 0)
        memcpy(wire->data + wire->len, data, len);
    wire->len += len;
}

static inline void wire_finish(struct wire *wire)
{
    free(wire->data);
    *wire = (struct wire){0};
}

/* A masked frame: its first byte as given, the length in its shortest form. */
static inline void wire_frame(struct wire *wire, unsigned first, const void *payload, size_t len)
{
    static const uint8_t mask[4] = {0x37, 0xfa, 0x21, 0x3d};
    uint8_t header[WS_FRAME_HEADER_MAX];
    size_t header_len = ws_frame_header(header, first & 0xF0u, first & 0x0Fu, len);
    header[1] |= 0x80;
    wire_put(wire, header, header_len);
    wire_put(wire, mask, sizeof mask);
    wire_put(wire, payload, len);
    for (size_t i = 0; i < len; i++)
        wire->data[wire->len - len + i] ^= mask[i & 3];
}

/* What a parser reported, one record after the other: kind, code, length, data. */
struct record {
    struct wire log;
    unsigned events;
    unsigned stop_at; /* the event that is answered with non-zero, counted from 1; 0 = none */
    struct ws_parser *destroy; /* finished and freed at that event; may be NULL */
};

static inline void record_put(struct record *record, char kind, unsigned code, const void *data,
                              size_t len)
{
    uint32_t head[3] = {(uint32_t)kind, code, (uint32_t)len};
    wire_put(&record->log, head, sizeof head);
    wire_put(&record->log, data, len);
}

static inline int record_event(struct record *record, char kind, unsigned code, const void *data,
                               size_t len)
{
    int stop = ++record->events == record->stop_at;
    if (stop && record->destroy) {
        ws_parser_finish(record->destroy);
        free(record->destroy);
    }
    record_put(record, kind, code, data, len);
    return stop;
}

static inline int record_message(void *arg, enum ws_opcode opcode, uint8_t *data, size_t len)
{
    int stop = record_event(arg, 'm', opcode, data, len);
    memset(data, 0xAA, len); /* allowed, and must not matter */
    return stop;
}

static inline int record_ping(void *arg, const uint8_t *data, size_t len)
{
    return record_event(arg, 'p', 0, data, len);
}

static inline int record_pong(void *arg, const uint8_t *data, size_t len)
{
    return record_event(arg, 'q', 0, data, len);
}

static inline int record_close(void *arg, uint16_t code, const char *reason, size_t len)
{
    return record_event(arg, 'c', code, reason, len);
}

static const struct ws_events record_events = {
    .on_message = record_message,
    .on_ping = record_ping,
    .on_pong = record_pong,
    .on_close = record_close,
};

/* Feeds a copy that is exactly as long as the piece, so that a sanitizer sees every step outside.
 */
static inline int wire_feed(struct ws_parser *parser, const uint8_t *data, size_t len,
                            struct record *record)
{
    uint8_t *copy = malloc(len ? len : 1);
    if (!copy)
        abort();
    if (len > 0)
        memcpy(copy, data, len);
    int result = ws_parser_feed(parser, copy, len, &record_events, record);
    free(copy);
    return result;
}

#endif
