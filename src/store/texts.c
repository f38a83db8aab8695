/*
 * Blocks of texts; see texts.h. Two columns: `entries` has a line "<seq> <ms>" for each message, `text`
 * the folded texts, each followed by a character that no folded text has.
 */
#include "store/texts.h"

#include "base/number.h"

#define END '\x1e' /* "record separator": folding makes a blank of it */

struct block {
    struct buf entries, text;
    int64_t first_seq, newest_ms, oldest_ms;
    int64_t without; /* the seq of the one to be left out; 0: none */
    bool any;
};

static void add(struct block *block, const struct texts_entry *entry)
{
    if (entry->seq == block->without) {
        return;
    }
    if (!block->any) {
        block->any = true;
        block->first_seq = entry->seq;
        block->newest_ms = block->oldest_ms = entry->ms;
    }
    block->newest_ms = entry->ms > block->newest_ms ? entry->ms : block->newest_ms;
    block->oldest_ms = entry->ms < block->oldest_ms ? entry->ms : block->oldest_ms;
    buf_append_int(&block->entries, entry->seq);
    buf_append_char(&block->entries, ' ');
    buf_append_int(&block->entries, entry->ms);
    buf_append_char(&block->entries, '\n');
    buf_append_span(&block->text, entry->text);
    buf_append_char(&block->text, END);
}

static void finish(struct block *block)
{
    buf_finish(&block->entries);
    buf_finish(&block->text);
}

/* The number before `end`, which is taken off with it. */
static bool take_number(struct span *text, char end, int64_t *out)
{
    const char *at = text->n ? memchr(text->p, end, text->n) : NULL;
    size_t len = at ? (size_t)(at - text->p) : 0;
    uint64_t number = 0;
    if (!at || !number_read((struct span){text->p, len}, 0, INT64_MAX, &number)) {
        return false;
    }
    *out = (int64_t)number;
    *text = (struct span){at + 1, text->n - len - 1};
    return true;
}

bool texts_next(struct texts_block *block, struct texts_entry *out)
{
    const char *end = block->text.n ? memchr(block->text.p, END, block->text.n) : NULL;
    if (!end || !take_number(&block->entries, ' ', &out->seq) ||
        !take_number(&block->entries, '\n', &out->ms)) {
        return false;
    }
    out->text = (struct span){block->text.p, (size_t)(end - block->text.p)};
    block->text = (struct span){end + 1, block->text.n - out->text.n - 1};
    return true;
}

/* ---- Making ---- */

static void see_message(const struct db_row *row, void *arg)
{
    const struct texts_entry entry = {db_number_at(row, 0), db_number_at(row, 1),
                                      db_text_at(row, 2)};
    add(arg, &entry);
}

static int insert(struct db *db, const char *room, const struct block *block)
{
    static const char sql[] =
        "INSERT INTO chat_texts (room, first_seq, newest_ms, oldest_ms, entries, text)"
        " VALUES ($1, $2, $3, $4, $5, $6)";
    const struct db_value values[] = {
        db_text(span_of(room)),
        db_number(block->first_seq),
        db_number(block->newest_ms),
        db_number(block->oldest_ms),
        db_text(buf_span(&block->entries)),
        db_text(buf_span(&block->text)),
    };
    return db_run(db, sql, values, sizeof values / sizeof values[0], NULL, NULL);
}

enum store_result texts_close(struct db *db, const char *room, int64_t after, int64_t last)
{
    static const char read[] =
        "SELECT seq, created_ms, text FROM chat_messages"
        " WHERE room = $1 AND seq > $2 AND seq <= $3 AND kind = 1 AND text <> '' ORDER BY seq";
    static const char note[] =
        "UPDATE chat_rooms SET blocked_seq = $2, tail_bytes = 0 WHERE id = $1";
    const struct db_value values[] = {db_text(span_of(room)), db_number(after), db_number(last)};
    struct block block = {.without = 0};
    int rows = db_run(db, read, values, 3, see_message, &block);
    bool failed = block.entries.failed || block.text.failed;
    if (rows >= 0 && !failed && block.any) {
        rows = insert(db, room, &block);
    }
    if (rows >= 0 && !failed) {
        const struct db_value done[] = {db_text(span_of(room)), db_number(last)};
        rows = db_run(db, note, done, 2, NULL, NULL);
    }
    finish(&block); /* if there is no memory the next message tries again */
    return store_result_of(rows);
}

/* ---- Erasing ---- */

static void see_block(const struct db_row *row, void *arg)
{
    struct block *block = arg;
    struct texts_block old = {db_text_at(row, 1), db_text_at(row, 2)};
    struct texts_entry entry;
    block->first_seq = db_number_at(row, 0); /* stays, whichever is taken out */
    int64_t first_seq = block->first_seq;
    while (texts_next(&old, &entry)) {
        add(block, &entry);
    }
    block->first_seq = first_seq;
}

static int replace(struct db *db, const char *room, const struct block *block)
{
    static const char drop[] = "DELETE FROM chat_texts WHERE room = $1 AND first_seq = $2";
    static const char put[] =
        "UPDATE chat_texts SET entries = $3, text = $4 WHERE room = $1 AND first_seq = $2";
    const struct db_value values[] = {db_text(span_of(room)), db_number(block->first_seq),
                                      db_text(buf_span(&block->entries)),
                                      db_text(buf_span(&block->text))};
    return block->any ? db_run(db, put, values, 4, NULL, NULL)
                      : db_run(db, drop, values, 2, NULL, NULL);
}

enum store_result texts_erase(struct db *db, const char *room, int64_t seq)
{
    static const char read[] = "SELECT first_seq, entries, text FROM chat_texts"
                               " WHERE room = $1 AND first_seq <= $2"
                               " ORDER BY first_seq DESC LIMIT 1";
    const struct db_value values[] = {db_text(span_of(room)), db_number(seq)};
    struct block block = {.without = seq};
    int rows = db_run(db, read, values, 2, see_block, &block);
    bool failed = block.entries.failed || block.text.failed;
    if (rows > 0 && !failed) {
        rows = replace(db, room, &block);
    }
    finish(&block);
    return failed ? STORE_UNAVAILABLE : store_result_of(rows);
}
