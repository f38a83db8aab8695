/* Looks a host's name up without blocking the loop (libuv's thread pool). On the loop's thread. */
#ifndef LECTERN_BUS_RESOLVE_H
#define LECTERN_BUS_RESOLVE_H

#include <stdbool.h>
#include <uv.h>

/* Embedded by its owner; must live until `found` has run. */
struct resolve {
    uv_getaddrinfo_t request;
    void (*found)(struct resolve *resolve, const char *ip, const char *error);
    void *owner;
};

bool resolve_is_numeric(const char *host);

/*
 * `found` runs later, exactly once, with an address (IPv4 if the host has one) or NULL and a
 * reason. 0, or a libuv error: then it never runs.
 */
int resolve_start(struct resolve *resolve, uv_loop_t *loop, const char *host)
    __attribute__((warn_unused_result));

/* Makes `found` run sooner, where that is possible. */
void resolve_cancel(struct resolve *resolve);

#endif
