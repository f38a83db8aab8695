/* Migrations: from every earlier version, several servers at once, and what cannot be brought up. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "store/schema.h"
#include "unit/store/chat_rig.h"

/* A history of three steps, each of which needs the one before it. */
static const struct migration steps[] = {
    {"CREATE TABLE notes (id INTEGER PRIMARY KEY); INSERT INTO notes VALUES (1);",
     "CREATE TABLE notes (id bigint PRIMARY KEY); INSERT INTO notes VALUES (1);"},
    {"ALTER TABLE notes ADD COLUMN text TEXT NOT NULL DEFAULT 'old';",
     "ALTER TABLE notes ADD COLUMN text text NOT NULL DEFAULT 'old';"},
    {"UPDATE notes SET text = 'new'; INSERT INTO notes (id, text) VALUES (2, 'two');",
     "UPDATE notes SET text = 'new'; INSERT INTO notes (id, text) VALUES (2, 'two');"},
};
#define STEPS 3

static void keep_number(const struct db_row *row, void *arg)
{
    *(int64_t *)arg = db_number_at(row, 0);
}

/* The number that a query gives, -1 when it is refused. */
static int64_t number_of(struct db *db, const char *sql)
{
    int64_t number = -1;
    db->deadline_ms = clock_mono_ms() + RIG_TIMEOUT_MS;
    return db_run(db, sql, NULL, 0, keep_number, &number) == 1 ? number : -1;
}

static void from_each_version_to_the_last(void **state)
{
    (void)state;
    for (size_t from = 0; from <= STEPS; from++) {
        struct rig rig;
        rig_init(&rig);
        struct db *db = rig_connect(&rig, DB_WRITER);
        assert_int_equal(schema_migrate(db, steps, from), SCHEMA_OK);
        rig_driver->close(db);
        db = rig_connect(&rig, DB_WRITER);
        assert_int_equal(schema_migrate(db, steps, STEPS), SCHEMA_OK);
        assert_int_equal(schema_migrate(db, steps, STEPS), SCHEMA_OK); /* nothing left to do */
        assert_int_equal(number_of(db, "SELECT COUNT(*) FROM notes"), 2);
        assert_int_equal(number_of(db, "SELECT COUNT(*) FROM notes WHERE text = 'new'"), 1);
        assert_int_equal(number_of(db, "SELECT COUNT(*) FROM lectern_schema"), STEPS);
        assert_int_equal(number_of(db, "SELECT MAX(version) FROM lectern_schema"), STEPS);
        rig_driver->close(db);
        rig_finish(&rig);
    }
}

static void newer_tables_are_left_alone(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig);
    struct db *db = rig_connect(&rig, DB_WRITER);
    assert_int_equal(schema_migrate(db, steps, STEPS), SCHEMA_OK);
    assert_int_equal(schema_migrate(db, steps, STEPS - 1), SCHEMA_NEWER);
    assert_non_null(strstr(db->error, "version 3, this one knows 2"));
    assert_int_equal(number_of(db, "SELECT MAX(version) FROM lectern_schema"), STEPS);
    rig_driver->close(db);
    rig_finish(&rig);
}

static void a_refused_step_leaves_nothing(void **state)
{
    (void)state;
    static const struct migration broken[] = {
        {"CREATE TABLE first (id INTEGER);", "CREATE TABLE first (id bigint);"},
        {"CREATE TABLE second (id INTEGER); CREATE TABLE nonsense;",
         "CREATE TABLE second (id bigint); CREATE TABLE nonsense;"},
    };
    struct rig rig;
    rig_init(&rig);
    struct db *db = rig_connect(&rig, DB_WRITER);
    fprintf(stderr, "(an error is to be logged here)\n");
    assert_int_equal(schema_migrate(db, broken, 2), SCHEMA_REFUSED);
    assert_true(strlen(db->error) > 0);
    assert_false(db->lost);
    assert_int_equal(schema_migrate(db, steps, STEPS), SCHEMA_OK); /* as on an empty one */
    assert_int_equal(number_of(db, "SELECT COUNT(*) FROM lectern_schema"), STEPS);
    rig_driver->close(db);
    rig_finish(&rig);
}

static atomic_int arrived, succeeded;

static void *start_one(void *arg)
{
    struct rig *rig = arg;
    struct db *db = rig_connect(rig, DB_WRITER);
    arrived++;
    while (arrived < 8) {
        test_nap();
    }
    succeeded += schema_migrate(db, steps, STEPS) == SCHEMA_OK;
    rig_driver->close(db);
    return NULL;
}

static void many_start_at_once(void **state)
{
    (void)state;
    struct rig rig;
    pthread_t threads[8];
    rig_init(&rig);
    arrived = succeeded = 0;
    for (int i = 0; i < 8; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, start_one, &rig), 0);
    }
    for (int i = 0; i < 8; i++) {
        pthread_join(threads[i], NULL);
    }
    assert_int_equal(succeeded, 8);
    struct db *db = rig_connect(&rig, DB_READER);
    assert_int_equal(number_of(db, "SELECT COUNT(*) FROM notes"), 2);
    rig_driver->close(db);
    rig_finish(&rig);
}

