/*
 * The link to Redis against a real redis-server, which is killed, stopped and emptied. The link
 * runs on a loop's thread; the test posts to it and waits until conditions hold.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdatomic.h>

#include "base/buf.h"
#include "base/id.h"
#include "bus/link.h"
#include "core/log.h"
#include "core/metrics.h"
#include "net/fds.h"
#include "net/loop.h"
#include "unit/redis_server.h"

#define TIMEOUT_MS 400
#define SLACK_MS 1500 /* for a busy machine */

/* A link under test and what it has reported. */
struct rig {
    struct redis_server redis;
    struct config config;
    struct loop *loop;
    struct bus *bus;
    char url[160];
    atomic_int ups, downs, subscribed, messages, controls, stopped;
    atomic_int replies, nulls, errors; /* of calls made with on_reply */
    atomic_int accepted;
    atomic_int order; /* next expected number; -1 once something came out of order */
    void (*on_down)(struct rig *rig); /* of the loop's thread */
    pthread_mutex_t lock;
    char last[256]; /* the last message, control or reply text */
    int64_t last_int;
};

static void remember(struct rig *rig, struct span text)
{
    pthread_mutex_lock(&rig->lock);
    span_copy(text, rig->last, sizeof rig->last);
    pthread_mutex_unlock(&rig->lock);
}

static bool last_is(struct rig *rig, const char *text)
{
    pthread_mutex_lock(&rig->lock);
    bool same = strcmp(rig->last, text) == 0;
    pthread_mutex_unlock(&rig->lock);
    return same;
}

static void on_up(void *arg)
{
    ((struct rig *)arg)->ups++;
}

static void on_down(void *arg)
{
    struct rig *rig = arg;
    rig->downs++;
    if (rig->on_down) {
        rig->on_down(rig);
    }
}

static void on_subscribed(void *arg, struct span channel)
{
    (void)channel;
    ((struct rig *)arg)->subscribed++;
}

static void on_message(void *arg, struct span channel, struct span payload)
{
    (void)channel;
    struct rig *rig = arg;
    remember(rig, payload);
    rig->messages++;
}

static void on_control(void *arg, struct span payload)
{
    struct rig *rig = arg;
    remember(rig, payload);
    rig->controls++;
}

static const struct bus_events events = {on_up, on_down, on_subscribed, on_message, on_control};

static void on_reply(void *arg, const struct bus_reply *reply)
{
    struct rig *rig = arg;
    if (!reply) {
        rig->nulls++;
        return;
    }
    if (bus_reply_type(reply) == BUS_ERROR) {
        rig->errors++;
    }
    remember(rig, bus_reply_text(reply));
    pthread_mutex_lock(&rig->lock);
    rig->last_int = bus_reply_int(reply);
    pthread_mutex_unlock(&rig->lock);
    rig->replies++;
}

static void on_stopped(void *arg)
{
    ((struct rig *)arg)->stopped++;
}

/* ---- Running code on the loop ---- */

struct errand {
    void (*fn)(struct rig *rig);
    struct rig *rig;
    uv_sem_t done;
};

static void run_errand(void *arg)
{
    struct errand *errand = arg;
    errand->fn(errand->rig);
    uv_sem_post(&errand->done);
}

static void on_loop(struct rig *rig, void (*fn)(struct rig *rig))
{
    struct errand errand = {.fn = fn, .rig = rig};
    uv_sem_init(&errand.done, 0);
    assert_int_equal(loop_post(rig->loop, run_errand, &errand), 0);
    uv_sem_wait(&errand.done);
    uv_sem_destroy(&errand.done);
}

static void start_bus(struct rig *rig)
{
    bus_start(rig->bus);
}

static void stop_bus(struct rig *rig)
{
    bus_stop(rig->bus, on_stopped, rig);
}

