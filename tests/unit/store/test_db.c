/* What every driver promises (db.h): values, rows, errors, deadlines. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "unit/store/rig.h"

struct seen {
    int rows;
    int64_t number;
    char text[64];
};

/* Rows of (number, text). */
static void see(const struct db_row *row, void *arg)
{
    struct seen *seen = arg;
    seen->rows++;
    seen->number = db_number_at(row, 0);
    assert_true(span_copy(db_text_at(row, 1), seen->text, sizeof seen->text));
}

static struct db *open_with_table(struct rig *rig)
{
    rig_init(rig);
    struct db *db = rig_connect(rig, DB_WRITER);
    assert_int_equal(db_script(db, "CREATE TABLE items (n bigint PRIMARY KEY, text text NOT NULL);"
                                   "CREATE TABLE parts (n bigint REFERENCES items (n));"),
                     DB_OK);
    return db;
}

static void finish(struct rig *rig, struct db *db)
{
    rig_driver->close(db);
    rig_finish(rig);
}

static int insert(struct db *db, int64_t n, struct span text)
{
    /* $2 stands before $1: to SQLite these are names, numbered by their appearance. */
    static const char sql[] = "INSERT INTO items (text, n) VALUES ($2, $1)";
    const struct db_value values[] = {db_number(n), db_text(text)};
    return db_run(db, sql, values, 2, NULL, NULL);
}

static void values_go_in_and_come_out(void **state)
{
    (void)state;
    static const char sql[] = "SELECT n, text FROM items WHERE n = $1 AND text = $2";
    static const struct {
        int64_t n;
        struct span text;
    } cases[] = {
        {0, {"", 0}},
        {1, {NULL, 0}},
        {INT64_MIN, {"cut off here, not there", 12}},
        {INT64_MAX, {"'\"\\%_$1?:x\t\n", 12}},
        {-1, {"수학 숙제 😀", 18}},
    };
    struct rig rig;
    struct db *db = open_with_table(&rig);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct seen seen = {0};
        assert_int_equal(insert(db, cases[i].n, cases[i].text), 1);
        const struct db_value values[] = {db_number(cases[i].n), db_text(cases[i].text)};
        assert_int_equal(db_run(db, sql, values, 2, see, &seen), 1);
        assert_true(seen.number == cases[i].n);
        assert_int_equal(strlen(seen.text), cases[i].text.n);
        assert_memory_equal(seen.text, cases[i].text.n ? cases[i].text.p : "", cases[i].text.n);
    }
    finish(&rig, db);
}

static void counts_are_of_rows_given_or_changed(void **state)
{
    (void)state;
    struct rig rig;
    struct db *db = open_with_table(&rig);
    struct seen seen = {0};
    for (int64_t n = 1; n <= 5; n++) {
        assert_int_equal(insert(db, n, span_of("x")), 1);
    }
    assert_int_equal(db_run(db, "SELECT n, text FROM items ORDER BY n", NULL, 0, see, &seen), 5);
    assert_int_equal(seen.rows, 5);
    assert_int_equal(seen.number, 5);
    assert_int_equal(db_run(db, "SELECT n FROM items WHERE n > 3", NULL, 0, NULL, NULL), 2);
    assert_int_equal(db_run(db, "UPDATE items SET text = 'y' WHERE n < 4", NULL, 0, NULL, NULL), 3);
    assert_int_equal(db_run(db, "UPDATE items SET text = 'y' WHERE n > 9", NULL, 0, NULL, NULL), 0);
    assert_int_equal(db_run(db, "UPDATE items SET text = 'z' WHERE n = 4 RETURNING n, text", NULL,
                            0, see, &seen),
                     1);
    assert_string_equal(seen.text, "z");
    assert_int_equal(db_run(db, "DELETE FROM items", NULL, 0, NULL, NULL), 5);
    finish(&rig, db);
}

/* More different statements than the list of prepared ones begins with, in turn. */
static void each_statement_stays_itself(void **state)
{
    (void)state;
    enum { TEXTS = 40 };
    static char texts[TEXTS][48];
    struct rig rig;
    struct db *db = open_with_table(&rig);
    for (int i = 0; i < TEXTS; i++) {
        snprintf(texts[i], sizeof texts[i], "SELECT %d, 'number %d'", i, i);
    }
    for (int i = 0; i < 3 * TEXTS; i++) {
        struct seen seen = {0};
        char expected[16];
        assert_int_equal(db_run(db, texts[i % TEXTS], NULL, 0, see, &seen), 1);
        snprintf(expected, sizeof expected, "number %d", i % TEXTS);
        assert_int_equal(seen.number, i % TEXTS);
        assert_string_equal(seen.text, expected);
    }
    finish(&rig, db);
}

