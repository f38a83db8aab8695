/*
 * Synchronous connections that find their Redis through sentinels, by way of the pool: a real
 * primary, replica and sentinel, whose primary is killed and stopped.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "bus/pool.h"
#include "core/log.h"
#include "core/metrics.h"
#include "net/fds.h"
#include "unit/sentinel_server.h"

#define TIMEOUT_MS 400
#define SLACK_MS 1500 /* for a busy machine */

struct rig {
    struct config config;
    struct bus_pool *pool;
    char url[SENTINEL_URL_MAX];
    atomic_int ok;
};

static struct rig *rig_create(const char *url)
{
    struct rig *rig = calloc(1, sizeof *rig);
    snprintf(rig->url, sizeof rig->url, "%s", url);
    rig->config.redis_url = rig->url;
    rig->config.redis_timeout_ms = TIMEOUT_MS;
    rig->pool = bus_pool_create(&rig->config);
    assert_non_null(rig->pool);
    return rig;
}

static void rig_destroy(struct rig *rig)
{
    bus_pool_destroy(rig->pool);
    metric_set(METRIC_REDIS_BREAKER_OPEN, 0);
    free(rig);
}

static bool write_key(struct rig *rig)
{
    const struct span argv[] = {span_of("SET"), span_of("colour"), span_of("green")};
    struct bus_reply *reply = NULL;
    bool ok = bus_pool_command(rig->pool, argv, 3, &reply) == 0;
    bus_reply_free(reply);
    return ok;
}

/* What the pool writes is on `server`, as soon as it can write. */
static void assert_writes_to(struct rig *rig, const struct redis_server *server)
{
    char out[64];
    redis_server_do(server, "DEL colour");
    assert_true(WAIT_FOR(write_key(rig)));
    assert_true(redis_server_ask(server, "GET colour", out, sizeof out));
    assert_string_equal(out, "$5\r\ngreen\r\n");
}

static struct rig *rig_up(struct sentinel_group *group, const char *password)
{
    char url[SENTINEL_URL_MAX];
    sentinel_group_start(group, password, password);
    sentinel_group_url(group, "", url);
    struct rig *rig = rig_create(url);
    assert_writes_to(rig, &group->primary);
    return rig;
}

/* Connects all that the pool may have, by calls that wait in Redis at the same time. */
static void *hold_a_connection(void *arg)
{
    struct rig *rig = arg;
    const struct span argv[] = {span_of("BLPOP"), span_of("nothing"), span_of("0.2")};
    struct bus_reply *reply = NULL;
    if (bus_pool_command(rig->pool, argv, 3, &reply) == 0) {
        rig->ok++;
    }
    bus_reply_free(reply);
    return NULL;
}

static void fill(struct rig *rig)
{
    pthread_t threads[BUS_POOL_SIZE];
    for (size_t i = 0; i < BUS_POOL_SIZE; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, hold_a_connection, rig), 0);
    }
    for (size_t i = 0; i < BUS_POOL_SIZE; i++) {
        pthread_join(threads[i], NULL);
    }
    assert_int_equal(rig->ok, BUS_POOL_SIZE);
}

/* True once the sentinel names the replica, so that a link could follow. */
static bool has_failed_over(const struct sentinel_group *group)
{
    char out[256];
    char port[16];
    snprintf(port, sizeof port, "\r\n%d\r\n", group->replica.port);
    return redis_server_ask(&group->sentinel, "SENTINEL GET-MASTER-ADDR-BY-NAME " SENTINEL_PRIMARY,
                            out, sizeof out) &&
           strstr(out, port);
}

static void follows_a_killed_primary(void **state)
{
    (void)state;
    struct sentinel_group group;
    struct rig *rig = rig_up(&group, "secret");
    redis_server_kill(&group.primary);
    assert_writes_to(rig, &group.replica);
    assert_int_equal(metric_get(METRIC_REDIS_BREAKER_OPEN), 0);
    rig_destroy(rig);
    sentinel_group_finish(&group);
}

