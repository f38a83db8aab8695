/* Work for loops: order, failures, bounds, and the end; on both kinds of store. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/metrics.h"
#include "net/loop.h"
#include "unit/store/chat_rig.h"

#define SHORT_MS 1000

/* A loop whose thread runs what the test gives it. */
struct bench {
    struct rig *rig;
    struct loop *loop;
};

static struct bench bench_open(void)
{
    struct bench bench = {chat_rig_open(), loop_create(0)};
    assert_non_null(bench.loop);
    assert_int_equal(loop_start(bench.loop), 0);
    return bench;
}

static void bench_close(struct bench *bench)
{
    loop_stop(bench->loop);
    loop_destroy(bench->loop);
    rig_close(bench->rig);
}

static void on_loop(struct bench *bench, void (*fn)(void *arg), void *arg)
{
    assert_int_equal(loop_post(bench->loop, fn, arg), 0);
}

/* ---- A gate that holds the writer ---- */

static atomic_bool gate;
static atomic_bool held;
static enum store_result outcome; /* STORE_UNAVAILABLE where it was held for too long */

static enum store_result wait_at_gate(struct db *db, void *arg)
{
    (void)db, (void)arg;
    held = true;
    return WAIT_FOR(atomic_load(&gate)) ? STORE_OK : STORE_FAILED;
}

static void *hold_the_writer(void *arg)
{
    struct rig *rig = arg;
    outcome = store_write(rig->store, wait_at_gate, NULL);
    return NULL;
}

static pthread_t close_gate(struct rig *rig)
{
    pthread_t thread;
    gate = held = false;
    assert_int_equal(pthread_create(&thread, NULL, hold_the_writer, rig), 0);
    assert_true(WAIT_FOR(atomic_load(&held)));
    return thread;
}

static void open_gate(pthread_t thread)
{
    gate = true;
    pthread_join(thread, NULL);
    assert_true(outcome == STORE_OK || outcome == STORE_UNAVAILABLE);
}

/* Those of loops that the writer has not answered. */
static unsigned waiting_writes(struct rig *rig)
{
    pthread_mutex_lock(&rig->store->writer.lock);
    unsigned number = rig->store->writer.submitted;
    pthread_mutex_unlock(&rig->store->writer.lock);
    return number;
}

/* ---- Many appends ---- */

#define MANY 300

struct flood;

struct drop {
    struct message_append op;
    struct flood *flood;
    enum store_result result;
    unsigned place; /* the how many-th to be answered */
};

struct flood {
    struct bench *bench;
    struct room_id rooms[3];
    struct drop drops[MANY];
    unsigned refused;
    atomic_uint submitted, answered;
    atomic_uint tasks; /* the loop's count, as it was last */
    bool elsewhere;    /* one was answered on another thread */
    uv_thread_t thread;
};

static void answered(struct store_task *task, enum store_result result)
{
    struct drop *drop = (struct drop *)task;
    struct flood *flood = drop->flood;
    uv_thread_t me = uv_thread_self();
    flood->elsewhere = flood->elsewhere || !uv_thread_equal(&me, &flood->thread);
    drop->result = result;
    drop->place = flood->answered + 1;
    flood->tasks = store_tasks(flood->bench->rig->store, flood->bench->loop);
    flood->answered++;
}

/* Every tenth is of somebody who is in none of the rooms. */
static void submit_all(void *arg)
{
    struct flood *flood = arg;
    struct bench *bench = flood->bench;
    flood->thread = uv_thread_self();
    for (int i = 0; i < MANY; i++) {
        struct drop *drop = &flood->drops[i];
        drop->flood = flood;
        drop->op = a_message(flood->rooms[i % 3].id, i % 10 == 9 ? "park" : "kim", "\"x\"");
        drop->op.task.done = answered;
        flood->refused += messages_append_submit(bench->rig->store, bench->loop, &drop->op) != 0;
        flood->submitted++;
    }
    flood->tasks = store_tasks(bench->rig->store, bench->loop);
}

static struct flood *flood_open(struct bench *bench)
{
    struct flood *flood = calloc(1, sizeof *flood);
    assert_non_null(flood);
    flood->bench = bench;
    for (int i = 0; i < 3; i++) {
        flood->rooms[i] = make_group(bench->rig, "kim", "모둠");
    }
    return flood;
}

