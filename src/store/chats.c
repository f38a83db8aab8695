/*
 * Making groups and direct rooms, joining and leaving; see chats.h. Whatever changes who is in a room is done
 * with its row locked, so what is counted stays true until the commit. One exception is left alone: somebody who
 * joins two rooms on two servers at the same moment may have one more than is allowed.
 */
#include "store/chats.h"

#include "base/json.h"
#include "store/chat_rows.h"
#include "store/fold.h"

/* ---- Parts ---- */

struct number {
    int64_t value;
};

static void see_number(const struct db_row *row, void *arg)
{
    ((struct number *)arg)->value = db_number_at(row, 0);
}

/* STORE_TOO_MANY if the user is in `max` rooms. */
static enum store_result check_rooms(struct db *db, const char *user, uint32_t max)
{
    static const char sql[] = "SELECT COUNT(*) FROM chat_members WHERE user_id = $1";
    const struct db_value value = db_text(span_of(user));
    struct number rooms = {0};
    int found = db_run(db, sql, &value, 1, see_number, &rooms);
    return found < 0 ? store_result_of(found) : rooms.value >= max ? STORE_TOO_MANY : STORE_OK;
}

static enum store_result insert_room(struct db *db, const struct chat_room_row *room)
{
    static const char sql[] =
        "INSERT INTO chat_rooms (id, kind, name, name_key, owner, seal, created_ms, last_seq,"
        " members, blocked_seq, tail_bytes) VALUES ($1, $2, $3, $4, $5, $6, $7, 0, $8, 0, 0)";
    struct buf key;
    buf_init(&key);
    fold_text(&key, span_of(room->name));
    const struct db_value values[] = {
        db_text(span_of(room->id)),
        db_text(span_of(room->kind == CHAT_GROUP ? "group" : "direct")),
        db_text(span_of(room->name)),
        db_text(buf_span(&key)),
        db_text(span_of(room->owner)),
        db_text(span_of(room->seal)),
        db_number(room->created_ms),
        db_number(room->members),
    };
    enum store_result result =
        key.failed ? STORE_UNAVAILABLE
                   : store_result_of(
                         db_run(db, sql, values, sizeof values / sizeof values[0], NULL, NULL));
    buf_finish(&key);
    return result;
}

static enum store_result insert_member(struct db *db, const char *room, const char *user,
                                       int64_t seq)
{
    static const char sql[] = "INSERT INTO chat_members (room, user_id, joined_seq, read_seq)"
                              " VALUES ($1, $2, $3, $3)";
    const struct db_value values[] = {db_text(span_of(room)), db_text(span_of(user)),
                                      db_number(seq)};
    return store_result_of(db_run(db, sql, values, 3, NULL, NULL));
}

static enum store_result update_room(struct db *db, const struct chat_room_row *room)
{
    static const char sql[] = "UPDATE chat_rooms SET owner = $2, members = $3 WHERE id = $1";
    const struct db_value values[] = {db_text(span_of(room->id)), db_text(span_of(room->owner)),
                                      db_number(room->members)};
    return store_result_of(db_run(db, sql, values, 3, NULL, NULL));
}

/* Writes the body of a join or leave: who it is, and how many there are now. */
struct notice {
    struct buf *out;
    const struct chat_room_row *after;
    bool new_owner;
};

static void see_user(const struct db_row *row, void *arg)
{
    const struct notice *notice = arg;
    struct buf *out = notice->out;
    buf_append_text(out, "{\"name\":");
    json_write_string(out, db_text_at(row, 0));
    buf_append_text(out, ",\"userType\":");
    json_write_string(out, db_text_at(row, 1));
    buf_append_text(out, ",\"count\":");
    buf_append_int(out, notice->after->members);
    if (notice->new_owner) {
        buf_append_text(out, ",\"owner\":");
        json_write_string(out, span_of(notice->after->owner));
    }
    buf_append_char(out, '}');
}

struct move { /* a join or leave */
    enum chat_row_kind kind;
    const char *user;
    int64_t now_ms;
    bool new_owner;
};

/* Appends the event; `after` is what the room is after it, its last_seq becomes the event's. */
static enum store_result tell(struct db *db, const struct move *move, struct chat_room_row *after)
{
    static const char sql[] = "SELECT name, type FROM users WHERE id = $1";
    const struct db_value user = db_text(span_of(move->user));
    struct buf body;
    struct notice notice = {&body, after, move->new_owner};
    buf_init(&body);
    int found = db_run(db, sql, &user, 1, see_user, &notice);
    enum store_result result = found == 0    ? STORE_NOT_FOUND
                               : body.failed ? STORE_UNAVAILABLE
                                             : store_result_of(found);
    if (result == STORE_OK) {
        const struct chat_event event = {move->kind, after->id, move->user, buf_span(&body),
                                         move->now_ms};
        result = chat_rows_append(db, &event, &after->last_seq);
    }
    buf_finish(&body);
    return result;
}

