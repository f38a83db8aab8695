/*
 * The newest rows of a room, in memory, numbered without holes: what those who come later are told from,
 * each encoded once per kind of receiver. Bounded in rows and bytes; what is older is in the store.
 *
 * One thread (the loop's). Owns its entries.
 */
#ifndef LECTERN_CHAT_TAIL_H
#define LECTERN_CHAT_TAIL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "net/receiver.h"
#include "store/messages.h"

#define TAIL_ROWS 512          /* at most */
#define TAIL_BYTES (512 << 10) /* but always the newest */

struct tail_entry {
    enum chat_row_kind kind;                 /* MESSAGE_DELETED: nobody is told of it */
    int64_t added_ms;                        /* loop's time */
    struct frame *frames[RECEIVER_VARIANTS]; /* made when first needed */
    size_t len;
    char json[]; /* as on the wire */
};

struct tail {
    struct tail_entry **slots; /* a ring; NULL while there is nothing */
    uint32_t cap;              /* a power of two */
    int64_t first;             /* number of the oldest entry */
    int64_t end;               /* number of the next to come */
    size_t bytes;
    bool full; /* tail_prepend() had no place: until entries go */
};

void tail_init(struct tail *tail, int64_t end);
void tail_finish(struct tail *tail);

/* Forgets all; the next number is `end`. */
void tail_restart(struct tail *tail, int64_t end);

/*
 * Appends number tail->end, dropping the oldest past the bounds. NULL when out of memory: then all entries are
 * gone, but the number counts as appended.
 */
struct tail_entry *tail_append(struct tail *tail, enum chat_row_kind kind, struct span json,
                               int64_t now_ms);

/* Puts one in front, number tail->first - 1; false where the bounds or memory do not allow it. */
bool tail_prepend(struct tail *tail, enum chat_row_kind kind, struct span json, int64_t now_ms);

/* NULL outside first … end - 1. */
struct tail_entry *tail_at(const struct tail *tail, int64_t seq);

void tail_delete(struct tail *tail, int64_t seq);            /* it is MESSAGE_DELETED from now on */
void tail_forget(struct tail *tail, int64_t seq);            /* drops all up to this one */
void tail_forget_older(struct tail *tail, int64_t added_ms); /* those added before */

#endif
