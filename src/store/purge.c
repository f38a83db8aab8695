/*
 * Erasing what deleted rooms have left, see chats_purge() in chats.h: a piece at a time, so that a room of
 * a hundred thousand messages keeps nobody waiting.
 */
#include "store/chat_rows.h"

#define PURGE_ROWS 500 /* numbers of a room in one transaction */

struct purge {
    char room[CHAT_ROOM_ID_LEN + 1];
    int64_t first; /* the lowest number that is left */
    bool more;
};

static void see_room(const struct db_row *row, void *arg)
{
    struct purge *purge = arg;
    (void)chat_rows_copy(row, 0, purge->room, sizeof purge->room);
    purge->first = db_number_at(row, 1);
}

/* A room that is gone, the same for all servers, which take turns. 1, 0 if there is none, or a db_result. */
static int find(struct db *db, struct purge *purge)
{
#define FIND                                                                                       \
    "SELECT r.id, COALESCE((SELECT MIN(c.seq) FROM chat_messages c WHERE c.room = r.id), 0)"       \
    " FROM chat_rooms r WHERE r.kind = 'gone' ORDER BY r.id LIMIT 1"
    static const char sqlite[] = FIND;
    static const char postgres[] = FIND " FOR UPDATE";
    return db_run(db, db->driver == &db_sqlite ? sqlite : postgres, NULL, 0, see_room, purge);
}

static int erase(struct db *db, const struct purge *purge)
{
    static const char *const list[] = {
        "UPDATE chat_files SET state = 'deleted' WHERE id IN (SELECT file FROM chat_messages"
        " WHERE room = $1 AND seq < $2 AND file <> '')",
        "DELETE FROM chat_messages WHERE room = $1 AND seq < $2",
        "DELETE FROM chat_texts WHERE room = $1 AND first_seq < $2",
    };
    const struct db_value values[] = {db_text(span_of(purge->room)),
                                      db_number(purge->first + PURGE_ROWS)};
    int result = 0;
    for (size_t i = 0; result >= 0 && i < sizeof list / sizeof list[0]; i++) {
        result = db_run(db, list[i], values, 2, NULL, NULL);
    }
    return result;
}

static enum store_result purge_some(struct db *db, void *arg)
{
    static const char last[] = "DELETE FROM chat_rooms WHERE id = $1 AND kind = 'gone'";
    struct purge *purge = arg;
    purge->more = false;
    int found = find(db, purge);
    if (found > 0) {
        const struct db_value room = db_text(span_of(purge->room));
        purge->more = true;
        found = purge->first > 0 ? erase(db, purge) : db_run(db, last, &room, 1, NULL, NULL);
    }
    return store_result_of(found);
}

enum store_result chats_purge(struct store *store, bool *more)
{
    struct purge purge = {.more = false};
    enum store_result result = store_write(store, purge_some, &purge);
    *more = result == STORE_OK && purge.more;
    return result;
}