/* ---- Groups ---- */

static enum store_result create(struct db *db, void *arg)
{
    struct chat_create *op = arg;
    struct chat_room_row *room = &op->room;
    *room = (struct chat_room_row){.kind = CHAT_GROUP, .created_ms = op->now_ms, .members = 1};
    id_chat_room(room->id);
    id_random(room->seal, SEAL_LEN);
    if (!span_copy(op->name, room->name, sizeof room->name) ||
        !span_copy(span_of(op->owner), room->owner, sizeof room->owner)) {
        return STORE_FAILED;
    }
    enum store_result result = check_rooms(db, op->owner, op->rooms_max);
    if (result == STORE_OK) {
        result = insert_room(db, room);
    }
    if (result == STORE_OK) {
        const struct move move = {MESSAGE_JOIN, op->owner, op->now_ms, false};
        result = tell(db, &move, room);
    }
    return result == STORE_OK ? insert_member(db, room->id, op->owner, room->last_seq) : result;
}

enum store_result chats_create(struct store *store, struct chat_create *op)
{
    return store_write(store, create, op);
}

/* Locks a group and says whether the user is in it. A direct room is none. */
static enum store_result lock_group(struct db *db, const char *room, const char *user,
                                    struct chat_room_row *out, bool *is_member)
{
    enum store_result result = chat_rows_lock(db, room, out);
    if (result == STORE_OK && out->kind != CHAT_GROUP) {
        result = STORE_NOT_FOUND;
    }
    return result == STORE_OK ? chat_rows_is_member(db, room, user, is_member) : result;
}

static enum store_result join_locked(struct db *db, struct chat_join *op)
{
    struct chat_room_row *after = &op->after;
    enum store_result result = check_rooms(db, op->user, op->rooms_max);
    if (result == STORE_OK && after->members >= op->members_max) {
        result = STORE_FULL;
    }
    if (result != STORE_OK) {
        return result;
    }
    after->members++;
    if (!*after->owner && !span_copy(span_of(op->user), after->owner, sizeof after->owner)) {
        return STORE_FAILED;
    }
    const struct move move = {MESSAGE_JOIN, op->user, op->now_ms, false};
    result = tell(db, &move, after);
    if (result == STORE_OK) {
        result = insert_member(db, op->room, op->user, after->last_seq);
    }
    if (result == STORE_OK) {
        result = update_room(db, after);
    }
    return result == STORE_OK ? chat_rows_get(db, op->room, after->last_seq, op->rows) : result;
}

static enum store_result join(struct db *db, void *arg)
{
    struct chat_join *op = arg;
    bool is_member;
    chat_message_rows_finish(op->rows);
    enum store_result result = lock_group(db, op->room, op->user, &op->after, &is_member);
    return result == STORE_OK && !is_member ? join_locked(db, op) : result;
}

enum store_result chats_join(struct store *store, struct chat_join *op)
{
    enum store_result result = store_write_in(store, store_key(op->room), join, op);
    if (result != STORE_OK) {
        chat_message_rows_finish(op->rows);
    }
    return result;
}

static void see_owner(const struct db_row *row, void *arg)
{
    struct chat_room_row *room = arg;
    (void)chat_rows_copy(row, 0, room->owner, sizeof room->owner);
}

/* Whoever has been there longest, nobody where nobody is left. */
static enum store_result find_owner(struct db *db, struct chat_room_row *room)
{
    static const char sql[] = "SELECT user_id FROM chat_members WHERE room = $1"
                              " ORDER BY joined_seq, user_id LIMIT 1";
    const struct db_value value = db_text(span_of(room->id));
    room->owner[0] = '\0';
    return store_result_of(db_run(db, sql, &value, 1, see_owner, room));
}

static enum store_result remove_member(struct db *db, const char *room, const char *user)
{
    static const char sql[] = "DELETE FROM chat_members WHERE room = $1 AND user_id = $2";
    const struct db_value values[] = {db_text(span_of(room)), db_text(span_of(user))};
    return store_result_of(db_run(db, sql, values, 2, NULL, NULL));
}

static enum store_result delete_room(struct db *db, const char *room)
{
    static const char sql[] = "UPDATE chat_rooms SET kind = 'gone', name = '', name_key = '',"
                              " owner = '', members = 0 WHERE id = $1";
    const struct db_value value = db_text(span_of(room));
    return store_result_of(db_run(db, sql, &value, 1, NULL, NULL));
}

