/*
 * Tables and how they came about; see schema.h. The table lectern_schema has a row for each step that
 * was done. Where none is missing nothing is locked: a store that somebody writes to can be opened. Whatever the kind of database: ids compare by bytes, times are milliseconds since 1970.
 */
#include "store/schema.h"

#include <stdio.h>

#include "base/clock.h"
#include "core/log.h"

const struct migration schema_migrations[] = {
    /* 1: accounts. `logins` has a row for each id and address, in lower case: all are unique together. */
    {
        .sqlite = "CREATE TABLE users ("
                  " id TEXT NOT NULL PRIMARY KEY, name TEXT NOT NULL, email TEXT NOT NULL,"
                  " type TEXT NOT NULL, password TEXT NOT NULL, generation INTEGER NOT NULL,"
                  " created_ms INTEGER NOT NULL) STRICT, WITHOUT ROWID;"
                  "CREATE TABLE logins ("
                  " login TEXT NOT NULL PRIMARY KEY, user_id TEXT NOT NULL REFERENCES users (id)"
                  ") STRICT, WITHOUT ROWID;",
        .postgres = "CREATE TABLE users ("
                    " id text COLLATE \"C\" PRIMARY KEY, name text NOT NULL, email text NOT NULL,"
                    " type text NOT NULL, password text NOT NULL, generation bigint NOT NULL,"
                    " created_ms bigint NOT NULL);"
                    "CREATE TABLE logins ("
                    " login text COLLATE \"C\" PRIMARY KEY,"
                    " user_id text COLLATE \"C\" NOT NULL REFERENCES users (id));",
    },
    /*
     * 2: chat. A room's row is locked by whoever appends to it; `last_seq` numbers what happens in it. Texts
     * up to `blocked_seq` are in chat_texts, see search.c. A room of the kind "gone" is deleted, its
     * messages are still being erased.
     */
    {
        .sqlite = "CREATE TABLE chat_rooms ("
                  " id TEXT NOT NULL PRIMARY KEY, kind TEXT NOT NULL, name TEXT NOT NULL,"
                  " name_key TEXT NOT NULL, owner TEXT NOT NULL, seal TEXT NOT NULL,"
                  " created_ms INTEGER NOT NULL, last_seq INTEGER NOT NULL,"
                  " members INTEGER NOT NULL, blocked_seq INTEGER NOT NULL,"
                  " tail_bytes INTEGER NOT NULL) STRICT, WITHOUT ROWID;"
                  "CREATE INDEX chat_rooms_by_name ON chat_rooms (name_key, id)"
                  " WHERE kind = 'group';"
                  "CREATE INDEX chat_rooms_gone ON chat_rooms (id) WHERE kind = 'gone';"
                  "CREATE TABLE chat_pairs ("
                  " low TEXT NOT NULL REFERENCES users (id),"
                  " high TEXT NOT NULL REFERENCES users (id),"
                  " room TEXT NOT NULL, PRIMARY KEY (low, high)) STRICT, WITHOUT ROWID;"
                  "CREATE TABLE chat_members ("
                  " room TEXT NOT NULL REFERENCES chat_rooms (id),"
                  " user_id TEXT NOT NULL REFERENCES users (id), joined_seq INTEGER NOT NULL,"
                  " read_seq INTEGER NOT NULL, PRIMARY KEY (room, user_id)) STRICT, WITHOUT ROWID;"
                  "CREATE INDEX chat_members_by_user ON chat_members (user_id, room);"
                  "CREATE TABLE chat_messages ("
                  " room TEXT NOT NULL REFERENCES chat_rooms (id), seq INTEGER NOT NULL,"
                  " kind INTEGER NOT NULL, sender TEXT NOT NULL REFERENCES users (id),"
                  " type TEXT NOT NULL, created_ms INTEGER NOT NULL, ref TEXT NOT NULL,"
                  " file TEXT NOT NULL, body TEXT NOT NULL, text TEXT NOT NULL,"
                  " PRIMARY KEY (room, seq)) STRICT;"
                  "CREATE UNIQUE INDEX chat_messages_by_ref ON chat_messages (room, sender, ref)"
                  " WHERE ref <> '';"
                  "CREATE TABLE chat_texts ("
                  " room TEXT NOT NULL REFERENCES chat_rooms (id), first_seq INTEGER NOT NULL,"
                  " newest_ms INTEGER NOT NULL, oldest_ms INTEGER NOT NULL, entries TEXT NOT NULL,"
                  " text TEXT NOT NULL, PRIMARY KEY (room, first_seq)) STRICT;"
                  "CREATE INDEX chat_texts_by_time ON chat_texts (room, newest_ms, first_seq);"
                  "CREATE TABLE chat_files ("
                  " id TEXT NOT NULL PRIMARY KEY, room TEXT NOT NULL, seq INTEGER NOT NULL,"
                  " name TEXT NOT NULL, type TEXT NOT NULL, bytes INTEGER NOT NULL,"
                  " state TEXT NOT NULL, server TEXT NOT NULL, created_ms INTEGER NOT NULL"
                  ") STRICT, WITHOUT ROWID;"
                  "CREATE INDEX chat_files_by_state ON chat_files (state, created_ms, id);",
        .postgres =
            "CREATE TABLE chat_rooms ("
            " id text COLLATE \"C\" PRIMARY KEY, kind text NOT NULL, name text NOT NULL,"
            " name_key text COLLATE \"C\" NOT NULL, owner text COLLATE \"C\" NOT NULL,"
            " seal text NOT NULL, created_ms bigint NOT NULL, last_seq bigint NOT NULL,"
            " members bigint NOT NULL, blocked_seq bigint NOT NULL, tail_bytes bigint NOT NULL"
            ") WITH (fillfactor = 50);"
            "CREATE INDEX chat_rooms_by_name ON chat_rooms (name_key, id) WHERE kind = 'group';"
            "CREATE INDEX chat_rooms_gone ON chat_rooms (id) WHERE kind = 'gone';"
            "CREATE TABLE chat_pairs ("
            " low text COLLATE \"C\" NOT NULL REFERENCES users (id),"
            " high text COLLATE \"C\" NOT NULL REFERENCES users (id),"
            " room text COLLATE \"C\" NOT NULL, PRIMARY KEY (low, high));"
            "CREATE TABLE chat_members ("
            " room text COLLATE \"C\" NOT NULL REFERENCES chat_rooms (id),"
            " user_id text COLLATE \"C\" NOT NULL REFERENCES users (id),"
            " joined_seq bigint NOT NULL, read_seq bigint NOT NULL,"
            " PRIMARY KEY (room, user_id)) WITH (fillfactor = 50);"
            "CREATE INDEX chat_members_by_user ON chat_members (user_id, room);"
            "CREATE TABLE chat_messages ("
            " room text COLLATE \"C\" NOT NULL REFERENCES chat_rooms (id), seq bigint NOT NULL,"
            " kind bigint NOT NULL, sender text COLLATE \"C\" NOT NULL REFERENCES users (id),"
            " type text NOT NULL, created_ms bigint NOT NULL, ref text COLLATE \"C\" NOT NULL,"
            " file text NOT NULL, body text NOT NULL, text text COLLATE \"C\" NOT NULL,"
            " PRIMARY KEY (room, seq));"
            "CREATE UNIQUE INDEX chat_messages_by_ref ON chat_messages (room, sender, ref)"
            " WHERE ref <> '';"
            "CREATE TABLE chat_texts ("
            " room text COLLATE \"C\" NOT NULL REFERENCES chat_rooms (id),"
            " first_seq bigint NOT NULL, newest_ms bigint NOT NULL, oldest_ms bigint NOT NULL,"
            " entries text COLLATE \"C\" NOT NULL, text text COLLATE \"C\" NOT NULL,"
            " PRIMARY KEY (room, first_seq)) WITH (toast_tuple_target = 8160);"
            "ALTER TABLE chat_texts ALTER COLUMN text SET STORAGE EXTERNAL;"
            "CREATE INDEX chat_texts_by_time ON chat_texts (room, newest_ms, first_seq);"
            "CREATE TABLE chat_files ("
            " id text COLLATE \"C\" PRIMARY KEY, room text COLLATE \"C\" NOT NULL,"
            " seq bigint NOT NULL, name text NOT NULL, type text NOT NULL, bytes bigint NOT NULL,"
            " state text NOT NULL, server text NOT NULL, created_ms bigint NOT NULL);"
            "CREATE INDEX chat_files_by_state ON chat_files (state, created_ms, id);",
    },
};
const size_t schema_migration_count = sizeof schema_migrations / sizeof schema_migrations[0];

