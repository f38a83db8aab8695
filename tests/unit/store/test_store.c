/* Opening and closing, where that cannot be, and a store that is away. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "store/schema.h"
#include "unit/store/rig.h"

/* Tries to open a store that cannot be; the sentence. */
static const char *refusal_of(struct rig *rig, char *url)
{
    static char error[512];
    rig->config.store_url = url;
    snprintf(error, sizeof error, "no sentence");
    struct store *store = store_open(&rig->config, error, sizeof error);
    assert_null(store);
    rig->config.store_url = rig->url;
    return error;
}

static bool usable(struct store *store)
{
    struct user_row found;
    return store && store_ready(store) && users_get(store, "kim", &found) == STORE_NOT_FOUND;
}

static void opens_and_is_ready(void **state)
{
    (void)state;
    struct rig *rig = rig_open();
    assert_true(usable(rig->store));
    struct store *another = rig_open_another(rig);
    assert_true(usable(another));
    store_close(another);
    store_close(NULL);
    rig_close(rig);
}

static unsigned mode_of(const char *dir, const char *file)
{
    char path[200];
    struct stat info;
    snprintf(path, sizeof path, "%s/%s", dir, file);
    assert_int_equal(stat(path, &info), 0);
    return info.st_mode & 0777;
}

static void by_default_a_file_that_nobody_else_reads(void **state)
{
    (void)state;
    struct rig rig;
    char dir[96], none[] = "";
    if (!rig_is_sqlite()) {
        return;
    }
    rig_init(&rig);
    snprintf(dir, sizeof dir, "%s/data", rig.dir);
    rig.config.data_dir = dir;
    rig.config.store_url = none;
    mode_t before = umask(0);
    rig.store = rig_open_another(&rig);
    struct user_row row = rig_user("kim", "");
    assert_int_equal(users_add(rig.store, &row), STORE_OK);
    umask(before);
    assert_int_equal(mode_of(dir, ""), 0700);
    assert_int_equal(mode_of(dir, "lectern.db"), 0600);
    assert_int_equal(mode_of(dir, "lectern.db-wal"), 0600);
    assert_int_equal(mode_of(dir, "lectern.db-shm"), 0600);
    rig_finish(&rig);
}

static void names_that_mean_something_to_sqlite_are_files(void **state)
{
    (void)state;
    struct rig rig;
    char cwd[1024];
    if (!rig_is_sqlite()) {
        return;
    }
    rig_init(&rig);
    assert_non_null(getcwd(cwd, sizeof cwd));
    assert_int_equal(chdir(rig.dir), 0);
    static const char *const names[] = {":memory:", "file:x.db?mode=memory", "file", "a b%20?#.db"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        snprintf(rig.url, sizeof rig.url, "sqlite:%s", names[i]);
        rig.store = rig_open_another(&rig);
        assert_true(usable(rig.store));
        assert_int_equal(access(names[i], F_OK), 0);
        store_close(rig.store);
    }
    rig.store = NULL;
    assert_int_equal(chdir(cwd), 0);
    rig_finish(&rig);
}

static bool warns_about_mode(struct rig *rig)
{
    char path[128], line[600];
    snprintf(path, sizeof path, "%s/log", rig->dir);
    int file = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600), before = dup(2);
    assert_true(file >= 0 && before >= 0);
    dup2(file, 2);
    log_set_level(LOG_LEVEL_WARN);
    rig_reopen(rig);
    log_set_level(LOG_LEVEL_ERROR);
    dup2(before, 2);
    ssize_t len = pread(file, line, sizeof line - 1, 0);
    close(file);
    close(before);
    line[len > 0 ? len : 0] = '\0';
    return strstr(line, "can be read by other users") != NULL;
}

static void a_file_that_others_can_read_is_complained_about(void **state)
{
    (void)state;
    if (!rig_is_sqlite()) {
        return;
    }
    struct rig *rig = rig_open();
    assert_false(warns_about_mode(rig));
    assert_int_equal(chmod(strchr(rig->url, '/'), 0640), 0);
    assert_true(warns_about_mode(rig));
    rig_close(rig);
}

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static void what_is_no_database_is_refused(void **state)
{
    (void)state;
    struct rig rig;
    char path[128], url[160], none[] = "", dir[96];
    if (!rig_is_sqlite()) {
        return;
    }
    rig_init(&rig);
    snprintf(path, sizeof path, "%s/text.db", rig.dir);
    snprintf(url, sizeof url, "sqlite:%s", path);
    write_file(path,
               "This is a letter to somebody, and long enough to be looked at as a file head.\n");
    assert_non_null(strstr(refusal_of(&rig, url), "not a database"));
    snprintf(url, sizeof url, "sqlite:%s", rig.dir);
    assert_non_null(strstr(refusal_of(&rig, url), "SQLite: "));
    snprintf(url, sizeof url, "sqlite:%s/missing/lectern.db", rig.dir);
    assert_non_null(strstr(refusal_of(&rig, url), "cannot be made: No such file"));
    snprintf(dir, sizeof dir, "%s/missing/data", rig.dir);
    rig.config.data_dir = dir;
    assert_non_null(strstr(refusal_of(&rig, none), "cannot be made: No such file"));
    rig_finish(&rig);
}

