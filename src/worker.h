/*
 * A worker: one event loop with all that lives on it (Redis link, rooms, sockets), and its orderly
 * start and end.
 */
#ifndef LECTERN_WORKER_H
#define LECTERN_WORKER_H

#include <stdbool.h>

#include "auth/token.h"
#include "core/config.h"
#include "proto/proto.h"
#include "store/store.h"

struct worker;

/* Everything is borrowed and must outlive the worker. NULL: no memory, or the URL is unusable. */
struct worker *worker_create(unsigned index, const struct config *config,
                             const struct tokens *tokens, const char *server_id,
                             const char *incarnation);

/* Starts the thread. `store` is borrowed and outlives the worker. 0 or -1. */
int worker_start(struct worker *worker, struct store *store) __attribute__((warn_unused_result));

struct proto_loop *worker_proto_loop(const struct worker *worker);

/*
 * Begins the end, from any thread: sessions become pending (or leave, with LECTERN_DRAIN_S=0), sockets
 * are closed with 1001 in batches over WORKER_SPREAD_MS, then the Redis link. Takes WORKER_LEAVE_MS
 * and WORKER_CLOSE_MS at most.
 */
#define WORKER_LEAVE_MS 3000
#define WORKER_SPREAD_MS 2000
#define WORKER_CLOSE_MS 6000
void worker_end(struct worker *worker);
bool worker_ended(const struct worker *worker); /* any thread */

/* Joins the thread and frees everything; after worker_ended(), or if it was never started. */
void worker_destroy(struct worker *worker);

#endif
