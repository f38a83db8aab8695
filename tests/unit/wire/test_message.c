/* Reading messages: each field's good and bad forms, from clients and from Redis. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "wire/message.h"

static struct message message;
static struct message_error error;
static char
    *copy; /* what `message` points into: of exact size, so that a sanitizer sees over-reads */

static int read_span(struct span text, bool from_redis)
{
    free(copy);
    copy = malloc(text.n ? text.n : 1);
    assert_non_null(copy);
    if (text.n > 0) {
        memcpy(copy, text.p, text.n);
    }
    memset(&message, 0x5a, sizeof message);
    memset(&error, 0x5a, sizeof error);
    return message_read((struct span){copy, text.n},
                        from_redis ? MESSAGE_FROM_REDIS : MESSAGE_FROM_CLIENT, &message, &error);
}

static int tear_down(void **state)
{
    (void)state;
    free(copy);
    return 0;
}

static void good(const char *text)
{
    if (read_span(span_of(text), false)) {
        fail_msg("%s: %s: %s", text, error.code, error.text);
    }
}

static void good_from_redis(const char *text)
{
    if (read_span(span_of(text), true)) {
        fail_msg("%s: %s: %s", text, error.code, error.text);
    }
}

static void check_error(const char *text, const char *code, const char *field)
{
    if (strcmp(error.code, code) != 0 || (error.field != NULL) != (field != NULL) ||
        (field && strcmp(error.field, field) != 0)) {
        fail_msg("%s gave %s for %s (%s)", text, error.code, error.field ? error.field : "-",
                 error.text);
    }
    size_t len = strlen(error.text);
    assert_true(len > 10 && len < sizeof error.text);
    assert_int_equal(error.text[len - 1], '.');
}

static void bad(const char *text, const char *code, const char *field)
{
    if (read_span(span_of(text), false) == 0) {
        fail_msg("%s was accepted", text);
    }
    check_error(text, code, field);
}

static void bad_from_redis(const char *text, const char *code, const char *field)
{
    if (read_span(span_of(text), true) == 0) {
        fail_msg("%s was accepted", text);
    }
    check_error(text, code, field);
}

static void a_full_message(void **state)
{
    (void)state;
    good("{\"targetType\":\"student\",\"target\":\"s1\",\"messageType\":\"send\",\"ref\":\"r-1\","
         "\"message\":{\"a\": [1.10, \"\\u0000\"]},\"ephemeral\":true,\"room\":\"room:FTYXPM\","
         "\"sender\":\"t1\",\"senderType\":\"teacher\"}");
    assert_int_equal(message.kind, MESSAGE_ROUTED);
    assert_int_equal(message.targets, TARGET_STUDENT);
    assert_string_equal(message.target, "s1");
    assert_string_equal(message.type, "send");
    assert_string_equal(message.ref, "r-1");
    assert_string_equal(message.sender, "t1");
    assert_true(message.has_sender_type);
    assert_int_equal(message.sender_type, USER_TEACHER);
    assert_string_equal(message.room, "room:FTYXPM");
    assert_true(message.ephemeral);
    assert_int_equal(message.body.type, JSON_OBJECT);
    assert_true(span_eq(message.body.raw, "{\"a\": [1.10, \"\\u0000\"]}")); /* byte for byte */
    assert_true(message.body.raw.p > copy && message.body.raw.p < copy + 200);
}

static void a_least_message(void **state)
{
    (void)state;
    good(" { \"messageType\" : \"x\" } ");
    assert_int_equal(message.kind, MESSAGE_ROUTED);
    assert_int_equal(message.targets, 0);
    assert_string_equal(message.target, "");
    assert_string_equal(message.ref, "");
    assert_string_equal(message.sender, "");
    assert_string_equal(message.room, "");
    assert_false(message.has_sender_type);
    assert_false(message.ephemeral);
    assert_int_equal(message.body.type, JSON_NULL);
    assert_true(span_eq(message.body.raw, "null"));
    assert_int_equal(message.id.n, 0);
    assert_true(message.ts == 0);
}

