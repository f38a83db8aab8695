/*
 * A link that finds its Redis through sentinels: a real primary, replica and sentinel, whose primary
 * is killed, stopped and demoted, and sentinels that are away or wrong.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/id.h"
#include "bus/link.h"
#include "core/log.h"
#include "core/metrics.h"
#include "net/fds.h"
#include "net/loop.h"
#include "unit/sentinel_server.h"

#define TIMEOUT_MS 400

struct rig {
    struct config config;
    struct loop *loop;
    struct bus *bus;
    char url[SENTINEL_URL_MAX];
    atomic_int ups, downs, stopped;
    atomic_int replies, nulls;
};

static void on_up(void *arg)
{
    ((struct rig *)arg)->ups++;
}

static void on_down(void *arg)
{
    ((struct rig *)arg)->downs++;
}

static void on_subscribed(void *arg, struct span channel)
{
    (void)arg;
    (void)channel;
}

static void on_message(void *arg, struct span channel, struct span payload)
{
    (void)arg;
    (void)channel;
    (void)payload;
}

static void on_control(void *arg, struct span payload)
{
    (void)arg;
    (void)payload;
}

static const struct bus_events events = {on_up, on_down, on_subscribed, on_message, on_control};

static void on_stopped(void *arg)
{
    ((struct rig *)arg)->stopped++;
}

static void on_reply(void *arg, const struct bus_reply *reply)
{
    struct rig *rig = arg;
    if (reply && bus_reply_type(reply) != BUS_ERROR) {
        rig->replies++;
    } else {
        rig->nulls++;
    }
}

/* ---- On the loop ---- */

static void start(void *arg)
{
    bus_start(((struct rig *)arg)->bus);
}

static void stop(void *arg)
{
    struct rig *rig = arg;
    bus_stop(rig->bus, on_stopped, rig);
}

static void start_and_stop(void *arg)
{
    start(arg);
    stop(arg);
}

static void write_key(void *arg)
{
    struct rig *rig = arg;
    const struct span argv[] = {span_of("SET"), span_of("colour"), span_of("green")};
    if (bus_command(rig->bus, argv, 3, on_reply, rig)) {
        rig->nulls++;
    }
}

static struct rig *rig_create(const char *url)
{
    struct rig *rig = calloc(1, sizeof *rig);
    snprintf(rig->url, sizeof rig->url, "%s", url);
    rig->config.redis_url = rig->url;
    rig->config.redis_timeout_ms = TIMEOUT_MS;
    rig->loop = loop_create(3);
    assert_non_null(rig->loop);
    rig->bus = bus_create(rig->loop, &rig->config, "unit-test", &events, rig);
    assert_non_null(rig->bus);
    assert_int_equal(loop_start(rig->loop), 0);
    return rig;
}

static struct rig *rig_start(const char *url)
{
    struct rig *rig = rig_create(url);
    assert_int_equal(loop_post(rig->loop, start, rig), 0);
    return rig;
}

static void rig_destroy(struct rig *rig)
{
    if (!rig->stopped) {
        assert_int_equal(loop_post(rig->loop, stop, rig), 0);
    }
    assert_true(WAIT_FOR(rig->stopped == 1));
    loop_stop(rig->loop);
    loop_destroy(rig->loop);
    free(rig);
    assert_int_equal(metric_get(METRIC_REDIS_UP), 0);
}

/* The link is up for the `ups`th time, and what it writes is on `server`. */
static void assert_writes_to(struct rig *rig, int ups, const struct redis_server *server)
{
    char out[64];
    assert_true(WAIT_FOR(rig->ups == ups));
    redis_server_do(server, "DEL colour");
    int replies = rig->replies;
    assert_int_equal(loop_post(rig->loop, write_key, rig), 0);
    assert_true(WAIT_FOR(rig->replies == replies + 1));
    assert_true(redis_server_ask(server, "GET colour", out, sizeof out));
    assert_string_equal(out, "$5\r\ngreen\r\n");
}

