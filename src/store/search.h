/*
 * Looking for a part of a text in the messages of one's rooms: see search.c for how. Upper and lower
 * case are the same (fold.h), in Korean it does not matter how syllables are composed. Threads and results: store.h.
 */
#ifndef LECTERN_STORE_SEARCH_H
#define LECTERN_STORE_SEARCH_H

#include "store/messages.h"

#define SEARCH_CURSOR_MAX 64

/*
 * Messages (MESSAGE_SENT) whose text contains `part`, the newest first (by time, then room and seq), those older than
 * `before`. Only of rooms that the user is in: `room` may name one of them (STORE_NOT_FOUND and
 * STORE_NOT_MEMBER as in messages.h). What was deleted is not found.
 */
struct messages_search {
    const char *user;
    const char *room;   /* NULL: all rooms of the user */
    struct span part;   /* valid UTF-8, not empty; not folded */
    struct span before; /* empty: from the newest; else a `next`. Unreadable: STORE_NOT_FOUND */
    uint32_t limit;     /* 1 to 50; fewer come where their bodies take more than 1 MiB */

    struct chat_message_rows rows;    /* newest first; to be freed after STORE_OK */
    char next[SEARCH_CURSOR_MAX + 1]; /* "" = there are no more */
};

/* A HTTP thread's. */
enum store_result messages_search(struct store *store, struct messages_search *op)
    __attribute__((warn_unused_result));

#endif