static void answers_come_in_order_on_the_loop(void **state)
{
    (void)state;
    struct bench bench = bench_open();
    struct flood *flood = flood_open(&bench);
    pthread_t holder = close_gate(bench.rig);
    on_loop(&bench, submit_all, flood);
    assert_true(WAIT_FOR(flood->submitted == MANY && flood->tasks == MANY));
    assert_int_equal(flood->answered, 0);
    open_gate(holder);
    assert_true(WAIT_FOR(flood->answered == MANY));
    assert_true(WAIT_FOR(flood->tasks == 0));
    assert_int_equal(flood->refused, 0);
    assert_false(flood->elsewhere);
    int64_t seqs[3] = {1, 1, 1};
    unsigned places[3] = {0};
    for (int i = 0; i < MANY; i++) {
        const struct drop *drop = &flood->drops[i];
        bool stranger = i % 10 == 9;
        assert_int_equal(drop->result, stranger ? STORE_NOT_MEMBER : STORE_OK);
        assert_true(drop->place >
                    places[i % 3]); /* in the order in which the room's were submitted */
        places[i % 3] = drop->place;
        if (!stranger) {
            assert_int_equal(drop->op.seq, ++seqs[i % 3]);
        }
    }
    free(flood);
    bench_close(&bench);
}

static void threads_and_loops_share_batches(void **state)
{
    (void)state;
    struct bench bench = bench_open();
    struct flood *flood = flood_open(&bench);
    int64_t batches = metric_get(METRIC_STORE_BATCHES);
    on_loop(&bench, submit_all, flood);
    for (int i = 0; i < 20; i++) {
        say(bench.rig, flood->rooms[0].id, "kim", "\"y\"");
    }
    assert_true(WAIT_FOR(flood->answered == MANY));
    assert_int_equal(say(bench.rig, flood->rooms[0].id, "kim", "\"z\""), 1 + 90 + 20 + 1);
    assert_true(metric_get(METRIC_STORE_BATCHES) - batches < MANY);
    free(flood);
    bench_close(&bench);
}

/* ---- One that fails ---- */

struct raw {
    struct store_task task;
    struct bench *bench;
    const char *room;
    enum store_result result;
    int64_t seq;
    unsigned runs;
    atomic_bool done;
};

/* Appends an event and then gives up, or breaks a rule of the database. */
static enum store_result append_and_fail(struct db *db, void *arg)
{
    struct raw *raw = arg;
    raw->runs++;
    const struct db_value room = db_text(span_of(raw->room));
    if (db_run(db, "UPDATE chat_rooms SET last_seq = last_seq + 1 WHERE id = $1", &room, 1, NULL,
               NULL) != 1) {
        return STORE_UNAVAILABLE;
    }
    return raw->seq ? STORE_EMAIL_TAKEN
                    : store_result_of(db_do(db, "INSERT INTO chat_rooms (id) VALUES ('x')"));
}

static void raw_done(struct store_task *task, enum store_result result)
{
    struct raw *raw = (struct raw *)task;
    raw->result = result;
    raw->done = true;
}

static void submit_raw(void *arg)
{
    struct raw *raw = arg;
    raw->task.done = raw_done;
    raw->task.fn = append_and_fail;
    raw->task.arg = raw;
    raw->task.key = store_key(raw->room);
    if (store_submit_write(raw->bench->rig->store, raw->bench->loop, &raw->task)) {
        raw_done(&raw->task, STORE_FULL);
    }
}

static void what_a_failed_one_has_written_is_undone(void **state)
{
    (void)state;
    struct bench bench = bench_open();
    struct flood *flood = flood_open(&bench);
    struct raw raws[] = {{.bench = &bench, .room = flood->rooms[0].id, .seq = 1},
                         {.bench = &bench, .room = flood->rooms[1].id, .seq = 0}};
    pthread_t holder = close_gate(bench.rig);
    fprintf(stderr, "(an error is to be logged here)\n");
    on_loop(&bench, submit_raw, &raws[0]);
    on_loop(&bench, submit_raw, &raws[1]);
    on_loop(&bench, submit_all, flood);
    assert_true(WAIT_FOR(flood->submitted == MANY));
    open_gate(holder);
    assert_true(WAIT_FOR(flood->answered == MANY && raws[0].done && raws[1].done));
    assert_int_equal(raws[0].result, STORE_EMAIL_TAKEN);
    assert_int_equal(raws[1].result, STORE_FAILED);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(flood->drops[i].op.seq, 2); /* no number was lost */
        assert_int_equal(flood->drops[i].result, STORE_OK);
    }
    free(flood);
    bench_close(&bench);
}

