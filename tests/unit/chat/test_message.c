/* Chat messages as text (chat/message.h). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/json.h"
#include "chat/message.h"
#include "wire/message.h"

#define ROOM "cabcdefghijklmno"

static struct buf out;

static int tear_down(void **state)
{
    (void)state;
    buf_finish(&out);
    return 0;
}

static struct chat_message_row row(void)
{
    struct chat_message_row row = {
        .seq = 12,
        .kind = MESSAGE_SENT,
        .created_ms = 1732094000123,
        .sender = span_of("s1"),
        .sender_name = span_of("민\"수"),
        .sender_type = USER_STUDENT,
        .type = span_of("send"),
        .body = span_of("{\"a\" : 1.50}"),
        .ref = span_of("r-1"),
    };
    memcpy(row.room, ROOM, sizeof ROOM);
    return row;
}

#define MEMBERS                                                                                    \
    "\"id\":\"" ROOM ".12\",\"ts\":1732094000123,\"room\":\"room:" ROOM                            \
    "\",\"senderType\":\"student\",\"sender\":\"s1\",\"senderName\":\"민\\\"수\","               \
    "\"targetType\":\"all\",\"messageType\":\"send\",\"message\":{\"a\" : 1.50}"

static void a_stored_message(void **state)
{
    (void)state;
    const struct chat_message_row message = row();
    chat_message_write(&out, &message);
    assert_string_equal(buf_cstr(&out), "{" MEMBERS "}");
    buf_clear(&out);
    chat_message_write_own(&out, &message);
    assert_string_equal(buf_cstr(&out), "{" MEMBERS ",\"ref\":\"r-1\"}");
    buf_clear(&out);
    chat_message_publish(&out, &message, "abcdefghijkl");
    assert_string_equal(buf_cstr(&out), "{\"seal\":\"abcdefghijkl\"," MEMBERS "}");
}

/* What is written can be read: loops read what they publish. */
static void it_is_read_again(void **state)
{
    (void)state;
    const struct chat_message_row message = row();
    struct message read;
    struct message_error error;
    chat_message_write(&out, &message);
    assert_int_equal(message_read(buf_span(&out), MESSAGE_FROM_REDIS, &read, &error), 0);
    assert_true(span_eq(read.id, ROOM ".12"));
    assert_string_equal(read.type, "send");
    assert_string_equal(read.room, "room:" ROOM);
    assert_string_equal(read.sender, "s1");
    assert_true(span_same(read.body.raw, message.body));
}

static void a_notice(void **state)
{
    (void)state;
    const struct chat_notice notice = {.room = ROOM,
                                       .ts = 5,
                                       .type = "typing",
                                       .sender = span_of("t1"),
                                       .sender_type = USER_TEACHER,
                                       .body = span_of("true")};
#define NOTICE                                                                                     \
    "\"ts\":5,\"room\":\"room:" ROOM "\",\"senderType\":\"teacher\",\"sender\":\"t1\","            \
    "\"targetType\":\"all\",\"messageType\":\"typing\",\"message\":true}"
    chat_notice_write(&out, &notice);
    assert_string_equal(buf_cstr(&out), "{" NOTICE);
    buf_clear(&out);
    chat_notice_publish(&out, &notice, "abcdefghijkl");
    assert_string_equal(buf_cstr(&out), "{\"seal\":\"abcdefghijkl\"," NOTICE);
}

static void ids(void **state)
{
    (void)state;
    static const char *const bad[] = {"",
                                      ROOM,
                                      ROOM ".",
                                      ROOM ".0",
                                      ROOM ".-1",
                                      ROOM ".01",
                                      ROOM ".1x",
                                      ROOM " 1",
                                      "room:" ROOM ".1",
                                      ROOM ".9223372036854775808",
                                      "CABCDEFGHIJKLMNO.1",
                                      "cabcdefghijklmn1.5",
                                      "xabcdefghijklmno.5"};
    char room[CHAT_ROOM_ID_LEN + 1], id[CHAT_MESSAGE_ID_MAX + 1];
    int64_t seq = 0;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_false(chat_id_read(span_of(bad[i]), room, &seq));
    }
    assert_int_equal(seq, 0);
    assert_true(chat_id_read(span_of(ROOM ".9223372036854775807"), room, &seq));
    assert_string_equal(room, ROOM);
    assert_true(seq == INT64_MAX);
    chat_id_print(room, seq, id);
    assert_string_equal(id, ROOM ".9223372036854775807");
    assert_true(chat_room_read(span_of(ROOM), room));
    assert_true(chat_room_read(span_of("room:" ROOM), room));
    assert_string_equal(room, ROOM);
    static const char *const none[] = {
        "", "room:", "room:FTYXPM", "FTYXPM", "room:room:" ROOM, ROOM "a", "room:cabcdefghijklmn"};
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++) {
        assert_false(chat_room_read(span_of(none[i]), room));
    }
}

static void verbs(void **state)
{
    (void)state;
    assert_int_equal(chat_verb_of(span_of("send")), CHAT_ROUTED);
    assert_int_equal(chat_verb_of(span_of("Welcome")), CHAT_ROUTED);
    assert_int_equal(chat_verb_of(span_of("subscribe")), CHAT_SUBSCRIBE);
    assert_int_equal(chat_verb_of(span_of("file-state")), CHAT_RESERVED);
    assert_int_equal(chat_verb_of(span_of("kick")), CHAT_RESERVED);
}

static void what_can_be_searched_for(void **state)
{
    (void)state;
    static const struct {
        const char *body, *text;
    } cases[] = {
        {"\"안녕 \\uac00\"", "안녕 가"},
        {"\"\"", ""},
        {"{\"name\":\"a.pdf\",\"text\":\"see\",\"url\":\"/files/x\"}", "see\na.pdf"},
        {"{\"caption\":\"c\",\"message\":\"m\"}", "m\nc"},
        {"{\"text\":5,\"name\":[\"x\"]}", ""},
        {"{\"text\":\"\",\"name\":\"n\"}", "n"},
        {"{}", ""},
        {"[\"x\"]", ""},
        {"7", ""},
        {"null", ""},
        {"\"a\\u0000b\"", ""},
        {"\"\\ud800\"", ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        buf_clear(&out);
        chat_text_write(&out, span_of(cases[i].body));
        assert_string_equal(buf_cstr(&out), cases[i].text);
    }
}

static void reading_and_the_end(void **state)
{
    (void)state;
    char body[80];
    chat_read_body(ROOM, 7, body, sizeof body);
    assert_string_equal(body, "{\"lastReadMessage\":\"" ROOM ".7\"}");
    chat_close_publish(&out, ROOM, "deleted", "abcdefghijkl");
    assert_non_null(
        strstr(buf_cstr(&out), "\"messageType\":\"close\",\"message\":{\"reason\":\"deleted\"}}"));
    assert_true(json_valid(buf_span(&out)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(a_stored_message, tear_down),
        cmocka_unit_test_teardown(it_is_read_again, tear_down),
        cmocka_unit_test_teardown(a_notice, tear_down),
        cmocka_unit_test(ids),
        cmocka_unit_test(verbs),
        cmocka_unit_test_teardown(what_can_be_searched_for, tear_down),
        cmocka_unit_test_teardown(reading_and_the_end, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
