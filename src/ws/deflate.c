/*
 * permessage-deflate on zlib's raw streams.
 *
 * A sender flushes with an empty stored block, 00 00 ff ff on the wire, and leaves these four bytes
 * out (RFC 7692 7.2.1); a receiver puts them back (7.2.2). What remains then must end between two
 * blocks, which zlib tells in data_type. Blocks with BFINAL set (7.2.3.4) end zlib's stream
 * although more blocks may follow: the stream is then begun anew.
 */
#include "ws/deflate.h"

#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

/*
 * The fastest level: up to 2 KB it makes messages at most 3 % longer than the default one, and the
 * largest take the loop's thread half as long. The memory level is that of a small hash table,
 * which is cleared for every message.
 */
#define LEVEL 1
#define MEMORY_LEVEL 5
#define INFLATE_START 4096 /* bytes of the first output buffer */
#define AFTER_BLOCK 128    /* zlib's bit of data_type for "just after a block" */

static const uint8_t flush_tail[4] = {0x00, 0x00, 0xff, 0xff};

struct ws_deflater {
    z_stream stream;
    uint8_t *out;
    size_t cap;
};

struct ws_inflater {
    z_stream stream;
    uint8_t *out;
    size_t cap;
    size_t len;   /* bytes of this message so far */
    bool between; /* the input ended between two blocks */
    bool final;   /* the input ended with a final block */
};

struct ws_deflater *ws_deflater_create(void)
{
    struct ws_deflater *deflater = calloc(1, sizeof *deflater);
    if (!deflater)
        return NULL;
    if (deflateInit2(&deflater->stream, LEVEL, Z_DEFLATED, -WS_DEFLATE_WINDOW_BITS, MEMORY_LEVEL,
                     Z_DEFAULT_STRATEGY) != Z_OK) {
        free(deflater);
        return NULL;
    }
    return deflater;
}

void ws_deflater_destroy(struct ws_deflater *deflater)
{
    if (!deflater)
        return;
    deflateEnd(&deflater->stream);
    free(deflater->out);
    free(deflater);
}

/* Makes room for size bytes; what the buffer held is lost. */
static bool reserve_scratch(struct ws_deflater *deflater, size_t size)
{
    if (size <= deflater->cap)
        return true;
    free(deflater->out);
    deflater->cap = 0;
    deflater->out = malloc(size);
    if (!deflater->out)
        return false;
    deflater->cap = size;
    return true;
}

int ws_deflate(struct ws_deflater *deflater, const void *data, size_t len, const uint8_t **out,
               size_t *out_len)
{
    /* Room for len bytes and the tail: a result that needs more is no gain. zlib wants a little to
     * spare, so as not to repeat the flush marker. */
    size_t room = len + sizeof flush_tail + 8;
    if (room > UINT_MAX)
        return WS_DEFLATE_NO_GAIN;
    if (!reserve_scratch(deflater, room))
        return WS_DEFLATE_NO_MEMORY;
    z_stream *stream = &deflater->stream;
    deflateReset(stream);
    stream->next_in = (z_const Bytef *)data;
    stream->avail_in = (uInt)len;
    stream->next_out = deflater->out;
    stream->avail_out = (uInt)room;
    if (deflate(stream, Z_SYNC_FLUSH) != Z_OK)
        return WS_DEFLATE_NO_GAIN;
    size_t payload = room - stream->avail_out - sizeof flush_tail;
    if (payload >= len)
        return WS_DEFLATE_NO_GAIN;
    *out = deflater->out;
    *out_len = payload;
    return WS_DEFLATE_OK;
}

struct ws_inflater *ws_inflater_create(void)
{
    struct ws_inflater *inflater = calloc(1, sizeof *inflater);
    if (!inflater)
        return NULL;
    inflater->out = malloc(INFLATE_START);
    if (!inflater->out || inflateInit2(&inflater->stream, -MAX_WBITS) != Z_OK) {
        free(inflater->out);
        free(inflater);
        return NULL;
    }
    inflater->cap = INFLATE_START;
    return inflater;
}

void ws_inflater_destroy(struct ws_inflater *inflater)
{
    if (!inflater)
        return;
    inflateEnd(&inflater->stream);
    free(inflater->out);
    free(inflater);
}

/* Doubles the output buffer, to one byte more than max at most: enough to see that max is passed.
 */
static bool grow_output(struct ws_inflater *inflater, size_t max)
{
    size_t cap = inflater->cap < max / 2 ? inflater->cap * 2 + 1 : max + 1;
    uint8_t *out = realloc(inflater->out, cap);
    if (!out)
        return false;
    inflater->out = out;
    inflater->cap = cap;
    return true;
}

/* One call of zlib, with room for at least a byte of output. */
static int inflate_step(struct ws_inflater *inflater, size_t max)
{
    if (inflater->len == inflater->cap && !grow_output(inflater, max))
        return Z_MEM_ERROR;
    z_stream *stream = &inflater->stream;
    stream->next_out = inflater->out + inflater->len;
    stream->avail_out = (uInt)(inflater->cap - inflater->len);
    int result = inflate(stream, Z_SYNC_FLUSH);
    inflater->len = inflater->cap - stream->avail_out;
    if (result == Z_OK)
        inflater->between = (stream->data_type & AFTER_BLOCK) != 0;
    return result;
}

/* Inflates all of one piece of the message. */
static int inflate_piece(struct ws_inflater *inflater, const uint8_t *data, size_t len, size_t max)
{
    z_stream *stream = &inflater->stream;
    stream->next_in = (z_const Bytef *)data;
    stream->avail_in = (uInt)len;
    for (;;) {
        int result = inflate_step(inflater, max);
        if (inflater->len > max)
            return WS_DEFLATE_TOO_BIG;
        switch (result) {
        case Z_OK:
            if (stream->avail_in == 0 && stream->avail_out > 0)
                return WS_DEFLATE_OK;
            break;
        case Z_BUF_ERROR: /* neither input nor output left to do */
            return WS_DEFLATE_OK;
        case Z_STREAM_END:
            inflater->final = stream->avail_in == 0;
            if (inflater->final)
                return WS_DEFLATE_OK;
            inflateReset(stream);
            break;
        case Z_MEM_ERROR:
            return WS_DEFLATE_NO_MEMORY;
        default:
            return WS_DEFLATE_BAD_DATA;
        }
    }
}

int ws_inflate(struct ws_inflater *inflater, const void *data, size_t len, size_t max,
               uint8_t **out, size_t *out_len)
{
    if (len > UINT_MAX)
        return WS_DEFLATE_TOO_BIG;
    if (max > UINT_MAX - 1)
        max = UINT_MAX - 1;
    inflateReset(&inflater->stream);
    inflater->len = 0;
    inflater->between = false;
    inflater->final = false;
    int result = inflate_piece(inflater, data, len, max);
    if (result == WS_DEFLATE_OK && !inflater->final)
        result = inflate_piece(inflater, flush_tail, sizeof flush_tail, max);
    if (result != WS_DEFLATE_OK)
        return result;
    if (!inflater->final && !inflater->between)
        return WS_DEFLATE_BAD_DATA;
    *out = inflater->out;
    *out_len = inflater->len;
    return WS_DEFLATE_OK;
}
