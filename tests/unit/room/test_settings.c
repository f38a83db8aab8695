/* A room's settings as objects: types, ranges, partial changes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "room/internal.h"

static const struct config config = {.room_max = 500};

static unsigned given;

static const char *read_into(struct settings *settings, const char *json, bool by_host)
{
    return settings_read(settings, by_host ? &config : NULL, span_of(json), &given);
}

static void a_whole_object_is_taken(void **state)
{
    (void)state;
    struct settings s = {.name = "old"};
    assert_null(read_into(&s,
                          "{\"name\":\"3\\ud559\\ub144\",\"max\":30,\"hold\":120,\"talk\":\"all\","
                          "\"notify\":\"all\",\"locked\":true}",
                          false));
    assert_string_equal(s.name, "3학년");
    assert_int_equal(s.max, 30);
    assert_int_equal(s.hold_s, 120);
    assert_true(s.talk_all && s.notify_all && s.locked);
    assert_int_equal(given, 63);
}

static void absent_and_unknown_keys_change_nothing(void **state)
{
    (void)state;
    struct settings s = {.name = "class", .max = 7, .hold_s = 9, .talk_all = true};
    assert_null(read_into(&s, "{\"colour\":\"red\",\"max\":8}", true));
    assert_string_equal(s.name, "class");
    assert_int_equal(s.max, 8);
    assert_int_equal(given, 1 << 1);
    assert_int_equal(s.hold_s, 9);
    assert_true(s.talk_all);
}

static void a_host_locks_by_lock_not_by_settings(void **state)
{
    (void)state;
    struct settings s = {.locked = false};
    assert_null(read_into(&s, "{\"locked\":true}", true));
    assert_false(s.locked);
    assert_int_equal(given, 0);
}

static void wrong_values_are_named(void **state)
{
    (void)state;
    static const struct {
        const char *json, *key;
    } cases[] = {
        {"{\"name\":5}", "name"},
        {"{\"name\":\"a\\u0007\"}", "name"},
        {"{\"max\":0}", "max"},
        {"{\"max\":501}", "max"},
        {"{\"max\":\"30\"}", "max"},
        {"{\"max\":1.5}", "max"},
        {"{\"hold\":-1}", "hold"},
        {"{\"hold\":3601}", "hold"},
        {"{\"talk\":\"nobody\"}", "talk"},
        {"{\"talk\":true}", "talk"},
        {"{\"notify\":\"\"}", "notify"},
        {"{\"notify\":null}", "notify"},
        {"[]", ""},
        {"\"max\"", ""},
        {"null", ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct settings s = {.name = ""};
        const char *fault = read_into(&s, cases[i].json, true);
        assert_non_null(fault);
        assert_string_equal(fault, cases[i].key);
    }
}

static void a_name_may_be_taken_away(void **state)
{
    (void)state;
    struct settings s = {.name = "class"};
    assert_null(read_into(&s, "{\"name\":\"\"}", true));
    assert_string_equal(s.name, "");
}

static void what_is_printed_is_what_redis_has(void **state)
{
    (void)state;
    struct settings s = {.name = "c", .max = 12, .hold_s = 3, .talk_all = true, .locked = true};
    static const char *const expected[] = {"c", "12", "3", "all", "host", "1"};
    char out[NAME_MAX_BYTES + 1];
    for (size_t i = 0; setting_table[i].key; i++) {
        setting_table[i].print(&s, out, sizeof out);
        assert_string_equal(out, expected[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_whole_object_is_taken),
        cmocka_unit_test(absent_and_unknown_keys_change_nothing),
        cmocka_unit_test(a_host_locks_by_lock_not_by_settings),
        cmocka_unit_test(wrong_values_are_named),
        cmocka_unit_test(a_name_may_be_taken_away),
        cmocka_unit_test(what_is_printed_is_what_redis_has),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
