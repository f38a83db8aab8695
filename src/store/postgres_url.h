/*
 * PostgreSQL's URLs (libpq, "Connection URIs"): whether one may be used, and the hosts that it names.
 * Pure but for libpq's own look at its environment variables.
 */
#ifndef LECTERN_STORE_POSTGRES_URL_H
#define LECTERN_STORE_POSTGRES_URL_H

#include <stddef.h>

#define POSTGRES_HOSTS_MAX 8
#define POSTGRES_HOST_MAX 253
#define POSTGRES_PORT_MAX 5

/* NULL, or what is wrong with it, in words that do not quote it. */
const char *postgres_url_check(const char *url);

struct postgres_hosts {
    struct {
        char host[POSTGRES_HOST_MAX + 1];
        char port[POSTGRES_PORT_MAX + 1]; /* PGPORT's or libpq's if the URL has none */
    } list[POSTGRES_HOSTS_MAX];
    size_t count; /* 0: no host names (a socket, addresses by hostaddr): libpq knows where to go */
};

/* Of a URL that was checked. */
void postgres_url_hosts(const char *url, struct postgres_hosts *out);

#endif
