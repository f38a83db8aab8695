/* Identifiers, names, and the clock. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/id.h"

static int set_up(void **state)
{
    (void)state;
    return id_init();
}

static void random_ids_use_the_whole_alphabet(void **state)
{
    (void)state;
    static const char alphabet[] = "abcdefghijklmnopqrstuvwxyz234567";
    unsigned counts[256] = {0};
    char id[1001];
    for (int round = 0; round < 32; round++) {
        id_random(id, 1000);
        assert_int_equal(strlen(id), 1000);
        assert_int_equal(strspn(id, alphabet), 1000);
        for (int i = 0; i < 1000; i++) {
            counts[(unsigned char)id[i]]++;
        }
    }
    for (const char *c = alphabet; *c; c++) {
        assert_in_range(counts[(unsigned char)*c], 800, 1200);
    }
    id_random(id, 0);
    assert_string_equal(id, "");
}

static void random_ids_differ(void **state)
{
    (void)state;
    char a[SESSION_ID_LEN + 1], b[SESSION_ID_LEN + 1];
    id_random(a, SESSION_ID_LEN);
    id_random(b, SESSION_ID_LEN);
    assert_string_not_equal(a, b);
}

static void room_codes_have_no_look_alikes(void **state)
{
    (void)state;
    static const char letters[] = "ABCDEFGHJKMNPQRSTUVWXYZ";
    unsigned counts[256] = {0};
    for (int i = 0; i < 4000; i++) {
        char code[7];
        id_room_code(code);
        assert_int_equal(strlen(code), 6);
        assert_int_equal(strspn(code, letters), 6);
        assert_true(id_room_code_valid(span_of(code)));
        for (int j = 0; j < 6; j++) {
            counts[(unsigned char)code[j]]++;
        }
    }
    for (const char *c = letters; *c; c++) {
        assert_in_range(counts[(unsigned char)*c], 800, 1300);
    }
}

static void random_numbers_stay_below(void **state)
{
    (void)state;
    bool seen[3] = {false};
    for (int i = 0; i < 1000; i++) {
        uint32_t n = id_random_below(3);
        assert_in_range(n, 0, 2);
        seen[n] = true;
    }
    assert_true(seen[0] && seen[1] && seen[2]);
    assert_int_equal(id_random_below(1), 0);
}

static struct span repeat(char c, size_t n)
{
    static char text[300];
    memset(text, c, sizeof text);
    return (struct span){text, n};
}

/* Checks every single byte as an identifier of `length` copies of it. */
static void check_alphabet(bool (*valid)(struct span), const char *allowed, size_t length)
{
    for (int c = 0; c < 256; c++) {
        bool expected = c != 0 && strchr(allowed, c);
        assert_int_equal(valid(repeat((char)c, length)), expected);
    }
}

#define LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
#define DIGITS "0123456789"

static void user_ids(void **state)
{
    (void)state;
    check_alphabet(id_valid, LETTERS DIGITS "._@-", 1);
    check_alphabet(id_valid, LETTERS DIGITS "._@-", 64);
    assert_false(id_valid(repeat('a', 0)));
    assert_false(id_valid(repeat('a', 65)));
    assert_false(id_valid((struct span){NULL, 0}));
    assert_true(id_valid(span_of("kim.min-su_7@school.example")));
    assert_false(id_valid((struct span){"ab\0d", 4}));
    assert_false(id_valid(span_of("ab c")));
}

static void room_codes(void **state)
{
    (void)state;
    check_alphabet(id_room_code_valid, "ABCDEFGHIJKLMNOPQRSTUVWXYZ" DIGITS, 4);
    check_alphabet(id_room_code_valid, "ABCDEFGHIJKLMNOPQRSTUVWXYZ" DIGITS, 12);
    assert_false(id_room_code_valid(repeat('A', 3)));
    assert_false(id_room_code_valid(repeat('A', 13)));
    assert_false(id_room_code_valid(span_of("room:FTYXPM")));
    assert_true(id_room_code_valid(span_of("FTYXPM")));
}

static void message_types(void **state)
{
    (void)state;
    check_alphabet(id_type_valid, LETTERS DIGITS "._-", 1);
    assert_true(id_type_valid(repeat('x', 64)));
    assert_false(id_type_valid(repeat('x', 65)));
    assert_false(id_type_valid(repeat('x', 0)));
}