/* ---- Nobody is overtaken for ever ---- */

#define LOW 30
#define OVERTAKEN_MAX 300

struct relay {
    struct bench *bench;
    struct relay_task {
        struct store_task task;
        struct relay *relay;
    } low[LOW], high;
    unsigned overtaken; /* of `low` done before `high` */
    unsigned under_way;
    bool high_done;
    enum store_result result;
    atomic_bool over;
};

/* Takes long enough that a batch has room for a few of its kind. */
static enum store_result dawdle(struct db *db, void *arg)
{
    (void)db, (void)arg;
    test_nap();
    return STORE_OK;
}

static void submit_leg(struct relay *relay, struct relay_task *leg, uint64_t key);

static void leg_done(struct store_task *task, enum store_result result)
{
    struct relay_task *leg = (struct relay_task *)task;
    struct relay *relay = leg->relay;
    relay->under_way--;
    if (leg == &relay->high) {
        relay->result = result;
        relay->high_done = true;
    } else if (!relay->high_done && relay->overtaken < OVERTAKEN_MAX) {
        relay->overtaken++;
        submit_leg(relay, leg, 1);
    }
    relay->over = relay->under_way == 0;
}

static void submit_leg(struct relay *relay, struct relay_task *leg, uint64_t key)
{
    leg->relay = relay;
    leg->task.done = leg_done;
    leg->task.fn = dawdle;
    leg->task.key = key;
    relay->under_way +=
        store_submit_write(relay->bench->rig->store, relay->bench->loop, &leg->task) == 0;
}

static void submit_relay(void *arg)
{
    struct relay *relay = arg;
    submit_leg(relay, &relay->high, UINT64_MAX);
    for (int i = 0; i < LOW; i++) {
        submit_leg(relay, &relay->low[i], 1);
    }
}

/* However busy the rooms that come first in the order of keys, the others have their turn. */
static void busy_rooms_do_not_starve_others(void **state)
{
    (void)state;
    struct bench bench = bench_open();
    struct relay relay = {.bench = &bench, .result = STORE_FAILED};
    pthread_t holder = close_gate(bench.rig);
    on_loop(&bench, submit_relay, &relay);
    assert_true(WAIT_FOR(waiting_writes(bench.rig) == LOW + 1));
    open_gate(holder);
    assert_true(WAIT_FOR(atomic_load(&relay.over)));
    assert_int_equal(relay.result, STORE_OK);
    assert_in_range(relay.overtaken, 0, 2 * LOW); /* its batch, and what was begun before it */
    bench_close(&bench);
}

/* ---- A loop that cannot be told ---- */

/* One that has ended takes no more posts, just as one for which there is no memory. */
static void a_loop_that_cannot_be_told_keeps_nobody_waiting(void **state)
{
    (void)state;
    struct bench bench = bench_open();
    struct room_id room = make_group(bench.rig, "kim", "모둠");
    struct raw raw = {.bench = &bench, .room = room.id, .seq = 1};
    pthread_t holder = close_gate(bench.rig);
    on_loop(&bench, submit_raw, &raw);
    assert_true(WAIT_FOR(waiting_writes(bench.rig) == 1));
    loop_stop(bench.loop);
    open_gate(holder);
    assert_true(WAIT_FOR(waiting_writes(bench.rig) == 0));
    for (int64_t seq = 2; seq < 10; seq++) {
        assert_int_equal(say(bench.rig, room.id, "kim", "\"x\""), seq);
    }
    assert_false(raw.done);
    rig_close(bench.rig);
    loop_destroy(bench.loop);
}

/* ---- Reading ---- */

struct look {
    struct chat_enter op;
    struct bench *bench;
    enum store_result result;
    atomic_uint done, refused;
    unsigned again; /* times that it is to be submitted anew, from `done` */
};

static void submit_look(void *arg);

static void looked(struct store_task *task, enum store_result result)
{
    struct look *look = (struct look *)task;
    look->result = result;
    if (result == STORE_OK) {
        chat_people_finish(&look->op.people);
    }
    if (look->again > 0) {
        look->again--;
        submit_look(look);
    }
    look->done++;
}

static void submit_look(void *arg)
{
    struct look *look = arg;
    look->op.task.done = looked;
    if (chats_enter_submit(look->bench->rig->store, look->bench->loop, &look->op)) {
        look->refused++;
    }
}

