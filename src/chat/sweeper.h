/*
 * Cleaning up after chats, by one thread of every server: erases what deleted rooms have left, and
 * the bytes of files whose messages or rooms were deleted, gives up uploads that nobody will finish
 * (their server is gone), and removes what is left of what crashed. What it does may be done twice, or by several servers at
 * once.
 */
#ifndef LECTERN_CHAT_SWEEPER_H
#define LECTERN_CHAT_SWEEPER_H

#include <stdint.h>

#include "bus/pool.h"
#include "core/config.h"
#include "media/blobs.h"
#include "store/store.h"

struct sweeper;

struct sweeper_context { /* all borrowed, all outliving the sweeper */
    const struct config *config;
    struct store *store;
    struct bus_pool *pool;
    struct blobs *blobs;
    const char *server_id;
};

#define SWEEPER_RATE 8192        /* bytes per second that uploads must keep */
#define SWEEPER_SILENCE_MS 15000 /* and how long they may pause */

/* Starts its thread. NULL: no memory, no thread. */
struct sweeper *sweeper_create(const struct sweeper_context *context);
void sweeper_destroy(struct sweeper *sweeper); /* ends it; waits for what it is at. Accepts NULL */

/* Something was deleted: look soon. Never blocks, any thread; NULL does nothing. */
void sweeper_nudge(struct sweeper *sweeper);

/*
 * An upload of this server, from before the store hears of it to after the store was told, or could
 * not be told, how it ended. What is still being uploaded in the store's eyes then is given up when the
 * store answers again. The struct is the caller's and stays until the end. Any thread.
 */
struct sweeper_upload {
    const char *file_id;
    struct sweeper_upload *next, *prev; /* the sweeper's */
};
void sweeper_upload_begin(struct sweeper *sweeper, struct sweeper_upload *upload);
void sweeper_upload_end(struct sweeper *sweeper, struct sweeper_upload *upload);

#endif