static void any_json_is_a_body(void **state)
{
    (void)state;
    static const struct {
        const char *raw;
        enum json_type type;
    } cases[] = {
        {"null", JSON_NULL},
        {"true", JSON_BOOL},
        {"12345678901234567890.0e-1", JSON_NUMBER},
        {"[]", JSON_ARRAY},
        {"\"\"", JSON_STRING},
        {"\"\\ud800\"", JSON_STRING},
        {"[ 1 ]", JSON_ARRAY},
        {"\"\\u0000\"", JSON_STRING},
        {"{\"a\":1,\"a\":2}", JSON_OBJECT},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[128];
        snprintf(text, sizeof text, "{\"messageType\":\"send\",\"message\": %s }", cases[i].raw);
        good(text);
        assert_int_equal(message.body.type, cases[i].type);
        assert_true(span_eq(message.body.raw, cases[i].raw));
    }
}

static void targets(void **state)
{
    (void)state;
    good("{\"messageType\":\"x\",\"targetType\":\"teacher\"}");
    assert_int_equal(message.targets, TARGET_TEACHER);
    good("{\"messageType\":\"x\",\"targetType\":\"all\"}");
    assert_int_equal(message.targets, TARGET_ALL);
    good("{\"messageType\":\"x\",\"targetType\":\"st\\u0075dent\"}");
    assert_int_equal(message.targets, TARGET_STUDENT);
    static const char *const wrong[] = {
        "\"\"",        "\"Student\"", "\"students\"",
        "\"service\"", "\"every\"",   "null",
        "1",           "[\"all\"]",   "\"a long text that fits nowhere\""};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        char text[128];
        snprintf(text, sizeof text, "{\"messageType\":\"x\",\"targetType\":%s}", wrong[i]);
        bad(text, "bad_field", "targetType");
        bad_from_redis(text, "bad_field", "targetType");
    }
    assert_string_equal(target_name(TARGET_STUDENT), "student");
    assert_string_equal(target_name(TARGET_TEACHER), "teacher");
    assert_string_equal(target_name(TARGET_ALL), "all");
    assert_string_equal(target_name(0), "");
}

#define X64 "0123456789012345678901234567890123456789012345678901234567890123"
static const char too_long[] = "\"" X64 "x\""; /* as JSON, one character too long */

static void ids(void **state)
{
    (void)state;
    static const char *const fields[] = {"ref", "target"};
    static const char *const wrong[] = {"\"\"", "\"a b\"", too_long,    "\"김\"", "5",
                                        "null", "{}",      "\"a\\nb\"", "true",   "[]"};
    char text[256];
    for (size_t i = 0; i < 2; i++) {
        for (size_t j = 0; j < sizeof wrong / sizeof wrong[0]; j++) {
            snprintf(text, sizeof text, "{\"messageType\":\"x\",\"%s\":%s}", fields[i], wrong[j]);
            bad(text, "bad_field", fields[i]);
            assert_string_equal(message.ref, "");
            bad_from_redis(text, "bad_field", fields[i]);
        }
    }
    good("{\"messageType\":\"x\",\"ref\":\"" X64 "\",\"target\":\"kim@school.example\"}");
    assert_string_equal(message.ref, X64);
    assert_string_equal(message.target, "kim@school.example");
    good("{\"messageType\":\"x\",\"ref\":\"\\u0061b\"}");
    assert_string_equal(message.ref, "ab");
}

static void message_types(void **state)
{
    (void)state;
    static const char *const wrong[] = {"\"\"", "\"a b\"", too_long, "\"a@b\"", "5", "null", "[]"};
    char text[256];
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        snprintf(text, sizeof text, "{\"messageType\":%s}", wrong[i]);
        bad(text, "bad_field", "messageType");
    }
    bad("{}", "bad_field", "messageType");
    assert_non_null(strstr(error.text, "missing"));
    bad("{\"messagetype\":\"send\"}", "bad_field", "messageType"); /* case matters */
    good("{\"messageType\":\"" X64 "\"}");
    assert_string_equal(message.type, X64);
}