static struct rig *rig_create(const char *url)
{
    struct rig *rig = calloc(1, sizeof *rig);
    pthread_mutex_init(&rig->lock, NULL);
    snprintf(rig->url, sizeof rig->url, "%s", url);
    rig->config.redis_url = rig->url;
    rig->config.redis_timeout_ms = TIMEOUT_MS;
    rig->loop = loop_create(7);
    assert_non_null(rig->loop);
    rig->bus = bus_create(rig->loop, &rig->config, "unit-test", &events, rig);
    assert_non_null(rig->bus);
    assert_int_equal(loop_start(rig->loop), 0);
    return rig;
}

static void rig_destroy(struct rig *rig)
{
    if (!rig->stopped) {
        on_loop(rig, stop_bus);
    }
    assert_true(WAIT_FOR(rig->stopped == 1));
    loop_stop(rig->loop);
    loop_destroy(rig->loop);
    pthread_mutex_destroy(&rig->lock);
    free(rig);
}

/* A server of its own and a link to database `db` of it that is up. */
static struct rig *rig_up(const char *password, int db)
{
    struct redis_server redis;
    char url[160];
    redis_server_start(&redis, password);
    redis_server_url(&redis, db, url);
    struct rig *rig = rig_create(url);
    rig->redis = redis;
    on_loop(rig, start_bus);
    assert_true(WAIT_FOR(rig->ups == 1));
    assert_int_equal(metric_get(METRIC_REDIS_UP), 1);
    return rig;
}

static void rig_down(struct rig *rig)
{
    struct redis_server redis = rig->redis;
    rig_destroy(rig);
    assert_int_equal(metric_get(METRIC_REDIS_UP), 0);
    redis_server_finish(&redis);
}

/* ---- What the tests do on the loop ---- */

static int command(struct rig *rig, bus_reply_fn *fn, void *arg, const char *a, const char *b,
                   const char *c)
{
    const struct span argv[] = {span_of(a), span_of(b), span_of(c)};
    return bus_command(rig->bus, argv, c ? 3 : b ? 2 : 1, fn, arg);
}

/* A script that any key and these arguments satisfy; it answers 1. */
static int script(struct rig *rig, bus_reply_fn *fn, void *arg)
{
    const struct span key = span_of("room:TEST");
    const struct span args[] = {span_of("session"), span_of("epoch"), span_of("0")};
    return bus_script(rig->bus, BUS_SCRIPT_RELEASE, &key, 1, args, 3, fn, arg);
}

static void call_script(struct rig *rig)
{
    assert_true(bus_is_up(rig->bus));
    assert_int_equal(script(rig, on_reply, rig), 0);
}

static void call_ping(struct rig *rig)
{
    assert_int_equal(command(rig, on_reply, rig, "PING", NULL, NULL), 0);
}

static void call_set(struct rig *rig)
{
    assert_int_equal(command(rig, NULL, NULL, "SET", "colour", "green"), 0);
    assert_int_equal(command(rig, on_reply, rig, "GET", "colour", NULL), 0);
}

static void call_five(struct rig *rig)
{
    for (int i = 0; i < 5; i++) {
        assert_int_equal(i % 2 ? command(rig, on_reply, rig, "PING", NULL, NULL)
                               : script(rig, on_reply, rig),
                         0);
    }
}

static void refused_while_down(struct rig *rig)
{
    assert_false(bus_is_up(rig->bus));
    assert_int_equal(script(rig, on_reply, rig), -1);
    assert_int_equal(command(rig, on_reply, rig, "PING", NULL, NULL), -1);
    assert_int_equal(bus_subscribe(rig->bus, span_of("room:A")), -1);
    bus_unsubscribe(rig->bus, span_of("room:A"));
}

static void subscribe(struct rig *rig)
{
    assert_int_equal(bus_subscribe(rig->bus, span_of("room:A")), 0);
}

static void resubscribe(struct rig *rig)
{
    bus_unsubscribe(rig->bus, span_of("room:A"));
    assert_int_equal(bus_subscribe(rig->bus, span_of("room:A")), 0);
    bus_unsubscribe(rig->bus, span_of("room:A"));
    assert_int_equal(bus_subscribe(rig->bus, span_of("room:A")), 0);
}

