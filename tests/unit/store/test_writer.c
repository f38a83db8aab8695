/* The writer: batches, failures within them, connections that are lost, and what was acknowledged. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sys/resource.h>

#include "core/metrics.h"
#include "unit/store/rig.h"

#define SHORT_MS 1000

static struct rig *open_with_table(uint32_t timeout_ms)
{
    struct rig *rig = malloc(sizeof *rig);
    assert_non_null(rig);
    rig_init(rig);
    rig->config.store_timeout_ms = timeout_ms;
    rig->store = rig_open_another(rig);
    struct db *db = rig_connect(rig, DB_WRITER);
    assert_int_equal(db_script(db, "CREATE TABLE items (n bigint PRIMARY KEY, text text)"), DB_OK);
    rig_driver->close(db);
    assert_true(WAIT_FOR(store_ready(rig->store)));
    return rig;
}

static int insert(struct db *db, int64_t n, const char *text)
{
    const struct db_value values[] = {db_number(n), db_text(span_of(text))};
    return db_run(db, "INSERT INTO items (n, text) VALUES ($1, $2)", values, 2, NULL, NULL);
}

static enum store_result insert_one(struct db *db, void *arg)
{
    return store_result_of(insert(db, *(int64_t *)arg, "one"));
}

static enum store_result write_one(struct rig *rig, int64_t n)
{
    return store_write(rig->store, insert_one, &n);
}

/* Once the store is back: the first try that is not refused counts. */
static enum store_result write_when_back(struct rig *rig, int64_t n)
{
    enum store_result result = STORE_UNAVAILABLE;
    (void)WAIT_FOR(result != STORE_UNAVAILABLE ||
                   (result = write_one(rig, n)) != STORE_UNAVAILABLE);
    return result;
}

static void keep_number(const struct db_row *row, void *arg)
{
    *(int64_t *)arg = db_number_at(row, 0);
}

static enum store_result count_all(struct db *db, void *arg)
{
    return store_result_of(db_run(db, "SELECT COUNT(*) FROM items", NULL, 0, keep_number, arg));
}

static int64_t count(struct rig *rig)
{
    int64_t number = -1;
    assert_int_equal(store_read(rig->store, count_all, &number), STORE_OK);
    return number;
}

static bool has(struct rig *rig, int64_t n)
{
    struct db *db = rig_connect(rig, DB_READER);
    const struct db_value value = db_number(n);
    int rows = db_run(db, "SELECT n FROM items WHERE n = $1", &value, 1, NULL, NULL);
    rig_driver->close(db);
    return rows == 1;
}

/* ---- Batches ---- */

static atomic_bool gate;
static enum store_result held; /* what it came to; read after the thread has ended */

/* Holds the writer until the gate opens, so that jobs gather behind it. */
static enum store_result wait_at_gate(struct db *db, void *arg)
{
    (void)db, (void)arg;
    return WAIT_FOR(atomic_load(&gate)) ? STORE_OK : STORE_FAILED;
}

static void *hold_the_writer(void *arg)
{
    struct rig *rig = arg;
    held = store_write(rig->store, wait_at_gate, NULL);
    return NULL;
}

static unsigned waiting(struct rig *rig)
{
    pthread_mutex_lock(&rig->store->writer.lock);
    unsigned number = rig->store->writer.crowd.waiting;
    pthread_mutex_unlock(&rig->store->writer.lock);
    return number;
}

/* The first in the queue, or the writer has it. */
static bool taken(struct rig *rig)
{
    pthread_mutex_lock(&rig->store->writer.lock);
    bool is = rig->store->writer.crowd.waiting == 1 && !rig->store->writer.first;
    pthread_mutex_unlock(&rig->store->writer.lock);
    return is;
}

enum kind { GOOD, GIVES_UP, REFUSED, REFUSED_UNHEEDED, KINDS };

struct work {
    struct rig *rig;
    int64_t n;
    enum store_result result;
};

