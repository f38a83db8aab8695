/*
 * What the tests and the fuzz target of the STOMP parser share: writing down what the parser reports,
 * so that two runs can be compared.
 */
#ifndef LECTERN_TESTS_UNIT_WS_STOMP_WIRE_H
#define LECTERN_TESTS_UNIT_WS_STOMP_WIRE_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "ws/stomp.h"

/* The frames as text: COMMAND{name=value}{…}[body], an error as !number(receipt). */
struct stomp_record {
    struct buf text;
    unsigned frames, errors;
    unsigned stop_at;            /* the frame that is answered with a stop, from 1; 0 = none */
    bool pauses;                 /* behind every frame */
    struct stomp_parser *parser; /* gets `version` at the first frame if set; may be NULL */
    enum stomp_version version;
};

static inline int stomp_record_frame(void *arg, const struct stomp_frame *frame)
{
    struct stomp_record *record = arg;
    buf_append_text(&record->text, stomp_command_name(frame->command));
    for (size_t i = 0; i < frame->count; i++) {
        buf_append_char(&record->text, '{');
        buf_append_span(&record->text, frame->headers[i].name);
        buf_append_char(&record->text, '=');
        buf_append_span(&record->text, frame->headers[i].value);
        buf_append_char(&record->text, '}');
    }
    buf_append_char(&record->text, '[');
    buf_append_span(&record->text, frame->body);
    buf_append_char(&record->text, ']');
    record->frames++;
    if (record->parser && record->version != STOMP_UNKNOWN) {
        stomp_parser_set_version(record->parser, record->version);
    }
    return record->frames == record->stop_at ? 1 : -record->pauses;
}

static inline void stomp_record_error(void *arg, int error, struct span receipt)
{
    struct stomp_record *record = arg;
    buf_printf(&record->text, "!%d(", error);
    buf_append_span(&record->text, receipt);
    buf_append_char(&record->text, ')');
    record->errors++;
}

static const struct stomp_events stomp_record_events = {stomp_record_frame, stomp_record_error};

/*
 * Feeds `data` in pieces of `piece` bytes, the first one of `first`; each piece is a copy of its own
 * size, so that a sanitizer sees every byte that is read beyond it. Returns the last feed's result.
 */
static inline int stomp_record_feed(struct stomp_parser *parser, struct stomp_record *record,
                                    const void *data, size_t len, size_t first, size_t piece)
{
    const uint8_t *at = data;
    int result = 0;
    size_t next = first;
    while (len > 0 && result == 0) {
        size_t n = next < len ? next : len;
        size_t taken = n;
        uint8_t *copy = malloc(n ? n : 1);
        if (!copy)
            abort();
        memcpy(copy, at, n);
        result = stomp_parser_feed(parser, copy, n, &stomp_record_events, record);
        free(copy);
        if (result == STOMP_PAUSED) {
            taken = stomp_parser_taken(parser);
            result = 0;
        }
        at += taken;
        len -= taken;
        next = piece;
    }
    return result;
}

#endif
