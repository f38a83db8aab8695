/* What is the same for every kind of database; see db.h. */
#include "store/db.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/log.h"

void *db_new(size_t size, const struct db_driver *driver, int64_t deadline_ms,
             char error[DB_ERROR_MAX])
{
    struct db *db = calloc(1, size);
    if (db) {
        db->driver = driver;
        db->deadline_ms = deadline_ms;
    } else {
        snprintf(error, DB_ERROR_MAX, "out of memory");
    }
    return db;
}

int db_fail(struct db *db, enum db_result result, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(db->error, sizeof db->error, format, args);
    va_end(args);
    db->lost = db->lost || result == DB_LOST;
    db->conflict = db->conflict || result == DB_CONFLICT;
    db->refused = db->refused || result == DB_FAILED;
    if (result == DB_FAILED && !db->quiet) {
        log_error("store", "%s: %s", db->driver->name, db->error);
    }
    return result;
}

int db_run(struct db *db, const char *sql, const struct db_value *params, size_t count,
           db_row_fn *fn, void *arg)
{
    if (db->lost) {
        return DB_LOST;
    }
    int rows = db->driver->run(db, sql, params, count, fn, arg);
    db->wrote = db->wrote || (rows != 0 && strncmp(sql, "SELECT", strlen("SELECT")) != 0);
    return rows;
}

int db_script(struct db *db, const char *sql)
{
    return db->lost ? DB_LOST : db->driver->script(db, sql);
}

int db_do(struct db *db, const char *sql)
{
    int result = db_run(db, sql, NULL, 0, NULL, NULL);
    return result < 0 ? result : DB_OK;
}

int64_t db_number_at(const struct db_row *row, int column)
{
    return row->driver->number_at(row, column);
}

struct span db_text_at(const struct db_row *row, int column)
{
    return row->driver->text_at(row, column);
}
