/*
 * What the store's tests share: both kinds of store, an empty one for each test, rows. A test program
 * gives its tests to rig_run(), which runs them on one kind after the other.
 */
#ifndef LECTERN_TESTS_UNIT_STORE_RIG_H
#define LECTERN_TESTS_UNIT_STORE_RIG_H

#include <sys/stat.h>

#include "base/clock.h"
#include "core/config.h"
#include "core/log.h"
#include "store/internal.h"
#include "store/users.h"
#include "unit/postgres_server.h"

#define RIG_TIMEOUT_MS 10000 /* for a busy machine; tests of time limits have their own */

static const struct db_driver *rig_driver; /* the kind that is being tested */
static struct postgres_server rig_postgres;

/* An empty store and who has it open. */
struct rig {
    struct config config;
    struct store *store; /* NULL until rig_open() */
    char dir[64];        /* SQLite's */
    char url[160];
    char database[16]; /* PostgreSQL's; in SQLite's URL */
};

static inline bool rig_is_sqlite(void)
{
    return rig_driver == &db_sqlite;
}

static inline void rig_init(struct rig *rig)
{
    static int number;
    memset(rig, 0, sizeof *rig);
    snprintf(rig->dir, sizeof rig->dir, "/tmp/lectern-test-XXXXXX");
    assert_non_null(mkdtemp(rig->dir));
    snprintf(rig->database, sizeof rig->database, "rig%d", ++number);
    if (rig_is_sqlite()) {
        snprintf(rig->url, sizeof rig->url, "sqlite:%s/%s.db", rig->dir, rig->database);
    } else {
        char sql[64];
        snprintf(sql, sizeof sql, "CREATE DATABASE %s", rig->database);
        postgres_server_do(&rig_postgres, "postgres", sql);
        postgres_server_url(&rig_postgres, rig->database, rig->url);
    }
    rig->config.store_url = rig->url;
    rig->config.data_dir = rig->dir;
    rig->config.store_timeout_ms = RIG_TIMEOUT_MS;
    rig->config.http_threads = 256;
}

static inline struct store *rig_open_another(struct rig *rig)
{
    char error[512] = "";
    struct store *store = store_open(&rig->config, error, sizeof error);
    if (!store) {
        fprintf(stderr, "store_open: %s\n", error);
    }
    assert_non_null(store);
    return store;
}

static inline struct rig *rig_open(void)
{
    struct rig *rig = malloc(sizeof *rig);
    assert_non_null(rig);
    rig_init(rig);
    rig->store = rig_open_another(rig);
    return rig;
}

static inline void rig_reopen(struct rig *rig)
{
    store_close(rig->store);
    rig->store = rig_open_another(rig);
}

static inline void rig_finish(struct rig *rig)
{
    char command[96];
    store_close(rig->store);
    snprintf(command, sizeof command, "rm -rf %s", rig->dir);
    assert_int_equal(system(command), 0);
}

static inline void rig_close(struct rig *rig)
{
    rig_finish(rig);
    free(rig);
}

/* A connection past the store, for looking at what it has left and getting in its way. */
static inline struct db *rig_connect(const struct rig *rig, enum db_role role)
{
    const char *place = rig_is_sqlite() ? strchr(rig->url, '/') : rig->url;
    const struct db_target target = {rig_driver, place, rig->config.store_timeout_ms};
    char error[DB_ERROR_MAX] = "";
    bool hopeless;
    struct db *db =
        rig_driver->connect(&target, role, clock_mono_ms() + RIG_TIMEOUT_MS, error, &hopeless);
    if (!db) {
        fprintf(stderr, "connect: %s\n", error);
    }
    assert_non_null(db);
    return db;
}

/* To all processes of PostgreSQL, that it stands still or goes on. */
static inline void rig_signal_postgres(int number)
{
    char command[160];
    snprintf(command, sizeof command, "kill -%d %d $(ps -o pid= --ppid %d)", number,
             (int)rig_postgres.pid, (int)rig_postgres.pid);
    assert_int_equal(system(command), 0);
}

static inline struct user_row rig_user(const char *id, const char *email)
{
    struct user_row row = {.type = USER_TEACHER, .generation = 1, .created_ms = 1732094000123};
    snprintf(row.id, sizeof row.id, "%s", id);
    snprintf(row.name, sizeof row.name, "김선생 %s", id);
    snprintf(row.email, sizeof row.email, "%s", email);
    snprintf(row.password, sizeof row.password, "$argon2id$%s", id);
    return row;
}

/* Runs the tests on both kinds; the number of failures. */
#define rig_run(tests)                                                                             \
    ({                                                                                             \
        int failed_ = 0;                                                                           \
        log_set_level(LOG_LEVEL_ERROR);                                                            \
        rig_driver = &db_sqlite;                                                                   \
        failed_ += cmocka_run_group_tests_name("SQLite", tests, NULL, NULL);                       \
        rig_driver = &db_postgres;                                                                 \
        postgres_server_start(&rig_postgres);                                                      \
        failed_ += cmocka_run_group_tests_name("PostgreSQL", tests, NULL, NULL);                   \
        postgres_server_finish(&rig_postgres);                                                     \
        failed_;                                                                                   \
    })

#endif
