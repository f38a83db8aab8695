/*
 * permessage-deflate (RFC 7692) without context takeover in either direction: every message is
 * compressed on its own, so that a connection costs no memory and one compressed buffer serves all
 * receivers of a broadcast.
 *
 * One deflater and one inflater per event loop, used by that loop's thread only. Each keeps a zlib
 * stream and an output buffer that its next call overwrites.
 */
#ifndef LECTERN_WS_DEFLATE_H
#define LECTERN_WS_DEFLATE_H

#include <stddef.h>
#include <stdint.h>

/* Messages shorter than this (bytes) are better sent as they are; the caller decides. */
#define WS_DEFLATE_MIN 256

/*
 * log2 of the window that ws_deflate() uses: 4 KiB. Clients that limit it can be served from the
 * same buffer as all others (12 is what some of them ask for), and messages are mostly shorter.
 */
#define WS_DEFLATE_WINDOW_BITS 12

enum ws_deflate_result {
    WS_DEFLATE_OK = 0,
    WS_DEFLATE_NO_GAIN = 1,   /* the compressed form is not shorter: send the message as it is */
    WS_DEFLATE_BAD_DATA = -1, /* not DEFLATE data, or cut off */
    WS_DEFLATE_TOO_BIG = -2,  /* would inflate to more than max */
    WS_DEFLATE_NO_MEMORY = -3,
};

struct ws_deflater;
struct ws_inflater;

/* NULL when out of memory. */
struct ws_deflater *ws_deflater_create(void);
void ws_deflater_destroy(struct ws_deflater *deflater);

/*
 * Compresses one message. On WS_DEFLATE_OK, *out is the payload for a frame with RSV1 (its tail
 * 00 00 ff ff removed, RFC 7692 7.2.1); it belongs to the deflater and is valid until the next
 * call. Otherwise WS_DEFLATE_NO_GAIN or WS_DEFLATE_NO_MEMORY, and *out is not set.
 */
int ws_deflate(struct ws_deflater *deflater, const void *data, size_t len, const uint8_t **out,
               size_t *out_len) __attribute__((warn_unused_result));

/* NULL when out of memory. */
struct ws_inflater *ws_inflater_create(void);
void ws_inflater_destroy(struct ws_inflater *inflater);

/*
 * Inflates one message, the payloads of all its frames joined (RFC 7692 7.2.2), and stops as soon
 * as it gets longer than max bytes. On WS_DEFLATE_OK, *out (never NULL, may be changed) belongs to
 * the inflater and is valid until the next call. Otherwise a negative code, and *out is not set.
 */
int ws_inflate(struct ws_inflater *inflater, const void *data, size_t len, size_t max,
               uint8_t **out, size_t *out_len) __attribute__((warn_unused_result));

#endif
