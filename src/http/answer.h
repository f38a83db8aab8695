/*
 * Answers to requests. Each request gets one; every answer carries the security headers, CORS for
 * configured origins, and `Connection: close`.
 */
#ifndef LECTERN_HTTP_ANSWER_H
#define LECTERN_HTTP_ANSWER_H

#include <stdbool.h>

#include "http/request.h"
#include "media/cache.h"

/* Adds a line to the answer's head. The value must not hold line ends. */
void answer_header(struct request *req, const char *name, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/*
 * Appends the head of an answer up to the lines about its length and the empty line: for those who
 * send an answer themselves. `type` may be NULL.
 */
void answer_write_head(const struct request *req, int status, const char *type, struct buf *head);

/* A whole answer; `type` may be NULL when there is no body. HEAD gets the head only. */
void answer(struct request *req, int status, const char *type, struct span body);

/*
 * A whole answer with the bytes of a file. What the socket does not take at once is the sender's
 * (http/sender.h), so that the thread is free however slowly it is read.
 */
void answer_file(struct request *req, const char *type, struct cached *file);

/* A JSON answer; when `json` ran out of memory, error `internal`. Frees the buffer. */
void answer_json(struct request *req, int status, struct buf *json);

/* An error by its code (http/errors.h), with its usual sentence. Counted by code. */
void answer_error(struct request *req, const char *code);

/* An error that names a field, with a sentence of its own. */
void answer_field(struct request *req, const char *code, const char *field, const char *message);

/* An error with the seconds to wait. */
void answer_later(struct request *req, const char *code, unsigned wait_s);

/*
 * An answer whose length is not known beforehand: the head, pieces, the end. The socket must have
 * been taken. False when the client is gone or too slow; then stop.
 */
void answer_begin(struct request *req, int status, const char *type);
bool answer_piece(struct request *req, struct span piece);
void answer_end(struct request *req);

/* Breaks an answer off in such a way that the client notices. */
void answer_abort(struct request *req);

#endif