static void unsubscribe(struct rig *rig)
{
    bus_unsubscribe(rig->bus, span_of("room:A"));
}

/* ---- Tests ---- */

static void comes_up_and_calls(void **state)
{
    (void)state;
    struct rig *rig = rig_up("", 3);
    on_loop(rig, call_script);
    assert_true(WAIT_FOR(rig->replies == 1));
    assert_int_equal(rig->last_int, 1);
    on_loop(rig, call_set);
    assert_true(WAIT_FOR(rig->replies == 2));
    assert_true(last_is(rig, "green"));
    char out[128];
    assert_true(redis_server_ask(&rig->redis, "SELECT 3\nGET colour", out, sizeof out));
    assert_string_equal(out, "$5\r\ngreen\r\n");
    assert_int_equal(rig->errors, 0);
    rig_down(rig);
}

#define BATCH 150

static void in_order(void *arg, const struct bus_reply *reply)
{
    struct rig *rig = arg;
    int value = (int)bus_reply_int(reply);
    if (rig->order >= 0) {
        rig->order = value == rig->order ? value + 1 : -1;
    }
    rig->replies++;
}

static void call_batch(struct rig *rig)
{
    for (int i = 0; i < BATCH; i++) {
        char number[16];
        snprintf(number, sizeof number, "%d", i);
        assert_int_equal(command(rig, in_order, rig, "ECHO", number, NULL), 0);
    }
}

static void a_turn_is_one_write(void **state)
{
    (void)state;
    struct rig *rig = rig_up("", 0);
    long before = redis_server_info(&rig->redis, "total_reads_processed:");
    on_loop(rig, call_batch);
    assert_true(WAIT_FOR(rig->replies == BATCH));
    assert_int_equal(rig->order, BATCH);
    long reads = redis_server_info(&rig->redis, "total_reads_processed:") - before;
    assert_true(before > 0 && reads >= 1 && reads < 10); /* INFO's own and a proof of life too */
    rig_down(rig);
}

static void subscribes(void **state)
{
    (void)state;
    struct rig *rig = rig_up("", 0);
    on_loop(rig, subscribe);
    assert_true(WAIT_FOR(rig->subscribed == 1));
    redis_server_do(&rig->redis, "PUBLISH room:A one\nPUBLISH room:B not-mine");
    assert_true(WAIT_FOR(rig->messages == 1));
    assert_true(last_is(rig, "one"));

    /* However often it is asked, `subscribed` comes once, after the last confirmation. */
    on_loop(rig, resubscribe);
    assert_true(WAIT_FOR(rig->subscribed == 2));
    redis_server_do(&rig->redis, "PUBLISH room:A two\nPUBLISH server:unit-test kick");
    assert_true(WAIT_FOR(rig->controls == 1));
    assert_int_equal(rig->messages, 2);
    assert_int_equal(rig->subscribed, 2);

    on_loop(rig, unsubscribe);
    redis_server_do(&rig->redis, "PUBLISH room:A three\nPUBLISH server:unit-test kick");
    assert_true(WAIT_FOR(rig->controls == 2));
    assert_int_equal(rig->messages, 2);
    rig_down(rig);
}

static void proves_that_it_lives(void **state)
{
    (void)state;
    struct rig *rig = rig_up("", 0);
    assert_true(WAIT_FOR(redis_server_info(&rig->redis, "cmdstat_publish:calls=") >= 2));
    assert_true(bus_is_up(rig->bus));
    assert_int_equal(rig->controls, 0); /* it is kept to itself */
    assert_int_equal(rig->downs, 0);
    rig_down(rig);
}

static void scripts_are_loaded_again(void **state)
{
    (void)state;
    struct rig *rig = rig_up("", 0);
    redis_server_do(&rig->redis, "SCRIPT FLUSH");
    on_loop(rig, call_five);
    on_loop(rig, call_five);
    assert_true(WAIT_FOR(rig->replies == 10));
    assert_int_equal(rig->errors, 0);
    assert_int_equal(rig->nulls, 0);
    assert_int_equal(rig->downs, 0);
    rig_down(rig);
}