static void kinds(void **state)
{
    (void)state;
    static const struct {
        const char *type;
        enum message_verb kind;
    } cases[] = {
        {"kick", MESSAGE_KICK},
        {"lock", MESSAGE_LOCK},
        {"unlock", MESSAGE_UNLOCK},
        {"settings", MESSAGE_SETTINGS},
        {"end", MESSAGE_END},
        {"seen", MESSAGE_SEEN},
        {"token", MESSAGE_TOKEN},
        {"ping", MESSAGE_PING},
        {"welcome", MESSAGE_SERVER_ONLY},
        {"join", MESSAGE_SERVER_ONLY},
        {"leave", MESSAGE_SERVER_ONLY},
        {"ack", MESSAGE_SERVER_ONLY},
        {"error", MESSAGE_SERVER_ONLY},
        {"gap", MESSAGE_SERVER_ONLY},
        {"host-away", MESSAGE_SERVER_ONLY},
        {"host-back", MESSAGE_SERVER_ONLY},
        {"close", MESSAGE_SERVER_ONLY},
        {"pong", MESSAGE_SERVER_ONLY},
        {"send", MESSAGE_ROUTED},
        {"image", MESSAGE_ROUTED},
        {"poll", MESSAGE_ROUTED},
        {"Kick", MESSAGE_ROUTED},
        {"joined", MESSAGE_ROUTED},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[64];
        assert_int_equal(message_kind_of(span_of(cases[i].type)), cases[i].kind);
        snprintf(text, sizeof text, "{\"messageType\":\"%s\"}", cases[i].type);
        good(text);
        assert_int_equal(message.kind, cases[i].kind);
        good_from_redis(text);
        assert_int_equal(message.kind, cases[i].kind);
    }
}

static void what_a_session_claims(void **state)
{
    (void)state;
    good("{\"messageType\":\"x\",\"senderType\":\"student\"}");
    assert_int_equal(message.sender_type, USER_STUDENT);
    good("{\"messageType\":\"x\",\"senderType\":\"service\"}");
    assert_int_equal(message.sender_type, USER_SERVICE);
    /* A string that cannot be the session's own is forbidden; another type is malformed. */
    static const char *const fields[] = {"sender", "senderType", "room"};
    static const char *const strings[] = {"\"\"", too_long};
    static const char *const others[] = {"5", "null", "{}", "[]", "true"};
    char text[256];
    for (size_t i = 0; i < 3; i++) {
        for (size_t j = 0; j < 2; j++) {
            snprintf(text, sizeof text, "{\"messageType\":\"x\",\"%s\":%s}", fields[i], strings[j]);
            bad(text, "forbidden", fields[i]);
            bad_from_redis(text, "bad_field", fields[i]);
        }
        for (size_t j = 0; j < 5; j++) {
            snprintf(text, sizeof text, "{\"messageType\":\"x\",\"%s\":%s}", fields[i], others[j]);
            bad(text, "bad_field", fields[i]);
            bad_from_redis(text, "bad_field", fields[i]);
        }
    }
    bad("{\"messageType\":\"x\",\"senderType\":\"server\"}", "forbidden", "senderType");
    bad("{\"messageType\":\"x\",\"senderType\":\"admin\"}", "forbidden", "senderType");
    bad("{\"messageType\":\"x\",\"sender\":\"a b\"}", "forbidden", "sender");
    good("{\"messageType\":\"x\",\"room\":\"room:ABCDEFGHIJKL\"}");
    assert_string_equal(message.room, "room:ABCDEFGHIJKL");
}

static void ephemeral(void **state)
{
    (void)state;
    good("{\"messageType\":\"x\",\"ephemeral\":false}");
    assert_false(message.ephemeral);
    bad("{\"messageType\":\"x\",\"ephemeral\":1}", "bad_field", "ephemeral");
    bad("{\"messageType\":\"x\",\"ephemeral\":\"true\"}", "bad_field", "ephemeral");
    bad("{\"messageType\":\"x\",\"ephemeral\":null}", "bad_field", "ephemeral");
}

