/*
 * Search; see search.h. No index of words or trigrams: most Korean words have two syllables, too short for
 * trigrams, and an index of pairs of characters costs every message more than its search ever saves. Instead
 * the folded texts of each room stand together in blocks of some 64 messages (texts.h), and a search reads
 * through those of one's own rooms, on the database's side, at the speed of memory. A block is made by whoever
 * appends the message that fills it; the tail that is in none yet is looked up in the messages themselves.
 *
 * The newest come first, so blocks are read in the order of their newest message: first the newest few,
 * which has an end where a word is frequent, then all others, but only those that contain it are given. It is over when
 * as many are found as are wanted and no block that is left has anything newer than the last of these. The tail
 * is read before the blocks: what becomes a block meanwhile is seen twice, which is noticed, and never missed.
 *
 * A match is a number in a room. What it says is read last, and then it may have been deleted.
 */
#include "store/search.h"

#include <stdio.h>

#include "base/number.h"
#include "store/chat_rows.h"
#include "store/fold.h"
#include "store/texts.h"

#define WANTED_MAX 51 /* matches: one more than are given */
#define FIRST_BLOCKS 24
#define SEARCH_BYTES (1u << 20) /* of bodies: with that many a page ends */
#define MORE_BLOCKS 96          /* with a match, in one query */

/* Where something stands in the order of all: by time, then room and number. */
struct place {
    int64_t ms;
    char room[CHAT_ROOM_ID_LEN + 1];
    int64_t seq;
};

struct hunt {
    struct messages_search *op;
    struct span part; /* folded */
    struct place before;

    struct place found[WANTED_MAX]; /* the newest so far, in that order */
    size_t count, wanted;
    struct place last; /* the block that was read last: its newest_ms, room, first_seq */
    bool strange;
};

static int compare(const struct place *a, const struct place *b)
{
    if (a->ms != b->ms) {
        return a->ms < b->ms ? -1 : 1;
    }
    int rooms = strcmp(a->room, b->room);
    return rooms ? rooms : (a->seq > b->seq) - (a->seq < b->seq);
}

/* Keeps a match if it is among the newest. */
static void keep(struct hunt *hunt, const struct place *place)
{
    size_t at = hunt->count;
    if (compare(place, &hunt->before) >= 0) {
        return;
    }
    while (at > 0 && compare(&hunt->found[at - 1], place) < 0) {
        at--;
    }
    bool twice = at > 0 && compare(&hunt->found[at - 1], place) == 0;
    if (twice || at == hunt->wanted) {
        return;
    }
    hunt->count += hunt->count < hunt->wanted;
    memmove(&hunt->found[at + 1], &hunt->found[at], (hunt->count - at - 1) * sizeof hunt->found[0]);
    hunt->found[at] = *place;
}

/* ---- Messages that are in no block yet ---- */

static void see_tail(const struct db_row *row, void *arg)
{
    struct hunt *hunt = arg;
    struct place place = {.ms = db_number_at(row, 0), .seq = db_number_at(row, 2)};
    hunt->strange = !chat_rows_copy(row, 1, place.room, sizeof place.room) || hunt->strange;
    keep(hunt, &place);
}

static int search_tail(struct db *db, struct hunt *hunt)
{
    static const char sql[] =
        "SELECT c.created_ms, c.room, c.seq FROM chat_members m JOIN chat_rooms r ON r.id = m.room"
        " JOIN chat_messages c ON c.room = r.id AND c.seq > r.blocked_seq"
        " WHERE m.user_id = $1 AND ($2 = '' OR m.room = $2) AND c.kind = 1"
        " AND (c.created_ms, c.room, c.seq) < ($3, $4, $5) AND strpos(c.text, $6) > 0"
        " ORDER BY c.created_ms DESC, c.room DESC, c.seq DESC LIMIT $7";
    const struct messages_search *op = hunt->op;
    const struct db_value values[] = {
        db_text(span_of(op->user)),       db_text(span_of(op->room ? op->room : "")),
        db_number(hunt->before.ms),       db_text(span_of(hunt->before.room)),
        db_number(hunt->before.seq),      db_text(hunt->part),
        db_number((int64_t)hunt->wanted),
    };
    return db_run(db, sql, values, sizeof values / sizeof values[0], see_tail, hunt);
}

