/*
 * WebSocket frames (RFC 6455 section 5, RFC 7692): bytes from the peer in, whole messages and control
 * frames out; and the headers of the frames to send. A server's side, unless said otherwise.
 *
 * Pure: no socket, clock or log. A parser is used by one thread.
 */
#ifndef LECTERN_WS_FRAME_H
#define LECTERN_WS_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/utf8.h"

struct ws_inflater;

enum ws_opcode {
    WS_OP_CONTINUATION = 0x0,
    WS_OP_TEXT = 0x1,
    WS_OP_BINARY = 0x2,
    WS_OP_CLOSE = 0x8,
    WS_OP_PING = 0x9,
    WS_OP_PONG = 0xA,
};

/* The close codes that this layer gives or reports (RFC 6455 7.4.1). */
enum ws_close_code {
    WS_CLOSE_PROTOCOL = 1002,
    WS_CLOSE_NO_CODE = 1005, /* reported only: the client's close frame had no code */
    WS_CLOSE_BAD_DATA = 1007,
    WS_CLOSE_TOO_BIG = 1009,
    WS_CLOSE_INTERNAL = 1011,
};

/* What ws_parser_feed() returns besides 0. */
enum ws_result {
    WS_STOPPED = 1, /* a callback asked to stop */
    WS_ERR_RSV = -1,
    WS_ERR_OPCODE = -2,
    WS_ERR_CONTROL_FRAGMENTED = -3,
    WS_ERR_CONTROL_LENGTH = -4,
    WS_ERR_UNMASKED = -5,
    WS_ERR_CONTINUATION = -6, /* a continuation frame with nothing to continue */
    WS_ERR_INTERLEAVED = -7,  /* a new message inside a fragmented one */
    WS_ERR_LENGTH = -8,       /* not in its shortest form, or above 63 bits */
    WS_ERR_CLOSE_LENGTH = -9, /* a close payload of one byte */
    WS_ERR_CLOSE_CODE = -10,
    WS_ERR_UTF8 = -11,
    WS_ERR_DEFLATE = -12, /* damaged compressed data */
    WS_ERR_TOO_BIG = -13,
    WS_ERR_NO_MEMORY = -14,
    WS_ERR_MASKED = -15, /* a server's frame that is masked; clients' parsers only */
};

#define WS_CONTROL_MAX 125      /* bytes of payload in a control frame */
#define WS_CLIENT_HEADER_MAX 14 /* bytes of header in a client's frame */

/* What the parsers of one loop share. Must outlive them, unchanged. */
struct ws_limits {
    uint32_t max_message;         /* bytes, after inflation too; more than 1 GiB is taken as that */
    struct ws_inflater *inflater; /* the loop's; may be NULL if no parser uses deflate */
};

/*
 * Called from inside ws_parser_feed(); all four are required. The data is valid during the call,
 * never NULL, not terminated. A callback returns 0 to go on, or non-zero to stop: then the parser
 * is not touched any more by the running feed, so the callback may have destroyed it.
 */
struct ws_events {
    /*
     * A whole message, unmasked and inflated; a WS_OP_TEXT is valid UTF-8. The data may be changed.
     */
    int (*on_message)(void *arg, enum ws_opcode opcode, uint8_t *data, size_t len);
    int (*on_ping)(void *arg, const uint8_t *data, size_t len);
    int (*on_pong)(void *arg, const uint8_t *data, size_t len);
    /*
     * The code may be echoed, or is WS_CLOSE_NO_CODE; the reason is valid UTF-8. All bytes that
     * follow are ignored.
     */
    int (*on_close)(void *arg, uint16_t code, const char *reason, size_t len);
};

