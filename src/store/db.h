/*
 * One connection to a database, of either kind: what a driver (sqlite.c, postgres.c) offers, and the
 * calls that everything else in the store goes through.
 *
 * A connection is used by one thread at a time. Every call ends by the deadline that was set last; a
 * connection that misses it is lost. SQL texts are shared by the drivers and must be constants (a
 * connection prepares each one once and knows it by its address): parameters are $1, $2…, values are
 * texts and integers, never NULL.
 */
#ifndef LECTERN_STORE_DB_H
#define LECTERN_STORE_DB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

#define DB_ERROR_MAX 256 /* bytes of a sentence about what is wrong */
#define DB_PARAMS_MAX 16

enum db_result {
    DB_OK = 0,
    DB_LOST = -1,     /* connection gone, deadline missed, disk full or failing: close it */
    DB_CONFLICT = -2, /* in the way of another server's transaction: begin this one anew */
    DB_FAILED = -3,   /* the statement was refused (logged) */
};

struct db_value {
    bool is_text;
    struct span text;
    int64_t number;
};

static inline struct db_value db_text(struct span text)
{
    return (struct db_value){.is_text = true, .text = text};
}

static inline struct db_value db_number(int64_t number)
{
    return (struct db_value){.number = number};
}

struct db;

/* A row of a result, valid during the callback. What every driver's begins with. */
struct db_row {
    const struct db_driver *driver;
};

typedef void db_row_fn(const struct db_row *row, void *arg);

/* Where and how to connect. Strings are borrowed. */
struct db_target {
    const struct db_driver *driver;
    const char *place;  /* SQLite: the file's path; PostgreSQL: the URL */
    int64_t timeout_ms; /* also told to the server, so that it does not work on for nobody */
};

enum db_role {
    DB_WRITER,
    DB_READER, /* refuses to write */
};

struct db_driver {
    const char *name;      /* for people */
    const char *begin;     /* opens a transaction that will write */
    const char *has_table; /* gives how many tables of the name $1 there are */

    /* NULL, or what is wrong with `place`, in words that do not quote it. Before anything else. */
    const char *(*check)(const char *place);

    /*
     * Connects and sets the connection up. On failure NULL with a sentence in `error`, and *hopeless
     * true when trying again will not help before somebody changes something.
     */
    struct db *(*connect)(const struct db_target *target, enum db_role role, int64_t deadline_ms,
                          char error[DB_ERROR_MAX], bool *hopeless);
    void (*close)(struct db *db);

    /* Within a transaction: no other server is in its critical section until it ends. */
    int (*lock)(struct db *db);

    /* Several statements without parameters, separated by semicolons: DB_OK or negative. */
    int (*script)(struct db *db, const char *sql);
    int (*run)(struct db *db, const char *sql, const struct db_value *params, size_t count,
               db_row_fn *fn, void *arg);
    int64_t (*number_at)(const struct db_row *row, int column);
    struct span (*text_at)(const struct db_row *row, int column);
};

/* What every driver's connection begins with. */
struct db {
    const struct db_driver *driver;
    int64_t deadline_ms;      /* monotonic */
    bool lost;                /* a call has returned DB_LOST: no other will succeed */
    bool conflict;            /* a call has returned DB_CONFLICT, and… */
    bool refused;             /* …DB_FAILED: both cleared by who begins anew, as is… */
    bool wrote;               /* …this: a statement that may write has found rows */
    bool quiet;               /* refusals are not logged: what is refused will be run once more */
    char error[DB_ERROR_MAX]; /* of the last call that failed; never a parameter's value */
};

extern const struct db_driver db_sqlite, db_postgres;

/*
 * Runs one statement. `fn` (may be NULL) gets each row of its result, in order. Returns how many rows
 * it gave, or for a statement without result changed, or a db_result. A refusal inside a transaction
 * may spoil it back to the last savepoint (PostgreSQL).
 */
int db_run(struct db *db, const char *sql, const struct db_value *params, size_t count,
           db_row_fn *fn, void *arg) __attribute__((warn_unused_result));

/* Several statements; for tables and the like. */
int db_script(struct db *db, const char *sql) __attribute__((warn_unused_result));

/* A statement without parameters and rows of interest: DB_OK or negative. */
int db_do(struct db *db, const char *sql) __attribute__((warn_unused_result));

/* Columns count from 0. Texts are valid as long as the row. */
int64_t db_number_at(const struct db_row *row, int column);
struct span db_text_at(const struct db_row *row, int column);

/*
 * For drivers: a connection that is not connected yet, of `size` bytes, all zero but for what it begins
 * with. free(); NULL with a sentence when out of memory.
 */
void *db_new(size_t size, const struct db_driver *driver, int64_t deadline_ms,
             char error[DB_ERROR_MAX]);

/* For drivers: keeps and logs what went wrong, marks the connection, and returns `result`. */
int db_fail(struct db *db, enum db_result result, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
