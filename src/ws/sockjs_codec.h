/*
 * SockJS's framing (sockjs-protocol 0.3.3, "Protocol and framing" and "JSON Unicode Encoding"): text as
 * a JSON string for the frames that go to the client, and the payloads that come from it.
 *
 * To the client: `o`, `h`, `a["…",…]`, `c[code,"reason"]`. From it: a JSON array of strings, or one
 * string. Pure; callable from every thread.
 */
#ifndef LECTERN_WS_SOCKJS_CODEC_H
#define LECTERN_WS_SOCKJS_CODEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

/*
 * Text between the quotes of a JSON string. Escaped is what JSON demands, and what the protocol demands
 * of servers because browsers and proxies mangle it: U+007F, U+200C–200F, 2028–202F, 2060–206F,
 * FFF0–FFFF. Bytes that are not UTF-8 become U+FFFD, one for each.
 */
size_t sockjs_escaped_len(struct span text);
char *sockjs_escape(char *out, struct span text); /* the end of what it wrote; not terminated */

/* `c[code,"reason"]` into `out`. */
void sockjs_close_frame(struct buf *out, uint16_t code, const char *reason);

enum sockjs_payload {
    SOCKJS_OK = 0,
    SOCKJS_EMPTY = -1,  /* there is nothing: "Payload expected." */
    SOCKJS_BROKEN = -2, /* not UTF-8, not JSON, or not strings: "Broken JSON encoding." */
};

/* The messages of a payload that was found to be whole, taken out of it one by one. */
struct sockjs_reader {
    char *at, *end;
};

/*
 * Looks at the whole payload, before any of it is taken out. Afterwards sockjs_next() gives the
 * messages, which are decoded in place: `data` must stay, and is changed.
 */
enum sockjs_payload sockjs_begin(struct sockjs_reader *reader, char *data, size_t len)
    __attribute__((warn_unused_result));

/*
 * The next message: UTF-8, in which \u0000 is a NUL and half a surrogate pair U+FFFD (as browsers send
 * it over WebSocket). False at the end.
 */
bool sockjs_next(struct sockjs_reader *reader, struct span *message);

#endif
