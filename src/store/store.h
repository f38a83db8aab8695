/*
 * The store: what must outlive everything else (accounts, chats), in SQLite or PostgreSQL as
 * LECTERN_STORE_URL says. What it holds is read and written through one header per subject
 * (users.h, chats.h, messages.h, chat_files.h, search.h); this one opens and closes it and tells how it is.
 *
 * Calls block and may be made from any thread except a loop's; loops submit (task.h). Each is bounded by
 * LECTERN_STORE_TIMEOUT_MS for waiting and the same again for the work itself; while the store is
 * away (a PostgreSQL that cannot be reached, a full disk) they fail at once, and so do calls that only
 * read when those keep half of LECTERN_HTTP_THREADS busy already. It comes back by itself.
 */
#ifndef LECTERN_STORE_STORE_H
#define LECTERN_STORE_STORE_H

#include <stdbool.h>
#include <stddef.h>

#include "core/config.h"

/* What calls return; those of a subject's own are said there. */
enum store_result {
    STORE_OK = 0,
    STORE_NOT_FOUND = -1,
    STORE_ID_TAKEN = -2,
    STORE_EMAIL_TAKEN = -3,
    STORE_UNAVAILABLE = -4, /* away or too slow: try again later. A write may have been done */
    STORE_FAILED = -5,      /* refused what was asked of it (logged): a defect. Nothing was done */
    STORE_NOT_MEMBER = -6,  /* the room is there, but not for this user */
    STORE_FORBIDDEN = -7,   /* may see it, but not do that to it */
    STORE_TOO_MANY = -8,    /* the user has as many as one may have */
    STORE_FULL = -9,        /* the room has as many members as one may have */
};

struct store;

/*
 * Opens the store and brings its tables up to this version; several servers may do so at once. NULL
 * with a sentence in `error` when that can never work: the data directory or file cannot be used, it
 * is no database of ours, a newer Lectern has changed it, a PostgreSQL database is not in UTF-8. A
 * PostgreSQL that cannot be reached is waited for in the background instead, so that classes go on.
 * `config` is borrowed until store_close(). Secrets of the URL are never in `error` or the log.
 *
 * Descriptors that the store opens may be closed by the libraries without notice, so they must not
 * be marked as owned (net/fds.h): call this after fds_own_all_open().
 */
struct store *store_open(const struct config *config, char *error, size_t error_cap);

/* No call may be in progress, so nothing is queued. Accepts NULL. */
void store_close(struct store *store);

/* Whether it answered when it was last asked, a few seconds ago at most. Does not block. */
bool store_ready(const struct store *store);

#endif
