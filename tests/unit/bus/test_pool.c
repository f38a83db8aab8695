/* The pool of synchronous connections against a real redis-server that is stopped and killed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdatomic.h>

#include "bus/pool.h"
#include "core/log.h"
#include "core/metrics.h"
#include "net/fds.h"
#include "unit/redis_server.h"

#define TIMEOUT_MS 300
#define SLACK_MS 1500 /* for a busy machine */
#define THREADS 32

struct rig {
    const char *hold_s; /* how long hold_a_connection() holds one, seconds */
    struct redis_server redis;
    struct config config;
    struct bus_pool *pool;
    char url[160];
    atomic_int ok, failed, wrong;
    atomic_long slowest_ms;
};

static struct rig *rig_create_timed(const char *password, int db, uint32_t timeout_ms)
{
    struct rig *rig = calloc(1, sizeof *rig);
    redis_server_start(&rig->redis, password);
    redis_server_url(&rig->redis, db, rig->url);
    rig->config.redis_url = rig->url;
    rig->config.redis_timeout_ms = timeout_ms;
    rig->pool = bus_pool_create(&rig->config);
    assert_non_null(rig->pool);
    return rig;
}

static struct rig *rig_create(const char *password, int db)
{
    return rig_create_timed(password, db, TIMEOUT_MS);
}

static void rig_destroy(struct rig *rig)
{
    bus_pool_destroy(rig->pool);
    redis_server_finish(&rig->redis);
    metric_set(METRIC_REDIS_BREAKER_OPEN, 0);
    free(rig);
}

/* GET/SET of at most two arguments; the reply's text, or false. */
static bool command(struct rig *rig, const char *a, const char *b, const char *c, char *out,
                    size_t cap)
{
    const struct span argv[] = {span_of(a), span_of(b), span_of(c)};
    struct bus_reply *reply = NULL;
    if (bus_pool_command(rig->pool, argv, c ? 3 : b ? 2 : 1, &reply)) {
        assert_null(reply);
        return false;
    }
    assert_int_not_equal(bus_reply_type(reply), BUS_ERROR);
    span_copy(bus_reply_text(reply), out, cap);
    bus_reply_free(reply);
    return true;
}

static bool script(struct rig *rig)
{
    const struct span key = span_of("room:TEST");
    const struct span args[] = {span_of("session"), span_of("epoch"), span_of("0")};
    struct bus_reply *reply = NULL;
    if (bus_pool_script(rig->pool, BUS_SCRIPT_RELEASE, &key, 1, args, 3, &reply)) {
        return false;
    }
    bool one = bus_reply_int(reply) == 1;
    bus_reply_free(reply);
    return one;
}

/* Runs `fn` on many threads at once and waits for them. */
static void on_threads(struct rig *rig, size_t count, void *(*fn)(void *))
{
    pthread_t threads[2 * THREADS + BUS_POOL_WAITERS];
    assert_true(count <= sizeof threads / sizeof threads[0]);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, fn, rig), 0);
    }
    for (size_t i = 0; i < count; i++) {
        pthread_join(threads[i], NULL);
    }
}

static void note(struct rig *rig, bool ok, int64_t began_ms)
{
    long took = (long)(test_now_ms() - began_ms);
    long slowest = rig->slowest_ms;
    while (took > slowest && !atomic_compare_exchange_weak(&rig->slowest_ms, &slowest, took)) {
    }
    if (ok) {
        rig->ok++;
    } else {
        rig->failed++;
    }
}

static void calls_and_scripts(void **state)
{
    (void)state;
    struct rig *rig = rig_create("secret", 5);
    char out[64];
    assert_true(bus_pool_ready(rig->pool));
    assert_true(command(rig, "SET", "colour", "green", out, sizeof out));
    assert_string_equal(out, "OK");
    assert_true(redis_server_ask(&rig->redis, "SELECT 5\nGET colour", out, sizeof out));
    assert_string_equal(out, "$5\r\ngreen\r\n");
    assert_true(script(rig)); /* never loaded before */
    redis_server_do(&rig->redis, "SCRIPT FLUSH");
    assert_true(script(rig));
    /* One connection did all of it. */
    assert_int_equal(redis_server_info(&rig->redis, "connected_clients:"), 2);
    rig_destroy(rig);
}

static void error_replies_fail_the_call_only(void **state)
{
    (void)state;
    struct rig *rig = rig_create("", 0);
    char out[64];
    redis_server_do(&rig->redis, "LPUSH list x");
    assert_false(command(rig, "GET", "list", NULL, out, sizeof out));
    assert_false(command(rig, "GET", "list", NULL, out, sizeof out));
    assert_true(bus_pool_ready(rig->pool));
    assert_int_equal(metric_get(METRIC_REDIS_BREAKER_OPEN), 0);
    rig_destroy(rig);
}