/* ---- Blocks ---- */

/* Those of the user's rooms that may have something older than `before` and come after `last`. */
#define BLOCKS                                                                                     \
    " FROM chat_members m JOIN chat_texts t ON t.room = m.room"                                    \
    " WHERE m.user_id = $1 AND ($2 = '' OR m.room = $2) AND t.oldest_ms <= $3"                     \
    " AND (t.newest_ms, t.room, t.first_seq) < ($4, $5, $6)"
#define ORDER " ORDER BY t.newest_ms DESC, t.room DESC, t.first_seq DESC LIMIT $8"

/* The next blocks, with their texts where these contain the part; and only those that do. */
static const char next_blocks[] =
    "SELECT t.newest_ms, t.room, t.first_seq,"
    " CASE WHEN strpos(t.text, $7) > 0 THEN t.entries ELSE '' END,"
    " CASE WHEN strpos(t.text, $7) > 0 THEN t.text ELSE '' END" BLOCKS ORDER;
static const char next_matching_blocks[] =
    "SELECT t.newest_ms, t.room, t.first_seq, t.entries, t.text" BLOCKS
    " AND strpos(t.text, $7) > 0" ORDER;

static void see_block(const struct db_row *row, void *arg)
{
    struct hunt *hunt = arg;
    struct texts_block block = {db_text_at(row, 3), db_text_at(row, 4)};
    struct texts_entry entry;
    hunt->last.ms = db_number_at(row, 0);
    hunt->last.seq = db_number_at(row, 2);
    hunt->strange =
        !chat_rows_copy(row, 1, hunt->last.room, sizeof hunt->last.room) || hunt->strange;
    while (texts_next(&block, &entry)) {
        if (memmem(entry.text.p, entry.text.n, hunt->part.p, hunt->part.n)) {
            struct place place = {.ms = entry.ms, .seq = entry.seq};
            memcpy(place.room, hunt->last.room, sizeof place.room);
            keep(hunt, &place);
        }
    }
}

/* How many blocks were given, or a db_result. */
static int search_blocks(struct db *db, struct hunt *hunt, bool first, int64_t most)
{
    const struct messages_search *op = hunt->op;
    const struct db_value values[] = {
        db_text(span_of(op->user)),
        db_text(span_of(op->room ? op->room : "")),
        db_number(hunt->before.ms),
        db_number(hunt->last.ms),
        db_text(span_of(hunt->last.room)),
        db_number(hunt->last.seq),
        db_text(hunt->part),
        db_number(most),
    };
    const char *sql = first ? next_blocks : next_matching_blocks;
    return db_run(db, sql, values, sizeof values / sizeof values[0], see_block, hunt);
}

/* Nothing in the blocks that are left can be among the newest. */
static bool enough(const struct hunt *hunt)
{
    return hunt->count == hunt->wanted && hunt->found[hunt->count - 1].ms > hunt->last.ms;
}

static enum store_result search_all(struct db *db, struct hunt *hunt)
{
    int found = search_tail(db, hunt);
    int64_t most = FIRST_BLOCKS;
    bool first = true;
    while (found >= 0) {
        found = search_blocks(db, hunt, first, most);
        if (found < most || enough(hunt)) {
            break;
        }
        first = false;
        most = MORE_BLOCKS;
    }
    return chat_rows_result(found, hunt->strange, false);
}

/* ---- What is given ---- */

static void write_cursor(const struct place *place, char out[SEARCH_CURSOR_MAX + 1])
{
    snprintf(out, SEARCH_CURSOR_MAX + 1, "%lld.%s.%lld", (long long)place->ms, place->room,
             (long long)place->seq);
}

