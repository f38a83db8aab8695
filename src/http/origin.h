/* Which pages may use this server: the Origin header (RFC 6454). Pure, any thread. */
#ifndef LECTERN_HTTP_ORIGIN_H
#define LECTERN_HTTP_ORIGIN_H

#include <stdbool.h>

/* True if `origin` is one of `origins` (NULL-terminated). */
bool origin_listed(const char *origin, char *const *origins);

/*
 * True if a request with this Origin and Host may change something or open a socket: there is no
 * Origin (not a browser), it is this server's own (its host and port are those of Host, whatever
 * the scheme, since TLS may end before us), or it is listed.
 */
bool origin_allowed(const char *origin, const char *host, char *const *origins);

#endif
