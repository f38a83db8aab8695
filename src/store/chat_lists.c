/* The public list of groups, see chats_list() in chats.h. */
#include <stdlib.h>

#include "base/utf8.h"
#include "store/chat_rows.h"
#include "store/fold.h"

#define KEY_COLUMN CHAT_ROOM_COLUMN_COUNT

struct listing {
    struct chats_list *op;
    struct buf part;
    char after_key[NAME_MAX_BYTES + 1];
    char after_id[CHAT_ROOM_ID_LEN + 1];
    char last_key[NAME_MAX_BYTES + 1]; /* of the last row that is given */
    bool failed, strange;
};

/* ---- Cursors: the key in hex, a dot, the id ---- */

static void write_cursor(const struct listing *l, char out[CHAT_CURSOR_MAX + 1])
{
    static const char digits[] = "0123456789abcdef";
    const struct chats_list *op = l->op;
    char *at = out;
    for (const unsigned char *p = (const unsigned char *)l->last_key; *p; p++) {
        *at++ = digits[*p >> 4];
        *at++ = digits[*p & 15];
    }
    *at++ = '.';
    memcpy(at, op->list[op->count - 1].room.id, CHAT_ROOM_ID_LEN + 1);
}

static int hex(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool read_cursor(struct span text, struct listing *l)
{
    const char *dot = text.n ? memchr(text.p, '.', text.n) : NULL;
    size_t len = dot ? (size_t)(dot - text.p) : 0;
    if (!dot || len % 2 || len / 2 > NAME_MAX_BYTES ||
        !id_chat_room_valid((struct span){dot + 1, text.n - len - 1})) {
        return false;
    }
    for (size_t i = 0; i < len / 2; i++) {
        int high = hex(text.p[2 * i]), low = hex(text.p[2 * i + 1]);
        if (high < 0 || low < 0 || (high == 0 && low == 0)) {
            return false;
        }
        l->after_key[i] = (char)(high << 4 | low);
    }
    return utf8_valid(l->after_key, len / 2) &&
           span_copy((struct span){dot + 1, CHAT_ROOM_ID_LEN}, l->after_id, sizeof l->after_id);
}

/* ---- Reading ---- */

static void see_listed(const struct db_row *row, void *arg)
{
    struct listing *l = arg;
    struct chats_list *op = l->op;
    if (op->count == op->limit) { /* the one more that was asked for */
        write_cursor(l, op->next);
        return;
    }
    if (op->count == op->cap) {
        size_t cap = op->cap ? 2 * op->cap : 16;
        struct chat_listed *list = reallocarray(op->list, cap, sizeof *list);
        if (!list) {
            l->failed = true;
            return;
        }
        op->list = list;
        op->cap = cap;
    }
    struct chat_listed *listed = &op->list[op->count++];
    l->strange = !chat_rows_room(row, &listed->room) ||
                 !chat_rows_copy(row, KEY_COLUMN, l->last_key, sizeof l->last_key) || l->strange;
    listed->joined = db_number_at(row, KEY_COLUMN + 1) != 0;
}

static void forget(struct chats_list *op)
{
    free(op->list);
    op->list = NULL;
    op->count = op->cap = 0;
    op->next[0] = '\0';
}

static enum store_result list(struct db *db, void *arg)
{
    static const char sql[] =
        "SELECT " CHAT_ROOM_COLUMNS ", r.name_key,"
        " (SELECT COUNT(*) FROM chat_members m WHERE m.room = r.id AND m.user_id = $1)"
        " FROM chat_rooms r WHERE r.kind = 'group' AND (r.name_key, r.id) > ($2, $3)"
        " AND strpos(r.name_key, $4) > 0 ORDER BY r.name_key, r.id LIMIT $5";
    struct listing *l = arg;
    struct chats_list *op = l->op;
    const struct db_value values[] = {
        db_text(span_of(op->user)),        db_text(span_of(l->after_key)),
        db_text(span_of(l->after_id)),     db_text(buf_span(&l->part)),
        db_number((int64_t)op->limit + 1),
    };
    forget(op);
    l->failed = l->strange = false;
    int found = db_run(db, sql, values, sizeof values / sizeof values[0], see_listed, l);
    enum store_result result = chat_rows_result(found, l->strange, l->failed);
    if (result != STORE_OK) {
        forget(op);
    }
    return result;
}

enum store_result chats_list(struct store *store, struct chats_list *op)
{
    struct listing listing = {.op = op};
    op->list = NULL;
    forget(op);
    if (op->limit == 0) {
        return STORE_OK;
    }
    if (op->after.n > 0 && !read_cursor(op->after, &listing)) {
        return STORE_NOT_FOUND;
    }
    buf_init(&listing.part);
    fold_text(&listing.part, op->part);
    enum store_result result =
        listing.part.failed ? STORE_UNAVAILABLE : store_read(store, list, &listing);
    buf_finish(&listing.part);
    return result;
}
