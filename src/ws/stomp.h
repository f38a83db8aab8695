/*
 * STOMP frames (specifications 1.0, 1.1, 1.2): bytes from the client in, whole frames out; and the
 * frames of a server to send. Frames may be split and joined anywhere; end-of-lines between them are
 * heart-beats. What the frames mean is the business of src/proto/stomp.c.
 *
 * Pure: no socket, clock or log. A parser is used by one thread.
 */
#ifndef LECTERN_WS_STOMP_H
#define LECTERN_WS_STOMP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

#define STOMP_HEADERS_MAX 64 /* in a frame */
#define STOMP_LINE_MAX 9216  /* bytes of a line, its end included: the longest token fits */
#define STOMP_HEAD_MAX 16384 /* bytes of a frame before its body */
#define STOMP_BODY_MAX (1u << 30)

enum stomp_version {
    STOMP_UNKNOWN, /* before CONNECT: 1.2's line ends, no escapes are undone in CONNECT and STOMP */
    STOMP_1_0,
    STOMP_1_1,
    STOMP_1_2,
};

/* The frames of clients. */
enum stomp_command {
    STOMP_CONNECT,
    STOMP_STOMP, /* means CONNECT, from 1.1 on */
    STOMP_SEND,
    STOMP_SUBSCRIBE,
    STOMP_UNSUBSCRIBE,
    STOMP_ACK,
    STOMP_NACK,
    STOMP_BEGIN,
    STOMP_COMMIT,
    STOMP_ABORT,
    STOMP_DISCONNECT,
    STOMP_COMMANDS,
};

/* What stomp_parser_feed() returns besides 0. */
enum stomp_result {
    STOMP_STOPPED = 1, /* a callback asked to stop */
    STOMP_PAUSED = 2,  /* a callback asked to wait: see stomp_parser_taken() */
    STOMP_ERR_COMMAND = -1,
    STOMP_ERR_LINE_TOO_LONG = -2,
    STOMP_ERR_HEAD_TOO_LONG = -3,
    STOMP_ERR_TOO_MANY_HEADERS = -4,
    STOMP_ERR_HEADER = -5, /* a line without colon, or without a name before it */
    STOMP_ERR_ESCAPE = -6, /* undefined in this version, or cut off */
    STOMP_ERR_UTF8 = -7,
    STOMP_ERR_NUL = -8,    /* in the head */
    STOMP_ERR_LENGTH = -9, /* content-length is no number */
    STOMP_ERR_TOO_BIG = -10,
    STOMP_ERR_NO_NUL = -11, /* behind as many bytes of body as content-length says */
    STOMP_ERR_BODY = -12,   /* in a frame that must not have one */
    STOMP_ERR_NO_MEMORY = -13,
};

/* Escapes are undone: a name or value may hold any UTF-8, line ends too, but no NUL. */
struct stomp_header {
    struct span name, value;
};

struct stomp_frame {
    enum stomp_command command;
    const struct stomp_header *headers; /* in the order in which they came */
    size_t count;
    struct span body; /* any bytes; p is never NULL */
};

/*
 * Called from inside stomp_parser_feed(); all are required. The data is valid during the call.
 * on_frame returns 0 to go on; or above 0 to stop: then the parser is not touched any more by the
 * running feed, so the callback may have destroyed it; or below 0 to pause behind this frame.
 */
struct stomp_events {
    int (*on_frame)(void *arg, const struct stomp_frame *frame);
    /*
     * Once, before the feed returns the error; the parser must stay. `receipt` is the broken frame's,
     * as far as it could be read; p is NULL where there is none.
     */
    void (*on_error)(void *arg, int error, struct span receipt);
};

/* One per connection. Its fields are stomp.c's; they stand here so that it can be embedded. */
struct stomp_parser {
    uint8_t *held; /* the unfinished frame's bytes so far, or NULL */
    uint32_t held_len, held_cap;
    uint32_t body_max;
    size_t taken;       /* bytes of the last feed, when it was paused */
    uint32_t head_len;  /* bytes of the head so far; of the whole head once in the body */
    uint32_t line_len;  /* bytes of the unfinished line; valid in the head */
    uint32_t body_len;  /* bytes of the body so far, its NUL included once it has come */
    uint32_t body_need; /* the same when the body is complete; valid if `counted` */
    uint16_t lines;     /* of the head, complete ones */
    uint8_t version;    /* enum stomp_version */
    uint8_t state;
    uint8_t line_first; /* first byte of the unfinished line; valid when line_len > 0 */
    int8_t error;       /* what feeding ended with; 0 = nothing yet */
    bool counted;       /* the frame has a content-length */
};

/* body_max: bytes of a body, at most STOMP_BODY_MAX. Allocates nothing. */
void stomp_parser_init(struct stomp_parser *parser, uint32_t body_max);

/* What was agreed on, from the next frame on. */
void stomp_parser_set_version(struct stomp_parser *parser, enum stomp_version version);

/* Frees what an unfinished frame holds. A callback that then returns non-zero may call it. */
void stomp_parser_finish(struct stomp_parser *parser);

/* True while a frame has begun and not ended. */
bool stomp_parser_in_frame(const struct stomp_parser *parser);

/*
 * Takes the next bytes from the client, which may be changed, and reports the frames that they
 * complete. Returns 0 when all were taken; STOMP_STOPPED when on_frame returned non-zero, the rest of
 * data being dropped; STOMP_PAUSED when it returned below 0: the bytes behind the first
 * stomp_parser_taken() are still to be fed; else a STOMP_ERR code: further feeding returns the same error.
 *
 * Memory is held only while a frame is unfinished at the end of a feed, and about twice the bytes of
 * it that have come at most: a length that is only announced costs nothing.
 */
int stomp_parser_feed(struct stomp_parser *parser, uint8_t *data, size_t len,
                      const struct stomp_events *events, void *arg)
    __attribute__((warn_unused_result));

/* How many bytes of a feed that was paused have been taken. */
size_t stomp_parser_taken(const struct stomp_parser *parser);

/* A short English text for people. */
const char *stomp_error_text(int error);

/* The frame's first header of that name (the first counts); p is NULL when there is none. */
struct span stomp_header(const struct stomp_frame *frame, const char *name);

const char *stomp_command_name(enum stomp_command command);
const char *stomp_version_name(enum stomp_version version); /* "1.2"; "" for STOMP_UNKNOWN */

/*
 * The highest version that both know, by the client's accept-version ("1.0,1.1"); STOMP_UNKNOWN when there
 * is none. Absent (p is NULL) means 1.0.
 */
enum stomp_version stomp_version_choose(struct span accept_version);

/*
 * Reads a heart-beat header "cx,cy": how often the client can send one, how often it wants one, in
 * milliseconds, 0 = never. Absent (p is NULL) means 0,0. False when it is malformed.
 */
bool stomp_heart_beat_read(struct span value, uint32_t *can_ms, uint32_t *wants_ms);

/*
 * A server's frame: the command's line, headers, and the end of the head with body and NUL. Names and
 * values of headers are escaped as the version demands; 1.0 knows no escapes, a LF becomes a blank
 * there.
 */
void stomp_write_command(struct buf *out, const char *command);
void stomp_write_header(struct buf *out, enum stomp_version version, const char *name,
                        struct span value);
void stomp_write_body(struct buf *out, struct span body); /* with content-length unless empty */

#endif