/* All insert their own row first: only the good ones' may stay. */
static enum store_result one_of_many(struct db *db, void *arg)
{
    const struct work *w = arg;
    int added = insert(db, w->n, "many");
    if (added < 0) {
        return store_result_of(added);
    }
    switch (w->n % KINDS) {
    case GIVES_UP:
        return STORE_EMAIL_TAKEN;
    case REFUSED:
        return store_result_of(insert(db, w->n, "again"));
    case REFUSED_UNHEEDED:
        (void)!insert(db, w->n, "again");
        return STORE_OK;
    default:
        return STORE_OK;
    }
}

static void *do_one_of_many(void *arg)
{
    struct work *w = arg;
    w->result = store_write(w->rig->store, one_of_many, w);
    return NULL;
}

#define MANY 40

static void one_that_fails_harms_no_other(void **state)
{
    (void)state;
    static const enum store_result expected[KINDS] = {STORE_OK, STORE_EMAIL_TAKEN, STORE_FAILED,
                                                      STORE_FAILED};
    struct rig *rig = open_with_table(RIG_TIMEOUT_MS);
    pthread_t holder, threads[MANY];
    struct work works[MANY];
    gate = false;
    assert_int_equal(pthread_create(&holder, NULL, hold_the_writer, rig), 0);
    assert_true(WAIT_FOR(taken(rig)));
    int64_t batches = metric_get(METRIC_STORE_BATCHES), writes = metric_get(METRIC_STORE_WRITES);
    fprintf(stderr, "(errors are to be logged here)\n");
    for (int i = 0; i < MANY; i++) {
        works[i] = (struct work){rig, i, STORE_NOT_FOUND};
        assert_int_equal(pthread_create(&threads[i], NULL, do_one_of_many, &works[i]), 0);
    }
    assert_true(WAIT_FOR(waiting(rig) == MANY + 1));
    gate = true;
    pthread_join(holder, NULL);
    assert_int_equal(held, STORE_OK);
    for (int i = 0; i < MANY; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(works[i].result, expected[i % KINDS]);
        assert_int_equal(has(rig, i), expected[i % KINDS] == STORE_OK);
    }
    /* All of them in one transaction. */
    assert_int_equal(metric_get(METRIC_STORE_BATCHES) - batches, 2);
    assert_int_equal(metric_get(METRIC_STORE_WRITES) - writes, MANY + 1);
    rig_close(rig);
}

/* What is written to stderr meanwhile goes to a file. */
static int catch_log(FILE *file)
{
    fflush(stderr);
    int saved = dup(STDERR_FILENO);
    assert_true(saved >= 0 && dup2(fileno(file), STDERR_FILENO) >= 0);
    return saved;
}

static unsigned count_errors(FILE *file, int saved)
{
    char line[4096];
    unsigned errors = 0;
    assert_true(dup2(saved, STDERR_FILENO) >= 0);
    close(saved);
    rewind(file);
    while (fgets(line, sizeof line, file)) {
        errors += strstr(line, " error store: ") != NULL;
    }
    return errors;
}

static enum store_result insert_twice(struct db *db, void *arg)
{
    enum store_result result = insert_one(db, arg);
    return result == STORE_OK ? insert_one(db, arg) : result;
}

/* It is run twice, once alone and once behind a savepoint, but that is no news. */
static void a_refusal_is_logged_once(void **state)
{
    (void)state;
    struct rig *rig = open_with_table(RIG_TIMEOUT_MS);
    FILE *file = tmpfile();
    int64_t n = 1;
    assert_non_null(file);
    int saved = catch_log(file);
    enum store_result result = store_write(rig->store, insert_twice, &n);
    unsigned errors = count_errors(file, saved);
    fclose(file);
    assert_int_equal(result, STORE_FAILED);
    assert_int_equal(errors, 1);
    assert_false(has(rig, 1));
    rig_close(rig);
}

