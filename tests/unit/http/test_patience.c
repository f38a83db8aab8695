/* Reads that end when their time is over, and not before. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "http/patience.h"

static void ends_what_takes_too_long(void **state)
{
    (void)state;
    struct patience *patience = patience_create();
    struct patience_wait slow, quick;
    int a[2], b[2];
    char byte = 'x';
    assert_non_null(patience);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, a), 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, b), 0);
    patience_begin(patience, &quick, b[0], 600000);
    patience_begin(patience, &slow, a[0], 100);
    assert_int_equal(read(a[0], &byte, 1), 0); /* blocks until it is ended */
    assert_true(patience_end(patience, &slow));
    assert_int_equal(write(a[0], &byte, 1), 1); /* it can still be answered */
    assert_int_equal(write(b[1], &byte, 1), 1);
    assert_int_equal(read(b[0], &byte, 1), 1);
    assert_false(patience_end(patience, &quick));
    for (int i = 0; i < 2; i++) {
        close(a[i]);
        close(b[i]);
    }
    patience_destroy(patience);
}

static void nobody_waits(void **state)
{
    (void)state;
    patience_destroy(patience_create());
    patience_destroy(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ends_what_takes_too_long),
        cmocka_unit_test(nobody_waits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
