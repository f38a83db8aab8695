/*
 * Images on their way in, of class rooms and chats alike: whose turn it is, and decoding them
 * (media/decoder.h).
 */
#ifndef LECTERN_HTTP_IMAGES_H
#define LECTERN_HTTP_IMAGES_H

#include <stdbool.h>

#include "http/request.h"
#include "media/decoder.h"

#define IMAGES_RECEIVE_RATE                                                                        \
    8192 /* bytes per second, least: large bodies from many phones at once */

/*
 * May the user (req->claims) send an image now? True: images_leave() follows. False after answering
 * too_many_attempts (theirs have kept decoders busy in vain) or images_busy.
 */
bool images_enter(struct request *req) __attribute__((warn_unused_result));
void images_leave(struct request *req);

/* Decodes when it is this user's turn; as decoder_run(). */
enum decoder_result images_decode(struct request *req, struct buf *body, struct rendering *out)
    __attribute__((warn_unused_result));

/* Answers what was wrong with it. */
void images_refuse(struct request *req, enum decoder_result result);

#endif
