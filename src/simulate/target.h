/*
 * The servers that a simulated class goes to: reading their addresses, and looking their names up.
 * Lectern speaks plain HTTP, TLS ends before it; so does this.
 */
#ifndef LECTERN_SIMULATE_TARGET_H
#define LECTERN_SIMULATE_TARGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#define TARGET_HOST_MAX 255
#define TARGET_ERROR_MAX 512

struct target {
    char host[TARGET_HOST_MAX + 1];       /* a name or an address, without brackets */
    char authority[TARGET_HOST_MAX + 16]; /* for the Host header: as given, with its port */
    uint16_t port;
    struct sockaddr_storage address; /* after target_resolve() */
};

/*
 * Reads http://host[:port] or ws://host[:port], with a slash at its end or without. Pure. 0, or -1 with
 * a sentence in `error` (TARGET_ERROR_MAX bytes): https, a path, and whatever else is not such an
 * address.
 */
int target_parse(const char *url, struct target *target, char *error)
    __attribute__((warn_unused_result));

/* Looks the host up, blocking, IPv4 first. 0, or -1 with a sentence. */
int target_resolve(struct target *target, char *error) __attribute__((warn_unused_result));

#endif
