/*
 * SQLite: a file in WAL mode, so that readers and the one writer don't wait for each other, synced at
 * every commit (synchronous=FULL). Other processes (a second server on the machine, `lectern user`)
 * may have it open: who finds it locked tries again until the deadline.
 *
 * SQLite numbers `$1`, `$2`… by their appearance in the text, they are names to it: values are bound
 * by looking the name up.
 */
#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "core/log.h"
#include "store/db.h"
#include "store/statements.h"

#define STEPS_PER_LOOK 10000 /* of SQLite's virtual machine, between two looks at the clock */
#define NAP_MS 2             /* between two tries at a lock */

struct sqlite {
    struct db db;
    sqlite3 *handle;
    struct statements statements;
};

struct sqlite_row {
    struct db_row row;
    sqlite3_stmt *statement;
};

static const char *check(const char *place)
{
    return *place ? NULL : "it names no file";
}

static int on_progress(void *arg)
{
    const struct sqlite *sqlite = arg;
    return clock_mono_ms() >= sqlite->db.deadline_ms;
}

static void nap(void)
{
    const struct timespec wait = {.tv_nsec = NAP_MS * 1000000L};
    nanosleep(&wait, NULL);
}

static int on_busy(void *arg, int tries)
{
    (void)tries;
    if (on_progress(arg)) {
        return 0;
    }
    nap();
    return 1;
}

/* What a call's failure means, by SQLite's code. */
static enum db_result classify(int code)
{
    switch (code & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_INTERRUPT:
    case SQLITE_NOMEM:
    case SQLITE_READONLY:
    case SQLITE_IOERR:
    case SQLITE_CORRUPT:
    case SQLITE_FULL:
    case SQLITE_CANTOPEN:
    case SQLITE_PROTOCOL:
    case SQLITE_NOTADB:
        return DB_LOST;
    default:
        return DB_FAILED;
    }
}

static int fail(struct sqlite *sqlite, int code)
{
    return db_fail(&sqlite->db, classify(code), "%s", sqlite3_errmsg(sqlite->handle));
}

/* ---- Statements ---- */

/* The prepared statement, or NULL with *code. */
static sqlite3_stmt *prepare(struct sqlite *sqlite, const char *sql, int *code)
{
    long index = statements_find(&sqlite->statements, sql);
    if (index >= 0) {
        return sqlite->statements.list[index].prepared;
    }
    sqlite3_stmt *statement = NULL;
    *code =
        sqlite3_prepare_v3(sqlite->handle, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement, NULL);
    if (*code == SQLITE_OK && statements_add(&sqlite->statements, sql, statement) < 0) {
        sqlite3_finalize(statement);
        *code = SQLITE_NOMEM;
    }
    return *code == SQLITE_OK ? statement : NULL;
}

static int bind(sqlite3_stmt *statement, const struct db_value *params, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char name[24];
        snprintf(name, sizeof name, "$%zu", i + 1);
        int index = sqlite3_bind_parameter_index(statement, name);
        const struct db_value *value = &params[i];
        int code = value->is_text
                       ? sqlite3_bind_text64(statement, index, value->text.n ? value->text.p : "",
                                             value->text.n, SQLITE_STATIC, SQLITE_UTF8)
                       : sqlite3_bind_int64(statement, index, value->number);
        if (code != SQLITE_OK) {
            return code;
        }
    }
    return SQLITE_OK;
}

static int run(struct db *db, const char *sql, const struct db_value *params, size_t count,
               db_row_fn *fn, void *arg)
{
    struct sqlite *sqlite = (struct sqlite *)db;
    int code = SQLITE_OK, rows = 0;
    sqlite3_stmt *statement = prepare(sqlite, sql, &code);
    if (!statement) {
        return fail(sqlite, code);
    }
    code = bind(statement, params, count);
    if (code == SQLITE_OK) {
        const struct sqlite_row row = {{&db_sqlite}, statement};
        while ((code = sqlite3_step(statement)) == SQLITE_ROW) {
            rows++;
            if (fn) {
                fn(&row.row, arg);
            }
        }
    }
    int result = code == SQLITE_DONE ? DB_OK : fail(sqlite, code);
    if (result == DB_OK && sqlite3_column_count(statement) == 0) {
        rows = sqlite3_changes(sqlite->handle);
    }
    sqlite3_reset(statement);
    sqlite3_clear_bindings(statement); /* the texts are the caller's */
    return result == DB_OK ? rows : result;
}

static int script(struct db *db, const char *sql)
{
    struct sqlite *sqlite = (struct sqlite *)db;
    int code = sqlite3_exec(sqlite->handle, sql, NULL, NULL, NULL);
    return code == SQLITE_OK ? DB_OK : fail(sqlite, code);
}

/* BEGIN IMMEDIATE has taken the only lock there is. */
static int lock(struct db *db)
{
    (void)db;
    return DB_OK;
}

static int64_t number_at(const struct db_row *row, int column)
{
    return sqlite3_column_int64(((const struct sqlite_row *)row)->statement, column);
}

static struct span text_at(const struct db_row *row, int column)
{
    sqlite3_stmt *statement = ((const struct sqlite_row *)row)->statement;
    const char *text = (const char *)sqlite3_column_text(statement, column);
    return (struct span){text, text ? (size_t)sqlite3_column_bytes(statement, column) : 0};
}

/*
 * strpos(text, part), as PostgreSQL has it but for counting bytes; a few times faster than SQLite's own
 * instr(), which counts characters on its way: a search reads through megabytes.
 */