static void readers_do_not_wait_for_the_writer(void **state)
{
    (void)state;
    struct rig *rig = open_with_table(RIG_TIMEOUT_MS);
    pthread_t holder;
    assert_int_equal(write_one(rig, 1), STORE_OK);
    gate = false;
    assert_int_equal(pthread_create(&holder, NULL, hold_the_writer, rig), 0);
    assert_true(WAIT_FOR(taken(rig)));
    assert_int_equal(count(rig), 1); /* at once: the gate is still closed */
    gate = true;
    pthread_join(holder, NULL);
    rig_close(rig);
}

static void what_was_answered_is_there_when_opened_again(void **state)
{
    (void)state;
    struct rig *rig = open_with_table(RIG_TIMEOUT_MS);
    for (int64_t n = 0; n < 10; n++) {
        assert_int_equal(write_one(rig, n), STORE_OK);
        rig_reopen(rig);
        assert_int_equal(count(rig), n + 1);
    }
    rig_close(rig);
}

/* ---- In the way of others ---- */

/* Another program holds what every writer needs. */
static struct db *hold_the_store(struct rig *rig)
{
    struct db *db = rig_connect(rig, DB_WRITER);
    assert_int_equal(db_do(db, rig_driver->begin), DB_OK);
    if (!rig_is_sqlite()) {
        assert_int_equal(db_do(db, "LOCK TABLE items IN ACCESS EXCLUSIVE MODE"), DB_OK);
    }
    db->deadline_ms = clock_mono_ms() + RIG_TIMEOUT_MS;
    return db;
}

static void what_takes_too_long_is_refused(void **state)
{
    (void)state;
    struct rig *rig = open_with_table(SHORT_MS);
    struct db *other = hold_the_store(rig);
    assert_int_equal(write_one(rig, 1), STORE_UNAVAILABLE);
    assert_int_equal(write_one(rig, 2), STORE_UNAVAILABLE);
    assert_int_equal(db_do(other, "ROLLBACK"), DB_OK);
    rig_driver->close(other);
    assert_int_equal(write_when_back(rig, 3), STORE_OK);
    assert_true(has(rig, 3));
    rig_close(rig);
}

static void a_store_that_others_hold_can_be_opened_and_read(void **state)
{
    (void)state;
    struct rig *rig = open_with_table(RIG_TIMEOUT_MS);
    struct user_row row = rig_user("kim", ""), found;
    assert_int_equal(users_add(rig->store, &row), STORE_OK);
    rig->config.store_timeout_ms = SHORT_MS;
    rig_reopen(rig);
    struct db *other = hold_the_store(rig);
    struct store *another = rig_open_another(rig);
    assert_true(WAIT_FOR(users_get(another, "kim", &found) == STORE_OK));
    assert_int_equal(write_one(rig, 1), STORE_UNAVAILABLE);
    /* Away for a moment, until it is known that only writing takes too long. */
    assert_true(WAIT_FOR(users_get(rig->store, "kim", &found) == STORE_OK));
    assert_int_equal(db_do(other, "ROLLBACK"), DB_OK);
    rig_driver->close(other);
    store_close(another);
    rig_close(rig);
}

struct crossing {
    struct store *store;
    int64_t first, second;
    atomic_int *arrived;
    enum store_result result;
    int runs;
};

/* Two of these want the same two rows in opposite order: one of them is a deadlock's victim. */
static enum store_result cross(struct db *db, void *arg)
{
    static const char sql[] = "UPDATE items SET text = 'crossed' WHERE n = $1";
    struct crossing *c = arg;
    const struct db_value first = db_number(c->first), second = db_number(c->second);
    int changed = db_run(db, sql, &first, 1, NULL, NULL);
    if (c->runs++ == 0) {
        ++*c->arrived;
        (void)WAIT_FOR(*c->arrived == 2);
    }
    if (changed >= 0) {
        changed = db_run(db, sql, &second, 1, NULL, NULL);
    }
    return store_result_of(changed);
}

