/*
 * HTTP on civetweb: pages, REST, and the upgrades whose sockets are handed to the loops. See
 * "Living with civetweb 1.15" in docs/architecture.md for what its options and limits are there for.
 */
#ifndef LECTERN_HTTP_SERVER_H
#define LECTERN_HTTP_SERVER_H

#include <stddef.h>
#include <stdint.h>

#include "account/account.h"
#include "auth/token.h"
#include "bus/pool.h"
#include "chat/sweeper.h"
#include "core/config.h"
#include "media/blobs.h"
#include "media/decoder.h"
#include "proto/proto.h"
#include "store/store.h"

/* Everything that requests need; all borrowed, all outliving the server. */
struct http_context {
    const struct config *config;
    const struct tokens *tokens;
    struct bus_pool *pool;
    struct decoder *decoder;
    struct accounts *accounts;
    struct blobs *blobs; /* files of chats */
    struct sweeper *sweeper;
    struct store *store; /* accounts go through `accounts` */
    const char *server_id;
    const char *web_dir;             /* the built pages; need not exist: then pages answer 404 */
    struct proto_loop *const *loops; /* by index; a class goes to hash_stable(room) % loop_count */
    unsigned loop_count;
};

struct http_server;

/* Reads the pages, listens. NULL with a sentence in `error` (address in use, …). */
struct http_server *http_server_start(const struct http_context *context, char *error,
                                      size_t error_cap);

/* The port that is listened on (when the configured one was 0, the one the kernel chose). */
unsigned http_server_port(const struct http_server *server);

/* From now on upgrades are answered 503 `draining` and /readyz 503; pages and REST go on. */
void http_server_drain(struct http_server *server);

/* Ends it; waits for requests in progress (bounded by their time limits). Accepts NULL. */
void http_server_stop(struct http_server *server);

#endif