/* A numbered script: it answers with the number of the call. */
struct numbered {
    struct rig *rig;
    int number;
};

static void on_numbered(void *arg, const struct bus_reply *reply)
{
    struct numbered *numbered = arg;
    struct rig *rig = numbered->rig;
    if (bus_reply_int(reply) != 1 || rig->order != numbered->number) {
        rig->order = -1;
    } else {
        rig->order++;
    }
    rig->replies++;
    free(numbered);
}

static void call_numbered(struct rig *rig)
{
    for (int i = 0; i < 50; i++) {
        struct numbered *numbered = malloc(sizeof *numbered);
        *numbered = (struct numbered){rig, rig->replies + i};
        assert_int_equal(script(rig, on_numbered, numbered), 0);
    }
}

static void flush_and_call(struct rig *rig)
{
    /* The answers are NOSCRIPT; the next fifty may be made while that is repaired. */
    assert_int_equal(command(rig, NULL, NULL, "SCRIPT", "FLUSH", NULL), 0);
    call_numbered(rig);
}

static void repair_keeps_the_order(void **state)
{
    (void)state;
    struct rig *rig = rig_up("", 0);
    for (int round = 0; round < 20; round++) {
        on_loop(rig, flush_and_call);
        assert_true(WAIT_FOR(rig->replies == 50 * (round + 1)));
        assert_int_equal(rig->order, 50 * (round + 1));
    }
    rig_down(rig);
}

static void comes_back_after_kill(void **state)
{
    (void)state;
    struct rig *rig = rig_up("secret", 0);
    kill(rig->redis.pid, SIGSTOP); /* so that the calls are outstanding */
    on_loop(rig, call_five);
    redis_server_kill(&rig->redis);
    assert_true(WAIT_FOR(rig->downs == 1));
    assert_int_equal(rig->nulls, 5); /* all of them before `down` */
    assert_int_equal(rig->replies, 0);
    assert_int_equal(metric_get(METRIC_REDIS_UP), 0);
    on_loop(rig, refused_while_down);
    assert_int_equal(rig->nulls, 5);
    redis_server_run(&rig->redis);
    assert_true(WAIT_FOR(rig->ups == 2));
    on_loop(rig, call_five);
    assert_true(WAIT_FOR(rig->replies == 5));
    assert_int_equal(rig->downs, 1);
    rig_down(rig);
}

static void a_silent_redis_is_noticed(void **state)
{
    (void)state;
    struct rig *rig = rig_up("", 0);
    int64_t timeouts = metric_get(METRIC_REDIS_TIMEOUTS);
    kill(rig->redis.pid, SIGSTOP);
    int64_t began = test_now_ms();
    on_loop(rig, call_five);
    assert_true(WAIT_FOR(rig->downs == 1));
    int64_t took = test_now_ms() - began;
    assert_true(took >= TIMEOUT_MS - 1 && took < TIMEOUT_MS + SLACK_MS);
    assert_int_equal(rig->nulls, 5);
    assert_true(metric_get(METRIC_REDIS_TIMEOUTS) > timeouts);
    kill(rig->redis.pid, SIGCONT);
    assert_true(WAIT_FOR(rig->ups == 2));
    on_loop(rig, call_script);
    assert_true(WAIT_FOR(rig->replies == 1));
    rig_down(rig);
}

static void a_silent_redis_is_noticed_when_idle(void **state)
{
    (void)state;
    struct rig *rig = rig_up("", 0);
    kill(rig->redis.pid, SIGSTOP);
    assert_true(WAIT_FOR(rig->downs == 1));
    kill(rig->redis.pid, SIGCONT);
    assert_true(WAIT_FOR(rig->ups == 2));
    rig_down(rig);
}

static void a_lost_subscription_connection_is_noticed(void **state)
{
    (void)state;
    struct rig *rig = rig_up("", 0);
    redis_server_do(&rig->redis, "CLIENT KILL TYPE pubsub");
    assert_true(WAIT_FOR(rig->ups == 2));
    assert_int_equal(rig->downs, 1);
    rig_down(rig);
}