/* One per connection. Its fields are frame.c's; they stand here so that it can be embedded. */
struct ws_parser {
    const struct ws_limits *limits;
    uint8_t *payload;     /* the unfinished message, then the unfinished control frame; or NULL */
    uint32_t payload_len; /* bytes of the unfinished message */
    uint32_t payload_cap;
    uint32_t frame_left;    /* payload bytes of this frame still to come; valid while in_body */
    uint8_t mask[4];        /* mask[0] is for the next payload byte; valid while in_body */
    struct utf8_state utf8; /* of the unfinished message, if it is uncompressed text */
    uint8_t control_len;    /* bytes of the unfinished control frame */
    uint8_t header_len;
    uint8_t header[WS_CLIENT_HEADER_MAX]; /* of this frame */
    uint8_t opcode;                       /* of the unfinished message; 0 = there is none */
    int8_t error;                         /* what feeding ended with; 0 = nothing yet */
    bool deflate : 1;                     /* permessage-deflate was negotiated */
    bool compressed : 1;                  /* the unfinished message is */
    bool in_body : 1;
    bool closed : 1; /* a close frame was reported */
    bool client : 1; /* this end is the client: frames must not be masked */
};

/* deflate: permessage-deflate was negotiated for this connection. Allocates nothing. */
void ws_parser_init(struct ws_parser *parser, const struct ws_limits *limits, bool deflate);

/* A client's parser, for what a server sends: its frames must not be masked (RFC 6455 5.1). */
void ws_parser_init_client(struct ws_parser *parser, const struct ws_limits *limits, bool deflate);

/* Frees what an unfinished message holds. A callback that then returns non-zero may call it. */
void ws_parser_finish(struct ws_parser *parser);

/*
 * Takes the next bytes from the client (they are unmasked in place) and reports what they complete.
 * Returns 0 when all were taken; WS_STOPPED when a callback returned non-zero, the rest of data
 * being dropped; else a WS_ERR code, at the first byte that shows the error. After that the
 * connection is to be closed with ws_error_close_code(); further feeding returns the same error.
 *
 * Memory is held only while a message is unfinished, and about twice the bytes of it that have
 * come at most: a length that is only announced costs nothing.
 */
int ws_parser_feed(struct ws_parser *parser, uint8_t *data, size_t len,
                   const struct ws_events *events, void *arg) __attribute__((warn_unused_result));

/* The close code for a WS_ERR code, and a short English text for logs and close reasons. */
uint16_t ws_error_close_code(int error);
const char *ws_error_text(int error);

/* XORs data with the mask (RFC 6455 5.3), mask[0] on data[0]. */
void ws_mask(uint8_t *data, size_t len, const uint8_t mask[4]);

/* True for a code that a close frame may carry: 1000-1003, 1007-1014, 3000-4999. */
bool ws_close_code_valid(unsigned code);

#define WS_FIN 0x80u  /* the last (or only) frame of a message */
#define WS_RSV1 0x40u /* the message is compressed; on its first frame only */
#define WS_FRAME_HEADER_MAX 10

/*
 * Writes the header of a server's frame (unmasked) from flags of WS_FIN and WS_RSV1, the opcode and
 * the payload's length. Returns the header's size: 2, 4 or 10.
 */
size_t ws_frame_header(uint8_t out[WS_FRAME_HEADER_MAX], unsigned flags, enum ws_opcode opcode,
                       uint64_t len);

/*
 * The same for a client's frame, with the mask at its end: the payload is then to go through
 * ws_mask(). The mask is to be unpredictable (5.3) where others choose what is sent. Returns 6 to 14.
 */
size_t ws_client_frame_header(uint8_t out[WS_CLIENT_HEADER_MAX], unsigned flags,
                              enum ws_opcode opcode, uint64_t len, const uint8_t mask[4]);

/*
 * Writes a close frame's payload and returns its size: the code, and the reason (UTF-8; may be NULL
 * when len is 0) cut between code points to fit. Nothing for WS_CLOSE_NO_CODE.
 */
size_t ws_close_payload(uint8_t out[WS_CONTROL_MAX], uint16_t code, const char *reason, size_t len);

#endif
