/*
 * What the parts of the store that deal with chat rooms share: rows as they are read, rooms as they are
 * locked, and how something is appended to one. Within a transaction of the writer's, but for reading.
 */
#ifndef LECTERN_STORE_CHAT_ROWS_H
#define LECTERN_STORE_CHAT_ROWS_H

#include "store/internal.h"
#include "store/messages.h"

/* Of `chat_rooms r`, in the order that chat_rows_room() reads them. */
#define CHAT_ROOM_COLUMNS                                                                          \
    "r.id, r.kind, r.name, r.owner, r.seal, r.created_ms, r.last_seq, r.members"
#define CHAT_ROOM_COLUMN_COUNT 8

/* Of `chat_messages c JOIN users s ON s.id = c.sender`, as chat_rows_message() reads them. */
#define CHAT_MESSAGE_COLUMNS                                                                       \
    "c.room, c.seq, c.kind, c.created_ms, c.sender, s.name, s.type, c.type, c.body, c.ref"
#define CHAT_MESSAGE_BODY 8 /* where among them the body is */
#define CHAT_MESSAGE_TABLES "chat_messages c JOIN users s ON s.id = c.sender"

/* Unread messages of the member `chat_members m` in the room `chat_rooms r`. */
#define CHAT_UNREAD_COLUMN                                                                         \
    "(SELECT COUNT(*) FROM (SELECT 1 FROM chat_messages c WHERE c.room = r.id"                     \
    " AND c.seq > m.read_seq AND c.kind = 1 AND c.sender <> m.user_id LIMIT 1000) unread)"

/* Copies a column; false when it does not fit: nothing of ours is that long. */
bool chat_rows_copy(const struct db_row *row, int column, char *out, size_t cap);

/* Reads a row that begins with CHAT_ROOM_COLUMNS. False: a strange row. */
bool chat_rows_room(const struct db_row *row, struct chat_room_row *out);

/* Appends a row to `rows`, whose arena tells if there was no memory. False: a strange row. */
bool chat_rows_message(const struct db_row *row, int column, struct chat_message_rows *rows);

/* The same with another body than the row's. */
bool chat_rows_message_as(const struct db_row *row, int column, struct span body,
                          struct chat_message_rows *rows);

/* The same as a db_row_fn. */
struct chat_rows_reader {
    struct chat_message_rows *rows;
    bool strange;
};
void chat_rows_see(const struct db_row *row, void *reader);

/* What has come of reading `rows`: of db_run()'s result, a strange row, or want of memory. */
enum store_result chat_rows_result(int db_result, bool strange, bool failed);

/* The room locked until the transaction ends. STORE_NOT_FOUND also for one that is being erased. */
enum store_result chat_rows_lock(struct db *db, const char *room, struct chat_room_row *out)
    __attribute__((warn_unused_result));

/* The same without the lock, for reading. */
enum store_result chat_rows_find(struct db *db, const char *room, struct chat_room_row *out)
    __attribute__((warn_unused_result));

/* Whether the user is a member; with the room locked that stays so. *is is set with STORE_OK. */
enum store_result chat_rows_is_member(struct db *db, const char *room, const char *user, bool *is)
    __attribute__((warn_unused_result));

/* STORE_OK for a member, else what somebody who is none is told. */
enum store_result chat_rows_admit(const struct chat_room_row *room, bool is_member);

/* Appends an event to a locked room and gives its number. */
struct chat_event {
    enum chat_row_kind kind;
    const char *room;
    const char *sender;
    struct span body;
    int64_t now_ms;
};
enum store_result chat_rows_append(struct db *db, const struct chat_event *event, int64_t *seq)
    __attribute__((warn_unused_result));

/* Reads one row of a room into `rows`. STORE_NOT_FOUND when there is none. */
enum store_result chat_rows_get(struct db *db, const char *room, int64_t seq,
                                struct chat_message_rows *rows) __attribute__((warn_unused_result));

/* Appends {"id":"<room>.<seq>"}. */
void chat_rows_write_id(struct buf *out, const char *room, int64_t seq);

#endif