static void *do_cross(void *arg)
{
    struct crossing *c = arg;
    c->result = store_write(c->store, cross, c);
    return NULL;
}

static void a_deadlock_between_servers_is_tried_again(void **state)
{
    (void)state;
    if (rig_is_sqlite()) {
        return; /* BEGIN IMMEDIATE lets one writer in at a time */
    }
    struct rig *rig = open_with_table(RIG_TIMEOUT_MS);
    pthread_t threads[2];
    atomic_int arrived = 0;
    struct crossing crossings[2] = {
        {rig->store, 1, 2, &arrived, STORE_FAILED, 0},
        {rig_open_another(rig), 2, 1, &arrived, STORE_FAILED, 0},
    };
    assert_int_equal(write_one(rig, 1), STORE_OK);
    assert_int_equal(write_one(rig, 2), STORE_OK);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, do_cross, &crossings[i]), 0);
    }
    for (int i = 0; i < 2; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(crossings[i].result, STORE_OK);
    }
    assert_int_equal(crossings[0].runs + crossings[1].runs, 3);
    store_close(crossings[1].store);
    rig_close(rig);
}

/* ---- Lost connections ---- */

static void a_connection_that_died_in_between_costs_nobody_anything(void **state)
{
    (void)state;
    if (rig_is_sqlite()) {
        return;
    }
    struct rig *rig = open_with_table(RIG_TIMEOUT_MS);
    int64_t lost = metric_get(METRIC_STORE_LOST);
    for (int64_t n = 0; n < 3; n++) {
        assert_int_equal(write_one(rig, n), STORE_OK);
        assert_int_equal(count(rig), n + 1);
        postgres_server_do(&rig_postgres, "postgres",
                           "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                           " WHERE application_name = 'lectern'");
        assert_int_equal(write_one(rig, 10 + n), STORE_OK);
        int64_t number = -1;
        assert_int_equal(store_read(rig->store, count_all, &number), STORE_OK);
        assert_int_equal(number, n + 2);
        struct db *db = rig_connect(rig, DB_WRITER);
        assert_int_equal(db_script(db, "DELETE FROM items WHERE n >= 10"), DB_OK);
        rig_driver->close(db);
    }
    assert_true(metric_get(METRIC_STORE_LOST) > lost);
    rig_close(rig);
}

struct stream {
    struct rig *rig;
    atomic_bool stop;
    atomic_long next;
    atomic_long acked;
    unsigned char *acks; /* by number */
    long cap;
};

static void *write_stream(void *arg)
{
    struct stream *s = arg;
    while (!s->stop) {
        long n = s->next++;
        if (n >= s->cap) {
            return NULL;
        }
        if (write_one(s->rig, n) == STORE_OK) {
            s->acks[n] = 1;
            s->acked++;
        } else {
            test_nap();
        }
    }
    return NULL;
}

static void assert_nothing_lost(struct stream *s)
{
    struct db *db = rig_connect(s->rig, DB_READER);
    for (long n = 0; n < s->next && n < s->cap; n++) {
        const struct db_value value = db_number(n);
        db->deadline_ms = clock_mono_ms() + RIG_TIMEOUT_MS;
        int rows = db_run(db, "SELECT n FROM items WHERE n = $1", &value, 1, NULL, NULL);
        assert_true(rows == 1 || !s->acks[n]);
    }
    rig_driver->close(db);
}

/* kill -9 of PostgreSQL while writes go on. */
static void nothing_acknowledged_is_lost_when_the_server_is_killed(void **state)
{
    (void)state;
    if (rig_is_sqlite()) {
        return;
    }
    enum { WRITERS = 8, CAP = 200000 };
    struct rig *rig = open_with_table(2000);
    struct stream s = {.rig = rig, .acks = calloc(CAP, 1), .cap = CAP};
    pthread_t threads[WRITERS];
    assert_non_null(s.acks);
    for (int i = 0; i < WRITERS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, write_stream, &s), 0);
    }
    for (int round = 0; round < 3; round++) {
        long before = s.acked;
        assert_true(WAIT_FOR(s.acked > before + 50));
        postgres_server_kill(&rig_postgres);
        assert_true(WAIT_FOR(!store_ready(rig->store)));
        assert_int_equal(write_one(rig, -1), STORE_UNAVAILABLE);
        assert_true(WAIT_FOR(metric_get(METRIC_STORE_UP) == 0));
        postgres_server_run(&rig_postgres);
        assert_true(WAIT_FOR(store_ready(rig->store)));
    }
    long before = s.acked;
    assert_true(WAIT_FOR(s.acked > before + 50));
    s.stop = true;
    for (int i = 0; i < WRITERS; i++) {
        pthread_join(threads[i], NULL);
    }
    assert_nothing_lost(&s);
    free(s.acks);
    rig_close(rig);
}