/* Holds the loop for longer than a command may take; its answer waits in the socket meanwhile. */
static void call_and_dawdle(struct rig *rig)
{
    call_ping(rig);
    int64_t until = test_now_ms() + 2 * TIMEOUT_MS;
    while (test_now_ms() < until) {
        test_nap();
    }
}

static void a_slow_loop_is_not_a_slow_redis(void **state)
{
    (void)state;
    struct rig *rig = rig_up("", 0);
    on_loop(rig, call_and_dawdle);
    assert_true(WAIT_FOR(rig->replies + rig->nulls == 1));
    assert_int_equal(rig->replies, 1);
    assert_int_equal(rig->downs, 0);
    rig_down(rig);
}

static void keeps_trying_a_refused_port(void **state)
{
    (void)state;
    struct redis_server redis;
    char url[160];
    redis_server_start(&redis, "");
    redis_server_kill(&redis);
    redis_server_url(&redis, 0, url);
    struct rig *rig = rig_create(url);
    rig->redis = redis;
    on_loop(rig, start_bus);
    on_loop(rig, refused_while_down);
    redis_server_run(&rig->redis);
    assert_true(WAIT_FOR(rig->ups == 1));
    assert_int_equal(rig->downs, 0);
    rig_down(rig);
}

/* A listener that never answers: the deadline of the setup ends each attempt. */
static void gives_up_on_a_mute_port(void **state)
{
    (void)state;
    int port;
    int listener = test_listen(&port);
    char url[160];
    snprintf(url, sizeof url, "redis://127.0.0.1:%d", port);
    struct rig *rig = rig_create(url);
    on_loop(rig, start_bus);
    int accepted[6]; /* three attempts with two connections each */
    for (int i = 0; i < 6; i++) {
        accepted[i] = accept(listener, NULL, NULL); /* kept open: only a deadline ends them */
        assert_true(accepted[i] >= 0);
    }
    assert_int_equal(rig->ups, 0);
    assert_int_equal(rig->downs, 0);
    rig_destroy(rig);
    for (int i = 0; i < 6; i++) {
        close(accepted[i]);
    }
    close(listener);
}

static void wrong_password(void **state)
{
    (void)state;
    struct redis_server redis;
    char url[160];
    char out[64];
    redis_server_start(&redis, "right");
    snprintf(url, sizeof url, "redis://:wrong@127.0.0.1:%d", redis.port);
    struct rig *rig = rig_create(url);
    rig->redis = redis;
    on_loop(rig, start_bus);
    /* Refused more than once, so it does not give up. */
    assert_true(WAIT_FOR(redis_server_info(&redis, "errorstat_WRONGPASS:count=") >= 4));
    assert_int_equal(rig->ups, 0);
    assert_true(redis_server_ask(&redis, "CONFIG SET requirepass wrong", out, sizeof out));
    snprintf(rig->redis.password, sizeof rig->redis.password, "wrong");
    assert_true(WAIT_FOR(rig->ups == 1));
    rig_down(rig);
}

static void host_name_is_resolved(void **state)
{
    (void)state;
    struct redis_server redis;
    char url[160];
    redis_server_start(&redis, "");
    snprintf(url, sizeof url, "redis://localhost:%d", redis.port);
    struct rig *rig = rig_create(url);
    rig->redis = redis;
    on_loop(rig, start_bus);
    assert_true(WAIT_FOR(rig->ups == 1));
    rig_down(rig);
}

static void call_write(struct rig *rig)
{
    assert_int_equal(command(rig, on_reply, rig, "SET", "k", "v"), 0);
}

