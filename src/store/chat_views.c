/* Chat rooms as their members and others see them, and how far members have read; see chats.h. */
#include <stdlib.h>

#include "store/chat_rows.h"

/* Grows a list by one; NULL when out of memory. */
static void *add(void **list, size_t *count, size_t *cap, size_t size)
{
    if (*count == *cap) {
        size_t more = *cap ? 2 * *cap : 8;
        void *grown = reallocarray(*list, more, size);
        if (!grown) {
            return NULL;
        }
        *list = grown;
        *cap = more;
    }
    return (char *)*list + size * (*count)++;
}

/* ---- People ---- */

void chat_people_finish(struct chat_people *people)
{
    free(people->list);
    *people = (struct chat_people){0};
}

struct people_reader {
    struct chat_people *people;
    bool failed, strange;
};

/* id, name, type, read_seq */
static bool read_person(const struct db_row *row, int column, struct chat_person *out)
{
    out->read_seq = db_number_at(row, column + 3);
    return chat_rows_copy(row, column, out->id, sizeof out->id) &&
           chat_rows_copy(row, column + 1, out->name, sizeof out->name) &&
           user_type_parse(db_text_at(row, column + 2), &out->type);
}

static void see_person(const struct db_row *row, void *arg)
{
    struct people_reader *r = arg;
    struct chat_people *people = r->people;
    void *list = people->list;
    struct chat_person *person = add(&list, &people->count, &people->cap, sizeof *person);
    people->list = list;
    r->failed = r->failed || !person;
    r->strange = (person && !read_person(row, 0, person)) || r->strange;
}

static enum store_result read_people(struct db *db, const char *sql, const struct db_value *values,
                                     size_t count, struct chat_people *out)
{
    struct people_reader reader = {.people = out};
    chat_people_finish(out);
    int found = db_run(db, sql, values, count, see_person, &reader);
    enum store_result result = chat_rows_result(found, reader.strange, reader.failed);
    if (result != STORE_OK) {
        chat_people_finish(out);
    }
    return result;
}

/* A query for people, as store_read() takes it. */
struct people_query {
    const char *sql;
    const struct db_value *values;
    size_t count;
    struct chat_people *out;
};

static enum store_result query_people(struct db *db, void *arg)
{
    const struct people_query *q = arg;
    return read_people(db, q->sql, q->values, q->count, q->out);
}

/* Lower case of ASCII only, on PostgreSQL too, where it otherwise is the locale's matter. */
enum store_result chats_people(struct store *store, const char *user, struct span part,
                               uint32_t limit, struct chat_people *out)
{
    static const char sqlite[] =
        "SELECT u.id, u.name, u.type, 0 FROM users u WHERE u.id <> $1 AND u.type <> 'service'"
        " AND (substr(lower(u.id), 1, length($2)) = lower($2)"
        " OR strpos(lower(u.name), lower($2)) > 0) ORDER BY u.name, u.id LIMIT $3";
    static const char postgres[] =
        "SELECT u.id, u.name, u.type, 0 FROM users u, (SELECT lower($2::text COLLATE \"C\") AS q) p"
        " WHERE u.id <> $1 AND u.type <> 'service' AND"
        " (starts_with(lower(u.id), p.q) OR strpos(lower(u.name COLLATE \"C\"), p.q) > 0)"
        " ORDER BY u.name, u.id LIMIT $3";
    const struct db_value values[] = {db_text(span_of(user)), db_text(part), db_number(limit)};
    struct people_query query = {store->target.driver == &db_sqlite ? sqlite : postgres, values, 3,
                                 out};
    *out = (struct chat_people){0};
    return store_read(store, query_people, &query);
}

enum store_result chats_reads(struct store *store, const char *room, struct chat_people *out)
{
    static const char sql[] =
        "SELECT u.id, u.name, u.type, m.read_seq FROM chat_members m"
        " JOIN users u ON u.id = m.user_id WHERE m.room = $1 AND m.read_seq > 0"
        " ORDER BY m.read_seq DESC, u.id LIMIT 200";
    const struct db_value value = db_text(span_of(room));
    struct people_query query = {sql, &value, 1, out};
    *out = (struct chat_people){0};
    return store_read(store, query_people, &query);
}

/* ---- One room ---- */

struct room_view {
    struct chat_enter *op;
    bool is_member, strange;
};

static void see_entered(const struct db_row *row, void *arg)
{
    struct room_view *view = arg;
    struct chat_enter *op = view->op;
    view->strange = !chat_rows_room(row, &op->room);
    int64_t read_seq = db_number_at(row, CHAT_ROOM_COLUMN_COUNT);
    view->is_member = read_seq >= 0;
    op->read_seq = view->is_member ? read_seq : 0;
    op->unread = (uint32_t)db_number_at(row, CHAT_ROOM_COLUMN_COUNT + 1);
}

static enum store_result enter(struct db *db, void *arg)
{
    static const char view_sql[] =
        "SELECT " CHAT_ROOM_COLUMNS ", COALESCE(m.read_seq, -1), " CHAT_UNREAD_COLUMN
        " FROM chat_rooms r LEFT JOIN chat_members m ON m.room = r.id AND m.user_id = $2"
        " WHERE r.id = $1 AND r.kind <> 'gone'";
    static const char people_sql[] =
        "SELECT u.id, u.name, u.type, m.read_seq FROM chat_members m"
        " JOIN users u ON u.id = m.user_id WHERE m.room = $1"
        " ORDER BY CASE WHEN u.id = $2 THEN 0 ELSE 1 END, u.name, u.id LIMIT $3";
    struct chat_enter *op = arg;
    const struct db_value values[] = {db_text(span_of(op->room_id)), db_text(span_of(op->user)),
                                      db_number(op->people_max)};
    struct room_view view = {.op = op};
    chat_people_finish(&op->people);
    int found = db_run(db, view_sql, values, 2, see_entered, &view);
    if (found <= 0) {
        return found == 0 ? STORE_NOT_FOUND : store_result_of(found);
    }
    enum store_result result =
        view.strange ? STORE_FAILED : chat_rows_admit(&op->room, view.is_member);
    if (result == STORE_OK && op->people_max > 0) {
        result = read_people(db, people_sql, values, 3, &op->people);
    }
    return result;
}

