/* Files of chat rooms; see chat_files.h. */
#include "store/chat_files.h"

#include <stdlib.h>

#include "store/chat_rows.h"

#define COLUMNS "id, room, seq, name, type, bytes, state, server, created_ms"

static const char *const state_names[] = {
    [CHAT_FILE_UPLOADING] = "uploading",
    [CHAT_FILE_READY] = "ready",
    [CHAT_FILE_FAILED] = "failed",
    [CHAT_FILE_DELETED] = "deleted",
};

static bool read_state(struct span text, enum chat_file_state *out)
{
    for (size_t i = 0; i < sizeof state_names / sizeof state_names[0]; i++) {
        if (span_eq(text, state_names[i])) {
            *out = (enum chat_file_state)i;
            return true;
        }
    }
    return false;
}

static bool read_file(const struct db_row *row, struct chat_file_row *out)
{
    *out = (struct chat_file_row){.seq = db_number_at(row, 2),
                                  .bytes = db_number_at(row, 5),
                                  .created_ms = db_number_at(row, 8)};
    return chat_rows_copy(row, 0, out->id, sizeof out->id) &&
           chat_rows_copy(row, 1, out->room, sizeof out->room) &&
           chat_rows_copy(row, 3, out->name, sizeof out->name) &&
           chat_rows_copy(row, 4, out->type, sizeof out->type) &&
           read_state(db_text_at(row, 6), &out->state) &&
           chat_rows_copy(row, 7, out->server, sizeof out->server);
}

/* ---- Looking ---- */

struct get {
    const char *id;
    struct chat_file_row *out;
    bool strange;
};

static void see_file(const struct db_row *row, void *arg)
{
    struct get *get = arg;
    get->strange = !read_file(row, get->out);
}

static enum store_result get_file(struct db *db, void *arg)
{
    static const char sql[] = "SELECT " COLUMNS " FROM chat_files WHERE id = $1";
    struct get *get = arg;
    const struct db_value value = db_text(span_of(get->id));
    int found = db_run(db, sql, &value, 1, see_file, get);
    return found == 0 ? STORE_NOT_FOUND : chat_rows_result(found, get->strange, false);
}

enum store_result chat_files_get(struct store *store, const char *id, struct chat_file_row *out)
{
    struct get get = {.id = id, .out = out};
    *out = (struct chat_file_row){.seq = 0};
    return store_read(store, get_file, &get);
}

struct listing {
    enum chat_file_state state;
    int64_t before_ms;
    uint32_t limit;
    struct chat_file_row *list;
    size_t count, cap;
    bool failed, strange;
};

static void see_listed(const struct db_row *row, void *arg)
{
    struct listing *l = arg;
    if (l->count == l->cap) {
        size_t cap = l->cap ? 2 * l->cap : 16;
        struct chat_file_row *list = reallocarray(l->list, cap, sizeof *list);
        if (!list) {
            l->failed = true;
            return;
        }
        l->list = list;
        l->cap = cap;
    }
    l->strange = !read_file(row, &l->list[l->count++]) || l->strange;
}

static enum store_result list_files(struct db *db, void *arg)
{
    static const char sql[] = "SELECT " COLUMNS " FROM chat_files WHERE state = $1"
                              " AND created_ms < $2 ORDER BY created_ms, id LIMIT $3";
    struct listing *l = arg;
    const struct db_value values[] = {db_text(span_of(state_names[l->state])),
                                      db_number(l->before_ms), db_number(l->limit)};
    l->count = 0;
    l->failed = l->strange = false;
    int found = db_run(db, sql, values, 3, see_listed, l);
    return chat_rows_result(found, l->strange, l->failed);
}

enum store_result chat_files_list(struct store *store, enum chat_file_state state,
                                  int64_t before_ms, uint32_t limit, struct chat_file_row **out,
                                  size_t *count)
{
    struct listing l = {.state = state, .before_ms = before_ms, .limit = limit};
    enum store_result result = store_read(store, list_files, &l);
    if (result != STORE_OK) {
        free(l.list);
        l = (struct listing){.count = 0};
    }
    *out = l.list;
    *count = l.count;
    return result;
}

