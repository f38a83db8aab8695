/*
 * The door of a class room, as the connect handler uses it: reserve a place before the handshake is
 * answered, give it back when the socket could not be taken. Blocks on Redis (bounded by the pool's
 * limits), so it belongs to threads that may block. The loop that gets the socket then activates the
 * reservation (room/room.h).
 */
#ifndef LECTERN_ROOM_ENTRY_H
#define LECTERN_ROOM_ENTRY_H

#include <stdbool.h>
#include <stdint.h>

#include "auth/token.h"
#include "base/id.h"
#include "bus/pool.h"
#include "core/config.h"

#define ROOM_PENDING_MS 10000 /* a reservation that is not activated within this is void */
#define ROOM_HOLD_MAX_S 3600

/* What the host's URL asks for; used when the room is created, ignored when it exists. */
struct room_options {
    char name[NAME_MAX_BYTES + 1]; /* "" = no name */
    uint32_t max;                  /* participants, 1 to config.room_max */
    uint32_t hold_s;               /* 0 to ROOM_HOLD_MAX_S */
    bool talk_all;                 /* talk=all: students may also write to each other */
    bool notify_all;               /* notify=all: everybody is told of joins and leaves */
};

/* A reserved place. */
struct room_ticket {
    char room[ROOM_CODE_MAX + 1];
    char epoch[EPOCH_LEN + 1]; /* of the room that the place is in */
    char session[SESSION_ID_LEN + 1];
    int64_t
        reserved_ms; /* by Redis's clock, since 1970: of two sessions of a user the newer stays */
    bool created;    /* the reservation made the room */
};

enum room_outcome {
    ROOM_RESERVED = 0,
    ROOM_NOT_FOUND, /* 404 room_not_found */
    ROOM_TAKEN,     /* 409 room_taken: another host's */
    ROOM_LOCKED,    /* 423 room_locked */
    ROOM_FULL,      /* 409 room_full */
    ROOM_REMOVED,   /* 403 removed */
    ROOM_FORBIDDEN, /* 403 room_forbidden: token of another room or type, or a student with the host's id */
    ROOM_OPENING,     /* its host is just arriving: ask again in a moment */
    ROOM_UNAVAILABLE, /* 503 unavailable: Redis did not answer */
};

/*
 * Reserves a place for `who` in `code` ("" = a teacher's new room with a drawn code). `options` is
 * looked at for teachers only.
 */
enum room_outcome room_reserve(struct bus_pool *pool, const struct claims *who, const char *code,
                               const struct room_options *options, struct room_ticket *ticket)
    __attribute__((warn_unused_result));

/* Gives an unused reservation back (and the room with it if the reservation made it). */
void room_release(struct bus_pool *pool, const struct room_ticket *ticket);

#endif