/* A link to a group's primary that is up. */
static struct rig *rig_up(struct sentinel_group *group, const char *password)
{
    char url[SENTINEL_URL_MAX];
    sentinel_group_start(group, password, "");
    sentinel_group_url(group, "", url);
    struct rig *rig = rig_start(url);
    assert_writes_to(rig, 1, &group->primary);
    return rig;
}

static void rig_down(struct rig *rig, struct sentinel_group *group)
{
    rig_destroy(rig);
    sentinel_group_finish(group);
}

/* ---- The log, for what an operator is told ---- */

static int real_stderr = -1;
static FILE *captured;

static void capture_log(void)
{
    captured = tmpfile();
    real_stderr = dup(2);
    dup2(fileno(captured), 2);
    log_set_level(LOG_LEVEL_INFO);
}

/* Ends the capture; how often `text` was logged. */
static int captured_count(const char *text)
{
    char line[4096];
    int count = 0;
    log_set_level(LOG_LEVEL_ERROR);
    dup2(real_stderr, 2);
    close(real_stderr);
    rewind(captured);
    while (fgets(line, sizeof line, captured)) {
        count += strstr(line, text) != NULL;
    }
    fclose(captured);
    return count;
}

/* ---- Tests ---- */

static void follows_a_killed_primary(void **state)
{
    (void)state;
    struct sentinel_group group;
    struct rig *rig = rig_up(&group, "secret");
    redis_server_kill(&group.primary);
    assert_writes_to(rig, 2, &group.replica);
    assert_int_equal(rig->downs, 1);
    rig_down(rig, &group);
}

static void follows_a_stopped_primary(void **state)
{
    (void)state;
    struct sentinel_group group;
    struct rig *rig = rig_up(&group, "");
    kill(group.primary.pid, SIGSTOP);
    assert_writes_to(rig, 2, &group.replica);
    kill(group.primary.pid, SIGCONT); /* it still thinks that it is one, for a while */
    assert_true(WAIT_FOR(redis_server_info(&group.primary, "master_port:") == group.replica.port));
    assert_writes_to(rig, 2, &group.replica);
    rig_down(rig, &group);
}

static void follows_an_orderly_fail_over(void **state)
{
    (void)state;
    struct sentinel_group group;
    struct rig *rig = rig_up(&group, "");
    redis_server_do(&group.sentinel, "SENTINEL FAILOVER " SENTINEL_PRIMARY);
    assert_true(WAIT_FOR(redis_server_info(&group.primary, "master_port:") == group.replica.port));
    assert_writes_to(rig, 2, &group.replica);
    assert_int_equal(rig->downs, 1);
    rig_down(rig, &group);
}

static void keeps_asking_for_a_sentinel(void **state)
{
    (void)state;
    struct sentinel_group group;
    char url[SENTINEL_URL_MAX];
    sentinel_group_start(&group, "", "");
    redis_server_kill(&group.sentinel);
    sentinel_group_url(&group, "", url);
    capture_log();
    struct rig *rig = rig_start(url);
    int64_t until = test_now_ms() + 600; /* a few attempts */
    assert_true(WAIT_FOR(test_now_ms() > until));
    assert_int_equal(rig->ups, 0);
    sentinel_run(&group.sentinel);
    assert_writes_to(rig, 1, &group.primary);
    assert_int_equal(captured_count("no link to primary school, trying again: sentinel 127.0.0.1:"),
                     1);
    assert_int_equal(rig->downs, 0);
    rig_down(rig, &group);
}

