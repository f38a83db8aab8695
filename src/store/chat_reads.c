/* How far members have read, and how far rooms are; see chats.h. */
#include "store/chat_rows.h"

/* ---- Reading on ---- */

struct before {
    struct chat_read *op;
    struct chat_room_row room;
    bool is_member, strange;
};

static void see_before(const struct db_row *row, void *arg)
{
    struct before *before = arg;
    struct chat_read *op = before->op;
    int64_t read_seq = db_number_at(row, CHAT_ROOM_COLUMN_COUNT);
    before->strange = !chat_rows_room(row, &before->room);
    before->is_member = read_seq >= 0;
    op->read_seq = read_seq;
    memcpy(op->seal, before->room.seal, sizeof op->seal);
}

static void see_read(const struct db_row *row, void *arg)
{
    ((struct chat_read *)arg)->read_seq = db_number_at(row, 0);
}

/*
 * Whoever is told that it did not move is told so without having written. Another server may have moved it
 * further meanwhile.
 */
static enum store_result move(struct db *db, struct chat_read *op, int64_t last_seq)
{
    static const char sql[] =
        "UPDATE chat_members SET read_seq = CASE WHEN read_seq < $3 THEN $3 ELSE read_seq END"
        " WHERE room = $1 AND user_id = $2 RETURNING read_seq";
    int64_t seq = op->seq < last_seq ? op->seq : last_seq;
    if (seq <= op->read_seq) {
        return STORE_OK;
    }
    const struct db_value values[] = {db_text(span_of(op->room)), db_text(span_of(op->user)),
                                      db_number(seq)};
    int rows = db_run(db, sql, values, 3, see_read, op);
    op->moved = rows > 0 && op->read_seq == seq;
    return rows == 0 ? STORE_NOT_MEMBER : store_result_of(rows); /* 0: removed by another server */
}

static enum store_result mark(struct db *db, void *arg)
{
    static const char sql[] =
        "SELECT " CHAT_ROOM_COLUMNS ", COALESCE(m.read_seq, -1) FROM chat_rooms r"
        " LEFT JOIN chat_members m ON m.room = r.id AND m.user_id = $2"
        " WHERE r.id = $1 AND r.kind <> 'gone'";
    struct chat_read *op = arg;
    const struct db_value values[] = {db_text(span_of(op->room)), db_text(span_of(op->user))};
    struct before before = {.op = op};
    op->moved = false;
    int found = db_run(db, sql, values, 2, see_before, &before);
    if (found <= 0) {
        return found == 0 ? STORE_NOT_FOUND : store_result_of(found);
    }
    enum store_result result =
        before.strange ? STORE_FAILED : chat_rows_admit(&before.room, before.is_member);
    return result == STORE_OK ? move(db, op, before.room.last_seq) : result;
}

static void see_unread(const struct db_row *row, void *arg)
{
    ((struct chat_read *)arg)->unread = (uint32_t)db_number_at(row, 0);
}

static enum store_result count(struct db *db, void *arg)
{
    static const char sql[] =
        "SELECT " CHAT_UNREAD_COLUMN " FROM chat_members m JOIN chat_rooms r ON r.id = m.room"
        " WHERE m.room = $1 AND m.user_id = $2";
    struct chat_read *op = arg;
    const struct db_value values[] = {db_text(span_of(op->room)), db_text(span_of(op->user))};
    return store_result_of(db_run(db, sql, values, 2, see_unread, op));
}

enum store_result chats_read(struct store *store, struct chat_read *op)
{
    op->unread = 0;
    enum store_result result = store_write_in(store, store_key(op->room), mark, op);
    return result == STORE_OK ? store_read(store, count, op) : result;
}

int chats_read_submit(struct store *store, struct loop *loop, struct chat_read *op)
{
    op->task.fn = mark;
    op->task.arg = op;
    op->task.key = store_key(op->room);
    op->unread = 0;
    return store_submit_write(store, loop, &op->task);
}

/* ---- Tips of rooms ---- */

static void see_tip(const struct db_row *row, void *arg)
{
    const struct chats_tips *op = arg;
    struct span room = db_text_at(row, 0);
    for (size_t i = 0; i < op->count; i++) {
        if (span_eq(room, op->tips[i].room)) {
            op->tips[i].last_seq = db_number_at(row, 1);
        }
    }
}

/* The rooms as SQLite and PostgreSQL take a list in one value. Ids need no quoting. */
static void write_rooms(struct buf *out, const struct chats_tips *op, bool json)
{
    buf_append_text(out, json ? "[" : "");
    for (size_t i = 0; i < op->count; i++) {
        buf_append_text(out, i ? "," : "");
        buf_append_text(out, json ? "\"" : "");
        buf_append_text(out, op->tips[i].room);
        buf_append_text(out, json ? "\"" : "");
    }
    buf_append_text(out, json ? "]" : "");
}

static enum store_result read_tips(struct db *db, void *arg)
{
    static const char sqlite[] = "SELECT r.id, r.last_seq FROM chat_rooms r"
                                 " WHERE r.id IN (SELECT value FROM json_each($1))"
                                 " AND r.kind <> 'gone'";
    static const char postgres[] =
        "SELECT r.id, r.last_seq FROM chat_rooms r"
        " WHERE r.id = ANY (string_to_array($1::text, ',')) AND r.kind <> 'gone'";
    struct chats_tips *op = arg;
    bool is_sqlite = db->driver == &db_sqlite;
    struct buf rooms;
    buf_init(&rooms);
    write_rooms(&rooms, op, is_sqlite);
    for (size_t i = 0; i < op->count; i++) {
        op->tips[i].last_seq = -1;
    }
    const struct db_value value = db_text(buf_span(&rooms));
    enum store_result result =
        rooms.failed
            ? STORE_UNAVAILABLE
            : store_result_of(db_run(db, is_sqlite ? sqlite : postgres, &value, 1, see_tip, op));
    buf_finish(&rooms);
    return result;
}

enum store_result chats_tips(struct store *store, struct chats_tips *op)
{
    return store_read(store, read_tips, op);
}

int chats_tips_submit(struct store *store, struct loop *loop, struct chats_tips *op)
{
    op->task.fn = read_tips;
    op->task.arg = op;
    return store_submit_read(store, loop, &op->task);
}
