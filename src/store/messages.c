/*
 * Appending and deleting; see messages.h. Both under the room's lock, so the order of numbers is the order
 * of commits: on SQLite there is one writer, on PostgreSQL the room's row is locked first, and a statement
 * that has waited for that sees in the rows that it changes what the others have done.
 *
 * On PostgreSQL an append is one statement, so one exchange with the server, whatever the distance. It
 * tells what it did: nothing (then it is asked why), all, or that it has taken a number and then found
 * the ref taken or the sender gone, by another server, in the moment between. Then it is undone and done again.
 */
#include "store/messages.h"

#include "store/chat_rows.h"
#include "store/fold.h"
#include "store/texts.h"

/* ---- Appending ---- */

/* An append that is being done. */
struct appending {
    struct message_append *op;
    struct span text; /* folded */
    int64_t blocked_seq;
    int64_t tail_bytes; /* of texts after it */
    bool incomplete;    /* the number was taken, the row was not made */
};

/* What the room was before. */
struct state {
    struct chat_room_row room;
    bool is_member;
    int64_t first_seq; /* of the ref; 0 = new */
    int64_t first_ms;
    bool strange;
};

static void see_state(const struct db_row *row, void *arg)
{
    struct state *state = arg;
    state->strange = !chat_rows_room(row, &state->room);
    state->is_member = db_number_at(row, CHAT_ROOM_COLUMN_COUNT) != 0;
    state->first_seq = db_number_at(row, CHAT_ROOM_COLUMN_COUNT + 1);
    state->first_ms = db_number_at(row, CHAT_ROOM_COLUMN_COUNT + 2);
}

#define FIRST                                                                                      \
    "FROM chat_messages c WHERE c.room = $1 AND c.sender = $2 AND c.ref = $3 AND c.ref <> ''"

static enum store_result read_state(struct db *db, const struct message_append *op,
                                    struct state *state)
{
    static const char sql[] =
        "SELECT " CHAT_ROOM_COLUMNS ","
        " (SELECT COUNT(*) FROM chat_members m WHERE m.room = $1 AND m.user_id = $2),"
        " COALESCE((SELECT c.seq " FIRST "), 0), COALESCE((SELECT c.created_ms " FIRST "), 0)"
        " FROM chat_rooms r WHERE r.id = $1 AND r.kind <> 'gone'";
    const struct db_value values[] = {db_text(span_of(op->room)), db_text(span_of(op->sender)),
                                      db_text(op->ref)};
    int found = db_run(db, sql, values, 3, see_state, state);
    if (found <= 0) {
        return found == 0 ? STORE_NOT_FOUND : store_result_of(found);
    }
    return state->strange ? STORE_FAILED : chat_rows_admit(&state->room, state->is_member);
}

/* STORE_OK with *is where the ref is one that was there before. */
static enum store_result find_repeated(struct db *db, struct message_append *op, bool *is)
{
    struct state state;
    enum store_result result = read_state(db, op, &state);
    *is = result == STORE_OK && state.first_seq > 0;
    if (*is) {
        op->repeated = true;
        op->seq = state.first_seq;
        op->created_ms = state.first_ms;
    }
    if (result == STORE_OK) {
        memcpy(op->seal, state.room.seal, sizeof op->seal);
    }
    return result;
}

static void see_number(const struct db_row *row, void *arg)
{
    struct appending *a = arg;
    a->op->seq = db_number_at(row, 0);
    a->blocked_seq = db_number_at(row, 1);
    a->tail_bytes = db_number_at(row, 2);
}

static int insert_row(struct db *db, const struct appending *a)
{
    static const char sql[] =
        "INSERT INTO chat_messages (room, seq, kind, sender, type, created_ms, ref, file, body,"
        " text) VALUES ($1, $2, 1, $3, $4, $5, $6, $7, $8, $9)";
    const struct message_append *op = a->op;
    const struct db_value values[] = {
        db_text(span_of(op->room)),
        db_number(op->seq),
        db_text(span_of(op->sender)),
        db_text(op->type),
        db_number(op->now_ms),
        db_text(op->ref),
        db_text(span_of(op->file ? op->file->id : "")),
        db_text(op->body),
        db_text(a->text),
    };
    return db_run(db, sql, values, sizeof values / sizeof values[0], NULL, NULL);
}