static void reading_does_not_wait_for_writing(void **state)
{
    (void)state;
    struct bench bench = bench_open();
    struct room_id room = make_group(bench.rig, "kim", "모둠");
    struct look looks[20] = {0};
    pthread_t holder = close_gate(bench.rig);
    for (int i = 0; i < 20; i++) {
        looks[i].op = (struct chat_enter){
            .room_id = room.id, .user = i % 2 ? "park" : "kim", .people_max = 10};
        looks[i].bench = &bench;
        looks[i].again = 3;
        on_loop(&bench, submit_look, &looks[i]);
    }
    for (int i = 0; i < 20; i++) {
        assert_true(WAIT_FOR(looks[i].done == 4));
        assert_int_equal(looks[i].result, i % 2 ? STORE_NOT_MEMBER : STORE_OK);
        assert_int_equal(looks[i].refused, 0);
    }
    open_gate(holder);
    bench_close(&bench);
}

/* HTTP threads keep all connections, and as many of them wait as may. */
static atomic_uint reading;

static enum store_result read_at_gate(struct db *db, void *arg)
{
    (void)db, (void)arg;
    reading++;
    return WAIT_FOR(atomic_load(&gate)) ? STORE_OK : STORE_FAILED;
}

static void *hold_a_reader(void *arg)
{
    struct rig *rig = arg;
    return store_read(rig->store, read_at_gate, NULL) == STORE_OK ? rig : NULL;
}

static unsigned waiting_readers(struct rig *rig)
{
    pthread_mutex_lock(&rig->store->readers.lock);
    unsigned number = rig->store->readers.crowd.waiting;
    pthread_mutex_unlock(&rig->store->readers.lock);
    return number;
}

/* A thread of the loops' has taken what there was. */
static bool begun(struct rig *rig)
{
    pthread_mutex_lock(&rig->store->tasks.lock);
    bool is = rig->store->tasks.threads == 1 && rig->store->tasks.queued == 0;
    pthread_mutex_unlock(&rig->store->tasks.lock);
    return is;
}

static void loops_wait_for_connections_like_others(void **state)
{
    (void)state;
    struct bench bench = bench_open();
    struct room_id room = make_group(bench.rig, "kim", "모둠");
    struct look look = {.bench = &bench, .op = {.room_id = room.id, .user = "park"}};
    pthread_t threads[STORE_READERS + 1];
    bench.rig->store->readers.crowd.most = 1;
    gate = false;
    reading = 0;
    for (unsigned i = 0; i <= STORE_READERS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, hold_a_reader, bench.rig), 0);
        assert_true(
            WAIT_FOR(i < STORE_READERS ? reading == i + 1 : waiting_readers(bench.rig) == 1));
    }
    on_loop(&bench, submit_look, &look);
    assert_true(WAIT_FOR(begun(bench.rig)));
    assert_int_equal(look.refused, 0);
    gate = true;
    for (unsigned i = 0; i <= STORE_READERS; i++) {
        void *ok;
        pthread_join(threads[i], &ok);
        assert_non_null(ok);
    }
    assert_true(WAIT_FOR(look.done == 1));
    assert_int_equal(look.result, STORE_NOT_MEMBER);
    bench_close(&bench);
}

/* ---- Bounds and the end ---- */

static void count_reset(void *arg)
{
    struct flood *flood = arg;
    store_cancel(flood->bench->rig->store, flood->bench->loop);
    flood->tasks = store_tasks(flood->bench->rig->store, flood->bench->loop);
}

static void what_was_not_begun_can_be_cancelled(void **state)
{
    (void)state;
    struct bench bench = bench_open();
    struct flood *flood = flood_open(&bench);
    pthread_t holder = close_gate(bench.rig);
    on_loop(&bench, submit_all, flood);
    assert_true(WAIT_FOR(flood->submitted == MANY));
    on_loop(&bench, count_reset, flood);
    assert_true(WAIT_FOR(flood->answered == MANY && flood->tasks == 0));
    for (int i = 0; i < MANY; i++) {
        assert_int_equal(flood->drops[i].result, STORE_UNAVAILABLE);
    }
    open_gate(holder);
    assert_int_equal(say(bench.rig, flood->rooms[0].id, "kim", "\"z\""), 2); /* none was done */
    free(flood);
    bench_close(&bench);
}

