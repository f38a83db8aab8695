/*
 * Reading what stands in URLs and in the Cookie header, strictly: a value is either text or an error
 * that names what is wrong with it, never something half decoded.
 *
 * Pure functions: no allocation, callable from every thread.
 */
#ifndef LECTERN_BASE_URL_H
#define LECTERN_BASE_URL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

enum url_result {
    URL_OK = 0,
    URL_ABSENT = -1,     /* there is no such parameter or cookie */
    URL_BAD_ESCAPE = -2, /* % without two hexadecimal digits behind it */
    URL_TOO_LONG = -3,   /* does not fit */
    URL_NUL = -4,        /* holds a NUL byte, raw or as %00 */
    URL_BAD_UTF8 = -5,   /* decodes to something that is not UTF-8 */
    URL_TWICE = -6,      /* given more than once */
    URL_BAD_PATH = -7,   /* not a plain absolute path */
};

/* What is wrong, as the end of a sentence: "is given twice", "is not valid UTF-8", … */
const char *url_result_text(enum url_result result);

/*
 * Undoes percent-encoding (RFC 3986 section 2.1), and '+' for a blank if `form` (as in query
 * strings). `out` is NUL-terminated; *len without the NUL. On error `out` is "" and *len 0.
 */
enum url_result url_decode(struct span text, bool form, char *out, size_t cap, size_t *len)
    __attribute__((warn_unused_result));

/*
 * The value of parameter `name` in a query string (without its '?'; `p` may be NULL). Names are
 * compared after decoding; `name` alone means an empty value. On error `out` is "" and *len 0.
 */
enum url_result url_query_get(struct span query, const char *name, char *out, size_t cap,
                              size_t *len) __attribute__((warn_unused_result));

#define URL_PATH_MAX 512 /* longest path, bytes as sent */
#define URL_SEGMENTS_MAX 8

/* A path taken apart and decoded: "/rooms/FTYXPM/users" has three segments. */
struct url_path {
    char text[URL_PATH_MAX + 1]; /* the segments' bytes */
    uint16_t start[URL_SEGMENTS_MAX];
    uint16_t len[URL_SEGMENTS_MAX];
    size_t count; /* 0 for "/" */
    bool slash;   /* a slash ends the path ("/teacher/", and "/") */
};

/*
 * Takes the path as the client sent it, not yet decoded, without query. Refused as URL_BAD_PATH: no
 * slash at the beginning, empty segments ("//"), "." and "..", and segments that decode to something
 * with a slash, a backslash or a control character; as URL_TOO_LONG: more than URL_PATH_MAX bytes or
 * URL_SEGMENTS_MAX segments.
 */
enum url_result url_path_split(struct span path, struct url_path *out)
    __attribute__((warn_unused_result));

/* Segment `i`, empty when there is none. Valid as long as `path`, also NUL-terminated. */
struct span url_path_at(const struct url_path *path, size_t i);

/*
 * The value of the first cookie `name` in a Cookie header (RFC 6265 section 5.4), without the quotes
 * there may be around it; not decoded. URL_OK or URL_ABSENT.
 */
enum url_result cookie_get(struct span header, const char *name, struct span *value)
    __attribute__((warn_unused_result));

/* True if `s` is an IPv4 address in dotted decimal without leading zeros. */
bool ipv4_valid(struct span s);

#define REDIS_HOST_MAX 253
#define REDIS_CREDENTIAL_MAX 255
#define REDIS_PORT_DEFAULT 6379
#define REDIS_SENTINEL_PORT_DEFAULT 26379
#define REDIS_SENTINELS_MAX 8
#define REDIS_PRIMARY_MAX 64 /* longest name of a primary */
#define REDIS_DB_MAX 65535

struct redis_address {
    char host[REDIS_HOST_MAX + 1]; /* IPv4 address or host name */
    uint16_t port;
};

struct redis_url {
    struct redis_address addresses[REDIS_SENTINELS_MAX]; /* of the sentinels; else of the server */
    size_t address_count;                                /* at least 1 */
    char primary[REDIS_PRIMARY_MAX + 1];     /* its name among the sentinels; "" = no sentinels */
    char user[REDIS_CREDENTIAL_MAX + 1];     /* "" = not given (Redis' default user) */
    char password[REDIS_CREDENTIAL_MAX + 1]; /* "" = no authentication */
    uint32_t db;
};

/*
 * redis://[[user]:password@]host[:port][/db], or
 * redis+sentinel://[[user]:password@]host[:port][,host[:port]...]/primary[/db] with the addresses of
 * sentinels and the name that they have for the primary (A-Z a-z 0-9 . _ -). User and password are
 * percent-encoded. NULL when it was read into `out`, else what is wrong with it, in words that do
 * not quote it (it may hold a password).
 */
const char *redis_url_parse(struct span text, struct redis_url *out)
    __attribute__((warn_unused_result));

#endif