static enum store_result append_sqlite(struct db *db, struct appending *a)
{
    static const char number[] =
        "UPDATE chat_rooms SET last_seq = last_seq + 1, tail_bytes = tail_bytes + $2"
        " WHERE id = $1 RETURNING last_seq, blocked_seq, tail_bytes";
    static const char read[] =
        "UPDATE chat_members SET read_seq = $3 WHERE room = $1 AND user_id = $2";
    const struct message_append *op = a->op;
    bool is;
    enum store_result result = find_repeated(db, a->op, &is);
    if (result != STORE_OK || is) {
        return result;
    }
    const struct db_value room[] = {db_text(span_of(op->room)), db_number((int64_t)a->text.n)};
    int rows = db_run(db, number, room, 2, see_number, a);
    if (rows > 0) {
        rows = insert_row(db, a);
    }
    if (rows > 0) {
        const struct db_value values[] = {room[0], db_text(span_of(op->sender)),
                                          db_number(op->seq)};
        rows = db_run(db, read, values, 3, NULL, NULL);
    }
    return store_result_of(rows);
}

static void see_appended(const struct db_row *row, void *arg)
{
    struct appending *a = arg;
    see_number(row, arg);
    (void)chat_rows_copy(row, 3, a->op->seal, sizeof a->op->seal);
    a->incomplete = db_number_at(row, 4) == 0;
}

static int append_in_one(struct db *db, struct appending *a)
{
    static const char sql[] =
        "WITH numbered AS (UPDATE chat_rooms SET last_seq = last_seq + 1,"
        "  tail_bytes = tail_bytes + $4::bigint WHERE id = $1 AND kind <> 'gone'"
        "  AND EXISTS (SELECT 1 FROM chat_members m WHERE m.room = $1 AND m.user_id = $2)"
        "  AND NOT EXISTS (SELECT 1 " FIRST ")"
        "  RETURNING last_seq, blocked_seq, tail_bytes, seal),"
        " reading AS (UPDATE chat_members m SET read_seq = n.last_seq FROM numbered n"
        "  WHERE m.room = $1 AND m.user_id = $2 RETURNING n.last_seq AS seq),"
        " added AS (INSERT INTO chat_messages (room, seq, kind, sender, type, created_ms, ref,"
        "  file, body, text)"
        "  SELECT $1, r.seq, 1, $2, $5, $6::bigint, $3, $7, $8, $9 FROM reading r"
        "  ON CONFLICT (room, sender, ref) WHERE ref <> '' DO NOTHING RETURNING seq)"
        " SELECT n.last_seq, n.blocked_seq, n.tail_bytes, n.seal,"
        " (SELECT COUNT(*) FROM added) FROM numbered n";
    const struct message_append *op = a->op;
    const struct db_value values[] = {
        db_text(span_of(op->room)),
        db_text(span_of(op->sender)),
        db_text(op->ref),
        db_number((int64_t)a->text.n),
        db_text(op->type),
        db_number(op->now_ms),
        db_text(span_of(op->file ? op->file->id : "")),
        db_text(op->body),
        db_text(a->text),
    };
    return db_run(db, sql, values, sizeof values / sizeof values[0], see_appended, a);
}

static enum store_result append_postgres(struct db *db, struct appending *a)
{
    bool is;
    int rows = append_in_one(db, a);
    if (rows < 0) {
        return store_result_of(rows);
    }
    if (rows > 0 && !a->incomplete) {
        return STORE_OK;
    }
    if (rows == 0) {
        enum store_result result = find_repeated(db, a->op, &is);
        if (result != STORE_OK || is) {
            return result;
        }
    }
    db->conflict = true; /* it has become possible or impossible meanwhile: anew */
    return STORE_UNAVAILABLE;
}

static enum store_result add_file(struct db *db, const struct message_append *op)
{
    static const char sql[] =
        "INSERT INTO chat_files (id, room, seq, name, type, bytes, state, server, created_ms)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
    const struct message_file *file = op->file;
    const struct db_value values[] = {
        db_text(span_of(file->id)),
        db_text(span_of(op->room)),
        db_number(op->seq),
        db_text(file->name),
        db_text(file->type),
        db_number(file->bytes),
        db_text(span_of(file->ready ? "ready" : "uploading")),
        db_text(span_of(file->server)),
        db_number(op->now_ms),
    };
    return store_result_of(db_run(db, sql, values, sizeof values / sizeof values[0], NULL, NULL));
}

static enum store_result append_folded(struct db *db, struct appending *a)
{
    struct message_append *op = a->op;
    op->repeated = false;
    op->created_ms = op->now_ms;
    enum store_result result =
        db->driver == &db_sqlite ? append_sqlite(db, a) : append_postgres(db, a);
    if (result != STORE_OK || op->repeated) {
        return result;
    }
    if (op->file) {
        result = add_file(db, op);
    }
    if (result == STORE_OK &&
        (op->seq - a->blocked_seq >= TEXTS_BLOCK_ROWS || a->tail_bytes > TEXTS_BLOCK_BYTES)) {
        result = texts_close(db, op->room, a->blocked_seq, op->seq);
    }
    return result;
}

