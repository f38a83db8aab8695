/* Commands byte by byte, what errors mean, and the scripts' table. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "bus/resp.h"
#include "bus/scripts.h"

static void assert_command(struct buf *b, const char *expected, size_t n)
{
    assert_int_equal(b->len, n);
    assert_memory_equal(b->data, expected, n);
    assert_int_equal(b->data[n], 0);
}

#define EXPECT(b, text) assert_command(&(b), text, sizeof(text) - 1)

static void commands(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b);
    const struct span ping[] = {span_of("PING")};
    assert_true(resp_command(&b, ping, 1));
    EXPECT(b, "*1\r\n$4\r\nPING\r\n");

    const struct span odd[] = {span_of("SET"), {NULL, 0}, {"a\0\r\nb", 5}, span_of("0123456789")};
    assert_true(resp_command(&b, odd, 4)); /* replaces what was there */
    EXPECT(b, "*4\r\n$3\r\nSET\r\n$0\r\n\r\n$5\r\na\0\r\nb\r\n$10\r\n0123456789\r\n");
    buf_finish(&b);
}

static void long_arguments(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b);
    size_t n = 1234567;
    char *bytes = malloc(n);
    memset(bytes, 'x', n);
    const struct span argv[] = {span_of("ECHO"), {bytes, n}};
    assert_true(resp_command(&b, argv, 2));
    static const char head[] = "*2\r\n$4\r\nECHO\r\n$1234567\r\n";
    assert_int_equal(b.len, sizeof head - 1 + n + 2);
    assert_memory_equal(b.data, head, sizeof head - 1);
    assert_memory_equal(b.data + sizeof head - 1, bytes, n);
    assert_memory_equal(b.data + b.len - 2, "\r\n", 3);
    free(bytes);
    buf_finish(&b);
}

static void scripts(void **state)
{
    (void)state;
    struct buf b;
    char expected[512];
    buf_init(&b);
    const struct span keys[] = {span_of("room:A"), span_of("k")};
    const struct span args[] = {span_of("x"), {NULL, 0}, span_of("yz")};
    assert_true(resp_evalsha(&b, BUS_SCRIPT_SEND, keys, 2, args, 3));
    int n = snprintf(expected, sizeof expected,
                     "*8\r\n$7\r\nEVALSHA\r\n$40\r\n%s\r\n$1\r\n2\r\n$6\r\nroom:A\r\n$1\r\nk\r\n"
                     "$1\r\nx\r\n$0\r\n\r\n$2\r\nyz\r\n",
                     bus_script_sha(BUS_SCRIPT_SEND));
    assert_command(&b, expected, (size_t)n);

    assert_true(resp_evalsha(&b, BUS_SCRIPT_END, NULL, 0, NULL, 0));
    n = snprintf(expected, sizeof expected, "*3\r\n$7\r\nEVALSHA\r\n$40\r\n%s\r\n$1\r\n0\r\n",
                 bus_script_sha(BUS_SCRIPT_END));
    assert_command(&b, expected, (size_t)n);

    for (enum bus_script i = 0; i < BUS_SCRIPT_COUNT; i++) {
        assert_int_equal(strlen(bus_script_sha(i)), 40);
        assert_int_equal(strspn(bus_script_sha(i), "0123456789abcdef"), 40);
        assert_non_null(strstr(bus_script_text(i), "local room = KEYS[1]\n")); /* base.lua */
        assert_true(strlen(bus_script_name(i)) > 0);
        assert_true(resp_script_load(&b, i));
        for (enum bus_script j = 0; j < i; j++) {
            assert_string_not_equal(bus_script_sha(i), bus_script_sha(j));
        }
    }
    buf_finish(&b);
}

static void logins(void **state)
{
    (void)state;
    struct buf b;
    struct redis_url url;
    buf_init(&b);
    assert_null(redis_url_parse(span_of("redis://:se%20cret@h:1/15"), &url));
    assert_true(resp_auth(&b, &url));
    EXPECT(b, "*2\r\n$4\r\nAUTH\r\n$7\r\nse cret\r\n");
    assert_true(resp_select(&b, &url));
    EXPECT(b, "*2\r\n$6\r\nSELECT\r\n$2\r\n15\r\n");
    assert_null(redis_url_parse(span_of("redis://me:pw@h"), &url));
    assert_true(resp_auth(&b, &url));
    EXPECT(b, "*3\r\n$4\r\nAUTH\r\n$2\r\nme\r\n$2\r\npw\r\n");
    buf_finish(&b);
}

static void errors(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum resp_error meaning;
        bool login;
    } table[] = {
        {"NOSCRIPT No matching script. Please use EVAL.", RESP_ERROR_NOSCRIPT, false},
        {"READONLY You can't write against a read only replica.", RESP_ERROR_USELESS, false},
        {"LOADING Redis is loading the dataset in memory", RESP_ERROR_USELESS, false},
        {"MASTERDOWN Link with MASTER is down", RESP_ERROR_USELESS, false},
        {"NOREPLICAS Not enough good replicas to write.", RESP_ERROR_USELESS, false},
        {"MOVED 3999 127.0.0.1:6381", RESP_ERROR_USELESS, false},
        {"NOAUTH Authentication required.", RESP_ERROR_USELESS, true},
        {"NOAUTH", RESP_ERROR_USELESS, true},
        {"WRONGPASS invalid username-password pair or user is disabled.", RESP_ERROR_OTHER, true},
        {"NOPERM this user has no permissions to run the 'get' command", RESP_ERROR_OTHER, true},
        {"ERR AUTH <password> called without any password configured", RESP_ERROR_OTHER, true},
        {"NOSCRIPTS", RESP_ERROR_OTHER, false},
        {"ERR READONLY", RESP_ERROR_OTHER, false},
        {"", RESP_ERROR_OTHER, false},
        {"ERR AUT", RESP_ERROR_OTHER, false},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        assert_int_equal(resp_classify(span_of(table[i].text)), table[i].meaning);
        assert_int_equal(resp_refuses_login(span_of(table[i].text)), table[i].login);
    }
    assert_int_equal(resp_classify((struct span){NULL, 0}), RESP_ERROR_OTHER);
}

static void error_texts_hide_arguments(void **state)
{
    (void)state;
    char out[64];
    resp_error_text(span_of("ERR unknown command 'AUTH', with args beginning with: 'secret' "), out,
                    sizeof out);
    assert_string_equal(out, "ERR unknown command 'AUTH'");
    char small[10];
    resp_error_text(span_of("WRONGTYPE Operation"), small, sizeof small);
    assert_string_equal(small, "WRONGTYPE");
}

int main(void)
{
    bus_scripts_init();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(commands), cmocka_unit_test(long_arguments),
        cmocka_unit_test(scripts),  cmocka_unit_test(logins),
        cmocka_unit_test(errors),   cmocka_unit_test(error_texts_hide_arguments),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