static void ids_and_times_are_lecterns(void **state)
{
    (void)state;
    static const char text[] =
        "{\"id\":\"k3f9ab.1732094000123-0\",\"ts\":1732094000123,"
        "\"room\":\"room:FTYXPM\",\"senderType\":\"server\","
        "\"sender\":\"lectern\",\"targetType\":\"all\",\"messageType\":\"join\"}";
    good_from_redis(text);
    assert_true(span_eq(message.id, "k3f9ab.1732094000123-0"));
    assert_true(message.ts == 1732094000123);
    assert_false(message.has_sender_type);
    assert_string_equal(message.sender, "lectern");
    assert_int_equal(message.kind, MESSAGE_SERVER_ONLY);
    /* From clients they are not even looked at. */
    good("{\"messageType\":\"x\",\"id\":\"mine\",\"ts\":5}");
    assert_int_equal(message.id.n, 0);
    assert_true(message.ts == 0);
    good("{\"messageType\":\"x\",\"id\":7,\"ts\":\"now\",\"seal\":{}}");
    static const char *const ids[] = {
        "7",       "null",        "\"\"",
        "\"a b\"", "\"\\u0061\"", "\"01234567890123456789012345678901234567890\""};
    static const char *const times[] = {"\"1\"", "null", "-1", "1.5", "1e3", "9223372036854775808"};
    for (size_t i = 0; i < 6; i++) {
        char other[128];
        snprintf(other, sizeof other, "{\"messageType\":\"x\",\"id\":%s}", ids[i]);
        bad_from_redis(other, "bad_field", "id");
        snprintf(other, sizeof other, "{\"messageType\":\"x\",\"ts\":%s}", times[i]);
        bad_from_redis(other, "bad_field", "ts");
    }
    good_from_redis("{\"messageType\":\"x\",\"id\":\"0123456789012345678901234567890123456789\"}");
    assert_int_equal(message.id.n, ROOM_MESSAGE_ID_MAX);
}

static void what_is_no_object(void **state)
{
    (void)state;
    static const char *const texts[] = {"",
                                        " ",
                                        "[]",
                                        "5",
                                        "\"x\"",
                                        "null",
                                        "{",
                                        "{\"messageType\":\"x\"",
                                        "{\"messageType\":\"x\"}x",
                                        "{\"messageType\":'x'}",
                                        "{\"messageType\":\"x\",}",
                                        "{messageType:\"x\"}",
                                        "{\"messageType\":\"x\",\"message\":01}"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        bad(texts[i], "bad_json", NULL);
        bad_from_redis(texts[i], "bad_json", NULL);
    }
    bad("{\"messageType\":tru}", "bad_json", NULL);
    assert_non_null(strstr(error.text, "byte 18"));
    assert_int_equal(read_span((struct span){NULL, 0}, false), -1);
    check_error("", "bad_json", NULL);
}

static void the_envelope_is_read_the_same_by_all(void **state)
{
    (void)state;
    bad("{\"messageType\":\"a\",\"messageType\":\"b\"}", "bad_json", "messageType");
    bad("{\"messageType\":\"a\",\"\\u006dessageType\":\"b\"}", "bad_json", "messageType");
    bad("{\"messageType\":\"a\",\"message\":1,\"message\":1}", "bad_json", "message");
    bad("{\"messageType\":\"a\",\"ref\":\"1\",\"ref\":\"2\"}", "bad_json", "ref");
    assert_string_equal(message.ref, "");
    bad("{\"messageType\":\"a\",\"x\":1,\"x\":2}", "bad_json", NULL);
    bad("{\"messageType\":\"a\",\"x\\u0000\":1}", "bad_json", NULL);
    bad("{\"messageType\":\"a\",\"x\\ud800\":1}", "bad_json", NULL);
    bad("{\"messageType\":\"a\\u0000\"}", "bad_json", "messageType");
    bad("{\"messageType\":\"a\",\"ref\":\"\\u0000\"}", "bad_json", "ref");
    bad("{\"messageType\":\"a\",\"x\":\"\\u0000\"}", "bad_json", NULL);
    bad("{\"messageType\":\"a\",\"id\":\"\\udc00\"}", "bad_json", "id");
    /* Keys that only look alike to the careless are different ones, and unknown. */
    good("{\"messageType\":\"a\",\"MessageType\":\"b\",\"messagetype\":\"c\",\"messageType "
         "\":\"d\"}");
    assert_string_equal(message.type, "a");
    good("{\"\\u006dessage\\u0054ype\":\"a\",\"mess\\u0061ge\":7}");
    assert_string_equal(message.type, "a");
    assert_true(span_eq(message.body.raw, "7"));
}