static enum store_result append(struct db *db, void *arg)
{
    struct message_append *op = arg;
    struct buf text;
    buf_init(&text);
    fold_text(&text, op->text);
    struct appending appending = {.op = op, .text = buf_span(&text)};
    enum store_result result = text.failed ? STORE_UNAVAILABLE : append_folded(db, &appending);
    buf_finish(&text);
    return result;
}

enum store_result messages_append(struct store *store, struct message_append *op)
{
    return store_write_in(store, store_key(op->room), append, op);
}

int messages_append_submit(struct store *store, struct loop *loop, struct message_append *op)
{
    op->task.fn = append;
    op->task.arg = op;
    op->task.key = store_key(op->room);
    return store_submit_write(store, loop, &op->task);
}

/* ---- Deleting ---- */

struct victim {
    struct message_delete *op;
    bool is_message;
    bool is_senders;
    bool strange;
};

static void see_victim(const struct db_row *row, void *arg)
{
    struct victim *victim = arg;
    victim->is_message = db_number_at(row, 0) == MESSAGE_SENT;
    victim->is_senders = span_eq(db_text_at(row, 1), victim->op->user);
    victim->strange = !chat_rows_copy(row, 2, victim->op->file, sizeof victim->op->file);
}

/* Whether the message is there and may be deleted by this user; the room is locked. */
static enum store_result find_victim(struct db *db, struct message_delete *op,
                                     const struct chat_room_row *room)
{
    static const char sql[] =
        "SELECT kind, sender, file FROM chat_messages WHERE room = $1 AND seq = $2";
    const struct db_value values[] = {db_text(span_of(op->room)), db_number(op->seq)};
    struct victim victim = {.op = op};
    int found = db_run(db, sql, values, 2, see_victim, &victim);
    if (found < 0 || victim.strange) {
        return victim.strange ? STORE_FAILED : store_result_of(found);
    }
    if (found == 0 || !victim.is_message) {
        return STORE_NOT_FOUND;
    }
    bool is_owners = room->kind == CHAT_GROUP && strcmp(room->owner, op->user) == 0;
    return victim.is_senders || is_owners ? STORE_OK : STORE_FORBIDDEN;
}

static enum store_result erase(struct db *db, const struct message_delete *op)
{
    static const char row[] = "UPDATE chat_messages SET kind = 6, type = '', file = '', body = '',"
                              " text = '' WHERE room = $1 AND seq = $2";
    static const char file[] = "UPDATE chat_files SET state = 'deleted' WHERE id = $1";
    const struct db_value values[] = {db_text(span_of(op->room)), db_number(op->seq)};
    int rows = db_run(db, row, values, 2, NULL, NULL);
    if (rows >= 0 && *op->file) {
        const struct db_value id = db_text(span_of(op->file));
        rows = db_run(db, file, &id, 1, NULL, NULL);
    }
    return rows < 0 ? store_result_of(rows) : texts_erase(db, op->room, op->seq);
}

static enum store_result bury(struct db *db, struct message_delete *op)
{
    struct buf body;
    int64_t seq = 0;
    buf_init(&body);
    chat_rows_write_id(&body, op->room, op->seq);
    const struct chat_event event = {MESSAGE_DELETE, op->room, op->user, buf_span(&body),
                                     op->now_ms};
    enum store_result result = body.failed ? STORE_UNAVAILABLE : chat_rows_append(db, &event, &seq);
    buf_finish(&body);
    return result == STORE_OK ? chat_rows_get(db, op->room, seq, &op->rows) : result;
}

static enum store_result delete_message(struct db *db, void *arg)
{
    struct message_delete *op = arg;
    struct chat_room_row room;
    bool is_member = false;
    chat_message_rows_finish(&op->rows);
    op->file[0] = '\0';
    enum store_result result = chat_rows_lock(db, op->room, &room);
    if (result == STORE_OK) {
        result = chat_rows_is_member(db, op->room, op->user, &is_member);
    }
    if (result == STORE_OK) {
        memcpy(op->seal, room.seal, sizeof op->seal);
        result = chat_rows_admit(&room, is_member);
    }
    if (result == STORE_OK) {
        result = find_victim(db, op, &room);
    }
    if (result == STORE_OK) {
        result = erase(db, op);
    }
    return result == STORE_OK ? bury(db, op) : result;
}

enum store_result messages_delete(struct store *store, struct message_delete *op)
{
    op->rows = (struct chat_message_rows){0};
    enum store_result result = store_write_in(store, store_key(op->room), delete_message, op);
    if (result != STORE_OK) {
        chat_message_rows_finish(&op->rows);
    }
    return result;
}

int messages_delete_submit(struct store *store, struct loop *loop, struct message_delete *op)
{
    op->task.fn = delete_message;
    op->task.arg = op;
    op->task.key = store_key(op->room);
    op->rows = (struct chat_message_rows){0};
    return store_submit_write(store, loop, &op->task);
}
