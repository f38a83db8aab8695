/*
 * The bodies of REST requests: bytes, or JSON objects, which are refused unless every reader would
 * read them the same.
 */
#ifndef LECTERN_HTTP_BODY_H
#define LECTERN_HTTP_BODY_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>

#include "http/request.h"

/*
 * Receives the whole body, at most `max` bytes, and reads it: one JSON object, valid in the strict
 * sense of base/json.h, in UTF-8, with no name twice in any object, and with no string that holds
 * \u0000 or half a surrogate pair. To be freed by cJSON_Delete(). NULL after answering:
 * unsupported_media_type, body_too_large, no_capacity (too many bodies on their way),
 * request_timeout (too slow), bad_json, or nothing (client gone).
 */
cJSON *body_json(struct request *req, size_t max) __attribute__((warn_unused_result));

/*
 * Receives the whole body, of any type and at most `max` bytes, behind what `out` holds; it must keep
 * `rate` bytes per second (http/transfer.h). False after answering as body_json() does.
 */
bool body_bytes(struct request *req, size_t max, unsigned rate, struct buf *out)
    __attribute__((warn_unused_result));

/*
 * A body of any length that is read piece by piece. The fields are body.c's, but for `wrong`.
 */
struct body_stream {
    struct request *req;
    struct transfer in;
    int64_t left; /* bytes to come */
    bool direct;  /* what had come with the head is read, the rest is taken from the socket */
    const char
        *wrong; /* why there are no more bytes: an error's code, "" when the client is gone */
};

/*
 * Prepares reading the body, which must keep `rate` bytes per second, and must not pause for longer
 * than `silence_ms`. False after answering body_too_large (over `max`), or no_capacity. How many
 * bodies may be on their way is the caller's to limit.
 */
bool body_open(struct request *req, int64_t max, unsigned rate, int64_t silence_ms,
               struct body_stream *out) __attribute__((warn_unused_result));

/* The next bytes, at most `cap`; 0 at the body's end, -1 with the reason in `wrong`. */
ssize_t body_next(struct body_stream *body, void *data, size_t cap)
    __attribute__((warn_unused_result));

/* The string member `key` of a body, into `out`; false after answering bad_field with its name. */
bool body_text(struct request *req, const cJSON *object, const char *key, char *out, size_t cap)
    __attribute__((warn_unused_result));

#endif
