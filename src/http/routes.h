/*
 * Where requests go: one table of method, pattern, handler and what the caller must show; behind it
 * the pages. OPTIONS (with CORS preflights), HEAD and 405 come from the table too.
 */
#ifndef LECTERN_HTTP_ROUTES_H
#define LECTERN_HTTP_ROUTES_H

#include <stdbool.h>

#include "http/request.h"

enum route_auth {
    ROUTE_OPEN,    /* nothing */
    ROUTE_TOKEN,   /* any valid token; the handler looks at the claims */
    ROUTE_OPS,     /* nothing, and servers of every role answer (LECTERN_ROLE) */
    ROUTE_SOCKETS, /* what the handler asks for, and servers for sockets answer */
};

struct route {
    const char *method; /* GET stands for HEAD too */
    const char
        *pattern; /* "/rooms/{id}/users": {…} is any one segment; "/…/": with a slash there */
    enum route_auth auth;
    void (*handler)(struct request *req);
};

/* The table; ends with a row whose pattern is NULL. */
extern const struct route route_table[];

/* True if `path` is one of `pattern`'s. */
bool route_matches(const char *pattern, const struct url_path *path);

/* Answers the request. */
void routes_dispatch(struct request *req);

#endif
