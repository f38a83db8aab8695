/* Names of the kinds of users. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/user.h"

static void names_and_back(void **state)
{
    (void)state;
    enum user_type type;
    static const enum user_type types[] = {USER_TEACHER, USER_STUDENT, USER_SERVICE};
    for (int i = 0; i < 3; i++) {
        assert_true(user_type_parse(span_of(user_type_name(types[i])), &type));
        assert_int_equal(type, types[i]);
    }
    assert_false(user_type_parse(span_of("Teacher"), &type));
    assert_false(user_type_parse(span_of(""), &type));
    assert_false(user_type_parse((struct span){"teacher", 6}, &type));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_and_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
