/* Outstanding subscriptions: what confirmations mean, and since when one is missing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "bus/channels.h"

#define A ((struct span){"room:A", 6})
#define B ((struct span){"room:B", 6})

static void sent(struct channels *c, struct span channel, bool wanted, int64_t now)
{
    assert_int_equal(channels_sent(c, channel, wanted, now), 0);
}

static void the_last_command_counts(void **state)
{
    (void)state;
    struct channels c;
    channels_init(&c);
    sent(&c, A, true, 1);
    assert_false(channels_muted(&c, A));
    assert_true(channels_confirmed(&c, A, 2));

    sent(&c, A, false, 3);
    assert_true(channels_muted(&c, A));
    assert_false(channels_muted(&c, B));
    sent(&c, A, true, 4);
    sent(&c, A, false, 5);
    sent(&c, A, true, 6);
    assert_false(channels_confirmed(&c, A, 7));
    assert_false(channels_confirmed(&c, A, 7));
    assert_false(channels_confirmed(&c, A, 7));
    assert_true(channels_muted(&c, A)); /* between the last two commands messages may be missing */
    assert_true(channels_confirmed(&c, A, 7));
    assert_false(channels_muted(&c, A));

    sent(&c, A, true, 8); /* twice: nothing is withheld */
    assert_false(channels_muted(&c, A));
    assert_true(channels_confirmed(&c, A, 9));

    sent(&c, A, true, 10);
    sent(&c, A, false, 10);
    assert_false(channels_confirmed(&c, A, 11));
    assert_false(channels_confirmed(&c, A, 11));
    assert_int_equal(c.pending.len, 0);
    assert_false(channels_confirmed(&c, A, 12)); /* nobody asked */
    channels_finish(&c);
}

static void a_missing_confirmation_is_timed(void **state)
{
    (void)state;
    struct channels c;
    channels_init(&c);
    assert_int_equal(channels_waiting_since(&c), 0);
    sent(&c, A, true, 100);
    sent(&c, B, true, 150);
    assert_int_equal(channels_waiting_since(&c), 100);
    channels_confirmed(&c, A, 200);
    assert_int_equal(channels_waiting_since(&c), 200); /* B's, from here */
    sent(&c, A, false, 300);
    assert_int_equal(channels_waiting_since(&c), 200);
    channels_confirmed(&c, B, 400);
    assert_int_equal(channels_waiting_since(&c), 400);
    channels_confirmed(&c, A, 500);
    assert_int_equal(channels_waiting_since(&c), 0);
    sent(&c, B, false, 600);
    assert_int_equal(channels_waiting_since(&c), 600);
    channels_finish(&c); /* with something outstanding */
    assert_int_equal(channels_waiting_since(&c), 0);
    channels_finish(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_last_command_counts),
        cmocka_unit_test(a_missing_confirmation_is_timed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
