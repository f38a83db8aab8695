/*
 * WebSocket messages in two parts: a head of each receiver's own, and a rest that all of them share.
 * The rest is made once; a receiver costs a small frame for its head.
 *
 * With permessage-deflate both parts are DEFLATE blocks of one message (RFC 7692 7.2.1): the rest is
 * compressed on its own, without looking back, and stands behind a head that is stored as it is.
 *
 * Pure; on the loop that the deflater belongs to.
 */
#ifndef LECTERN_NET_PARTS_H
#define LECTERN_NET_PARTS_H

#include "base/buf.h"
#include "net/frame.h"
#include "ws/deflate.h"

#define PARTS_HEAD_MAX 65535 /* bytes: one stored block (RFC 1951 3.2.4) */

/* The shared part; `deflater` is NULL for sockets without compression. NULL: no memory. */
struct frame *parts_rest(struct ws_deflater *deflater, struct span text);

/*
 * What stands before `rest` on the wire: the WebSocket header of the whole text message, and `head`.
 * `deflate` as when `rest` was made. NULL: no memory, or the head is too long.
 */
struct frame *parts_head(struct span head, const struct frame *rest, bool deflate);

#endif