/* The connections to a primary that says nothing any more are left all together, not one by one. */
static void follows_a_stopped_primary(void **state)
{
    (void)state;
    struct sentinel_group group;
    struct rig *rig = rig_up(&group, "");
    fill(rig);
    kill(group.primary.pid, SIGSTOP);
    assert_true(WAIT_FOR(has_failed_over(&group)));
    int64_t began = test_now_ms();
    assert_writes_to(rig, &group.replica);
    assert_true(test_now_ms() - began < TIMEOUT_MS + BUS_BREAKER_MS + SLACK_MS);
    kill(group.primary.pid, SIGCONT);
    rig_destroy(rig);
    sentinel_group_finish(&group);
}

static void keeps_asking_for_a_sentinel(void **state)
{
    (void)state;
    struct sentinel_group group;
    char url[SENTINEL_URL_MAX];
    sentinel_group_start(&group, "", "");
    redis_server_kill(&group.sentinel);
    sentinel_group_url(&group, "", url);
    struct rig *rig = rig_create(url);
    assert_false(bus_pool_ready(rig->pool));
    assert_int_equal(metric_get(METRIC_REDIS_BREAKER_OPEN), 1);
    sentinel_run(&group.sentinel);
    assert_writes_to(rig, &group.primary);
    rig_destroy(rig);
    sentinel_group_finish(&group);
}

static void an_unknown_name_fails(void **state)
{
    (void)state;
    struct canned none;
    char url[SENTINEL_URL_MAX];
    canned_start(&none, "*-1\r\n");
    snprintf(url, sizeof url, "redis+sentinel://127.0.0.1:%d/college", none.port);
    struct rig *rig = rig_create(url);
    assert_false(bus_pool_ready(rig->pool));
    assert_int_equal(none.asked, 1);
    rig_destroy(rig);
    canned_stop(&none);
}

static void asks_one_sentinel_after_the_other(void **state)
{
    (void)state;
    struct sentinel_group group;
    struct canned mute, wrong;
    char before[128];
    char url[SENTINEL_URL_MAX];
    sentinel_group_start(&group, "", "");
    canned_start(&mute, "");
    canned_start(&wrong, "*2\r\n$0\r\n\r\n$1\r\n0\r\n");
    snprintf(before, sizeof before, "127.0.0.1:%d,localhost:%d,127.0.0.1:%d,", test_free_port(),
             mute.port, wrong.port);
    sentinel_group_url(&group, before, url);
    struct rig *rig = rig_create(url);
    int64_t began = test_now_ms();
    assert_true(write_key(rig)); /* the first call, within its time */
    assert_true(test_now_ms() - began < TIMEOUT_MS + SLACK_MS);
    assert_int_equal(mute.asked, 1);
    assert_int_equal(wrong.asked, 1);
    fill(rig);
    assert_int_equal(mute.asked, 1); /* the one that knew is asked first */
    rig_destroy(rig);
    sentinel_group_finish(&group);
    canned_stop(&mute);
    canned_stop(&wrong);
}

/* A sentinel that was cut off names what was the primary once: now a replica. */
static void does_not_trust_one_sentinel_for_ever(void **state)
{
    (void)state;
    struct sentinel_group group;
    struct canned stale;
    char answer[CANNED_MAX];
    char before[64];
    char url[SENTINEL_URL_MAX];
    sentinel_group_start(&group, "", "");
    canned_address(answer, "127.0.0.1", group.replica.port);
    canned_start(&stale, answer);
    snprintf(before, sizeof before, "127.0.0.1:%d,", stale.port);
    sentinel_group_url(&group, before, url);
    struct rig *rig = rig_create(url);
    assert_false(write_key(rig));
    assert_writes_to(rig, &group.primary);
    assert_int_equal(stale.asked, 1);
    rig_destroy(rig);
    sentinel_group_finish(&group);
    canned_stop(&stale);
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
        cmocka_unit_test(follows_a_killed_primary),
        cmocka_unit_test(follows_a_stopped_primary),
        cmocka_unit_test(keeps_asking_for_a_sentinel),
        cmocka_unit_test(an_unknown_name_fails),
        cmocka_unit_test(asks_one_sentinel_after_the_other),
        cmocka_unit_test(does_not_trust_one_sentinel_for_ever),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
