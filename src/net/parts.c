/* Messages in two parts; see parts.h. */
#include "net/parts.h"

#include <string.h>

#include "core/metrics.h"
#include "ws/frame.h"

#define STORED_HEADER 5    /* bytes before a stored block */
#define STORED_MAX 65535u  /* bytes in one */
#define STORED_TAIL '\x00' /* where the message ends its receiver puts 00 00 ff ff behind this */

/* A stored block that is not the last one, on a byte's boundary. Returns its length. */
static size_t write_stored(char *out, const char *data, size_t len)
{
    out[0] = 0;
    out[1] = (char)(len & 0xff);
    out[2] = (char)(len >> 8);
    out[3] = (char)~out[1];
    out[4] = (char)~out[2];
    if (len > 0) {
        memcpy(out + STORED_HEADER, data, len);
    }
    return STORED_HEADER + len;
}

/* What is not worth compressing. */
static struct frame *store(struct span text)
{
    size_t blocks = text.n / STORED_MAX + 1;
    struct frame *frame = frame_create(text.n + blocks * STORED_HEADER + 1);
    size_t at = 0;
    size_t len = 0;
    while (frame && at < text.n) {
        size_t n = text.n - at < STORED_MAX ? text.n - at : STORED_MAX;
        len += write_stored(frame->bytes + len, text.p + at, n);
        at += n;
    }
    if (frame) {
        frame->bytes[len++] = STORED_TAIL;
        frame->len = (uint32_t)len;
    }
    return frame;
}

static struct frame *copy(const void *data, size_t len)
{
    struct frame *frame = frame_create(len);
    if (frame && len > 0) {
        memcpy(frame->bytes, data, len);
    }
    return frame;
}

struct frame *parts_rest(struct ws_deflater *deflater, struct span text)
{
    const uint8_t *out;
    size_t len;
    struct frame *frame;
    if (!deflater) {
        frame = copy(text.p, text.n);
    } else if (text.n >= WS_DEFLATE_MIN &&
               ws_deflate(deflater, text.p, text.n, &out, &len) == WS_DEFLATE_OK) {
        frame = copy(out, len);
    } else {
        frame = store(text);
    }
    if (!frame) {
        metric_add(METRIC_OUT_OF_MEMORY, 1);
    }
    return frame;
}

struct frame *parts_head(struct span head, const struct frame *rest, bool deflate)
{
    size_t own = head.n + (deflate ? STORED_HEADER : 0);
    struct frame *frame = head.n <= PARTS_HEAD_MAX ? frame_create(WS_FRAME_HEADER_MAX + own) : NULL;
    if (!frame) {
        metric_add(METRIC_OUT_OF_MEMORY, 1);
        return NULL;
    }
    unsigned flags = deflate ? WS_FIN | WS_RSV1 : WS_FIN;
    size_t len = ws_frame_header((uint8_t *)frame->bytes, flags, WS_OP_TEXT, own + rest->len);
    if (deflate) {
        len += write_stored(frame->bytes + len, head.p, head.n);
    } else if (head.n > 0) {
        memcpy(frame->bytes + len, head.p, head.n);
        len += head.n;
    }
    frame->len = (uint32_t)len;
    return frame;
}