static enum store_result leave_locked(struct db *db, struct chat_leave *op)
{
    struct chat_room_row *after = &op->after;
    enum store_result result = remove_member(db, op->room, op->user);
    if (result != STORE_OK) {
        return result;
    }
    after->members--;
    op->deleted = after->members == 0 && op->delete_empty;
    if (op->deleted) {
        return delete_room(db, op->room);
    }
    bool was_owner = strcmp(after->owner, op->user) == 0;
    if (was_owner) {
        result = find_owner(db, after);
    }
    if (result == STORE_OK) {
        result = update_room(db, after);
    }
    if (result == STORE_OK) {
        const struct move move = {MESSAGE_LEAVE, op->user, op->now_ms, was_owner};
        result = tell(db, &move, after);
    }
    return result == STORE_OK ? chat_rows_get(db, op->room, after->last_seq, op->rows) : result;
}

static enum store_result leave(struct db *db, void *arg)
{
    struct chat_leave *op = arg;
    bool is_member = false;
    op->deleted = false;
    chat_message_rows_finish(op->rows);
    enum store_result result = lock_group(db, op->room, op->user, &op->after, &is_member);
    if (result == STORE_OK && !is_member) {
        result = STORE_NOT_FOUND;
    }
    return result == STORE_OK ? leave_locked(db, op) : result;
}

enum store_result chats_leave(struct store *store, struct chat_leave *op)
{
    enum store_result result = store_write_in(store, store_key(op->room), leave, op);
    if (result != STORE_OK) {
        chat_message_rows_finish(op->rows);
    }
    return result;
}

/* ---- Direct rooms ---- */

struct found_room {
    struct chat_room_row *room;
    bool strange;
};

static void see_room(const struct db_row *row, void *arg)
{
    struct found_room *found = arg;
    found->strange = !chat_rows_room(row, found->room);
}

struct pair {
    const char *low, *high;
};

static struct pair pair_of(const struct chat_direct *op)
{
    bool ordered = strcmp(op->user, op->other) < 0;
    return ordered ? (struct pair){op->user, op->other} : (struct pair){op->other, op->user};
}

/* STORE_NOT_FOUND: they have none. */
static enum store_result find_direct(struct db *db, struct chat_direct *op)
{
    static const char sql[] =
        "SELECT " CHAT_ROOM_COLUMNS " FROM chat_pairs p"
        " JOIN chat_rooms r ON r.id = p.room WHERE p.low = $1 AND p.high = $2";
    const struct pair pair = pair_of(op);
    const struct db_value values[] = {db_text(span_of(pair.low)), db_text(span_of(pair.high))};
    struct found_room room = {.room = &op->room};
    int found = db_run(db, sql, values, 2, see_room, &room);
    return found == 0 ? STORE_NOT_FOUND : chat_rows_result(found, room.strange, false);
}

static enum store_result check_other(struct db *db, const char *other)
{
    static const char sql[] = "SELECT 1 FROM users WHERE id = $1";
    const struct db_value value = db_text(span_of(other));
    int found = db_run(db, sql, &value, 1, NULL, NULL);
    return found == 0 ? STORE_NOT_FOUND : store_result_of(found);
}

/* 1, 0 when somebody else has just made it, or a db_result. */
static int insert_pair(struct db *db, const struct chat_direct *op)
{
    static const char sql[] =
        "INSERT INTO chat_pairs (low, high, room) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING";
    const struct pair pair = pair_of(op);
    const struct db_value values[] = {db_text(span_of(pair.low)), db_text(span_of(pair.high)),
                                      db_text(span_of(op->room.id))};
    return db_run(db, sql, values, 3, NULL, NULL);
}

static enum store_result make_direct(struct db *db, struct chat_direct *op)
{
    struct chat_room_row *room = &op->room;
    *room = (struct chat_room_row){.kind = CHAT_DIRECT, .created_ms = op->now_ms, .members = 2};
    id_chat_room(room->id);
    id_random(room->seal, SEAL_LEN);
    int made = insert_pair(db, op);
    if (made <= 0) {
        return made == 0 ? find_direct(db, op) : store_result_of(made);
    }
    op->created = true;
    enum store_result result = insert_room(db, room);
    if (result == STORE_OK) {
        result = insert_member(db, room->id, op->user, 0);
    }
    return result == STORE_OK ? insert_member(db, room->id, op->other, 0) : result;
}

static enum store_result direct(struct db *db, void *arg)
{
    struct chat_direct *op = arg;
    op->created = false;
    enum store_result result = find_direct(db, op);
    if (result != STORE_NOT_FOUND) {
        return result;
    }
    result = check_other(db, op->other);
    if (result == STORE_OK) {
        result = check_rooms(db, op->user, op->rooms_max);
    }
    return result == STORE_OK ? make_direct(db, op) : result;
}

enum store_result chats_direct(struct store *store, struct chat_direct *op)
{
    return store_write(store, direct, op);
}
