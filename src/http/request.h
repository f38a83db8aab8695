/*
 * One HTTP request and its answer, as the handlers see them. Lives on the stack of the civetweb
 * thread that handles the request, between request_init() and request_finish().
 *
 * A request with a body, or with a long answer, is taken from civetweb (http/take.h): then `fd` is
 * its socket, read and written with deadlines of our own, and civetweb has nothing left to drain.
 */
#ifndef LECTERN_HTTP_REQUEST_H
#define LECTERN_HTTP_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "auth/token.h"
#include "base/buf.h"
#include "base/url.h"
#include "http/app.h"
#include "http/transfer.h"

struct request {
    struct http_server *server;
    struct mg_connection *conn;
    const struct mg_request_info *info;
    int64_t started_ns;   /* monotonic */
    const char *method;   /* "" when the request line could not be read */
    const char *uri;      /* the path as sent, without the query, for logs; "-" likewise */
    struct url_path path; /* empty when it could not be read */
    struct span query;
    int64_t content_length;          /* of the body */
    bool chunked_body;               /* it comes in chunks: its length is not known */
    bool unread;                     /* bytes of this request may still come, or wait unread */
    char address[ADDRESS_TEXT_SIZE]; /* the client's */
    struct address client;
    bool from_proxy; /* the peer is a trusted proxy */

    const char *const *allow; /* methods of this address, for OPTIONS and 405; NULL-terminated */
    struct claims claims;     /* valid once request_claims() was NULL */
    bool code_charged;        /* the client has been charged for asking for a room (codes.h) */

    struct buf headers;        /* further lines of the answer's head */
    const char *cache_control; /* of the answer; default "no-store" */
    const char *policy;        /* Content-Security-Policy; default: nothing may be loaded */
    int status;                /* of the answer; 0: not answered yet */
    bool chunked;              /* the answer is sent in chunks */
    int fd;                    /* the socket when taken, else -1 */
    struct transfer out;       /* valid while fd >= 0 */
};

/*
 * Reads the head. NULL, or the code of the error that the caller answers with. request_finish() is
 * due in either case.
 */
const char *request_init(struct request *req, struct http_server *server,
                         struct mg_connection *conn);

/* Prepares an answer to something that could not be read as a request. */
void request_init_unread(struct request *req, struct http_server *server,
                         struct mg_connection *conn);

/* Counts and logs what was answered, gives the socket back or closes it. */
void request_finish(struct request *req);

/*
 * Makes the socket ours. False when that is impossible (the client is gone, out of descriptors):
 * then it stays civetweb's.
 */
bool request_take(struct request *req);

/* The first header of that name, or NULL. */
const char *request_header(const struct request *req, const char *name);

/* All headers of that name as one list, in `out`; NULL when there is none or no memory. */
const char *request_header_list(const struct request *req, const char *name, struct buf *out);

bool request_is(const struct request *req, const char *method);

/* True if the client came through a trusted proxy by https. */
bool request_is_https(const struct request *req);

/* True if Origin allows to change something or to open a socket. */
bool request_origin_allowed(const struct request *req);

/*
 * Reads a query parameter; an absent one is "". False after answering bad_field with its name when
 * it cannot be read or does not fit.
 */
bool request_field(struct request *req, const char *name, char *out, size_t cap);

/* The same for a number from `min` to `max`; *out keeps its value when the parameter is absent. */
bool request_number(struct request *req, const char *name, uint32_t min, uint32_t max,
                    uint32_t *out) __attribute__((warn_unused_result));

/*
 * The client's claims, into req->claims. The token is looked for in Authorization, then among the
 * subprotocols (bearer.<jwt>), then in ?token=; the first place that has one counts. NULL, or the
 * code of the error to answer with.
 */
const char *request_claims(struct request *req) __attribute__((warn_unused_result));

/* The hash of that token, whether it is valid or not. NULL, or the code of the error. */
#define REQUEST_TOKEN_HASH 32 /* bytes */
const char *request_token_hash(struct request *req, uint8_t out[REQUEST_TOKEN_HASH])
    __attribute__((warn_unused_result));

#endif
