/* The hash map, against a plain array that tells what it should hold. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/map.h"

#define KEYS 3000

struct item {
    char key[16];
    bool present;
};

static struct item items[KEYS];

static void make_items(void)
{
    for (int i = 0; i < KEYS; i++) {
        snprintf(items[i].key, sizeof items[i].key, "key-%d", i);
        items[i].present = false;
    }
}

static size_t present(void)
{
    size_t n = 0;
    for (int i = 0; i < KEYS; i++) {
        n += items[i].present;
    }
    return n;
}

/* The map holds exactly what the array says. */
static void check(const struct map *m)
{
    size_t seen = 0;
    size_t pos = 0;
    struct item *item;
    while ((item = map_next(m, &pos))) {
        assert_true(item->present);
        seen++;
    }
    assert_int_equal(seen, m->len);
    assert_int_equal(seen, present());
    for (int i = 0; i < KEYS; i++) {
        assert_ptr_equal(map_get(m, span_of(items[i].key)), items[i].present ? &items[i] : NULL);
    }
}

static void an_empty_map_holds_nothing(void **state)
{
    (void)state;
    struct map m;
    size_t pos = 0;
    map_init(&m);
    assert_null(map_get(&m, span_of("x")));
    assert_null(map_remove(&m, span_of("x")));
    assert_null(map_next(&m, &pos));
    map_finish(&m);
}

static void random_changes_are_kept(void **state)
{
    (void)state;
    struct map m;
    unsigned seed = 7;
    map_init(&m);
    make_items();
    for (int step = 0; step < 60000; step++) {
        struct item *item = &items[rand_r(&seed) % KEYS];
        /* Grows in the first half of each 20,000 steps, shrinks in the second. */
        bool add = (rand_r(&seed) % 10 < 7) == (step % 20000 < 10000);
        if (add) {
            assert_int_equal(map_put(&m, span_of(item->key), item), 0);
            item->present = true;
        } else {
            assert_ptr_equal(map_remove(&m, span_of(item->key)), item->present ? item : NULL);
            item->present = false;
        }
        if (step % 5000 == 0) {
            check(&m);
        }
    }
    check(&m);
    map_finish(&m);
}

static void memory_follows_the_number_of_entries(void **state)
{
    (void)state;
    struct map m;
    map_init(&m);
    make_items();
    for (int i = 0; i < KEYS; i++) {
        assert_int_equal(map_put(&m, span_of(items[i].key), &items[i]), 0);
    }
    assert_true(m.cap >= KEYS && m.cap <= 2 * 4096);
    for (int i = 0; i < KEYS; i++) {
        assert_ptr_equal(map_remove(&m, span_of(items[i].key)), &items[i]);
    }
    assert_int_equal(m.len, 0);
    assert_true(m.cap <= 16);
    map_finish(&m);
    assert_int_equal(m.cap, 0);
}

static void put_replaces_key_and_value(void **state)
{
    (void)state;
    struct map m;
    char first[] = "same", second[] = "same";
    int one, two;
    map_init(&m);
    assert_int_equal(map_put(&m, span_of(first), &one), 0);
    assert_int_equal(map_put(&m, span_of(second), &two), 0);
    assert_int_equal(m.len, 1);
    first[0] = 'X'; /* the old key is no longer looked at */
    assert_ptr_equal(map_get(&m, span_of("same")), &two);
    map_finish(&m);
}

static void keys_are_bytes(void **state)
{
    (void)state;
    struct map m;
    int one, two, three;
    map_init(&m);
    assert_int_equal(map_put(&m, (struct span){"a\0b", 3}, &one), 0);
    assert_int_equal(map_put(&m, (struct span){"a\0c", 3}, &two), 0);
    assert_int_equal(map_put(&m, (struct span){NULL, 0}, &three), 0);
    assert_ptr_equal(map_get(&m, (struct span){"a\0b", 3}), &one);
    assert_ptr_equal(map_get(&m, (struct span){"a\0c", 3}), &two);
    assert_ptr_equal(map_get(&m, span_of("")), &three);
    assert_null(map_get(&m, span_of("a")));
    map_finish(&m);
}

static void the_stable_hash_is_stable(void **state)
{
    (void)state;
    /* Another value would send a room's members to different loops of two versions. */
    assert_int_equal(hash_stable("", 0), hash_stable(NULL, 0));
    assert_int_equal(hash_stable("FTYXPM", 6), 0xda58f3fa);
    assert_int_not_equal(hash_stable("FTYXPM", 6), hash_stable("FTYXPN", 6));
}

/* Codes of six letters must spread over any small number of loops. */
static void the_stable_hash_spreads(void **state)
{
    (void)state;
    for (unsigned loops = 2; loops <= 16; loops++) {
        unsigned counts[16] = {0};
        for (int i = 0; i < 16000; i++) {
            char code[8];
            snprintf(code, sizeof code, "%c%c%cABC", 'A' + i % 26, 'A' + i / 26 % 26,
                     'A' + i / 676);
            counts[hash_stable(code, 6) % loops]++;
        }
        for (unsigned i = 0; i < loops; i++) {
            assert_in_range(counts[i], 16000 / loops * 8 / 10, 16000 / loops * 12 / 10);
        }
    }
}

static void the_keyed_hash_is_even(void **state)
{
    (void)state;
    assert_int_equal(hash_bytes("abc", 3), hash_bytes("abc", 3));
    unsigned counts[64] = {0};
    for (int i = 0; i < 64000; i++) {
        counts[hash_bytes(&i, sizeof i) % 64]++;
    }
    for (int i = 0; i < 64; i++) {
        assert_in_range(counts[i], 800, 1200);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_map_holds_nothing),
        cmocka_unit_test(random_changes_are_kept),
        cmocka_unit_test(memory_follows_the_number_of_entries),
        cmocka_unit_test(put_replaces_key_and_value),
        cmocka_unit_test(keys_are_bytes),
        cmocka_unit_test(the_stable_hash_is_stable),
        cmocka_unit_test(the_stable_hash_spreads),
        cmocka_unit_test(the_keyed_hash_is_even),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
