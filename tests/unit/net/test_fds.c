/* Which descriptors are ours. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <unistd.h>

#include "net/fds.h"

static void owning(void **state)
{
    (void)state;
    int fd = fds_limit() - 100;
    assert_int_equal(fds_next_foreign(fd), fd);
    fds_own(fd);
    assert_int_equal(fds_next_foreign(fd), fd + 1);
    fds_own(fd + 2);
    assert_int_equal(fds_next_foreign(fd + 2), fd + 3);
    fds_disown(fd);
    fds_disown(fd + 2);
    assert_int_equal(fds_next_foreign(fd), fd);
    assert_int_equal(fds_next_foreign(fd + 2), fd + 2);
}

static void long_runs_are_skipped(void **state)
{
    (void)state;
    int limit = fds_limit();
    assert_true(limit > 600);
    for (int fd = 300; fd < 565; fd++) {
        fds_own(fd);
    }
    for (int fd = 300; fd < 565; fd++) {
        assert_int_equal(fds_next_foreign(fd), 565);
    }
    assert_int_equal(fds_next_foreign(299), 299);
    for (int fd = 565; fd < limit; fd++) {
        fds_own(fd);
    }
    assert_int_equal(fds_next_foreign(300), -1);
    fds_disown(limit - 1);
    assert_int_equal(fds_next_foreign(300), limit - 1);
    for (int fd = 300; fd < limit; fd++) {
        fds_disown(fd);
    }
    assert_int_equal(fds_next_foreign(300), 300);
}

static void out_of_range(void **state)
{
    (void)state;
    fds_own(-1);
    fds_disown(-1);
    fds_own(fds_limit());
    fds_disown(fds_limit() + 1000000);
    assert_int_equal(fds_next_foreign(fds_limit()), -1);
    assert_int_equal(fds_next_foreign(fds_limit() + 63), -1);
}

static void highest(void **state)
{
    (void)state;
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0 && fds_highest() >= fd && fds_highest_recent() >= fd);
    int far = fcntl(fd, F_DUPFD_CLOEXEC, fds_limit() - 2);
    assert_true(far >= fds_limit() - 2);
    assert_true(fds_highest() >= far);
    assert_true(fds_highest() < fds_limit());
    close(far);
    close(fd);
}

static void all_open(void **state)
{
    (void)state;
    int pair[2];
    assert_int_equal(pipe2(pair, O_CLOEXEC), 0);
    fds_own_all_open();
    int next = open("/dev/null", O_RDONLY | O_CLOEXEC); /* where readdir's own was */
    assert_int_not_equal(fds_next_foreign(0), 0);
    assert_int_not_equal(fds_next_foreign(pair[0]), pair[0]);
    assert_int_not_equal(fds_next_foreign(pair[1]), pair[1]);
    assert_int_equal(fds_next_foreign(next), next);
    close(next);
    close(pair[0]);
    close(pair[1]);
}

static void *own_and_disown(void *arg)
{
    int fd = *(int *)arg;
    for (int i = 0; i < 20000; i++) {
        fds_own(fd);
        if (fds_next_foreign(fd) == fd) {
            return arg;
        }
        fds_disown(fd);
    }
    return NULL;
}

static void threads_share_a_word(void **state)
{
    (void)state;
    pthread_t threads[4];
    int fds[4];
    for (int i = 0; i < 4; i++) {
        fds[i] = 640 + i;
        assert_int_equal(pthread_create(&threads[i], NULL, own_and_disown, &fds[i]), 0);
    }
    for (int i = 0; i < 4; i++) {
        void *failed;
        pthread_join(threads[i], &failed);
        assert_null(failed);
    }
    assert_int_equal(fds_next_foreign(640), 640);
}

int main(void)
{
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = 1000;                               /* not a multiple of 64 */
    if (fds_limit() != 0 || fds_next_foreign(0) != -1) { /* before fds_init() */
        return 1;
    }
    if (setrlimit(RLIMIT_NOFILE, &limit) || fds_init() || fds_limit() != 1000) {
        return 1;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(owning),       cmocka_unit_test(long_runs_are_skipped),
        cmocka_unit_test(out_of_range), cmocka_unit_test(highest),
        cmocka_unit_test(all_open),     cmocka_unit_test(threads_share_a_word),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