static void a_replica_is_left(void **state)
{
    (void)state;
    struct rig *rig = rig_up("", 0);
    char replicaof[64];
    snprintf(replicaof, sizeof replicaof, "REPLICAOF 127.0.0.1 %d", test_free_port());
    redis_server_do(&rig->redis, replicaof);
    on_loop(rig, call_write);
    assert_true(WAIT_FOR(rig->downs == 1));
    assert_int_equal(rig->nulls, 1); /* READONLY: it was not executed */
    assert_int_equal(rig->replies, 0);
    assert_true(WAIT_FOR(redis_server_info(&rig->redis, "cmdstat_role:calls=") >= 3));
    assert_int_equal(rig->ups, 1); /* it has tried twice and doesn't take a replica */
    redis_server_do(&rig->redis, "REPLICAOF NO ONE");
    assert_true(WAIT_FOR(rig->ups == 2));
    on_loop(rig, call_write);
    assert_true(WAIT_FOR(rig->replies == 1));
    rig_down(rig);
}

static void call_wrong_type(struct rig *rig)
{
    assert_int_equal(command(rig, on_reply, rig, "GET", "list", NULL), 0);
    assert_int_equal(command(rig, on_reply, rig, "EVALSHA", "ffff", "0"), 0);
}

static void error_replies_reach_the_caller(void **state)
{
    (void)state;
    struct rig *rig = rig_up("", 0);
    redis_server_do(&rig->redis, "LPUSH list x");
    on_loop(rig, call_wrong_type);
    assert_true(WAIT_FOR(rig->errors == 2)); /* a NOSCRIPT of somebody else's script included */
    assert_int_equal(rig->downs, 0);
    rig_down(rig);
}

static void call_until_refused(struct rig *rig)
{
    static char body[65536];
    memset(body, 'x', sizeof body);
    const struct span argv[] = {span_of("ECHO"), {body, sizeof body}};
    rig->accepted = 0;
    while (bus_command(rig->bus, argv, 2, on_reply, rig) == 0) {
        rig->accepted++;
    }
}

static void what_is_outstanding_is_limited(void **state)
{
    (void)state;
    struct rig *rig = rig_up("", 0);
    kill(rig->redis.pid, SIGSTOP);
    on_loop(rig, call_until_refused);
    assert_int_equal(rig->accepted, BUS_OUTSTANDING_MAX / 65536 - 1);
    kill(rig->redis.pid, SIGCONT);
    assert_true(WAIT_FOR(rig->replies + rig->nulls == rig->accepted));
    assert_true(WAIT_FOR(rig->ups == rig->downs + 1));
    on_loop(rig, call_five); /* there is room again */
    assert_true(WAIT_FOR(rig->replies + rig->nulls == rig->accepted + 5));
    rig_down(rig);
}

/* ---- Stopping at awkward moments ---- */

static void stop_in_reply(void *arg, const struct bus_reply *reply)
{
    on_reply(arg, reply);
    stop_bus(arg);
}

static void call_and_stop_in_reply(struct rig *rig)
{
    assert_int_equal(command(rig, stop_in_reply, rig, "PING", NULL, NULL), 0);
    for (int i = 0; i < 20; i++) {
        assert_int_equal(command(rig, on_reply, rig, "PING", NULL, NULL), 0);
    }
}

static void stops_inside_a_reply(void **state)
{
    (void)state;
    struct rig *rig = rig_up("", 0);
    on_loop(rig, call_and_stop_in_reply);
    assert_true(WAIT_FOR(rig->stopped == 1));
    assert_int_equal(rig->replies, 1);
    assert_int_equal(rig->nulls, 20);
    assert_int_equal(rig->downs, 0);
    rig_down(rig);
}

static void stop_when_down(struct rig *rig)
{
    rig->on_down = stop_bus;
}

static void stops_inside_down(void **state)
{
    (void)state;
    struct rig *rig = rig_up("", 0);
    on_loop(rig, stop_when_down);
    redis_server_kill(&rig->redis);
    assert_true(WAIT_FOR(rig->stopped == 1));
    assert_int_equal(rig->downs, 1);
    rig_down(rig);
}

static void stop_on_null(void *arg, const struct bus_reply *reply)
{
    assert_null(reply);
    on_reply(arg, reply);
    stop_bus(arg);
}

