/*
 * What REST is told about a room, on a machine whose clock is an hour ahead of Redis's: the source is
 * compiled in, so that it would see that clock.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "core/log.h"
#include "net/fds.h"
#include "unit/redis_server.h"

int64_t clock_ahead_ms(void);
int64_t clock_ahead_ms(void)
{
    return clock_wall_ms() + 3600000;
}

#define clock_wall_ms clock_ahead_ms
#include "../../../src/room/lookup.c"
#undef clock_wall_ms

static struct redis_server redis;
static struct config config;
static struct bus_pool *pool;
static int64_t began_ms; /* of Ann's stay */

/* A held room of three places: Ann is in it, Ben was, Cho is just entering, Dan's entry is void. */
static void make_room(void)
{
    char lines[1024];
    began_ms = clock_wall_ms() - 5000;
    const int64_t later_ms = began_ms + 60000;
    const int64_t before_ms = began_ms - 60000;
    snprintf(
        lines, sizeof lines,
        "HSET room:ABCD:info epoch aaaaaa seal s host t1 hostName Kim name Math max 2 locked 1\n"
        "SADD room:ABCD:users s1\n"
        "HSET room:ABCD:attendance s1 \"%lld %lld 1000 %lld Ann\" s2 \"1 2 3 0 Ben\"\n"
        "ZADD room:ABCD:pending %lld cho %lld dan\n"
        "SADD room:ABCD:removed s3 device3\n"
        "HSET room:OPEN:info epoch bbbbbb seal s host t1 hostName Kim name X max 5 locked 0\n"
        "SADD room:OPEN:users t1",
        (long long)began_ms, (long long)began_ms, (long long)began_ms, (long long)later_ms,
        (long long)before_ms);
    redis_server_do(&redis, lines);
}

static int set_up(void **state)
{
    static char url[160];
    (void)state;
    log_set_level(LOG_LEVEL_ERROR);
    if (fds_init()) {
        return -1;
    }
    bus_scripts_init();
    redis_server_start(&redis, "");
    redis_server_url(&redis, 0, url);
    config = (struct config){.redis_url = url, .redis_timeout_ms = 5000};
    pool = bus_pool_create(&config);
    make_room();
    return pool ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    bus_pool_destroy(pool);
    redis_server_finish(&redis);
    return 0;
}

static void a_room_is_told_by_the_clock_of_redis(void **state)
{
    struct lookup_room room;
    (void)state;
    assert_int_equal(lookup_room(pool, "ABCD", "s1", "", &room), LOOKUP_OK);
    assert_string_equal(room.epoch, "aaaaaa");
    assert_string_equal(room.host, "t1");
    assert_string_equal(room.name, "Math");
    assert_true(room.locked);
    assert_false(room.host_present);
    assert_int_equal(room.count, 1);
    assert_int_equal(room.max, 2);
    assert_true(room.full); /* with Cho */
    assert_true(llabs(room.now_ms - clock_wall_ms()) < 60000);
    assert_true(room.present && room.attended && !room.removed);
    assert_int_equal(lookup_room(pool, "OPEN", "", "", &room), LOOKUP_OK);
    assert_true(room.host_present && !room.locked && !room.full);
    assert_int_equal(room.count, 0);
    assert_false(room.present || room.attended || room.removed);
    assert_int_equal(lookup_room(pool, "NONE", "s1", "", &room), LOOKUP_NONE);
}

static void one_question_tells_all_of_a_room(void **state)
{
    struct lookup_room room;
    (void)state;
    assert_int_equal(lookup_room(pool, "ABCD", "s1", "", &room), LOOKUP_OK);
    long before = redis_server_info(&redis, "total_reads_processed:");
    for (int i = 0; i < 100; i++) {
        assert_int_equal(lookup_room(pool, "ABCD", "s1", "", &room), LOOKUP_OK);
    }
    long reads = redis_server_info(&redis, "total_reads_processed:") - before;
    assert_in_range(reads, 100, 110); /* and those of the figure itself */
}

static void the_door_says_who_may_come_in(void **state)
{
    (void)state;
    assert_int_equal(lookup_door(pool, "ABCD", "s1", ""), ROOM_RESERVED);
    assert_int_equal(lookup_door(pool, "ABCD", "s2", ""), ROOM_RESERVED); /* has been here */
    assert_int_equal(lookup_door(pool, "ABCD", "s9", ""), ROOM_LOCKED);
    assert_int_equal(lookup_door(pool, "ABCD", "s3", ""), ROOM_REMOVED);
    assert_int_equal(lookup_door(pool, "ABCD", "s1", "device3"), ROOM_REMOVED);
    assert_int_equal(lookup_door(pool, "OPEN", "s9", "device9"), ROOM_RESERVED);
    assert_int_equal(lookup_door(pool, "NONE", "s1", ""), ROOM_NOT_FOUND);
}

static void check_stay(void *arg, const struct lookup_stay *stay)
{
    int *seen = arg;
    if (strcmp(stay->id, "s1") == 0) {
        assert_string_equal(stay->name, "Ann");
        assert_true(stay->present);
        assert_in_range(stay->present_ms, 1000 + 5000, 1000 + 5000 + 60000);
    } else {
        assert_string_equal(stay->id, "s2");
        assert_false(stay->present);
        assert_int_equal(stay->present_ms, 3);
    }
    ++*seen;
}

static void stays_are_counted_by_the_clock_of_redis(void **state)
{
    struct lookup_class class = {.room = "ABCD", .host = "t1", .epoch = "aaaaaa", .running = true};
    int seen = 0;
    (void)state;
    assert_int_equal(lookup_attendance(pool, &class, check_stay, &seen), LOOKUP_OK);
    assert_int_equal(seen, 2);
    /* Another class has begun meanwhile: that one's is not told. */
    class = (struct lookup_class){.room = "ABCD", .host = "t1", .epoch = "zzzzzz", .running = true};
    assert_int_equal(lookup_attendance(pool, &class, check_stay, &seen), LOOKUP_OK);
    assert_int_equal(seen, 2);
    assert_false(class.running);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_room_is_told_by_the_clock_of_redis),
        cmocka_unit_test(one_question_tells_all_of_a_room),
        cmocka_unit_test(the_door_says_who_may_come_in),
        cmocka_unit_test(stays_are_counted_by_the_clock_of_redis),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
