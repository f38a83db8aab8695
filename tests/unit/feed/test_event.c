/* Events: what a publication is taken for, the one form that clients get, and repairing what is no UTF-8. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/utf8.h"
#include "feed/event.h"

#define NOW 1700000000000

static struct span channel(void)
{
    return span_of("chat_monitor");
}

/* What clients get for a payload. */
static const char *shaped(struct buf *out, struct span payload)
{
    struct event event;
    buf_clear(out);
    event_read(channel(), payload, &event);
    event_write(out, channel(), &event, NOW);
    return buf_cstr(out);
}

static void expect(const char *payload, const char *wanted)
{
    struct buf out;
    buf_init(&out);
    assert_string_equal(shaped(&out, span_of(payload)), wanted);
    buf_finish(&out);
}

/* The same for one that is `data` as it is. */
static void expect_data(const char *payload)
{
    struct buf wanted;
    buf_init(&wanted);
    buf_printf(&wanted, "{\"type\":\"chat_monitor\",\"data\":%s,\"timestamp\":1700000000000}",
               payload);
    expect(payload, buf_cstr(&wanted));
    buf_finish(&wanted);
}

static void json_is_data_byte_for_byte(void **state)
{
    (void)state;
    const char *const payloads[] = {"{}",
                                    "{\"a\" : 12345678901234567890 }",
                                    "[1,2, 3]",
                                    "\"text\"",
                                    "-0.5e+10",
                                    "null",
                                    "{\"a\":1,\"a\":2}",
                                    "{\"type\":\"chat_monitor\"}"};
    for (size_t i = 0; i < sizeof payloads / sizeof payloads[0]; i++) {
        expect_data(payloads[i]);
    }
    expect(" \t{\"a\": 1}\r\n",
           "{\"type\":\"chat_monitor\",\"data\":{\"a\": 1},\"timestamp\":1700000000000}");
}

static void other_text_is_a_string(void **state)
{
    (void)state;
    expect("", "{\"type\":\"chat_monitor\",\"data\":\"\",\"timestamp\":1700000000000}");
    expect("say \"hi\"\n\x01", "{\"type\":\"chat_monitor\",\"data\":\"say \\\"hi\\\"\\n\\u0001\","
                               "\"timestamp\":1700000000000}");
    expect("{\"a\":}",
           "{\"type\":\"chat_monitor\",\"data\":\"{\\\"a\\\":}\",\"timestamp\":1700000000000}");
    struct buf out;
    buf_init(&out);
    struct span nul = {"a\0b", 3};
    assert_string_equal(shaped(&out, nul), "{\"type\":\"chat_monitor\",\"data\":\"a\\u0000b\","
                                           "\"timestamp\":1700000000000}");
    buf_finish(&out);
}

static void an_event_is_not_wrapped_again(void **state)
{
    (void)state;
    expect("{\"type\":\"chat_monitor\",\"data\":{\"x\": 1},\"timestamp\":5}",
           "{\"type\":\"chat_monitor\",\"data\":{\"x\": 1},\"timestamp\":5}");
    expect("{ \"timestamp\":0 , \"data\": null, \"type\":\"chat_\\u006donitor\"}",
           "{\"type\":\"chat_monitor\",\"data\":null,\"timestamp\":0}");
    expect("{\"id\":\"abcdef.17-3\",\"type\":\"chat_monitor\",\"data\":[],\"timestamp\":5}",
           "{\"id\":\"abcdef.17-3\",\"type\":\"chat_monitor\",\"data\":[],\"timestamp\":5}");
}

static void what_is_nearly_an_event_is_data(void **state)
{
    (void)state;
    const char *const payloads[] = {
        "{\"type\":\"exe_monitor\",\"data\":1,\"timestamp\":5}",
        "{\"type\":\"chat_monitor\",\"data\":1}",
        "{\"type\":\"chat_monitor\",\"timestamp\":5}",
        "{\"type\":7,\"data\":1,\"timestamp\":5}",
        "{\"type\":\"chat_monitor\",\"data\":1,\"timestamp\":\"5\"}",
        "{\"type\":\"chat_monitor\",\"data\":1,\"timestamp\":5.5}",
        "{\"type\":\"chat_monitor\",\"data\":1,\"timestamp\":-5}",
        "{\"type\":\"chat_monitor\",\"data\":1,\"timestamp\":5,\"x\":1}",
        "{\"type\":\"chat_monitor\",\"data\":1,\"timestamp\":5,\"id\":\"7\"}",
        "{\"type\":\"chat_monitor\",\"data\":1,\"timestamp\":5,\"id\":\"0\"}",
        "{\"type\":\"chat_monitor\",\"data\":1,\"timestamp\":5,\"id\":7}",
        "{\"type\":\"chat_monitor\",\"data\":1,\"data\":2,\"timestamp\":5}",
        "{\"type\":\"chat_monitor\",\"data\":1,\"timestamp\":5,\"timestamp\":6}",
    };
    for (size_t i = 0; i < sizeof payloads / sizeof payloads[0]; i++) {
        expect_data(payloads[i]);
    }
}

static void the_tail_is_the_rest_of_it(void **state)
{
    (void)state;
    struct event event;
    struct buf out;
    buf_init(&out);
    event_read(channel(), span_of("1"), &event);
    event_write_tail(&out, channel(), &event, NOW);
    assert_string_equal(buf_cstr(&out),
                        "\"type\":\"chat_monitor\",\"data\":1,\"timestamp\":1700000000000}");
    buf_finish(&out);
}

static void bytes_that_are_no_utf8_are_replaced(void **state)
{
    (void)state;
    static const struct {
        const char *from, *to;
    } cases[] = {
        {"plain", "plain"},
        {"\xff", "\xef\xbf\xbd"},
        {"a\xff\xfe"
         "b",
         "a\xef\xbf\xbd\xef\xbf\xbd"
         "b"},
        {"\xe2\x82", "\xef\xbf\xbd"},
        {"\xe2\x82x", "\xef\xbf\xbdx"},
        {"\xe2\x82\xac!", "\xe2\x82\xac!"},
        {"\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
        {"\xe2\xe2\x82\xac", "\xef\xbf\xbd\xe2\x82\xac"},
        {"\xc0\xaf", "\xef\xbf\xbd\xef\xbf\xbd"},
        {"\xf0\x9f\x98\x80\xf0\x9f", "\xf0\x9f\x98\x80\xef\xbf\xbd"},
        {"", ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct buf out;
        buf_init(&out);
        event_repair(&out, span_of(cases[i].from));
        assert_string_equal(buf_cstr(&out), cases[i].to);
        assert_true(utf8_valid(out.data, out.len));
        buf_finish(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(json_is_data_byte_for_byte),
        cmocka_unit_test(other_text_is_a_string),
        cmocka_unit_test(an_event_is_not_wrapped_again),
        cmocka_unit_test(what_is_nearly_an_event_is_data),
        cmocka_unit_test(the_tail_is_the_rest_of_it),
        cmocka_unit_test(bytes_that_are_no_utf8_are_replaced),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
