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

/* The string member `key` of a body, into `out`; false after answering bad_field with its name. */
bool body_text(struct request *req, const cJSON *object, const char *key, char *out, size_t cap)
    __attribute__((warn_unused_result));

#endif
