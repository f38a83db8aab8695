/*
 * A thread that sends files to many slow readers at once: a class of a thousand that is shown an
 * image must not need a thousand of civetweb's threads. What fits into a socket's buffer never
 * comes here.
 */
#ifndef LECTERN_HTTP_SENDER_H
#define LECTERN_HTTP_SENDER_H

#include <stdbool.h>

#include "http/transfer.h"
#include "media/cache.h"

struct sender;

/* Starts its thread, for `most` transfers at a time. NULL: no thread, memory, descriptors. */
struct sender *sender_create(unsigned most);
void sender_destroy(struct sender *sender); /* cuts what is under way; accepts NULL */

/*
 * Sends the bytes of `file` from `offset` on over `transfer`, whose socket is non-blocking and
 * owned (net/fds.h), to its end or until the transfer's time is over (http/transfer.h), and then
 * closes the socket. Takes a reference of its own. False when there are `most` already, or no memory:
 * then the socket is still the caller's. Any thread.
 */
bool sender_take(struct sender *sender, const struct transfer *transfer, struct cached *file,
                 size_t offset) __attribute__((warn_unused_result));

/*
 * The same for the bytes of a file on disk, from `offset` to before `end` (sendfile(2)): `file` is a
 * descriptor that is owned (net/fds.h) and becomes the sender's, too. Counts as two transfers, for
 * it holds two descriptors. -1 and nothing to send: the socket is only closed, in time.
 */
bool sender_take_file(struct sender *sender, const struct transfer *transfer, int file,
                      int64_t offset, int64_t end) __attribute__((warn_unused_result));

#endif
