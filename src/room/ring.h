/*
 * The newest part of a room's log, in memory: what Redis has in `room:{id}:log`, bounded in entries
 * and bytes. One sequence per room and loop: members join it at a point and are told what follows.
 *
 * Entries have absolute positions that never change: 0, 1, 2, … in the order of appending.
 * One thread (the loop's). Owns its entries.
 */
#ifndef LECTERN_ROOM_RING_H
#define LECTERN_ROOM_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/id.h"
#include "net/frame.h"
#include "room/room.h"

/* The stream id of a message: milliseconds since 1970 and a number within it. */
struct log_id {
    uint64_t ms;
    uint64_t seq;
};

int log_id_compare(struct log_id a, struct log_id b); /* <0, 0, >0 */

/* Reads "ms-seq"; false if it is anything else. */
bool log_id_parse(struct span text, struct log_id *out);

struct ring_entry {
    struct log_id id;
    unsigned targets; /* TARGET_… */
    char *target;     /* one user id or NULL */
    char *sender;
    struct span json;                        /* as on the wire */
    struct frame *frames[RECEIVER_VARIANTS]; /* encoded forms, made when first needed */
};

struct ring {
    struct ring_entry **slots;
    size_t cap;     /* slots; a power of two */
    uint64_t first; /* position of the oldest entry */
    uint64_t end;   /* position of the next entry to come */
    size_t bytes;
    size_t max_len, max_bytes;
    struct log_id last;    /* of the newest message ever appended; 0-0 at first */
    struct log_id dropped; /* of the newest message that is no longer here; 0-0 when none */
};

void ring_init(struct ring *ring, size_t max_len, size_t max_bytes);
void ring_finish(struct ring *ring);

/*
 * Appends a message that is newer than `last` (others are refused with NULL, as is one for which there
 * is no memory). Drops the oldest entries past the bounds, but never the newest.
 */
struct ring_entry *ring_append(struct ring *ring, struct log_id id, unsigned targets,
                               const char *target, const char *sender, struct span json);

/*
 * Forgets everything: messages up to `dropped` are missing. Every position given out so far is before
 * `first` from then on.
 */
void ring_break(struct ring *ring, struct log_id dropped);

/* The entry at a position, NULL outside first … end - 1. */
struct ring_entry *ring_at(const struct ring *ring, uint64_t position);

/* The position of the first entry newer than `id`. */
uint64_t ring_after(const struct ring *ring, struct log_id id);

#endif