static void refusals_leave_the_connection_usable(void **state)
{
    (void)state;
    struct rig rig;
    struct db *db = open_with_table(&rig);
    static const char *const wrong[] = {
        "SELECT nonsense FROM items", "INSERT INTO items (n, text) VALUES (7, NULL)",
        "INSERT INTO parts (n) VALUES (99)", /* no such item: foreign keys are on */
        "SELEC 1"};
    fprintf(stderr, "(errors are to be logged here)\n");
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        db->refused = false;
        assert_int_equal(db_run(db, wrong[i], NULL, 0, NULL, NULL), DB_FAILED);
        assert_true(db->refused);
        assert_true(strlen(db->error) > 0);
        assert_false(db->lost || db->conflict);
    }
    assert_int_equal(insert(db, 1, span_of("x")), 1);
    assert_int_equal(insert(db, 1, span_of("a private text")), DB_FAILED);
    assert_null(strstr(db->error, "private"));
    finish(&rig, db);
}

static void savepoints_undo_a_part(void **state)
{
    (void)state;
    struct rig rig;
    struct db *db = open_with_table(&rig);
    assert_int_equal(db_do(db, rig_driver->begin), DB_OK);
    assert_int_equal(insert(db, 1, span_of("stays")), 1);
    assert_int_equal(db_do(db, "SAVEPOINT job"), DB_OK);
    assert_int_equal(insert(db, 2, span_of("goes")), 1);
    fprintf(stderr, "(an error is to be logged here)\n");
    assert_int_equal(insert(db, 1, span_of("twice")), DB_FAILED);
    assert_int_equal(db_do(db, "ROLLBACK TO SAVEPOINT job"), DB_OK);
    assert_int_equal(db_do(db, "RELEASE SAVEPOINT job"), DB_OK);
    assert_int_equal(db_do(db, "COMMIT"), DB_OK);
    assert_int_equal(db_run(db, "SELECT n FROM items", NULL, 0, NULL, NULL), 1);
    finish(&rig, db);
}

/* PostgreSQL answers COMMIT of a spoilt transaction with ROLLBACK, without an error. */
static void a_commit_that_did_not_happen_is_a_failure(void **state)
{
    (void)state;
    if (rig_is_sqlite()) {
        return;
    }
    struct rig rig;
    struct db *db = open_with_table(&rig);
    assert_int_equal(db_do(db, rig_driver->begin), DB_OK);
    assert_int_equal(insert(db, 1, span_of("x")), 1);
    fprintf(stderr, "(errors are to be logged here)\n");
    assert_int_equal(insert(db, 1, span_of("x")), DB_FAILED);
    assert_int_equal(db_do(db, "COMMIT"), DB_FAILED);
    assert_int_equal(db_run(db, "SELECT n FROM items", NULL, 0, NULL, NULL), 0);
    finish(&rig, db);
}

static void the_deadline_ends_what_takes_longer(void **state)
{
    (void)state;
    static const char endless[] =
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT COUNT(*) FROM n";
    struct rig rig;
    struct db *db = open_with_table(&rig);
    db->deadline_ms = clock_mono_ms() + 200;
    assert_int_equal(db_run(db, endless, NULL, 0, NULL, NULL), DB_LOST);
    assert_true(db->lost);
    db->deadline_ms = clock_mono_ms() + RIG_TIMEOUT_MS;
    assert_int_equal(db_do(db, "SELECT 1"), DB_LOST); /* for good */
    finish(&rig, db);
}

/* What was given up here does not go on in the server. */
static void the_server_has_the_same_time_limit(void **state)
{
    (void)state;
    if (rig_is_sqlite()) {
        return;
    }
    struct rig rig;
    rig_init(&rig);
    rig.config.store_timeout_ms = 200;
    struct db *db = rig_connect(&rig, DB_READER);
    db->deadline_ms = clock_mono_ms() + 2 * RIG_TIMEOUT_MS;
    assert_int_equal(db_run(db, "SELECT pg_sleep(60)", NULL, 0, NULL, NULL), DB_LOST);
    assert_non_null(strstr(db->error, "57014"));
    finish(&rig, db);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_go_in_and_come_out),
        cmocka_unit_test(counts_are_of_rows_given_or_changed),
        cmocka_unit_test(each_statement_stays_itself),
        cmocka_unit_test(refusals_leave_the_connection_usable),
        cmocka_unit_test(savepoints_undo_a_part),
        cmocka_unit_test(a_commit_that_did_not_happen_is_a_failure),
        cmocka_unit_test(the_deadline_ends_what_takes_longer),
        cmocka_unit_test(the_server_has_the_same_time_limit),
    };
    return rig_run(tests);
}