static void *echo_hundred(void *arg)
{
    struct rig *rig = arg;
    static atomic_int number;
    for (int i = 0; i < 100; i++) {
        char text[32];
        char out[32];
        int64_t began = test_now_ms();
        snprintf(text, sizeof text, "%d", number++);
        bool ok = command(rig, "ECHO", text, NULL, out, sizeof out);
        if (ok && strcmp(text, out) != 0) {
            rig->wrong++;
        }
        note(rig, ok && (i % 10 || script(rig)), began);
    }
    return NULL;
}

static void many_threads_share_it(void **state)
{
    (void)state;
    struct rig *rig = rig_create("", 0);
    on_threads(rig, THREADS, echo_hundred);
    assert_int_equal(rig->ok, THREADS * 100);
    assert_int_equal(rig->wrong, 0);
    assert_true(redis_server_info(&rig->redis, "total_connections_received:") <
                BUS_POOL_SIZE + 100); /* reused; the test's own come on top */
    assert_true(redis_server_info(&rig->redis, "connected_clients:") <= BUS_POOL_SIZE + 1);
    rig_destroy(rig);
}

static void *ping_once(void *arg)
{
    struct rig *rig = arg;
    int64_t began = test_now_ms();
    note(rig, bus_pool_ready(rig->pool), began);
    return NULL;
}

static void a_stopped_redis_costs_one_time_limit(void **state)
{
    (void)state;
    struct rig *rig = rig_create("", 0);
    on_threads(rig, THREADS, ping_once);
    assert_int_equal(rig->ok, THREADS);
    int64_t timeouts = metric_get(METRIC_REDIS_TIMEOUTS);

    kill(rig->redis.pid, SIGSTOP);
    on_threads(rig, THREADS, ping_once); /* some ask, the others wait for a connection */
    assert_int_equal(rig->failed, THREADS);
    assert_true(rig->slowest_ms < 2 * TIMEOUT_MS + SLACK_MS);
    assert_int_equal(metric_get(METRIC_REDIS_BREAKER_OPEN), 1);
    assert_true(metric_get(METRIC_REDIS_TIMEOUTS) > timeouts);

    /* Now the breaker is open: at most a probe takes long, all others fail at once. */
    int quick = 0;
    int64_t open_ms = test_now_ms();
    for (int i = 0; i < 50; i++) {
        int64_t began = test_now_ms();
        assert_false(bus_pool_ready(rig->pool));
        quick += test_now_ms() - began < TIMEOUT_MS / 2;
    }
    /* More of them, where all that took long. */
    int64_t probes = (test_now_ms() - open_ms) / BUS_BREAKER_MS;
    assert_true(quick >= 48 - probes);

    kill(rig->redis.pid, SIGCONT);
    assert_true(WAIT_FOR(bus_pool_ready(rig->pool)));
    assert_int_equal(metric_get(METRIC_REDIS_BREAKER_OPEN), 0);
    rig->ok = 0;
    on_threads(rig, THREADS, ping_once);
    assert_int_equal(rig->ok, THREADS);
    rig_destroy(rig);
}

static void *ping_until_it_answers(void *arg)
{
    struct rig *rig = arg;
    bool ok = false;
    WAIT_FOR((ok = bus_pool_ready(rig->pool)));
    note(rig, ok, test_now_ms());
    return NULL;
}

static void one_probe_goes_through(void **state)
{
    (void)state;
    struct rig *rig = rig_create("", 0);
    kill(rig->redis.pid, SIGSTOP);
    assert_false(bus_pool_ready(rig->pool));
    int64_t timeouts = metric_get(METRIC_REDIS_TIMEOUTS);
    int64_t until = test_now_ms() + BUS_BREAKER_MS;
    assert_true(WAIT_FOR(test_now_ms() > until + 1));
    on_threads(rig, THREADS, ping_once); /* half open */
    assert_int_equal(rig->failed, THREADS);
    assert_int_equal(metric_get(METRIC_REDIS_TIMEOUTS), timeouts + 1);
    kill(rig->redis.pid, SIGCONT);
    on_threads(rig, THREADS, ping_until_it_answers);
    assert_int_equal(rig->ok, THREADS);
    rig_destroy(rig);
}