#define TABLE "lectern_schema"

static const char make_table[] =
    "CREATE TABLE IF NOT EXISTS " TABLE " (version bigint PRIMARY KEY, applied_ms bigint NOT NULL)";

static void see_number(const struct db_row *row, void *arg)
{
    *(int64_t *)arg = db_number_at(row, 0);
}

static int read_version(struct db *db, int64_t *version)
{
    static const char sql[] = "SELECT COALESCE(MAX(version), 0) FROM " TABLE;
    int result = db_run(db, sql, NULL, 0, see_number, version);
    return result < 0 ? result : DB_OK;
}

/* DB_OK with the version that the tables have, 0 when there are none. */
static int find_version(struct db *db, int64_t *version)
{
    const struct db_value name = db_text(span_of(TABLE));
    int64_t tables = 0;
    *version = 0;
    int result = db_run(db, db->driver->has_table, &name, 1, see_number, &tables);
    if (result >= 0 && tables > 0) {
        result = read_version(db, version);
    }
    return result < 0 ? result : DB_OK;
}

static int apply(struct db *db, const struct migration *list, size_t from, size_t to)
{
    static const char note[] = "INSERT INTO " TABLE " (version, applied_ms) VALUES ($1, $2)";
    for (size_t i = from; i < to; i++) {
        int result = db_script(db, db->driver == &db_sqlite ? list[i].sqlite : list[i].postgres);
        if (result == DB_OK) {
            const struct db_value values[] = {db_number((int64_t)i + 1),
                                              db_number(clock_wall_ms())};
            result = db_run(db, note, values, 2, NULL, NULL);
        }
        if (result < 0) {
            return result;
        }
    }
    return DB_OK;
}