/* `n` times `character`. */
static struct span chars(const char *character, size_t n)
{
    static char text[1024];
    size_t len = strlen(character);
    for (size_t i = 0; i < n; i++) {
        memcpy(text + i * len, character, len);
    }
    return (struct span){text, n * len};
}

static void names_count_characters(void **state)
{
    (void)state;
    assert_true(id_name_valid(chars("a", 64)));
    assert_false(id_name_valid(chars("a", 65)));
    assert_true(id_name_valid(chars("김", 64)));
    assert_false(id_name_valid(chars("김", 65)));
    assert_true(id_name_valid(chars("\xf0\x9f\x98\x80", 64))); /* four bytes each: NAME_MAX_BYTES */
    assert_false(id_name_valid(chars("\xf0\x9f\x98\x80", 65)));
    assert_false(id_name_valid(chars("a", 0)));
    assert_false(id_name_valid((struct span){NULL, 0}));
}

static void names_are_visible_text(void **state)
{
    (void)state;
    static const char *const good[] = {"김민수",
                                       "O'Brien \"Jr\"",
                                       " a ",
                                       "\xc2\xa0x",
                                       "<b>",
                                       "é",
                                       "~",
                                       "a\xe2\x80\xa9z",
                                       "a\xe2\x80\xafz",
                                       "a\xe2\x81\xa5z",
                                       "a\xe2\x81\xaaz"};
    static const char *const bad[] = {
        " ",
        "    ",
        "a\nb",
        "a\tb",
        "\x1b[31m",
        "a\x7f",
        "\xc2\x80",      /* the first of C1 */
        "a\xc2\x9f",     /* the last */
        "\xc2\xa0",      /* no-break space */
        "a\xe2\x80\xaa", /* turning the writing: the first of U+202A to U+202E */
        "a\xe2\x80\xae", /* and the last */
        "\xe2\x81\xa6z", /* U+2066 to */
        "\xe2\x81\xa9z", /* U+2069 */
        "\xe3\x80\x80",  /* ideographic space */
        "\xe2\x80\x8b",  /* zero width space */
        "\xe3\x85\xa4",  /* Hangul filler, which shows nothing */
        "\xef\xbb\xbf ", /* byte order mark */
        "\xff",          /* not UTF-8 */
        "a\xc3",         /* cut off */
        "\xed\xa0\x80",  /* a surrogate */
        "\xc0\x8a",      /* an overlong line feed */
    };
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_true(id_name_valid(span_of(good[i])));
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_false(id_name_valid(span_of(bad[i])));
    }
    assert_false(id_name_valid((struct span){"a\0b", 3}));
}

static void clocks_run(void **state)
{
    (void)state;
    int64_t wall = clock_wall_ms();
    assert_true(llabs(wall / 1000 - (int64_t)time(NULL)) <= 1);
    int64_t ns = clock_mono_ns();
    int64_t ms = clock_mono_ms();
    assert_true(ms >= ns / 1000000 && ms - ns / 1000000 < 10000);
    while (clock_mono_ns() == ns) {
    }
    assert_true(clock_mono_ns() > ns);
}

static void chat_rooms(void **state)
{
    (void)state;
    static const char *const bad[] = {"",
                                      "c",
                                      "cabcdefghijklmn",
                                      "cabcdefghijklmnop",
                                      "Cabcdefghijklmno",
                                      "xabcdefghijklmno",
                                      "cabcdefghijklmn1",
                                      "cabcdefghijklmnO",
                                      "cabcdefghijklmn."};
    char id[CHAT_ROOM_ID_LEN + 1], other[CHAT_ROOM_ID_LEN + 1];
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_false(id_chat_room_valid(span_of(bad[i])));
    }
    id_chat_room(id);
    id_chat_room(other);
    assert_true(id_chat_room_valid(span_of(id)));
    assert_false(id_room_code_valid(span_of(id)));
    assert_string_not_equal(id, other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chat_rooms),
        cmocka_unit_test(random_ids_use_the_whole_alphabet),
        cmocka_unit_test(random_ids_differ),
        cmocka_unit_test(room_codes_have_no_look_alikes),
        cmocka_unit_test(random_numbers_stay_below),
        cmocka_unit_test(user_ids),
        cmocka_unit_test(room_codes),
        cmocka_unit_test(message_types),
        cmocka_unit_test(names_count_characters),
        cmocka_unit_test(names_are_visible_text),
        cmocka_unit_test(clocks_run),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
