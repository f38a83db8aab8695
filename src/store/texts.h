/*
 * The texts of a room's messages, folded, in blocks that a search reads instead of the messages; see
 * search.c. Within a transaction of the writer's, with the room locked.
 */
#ifndef LECTERN_STORE_TEXTS_H
#define LECTERN_STORE_TEXTS_H

#include "store/internal.h"

#define TEXTS_BLOCK_ROWS 64    /* a block is made of so many rows… */
#define TEXTS_BLOCK_BYTES 5000 /* …or of those that have so much text */

/* Makes a block of the messages after `after` up to `last`; the room remembers how far it is. */
enum store_result texts_close(struct db *db, const char *room, int64_t after, int64_t last)
    __attribute__((warn_unused_result));

/* Takes a message's text out of its block, if it is in one. */
enum store_result texts_erase(struct db *db, const char *room, int64_t seq)
    __attribute__((warn_unused_result));

/* ---- Reading a block ---- */

struct texts_entry {
    int64_t seq;
    int64_t ms;
    struct span text;
};

/* What is left of a block; the columns `entries` and `text`. */
struct texts_block {
    struct span entries, text;
};

/* Takes the next message off the block; false: there is none. */
bool texts_next(struct texts_block *block, struct texts_entry *out);

#endif
