/* The scripts as they are embedded: each with what it uses of base.lua and lib.lua, and no more. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/ascii.h"
#include "bus/scripts.h"

#define NAMES_MAX 128
#define NAME_SIZE 64
#define DEFINITION "local function "

static bool is_name(char c)
{
    return ascii_is_alnum(c) || c == '_';
}

/* Names of all functions that any script has at the left margin. */
static size_t collect(char names[NAMES_MAX][NAME_SIZE])
{
    size_t count = 0;
    for (enum bus_script i = 0; i < BUS_SCRIPT_COUNT; i++) {
        const char *at = bus_script_text(i);
        while ((at = strstr(at, "\n" DEFINITION)) != NULL) {
            at += strlen("\n" DEFINITION);
            size_t len = strcspn(at, "(");
            assert_true(len > 0 && len < NAME_SIZE && count < NAMES_MAX);
            memcpy(names[count], at, len);
            names[count++][len] = '\0';
        }
    }
    return count;
}

/* Where a text calls the function, in front of `end`; NULL: nowhere. Comments name arguments, too. */
static const char *call_of(const char *text, const char *name)
{
    size_t len = strlen(name);
    for (const char *at = text; (at = strstr(at, name)) != NULL; at += len) {
        const char *line = at;
        while (line > text && line[-1] != '\n') {
            line--;
        }
        const char *comment = strstr(line, "--");
        bool definition = at - line >= (ptrdiff_t)strlen(DEFINITION) &&
                          memcmp(at - strlen(DEFINITION), DEFINITION, strlen(DEFINITION)) == 0;
        if (!definition && at[len] == '(' && (at == text || !is_name(at[-1])) &&
            (!comment || comment > at)) {
            return at;
        }
    }
    return NULL;
}

static void what_is_called_is_defined_before(void **state)
{
    (void)state;
    static char names[NAMES_MAX][NAME_SIZE];
    size_t count = collect(names);
    assert_true(count > 10);
    for (enum bus_script i = 0; i < BUS_SCRIPT_COUNT; i++) {
        const char *text = bus_script_text(i);
        assert_non_null(strstr(text, "local room = KEYS[1]"));
        for (size_t j = 0; j < count; j++) {
            const char *call = call_of(text, names[j]);
            char definition[sizeof DEFINITION + NAME_SIZE];
            snprintf(definition, sizeof definition, DEFINITION "%s(", names[j]);
            const char *defined = strstr(text, definition);
            if (call && (!defined || defined > call)) {
                fail_msg("%s calls %s() and does not have it", bus_script_name(i), names[j]);
            }
        }
    }
}

static void what_is_not_used_is_left_out(void **state)
{
    (void)state;
    const char *send = bus_script_text(BUS_SCRIPT_SEND);
    assert_non_null(strstr(send, "local function log_add("));
    assert_null(strstr(send, "local function publish("));
    assert_null(strstr(send, "local function end_room("));
    assert_null(strstr(bus_script_text(BUS_SCRIPT_RESERVE), "local function log_add("));
    /* Used by what is used. */
    assert_non_null(strstr(bus_script_text(BUS_SCRIPT_END), "local function attendance_read("));
}

static void digests_are_those_of_the_texts(void **state)
{
    (void)state;
    bus_scripts_init();
    for (enum bus_script i = 0; i < BUS_SCRIPT_COUNT; i++) {
        assert_int_equal(strlen(bus_script_sha(i)), 40);
        for (enum bus_script j = 0; j < i; j++) {
            assert_string_not_equal(bus_script_sha(i), bus_script_sha(j));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_called_is_defined_before),
        cmocka_unit_test(what_is_not_used_is_left_out),
        cmocka_unit_test(digests_are_those_of_the_texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
