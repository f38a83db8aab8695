/* Readers: how they are shared, and what becomes of those who have to wait for one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "unit/store/rig.h"

static bool usable(struct store *store)
{
    struct user_row found;
    return store_ready(store) && users_get(store, "kim", &found) == STORE_NOT_FOUND;
}

/* ---- Many at once ---- */

static atomic_int wrong;

static void *read_often(void *arg)
{
    struct rig *rig = arg;
    struct user_row found;
    for (int i = 0; i < 50; i++) {
        wrong += users_get(rig->store, "kim", &found) != STORE_OK || strcmp(found.id, "kim") != 0;
    }
    return NULL;
}

static void readers_are_shared(void **state)
{
    (void)state;
    struct rig *rig = rig_open();
    struct user_row row = rig_user("kim", "");
    pthread_t threads[4 * STORE_READERS];
    wrong = 0;
    assert_int_equal(users_add(rig->store, &row), STORE_OK);
    for (int i = 0; i < 4 * STORE_READERS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, read_often, rig), 0);
    }
    for (int i = 0; i < 4 * STORE_READERS; i++) {
        pthread_join(threads[i], NULL);
    }
    assert_int_equal(wrong, 0);
    assert_true(rig->store->readers.count <= STORE_READERS);
    rig_close(rig);
}

/* PostgreSQL grants the writer and two readers a connection, never eight. */
static void fewer_connections_than_readers_do(void **state)
{
    (void)state;
    char sql[200];
    if (rig_is_sqlite()) {
        return;
    }
    struct rig rig;
    struct user_row row = rig_user("kim", ""), found;
    pthread_t threads[2 * STORE_READERS];
    rig_init(&rig);
    snprintf(sql, sizeof sql,
             "CREATE ROLE few LOGIN CONNECTION LIMIT 3; ALTER DATABASE %s OWNER TO few",
             rig.database);
    postgres_server_do(&rig_postgres, rig.database, sql);
    snprintf(rig.url, sizeof rig.url, "postgresql://few@127.0.0.1:%d/%s", rig_postgres.port,
             rig.database);
    rig.store = rig_open_another(&rig);
    assert_int_equal(users_add(rig.store, &row), STORE_OK);
    for (int round = 0; round < 3; round++) {
        wrong = 0;
        for (int i = 0; i < 2 * STORE_READERS; i++) {
            assert_int_equal(pthread_create(&threads[i], NULL, read_often, &rig), 0);
        }
        for (int i = 0; i < 2 * STORE_READERS; i++) {
            pthread_join(threads[i], NULL);
        }
        assert_int_equal(wrong, 0);
        assert_int_equal(users_get(rig.store, "kim", &found), STORE_OK);
        assert_in_range(rig.store->readers.count, 1, 2);
    }
    rig_finish(&rig);
}

/* ---- Slow ones ---- */

static atomic_bool gate;
static atomic_int holding;

static enum store_result hold(struct db *db, void *arg)
{
    (void)db, (void)arg;
    holding++;
    return WAIT_FOR(atomic_load(&gate)) ? STORE_OK : STORE_FAILED;
}

static void *hold_a_reader(void *arg)
{
    return store_read(arg, hold, NULL) == STORE_OK ? NULL : arg;
}

struct call {
    pthread_t thread;
    struct store *store;
    int64_t limit_ms;
    enum store_result result;
    atomic_bool done;
};

static void *run_call(void *arg)
{
    struct call *call = arg;
    struct user_row found;
    call->result = users_get_soon(call->store, "kim", call->limit_ms, &found);
    call->done = true;
    return NULL;
}

static void start_call(struct call *call, struct store *store, int64_t limit_ms)
{
    *call = (struct call){.store = store, .limit_ms = limit_ms};
    assert_int_equal(pthread_create(&call->thread, NULL, run_call, call), 0);
}

static unsigned waiting(struct store *store)
{
    pthread_mutex_lock(&store->readers.lock);
    unsigned number = store->readers.crowd.waiting;
    pthread_mutex_unlock(&store->readers.lock);
    return number;
}

#define MOST_WAITING 4

/* All readers are held, and as many calls wait for one as may. */
struct jam {
    struct rig *rig;
    pthread_t holders[STORE_READERS];
    struct call calls[MOST_WAITING];
};

static void begin_jam(struct jam *jam)
{
    jam->rig = malloc(sizeof *jam->rig);
    assert_non_null(jam->rig);
    rig_init(jam->rig);
    jam->rig->config.http_threads = 2 * (STORE_READERS + MOST_WAITING);
    jam->rig->config.store_timeout_ms = 3600000;
    jam->rig->store = rig_open_another(jam->rig);
    gate = false;
    holding = 0;
    for (int i = 0; i < STORE_READERS; i++) {
        assert_int_equal(pthread_create(&jam->holders[i], NULL, hold_a_reader, jam->rig->store), 0);
        assert_true(WAIT_FOR(holding == i + 1));
    }
    for (unsigned i = 0; i < MOST_WAITING; i++) {
        start_call(&jam->calls[i], jam->rig->store, STORE_NO_HURRY);
        assert_true(WAIT_FOR(waiting(jam->rig->store) == i + 1));
    }
}

