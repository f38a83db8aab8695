/*
 * Taking a connection's socket from civetweb (docs/architecture.md, "Living with civetweb 1.15"). civetweb
 * has no call for it, but tells address and ports of a request, and exactly one of the process's
 * descriptors that are not Lectern's own has these. It is duplicated, and something that reads as
 * closed is put in its place, so that civetweb ends the request and its thread is free.
 *
 * Called on the civetweb thread that handles the request, which keeps the descriptor from being
 * closed meanwhile.
 */
#ifndef LECTERN_HTTP_TAKE_H
#define LECTERN_HTTP_TAKE_H

struct take; /* what stands in for the sockets taken */

struct take *take_create(void);       /* NULL: no descriptors or memory */
void take_destroy(struct take *take); /* accepts NULL */

enum take_result {
    TAKE_NONE = -1,      /* no descriptor fits: the client is gone */
    TAKE_SEVERAL = -2,   /* more than one does */
    TAKE_EXHAUSTED = -3, /* out of descriptors: the socket is civetweb's still */
};

/* The descriptor of the connection from `address` (dotted IPv4) and `port` to our `server_port`. */
int take_find(const char *address, unsigned port, unsigned server_port);

/*
 * A duplicate of `fd`, owned (fds_own) and non-blocking as before; `fd` reads as closed afterwards.
 * Or TAKE_EXHAUSTED.
 */
int take_over(const struct take *take, int fd);

#endif
