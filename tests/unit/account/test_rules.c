/* Ids and e-mail addresses of accounts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <string.h>

#include <cmocka.h>

#include "account/rules.h"

static bool id(const char *text)
{
    return rules_id_valid(span_of(text));
}

static bool email(const char *text)
{
    return rules_email_valid(span_of(text));
}

static void ids(void **state)
{
    (void)state;
    assert_true(id("kim"));
    assert_true(id("g"));
    assert_true(id("gg-1"));
    assert_true(id("Kim.Minjun_2@school.example"));
    assert_true(id("lectern2"));
    assert_false(id(""));
    assert_false(id("g-abcdefghijklmnopqrst"));
    assert_false(id("G-x"));
    assert_false(id("lectern"));
    assert_false(id("LecTern"));
    assert_false(id("a b"));
    assert_false(id("민준"));
    assert_false(id("x:y"));
}

static void addresses(void **state)
{
    (void)state;
    assert_true(email("a@b.c"));
    assert_true(email("Kim.Minjun+class_2'x@mail.school-1.example"));
    assert_true(email("x@1.2"));
    static const char *const wrong[] = {
        "",        "@",       "x",         "x@",          "@b.c",     "x@b",
        "x@.c",    "x@b.",    "x@b..c",    "x@-b.c",      "x@b-.c",   "x@b.c@d.e",
        ".x@b.c",  "x.@b.c",  "x..y@b.c",  "x y@b.c",     "x@b c.d",  "x\n@b.c",
        "x@b.c\n", "x;y@b.c", "\"x\"@b.c", "x@[1.2.3.4]", "민준@b.c", "x@한국.kr",
        "x@b_c.d", "x\\@b.c", "x(y)@b.c",
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        if (email(wrong[i])) {
            fail_msg("%s passed", wrong[i]);
        }
    }
    assert_false(rules_email_valid((struct span){NULL, 0}));
}

static void lengths(void **state)
{
    (void)state;
    char text[EMAIL_MAX + 2];
    memset(text, 'a', sizeof text);
    /* 64 bytes, @, then labels of 62, 62 and 63 with dots between: 254 in all. */
    text[64] = '@';
    text[127] = text[190] = '.';
    assert_true(rules_email_valid((struct span){text, EMAIL_MAX}));
    assert_false(rules_email_valid((struct span){text, EMAIL_MAX + 1}));
    /* A label of 64; a local part of 65. */
    assert_true(rules_email_valid((struct span){text + 10, EMAIL_MAX - 10}));
    text[190] = 'a';
    text[191] = '.';
    assert_true(rules_email_valid((struct span){text, 200}));
    text[191] = 'a';
    text[192] = '.';
    assert_false(rules_email_valid((struct span){text, 200}));
    text[192] = 'a';
    text[190] = '.';
    text[64] = 'a';
    text[65] = '@';
    assert_false(rules_email_valid((struct span){text, 200}));
    assert_true(rules_email_valid((struct span){text + 1, 200}));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids),
        cmocka_unit_test(addresses),
        cmocka_unit_test(lengths),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
