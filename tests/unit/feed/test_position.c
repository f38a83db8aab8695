/* Positions and ids, and what clients ask for: channels and since. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "feed/position.h"

static char *channels[] = {"community_monitor", "a:b", "c", NULL};
static struct feed_wish wish;

static void positions_are_ordered_by_time_then_number(void **state)
{
    (void)state;
    const struct feed_position a = {1, 9}, b = {2, 1}, c = {2, 2};
    assert_true(feed_position_compare(a, b) < 0);
    assert_true(feed_position_compare(c, b) > 0);
    assert_int_equal(feed_position_compare(b, b), 0);
}

static void ids_are_read_strictly_and_written_back(void **state)
{
    (void)state;
    struct feed_id id;
    char text[FEED_ID_SIZE];
    assert_true(feed_id_read(span_of("ab27yz.1732094000123-17"), &id));
    assert_string_equal(id.epoch, "ab27yz");
    assert_true(id.at.ms == 1732094000123 && id.at.number == 17);
    feed_id_write(&id, text);
    assert_string_equal(text, "ab27yz.1732094000123-17");
    assert_true(feed_id_read(span_of("zzzzzz.18446744073709551615-18446744073709551615"), &id));
    feed_id_write(&id, text);
    assert_string_equal(text, "zzzzzz.18446744073709551615-18446744073709551615");
    assert_true(feed_id_read(span_of("0"), &id));
    assert_string_equal(id.epoch, "");
    feed_id_write(&id, text);
    assert_string_equal(text, "0");
    const char *const bad[] = {"",
                               "00",
                               "abcdef",
                               "abcdef.",
                               "abcdef.1",
                               "abcdef.1-",
                               "abcdef.-1",
                               "abcdef.1-0",
                               "abcdef.01-1",
                               "abcdef.1-1 ",
                               "abcde1.1-1",
                               "ABCDEF.1-1",
                               "abcdefg.1-1",
                               "abcde.1-1",
                               "abcdef.1-1-1",
                               "abcdef.1-18446744073709551616"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_false(feed_id_read(span_of(bad[i]), &id));
    }
}

static void a_claim_opens_the_channels_it_names(void **state)
{
    (void)state;
    assert_true(feed_channels_all(channels) == 7);
    assert_true(feed_channels_of_claim(channels, "") == 0);
    assert_true(feed_channels_of_claim(channels, "a:b") == 2);
    assert_true(feed_channels_of_claim(channels, "c,other,community_monitor") == 5);
    assert_true(feed_channels_of_claim(channels, "*") == 7);
    assert_true(feed_channels_of_claim(channels, "other,*") == 7);
    assert_true(feed_channels_of_claim(channels, "*,c") == 7);
    assert_true(feed_channels_of_claim(channels, "community") == 0);
}

static void expect_channels(uint64_t allowed, const char *text, enum feed_wish_result result,
                            uint64_t mask)
{
    assert_int_equal(feed_wish_channels(channels, allowed, span_of(text), &wish), result);
    if (result == FEED_WISH_OK) {
        assert_true(wish.channels == mask);
    }
}

static void channels_are_named_or_all_that_are_allowed(void **state)
{
    (void)state;
    expect_channels(7, "", FEED_WISH_OK, 7);
    expect_channels(5, "", FEED_WISH_OK, 5);
    expect_channels(7, "a:b", FEED_WISH_OK, 2);
    expect_channels(7, "c,community_monitor", FEED_WISH_OK, 5);
    expect_channels(0, "", FEED_WISH_FORBIDDEN, 0);
    expect_channels(5, "a:b", FEED_WISH_FORBIDDEN, 0);
    expect_channels(7, "*", FEED_WISH_UNKNOWN, 0);
    expect_channels(7, "d", FEED_WISH_UNKNOWN, 0);
    expect_channels(0, "d", FEED_WISH_UNKNOWN, 0);
    expect_channels(7, " c", FEED_WISH_UNKNOWN, 0);
    const char *const bad[] = {",", "c,", ",c", "c,,a:b", "c,c"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        expect_channels(7, bad[i], FEED_WISH_BAD, 0);
    }
}

static enum feed_wish_result since(uint64_t followed, const char *text)
{
    wish = (struct feed_wish){.channels = followed};
    return feed_wish_since(channels, span_of(text), &wish);
}

static void since_names_channels_or_the_only_one(void **state)
{
    (void)state;
    assert_int_equal(since(7, ""), FEED_WISH_OK);
    assert_true(wish.resumes == 0);
    assert_int_equal(since(7, "a:b:abcdef.1-2,c:0"), FEED_WISH_OK);
    assert_true(wish.resumes == 6 && wish.since[1].at.number == 2);
    assert_string_equal(wish.since[1].epoch, "abcdef");
    assert_string_equal(wish.since[2].epoch, "");
    assert_int_equal(since(2, "abcdef.1-2"), FEED_WISH_OK);
    assert_true(wish.resumes == 2 && wish.since[1].at.ms == 1);
    assert_int_equal(since(4, "a:b:abcdef.1-2,c:0"), FEED_WISH_OK); /* that one is not followed */
    assert_true(wish.resumes == 4);
    assert_int_equal(since(7, "d:0"), FEED_WISH_UNKNOWN);
    const char *const bad[] = {"0", "abcdef.1-2", "c:", ":0", "c:x", "c:0,", ",c:0", "c:0,c:0"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        enum feed_wish_result result = since(7, bad[i]);
        assert_true(result == FEED_WISH_BAD || (result == FEED_WISH_UNKNOWN && *bad[i] == ':'));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(positions_are_ordered_by_time_then_number),
        cmocka_unit_test(ids_are_read_strictly_and_written_back),
        cmocka_unit_test(a_claim_opens_the_channels_it_names),
        cmocka_unit_test(channels_are_named_or_all_that_are_allowed),
        cmocka_unit_test(since_names_channels_or_the_only_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