static void end_jam(struct jam *jam, enum store_result expected)
{
    gate = true;
    for (int i = 0; i < STORE_READERS; i++) {
        void *failed;
        pthread_join(jam->holders[i], &failed);
        assert_null(failed);
    }
    for (unsigned i = 0; i < MOST_WAITING; i++) {
        pthread_join(jam->calls[i].thread, NULL);
        assert_int_equal(jam->calls[i].result, expected);
    }
    rig_close(jam->rig);
}

static void so_many_wait_for_a_reader_and_no_more(void **state)
{
    (void)state;
    struct jam jam;
    struct call call;
    begin_jam(&jam);
    start_call(&call, jam.rig->store, STORE_NO_HURRY);
    assert_true(WAIT_FOR(atomic_load(&call.done))); /* at once: the others go on waiting */
    pthread_join(call.thread, NULL);
    assert_int_equal(call.result, STORE_UNAVAILABLE);
    assert_int_equal(waiting(jam.rig->store), MOST_WAITING);
    end_jam(&jam, STORE_NOT_FOUND);
}

static void who_waits_is_told_that_the_store_is_away(void **state)
{
    (void)state;
    struct jam jam;
    begin_jam(&jam);
    store_set_up(jam.rig->store, false, "a test says so");
    for (unsigned i = 0; i < MOST_WAITING; i++) {
        assert_true(WAIT_FOR(atomic_load(&jam.calls[i].done))); /* the readers are still held */
    }
    store_set_up(jam.rig->store, true, "");
    end_jam(&jam, STORE_UNAVAILABLE);
}

static void who_is_in_a_hurry_does_not_wait_for_long(void **state)
{
    (void)state;
    struct jam jam;
    struct call call;
    begin_jam(&jam);
    pthread_mutex_lock(&jam.rig->store->readers.lock);
    jam.rig->store->readers.crowd.most++;
    pthread_mutex_unlock(&jam.rig->store->readers.lock);
    start_call(&call, jam.rig->store, 50);
    assert_true(WAIT_FOR(atomic_load(&call.done)));
    pthread_join(call.thread, NULL);
    assert_int_equal(call.result, STORE_UNAVAILABLE);
    end_jam(&jam, STORE_NOT_FOUND);
}

/* Nor for its work. That it was too slow for one does not make it away, nor others' connections dead. */
static void who_is_in_a_hurry_gives_a_silent_store_up(void **state)
{
    (void)state;
    struct call call;
    if (rig_is_sqlite()) {
        return;
    }
    struct rig *rig = rig_open();
    assert_true(usable(rig->store));
    unsigned generation = rig->store->readers.generation;
    rig_signal_postgres(SIGSTOP);
    start_call(&call, rig->store, 50);
    bool done = WAIT_FOR(atomic_load(&call.done)), up = store_ready(rig->store);
    rig_signal_postgres(SIGCONT);
    pthread_join(call.thread, NULL);
    assert_true(done && up);
    assert_int_equal(call.result, STORE_UNAVAILABLE);
    assert_int_equal(rig->store->readers.generation, generation);
    assert_true(WAIT_FOR(usable(rig->store)));
    rig_close(rig);
}

static enum store_result try_to_write(struct db *db, void *arg)
{
    (void)arg;
    return store_result_of(db_run(db, "UPDATE users SET name = 'nobody'", NULL, 0, NULL, NULL));
}

static void readers_cannot_write(void **state)
{
    (void)state;
    struct rig *rig = rig_open();
    struct user_row row = rig_user("kim", ""), found;
    assert_int_equal(users_add(rig->store, &row), STORE_OK);
    assert_int_not_equal(store_read(rig->store, try_to_write, NULL), STORE_OK);
    assert_true(WAIT_FOR(users_get(rig->store, "kim", &found) == STORE_OK));
    assert_string_equal(found.name, row.name);
    rig_close(rig);
}

static void a_crowd_is_bounded_only_when_nothing_moves(void **state)
{
    (void)state;
    struct crowd crowd = {0};
    for (int i = 0; i < 10 * STORE_WAITERS; i++) {
        assert_true(crowd_enter(&crowd)); /* however many come at once */
    }
    crowd.moved_ms -= STORE_STALL_MS + 1;
    assert_false(crowd_enter(&crowd));
    crowd_leave(&crowd, false); /* gave up: that is no sign of life */
    assert_false(crowd_enter(&crowd));
    crowd_leave(&crowd, true);
    assert_true(crowd_enter(&crowd));
    while (crowd.waiting > 0) {
        crowd_leave(&crowd, true);
    }
    crowd.moved_ms -= 60000; /* a quiet minute, then many at once */
    for (int i = 0; i < 2 * STORE_WAITERS; i++) {
        assert_true(crowd_enter(&crowd));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(readers_are_shared),
        cmocka_unit_test(fewer_connections_than_readers_do),
        cmocka_unit_test(so_many_wait_for_a_reader_and_no_more),
        cmocka_unit_test(who_waits_is_told_that_the_store_is_away),
        cmocka_unit_test(who_is_in_a_hurry_does_not_wait_for_long),
        cmocka_unit_test(who_is_in_a_hurry_gives_a_silent_store_up),
        cmocka_unit_test(readers_cannot_write),
        cmocka_unit_test(a_crowd_is_bounded_only_when_nothing_moves),
    };
    return rig_run(tests);
}