struct queue_test {
    struct bench *bench;
    struct raw *raws;
    unsigned taken;
    atomic_bool full;
};

static void fill_queue(void *arg)
{
    struct queue_test *q = arg;
    for (unsigned i = 0; i <= STORE_SUBMITTED_MAX; i++) {
        struct raw *raw = &q->raws[i];
        *raw = (struct raw){.bench = q->bench, .room = "x"};
        raw->task = (struct store_task){.done = raw_done, .fn = append_and_fail, .arg = raw};
        if (store_submit_write(q->bench->rig->store, q->bench->loop, &raw->task)) {
            break;
        }
        q->taken++;
    }
    q->full = true;
    store_cancel(q->bench->rig->store, q->bench->loop);
}

static void the_queue_is_bounded(void **state)
{
    (void)state;
    struct bench bench = bench_open();
    struct queue_test q = {.bench = &bench,
                           .raws = calloc(STORE_SUBMITTED_MAX + 1, sizeof(struct raw))};
    assert_non_null(q.raws);
    pthread_t holder = close_gate(bench.rig);
    on_loop(&bench, fill_queue, &q);
    assert_true(WAIT_FOR(atomic_load(&q.full)));
    assert_int_equal(q.taken, STORE_SUBMITTED_MAX);
    for (unsigned i = 0; i < STORE_SUBMITTED_MAX; i++) {
        assert_true(WAIT_FOR(atomic_load(&q.raws[i].done)));
        assert_int_equal(q.raws[i].result, STORE_UNAVAILABLE);
    }
    open_gate(holder);
    free(q.raws);
    bench_close(&bench);
}

static void who_waits_too_long_is_told(void **state)
{
    (void)state;
    struct bench bench = {malloc(sizeof(struct rig)), loop_create(0)};
    assert_non_null(bench.rig);
    assert_int_equal(id_init(), 0);
    rig_init(bench.rig);
    bench.rig->config.store_timeout_ms = SHORT_MS;
    bench.rig->store = rig_open_another(bench.rig);
    assert_int_equal(loop_start(bench.loop), 0);
    struct raw raw = {.bench = &bench, .room = "x"};
    pthread_t holder = close_gate(bench.rig);
    int64_t began_ms = clock_mono_ms();
    on_loop(&bench, submit_raw, &raw);
    assert_true(WAIT_FOR(clock_mono_ms() > began_ms + SHORT_MS + 100));
    assert_false(raw.done);
    open_gate(holder);
    assert_true(WAIT_FOR(atomic_load(&raw.done)));
    assert_int_equal(raw.result, STORE_UNAVAILABLE);
    assert_int_equal(raw.runs, 0);
    bench_close(&bench);
}

static void a_store_that_is_away_takes_nothing(void **state)
{
    (void)state;
    if (rig_is_sqlite()) {
        return;
    }
    struct bench bench = bench_open();
    struct flood *flood = flood_open(&bench);
    postgres_server_kill(&rig_postgres);
    assert_true(WAIT_FOR(!store_ready(bench.rig->store)));
    on_loop(&bench, submit_all, flood);
    assert_true(WAIT_FOR(flood->submitted == MANY));
    assert_int_equal(flood->refused, MANY);
    assert_int_equal(flood->tasks, 0);
    postgres_server_run(&rig_postgres);
    assert_true(WAIT_FOR(store_ready(bench.rig->store)));
    flood->submitted = flood->refused = 0;
    on_loop(&bench, submit_all, flood);
    assert_true(WAIT_FOR(flood->answered == MANY));
    assert_int_equal(flood->refused, 0);
    free(flood);
    bench_close(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_come_in_order_on_the_loop),
        cmocka_unit_test(threads_and_loops_share_batches),
        cmocka_unit_test(what_a_failed_one_has_written_is_undone),
        cmocka_unit_test(busy_rooms_do_not_starve_others),
        cmocka_unit_test(a_loop_that_cannot_be_told_keeps_nobody_waiting),
        cmocka_unit_test(reading_does_not_wait_for_writing),
        cmocka_unit_test(loops_wait_for_connections_like_others),
        cmocka_unit_test(what_was_not_begun_can_be_cancelled),
        cmocka_unit_test(the_queue_is_bounded),
        cmocka_unit_test(who_waits_too_long_is_told),
        cmocka_unit_test(a_store_that_is_away_takes_nothing),
    };
    return rig_run(tests);
}