enum store_result chats_enter(struct store *store, struct chat_enter *op)
{
    op->people = (struct chat_people){0};
    return store_read(store, enter, op);
}

int chats_enter_submit(struct store *store, struct loop *loop, struct chat_enter *op)
{
    op->task.fn = enter;
    op->task.arg = op;
    op->people = (struct chat_people){0};
    return store_submit_read(store, loop, &op->task);
}

/* ---- All rooms of somebody ---- */

#define LAST_SHORT 4096       /* bytes of a body that is there in any case */
#define LAST_BYTES (1u << 20) /* of all longer ones together */

struct mine_reader {
    struct chats_of *out;
    size_t bytes_left;
    bool failed, strange;
};

/* Behind the room's columns: read_seq, unread, last seq; the other one's; the last message's. */
#define MINE_READ CHAT_ROOM_COLUMN_COUNT
#define MINE_WITH (MINE_READ + 3)
#define MINE_LAST (MINE_WITH + 4)

/* The room's last message: `null` in place of what is too long. */
static bool read_last(const struct db_row *row, struct mine_reader *r)
{
    struct span body = db_text_at(row, MINE_LAST + CHAT_MESSAGE_BODY);
    if (body.n > LAST_SHORT && body.n > r->bytes_left) {
        body = span_of("null");
    } else if (body.n > LAST_SHORT) {
        r->bytes_left -= body.n;
    }
    return chat_rows_message_as(row, MINE_LAST, body, r->out->last);
}

static bool read_mine(const struct db_row *row, struct mine_reader *r, struct chat_mine *mine)
{
    *mine = (struct chat_mine){.last = -1};
    bool good = chat_rows_room(row, &mine->room);
    mine->read_seq = db_number_at(row, MINE_READ);
    mine->unread = (uint32_t)db_number_at(row, MINE_READ + 1);
    if (mine->room.kind == CHAT_DIRECT) {
        good = read_person(row, MINE_WITH, &mine->with) && good;
    }
    if (db_number_at(row, MINE_READ + 2) > 0) {
        mine->last = (long)r->out->last->count;
        good = read_last(row, r) && good;
    }
    return good;
}

static void see_mine(const struct db_row *row, void *arg)
{
    struct mine_reader *r = arg;
    void *list = r->out->list;
    struct chat_mine *mine = add(&list, &r->out->count, &r->out->cap, sizeof *mine);
    r->out->list = list;
    r->failed = r->failed || !mine;
    r->strange = (mine && !read_mine(row, r, mine)) || r->strange;
}

struct mine_query {
    const char *user;
    struct chats_of *out;
};

static enum store_result read_all_mine(struct db *db, void *arg)
{
    static const char sql[] =
        "SELECT " CHAT_ROOM_COLUMNS ", m.read_seq, " CHAT_UNREAD_COLUMN ", COALESCE(c.seq, 0),"
        " COALESCE(o.id, ''), COALESCE(o.name, ''), COALESCE(o.type, ''), COALESCE(w.read_seq, 0),"
        " " CHAT_MESSAGE_COLUMNS " FROM chat_members m JOIN chat_rooms r ON r.id = m.room"
        " LEFT JOIN chat_members w ON w.user_id <> $1" /* nobody of a group's thousand is looked at */
        "  AND w.room = CASE WHEN r.kind = 'direct' THEN r.id ELSE '' END"
        " LEFT JOIN users o ON o.id = w.user_id"
        " LEFT JOIN chat_messages c ON c.room = r.id AND c.seq = (SELECT l.seq"
        "  FROM chat_messages l WHERE l.room = r.id AND l.kind IN (1, 2, 3)"
        "  ORDER BY l.seq DESC LIMIT 1)"
        " LEFT JOIN users s ON s.id = c.sender WHERE m.user_id = $1";
    struct mine_query *query = arg;
    const struct db_value value = db_text(span_of(query->user));
    struct mine_reader reader = {.out = query->out, .bytes_left = LAST_BYTES};
    chats_of_finish(query->out);
    query->out->last = calloc(1, sizeof *query->out->last);
    int found = query->out->last ? db_run(db, sql, &value, 1, see_mine, &reader) : 0;
    bool failed = reader.failed || !query->out->last || query->out->last->texts.failed;
    enum store_result result = chat_rows_result(found, reader.strange, failed);
    if (result != STORE_OK) {
        chats_of_finish(query->out);
    }
    return result;
}

enum store_result chats_of(struct store *store, const char *user, struct chats_of *out)
{
    struct mine_query query = {user, out};
    *out = (struct chats_of){0};
    return store_read(store, read_all_mine, &query);
}

void chats_of_finish(struct chats_of *chats)
{
    if (chats->last) {
        chat_message_rows_finish(chats->last);
        free(chats->last);
    }
    free(chats->list);
    *chats = (struct chats_of){0};
}
