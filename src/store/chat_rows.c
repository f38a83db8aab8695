/* See chat_rows.h. */
#include "store/chat_rows.h"

#include <stdlib.h>

bool chat_rows_copy(const struct db_row *row, int column, char *out, size_t cap)
{
    return span_copy(db_text_at(row, column), out, cap);
}

bool chat_rows_room(const struct db_row *row, struct chat_room_row *out)
{
    out->kind = span_eq(db_text_at(row, 1), "direct") ? CHAT_DIRECT : CHAT_GROUP;
    out->created_ms = db_number_at(row, 5);
    out->last_seq = db_number_at(row, 6);
    int64_t members = db_number_at(row, 7);
    out->members = (uint32_t)members;
    return chat_rows_copy(row, 0, out->id, sizeof out->id) &&
           chat_rows_copy(row, 2, out->name, sizeof out->name) &&
           chat_rows_copy(row, 3, out->owner, sizeof out->owner) &&
           chat_rows_copy(row, 4, out->seal, sizeof out->seal) && members >= 0 &&
           members <= UINT32_MAX;
}

/* ---- Messages ---- */

static struct chat_message_row *add_row(struct chat_message_rows *rows)
{
    if (rows->count == rows->cap) {
        size_t cap = rows->cap ? 2 * rows->cap : 8;
        struct chat_message_row *list = reallocarray(rows->list, cap, sizeof *list);
        if (!list) {
            rows->texts.failed = true;
            return NULL;
        }
        rows->list = list;
        rows->cap = cap;
    }
    return &rows->list[rows->count++];
}

bool chat_rows_message(const struct db_row *row, int column, struct chat_message_rows *rows)
{
    return chat_rows_message_as(row, column, db_text_at(row, column + CHAT_MESSAGE_BODY), rows);
}

bool chat_rows_message_as(const struct db_row *row, int column, struct span body,
                          struct chat_message_rows *rows)
{
    struct chat_message_row *out = add_row(rows);
    if (!out) {
        return true;
    }
    *out = (struct chat_message_row){
        .seq = db_number_at(row, column + 1),
        .kind = (enum chat_row_kind)db_number_at(row, column + 2),
        .created_ms = db_number_at(row, column + 3),
        .sender = arena_copy(&rows->texts, db_text_at(row, column + 4)),
        .sender_name = arena_copy(&rows->texts, db_text_at(row, column + 5)),
        .type = arena_copy(&rows->texts, db_text_at(row, column + 7)),
        .body = arena_copy(&rows->texts, body),
        .ref = arena_copy(&rows->texts, db_text_at(row, column + 9)),
    };
    return chat_rows_copy(row, column, out->room, sizeof out->room) &&
           user_type_parse(db_text_at(row, column + 6), &out->sender_type);
}

void chat_rows_see(const struct db_row *row, void *reader)
{
    struct chat_rows_reader *r = reader;
    r->strange = !chat_rows_message(row, 0, r->rows) || r->strange;
}

void chat_message_rows_finish(struct chat_message_rows *rows)
{
    free(rows->list);
    arena_finish(&rows->texts);
    *rows = (struct chat_message_rows){0};
}

enum store_result chat_rows_result(int db_result, bool strange, bool failed)
{
    if (db_result < 0) {
        return store_result_of(db_result);
    }
    return failed ? STORE_UNAVAILABLE : strange ? STORE_FAILED : STORE_OK;
}

enum store_result chat_rows_get(struct db *db, const char *room, int64_t seq,
                                struct chat_message_rows *rows)
{
    static const char sql[] = "SELECT " CHAT_MESSAGE_COLUMNS " FROM " CHAT_MESSAGE_TABLES
                              " WHERE c.room = $1 AND c.seq = $2";
    const struct db_value values[] = {db_text(span_of(room)), db_number(seq)};
    struct chat_rows_reader reader = {.rows = rows};
    int found = db_run(db, sql, values, 2, chat_rows_see, &reader);
    return found == 0 ? STORE_NOT_FOUND
                      : chat_rows_result(found, reader.strange, rows->texts.failed);
}