/* Processes, as real servers are: nothing of the library is shared. */
static void many_processes_open_at_once(void **state)
{
    (void)state;
    struct rig rig;
    pid_t pids[6];
    rig_init(&rig);
    for (int i = 0; i < 6; i++) {
        pids[i] = fork();
        if (pids[i] == 0) {
            char error[512];
            struct user_row found;
            struct store *store = store_open(&rig.config, error, sizeof error);
            bool ok = store && users_get(store, "kim", &found) == STORE_NOT_FOUND;
            store_close(store);
            _exit(ok ? 0 : 1);
        }
    }
    for (int i = 0; i < 6; i++) {
        int status = -1;
        waitpid(pids[i], &status, 0);
        assert_int_equal(status, 0);
    }
    rig_finish(&rig);
}

/* As the first released version left it, with accounts. */
static void fill_version_1(struct rig *rig)
{
    struct db *db = rig_connect(rig, DB_WRITER);
    assert_int_equal(schema_migrate(db, schema_migrations, 1), SCHEMA_OK);
    assert_int_equal(
        db_script(db, "INSERT INTO users (id, name, email, type, password, generation, created_ms)"
                      " VALUES ('Kim', '김선생', 'kim@school.example', 'teacher', '$argon2id$k', 3,"
                      " 1732094000123), ('lee', '이서연', '', 'student', '$argon2id$l', 1, 1);"
                      "INSERT INTO logins (login, user_id) VALUES ('kim', 'Kim'),"
                      " ('kim@school.example', 'Kim'), ('lee', 'lee');"),
        DB_OK);
    rig_driver->close(db);
}

/* What accounts were is what they are, and they can chat. */
static bool is_upgraded(struct store *store)
{
    struct user_row kim;
    struct chat_direct direct = {
        .user = "Kim", .other = "lee", .now_ms = NOW, .rooms_max = ROOMS_MAX};
    if (!store || users_find(store, span_of("KIM@school.example"), &kim) != STORE_OK ||
        strcmp(kim.id, "Kim") != 0 || strcmp(kim.name, "김선생") != 0 || kim.generation != 3 ||
        strcmp(kim.password, "$argon2id$k") != 0 || kim.created_ms != 1732094000123 ||
        chats_direct(store, &direct) != STORE_OK) {
        return false;
    }
    struct message_append op = a_message(direct.room.id, "lee", "\"x\"");
    return messages_append(store, &op) == STORE_OK;
}

static void accounts_of_version_1_stay(void **state)
{
    (void)state;
    struct rig rig;
    pid_t pids[4];
    rig_init(&rig);
    fill_version_1(&rig);
    for (int i = 0; i < 4; i++) {
        pids[i] = fork();
        if (pids[i] == 0) {
            char error[512];
            struct store *store = store_open(&rig.config, error, sizeof error);
            bool ok = id_init() == 0 && is_upgraded(store);
            store_close(store);
            _exit(ok ? 0 : 1);
        }
    }
    for (int i = 0; i < 4; i++) {
        int status = -1;
        waitpid(pids[i], &status, 0);
        assert_int_equal(status, 0);
    }
    struct db *db = rig_connect(&rig, DB_WRITER);
    assert_int_equal(number_of(db, "SELECT COUNT(*) FROM lectern_schema"), schema_migration_count);
    assert_int_equal(number_of(db, "SELECT COUNT(*) FROM chat_rooms"), 1);
    assert_int_equal(number_of(db, "SELECT last_seq FROM chat_rooms"), 4);
    assert_int_equal(schema_migrate(db, schema_migrations, 1), SCHEMA_NEWER);
    rig_driver->close(db);
    rig_finish(&rig);
}

/* Who waits for another's long migration is not cut off by the time limit of usual calls. */
static void waiting_for_the_lock_is_no_failure(void **state)
{
    (void)state;
    struct rig rig;
    pthread_t thread;
    rig_init(&rig);
    rig.config.store_timeout_ms = 200;
    struct db *first = rig_connect(&rig, DB_WRITER);
    assert_int_equal(db_do(first, rig_driver->begin), DB_OK);
    assert_int_equal(rig_driver->lock(first), DB_OK);
    arrived = 7;
    succeeded = 0;
    assert_int_equal(pthread_create(&thread, NULL, start_one, &rig), 0);
    assert_true(WAIT_FOR(arrived == 8));
    for (int i = 0; i < 200; i++) {
        test_nap(); /* twice the time limit of usual calls */
    }
    assert_int_equal(db_do(first, "COMMIT"), DB_OK);
    pthread_join(thread, NULL);
    assert_int_equal(succeeded, 1);
    rig_driver->close(first);
    rig_finish(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(from_each_version_to_the_last),
        cmocka_unit_test(newer_tables_are_left_alone),
        cmocka_unit_test(a_refused_step_leaves_nothing),
        cmocka_unit_test(many_start_at_once),
        cmocka_unit_test(many_processes_open_at_once),
        cmocka_unit_test(accounts_of_version_1_stay),
        cmocka_unit_test(waiting_for_the_lock_is_no_failure),
    };
    return rig_run(tests);
}