/*
 * With the lock: what somebody else has done meanwhile is not done again. *from is what was found.
 * Whether there is a table is not asked again: until its transaction ends PostgreSQL may go on
 * believing that there is none.
 */
static int migrate(struct db *db, const struct migration *list, size_t count, int64_t *from)
{
    int result = db_script(db, make_table);
    if (result == DB_OK) {
        result = read_version(db, from);
    }
    if (result == DB_OK && *from < (int64_t)count) {
        result = apply(db, list, (size_t)*from, count);
    }
    return result;
}

static int migrate_locked(struct db *db, const struct migration *list, size_t count, int64_t *from)
{
    db->deadline_ms = clock_mono_ms() + SCHEMA_LIMIT_MS;
    int result = db_do(db, db->driver->begin);
    if (result == DB_OK) {
        result = db->driver->lock(db);
    }
    if (result == DB_OK) {
        result = migrate(db, list, count, from);
    }
    if (result == DB_OK) {
        result = db_do(db, "COMMIT");
    } else if (!db->lost && db_do(db, "ROLLBACK") != DB_OK) {
        result = DB_LOST;
    }
    if (result == DB_OK && *from < (int64_t)count) {
        log_info("store", "%s: tables brought from version %lld to %zu", db->driver->name,
                 (long long)*from, count);
    }
    return result;
}

enum schema_result schema_migrate(struct db *db, const struct migration *list, size_t count)
{
    int64_t version;
    int result = find_version(db, &version);
    if (result == DB_OK && version < (int64_t)count) {
        result = migrate_locked(db, list, count, &version);
    }
    if (result == DB_OK && version > (int64_t)count) {
        snprintf(db->error, sizeof db->error,
                 "a newer Lectern has brought its tables to version %lld, this one knows %zu: run "
                 "that version, or go back to a copy made before",
                 (long long)version, count);
        return SCHEMA_NEWER;
    }
    return result == DB_OK ? SCHEMA_OK : result == DB_FAILED ? SCHEMA_REFUSED : SCHEMA_UNREACHED;
}