static void call_and_stop_on_null(struct rig *rig)
{
    assert_int_equal(command(rig, stop_on_null, rig, "PING", NULL, NULL), 0);
    call_five(rig);
}

static void stops_inside_a_lost_call(void **state)
{
    (void)state;
    struct rig *rig = rig_up("", 0);
    kill(rig->redis.pid, SIGSTOP);
    on_loop(rig, call_and_stop_on_null);
    redis_server_kill(&rig->redis);
    assert_true(WAIT_FOR(rig->stopped == 1));
    assert_int_equal(rig->nulls, 6);
    assert_int_equal(rig->downs, 0); /* no event after bus_stop() */
    rig_down(rig);
}

static void start_and_stop(struct rig *rig)
{
    start_bus(rig);
    stop_bus(rig);
}

static void stops_before_it_is_up(void **state)
{
    (void)state;
    const char *const urls[] = {"redis://127.0.0.1:1", "redis://localhost:1",
                                "redis://host.invalid", "redis://127.0.0.1"};
    for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++) {
        struct rig *rig = rig_create(urls[i]);
        on_loop(rig, start_and_stop);
        assert_true(WAIT_FOR(rig->stopped == 1));
        rig_destroy(rig);
        rig = rig_create(urls[i]); /* never started */
        rig_destroy(rig);
    }
}

static void descriptors_are_disowned(void **state)
{
    (void)state;
    struct rig *rig = rig_up("", 0);
    for (int i = 0; i < 4; i++) {
        int ups = rig->ups;
        redis_server_do(&rig->redis, "CLIENT KILL TYPE normal SKIPME yes");
        assert_true(WAIT_FOR(rig->ups == ups + 1));
    }
    rig_down(rig);
    /* Whatever is owned now was owned before: a socket pair that is made next is foreign. */
    int pair[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    assert_int_equal(fds_next_foreign(pair[0]), pair[0]);
    assert_int_equal(fds_next_foreign(pair[1]), pair[1]);
    close(pair[0]);
    close(pair[1]);
}

static void bad_urls(void **state)
{
    (void)state;
    struct loop *loop = loop_create(0);
    char url[] = "http://127.0.0.1";
    struct config config = {.redis_url = url, .redis_timeout_ms = TIMEOUT_MS};
    assert_null(bus_create(loop, &config, "unit-test", &events, NULL));
    loop_destroy(loop);
}

int main(void)
{
    signal(SIGPIPE, SIG_IGN);
    if (id_init() || fds_init()) {
        return 1;
    }
    bus_scripts_init();
    log_set_level(LOG_LEVEL_ERROR);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(comes_up_and_calls),
        cmocka_unit_test(a_turn_is_one_write),
        cmocka_unit_test(subscribes),
        cmocka_unit_test(proves_that_it_lives),
        cmocka_unit_test(scripts_are_loaded_again),
        cmocka_unit_test(repair_keeps_the_order),
        cmocka_unit_test(comes_back_after_kill),
        cmocka_unit_test(a_silent_redis_is_noticed),
        cmocka_unit_test(a_silent_redis_is_noticed_when_idle),
        cmocka_unit_test(a_lost_subscription_connection_is_noticed),
        cmocka_unit_test(a_slow_loop_is_not_a_slow_redis),
        cmocka_unit_test(keeps_trying_a_refused_port),
        cmocka_unit_test(gives_up_on_a_mute_port),
        cmocka_unit_test(wrong_password),
        cmocka_unit_test(host_name_is_resolved),
        cmocka_unit_test(a_replica_is_left),
        cmocka_unit_test(error_replies_reach_the_caller),
        cmocka_unit_test(what_is_outstanding_is_limited),
        cmocka_unit_test(stops_inside_a_reply),
        cmocka_unit_test(stops_inside_down),
        cmocka_unit_test(stops_inside_a_lost_call),
        cmocka_unit_test(stops_before_it_is_up),
        cmocka_unit_test(descriptors_are_disowned),
        cmocka_unit_test(bad_urls),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