static void unknown_fields_are_ignored(void **state)
{
    (void)state;
    good("{\"messageType\":\"a\",\"\":null,\"x\":[{\"ref\":1,\"ref\":2}],\"seal\":\"s\",\"type\":"
         "5}");
    assert_string_equal(message.ref, "");
    /* However long their names and values are. */
    static char text[20000] = "{\"messageType\":\"a\",\"";
    size_t n = strlen(text);
    memset(text + n, 'k', 8000);
    strcpy(text + n + 8000, "\":\"");
    n = strlen(text);
    memset(text + n, 'v', 8000);
    strcpy(text + n + 8000, "\"}");
    good(text);
}

static void members_are_bounded(void **state)
{
    (void)state;
    char text[1024];
    for (int extra = MESSAGE_MEMBERS_MAX - 1; extra <= MESSAGE_MEMBERS_MAX; extra++) {
        size_t n = (size_t)snprintf(text, sizeof text, "{\"messageType\":\"a\"");
        for (int i = 0; i < extra; i++) {
            n += (size_t)snprintf(text + n, sizeof text - n, ",\"x%d\":%d", i, i);
        }
        snprintf(text + n, sizeof text - n, "}");
        if (extra < MESSAGE_MEMBERS_MAX) {
            good(text);
        } else {
            bad(text, "bad_json", NULL);
            assert_non_null(strstr(error.text, "members"));
        }
    }
}

static void an_error_can_be_answered_with_ref(void **state)
{
    (void)state;
    bad("{\"messageType\":5,\"targetType\":1,\"ref\":\"r1\"}", "bad_field", "messageType");
    assert_string_equal(message.ref, "r1");
    bad("{\"ref\":\"r2\"}", "bad_field", "messageType");
    assert_string_equal(message.ref, "r2");
    bad("{\"sender\":\"a b\",\"ref\":\"r3\",\"messageType\":\"x\"}", "forbidden", "sender");
    assert_string_equal(message.ref, "r3");
    bad("{\"ref\":\"r4\",\"messageType\":\"x\"", "bad_json", NULL);
    assert_string_equal(message.ref, "");
    bad("{\"ref\":\"a b\",\"messageType\":5}", "bad_field", "ref");
    assert_string_equal(message.ref, "");
}

static void depth_is_bounded(void **state)
{
    (void)state;
    char text[512] = "{\"messageType\":\"a\",\"message\":";
    size_t n = strlen(text);
    memset(text + n, '[', JSON_DEPTH_MAX - 1); /* the envelope is the first level */
    memset(text + n + JSON_DEPTH_MAX - 1, ']', JSON_DEPTH_MAX - 1);
    strcpy(text + n + 2 * (JSON_DEPTH_MAX - 1), "}");
    good(text);
    memset(text + n, '[', JSON_DEPTH_MAX);
    memset(text + n + JSON_DEPTH_MAX, ']', JSON_DEPTH_MAX);
    strcpy(text + n + 2 * JSON_DEPTH_MAX, "}");
    bad(text, "bad_json", NULL);
}

static void what_is_written_reads_the_same(void **state)
{
    (void)state;
    struct buf b;
    struct message sent;
    buf_init(&b);
    good("{\"messageType\":\"send\",\"targetType\":\"all\",\"target\":\"s1\",\"ref\":\"r\","
         "\"message\": { \"a\" : 1.50 } }");
    sent = message;
    buf_append_text(&b, "{\"id\":\"k3f9ab.5-0\",\"ts\":5,");
    message_write_tail(&b, &sent, "room:FTYXPM", "teacher", "t1");
    assert_string_equal(buf_cstr(&b),
                        "{\"id\":\"k3f9ab.5-0\",\"ts\":5,\"room\":\"room:FTYXPM\","
                        "\"senderType\":\"teacher\",\"sender\":\"t1\",\"targetType\":\"all\","
                        "\"target\":\"s1\",\"messageType\":\"send\",\"message\":{ \"a\" : 1.50 }}");
    good_from_redis(buf_cstr(&b));
    assert_int_equal(message.targets, TARGET_ALL);
    assert_string_equal(message.target, "s1");
    assert_string_equal(message.sender, "t1");
    assert_true(span_eq(message.body.raw, "{ \"a\" : 1.50 }"));
    /* Without a target or a body. */
    good("{\"messageType\":\"x\",\"targetType\":\"teacher\"}");
    sent = message;
    buf_clear(&b);
    message_write_tail(&b, &sent, "room:ABCD", "student", "s1");
    assert_string_equal(buf_cstr(&b), "\"room\":\"room:ABCD\",\"senderType\":\"student\","
                                      "\"sender\":\"s1\",\"targetType\":\"teacher\","
                                      "\"messageType\":\"x\",\"message\":null}");
    buf_finish(&b);
}

