/* Texts of the wire as hosts and students of a simulated class read and write them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/json.h"
#include "simulate/class.h"
#include "simulate/fields.h"

static void a_message_is_taken_apart(void **state)
{
    struct heard heard;
    (void)state;
    assert_true(
        hear(span_of("{\"id\":\"k3f9ab.17-0\",\"ts\":1,\"room\":\"room:ABCD\",\"senderType\":"
                     "\"teacher\",\"sender\":\"t1\",\"targetType\":\"student\",\"messageType\":"
                     "\"send\",\"message\":{\"simulate\":7,\"at\":9}}"),
             &heard));
    assert_true(span_eq(heard.type, "send"));
    assert_string_equal(heard.id, "k3f9ab.17-0");
    assert_string_equal(heard.ref, "");
    assert_int_equal(field_number(heard.message, "simulate", 0), 7);
    assert_int_equal(field_number(heard.message, "at", 0), 9);
    assert_int_equal(field_number(heard.message, "none", 42), 42);
}

static void what_is_no_message_is_not_heard(void **state)
{
    static const char *const odd[] = {"",
                                      "[]",
                                      "hello",
                                      "{}",
                                      "{\"messageType\":3}",
                                      "{\"messageType\":\"\"}",
                                      "{\"messageType\":\"send\"",
                                      "{\"message\":\"send\"}"};
    struct heard heard;
    (void)state;
    for (size_t i = 0; i < sizeof odd / sizeof odd[0]; i++) {
        assert_false(hear(span_of(odd[i]), &heard));
    }
}

static void fields_of_what_is_no_object_are_absent(void **state)
{
    char text[8];
    (void)state;
    assert_int_equal(field_number(span_of("\"text\""), "a", 5), 5);
    assert_int_equal(field_number(span_of("null"), "a", 5), 5);
    assert_int_equal(field_number(span_of("{\"a\":-1}"), "a", 5), 5);
    assert_int_equal(field_number(span_of("{\"a\":1.5}"), "a", 5), 5);
    assert_int_equal(field_raw((struct span){NULL, 0}, "a").n, 0);
    field_text(span_of("{\"a\":\"longer than that\"}"), "a", text, sizeof text);
    assert_string_equal(text, "");
    field_text(span_of("{\"a\":\"\\u0041b\"}"), "a", text, sizeof text);
    assert_string_equal(text, "Ab");
    field_text(span_of("{\"a\":12}"), "a", text, sizeof text);
    assert_string_equal(text, "");
}

static void messages_have_the_size_that_was_asked_for(void **state)
{
    static const uint32_t sizes[] = {64, 150, 65536};
    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct buf out;
        buf_init(&out);
        write_message(&out, 12, 1234567890123, sizes[i]);
        assert_true(json_valid(buf_span(&out)));
        assert_true(out.len == sizes[i] || (sizes[i] < 130 && out.len < 130));
        struct span message = field_raw(buf_span(&out), "message");
        assert_int_equal(field_number(message, "simulate", 0), 12);
        assert_int_equal(field_number(message, "at", 0), 1234567890123);
        assert_true(span_eq(field_raw(buf_span(&out), "ref"), "\"m12\""));
        buf_finish(&out);
    }
}

static void answers_say_whose_they_are(void **state)
{
    struct buf out;
    (void)state;
    buf_init(&out);
    write_answer(&out, 5, 499, 3, 77);
    struct span message = field_raw(buf_span(&out), "message");
    assert_true(span_eq(field_raw(buf_span(&out), "targetType"), "\"teacher\""));
    assert_true(span_eq(field_raw(buf_span(&out), "ref"), "\"a3\""));
    assert_int_equal(field_number(message, "from", 0), 499);
    assert_int_equal(field_number(message, "number", 0), 3);
    assert_int_equal(field_number(message, "at", 0), 77);
    buf_finish(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_message_is_taken_apart),
        cmocka_unit_test(what_is_no_message_is_not_heard),
        cmocka_unit_test(fields_of_what_is_no_object_are_absent),
        cmocka_unit_test(messages_have_the_size_that_was_asked_for),
        cmocka_unit_test(answers_say_whose_they_are),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