static bool take_number(struct span text, int64_t *out)
{
    uint64_t number = 0;
    bool good = number_read(text, 0, INT64_MAX, &number);
    *out = (int64_t)number;
    return good;
}

static bool read_cursor(struct span text, struct place *out)
{
    const char *dot = text.n ? memchr(text.p, '.', text.n) : NULL;
    if (!dot || text.n > SEARCH_CURSOR_MAX) {
        return false;
    }
    struct span rest = {dot + 1, text.n - (size_t)(dot + 1 - text.p)};
    if (rest.n < CHAT_ROOM_ID_LEN + 2 || rest.p[CHAT_ROOM_ID_LEN] != '.') {
        return false;
    }
    struct span room = {rest.p, CHAT_ROOM_ID_LEN};
    struct span seq = {room.p + room.n + 1, rest.n - room.n - 1};
    return id_chat_room_valid(room) && span_copy(room, out->room, sizeof out->room) &&
           take_number((struct span){text.p, (size_t)(dot - text.p)}, &out->ms) &&
           take_number(seq, &out->seq);
}

/* Reads the messages; those that were deleted meanwhile are left out. Long ones make a page of fewer. */
static enum store_result read_found(struct db *db, struct hunt *hunt)
{
    struct messages_search *op = hunt->op;
    size_t bytes = 0, i = 0;
    for (; i < hunt->count && i < op->limit && bytes < SEARCH_BYTES; i++) {
        enum store_result result =
            chat_rows_get(db, hunt->found[i].room, hunt->found[i].seq, &op->rows);
        if (result != STORE_OK && result != STORE_NOT_FOUND) {
            return result;
        }
        if (result == STORE_OK && op->rows.list[op->rows.count - 1].kind != MESSAGE_SENT) {
            op->rows.count--;
        } else if (result == STORE_OK) {
            bytes += op->rows.list[op->rows.count - 1].body.n;
        }
    }
    if (hunt->count > i) {
        write_cursor(&hunt->found[i - 1], op->next);
    }
    return STORE_OK;
}

static enum store_result admit(struct db *db, const struct messages_search *op)
{
    bool is_member = false;
    struct chat_room_row room = {.kind = CHAT_GROUP};
    enum store_result result = chat_rows_find(db, op->room, &room);
    if (result == STORE_OK) {
        result = chat_rows_is_member(db, op->room, op->user, &is_member);
    }
    return result == STORE_OK ? chat_rows_admit(&room, is_member) : result;
}

static enum store_result search(struct db *db, void *arg)
{
    struct hunt *hunt = arg;
    struct messages_search *op = hunt->op;
    chat_message_rows_finish(&op->rows);
    op->next[0] = '\0';
    hunt->count = 0;
    hunt->strange = false;
    hunt->last = (struct place){.ms = INT64_MAX};
    enum store_result result = op->room ? admit(db, op) : STORE_OK;
    if (result == STORE_OK) {
        result = search_all(db, hunt);
    }
    if (result == STORE_OK) {
        result = read_found(db, hunt);
    }
    if (result != STORE_OK) {
        chat_message_rows_finish(&op->rows);
    }
    return result;
}

enum store_result messages_search(struct store *store, struct messages_search *op)
{
    struct hunt hunt = {.op = op, .wanted = (size_t)op->limit + 1, .before = {.ms = INT64_MAX}};
    struct buf part;
    op->rows = (struct chat_message_rows){0};
    op->next[0] = '\0';
    if (op->limit == 0 || hunt.wanted > WANTED_MAX || op->part.n == 0) {
        return STORE_FAILED;
    }
    if (op->before.n > 0 && !read_cursor(op->before, &hunt.before)) {
        return STORE_NOT_FOUND;
    }
    buf_init(&part);
    fold_text(&part, op->part);
    hunt.part = buf_span(&part);
    enum store_result result = part.failed ? STORE_UNAVAILABLE : store_read(store, search, &hunt);
    buf_finish(&part);
    return result;
}