static void newer_tables_are_refused(void **state)
{
    (void)state;
    struct rig *rig = rig_open();
    store_close(rig->store);
    rig->store = NULL;
    struct db *db = rig_connect(rig, DB_WRITER);
    assert_int_equal(db_do(db, "INSERT INTO lectern_schema VALUES (1000, 0)"), DB_OK);
    rig_driver->close(db);
    assert_non_null(strstr(refusal_of(rig, rig->url), "a newer Lectern"));
    rig_close(rig);
}

static void another_programs_tables_are_refused(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig);
    struct db *db = rig_connect(&rig, DB_WRITER);
    assert_int_equal(db_script(db, "CREATE TABLE users (id bigint)"), DB_OK);
    rig_driver->close(db);
    fprintf(stderr, "(an error is to be logged here)\n");
    assert_non_null(strstr(refusal_of(&rig, rig.url), "users"));
    rig_finish(&rig);
}

/* ---- PostgreSQL ---- */

static void other_encodings_are_refused(void **state)
{
    (void)state;
    struct rig rig;
    static const char *const bad[] = {"ENCODING 'LATIN1' LOCALE 'C'",
                                      "ENCODING 'SQL_ASCII' LOCALE 'C'"};
    if (rig_is_sqlite()) {
        return;
    }
    rig_init(&rig);
    for (int i = 0; i < 2; i++) {
        char sql[160], name[32], url[160];
        snprintf(name, sizeof name, "encoding%d", i);
        snprintf(sql, sizeof sql, "CREATE DATABASE %s TEMPLATE template0 %s", name, bad[i]);
        postgres_server_do(&rig_postgres, "postgres", sql);
        postgres_server_url(&rig_postgres, name, url);
        assert_non_null(strstr(refusal_of(&rig, url), "not in UTF-8: "));
    }
    rig_finish(&rig);
}

/* Passwords that were not percent-encoded make odd hosts, ports and databases: none is ever shown. */
static void odd_urls_are_refused_without_being_shown(void **state)
{
    (void)state;
    static const char *const urls[] = {
        "postgresql://user:secret@secret@host/db",
        "postgresql://user:pass/secret@host/db",
        "postgresql://user:12/secret@host/db",
        "postgresql://user:secret@host/db?unknown=secret",
        "postgresql://user:sec:ret/secret",
        "postgresql://user:p%zzsecret@host/db",
        "postgresql://user:secret@host:port/db",
        "postgresql://user:secret@[host/db",
        "postgresql://user:secret@host",
        "postgresql://user:secret@host/",
    };
    struct rig rig;
    if (rig_is_sqlite()) {
        return;
    }
    rig_init(&rig);
    for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++) {
        char url[160];
        snprintf(url, sizeof url, "%s", urls[i]);
        const char *error = refusal_of(&rig, url);
        assert_non_null(strstr(error, "LECTERN_STORE_URL (value not shown) is not allowed: "));
        assert_null(strstr(error, "secret"));
    }
    rig_finish(&rig);
}

/* A port where nobody listens yet: the store opens, is away, and comes up by itself. */
static void one_that_is_away_is_waited_for(void **state)
{
    (void)state;
    struct user_row row = rig_user("kim", ""), found;
    if (rig_is_sqlite()) {
        return;
    }
    struct rig rig;
    rig_init(&rig);
    postgres_server_kill(&rig_postgres);
    rig.store = rig_open_another(&rig);
    assert_false(store_ready(rig.store));
    assert_int_equal(users_add(rig.store, &row), STORE_UNAVAILABLE);
    assert_int_equal(users_get(rig.store, "kim", &found), STORE_UNAVAILABLE);
    postgres_server_run(&rig_postgres);
    assert_true(WAIT_FOR(store_ready(rig.store)));
    assert_int_equal(users_add(rig.store, &row), STORE_OK);
    assert_int_equal(users_get(rig.store, "kim", &found), STORE_OK);
    rig_finish(&rig);
}

/* Of several hosts one that refuses and one that is silent are passed over. */
static void hosts_are_tried_in_turn(void **state)
{
    (void)state;
    if (rig_is_sqlite()) {
        return;
    }
    struct rig rig;
    int silent_port, refusing = test_free_port();
    int silent = test_listen(&silent_port); /* nobody ever accepts */
    rig_init(&rig);
    rig.config.store_timeout_ms = 1500;
    snprintf(rig.url, sizeof rig.url,
             "postgresql://lectern@127.0.0.1:%d,127.0.0.1:%d,127.0.0.1:%d/%s", refusing,
             silent_port, rig_postgres.port, rig.database);
    rig.store = rig_open_another(&rig);
    assert_true(WAIT_FOR(usable(rig.store)));
    close(silent);
    rig_finish(&rig);
}