void chat_rows_write_id(struct buf *out, const char *room, int64_t seq)
{
    buf_append_text(out, "{\"id\":\"");
    buf_append_text(out, room); /* of letters and digits */
    buf_append_char(out, '.');
    buf_append_int(out, seq);
    buf_append_text(out, "\"}");
}

/* ---- Rooms ---- */

struct room_reader {
    struct chat_room_row *room;
    bool strange;
};

static void see_room(const struct db_row *row, void *arg)
{
    struct room_reader *reader = arg;
    reader->strange = !chat_rows_room(row, reader->room);
}

#define FIND "SELECT " CHAT_ROOM_COLUMNS " FROM chat_rooms r WHERE r.id = $1 AND r.kind <> 'gone'"

static enum store_result find(struct db *db, const char *sql, const char *room,
                              struct chat_room_row *out)
{
    const struct db_value value = db_text(span_of(room));
    struct room_reader reader = {.room = out};
    int found = db_run(db, sql, &value, 1, see_room, &reader);
    return found == 0 ? STORE_NOT_FOUND : chat_rows_result(found, reader.strange, false);
}

enum store_result chat_rows_find(struct db *db, const char *room, struct chat_room_row *out)
{
    static const char sql[] = FIND;
    return find(db, sql, room, out);
}

enum store_result chat_rows_lock(struct db *db, const char *room, struct chat_room_row *out)
{
    static const char lock[] = FIND " FOR NO KEY UPDATE";
    return db->driver == &db_sqlite
               ? chat_rows_find(db, room, out) /* its writer locks everything */
               : find(db, lock, room, out);
}

enum store_result chat_rows_is_member(struct db *db, const char *room, const char *user, bool *is)
{
    static const char sql[] = "SELECT 1 FROM chat_members WHERE room = $1 AND user_id = $2";
    const struct db_value values[] = {db_text(span_of(room)), db_text(span_of(user))};
    int found = db_run(db, sql, values, 2, NULL, NULL);
    *is = found > 0;
    return store_result_of(found);
}

enum store_result chat_rows_admit(const struct chat_room_row *room, bool is_member)
{
    return is_member ? STORE_OK : room->kind == CHAT_DIRECT ? STORE_NOT_FOUND : STORE_NOT_MEMBER;
}

/* ---- Appending events ---- */

static const char *type_of(enum chat_row_kind kind)
{
    switch (kind) {
    case MESSAGE_JOIN:
        return "join";
    case MESSAGE_LEAVE:
        return "leave";
    case MESSAGE_DELETE:
        return "delete";
    case MESSAGE_FILE_STATE:
        return "file-state";
    case MESSAGE_SENT:
    case MESSAGE_DELETED:
        break;
    }
    return "";
}

static void see_number(const struct db_row *row, void *arg)
{
    *(int64_t *)arg = db_number_at(row, 0);
}

enum store_result chat_rows_append(struct db *db, const struct chat_event *event, int64_t *seq)
{
    static const char number[] =
        "UPDATE chat_rooms SET last_seq = last_seq + 1 WHERE id = $1 RETURNING last_seq";
    static const char insert[] =
        "INSERT INTO chat_messages (room, seq, kind, sender, type, created_ms, ref, file, body,"
        " text) VALUES ($1, $2, $3, $4, $5, $6, '', '', $7, '')";
    const struct db_value room = db_text(span_of(event->room));
    int rows = db_run(db, number, &room, 1, see_number, seq);
    if (rows > 0) {
        const struct db_value values[] = {room,
                                          db_number(*seq),
                                          db_number(event->kind),
                                          db_text(span_of(event->sender)),
                                          db_text(span_of(type_of(event->kind))),
                                          db_number(event->now_ms),
                                          db_text(event->body)};
        rows = db_run(db, insert, values, sizeof values / sizeof values[0], NULL, NULL);
    }
    return rows == 0 ? STORE_FAILED : store_result_of(rows);
}
