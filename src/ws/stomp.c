/*
 * STOMP frames; see stomp.h.
 *
 * Two steps: the bytes are first only looked at for where the frame ends (its lines, then its
 * content-length or its NUL), with the limits kept at every byte; a frame that is complete lies in
 * one piece, in the client's bytes where it came at once, else in `held`, and is then read there. So
 * no half-read state exists, and a frame that arrives in one message is never copied.
 *
 * Between frames any mixture of LF and CR LF is taken, by every version.
 */
#include "ws/stomp.h"

#include <stdlib.h>

#include "base/number.h"
#include "base/utf8.h"

enum { BETWEEN, BETWEEN_CR, HEAD, BODY };

#define HELD_FIRST 512 /* bytes of a first allocation */

static const struct {
    const char *name;
    bool body; /* may have one (1.2, "Body") */
} commands[STOMP_COMMANDS] = {
    [STOMP_CONNECT] = {"CONNECT", false},
    [STOMP_STOMP] = {"STOMP", false},
    [STOMP_SEND] = {"SEND", true},
    [STOMP_SUBSCRIBE] = {"SUBSCRIBE", false},
    [STOMP_UNSUBSCRIBE] = {"UNSUBSCRIBE", false},
    [STOMP_ACK] = {"ACK", false},
    [STOMP_NACK] = {"NACK", false},
    [STOMP_BEGIN] = {"BEGIN", false},
    [STOMP_COMMIT] = {"COMMIT", false},
    [STOMP_ABORT] = {"ABORT", false},
    [STOMP_DISCONNECT] = {"DISCONNECT", false},
};

const char *stomp_command_name(enum stomp_command command)
{
    return commands[command].name;
}

void stomp_parser_init(struct stomp_parser *parser, uint32_t body_max)
{
    *parser = (struct stomp_parser){
        .body_max = body_max < STOMP_BODY_MAX ? body_max : STOMP_BODY_MAX,
    };
}

void stomp_parser_set_version(struct stomp_parser *parser, enum stomp_version version)
{
    parser->version = (uint8_t)version;
}

static void release(struct stomp_parser *parser)
{
    free(parser->held);
    parser->held = NULL;
    parser->held_len = parser->held_cap = 0;
}

void stomp_parser_finish(struct stomp_parser *parser)
{
    release(parser);
}

size_t stomp_parser_taken(const struct stomp_parser *parser)
{
    return parser->taken;
}

bool stomp_parser_in_frame(const struct stomp_parser *parser)
{
    return parser->state == HEAD || parser->state == BODY;
}

/* ---- reading a complete frame ---- */

/* May lines end in CR LF? */
static bool takes_cr(const struct stomp_parser *parser)
{
    return parser->version == STOMP_UNKNOWN || parser->version == STOMP_1_2;
}

/* Takes the next line off the head, without its end; false at the empty line. */
static bool next_line(const struct stomp_parser *parser, struct span *head, struct span *line)
{
    const char *eol = memchr(head->p, '\n', head->n);
    *line = (struct span){head->p, (size_t)(eol - head->p)};
    head->n -= line->n + 1;
    head->p = eol + 1;
    if (line->n > 0 && line->p[line->n - 1] == '\r' && takes_cr(parser)) {
        line->n--;
    }
    return line->n > 0;
}

/* Splits a header's line at its first colon; 1.0 pads with blanks, later versions never do. */
static bool split(const struct stomp_parser *parser, struct span line, struct stomp_header *header)
{
    const char *colon = memchr(line.p, ':', line.n);
    if (!colon || colon == line.p) {
        return false;
    }
    header->name = (struct span){line.p, (size_t)(colon - line.p)};
    header->value = (struct span){colon + 1, line.n - header->name.n - 1};
    if (parser->version == STOMP_1_0) {
        header->name = span_trim(header->name);
        header->value = span_trim(header->value);
    }
    return header->name.n > 0;
}

/* The first header of that name, escapes not undone; p is NULL when there is none. */
static struct span raw_header(const struct stomp_parser *parser, struct span head, const char *name)
{
    struct span line;
    struct stomp_header header;
    bool more = next_line(parser, &head, &line); /* the command */
    while (more && next_line(parser, &head, &line)) {
        if (split(parser, line, &header) && span_eq(header.name, name)) {
            return header.value;
        }
    }
    return (struct span){NULL, 0};
}

/* What stands for a character behind a backslash, or 0. */
static char unescaped(enum stomp_version version, char c)
{
    switch (c) {
    case 'n':
        return '\n';
    case 'c':
        return ':';
    case '\\':
        return '\\';
    case 'r':
        return version == STOMP_1_2 ? '\r' : '\0';
    default:
        return '\0';
    }
}

static bool escapes_defined(enum stomp_version version, struct span text)
{
    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] == '\\' && (++i == text.n || !unescaped(version, text.p[i]))) {
            return false;
        }
    }
    return true;
}

