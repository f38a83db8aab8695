/* Bodies of STOMP frames, from clients and to them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "proto/stomp_body.h"

/* What a body becomes for the room, or "!code field". */
static void check_talk(const char *body, bool envelope, const char *expected)
{
    struct stomp_talk talk;
    struct stomp_refusal why;
    struct buf out;
    buf_init(&out);
    if (stomp_talk_read(span_of(body), envelope, &talk, &why)) {
        buf_printf(&out, "!%s %s", why.code, why.field ? why.field : "-");
        assert_true(*why.text);
    } else {
        stomp_talk_write(&out, &talk, "", "teacher", "");
    }
    assert_string_equal(buf_cstr(&out), expected);
    buf_finish(&out);
}

#define SENT(message)                                                                              \
    "{\"targetType\":\"teacher\",\"messageType\":\"send\",\"message\":" message "}"

static void test_messages(void **unused)
{
    (void)unused;
    check_talk("안녕", false, SENT("\"안녕\""));
    check_talk("", false, SENT("\"\""));
    check_talk("a \"b\"\n\\", false, SENT("\"a \\\"b\\\"\\n\\\\\""));
    check_talk("\"text\"", false, SENT("\"text\""));
    check_talk("[1,2]", false, SENT("[1,2]"));
    check_talk("17", false, SENT("17"));
    check_talk("{\"x\":1}", false, SENT("{\"x\":1}"));
    check_talk("{\"type\":\"circle\"}", false, SENT("{\"type\":\"circle\"}"));
    check_talk("{\"x\":", false, SENT("\"{\\\"x\\\":\""));
    check_talk("\xff", false, "!bad_json -");
}

/* What would be too deep inside a message is no JSON for it. */
static void test_depth(void **unused)
{
    (void)unused;
    for (size_t depth = JSON_DEPTH_MAX - 2; depth <= JSON_DEPTH_MAX + 1; depth++) {
        char arrays[2 * JSON_DEPTH_MAX + 3] = "", objects[6 * JSON_DEPTH_MAX + 16] = "";
        struct stomp_talk talk;
        struct stomp_refusal why;
        for (size_t i = 0; i < depth; i++) {
            strcat(arrays, "[");
            strcat(objects, i + 1 < depth ? "{\"a\":" : "{}");
        }
        for (size_t i = 0; i < depth; i++) {
            strcat(arrays, "]");
            strcat(objects, i + 1 < depth ? "}" : "");
        }
        assert_false(stomp_talk_read(span_of(arrays), false, &talk, &why));
        assert_int_equal(talk.text, depth >= JSON_DEPTH_MAX);
        assert_false(stomp_talk_read(span_of(objects), false, &talk, &why));
        assert_int_equal(talk.text, depth >= JSON_DEPTH_MAX);
    }
}

static void test_envelopes(void **unused)
{
    (void)unused;
    check_talk("{\"message\":\"a\"}", false, SENT("\"a\""));
    check_talk("{\"message\":null,\"roomId\":null,\"sender\":null,\"type\":null}", false,
               SENT("null"));
    check_talk("{\"roomId\":\"FTYXPM\",\"message\":{\"a\": 1},\"type\":\"TALK\"}", true,
               SENT("{\"a\": 1}"));
    check_talk("{\"message\":1,\"targetType\":\"all\",\"target\":\"s2\",\"ephemeral\":true,"
               "\"messageType\":\"hand\"}",
               false,
               "{\"targetType\":\"all\",\"target\":\"s2\",\"ephemeral\":true,"
               "\"messageType\":\"hand\",\"message\":1}");
    check_talk("{\"mess\\u0061ge\":\"a\"}", false, SENT("\"a\""));
    check_talk("{\"type\":\"JOIN\"}", false, SENT("null"));
    check_talk("{\"message\":1,\"type\":\"CHAT\"}", false, "!bad_field type");
    check_talk("{\"message\":1,\"type\":7}", false, "!bad_field type");
    check_talk("{\"message\":1,\"roomId\":7}", false, "!bad_field roomId");
    check_talk("{\"message\":1,\"roomId\":\"0123456789012345678901234567890123456789\"}", false,
               "!bad_field roomId");
    check_talk("{\"message\":1,\"sender\":7}", false, "!forbidden sender");
    check_talk("{\"message\":1,\"message\":2}", false, "!bad_json -");
    check_talk("{\"message\":1,\"targetType\":\"\\u0000\"}", false, "!bad_field targetType");
    check_talk("{\"message\":1,\"targetType\":1}", false, "!bad_field targetType");
    check_talk("{\"message\":1,\"target\":\"\\udc00\"}", false, "!bad_field target");
    check_talk("{\"message\":1,\"messageType\":\"\\ud800\"}", false, "!bad_field messageType");
    check_talk("{\"roomId\":\"FTYXPM\"}", true, "!bad_field message");
    check_talk("no JSON", true, "!bad_json -");
    check_talk("[]", true, "!bad_json -");
}

