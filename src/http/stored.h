/*
 * Files of chats on their way out: whole or one range of them, from the directory or the bucket they
 * are in, to readers of any speed. No thread of civetweb's waits for a reader: files of a directory
 * are the sender's (http/sender.h), objects of a bucket the bucket's reading thread's
 * (media/bucket_reads.h).
 */
#ifndef LECTERN_HTTP_STORED_H
#define LECTERN_HTTP_STORED_H

#include <stdbool.h>
#include <stdint.h>

#include "http/request.h"

struct stored {
    const char *blob;  /* its name, media/blobs.h; also its ETag, for its bytes never change */
    const char *type;  /* content type */
    const char *label; /* what it is called when it is saved */
    int64_t size;      /* bytes; -1: not known, as of thumbnails, which have no ranges then */
};

/* Answers GET and HEAD, with Range, If-Range and If-None-Match. */
void stored_serve(struct request *req, const struct stored *file);

#endif