static void a_restart_fails_no_call(void **state)
{
    (void)state;
    struct rig *rig = rig_create("", 0);
    on_threads(rig, THREADS, ping_once);
    redis_server_kill(&rig->redis);
    redis_server_run(&rig->redis);
    rig->ok = 0;
    on_threads(rig, THREADS, ping_once); /* the idle connections are dead, and not used */
    assert_int_equal(rig->ok, THREADS);
    assert_int_equal(metric_get(METRIC_REDIS_BREAKER_OPEN), 0);
    rig_destroy(rig);
}

static void a_refused_port_opens_the_breaker(void **state)
{
    (void)state;
    struct rig *rig = rig_create("", 0);
    redis_server_kill(&rig->redis);
    assert_false(bus_pool_ready(rig->pool));
    assert_int_equal(metric_get(METRIC_REDIS_BREAKER_OPEN), 1);
    redis_server_run(&rig->redis);
    assert_true(WAIT_FOR(bus_pool_ready(rig->pool)));
    rig_destroy(rig);
}

static void a_wrong_password_fails(void **state)
{
    (void)state;
    struct rig *rig = rig_create("secret", 0);
    redis_server_do(&rig->redis, "CONFIG SET requirepass other");
    assert_false(bus_pool_ready(rig->pool));
    assert_int_equal(metric_get(METRIC_REDIS_BREAKER_OPEN), 1);
    rig_destroy(rig);
}

static void a_replica_loses_its_connections(void **state)
{
    (void)state;
    struct rig *rig = rig_create("", 0);
    char out[64];
    on_threads(rig, THREADS, ping_once);
    long before = redis_server_info(&rig->redis, "total_connections_received:");
    snprintf(out, sizeof out, "REPLICAOF 127.0.0.1 %d", test_free_port());
    redis_server_do(&rig->redis, out);
    assert_false(command(rig, "SET", "k", "v", out, sizeof out));
    redis_server_do(&rig->redis, "REPLICAOF NO ONE");
    assert_true(command(rig, "SET", "k", "v", out, sizeof out));
    /* INFO, two commands of the test, INFO again, and one new connection of the pool. */
    assert_int_equal(redis_server_info(&rig->redis, "total_connections_received:"), before + 4);
    rig_destroy(rig);
}

static void *hold_a_connection(void *arg)
{
    struct rig *rig = arg;
    int64_t began = test_now_ms();
    const struct span argv[] = {span_of("BLPOP"), span_of("nothing"), span_of(rig->hold_s)};
    struct bus_reply *reply = NULL;
    bool ok = bus_pool_command(rig->pool, argv, 3, &reply) == 0;
    bus_reply_free(reply);
    note(rig, ok, began);
    return NULL;
}

static void a_crowd_waits_while_redis_answers(void **state)
{
    (void)state;
    struct rig *rig = rig_create_timed("", 0, 5000);
    rig->hold_s = "0.02";
    on_threads(rig, 2 * THREADS + BUS_POOL_WAITERS, hold_a_connection);
    assert_int_equal(rig->ok, 2 * THREADS + BUS_POOL_WAITERS);
    rig_destroy(rig);
}

static void waiting_is_limited_while_it_does_not(void **state)
{
    (void)state;
    struct rig *rig = rig_create_timed("", 0, 10000);
    rig->hold_s = "1.5"; /* longer than BUS_POOL_STALL_MS */
    on_threads(rig, 2 * THREADS + BUS_POOL_WAITERS, hold_a_connection);
    assert_true(rig->ok >= BUS_POOL_SIZE);
    /* That the others got none is not Redis's fault. */
    assert_true(rig->failed >= 2 * THREADS - BUS_POOL_SIZE);
    assert_int_equal(metric_get(METRIC_REDIS_BREAKER_OPEN), 0);
    assert_true(bus_pool_ready(rig->pool));
    rig_destroy(rig);
}

int main(void)
{
    signal(SIGPIPE, SIG_IGN);
    if (fds_init()) {
        return 1;
    }
    bus_scripts_init();
    log_set_level(LOG_LEVEL_ERROR);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(calls_and_scripts),
        cmocka_unit_test(error_replies_fail_the_call_only),
        cmocka_unit_test(many_threads_share_it),
        cmocka_unit_test(a_stopped_redis_costs_one_time_limit),
        cmocka_unit_test(one_probe_goes_through),
        cmocka_unit_test(a_restart_fails_no_call),
        cmocka_unit_test(a_refused_port_opens_the_breaker),
        cmocka_unit_test(a_wrong_password_fails),
        cmocka_unit_test(a_replica_loses_its_connections),
        cmocka_unit_test(a_crowd_waits_while_redis_answers),
        cmocka_unit_test(waiting_is_limited_while_it_does_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