static void an_unknown_name_is_told(void **state)
{
    (void)state;
    struct sentinel_group group;
    char text[128];
    sentinel_group_start(&group, "", "");
    snprintf(text, sizeof text, "redis+sentinel://127.0.0.1:%d/college", group.sentinel.port);
    capture_log();
    struct rig *rig = rig_start(text);
    int64_t until = test_now_ms() + 600;
    assert_true(WAIT_FOR(test_now_ms() > until));
    assert_int_equal(rig->ups, 0);
    snprintf(text, sizeof text, "SENTINEL MONITOR college 127.0.0.1 %d 1", group.primary.port);
    redis_server_do(&group.sentinel, text);
    assert_writes_to(rig, 1, &group.primary);
    assert_int_equal(captured_count("knows no primary named college"), 1);
    rig_down(rig, &group);
}

static void asks_one_sentinel_after_the_other(void **state)
{
    (void)state;
    struct sentinel_group group;
    struct canned mute, wrong, refusing;
    char before[128];
    char url[SENTINEL_URL_MAX];
    sentinel_group_start(&group, "", "");
    canned_start(&mute, "");
    canned_start(&wrong, ":1\r\n");
    canned_start(&refusing, "-NOAUTH Authentication required.\r\n");
    snprintf(before, sizeof before, "127.0.0.1:%d,localhost:%d,127.0.0.1:%d,127.0.0.1:%d,",
             test_free_port(), mute.port, wrong.port, refusing.port);
    sentinel_group_url(&group, before, url);
    struct rig *rig = rig_start(url);
    assert_writes_to(rig, 1, &group.primary);
    assert_int_equal(mute.asked, 1);
    assert_int_equal(wrong.asked, 1);
    assert_int_equal(refusing.asked, 1);

    redis_server_do(&group.primary,
                    "CLIENT KILL TYPE pubsub"); /* the one that knew is asked first */
    assert_writes_to(rig, 2, &group.primary);
    assert_int_equal(mute.asked, 1);
    rig_down(rig, &group);
    canned_stop(&mute);
    canned_stop(&wrong);
    canned_stop(&refusing);
}

/* A sentinel that was cut off names what was the primary once: a replica, or nothing that listens. */
static void does_not_trust_one_sentinel_for_ever(void **state)
{
    (void)state;
    struct sentinel_group group;
    struct canned stale, dead;
    char answers[2][CANNED_MAX];
    char before[64];
    char url[SENTINEL_URL_MAX];
    sentinel_group_start(&group, "", "");
    canned_address(answers[0], "127.0.0.1", group.replica.port);
    canned_address(answers[1], "localhost", test_free_port());
    canned_start(&stale, answers[0]);
    canned_start(&dead, answers[1]);
    snprintf(before, sizeof before, "127.0.0.1:%d,127.0.0.1:%d,", stale.port, dead.port);
    sentinel_group_url(&group, before, url);
    struct rig *rig = rig_start(url);
    assert_writes_to(rig, 1, &group.primary);
    assert_int_equal(stale.asked, 1);
    assert_int_equal(dead.asked, 1);
    rig_down(rig, &group);
    canned_stop(&stale);
    canned_stop(&dead);
}

/* A primary that was cut off and, by min-replicas-to-write, knows it. */
static void leaves_a_primary_without_replicas(void **state)
{
    (void)state;
    struct sentinel_group group;
    struct canned sentinel;
    char answers[2][CANNED_MAX];
    char url[SENTINEL_URL_MAX];
    sentinel_group_start(&group, "", "");
    canned_address(answers[0], "127.0.0.1", group.primary.port);
    canned_address(answers[1], "127.0.0.1", group.replica.port);
    canned_start(&sentinel, answers[0]);
    snprintf(url, sizeof url, "redis+sentinel://127.0.0.1:%d/school", sentinel.port);
    redis_server_do(&group.primary, "CONFIG SET min-replicas-to-write 1");
    assert_true(WAIT_FOR(redis_server_info(&group.primary, "min_slaves_good_slaves:") == 1));
    struct rig *rig = rig_start(url);
    assert_writes_to(rig, 1, &group.primary);

    redis_server_kill(&group.sentinel);
    redis_server_do(&group.replica, "REPLICAOF NO ONE");
    sentinel.answer = answers[1];
    assert_true(WAIT_FOR(redis_server_info(&group.primary, "min_slaves_good_slaves:") == 0));
    assert_int_equal(rig->downs, 0);
    assert_int_equal(loop_post(rig->loop, write_key, rig), 0);
    assert_writes_to(rig, 2, &group.replica);
    assert_int_equal(rig->nulls, 1); /* it was not executed */
    rig_down(rig, &group);
    canned_stop(&sentinel);
}

