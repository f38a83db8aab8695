/* Reading messages page by page; see messages.h. */
#include "store/chat_rows.h"

#define SELECT "SELECT " CHAT_MESSAGE_COLUMNS " FROM " CHAT_MESSAGE_TABLES " WHERE c.room = $1"

/* Each takes room, from, to, limit. */
static const char newest[] =
    SELECT " AND c.kind IN (1, 2, 3) AND c.seq >= $2 AND c.seq <= $3 ORDER BY c.seq DESC LIMIT $4";
static const char after[] =
    SELECT " AND c.kind <> 6 AND c.seq >= $2 AND c.seq <= $3 ORDER BY c.seq LIMIT $4";
static const char range[] = SELECT " AND c.seq >= $2 AND c.seq <= $3 ORDER BY c.seq LIMIT $4";

struct membership {
    struct messages_page *op;
    bool is_member;
    struct chat_room_row room;
    bool strange;
};

static void see_membership(const struct db_row *row, void *arg)
{
    struct membership *m = arg;
    m->strange = !chat_rows_room(row, &m->room);
    m->op->last_seq = m->room.last_seq;
    m->is_member = db_number_at(row, CHAT_ROOM_COLUMN_COUNT) >= 0;
    m->op->read_seq = m->is_member ? db_number_at(row, CHAT_ROOM_COLUMN_COUNT) : 0;
}

static enum store_result admit(struct db *db, struct messages_page *op)
{
    static const char sql[] =
        "SELECT " CHAT_ROOM_COLUMNS ", COALESCE(m.read_seq, -1) FROM chat_rooms r"
        " LEFT JOIN chat_members m ON m.room = r.id AND m.user_id = $2"
        " WHERE r.id = $1 AND r.kind <> 'gone'";
    const struct db_value values[] = {db_text(span_of(op->room)), db_text(span_of(op->user))};
    struct membership membership = {.op = op};
    int found = db_run(db, sql, values, 2, see_membership, &membership);
    if (found <= 0) {
        return found == 0 ? STORE_NOT_FOUND : store_result_of(found);
    }
    return membership.strange ? STORE_FAILED
                              : chat_rows_admit(&membership.room, membership.is_member);
}

static void reverse(struct chat_message_rows *rows)
{
    for (size_t i = 0, j = rows->count; i + 1 < j; i++) {
        struct chat_message_row row = rows->list[i];
        rows->list[i] = rows->list[--j];
        rows->list[j] = row;
    }
}

/* The rows of a page, as long as there is space for their bodies. */
struct page_reader {
    struct chat_rows_reader reader;
    size_t bytes_left;
    bool cut;
};

static void see_row(const struct db_row *row, void *arg)
{
    struct page_reader *r = arg;
    size_t bytes = db_text_at(row, CHAT_MESSAGE_BODY).n;
    r->cut = r->cut || (bytes > r->bytes_left && r->reader.rows->count > 0);
    if (!r->cut) {
        r->bytes_left -= bytes < r->bytes_left ? bytes : r->bytes_left;
        chat_rows_see(row, &r->reader);
    }
}

/* One more than is asked for, to see whether there is one. */
static enum store_result read_rows(struct db *db, struct messages_page *op)
{
    bool backward = op->which == MESSAGES_NEWEST || op->which == MESSAGES_BEFORE;
    const char *sql = backward ? newest : op->which == MESSAGES_AFTER ? after : range;
    int64_t from = op->which == MESSAGES_RANGE   ? op->from
                   : op->which == MESSAGES_AFTER ? op->from
                                                 : 0;
    int64_t to = op->which == MESSAGES_RANGE    ? op->to
                 : op->which == MESSAGES_BEFORE ? op->from
                                                : INT64_MAX;
    from += op->which == MESSAGES_AFTER && from < INT64_MAX; /* both ends are included */
    to -= op->which == MESSAGES_BEFORE && to > INT64_MIN;
    const struct db_value values[] = {db_text(span_of(op->room)), db_number(from), db_number(to),
                                      db_number((int64_t)op->limit + 1)};
    struct page_reader page = {.reader = {.rows = &op->rows},
                               .bytes_left = op->bytes_max ? op->bytes_max : SIZE_MAX};
    int found = db_run(db, sql, values, 4, see_row, &page);
    enum store_result result = chat_rows_result(found, page.reader.strange, op->rows.texts.failed);
    if (result == STORE_OK) {
        bool over = op->rows.count > op->limit;
        op->more = over || page.cut;
        op->rows.count -= over;
        if (backward) {
            reverse(&op->rows);
        }
    }
    return result;
}

static enum store_result read_page(struct db *db, void *arg)
{
    struct messages_page *op = arg;
    chat_message_rows_finish(&op->rows);
    op->last_seq = op->read_seq = 0;
    op->more = false;
    enum store_result result = op->user ? admit(db, op) : STORE_OK;
    if (result == STORE_OK) {
        result = read_rows(db, op);
    }
    if (result != STORE_OK) {
        chat_message_rows_finish(&op->rows);
    }
    return result;
}

enum store_result messages_page(struct store *store, struct messages_page *op)
{
    op->rows = (struct chat_message_rows){0};
    return store_read(store, read_page, op);
}

int messages_page_submit(struct store *store, struct loop *loop, struct messages_page *op)
{
    op->task.fn = read_page;
    op->task.arg = op;
    op->rows = (struct chat_message_rows){0};
    return store_submit_read(store, loop, &op->task);
}

struct one {
    const char *room;
    int64_t seq;
    struct chat_message_rows *out;
};

static enum store_result read_one(struct db *db, void *arg)
{
    struct one *one = arg;
    chat_message_rows_finish(one->out);
    enum store_result result = chat_rows_get(db, one->room, one->seq, one->out);
    if (result != STORE_OK) {
        chat_message_rows_finish(one->out);
    }
    return result;
}

enum store_result messages_get(struct store *store, const char *room, int64_t seq,
                               struct chat_message_rows *out)
{
    struct one one = {room, seq, out};
    *out = (struct chat_message_rows){0};
    return store_read(store, read_one, &one);
}