/* In place: what is undone is shorter. The escapes are defined, the bytes the feed's to change. */
static void unescape(enum stomp_version version, struct span *text)
{
    char *to = text->n > 0 ? memchr(text->p, '\\', text->n) : NULL;
    if (!to) {
        return;
    }
    const char *end = text->p + text->n;
    for (const char *from = to; from < end; from++) {
        *to++ = *from == '\\' ? unescaped(version, *++from) : *from;
    }
    text->n = (size_t)(to - text->p);
}

static bool has_escapes(const struct stomp_parser *parser, enum stomp_command command)
{
    return (parser->version == STOMP_1_1 || parser->version == STOMP_1_2) &&
           command != STOMP_CONNECT && command != STOMP_STOMP;
}

static int find_command(struct span name, enum stomp_command *out)
{
    for (unsigned i = 0; i < STOMP_COMMANDS; i++) {
        if (span_eq(name, commands[i].name)) {
            *out = (enum stomp_command)i;
            return 0;
        }
    }
    return STOMP_ERR_COMMAND;
}

/* Changes nothing where it fails. */
static int read_head(const struct stomp_parser *parser, struct span head, struct stomp_frame *frame,
                     struct stomp_header headers[STOMP_HEADERS_MAX])
{
    enum stomp_version version = (enum stomp_version)parser->version;
    struct span line;
    if (!utf8_valid(head.p, head.n)) {
        return STOMP_ERR_UTF8;
    }
    if (!next_line(parser, &head, &line) || find_command(line, &frame->command)) {
        return STOMP_ERR_COMMAND;
    }
    bool escapes = has_escapes(parser, frame->command);
    frame->headers = headers;
    frame->count = 0;
    while (next_line(parser, &head, &line)) {
        struct stomp_header *header = &headers[frame->count++]; /* counted as the lines came */
        if (!split(parser, line, header)) {
            return STOMP_ERR_HEADER;
        }
        if (escapes &&
            (!escapes_defined(version, header->name) || !escapes_defined(version, header->value))) {
            return STOMP_ERR_ESCAPE;
        }
    }
    for (size_t i = 0; escapes && i < frame->count; i++) {
        unescape(version, &headers[i].name);
        unescape(version, &headers[i].value);
    }
    return 0;
}

/* ---- finding a frame's end ---- */

struct feed {
    struct stomp_parser *parser;
    const uint8_t *data; /* where these bytes begin */
    uint8_t *start;      /* of what the frame has in these bytes */
    uint8_t *at, *end;
    const struct stomp_events *events;
    void *arg;
};

static int fail_with(struct feed *feed, int error, struct span receipt)
{
    feed->parser->error = (int8_t)error;
    feed->events->on_error(feed->arg, error, receipt);
    release(feed->parser);
    return error;
}

/* `head` as it came, whole. */
static int fail(struct feed *feed, int error, struct span head)
{
    const struct stomp_parser *parser = feed->parser;
    enum stomp_version version = (enum stomp_version)parser->version;
    struct span receipt = raw_header(parser, head, "receipt");
    if (receipt.p && version >= STOMP_1_1) {
        if (!escapes_defined(version, receipt)) {
            return fail_with(feed, error, (struct span){NULL, 0});
        }
        unescape(version, &receipt);
    }
    return fail_with(feed, error,
                     utf8_valid(receipt.p, receipt.n) ? receipt : (struct span){NULL, 0});
}

static int fail_early(struct feed *feed, int error)
{
    return fail_with(feed, error, (struct span){NULL, 0});
}

/* Keeps what the frame has in these bytes, behind what it had before. */
static bool hold(struct feed *feed)
{
    struct stomp_parser *parser = feed->parser;
    size_t more = (size_t)(feed->at - feed->start);
    size_t need = parser->held_len + more;
    if (need > parser->held_cap) {
        size_t cap = need * 2 > HELD_FIRST ? need * 2 : HELD_FIRST;
        uint8_t *held = realloc(parser->held, cap);
        if (!held) {
            return false;
        }
        parser->held = held;
        parser->held_cap = (uint32_t)cap;
    }
    memcpy(parser->held + parser->held_len, feed->start, more);
    parser->held_len = (uint32_t)need;
    feed->start = feed->at;
    return true;
}

/* The frame so far in one piece; p is NULL when out of memory. */
static struct span gather(struct feed *feed)
{
    struct stomp_parser *parser = feed->parser;
    if (parser->held_len == 0) {
        return (struct span){(char *)feed->start, (size_t)(feed->at - feed->start)};
    }
    if (!hold(feed)) {
        return (struct span){NULL, 0};
    }
    return (struct span){(char *)parser->held, parser->held_len};
}

static int complete(struct feed *feed)
{
    struct stomp_parser *parser = feed->parser;
    struct stomp_header headers[STOMP_HEADERS_MAX];
    struct stomp_frame frame;
    struct span bytes = gather(feed);
    if (!bytes.p) {
        return fail_early(feed, STOMP_ERR_NO_MEMORY);
    }
    struct span head = {bytes.p, parser->head_len};
    int error = read_head(parser, head, &frame, headers);
    if (error) {
        return fail(feed, error, head);
    }
    frame.body = (struct span){bytes.p + parser->head_len, parser->body_len - 1};
    if (frame.body.n > 0 && !commands[frame.command].body) {
        return fail_with(feed, STOMP_ERR_BODY, stomp_header(&frame, "receipt"));
    }
    parser->state = BETWEEN;
    int answer = feed->events->on_frame(feed->arg, &frame);
    if (answer > 0) {
        return STOMP_STOPPED;
    }
    release(parser);
    parser->taken = (size_t)(feed->at - feed->data);
    return answer < 0 ? STOMP_PAUSED : 0;
}

