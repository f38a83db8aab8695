/* Addresses of files. What goes to Redis is tested with the whole server (images.test.mjs). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "room/files.h"

#define NAME "abcdefghijklmnopqrstuvwx23"

static void ids_come_back(void **state)
{
    struct file_id id, back;
    char text[FILE_ID_SIZE];
    (void)state;
    assert_int_equal(id_init(), 0);
    file_id_draw("ABCDEF012345", "k3f7ab", &id);
    for (int thumb = 0; thumb <= 1; thumb++) {
        id.thumb = thumb;
        file_id_write(&id, text);
        assert_true(file_id_parse(span_of(text), &back));
        assert_string_equal(back.room, "ABCDEF012345");
        assert_string_equal(back.epoch, "k3f7ab");
        assert_string_equal(back.name, id.name);
        assert_int_equal(back.thumb, thumb);
    }
    assert_int_equal(strlen(id.name), FILE_NAME_LEN);
}

static void two_are_never_the_same(void **state)
{
    struct file_id a, b;
    (void)state;
    file_id_draw("ABCD", "k3f7ab", &a);
    file_id_draw("ABCD", "k3f7ab", &b);
    assert_string_not_equal(a.name, b.name);
}

static void what_is_no_id(void **state)
{
    static const char *const texts[] = {
        "",
        ".",
        "..",
        "...",
        "ABCD",
        "ABCD.k3f7ab",
        "ABCD.k3f7ab.",
        "abcd.k3f7ab." NAME,
        "ABC.k3f7ab." NAME,
        "ABCD.k3f7a." NAME,
        "ABCD.K3F7AB." NAME,
        "ABCD.k3f7ab." NAME "a",
        "ABCD.k3f7ab." NAME ".",
        "ABCD.k3f7ab." NAME ".T",
        "ABCD.k3f7ab." NAME ".tt",
        "ABCD.k3f7ab." NAME ".t.",
        "ABCD.k3f7ab." NAME ".t.t",
        ".k3f7ab." NAME,
        "ABCD.k3f7ab.abcdefghijklmnopqrstuvwx2*",
        "ABCD:k3f7ab:" NAME,
    };
    struct file_id id;
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        assert_false(file_id_parse(span_of(texts[i]), &id));
    }
    assert_false(file_id_parse((struct span){"ABCD.k3f7ab.abcdefghijklmnopqrstuvwx2\0", 38}, &id));
    assert_false(file_id_parse((struct span){NULL, 0}, &id));
    assert_true(file_id_parse(span_of("ABCD.k3f7ab." NAME), &id));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids_come_back),
        cmocka_unit_test(two_are_never_the_same),
        cmocka_unit_test(what_is_no_id),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