static void test_envelope_fields(void **unused)
{
    (void)unused;
    struct stomp_talk talk;
    struct stomp_refusal why;
    struct buf out;
    assert_false(stomp_talk_read(
        span_of("{\"roomId\":\"room:FTYXPM\",\"sender\":\"s1\",\"type\":\"LEAVE\"}"), true, &talk,
        &why));
    assert_string_equal(talk.room, "FTYXPM");
    assert_string_equal(talk.sender, "s1");
    assert_int_equal(talk.type, STOMP_LEAVE);
    assert_false(stomp_talk_read(span_of("x"), false, &talk, &why));
    buf_init(&out);
    stomp_talk_write(&out, &talk, "", "all", "r-1");
    assert_string_equal(buf_cstr(&out), "{\"ref\":\"r-1\",\"targetType\":\"all\","
                                        "\"messageType\":\"send\",\"message\":\"x\"}");
    buf_finish(&out);
    static const char *const starts[] = {"{\"room\":\"room:R\",\"targetType\"",
                                         "{\"ref\":\"r\",\"room\":\"room:R\",\"targetType\""};
    for (size_t i = 0; i < 2; i++) {
        buf_init(&out);
        stomp_talk_write(&out, &talk, "R", "all", i ? "r" : "");
        assert_memory_equal(buf_cstr(&out), starts[i], strlen(starts[i]));
        buf_finish(&out);
    }
}

/* A text with bytes that JSON has to escape comes out as the same text. */
static void test_text_with_nul(void **unused)
{
    (void)unused;
    struct stomp_talk talk;
    struct stomp_refusal why;
    struct buf out;
    buf_init(&out);
    assert_false(stomp_talk_read((struct span){"a\0b", 3}, false, &talk, &why));
    stomp_talk_write(&out, &talk, "", "all", "");
    assert_string_equal(buf_cstr(&out), "{\"targetType\":\"all\",\"messageType\":\"send\","
                                        "\"message\":\"a\\u0000b\"}");
    buf_finish(&out);
}

static void check_event(const char *json, const char *id, const char *body)
{
    struct buf out, expected;
    buf_init(&out);
    buf_init(&expected);
    buf_printf(&expected, "message-id:%s\ncontent-type:application/json\ncontent-length:%zu\n\n%s",
               id, strlen(body), body);
    stomp_event_write(&out, span_of(json), "spare-1");
    assert_int_equal(out.len, expected.len + 1); /* and the NUL */
    assert_string_equal(out.data, buf_cstr(&expected));
    buf_finish(&expected);
    buf_finish(&out);
}

static void test_events(void **unused)
{
    (void)unused;
    check_event("{\"id\":\"k3f9ab.17-0\",\"ts\":17,\"room\":\"room:FTYXPM\",\"senderType\":"
                "\"teacher\",\"sender\":\"t1\",\"targetType\":\"student\",\"messageType\":\"send\","
                "\"message\":\"여러분\"}",
                "k3f9ab.17-0",
                "{\"roomId\":\"FTYXPM\",\"sender\":\"t1\",\"message\":\"여러분\",\"type\":\"TALK\","
                "\"id\":\"k3f9ab.17-0\",\"timestamp\":17}");
    check_event("{\"ts\":18,\"room\":\"room:FTYXPM\",\"senderType\":\"student\",\"sender\":\"s1\","
                "\"targetType\":\"all\",\"messageType\":\"join\",\"message\":{\"name\":\"민수\","
                "\"count\":1,\"joinedAt\":17}}",
                "spare-1",
                "{\"roomId\":\"FTYXPM\",\"sender\":\"s1\",\"senderName\":\"민수\",\"message\":"
                "{\"name\":\"민수\",\"count\":1,\"joinedAt\":17},\"type\":\"JOIN\","
                "\"timestamp\":18,\"messageType\":\"join\"}");
    check_event("{\"ts\":18,\"room\":\"room:FTYXPM\",\"sender\":\"s1\",\"messageType\":\"leave\","
                "\"message\":7}",
                "spare-1",
                "{\"roomId\":\"FTYXPM\",\"sender\":\"s1\",\"message\":7,\"type\":\"LEAVE\","
                "\"timestamp\":18,\"messageType\":\"leave\"}");
    check_event("{\"id\":\"caaaaaaaaaaaaaaa.3\",\"ts\":1,\"room\":\"room:caaaaaaaaaaaaaaa\","
                "\"sender\":\"s1\",\"senderName\":\"민\\\"수\",\"messageType\":\"poll\","
                "\"message\":[1, 2]}",
                "caaaaaaaaaaaaaaa.3",
                "{\"roomId\":\"caaaaaaaaaaaaaaa\",\"sender\":\"s1\",\"senderName\":\"민\\\"수\","
                "\"message\":[1, 2],\"type\":\"TALK\",\"id\":\"caaaaaaaaaaaaaaa.3\","
                "\"timestamp\":1,\"messageType\":\"poll\"}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_messages),      cmocka_unit_test(test_depth),
        cmocka_unit_test(test_envelopes),     cmocka_unit_test(test_envelope_fields),
        cmocka_unit_test(test_text_with_nul), cmocka_unit_test(test_events),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
