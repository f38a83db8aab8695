/* What the accessors make of each kind of reply. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <hiredis/hiredis.h>

#include "bus/pool.h"
#include "bus/reply.h"

/* Reads one reply as it comes from Redis. */
static struct bus_reply *parse(const char *text)
{
    void *reply = NULL;
    redisReader *reader = redisReaderCreate();
    assert_non_null(reader);
    assert_int_equal(redisReaderFeed(reader, text, strlen(text)), REDIS_OK);
    assert_int_equal(redisReaderGetReply(reader, &reply), REDIS_OK);
    assert_non_null(reply);
    redisReaderFree(reader);
    return reply;
}

static void scalars(void **state)
{
    (void)state;
    static const struct {
        const char *wire;
        enum bus_type type;
        int64_t number;
        const char *text;
    } table[] = {
        {"+OK\r\n", BUS_STRING, 0, "OK"},
        {"$5\r\nhello\r\n", BUS_STRING, 0, "hello"},
        {"$0\r\n\r\n", BUS_STRING, 0, ""},
        {"$2\r\n42\r\n", BUS_STRING, 42, "42"},
        {"$3\r\n-17\r\n", BUS_STRING, -17, "-17"},
        {"$19\r\n9223372036854775807\r\n", BUS_STRING, INT64_MAX, "9223372036854775807"},
        {"$19\r\n9223372036854775808\r\n", BUS_STRING, 0, "9223372036854775808"},
        {"$3\r\n1.5\r\n", BUS_STRING, 0, "1.5"},
        {":-7\r\n", BUS_INTEGER, -7, ""},
        {"$-1\r\n", BUS_NIL, 0, ""},
        {"*-1\r\n", BUS_NIL, 0, ""},
        {"-ERR no\r\n", BUS_ERROR, 0, "ERR no"},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct bus_reply *reply = parse(table[i].wire);
        assert_int_equal(bus_reply_type(reply), table[i].type);
        assert_int_equal(bus_reply_int(reply), table[i].number);
        assert_true(span_eq(bus_reply_text(reply), table[i].text));
        assert_int_equal(bus_reply_len(reply), 0);
        assert_null(bus_reply_at(reply, 0));
        bus_reply_free(reply);
    }
}

static void arrays(void **state)
{
    (void)state;
    struct bus_reply *reply = parse("*3\r\n$2\r\nok\r\n*1\r\n:5\r\n$-1\r\n");
    assert_int_equal(bus_reply_type(reply), BUS_ARRAY);
    assert_int_equal(bus_reply_len(reply), 3);
    assert_true(span_eq(bus_reply_text(bus_reply_at(reply, 0)), "ok"));
    assert_int_equal(bus_reply_int(bus_reply_at(bus_reply_at(reply, 1), 0)), 5);
    assert_int_equal(bus_reply_type(bus_reply_at(reply, 2)), BUS_NIL);
    assert_null(bus_reply_at(reply, 3));
    assert_int_equal(bus_reply_text(reply).n, 0);
    bus_reply_free(reply);
    reply = parse("*0\r\n");
    assert_int_equal(bus_reply_len(reply), 0);
    assert_null(bus_reply_at(reply, 0));
    bus_reply_free(reply);
}

static void nothing(void **state)
{
    (void)state;
    assert_int_equal(bus_reply_type(NULL), BUS_NIL);
    assert_int_equal(bus_reply_int(NULL), 0);
    assert_int_equal(bus_reply_text(NULL).n, 0);
    assert_int_equal(bus_reply_len(NULL), 0);
    assert_null(bus_reply_at(NULL, 0));
    bus_reply_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scalars),
        cmocka_unit_test(arrays),
        cmocka_unit_test(nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