/* The empty line has come: how long will the body be? */
static int begin_body(struct feed *feed)
{
    struct stomp_parser *parser = feed->parser;
    struct span head = gather(feed);
    uint64_t length = 0;
    if (!head.p) {
        return fail_early(feed, STOMP_ERR_NO_MEMORY);
    }
    struct span value = raw_header(parser, head, "content-length");
    parser->state = BODY;
    parser->body_len = 0;
    parser->counted = value.p != NULL;
    if (!parser->counted) {
        return 0;
    }
    value = span_trim(value);
    while (value.n > 1 && *value.p == '0') {
        value.p++; /* nothing forbids leading zeros */
        value.n--;
    }
    if (!number_read(value, 0, UINT64_MAX / 2, &length)) {
        return fail(feed, STOMP_ERR_LENGTH, head);
    }
    if (length > parser->body_max) {
        return fail(feed, STOMP_ERR_TOO_BIG, head);
    }
    parser->body_need = (uint32_t)length + 1;
    return 0;
}

static int take_between(struct feed *feed)
{
    struct stomp_parser *parser = feed->parser;
    uint8_t c = *feed->at;
    if (c == '\n') {
        parser->state = BETWEEN;
        feed->at++;
    } else if (parser->state == BETWEEN_CR) {
        return fail_early(feed, STOMP_ERR_COMMAND);
    } else if (c == '\r') {
        parser->state = BETWEEN_CR;
        feed->at++;
    } else {
        parser->state = HEAD;
        parser->head_len = parser->line_len = parser->lines = 0;
        feed->start = feed->at;
    }
    return 0;
}

/* A line, or as much of it as has come. */
static int take_head(struct feed *feed)
{
    struct stomp_parser *parser = feed->parser;
    const uint8_t *eol = memchr(feed->at, '\n', (size_t)(feed->end - feed->at));
    size_t len = (size_t)((eol ? eol + 1 : feed->end) - feed->at);
    if (parser->line_len == 0) {
        parser->line_first = *feed->at;
    }
    if (memchr(feed->at, '\0', len)) {
        return fail_early(feed, STOMP_ERR_NUL);
    }
    if (parser->line_len + len > STOMP_LINE_MAX) {
        return fail_early(feed, STOMP_ERR_LINE_TOO_LONG);
    }
    if (parser->head_len + len > STOMP_HEAD_MAX) {
        return fail_early(feed, STOMP_ERR_HEAD_TOO_LONG);
    }
    parser->line_len += (uint32_t)len;
    parser->head_len += (uint32_t)len;
    feed->at += len;
    if (!eol) {
        return 0;
    }
    bool empty = parser->line_len == 1 ||
                 (parser->line_len == 2 && parser->line_first == '\r' && takes_cr(parser));
    parser->line_len = 0;
    if (empty) {
        return begin_body(feed);
    }
    parser->lines++;
    return parser->lines > STOMP_HEADERS_MAX + 1 ? fail_early(feed, STOMP_ERR_TOO_MANY_HEADERS) : 0;
}

static int take_body(struct feed *feed)
{
    struct stomp_parser *parser = feed->parser;
    size_t here = (size_t)(feed->end - feed->at);
    bool whole;
    if (parser->counted) {
        size_t need = parser->body_need - parser->body_len;
        whole = here >= need;
        here = whole ? need : here;
    } else {
        const uint8_t *nul = memchr(feed->at, '\0', here);
        whole = nul != NULL;
        here = whole ? (size_t)(nul + 1 - feed->at) : here;
    }
    feed->at += here;
    parser->body_len += (uint32_t)here;
    if ((whole && feed->at[-1] != '\0') || parser->body_len - whole > parser->body_max) {
        struct span bytes = gather(feed);
        int error = whole && feed->at[-1] != '\0' ? STOMP_ERR_NO_NUL : STOMP_ERR_TOO_BIG;
        return bytes.p ? fail(feed, error, (struct span){bytes.p, parser->head_len})
                       : fail_early(feed, error);
    }
    return whole ? complete(feed) : 0;
}

int stomp_parser_feed(struct stomp_parser *parser, uint8_t *data, size_t len,
                      const struct stomp_events *events, void *arg)
{
    struct feed feed = {parser, data, data, data, data + len, events, arg};
    if (parser->error) {
        return parser->error;
    }
    while (feed.at < feed.end) {
        int result = parser->state == HEAD   ? take_head(&feed)
                     : parser->state == BODY ? take_body(&feed)
                                             : take_between(&feed);
        if (result) {
            return result;
        }
    }
    if (stomp_parser_in_frame(parser) && !hold(&feed)) {
        return fail_early(&feed, STOMP_ERR_NO_MEMORY);
    }
    return 0;
}