static void see_number(const struct db_row *row, void *arg)
{
    *(int64_t *)arg = db_number_at(row, 0);
}

static enum store_result sum(struct db *db, void *arg)
{
    static const char sql[] = "SELECT COALESCE(SUM(bytes), 0) FROM chat_files"
                              " WHERE state IN ('uploading', 'ready')";
    return store_result_of(db_run(db, sql, NULL, 0, see_number, arg));
}

enum store_result chat_files_total(struct store *store, int64_t *bytes)
{
    *bytes = 0;
    return store_read(store, sum, bytes);
}

/* ---- The end of an upload ---- */

static enum store_result find_uploading(struct db *db, const char *id, struct chat_file_row *out)
{
    struct get get = {.id = id, .out = out};
    enum store_result result = get_file(db, &get);
    return result == STORE_OK && out->state != CHAT_FILE_UPLOADING ? STORE_NOT_FOUND : result;
}

static void see_sender(const struct db_row *row, void *arg)
{
    (void)chat_rows_copy(row, 0, arg, ID_MAX + 1);
}

static int update(struct db *db, const struct chat_file_finish *op,
                  const struct chat_file_row *file, char sender[ID_MAX + 1])
{
    static const char file_sql[] =
        "UPDATE chat_files SET state = $2, bytes = $3 WHERE id = $1 AND state = 'uploading'";
    static const char message_sql[] = "UPDATE chat_messages SET body = $3 WHERE room = $1"
                                      " AND seq = $2 AND kind = 1 RETURNING sender";
    const struct db_value file_values[] = {
        db_text(span_of(op->id)), db_text(span_of(state_names[op->state])), db_number(op->bytes)};
    const struct db_value message_values[] = {db_text(span_of(file->room)), db_number(file->seq),
                                              db_text(op->body)};
    int rows = db_run(db, file_sql, file_values, 3, NULL, NULL);
    return rows <= 0 ? rows : db_run(db, message_sql, message_values, 3, see_sender, sender);
}

/* The room's row is locked before its file is looked at again: whoever deletes the message does so too. */
static enum store_result finish(struct db *db, void *arg)
{
    struct chat_file_finish *op = arg;
    struct chat_file_row file;
    struct chat_room_row room;
    char sender[ID_MAX + 1] = "";
    int64_t seq = 0;
    chat_message_rows_finish(&op->rows);
    enum store_result result = find_uploading(db, op->id, &file);
    if (result == STORE_OK) {
        result = chat_rows_lock(db, file.room, &room);
    }
    if (result == STORE_OK) {
        memcpy(op->seal, room.seal, sizeof op->seal);
        int rows = update(db, op, &file, sender);
        result = rows == 0 ? STORE_NOT_FOUND : store_result_of(rows);
    }
    if (result == STORE_OK) {
        const struct chat_event event = {MESSAGE_FILE_STATE, room.id, sender, op->event,
                                         op->now_ms};
        result = chat_rows_append(db, &event, &seq);
    }
    return result == STORE_OK ? chat_rows_get(db, room.id, seq, &op->rows) : result;
}

enum store_result chat_files_finish(struct store *store, struct chat_file_finish *op)
{
    struct chat_file_row file;
    op->rows = (struct chat_message_rows){0};
    enum store_result result = chat_files_get(store, op->id, &file); /* in which room it is */
    if (result == STORE_OK) {
        result = store_write_in(store, store_key(file.room), finish, op);
    }
    if (result != STORE_OK) {
        chat_message_rows_finish(&op->rows);
    }
    return result;
}

static enum store_result forget(struct db *db, void *arg)
{
    static const char sql[] = "DELETE FROM chat_files WHERE id = $1 AND state = 'deleted'";
    const struct db_value value = db_text(span_of(arg));
    return store_result_of(db_run(db, sql, &value, 1, NULL, NULL));
}

enum store_result chat_files_forget(struct store *store, const char *id)
{
    char copy[FILE_ID_LEN + 1];
    return span_copy(span_of(id), copy, sizeof copy) ? store_write(store, forget, copy)
                                                     : STORE_NOT_FOUND;
}
