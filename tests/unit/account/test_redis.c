/* What accounts keep in a real Redis: generations, which never go back, and the charges of tries. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "account/generation.h"
#include "account/raises.h"
#include "account/throttle.h"
#include "base/id.h"
#include "core/log.h"
#include "net/fds.h"
#include "unit/redis_server.h"

#define KEEP_MS 600000

static struct redis_server redis;
static struct config config;
static struct bus_pool *pool;
static struct throttle *throttle;

static int set_up(void **state)
{
    static char url[160];
    (void)state;
    log_set_level(LOG_LEVEL_ERROR);
    if (id_init() || fds_init()) {
        return -1;
    }
    bus_scripts_init();
    redis_server_start(&redis, "");
    redis_server_url(&redis, 0, url);
    config.redis_url = url;
    config.redis_timeout_ms = 5000;
    pool = bus_pool_create(&config);
    throttle = pool ? throttle_create(pool) : NULL;
    return throttle ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    throttle_destroy(throttle);
    throttle_destroy(NULL);
    bus_pool_destroy(pool);
    redis_server_finish(&redis);
    return 0;
}

/* The integer that Redis answers to an inline command. */
static long long ask(const char *command)
{
    char line[160], out[160];
    snprintf(line, sizeof line, "%s\r\n", command);
    assert_true(redis_server_ask(&redis, line, out, sizeof out));
    assert_int_equal(out[0], ':');
    return atoll(out + 1);
}

static void a_generation_never_goes_back(void **state)
{
    (void)state;
    assert_int_equal(generation_get(pool, "kim"), GENERATION_UNKNOWN);
    assert_int_equal(generation_raise(pool, "kim", 2, KEEP_MS), 2);
    assert_int_equal(generation_get(pool, "kim"), 2);
    assert_int_equal(generation_raise(pool, "kim", 1, KEEP_MS), 2);
    assert_int_equal(generation_get(pool, "kim"), 2);
    assert_true(generation_raise(pool, "kim", UINT32_MAX, KEEP_MS) == UINT32_MAX);
    assert_true(generation_get(pool, "kim") == UINT32_MAX);
    assert_int_equal(generation_get(pool, "lee"), GENERATION_UNKNOWN);
}

/* What the store said is remembered briefly, and does not shorten the memory of a raise. */
static void a_raise_is_remembered_longer(void **state)
{
    (void)state;
    assert_int_equal(generation_raise(pool, "park", 5, 60000), 5);
    long long left = ask("PTTL account:park:gen");
    assert_true(left > 0 && left <= 60000);
    assert_int_equal(generation_raise(pool, "park", 6, KEEP_MS), 6);
    assert_int_equal(generation_raise(pool, "park", 6, 60000), 6);
    assert_true(ask("PTTL account:park:gen") > 60000);
    /* A raise that the store's answer came before is remembered as long. */
    assert_int_equal(generation_raise(pool, "ryu", 2, 60000), 2);
    assert_int_equal(generation_raise(pool, "ryu", 2, KEEP_MS), 2);
    assert_true(ask("PTTL account:ryu:gen") > 60000);
    assert_int_equal(generation_raise(pool, "ryu", 1, 2 * KEEP_MS), 2);
    assert_true(ask("PTTL account:ryu:gen") <= KEEP_MS);
}

static unsigned begin(const char *account, const char *address, const char *device,
                      struct throttle_try *out)
{
    return throttle_begin(throttle, account, address, device, out);
}