/* The same for the process that writes: it tells each number through a pipe once it is acknowledged. */
static void nothing_acknowledged_is_lost_when_we_are_killed(void **state)
{
    (void)state;
    struct rig *rig = open_with_table(RIG_TIMEOUT_MS);
    store_close(rig->store);
    int pipe_fds[2];
    int64_t n, last = -1;
    assert_int_equal(pipe(pipe_fds), 0);
    pid_t pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        rig->store = rig_open_another(rig);
        for (n = 0; write_one(rig, n) == STORE_OK; n++) {
            if (write(pipe_fds[1], &n, sizeof n) != sizeof n) {
                break;
            }
        }
        _exit(1);
    }
    close(pipe_fds[1]);
    for (int i = 0; i < 100; i++) {
        assert_int_equal(read(pipe_fds[0], &last, sizeof last), sizeof last);
    }
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    while (read(pipe_fds[0], &n, sizeof n) == sizeof n) {
        last = n;
    }
    close(pipe_fds[0]);
    rig->store = rig_open_another(rig);
    int64_t found = count(rig);
    assert_true(found == last + 1 || found == last + 2); /* one may have been on its way */
    assert_int_equal(write_one(rig, found), STORE_OK);
    rig_close(rig);
}

static void a_full_disk_refuses_and_recovers(void **state)
{
    (void)state;
    if (!rig_is_sqlite()) {
        return;
    }
    struct rig *rig = open_with_table(RIG_TIMEOUT_MS);
    struct rlimit before, small = {0};
    struct stat wal;
    char path[200];
    assert_int_equal(write_one(rig, 1), STORE_OK);
    snprintf(path, sizeof path, "%s-wal", strchr(rig->url, '/'));
    assert_int_equal(stat(path, &wal), 0);
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    small = before;
    small.rlim_cur = (rlim_t)wal.st_size + 100; /* not another page */
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    enum store_result refused = write_one(rig, 2);
    int64_t read = count(rig);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_int_equal(refused, STORE_UNAVAILABLE);
    assert_int_equal(read, 1); /* reading goes on */
    assert_int_equal(write_when_back(rig, 3), STORE_OK);
    assert_false(has(rig, 2));
    assert_true(has(rig, 1) && has(rig, 3));
    rig_close(rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_that_fails_harms_no_other),
        cmocka_unit_test(a_refusal_is_logged_once),
        cmocka_unit_test(readers_do_not_wait_for_the_writer),
        cmocka_unit_test(what_was_answered_is_there_when_opened_again),
        cmocka_unit_test(what_takes_too_long_is_refused),
        cmocka_unit_test(a_store_that_others_hold_can_be_opened_and_read),
        cmocka_unit_test(a_deadlock_between_servers_is_tried_again),
        cmocka_unit_test(a_connection_that_died_in_between_costs_nobody_anything),
        cmocka_unit_test(nothing_acknowledged_is_lost_when_the_server_is_killed),
        cmocka_unit_test(nothing_acknowledged_is_lost_when_we_are_killed),
        cmocka_unit_test(a_full_disk_refuses_and_recovers),
    };
    return rig_run(tests);
}