/* In chat a few more fields are looked at, and the type may be missing. */
static void from_chatters(void **state)
{
    (void)state;
    static const char text[] =
        "{\"since\":\"x.1\",\"history\":5,\"senderId\":[1],\"type\":\"TEXT\",\"message\":7}";
    const struct span span = {text, sizeof text - 1};
    assert_int_equal(message_read(span, MESSAGE_FROM_CHATTER, &message, &error), 0);
    assert_string_equal(message.type, "");
    assert_true(span_eq(message.since.raw, "\"x.1\""));
    assert_true(span_eq(message.history.raw, "5"));
    assert_true(span_eq(message.sender_id.raw, "[1]"));
    assert_true(span_eq(message.old_type.raw, "\"TEXT\""));
    assert_true(span_eq(message.body.raw, "7"));
    assert_int_equal(message_read(span, MESSAGE_FROM_CLIENT, &message, &error), -1);
    assert_string_equal(error.field, "messageType");
    assert_int_equal(read_span(span_of("{\"messageType\":\"a\",\"since\":1,\"type\":2}"), false),
                     0);
    assert_null(message.since.raw.p);
    assert_null(message.old_type.raw.p);
}

static void what_the_server_says(void **state)
{
    (void)state;
    struct buf out;
    struct server_message said = {.channel = "room:X",
                                  .type = "error",
                                  .ref = "r",
                                  .user_id = "s1",
                                  .user_type = USER_STUDENT};
    struct buf body;
    buf_init(&out);
    buf_init(&body);
    message_write_error(&body, "bad_field", "x", 5, "No \"x\".");
    assert_string_equal(buf_cstr(&body), "{\"code\":\"bad_field\",\"message\":\"No \\\"x\\\".\","
                                         "\"field\":\"x\",\"retryAfterMs\":5}");
    said.body = buf_span(&body);
    message_write_server(&out, &said, 9);
    assert_non_null(
        strstr(buf_cstr(&out), "{\"ts\":9,\"room\":\"room:X\",\"senderType\":\"server\""));
    assert_non_null(strstr(buf_cstr(&out), "\"ref\":\"r\",\"message\":{\"code\""));
    buf_clear(&out);
    said.channel = said.ref = NULL;
    message_write_server(&out, &said, 9);
    assert_null(strstr(buf_cstr(&out), "room"));
    assert_null(strstr(buf_cstr(&out), "ref"));
    buf_finish(&body);
    buf_finish(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(from_chatters),
        cmocka_unit_test(what_the_server_says),
        cmocka_unit_test(a_full_message),
        cmocka_unit_test(a_least_message),
        cmocka_unit_test(any_json_is_a_body),
        cmocka_unit_test(targets),
        cmocka_unit_test(ids),
        cmocka_unit_test(message_types),
        cmocka_unit_test(kinds),
        cmocka_unit_test(what_a_session_claims),
        cmocka_unit_test(ephemeral),
        cmocka_unit_test(ids_and_times_are_lecterns),
        cmocka_unit_test(what_is_no_object),
        cmocka_unit_test(the_envelope_is_read_the_same_by_all),
        cmocka_unit_test(unknown_fields_are_ignored),
        cmocka_unit_test(members_are_bounded),
        cmocka_unit_test(an_error_can_be_answered_with_ref),
        cmocka_unit_test(depth_is_bounded),
        cmocka_unit_test(what_is_written_reads_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, tear_down);
}