static void find_part(sqlite3_context *context, int count, sqlite3_value **values)
{
    (void)count;
    const char *text = (const char *)sqlite3_value_text(values[0]);
    const char *part = (const char *)sqlite3_value_text(values[1]);
    if (!text || !part) { /* never so for ours, but when out of memory */
        sqlite3_result_error_nomem(context);
        return;
    }
    const char *at = memmem(text, (size_t)sqlite3_value_bytes(values[0]), part,
                            (size_t)sqlite3_value_bytes(values[1]));
    sqlite3_result_int64(context, at ? at - text + 1 : 0);
}

static int add_functions(struct sqlite *sqlite)
{
    int flags = SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_INNOCUOUS;
    int code = sqlite3_create_function_v2(sqlite->handle, "strpos", 2, flags, NULL, find_part, NULL,
                                          NULL, NULL);
    return code == SQLITE_OK ? DB_OK : fail(sqlite, code);
}

/* ---- From beginning to end ---- */

static void close_sqlite(struct db *db)
{
    struct sqlite *sqlite = (struct sqlite *)db;
    for (size_t i = 0; i < sqlite->statements.count; i++) {
        sqlite3_finalize(sqlite->statements.list[i].prepared);
    }
    statements_finish(&sqlite->statements);
    sqlite3_close(sqlite->handle);
    free(sqlite);
}

/*
 * Makes the file, readable by nobody else: SQLite gives the files beside it the same mode. Never
 * opens one that exists: closing it would drop the locks that this process has on it (fcntl(2)).
 */
static int make_file(const char *path)
{
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) {
        return errno == EEXIST ? 0 : -1;
    }
    close(fd);
    return 0;
}

/* One that was restored from a copy, for example. Passwords' hashes and names are in it. */
static void warn_if_readable(const char *path)
{
    struct stat info;
    if (stat(path, &info) == 0 && (info.st_mode & 077)) {
        log_warn("store", "%s can be read by other users (mode %04o); chmod 600 it", path,
                 (unsigned)info.st_mode & 0777);
    }
}

static void see_mode(const struct db_row *row, void *arg)
{
    *(bool *)arg = span_eq(db_text_at(row, 0), "wal");
}

/* Changing to WAL needs the file for itself for a moment, and fails without asking on_busy(). */
static int use_wal(struct sqlite *sqlite)
{
    bool wal = false;
    for (;;) {
        sqlite->db.lost = false;
        int result = run(&sqlite->db, "PRAGMA journal_mode=WAL", NULL, 0, see_mode, &wal);
        if (result >= 0) {
            return wal ? DB_OK
                       : db_fail(&sqlite->db, DB_FAILED, "the file system cannot do WAL mode");
        }
        if (sqlite3_errcode(sqlite->handle) != SQLITE_BUSY || on_progress(sqlite)) {
            return result;
        }
        nap();
    }
}

/* What the WAL has is copied into the file by who commits: every 16 MiB, more seldom than by default. */
static int set_up(struct sqlite *sqlite, enum db_role role)
{
    static const char common[] = "PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;"
                                 "PRAGMA trusted_schema=OFF; PRAGMA wal_autocheckpoint=4000;";
    sqlite3_extended_result_codes(sqlite->handle, 0);
    sqlite3_busy_handler(sqlite->handle, on_busy, sqlite);
    sqlite3_progress_handler(sqlite->handle, STEPS_PER_LOOK, on_progress, sqlite);
    int result = script(&sqlite->db, common);
    if (result == DB_OK) {
        result = add_functions(sqlite);
    }
    if (result == DB_OK) {
        result = role == DB_WRITER ? use_wal(sqlite) : script(&sqlite->db, "PRAGMA query_only=ON");
    }
    return result;
}

/* What passes by itself: somebody else has it locked, or there is no space or memory just now. */
static bool passes(int code)
{
    code &= 0xff;
    return code == SQLITE_BUSY || code == SQLITE_LOCKED || code == SQLITE_FULL ||
           code == SQLITE_NOMEM || code == SQLITE_INTERRUPT;
}

static struct db *connect(const struct db_target *target, enum db_role role, int64_t deadline_ms,
                          char error[DB_ERROR_MAX], bool *hopeless)
{
    struct sqlite *sqlite = db_new(sizeof *sqlite, &db_sqlite, deadline_ms, error);
    *hopeless = false;
    if (!sqlite) {
        return NULL;
    }
    if (role == DB_WRITER && make_file(target->place)) {
        snprintf(error, DB_ERROR_MAX, "%.150s cannot be made: %s", target->place, strerror(errno));
        *hopeless = true;
        free(sqlite);
        return NULL;
    }
    int code = sqlite3_open_v2(target->place, &sqlite->handle,
                               SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
    if (code == SQLITE_OK && set_up(sqlite, role) == DB_OK) {
        if (role == DB_WRITER) {
            warn_if_readable(target->place);
        }
        return &sqlite->db;
    }
    snprintf(error, DB_ERROR_MAX, "%.150s: %.100s", target->place,
             code == SQLITE_OK ? sqlite->db.error : sqlite3_errstr(code));
    *hopeless = !passes(code == SQLITE_OK ? sqlite3_errcode(sqlite->handle) : code);
    close_sqlite(&sqlite->db);
    return NULL;
}

const struct db_driver db_sqlite = {
    .name = "SQLite",
    .begin = "BEGIN IMMEDIATE",
    .has_table = "SELECT COUNT(*) FROM sqlite_master WHERE type = 'table' AND name = $1",
    .check = check,
    .connect = connect,
    .close = close_sqlite,
    .lock = lock,
    .script = script,
    .run = run,
    .number_at = number_at,
    .text_at = text_at,
};
