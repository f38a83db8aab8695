/*
 * Files of class rooms in Redis: who may send one, keeping it, reading it on any server. A file
 * lives as long as its room, and LECTERN_KEEP_S after that (docs/redis-keys.md); its address is a
 * secret of 130 bits behind the room's code and epoch.
 *
 * Blocks on Redis, within the pool's limits: for threads that may block, never a loop's.
 */
#ifndef LECTERN_ROOM_FILES_H
#define LECTERN_ROOM_FILES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/id.h"
#include "bus/pool.h"

#define FILE_NAME_LEN 26
#define FILE_CHARGE_MIN                                                                            \
    16384 /* bytes that even the smallest file counts as: it bounds their number */

/* Which file: on the wire "<CODE>.<epoch>.<name>", with ".t" behind it for its thumbnail. */
struct file_id {
    char room[ROOM_CODE_MAX + 1];
    char epoch[EPOCH_LEN + 1];
    char name[FILE_NAME_LEN + 1];
    bool thumb;
};
#define FILE_ID_SIZE (ROOM_CODE_MAX + 1 + EPOCH_LEN + 1 + FILE_NAME_LEN + 2 + 1)

/* A new one, in a room's epoch. */
void file_id_draw(const char *room, const char *epoch, struct file_id *out);

bool file_id_parse(struct span text, struct file_id *out) __attribute__((warn_unused_result));
void file_id_write(const struct file_id *id, char out[FILE_ID_SIZE]);

enum files_result {
    FILES_OK = 0,
    FILES_NONE = -1,        /* no such room (any more), or no such file */
    FILES_FULL = -2,        /* the room's files would take too much */
    FILES_UNAVAILABLE = -3, /* Redis did not answer */
};

/* What decides whether `user_id` may send a file. */
struct files_door {
    char epoch[EPOCH_LEN + 1];
    char host[ID_MAX + 1];
    bool talk_all; /* participants may write to each other */
    bool present;  /* the user is in the room now */
    int64_t bytes; /* that the room's files take */
};
enum files_result files_door(struct bus_pool *pool, const char *room, const char *user_id,
                             struct files_door *out) __attribute__((warn_unused_result));

/* A picture and its type, by its file: "image/jpeg" or "image/png". */
struct file_part {
    struct span bytes;
    bool png;
};

/*
 * Keeps an image and its thumbnail, if the room of the id's epoch still lives and has `room_max`
 * bytes for it. The same again changes nothing.
 */
enum files_result files_put(struct bus_pool *pool, const struct file_id *id,
                            const struct file_part *image, const struct file_part *thumb,
                            int64_t room_max) __attribute__((warn_unused_result));

/* Hands the part that `id` names to `fn`, borrowed for the call. */
typedef void files_fn(void *arg, const struct file_part *part);
enum files_result files_get(struct bus_pool *pool, const struct file_id *id, files_fn *fn,
                            void *arg) __attribute__((warn_unused_result));

/* Is it still there? */
enum files_result files_exists(struct bus_pool *pool, const struct file_id *id)
    __attribute__((warn_unused_result));

#endif
