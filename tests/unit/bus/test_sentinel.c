/* What sentinels are asked, how their answers are read, and which failure is told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <hiredis/hiredis.h>

#include "bus/pool.h"
#include "bus/sentinel.h"

static struct redis_url url;

static void use(const char *text)
{
    assert_null(redis_url_parse(span_of(text), &url));
}

static void the_question(void **state)
{
    (void)state;
    static const char expected[] =
        "*3\r\n$8\r\nSENTINEL\r\n$23\r\nget-master-addr-by-name\r\n$6\r\nschool\r\n";
    struct buf b;
    buf_init(&b);
    use("redis+sentinel://:secret@h/school/3");
    assert_true(sentinel_question(&b, &url));
    assert_int_equal(b.len, strlen(expected));
    assert_memory_equal(b.data, expected, b.len);
    buf_finish(&b);
}

/* Reads an answer as it comes from a sentinel. */
static enum sentinel_answer answer(const char *wire, bool given, struct redis_address *primary,
                                   char reason[SENTINEL_REASON_MAX])
{
    void *reply = NULL;
    redisReader *reader = redisReaderCreate();
    assert_int_equal(redisReaderFeed(reader, wire, strlen(wire)), REDIS_OK);
    assert_int_equal(redisReaderGetReply(reader, &reply), REDIS_OK);
    assert_non_null(reply);
    redisReaderFree(reader);
    reason[0] = '\0';
    enum sentinel_answer result = sentinel_read(reply, &url, given, primary, reason);
    bus_reply_free(reply);
    return result;
}

static void named_primaries(void **state)
{
    (void)state;
    static const struct {
        const char *wire, *host;
        unsigned port;
    } table[] = {
        {"*2\r\n$8\r\n10.0.0.1\r\n$4\r\n6379\r\n", "10.0.0.1", 6379},
        {"*2\r\n$3\r\n::1\r\n$1\r\n1\r\n", "::1", 1},
        {"*2\r\n$9\r\nr.example\r\n$5\r\n65535\r\n", "r.example", 65535},
    };
    use("redis+sentinel://h/school");
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct redis_address primary;
        char reason[SENTINEL_REASON_MAX];
        assert_int_equal(answer(table[i].wire, false, &primary, reason), SENTINEL_NAMES);
        assert_string_equal(primary.host, table[i].host);
        assert_int_equal(primary.port, table[i].port);
    }
}

static void other_answers(void **state)
{
    (void)state;
    static const struct {
        const char *wire, *reason;
    } table[] = {
        {"*-1\r\n", "knows no primary named school"},
        {"$-1\r\n", "knows no primary named school"},
        {"-ERR unknown command 'SENTINEL', with args beginning with: 'x'\r\n",
         "ERR unknown command 'SENTINEL'"},
        {"-NOAUTH Authentication required.\r\n", "NOAUTH Authentication required."},
        {"*2\r\n$0\r\n\r\n$1\r\n1\r\n", "its answer is no address"},
        {"*2\r\n$1\r\nh\r\n$1\r\n0\r\n", "its answer is no address"},
        {"*2\r\n$1\r\nh\r\n$5\r\n65536\r\n", "its answer is no address"},
        {"*2\r\n$1\r\nh\r\n$1\r\nx\r\n", "its answer is no address"},
        {"*1\r\n$1\r\nh\r\n", "its answer is no address"},
        {"*0\r\n", "its answer is no address"},
        {"+OK\r\n", "its answer is no address"},
        {":1\r\n", "its answer is no address"},
    };
    use("redis+sentinel://h/school");
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct redis_address primary;
        char reason[SENTINEL_REASON_MAX];
        assert_int_equal(answer(table[i].wire, false, &primary, reason), SENTINEL_REFUSES);
        assert_string_equal(reason, table[i].reason);
    }
    struct redis_address primary;
    char reason[SENTINEL_REASON_MAX];
    char wire[400];
    char host[REDIS_HOST_MAX + 2];
    memset(host, 'h', sizeof host - 1);
    host[sizeof host - 1] = '\0';
    snprintf(wire, sizeof wire, "*2\r\n$%zu\r\n%s\r\n$1\r\n1\r\n", strlen(host), host);
    assert_int_equal(answer(wire, false, &primary, reason), SENTINEL_REFUSES);
}

static void logins(void **state)
{
    (void)state;
    static const char wants[] = "-NOAUTH Authentication required.\r\n";
    struct redis_address primary;
    char reason[SENTINEL_REASON_MAX];
    use("redis+sentinel://:secret@h/school");
    assert_int_equal(answer(wants, false, &primary, reason), SENTINEL_WANTS_LOGIN);
    assert_int_equal(answer(wants, true, &primary, reason), SENTINEL_REFUSES);
    assert_int_equal(answer("-WRONGPASS no\r\n", true, &primary, reason), SENTINEL_REFUSES);
    assert_string_equal(reason, "WRONGPASS no");
}

static void time_is_shared(void **state)
{
    (void)state;
    use("redis+sentinel://a/p");
    assert_int_equal(sentinel_share_ms(&url, 2000), 2000);
    use("redis+sentinel://a,b,c,d/p");
    assert_int_equal(sentinel_share_ms(&url, 2000), 500);
    assert_int_equal(sentinel_share_ms(&url, 60), 50);
}

static void the_same_failure_is_told_wherever_asking_begins(void **state)
{
    (void)state;
    use("redis+sentinel://a,b:1,c/p");
    for (size_t first = 0; first < 3; first++) {
        struct sentinel_failure failure = {.text = ""};
        for (size_t i = 0; i < 3; i++) {
            size_t index = (first + i) % 3;
            sentinel_failed(&failure, &url, index, false, "Connection refused");
        }
        assert_string_equal(failure.text, "sentinel a:26379: Connection refused");
    }
    for (size_t first = 0; first < 3; first++) {
        struct sentinel_failure failure = {.text = ""};
        for (size_t i = 0; i < 3; i++) {
            size_t index = (first + i) % 3;
            sentinel_failed(&failure, &url, index, index != 0, index ? "no" : "no answer in time");
        }
        assert_string_equal(failure.text, "sentinel b:1: no"); /* it answered */
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_question),
        cmocka_unit_test(named_primaries),
        cmocka_unit_test(other_answers),
        cmocka_unit_test(logins),
        cmocka_unit_test(time_is_shared),
        cmocka_unit_test(the_same_failure_is_told_wherever_asking_begins),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
