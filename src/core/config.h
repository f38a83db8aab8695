/*
 * Configuration: environment variables LECTERN_*, read once at start-up through one table that also
 * makes --help. Read-only afterwards, so every thread may read it without a lock.
 */
#ifndef LECTERN_CORE_CONFIG_H
#define LECTERN_CORE_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "core/log.h"

enum config_jwt_algorithm {
    CONFIG_JWT_HS256,
    CONFIG_JWT_RS256,
    CONFIG_JWT_ES256,
};

/* What a server answers. */
enum config_role {
    CONFIG_ROLE_ALL,
    CONFIG_ROLE_API,    /* everything but upgrades */
    CONFIG_ROLE_SOCKET, /* upgrades only, and what machines ask (/healthz and the like) */
};

/* Who may make an account of their own. */
enum config_signup {
    CONFIG_SIGNUP_STUDENTS,
    CONFIG_SIGNUP_OPEN, /* students and teachers */
    CONFIG_SIGNUP_CLOSED,
};

/* A token bucket: `rate` per second, at most `burst` at once. Written "20/40". */
struct config_rate {
    uint32_t rate;
    uint32_t burst;
};

#define CONFIG_FEED_CHANNELS_MAX 64

/* Strings are owned by the struct and never NULL unless said; "" means not set. */
struct config {
    char *listen;    /* LECTERN_LISTEN: address:port for HTTP, IPv4 */
    char *redis_url; /* LECTERN_REDIS_URL: as base/url.h reads it */
    char *data_dir;  /* LECTERN_DATA_DIR: secrets kept here, mode 0700 */
    char *
        store_url; /* LECTERN_STORE_URL: sqlite:path or postgresql://…; "" = lectern.db in data_dir */
    char *web_dir;    /* LECTERN_WEB_DIR: the built pages; "" = web/ beside the binary */
    char *jwt_secret; /* LECTERN_JWT_SECRET: at least 32 bytes; "" = made and kept in data_dir */
    enum config_jwt_algorithm jwt_algorithm; /* LECTERN_JWT_ALGORITHM: HS256, RS256, ES256 */
    char *jwt_public_key; /* LECTERN_JWT_PUBLIC_KEY: path of a PEM file, for RS256 and ES256 */
    char *jwt_jwks;       /* LECTERN_JWT_JWKS: path of a JWK set, instead of a PEM file */
    char *jwt_issuer;     /* LECTERN_JWT_ISSUER: required `iss`, when set */
    char *jwt_audience;   /* LECTERN_JWT_AUDIENCE: required `aud`, when set */
    char *jwt_claim_id;   /* LECTERN_JWT_CLAIM_ID: claim with the user id, default sub */
    char *jwt_claim_name; /* LECTERN_JWT_CLAIM_NAME: default name */
    char *jwt_claim_type; /* LECTERN_JWT_CLAIM_TYPE: default userType */
    char **origins;       /* LECTERN_ORIGINS: allowed origins as browsers write them: lower case, no
                              default port; NULL-terminated array, never NULL */
    char **trusted_proxies; /* LECTERN_TRUSTED_PROXIES: address or address/bits; likewise */
    enum config_role role;  /* LECTERN_ROLE: all, api, socket */
    uint32_t loops;         /* LECTERN_LOOPS: event loops; 0 = one per core */
    uint32_t http_threads;  /* LECTERN_HTTP_THREADS: civetweb's worker threads, 16 to 4096 */
    char *server_id;        /* LECTERN_SERVER_ID: name among the servers; "" = drawn at start */
    uint32_t message_max;   /* LECTERN_MESSAGE_MAX: bytes of one message, 1 KiB to 16 MiB */
    uint32_t queue_max;     /* LECTERN_QUEUE_MAX: bytes queued per socket; >= 2 * message_max */
    uint32_t log_max;       /* LECTERN_LOG_MAX: messages remembered per room */
    uint32_t log_bytes;     /* LECTERN_LOG_BYTES: bytes remembered per room */
    struct config_rate rate_student; /* LECTERN_RATE_STUDENT: messages/s, burst */
    struct config_rate rate_host;    /* LECTERN_RATE_HOST */
    struct config_rate rate_echo;    /* LECTERN_RATE_ECHO */
    uint32_t echo_s;                 /* LECTERN_ECHO_S: longest life of an /echo socket, seconds */
    uint32_t room_max;               /* LECTERN_ROOM_MAX: most participants of one room */
    uint32_t ping_s;  /* LECTERN_PING_S: seconds between pings; silence of two ends a socket */
    uint32_t keep_s;  /* LECTERN_KEEP_S: seconds a class's log stays readable after its end */
    uint32_t lease_s; /* LECTERN_LEASE_S: seconds after which a silent server is taken for dead */
    uint32_t drain_s; /* LECTERN_DRAIN_S: seconds for participants of an ending server to move */
    enum config_signup signup; /* LECTERN_SIGNUP: students, open, closed */
    uint32_t token_s;          /* LECTERN_TOKEN_S: validity of an account's token, seconds */
    uint32_t image_max;        /* LECTERN_IMAGE_MAX: bytes of an uploaded image */
    uint32_t image_workers;    /* LECTERN_IMAGE_WORKERS: decoders at a time */
    uint32_t image_memory;     /* LECTERN_IMAGE_MEMORY: MiB that one may take */
    uint32_t image_timeout_ms; /* LECTERN_IMAGE_TIMEOUT_MS: time that one may take */
    uint32_t images_room_max;  /* LECTERN_IMAGES_ROOM_MAX: bytes of a room's images in Redis */
    uint32_t image_cache;      /* LECTERN_IMAGE_CACHE: bytes of images kept in this server */
    uint32_t guest_token_s;    /* LECTERN_GUEST_TOKEN_S: validity of a guest's token, seconds */
    char *files_url;           /* LECTERN_FILES_URL: as base/files_url.h; "" = files in data_dir */
    uint32_t file_max;         /* LECTERN_FILE_MAX: bytes of a file sent in a chat */
    uint64_t files_max;        /* LECTERN_FILES_MAX: bytes of all files of chats; 0 = any */
    uint32_t chat_rooms_max;   /* LECTERN_CHAT_ROOMS_MAX: rooms of one user */
    uint32_t chat_members_max; /* LECTERN_CHAT_MEMBERS_MAX: members of one group room */
    uint32_t delete_empty_rooms; /* LECTERN_DELETE_EMPTY_ROOMS: 1 or 0 */
    char **feed_channels;        /* LECTERN_FEED_CHANNELS: NULL-terminated array, never NULL */
    uint32_t feed_public;        /* LECTERN_FEED_PUBLIC: 1: anybody may follow them */
    uint32_t feed_log;           /* LECTERN_FEED_LOG: events remembered per channel */
    uint32_t connections_max;  /* LECTERN_CONNECTIONS_MAX: open sockets; 0 = by descriptor limit */
    uint32_t memory_max;       /* LECTERN_MEMORY_MAX: MiB resident for new sockets; 0 = any */
    uint32_t redis_timeout_ms; /* LECTERN_REDIS_TIMEOUT_MS: deadline of one Redis command */
    uint32_t store_timeout_ms; /* LECTERN_STORE_TIMEOUT_MS: for waiting, and again for the work */
    enum log_level log_level;  /* LECTERN_LOG_LEVEL: error, warn, info, debug */
};

/*
 * Reads `environ`-style strings. An empty value counts as not set. Returns 0, or -1 with a sentence
 * in `error` (CONFIG_ERROR_MAX bytes are enough) that names the key, the value (never a secret's) and
 * what is allowed; unknown LECTERN_ names are errors too. config_finish is needed in either case.
 */
#define CONFIG_ERROR_MAX 512
int config_load(struct config *config, char *const *environment, char *error, size_t error_cap)
    __attribute__((warn_unused_result));
void config_finish(struct config *config);

/* Writes every key, its default and its meaning: the configuration part of --help. */
void config_help(FILE *out);

/* Calls `fn` for each key of the table, for the check against docs/config.md. */
typedef void config_each_fn(const char *key, const char *default_value, const char *allowed,
                            const char *meaning, void *arg);
void config_each(config_each_fn *fn, void *arg);

#endif