/* One that stands still: calls end by their time limit, then at once, until it goes on. */
static void one_that_is_silent_is_away(void **state)
{
    (void)state;
    struct user_row row = rig_user("kim", ""), found;
    if (rig_is_sqlite()) {
        return;
    }
    struct rig rig;
    rig_init(&rig);
    rig.config.store_timeout_ms = 500;
    rig.store = rig_open_another(&rig);
    assert_true(WAIT_FOR(usable(rig.store)));
    rig_signal_postgres(SIGSTOP);
    enum store_result written = users_add(rig.store, &row);
    enum store_result read = users_get(rig.store, "lee", &found);
    bool away = WAIT_FOR(!store_ready(rig.store));
    rig_signal_postgres(SIGCONT);
    assert_int_equal(written, STORE_UNAVAILABLE);
    assert_int_equal(read, STORE_UNAVAILABLE);
    assert_true(away);
    assert_true(WAIT_FOR(store_ready(rig.store)));
    assert_int_equal(users_get(rig.store, "lee", &found), STORE_NOT_FOUND);
    rig_finish(&rig);
}

static void keep_number(const struct db_row *row, void *arg)
{
    *(int64_t *)arg = db_number_at(row, 0);
}

static int64_t pragma(struct db *db, const char *sql)
{
    int64_t number = -1;
    assert_int_equal(db_run(db, sql, NULL, 0, keep_number, &number), 1);
    return number;
}

/* Acknowledged means on disk, and there are no orphans. */
static void connections_to_sqlite_are_set_up(void **state)
{
    (void)state;
    if (!rig_is_sqlite()) {
        return;
    }
    struct rig *rig = rig_open();
    for (int role = DB_WRITER; role <= DB_READER; role++) {
        struct db *db = rig_connect(rig, (enum db_role)role);
        assert_int_equal(pragma(db, "PRAGMA synchronous"), 2); /* FULL */
        assert_int_equal(pragma(db, "PRAGMA foreign_keys"), 1);
        assert_int_equal(pragma(db, "PRAGMA query_only"), role == DB_READER);
        rig_driver->close(db);
    }
    rig_close(rig);
}

/* Whatever an operator's defaults are: the same, and the server gives up when we do. */
static void sessions_of_postgresql_are_set_up(void **state)
{
    (void)state;
    static const char ask[] = "SELECT string_agg(DISTINCT application_name, ',')"
                              " FROM pg_stat_activity WHERE datname = current_database()"
                              " AND pid <> pg_backend_pid()";
    static const char look[] = "SELECT 1 WHERE current_setting('synchronous_commit') = 'on'"
                               " AND current_setting('statement_timeout') = '10s'"
                               " AND current_setting('client_encoding') = 'UTF8'"
                               " AND current_setting('transaction_isolation') = 'read committed'";
    char out[64];
    if (rig_is_sqlite()) {
        return;
    }
    struct rig *rig = rig_open();
    assert_true(postgres_server_ask(&rig_postgres, rig->database, ask, out, sizeof out));
    assert_string_equal(out, "lectern");
    postgres_server_do(&rig_postgres, rig->database,
                       "ALTER ROLE lectern SET synchronous_commit = off;"
                       "ALTER ROLE lectern SET default_transaction_isolation = 'serializable'");
    struct db *db = rig_connect(rig, DB_WRITER);
    postgres_server_do(&rig_postgres, rig->database, "ALTER ROLE lectern RESET ALL");
    assert_int_equal(db_run(db, look, NULL, 0, NULL, NULL), 1);
    rig_driver->close(db);
    rig_close(rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(opens_and_is_ready),
        cmocka_unit_test(by_default_a_file_that_nobody_else_reads),
        cmocka_unit_test(a_file_that_others_can_read_is_complained_about),
        cmocka_unit_test(names_that_mean_something_to_sqlite_are_files),
        cmocka_unit_test(what_is_no_database_is_refused),
        cmocka_unit_test(newer_tables_are_refused),
        cmocka_unit_test(another_programs_tables_are_refused),
        cmocka_unit_test(other_encodings_are_refused),
        cmocka_unit_test(odd_urls_are_refused_without_being_shown),
        cmocka_unit_test(one_that_is_away_is_waited_for),
        cmocka_unit_test(hosts_are_tried_in_turn),
        cmocka_unit_test(one_that_is_silent_is_away),
        cmocka_unit_test(connections_to_sqlite_are_set_up),
        cmocka_unit_test(sessions_of_postgresql_are_set_up),
    };
    return rig_run(tests);
}
