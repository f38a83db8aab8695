/* What the parts of http/ share: the server's insides. Read-only once started, but for the atomics. */
#ifndef LECTERN_HTTP_APP_H
#define LECTERN_HTTP_APP_H

#include <civetweb.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

#include "core/gate.h"
#include "http/address.h"
#include "http/limits.h"
#include "http/pages.h"
#include "http/patience.h"
#include "http/rates.h"
#include "http/sender.h"
#include "http/server.h"
#include "http/take.h"
#include "media/bucket_reads.h"
#include "media/cache.h"

#define HTTP_LISTENERS_MAX 4

struct http_server {
    struct http_context context;
    struct mg_context *civetweb;
    struct pages *pages;
    struct limits *limits;
    struct proto_guard guard; /* of room codes, for the loops: codes.h */
    struct rates *sending;    /* messages to chat rooms over REST */
    struct take *take;
    struct cache *files;  /* what GET /files/{id} has answered of late */
    struct gate fetching; /* files from Redis */
    struct gate objects;  /* pictures from a bucket */
    struct gate knowing;  /* what the store knows of files */
    struct sender *sender;
    struct patience *patience;
    struct bucket_reads *reads; /* of chats' files from a bucket; NULL: they are in a directory */
    struct address_range *proxies; /* LECTERN_TRUSTED_PROXIES */
    size_t proxy_count;
    int64_t sockets_max; /* open WebSockets at most */
    unsigned port;
    int listeners[HTTP_LISTENERS_MAX]; /* descriptors, marked as ours while civetweb has them */
    int listener_count;
    pthread_t starter; /* set before civetweb has threads */
    char *error;       /* the starter's: where civetweb's words go while it starts; else NULL */
    size_t error_cap;
    atomic_uint next_loop;              /* for sockets that belong to no room */
    _Atomic int64_t full_note_after_ms; /* when the log may say again that there is no capacity */
    atomic_bool draining;
    atomic_bool stopping;
};

#endif
