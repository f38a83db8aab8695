/*
 * What REST asks about rooms and classes: reads of the keys that the scripts write
 * (docs/redis-keys.md), through the pool of synchronous connections. Nothing here changes anything.
 *
 * Blocks on Redis, within the pool's limits: for threads that may block, never a loop's.
 */
#ifndef LECTERN_ROOM_LOOKUP_H
#define LECTERN_ROOM_LOOKUP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/id.h"
#include "bus/pool.h"
#include "room/entry.h"

enum lookup_result {
    LOOKUP_OK = 0,
    LOOKUP_NONE = -1,        /* there is no such room, user or class */
    LOOKUP_UNAVAILABLE = -2, /* Redis did not answer, or there is no memory */
};

struct lookup_room {
    char epoch[EPOCH_LEN + 1];
    char host[ID_MAX + 1];
    char name[NAME_MAX_BYTES + 1];
    bool locked;
    bool full; /* with those who are just entering */
    bool host_present;
    int64_t count; /* participants present */
    int64_t max;
    int64_t now_ms; /* Redis's clock, since 1970 */
    /* Of the user that was asked about: */
    bool present;  /* in the room now */
    bool attended; /* has been in this class */
    bool removed;  /* it or its device has been */
};

/* The room, and how `user_id` and `device` (each may be "") stand to it. */
enum lookup_result lookup_room(struct bus_pool *pool, const char *code, const char *user_id,
                               const char *device, struct lookup_room *out)
    __attribute__((warn_unused_result));

/*
 * What the door would say to this student now (ROOM_RESERVED: come in), but for room_full, which
 * may change at any moment. Nothing is reserved.
 */
enum room_outcome lookup_door(struct bus_pool *pool, const char *code, const char *user_id,
                              const char *device) __attribute__((warn_unused_result));

/* Somebody in a room. Spans are borrowed for the call. */
struct lookup_user {
    struct span id, name, type, server_id, state;
    int64_t joined_ms;
};
typedef void lookup_user_fn(void *arg, const struct lookup_user *user);

/* Calls `fn` for everybody in the room, the host too, in the order of their joining. */
enum lookup_result lookup_users(struct bus_pool *pool, const char *code, lookup_user_fn *fn,
                                void *arg) __attribute__((warn_unused_result));

/* The same for one of them. */
enum lookup_result lookup_user(struct bus_pool *pool, const char *code, const char *user_id,
                               lookup_user_fn *fn, void *arg) __attribute__((warn_unused_result));

/* A class, running or ended, and how far its log was read. */
struct lookup_class {
    char room[ROOM_CODE_MAX + 1];
    char host[ID_MAX + 1];
    char epoch[EPOCH_LEN + 1];
    bool running;
    bool end;        /* the log was read to its end */
    char cursor[48]; /* stream id of the last entry read; "" at the beginning */
};

/*
 * Finds the ended class of `host` in room `code`: the one of `epoch`, or the newest when that is "".
 */
enum lookup_result lookup_ended(struct bus_pool *pool, const char *host, const char *code,
                                const char *epoch, struct lookup_class *out)
    __attribute__((warn_unused_result));

/* A message of the log: `id` is "<ms>-<seq>", `text` the JSON object without id and ts. Borrowed. */
typedef void lookup_message_fn(void *arg, struct span id, struct span text);

/*
 * Calls `fn` for the next messages of the log (200 at most) and moves the class's cursor. A class
 * that ends while it is read is read on.
 */
enum lookup_result lookup_log(struct bus_pool *pool, struct lookup_class *class,
                              lookup_message_fn *fn, void *arg) __attribute__((warn_unused_result));

/* A participant's time in a class; times in ms since 1970. */
struct lookup_stay {
    char id[ID_MAX + 1];
    char name[NAME_MAX_BYTES + 1];
    int64_t first_ms, last_ms; /* last: of coming or, when gone, of going */
    int64_t present_ms;
    bool present;
};
typedef void lookup_stay_fn(void *arg, const struct lookup_stay *stay);

/* Calls `fn` for all who have been in the class, in the order of their first coming. */
enum lookup_result lookup_attendance(struct bus_pool *pool, struct lookup_class *class,
                                     lookup_stay_fn *fn, void *arg)
    __attribute__((warn_unused_result));

#endif
