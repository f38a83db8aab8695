/* The cache of files: bounded, the least used first, references that outlive it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>

#include "core/metrics.h"
#include "media/cache.h"

#define SIZE 1000
#define EACH (SIZE + sizeof(struct cached) + 1)

static struct cache *cache;

static int set_up(void **state)
{
    (void)state;
    cache = cache_create(10 * EACH);
    return cache ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    cache_destroy(cache);
    assert_int_equal(metric_get(METRIC_FILE_CACHE_BYTES), 0);
    return 0;
}

static void put(char name, size_t size, int64_t now_ms)
{
    char bytes[4 * SIZE];
    memset(bytes, name, sizeof bytes);
    struct cached *file =
        cached_create((struct span){&name, 1}, name == 'p', (struct span){bytes, size}, now_ms);
    assert_non_null(file);
    cache_put(cache, file, now_ms);
    cached_release(file);
}

static void put_all(const char *names)
{
    for (; *names; names++) {
        put(*names, SIZE, 0);
    }
}

/* Letters of the files that are there; looking does not count as use. */
static void expect(const char *names)
{
    char found[32] = "";
    size_t count = 0;
    for (const char *c = names; *c; c++) {
        struct cached *file = cache_get(cache, (struct span){c, 1});
        if (file) {
            assert_int_equal(file->data[0], *c);
            found[count++] = *c;
            cached_release(file);
        }
    }
    assert_string_equal(found, names);
    assert_int_equal(cache_bytes(cache), strlen(names) * EACH);
    assert_int_equal(metric_get(METRIC_FILE_CACHE_BYTES), strlen(names) * EACH);
}

static void the_least_used_gives_way(void **state)
{
    (void)state;
    put_all("abcdefghij");
    cached_release(cache_get(cache, span_of("a")));
    put('k', SIZE, 0);
    put('l', SIZE, 0);
    expect("adefghijkl");
    assert_null(cache_get(cache, span_of("b")));
}

static void the_same_again_replaces_it(void **state)
{
    (void)state;
    put('p', SIZE, 0);
    put('a', SIZE, 0);
    put('p', SIZE, 0);
    expect("ap");
    struct cached *file = cache_get(cache, span_of("p"));
    assert_true(file->png);
    assert_int_equal(file->len, SIZE);
    cached_release(file);
}

static void what_is_too_large_is_not_kept(void **state)
{
    (void)state;
    put('a', SIZE, 0);
    put('b', 2 * SIZE, 0); /* more than an eighth */
    expect("a");
    cache_destroy(cache);
    cache = cache_create(0);
    put('a', 1, 0);
    assert_null(cache_get(cache, span_of("a")));
}

static void idle_ones_go(void **state)
{
    (void)state;
    put('a', SIZE, 0);
    put('b', SIZE, 0);
    put('c', SIZE, 500);
    struct cached *file = cache_get(cache, span_of("a"));
    atomic_store(&file->checked_ms, 1000);
    cached_release(file);
    put('d', SIZE, CACHE_IDLE_MS + 500);
    expect("acd");
}

static void a_reference_outlives_the_cache(void **state)
{
    (void)state;
    put('a', SIZE, 0);
    struct cached *file = cache_get(cache, span_of("a"));
    put_all("bcdefghijkl");
    assert_null(cache_get(cache, span_of("a")));
    assert_int_equal(file->data[SIZE - 1], 'a');
    cached_release(file);
    cached_release(NULL);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(the_least_used_gives_way),       TEST(the_same_again_replaces_it),
        TEST(what_is_too_large_is_not_kept),  TEST(idle_ones_go),
        TEST(a_reference_outlives_the_cache),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
