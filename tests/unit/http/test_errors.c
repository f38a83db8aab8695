/* The table of errors. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/json.h"
#include "http/errors.h"

static void every_code_is_there_once(void **state)
{
    (void)state;
    for (size_t i = 0; error_at(i); i++) {
        assert_ptr_equal(error_find(error_at(i)->code), error_at(i));
        assert_true(error_at(i)->status >= 400 && error_at(i)->status < 600);
        assert_string_not_equal(status_text(error_at(i)->status), "Unknown");
        size_t n = strlen(error_at(i)->message);
        assert_true(n > 10 && error_at(i)->message[n - 1] == '.');
    }
}

static void those_who_may_come_back_are_told_when(void **state)
{
    (void)state;
    for (size_t i = 0; error_at(i); i++) {
        const struct http_error *row = error_at(i);
        assert_int_equal(row->retry_after_s > 0, row->status == 503 || row->status == 429);
    }
}

static void statuses_are_those_of_the_protocol(void **state)
{
    static const struct {
        const char *code;
        int status;
    } rows[] = {
        {"token_missing", 401},  {"token_expired", 401},      {"room_forbidden", 403},
        {"removed", 403},        {"room_not_found", 404},     {"room_taken", 409},
        {"room_full", 409},      {"room_locked", 423},        {"unavailable", 503},
        {"draining", 503},       {"no_capacity", 503},        {"rate_limited", 429},
        {"body_too_large", 413}, {"length_required", 411},    {"bad_field", 400},
        {"user_not_found", 404}, {"method_not_allowed", 405}, {"upgrade_required", 426},
        {"not_member", 403},     {"message_not_found", 404},  {"too_many_rooms", 409},
        {"reserved_type", 400},  {"chat_busy", 503},          {"account_required", 403},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_string_equal(error_find(rows[i].code)->code, rows[i].code);
        assert_int_equal(error_find(rows[i].code)->status, rows[i].status);
    }
    assert_string_equal(error_find("no such code")->code, "internal");
}

static void bodies_are_json(void **state)
{
    struct buf out;
    (void)state;
    buf_init(&out);
    error_write(&out, "bad_field", "name", "A \"name\" is short.");
    assert_string_equal(buf_cstr(&out), "{\"error\":{\"code\":\"bad_field\",\"message\":"
                                        "\"A \\\"name\\\" is short.\",\"field\":\"name\"}}");
    buf_clear(&out);
    error_write(&out, "not_found", NULL, "No.");
    assert_string_equal(buf_cstr(&out), "{\"error\":{\"code\":\"not_found\",\"message\":\"No.\"}}");
    assert_true(json_valid(buf_span(&out)));
    buf_finish(&out);
}

static char *protocol(void)
{
    FILE *file = fopen("docs/protocol.md", "re");
    assert_non_null(file); /* tests run in the project's directory */
    static char text[1 << 20];
    size_t len = fread(text, 1, sizeof text - 1, file);
    assert_true(len > 0 && len < sizeof text - 1);
    text[len] = '\0';
    fclose(file);
    return text;
}

static void every_code_is_in_the_protocol(void **state)
{
    (void)state;
    const char *text = protocol();
    for (size_t i = 0; error_at(i); i++) {
        char quoted[64];
        snprintf(quoted, sizeof quoted, "`%s`", error_at(i)->code);
        if (!strstr(text, quoted)) {
            fail_msg("docs/protocol.md does not tell of %s", quoted);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_code_is_there_once),
        cmocka_unit_test(those_who_may_come_back_are_told_when),
        cmocka_unit_test(statuses_are_those_of_the_protocol),
        cmocka_unit_test(bodies_are_json),
        cmocka_unit_test(every_code_is_in_the_protocol),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
