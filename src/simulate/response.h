/* An HTTP answer taken apart (RFC 9112), as far as a simulated class needs it. Pure. */
#ifndef LECTERN_SIMULATE_RESPONSE_H
#define LECTERN_SIMULATE_RESPONSE_H

#include <stdbool.h>

#include "base/buf.h"

#define RESPONSE_HEAD_MAX 16384
#define RESPONSE_CODE_MAX 48

struct response {
    int status;
    struct span head; /* without the empty line */
    struct span body; /* what has come of it */
};

enum response_state {
    RESPONSE_MORE = 0, /* not complete */
    RESPONSE_WHOLE = 1,
    RESPONSE_BAD = -1, /* no HTTP, a head too long, chunked (never asked for), or cut off */
};

/* Reads only the head; *used is its length with the empty line when it is whole. */
enum response_state response_head(struct span bytes, struct response *out, size_t *used)
    __attribute__((warn_unused_result));

/*
 * Reads an answer with its body: of Content-Length, or without one up to the end of the connection.
 * `ended`: nothing follows.
 */
enum response_state response_read(struct span bytes, bool ended, struct response *out)
    __attribute__((warn_unused_result));

/* A header's value without blanks around it; empty when there is none. */
struct span response_header(const struct response *response, const char *name);

/* The code of a body {"error":{"code":…}}, "" when there is none. */
void response_code(const struct response *response, char code[RESPONSE_CODE_MAX]);

/* "503 no_capacity", or "502" where there is no code. */
#define RESPONSE_TEXT_MAX (RESPONSE_CODE_MAX + 8)
void response_text(const struct response *response, char text[RESPONSE_TEXT_MAX]);

#endif
