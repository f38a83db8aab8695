/*
 * What a request's head must keep to before anything is done with it. civetweb 1.15 takes the first
 * of several Content-Lengths, reads `5abc` as 5, forgets Content-Length beside chunked, and stops
 * reading at a header that is continued on the next line or has no name; all of that is refused
 * here. Pure, any thread.
 */
#ifndef LECTERN_HTTP_HEAD_H
#define LECTERN_HTTP_HEAD_H

#include <civetweb.h>
#include <stdbool.h>
#include <stdint.h>

#define HEAD_MAX 16384 /* bytes of a head, with its empty line; a token may have half of it */

/*
 * NULL when the head is in order, with the body's length in *content_length (0 when there is none);
 * else the code of the error to answer with. `version` is "1.0" or "1.1".
 */
const char *head_check(const struct mg_header *headers, int count, const char *version,
                       int64_t *content_length);

/*
 * True if civetweb has read the whole head: lines that end in CRLF, one after the other up to the
 * empty line. It leaves out what follows a line that it does not understand, as a folded one (RFC
 * 9112 section 5.2), without a word: an Origin or a Content-Length, perhaps. `info` is of a request
 * that civetweb has just parsed, since this looks at the places between the strings.
 */
bool head_complete(const struct mg_request_info *info);

/* The value of the first header `name`, NULL when there is none. */
const char *head_get(const struct mg_header *headers, int count, const char *name);

/* How many headers are called `name`. */
int head_count(const struct mg_header *headers, int count, const char *name);

/* True if a list like "text/html, application/json;q=0" names `token` without a q of 0. */
bool head_accepts(const char *list, const char *token);

/* True if a Content-Type is `type`, whatever its parameters. NULL is not. */
bool head_is_type(const char *content_type, const char *type);

#endif