static void tries_are_charged_and_settled(void **state)
{
    (void)state;
    struct throttle_try try;
    for (int i = 0; i < 3 * SLOW_FREE; i++) {
        assert_int_equal(begin("choi", "10.0.0.1", "", &try), 0);
        throttle_settle(throttle, &try, i % 2 ? SLOW_RIGHT : SLOW_UNTRIED);
        assert_false(try.local);
    }
    assert_int_equal(ask("EXISTS login:address:10.0.0.1"), 0);
    assert_int_equal(ask("EXISTS login:account:choi"), 0);
    for (int i = 0; i < SLOW_FREE; i++) {
        assert_int_equal(begin("choi", "10.0.0.1", "", &try), 0);
    }
    assert_int_equal(ask("HSTRLEN login:from:choi:10.0.0.1 failures"), 1);
    assert_true(ask("HSTRLEN login:from:choi:10.0.0.1 until") > 10);
    assert_true(ask("PTTL login:account:choi") > THROTTLE_ACCOUNT_REFILL_MS);
    /* A device that the account knows is another place, and not among the unknown ones. */
    long long owed = ask("PTTL login:account:choi");
    assert_int_equal(begin("choi", "10.0.0.1", "abcdef", &try), 0);
    assert_true(ask("PTTL login:account:choi") <= owed);
    assert_int_equal(ask("EXISTS login:from:choi:abcdef"), 1);
    /* Nor is it charged to the address, or kept out by what others there owe. */
    owed = ask("PTTL login:address:10.0.0.1");
    assert_int_equal(begin("choi", "10.0.0.1", "abcdef", &try), 0);
    assert_true(ask("PTTL login:address:10.0.0.1") <= owed);
}

/* New accounts have no failures of their own: only the address is charged, apart from its failures. */
static void signups_are_charged_to_the_address(void **state)
{
    (void)state;
    struct throttle_try try;
    for (int i = 0; i < 2 * SLOW_FREE; i++) {
        assert_int_equal(begin("", "10.0.0.2", "", &try), 0);
    }
    assert_true(ask("PTTL login:signup:10.0.0.2") > SLOW_FREE * THROTTLE_SIGNUP_REFILL_MS);
    throttle_settle(throttle, &try, SLOW_UNTRIED);
    assert_true(ask("PTTL login:signup:10.0.0.2") > SLOW_FREE * THROTTLE_SIGNUP_REFILL_MS);
    assert_int_equal(ask("EXISTS login:from::10.0.0.2"), 0);
    assert_int_equal(ask("EXISTS login:address:10.0.0.2"), 0);
}

/* Raises that could not be told are kept, the newest of each account, until Redis is there. */
static void raises_are_told_later(void **state)
{
    (void)state;
    redis_server_kill(&redis);
    struct raises *raises = raises_create(pool, KEEP_MS);
    assert_non_null(raises);
    assert_int_equal(raises_get(raises, "han"), 0);
    raises_keep(raises, "han", 3);
    raises_keep(raises, "han", 2);
    raises_keep(raises, "bae", 7);
    assert_int_equal(raises_get(raises, "han"), 3);
    assert_int_equal(raises_get(raises, "bae"), 7);
    redis_server_run(&redis);
    while (raises_get(raises, "han") || raises_get(raises, "bae")) {
        test_nap();
    }
    assert_int_equal(generation_get(pool, "han"), 3);
    assert_int_equal(generation_get(pool, "bae"), 7);
    assert_true(ask("PTTL account:han:gen") > 60000);
    raises_destroy(raises);
    raises_destroy(NULL);
}

static void without_redis_it_counts_by_itself(void **state)
{
    (void)state;
    struct throttle_try try;
    redis_server_kill(&redis);
    assert_int_equal(generation_get(pool, "kim"), GENERATION_AWAY);
    assert_int_equal(generation_raise(pool, "kim", 3, KEEP_MS), GENERATION_AWAY);
    unsigned wait = 0;
    int tried = 0;
    for (; wait == 0 && tried < 30; tried++) {
        wait = begin("jung", "10.0.0.3", "", &try);
        assert_true(try.local);
    }
    assert_true(wait > 0 && tried > SLOW_FREE);
    assert_int_equal(begin("jung", "10.0.0.4", "", &try), 0);
    throttle_settle(throttle, &try, SLOW_RIGHT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_generation_never_goes_back),
        cmocka_unit_test(a_raise_is_remembered_longer),
        cmocka_unit_test(tries_are_charged_and_settled),
        cmocka_unit_test(signups_are_charged_to_the_address),
        cmocka_unit_test(raises_are_told_later),
        cmocka_unit_test(without_redis_it_counts_by_itself), /* last: Redis is gone then */
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