static void a_sentinel_that_wants_a_login_gets_it(void **state)
{
    (void)state;
    struct sentinel_group group;
    char url[SENTINEL_URL_MAX];
    sentinel_group_start(&group, "secret", "secret");
    sentinel_group_url(&group, "", url);
    struct rig *rig = rig_start(url);
    assert_writes_to(rig, 1, &group.primary);
    rig_destroy(rig);

    redis_server_do(&group.sentinel, "CONFIG SET requirepass other"); /* a sentinel may not */
    snprintf(url, sizeof url, "redis+sentinel://:wrong@127.0.0.1:%d/school", group.sentinel.port);
    capture_log();
    rig = rig_start(url);
    int64_t until = test_now_ms() + 600;
    assert_true(WAIT_FOR(test_now_ms() > until));
    assert_int_equal(rig->ups, 0);
    assert_int_equal(captured_count("WRONGPASS"), 1);
    rig_down(rig, &group);
}

static void stops_while_it_asks(void **state)
{
    (void)state;
    struct canned mute;
    char url[SENTINEL_URL_MAX];
    canned_start(&mute, "");
    for (int i = 0; i < 6; i++) {
        const char *host = i % 2 ? "127.0.0.1" : "localhost";
        snprintf(url, sizeof url, "redis+sentinel://%s:%d,host.invalid/school", host, mute.port);
        struct rig *rig = rig_create(url);
        int asked = mute.asked;
        assert_int_equal(loop_post(rig->loop, i < 2 ? start_and_stop : start, rig), 0);
        if (i >= 2) {
            assert_true(WAIT_FOR(mute.asked > asked + i / 4)); /* in the first or second round */
        }
        if (i < 2) {
            assert_true(WAIT_FOR(rig->stopped == 1));
        }
        rig_destroy(rig);
    }
    canned_stop(&mute);
}

static void descriptors_are_disowned(void **state)
{
    (void)state;
    struct canned refusing;
    char url[SENTINEL_URL_MAX];
    canned_start(&refusing, "-ERR no\r\n");
    snprintf(url, sizeof url, "redis+sentinel://127.0.0.1:%d/school", refusing.port);
    struct rig *rig = rig_start(url);
    assert_true(WAIT_FOR(refusing.asked >= 4));
    rig_destroy(rig);
    canned_stop(&refusing);
    /* Whatever is owned now was owned before: a socket pair that is made next is foreign. */
    int pair[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    assert_int_equal(fds_next_foreign(pair[0]), pair[0]);
    assert_int_equal(fds_next_foreign(pair[1]), pair[1]);
    close(pair[0]);
    close(pair[1]);
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
        cmocka_unit_test(follows_a_killed_primary),
        cmocka_unit_test(follows_a_stopped_primary),
        cmocka_unit_test(follows_an_orderly_fail_over),
        cmocka_unit_test(keeps_asking_for_a_sentinel),
        cmocka_unit_test(an_unknown_name_is_told),
        cmocka_unit_test(asks_one_sentinel_after_the_other),
        cmocka_unit_test(does_not_trust_one_sentinel_for_ever),
        cmocka_unit_test(leaves_a_primary_without_replicas),
        cmocka_unit_test(a_sentinel_that_wants_a_login_gets_it),
        cmocka_unit_test(stops_while_it_asks),
        cmocka_unit_test(descriptors_are_disowned),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
