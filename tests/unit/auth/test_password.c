/* Passwords: right and wrong ones, the cost of nobody's, and how many hashes may be made at once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <pthread.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "auth/password.h"

#define PATIENT_MS 60000
#define CROWD 6

static struct passwords *passwords;

static int set_up(void **state)
{
    (void)state;
    passwords = sodium_init() < 0 ? NULL : passwords_create(1, PATIENT_MS);
    return passwords ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    passwords_destroy(passwords);
    passwords_destroy(NULL);
    return 0;
}

static enum password_result check(const char *password, const char *hash, bool *outdated)
{
    return password_check(passwords, span_of(password), hash, outdated);
}

static void only_the_right_one_passes(void **state)
{
    (void)state;
    char hash[PASSWORD_HASH_SIZE], again[PASSWORD_HASH_SIZE];
    bool outdated = true;
    assert_int_equal(password_hash(passwords, span_of("correct horse"), hash), PASSWORD_OK);
    assert_int_equal(password_hash(passwords, span_of("correct horse"), again), PASSWORD_OK);
    assert_string_not_equal(hash, again);
    assert_int_equal(strncmp(hash, "$argon2id$v=19$m=32768,t=3,p=1$", 31), 0);
    assert_int_equal(check("correct horse", hash, &outdated), PASSWORD_OK);
    assert_false(outdated);
    assert_int_equal(check("correct horsf", hash, &outdated), PASSWORD_WRONG);
    assert_int_equal(check("correct horse ", hash, &outdated), PASSWORD_WRONG);
    assert_int_equal(check("", hash, &outdated), PASSWORD_WRONG);
}

static void nobody_has_no_password(void **state)
{
    (void)state;
    bool outdated = true;
    assert_int_equal(check("correct horse", NULL, &outdated), PASSWORD_WRONG);
    assert_false(outdated);
    /* What is no hash is nobody's either. */
    assert_int_equal(check("correct horse", "", &outdated), PASSWORD_WRONG);
    assert_int_equal(check("correct horse", "correct horse", &outdated), PASSWORD_WRONG);
}

/* The processor time of this thread in ns. */
static int64_t cpu_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

/* An unknown account must do the work of a known one, not answer at once. */
static void nobody_costs_as_much(void **state)
{
    (void)state;
    char hash[PASSWORD_HASH_SIZE];
    bool outdated;
    assert_int_equal(password_hash(passwords, span_of("correct horse"), hash), PASSWORD_OK);
    int64_t start = cpu_ns();
    assert_int_equal(check("wrong horse", hash, &outdated), PASSWORD_WRONG);
    int64_t known = cpu_ns() - start;
    start = cpu_ns();
    assert_int_equal(check("wrong horse", NULL, &outdated), PASSWORD_WRONG);
    assert_true(cpu_ns() - start > known / 8); /* of the same order, on any machine */
}

static void old_parameters_are_noticed(void **state)
{
    (void)state;
    char hash[PASSWORD_HASH_SIZE];
    bool outdated = false;
    const char *old = "correct horse";
    assert_int_equal(
        crypto_pwhash_str_alg(hash, old, strlen(old), 1, 8 << 20, crypto_pwhash_ALG_ARGON2ID13), 0);
    assert_int_equal(check(old, hash, &outdated), PASSWORD_OK);
    assert_true(outdated);
    assert_int_equal(check("wrong horse", hash, &outdated), PASSWORD_WRONG);
    assert_false(outdated);
}

static void what_a_password_is(void **state)
{
    (void)state;
    char longest[PASSWORD_MAX + 2];
    memset(longest, 'a', sizeof longest);
    assert_true(password_valid(span_of("12345678")));
    assert_true(password_valid(span_of("비밀번호"))); /* bytes count, not characters */
    assert_true(password_valid((struct span){longest, PASSWORD_MAX}));
    assert_false(password_valid((struct span){longest, PASSWORD_MAX + 1}));
    assert_false(password_valid(span_of("1234567")));
    assert_false(password_valid(span_of("")));
    assert_false(password_valid((struct span){NULL, 0}));
    assert_false(password_valid(span_of("\xff\xfe"
                                        "345678")));
    assert_false(password_valid((struct span){"1234\0"
                                              "5678",
                                              9}));
}

static void *hash_one(void *arg)
{
    char hash[PASSWORD_HASH_SIZE];
    *(enum password_result *)arg = password_hash(passwords, span_of("correct horse"), hash);
    return NULL;
}

static long peak_kib(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_maxrss;
}

/* A crowd gets through one after the other, in the memory of one. */
static void a_crowd_takes_the_memory_of_one(void **state)
{
    (void)state;
    enum password_result results[CROWD];
    pthread_t threads[CROWD];
    char hash[PASSWORD_HASH_SIZE];
    assert_int_equal(password_hash(passwords, span_of("correct horse"), hash), PASSWORD_OK);
    long before = peak_kib();
    for (int i = 0; i < CROWD; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, hash_one, &results[i]), 0);
    }
    for (int i = 0; i < CROWD; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(results[i], PASSWORD_OK);
    }
    assert_true(peak_kib() - before < (long)(PASSWORD_MEMORY / 1024));
}

static void without_a_place_it_is_busy(void **state)
{
    (void)state;
    struct passwords *none = passwords_create(0, 5);
    char hash[PASSWORD_HASH_SIZE];
    bool outdated;
    assert_int_equal(password_hash(none, span_of("correct horse"), hash), PASSWORD_BUSY);
    assert_int_equal(password_check(none, span_of("correct horse"), NULL, &outdated),
                     PASSWORD_BUSY);
    passwords_destroy(none);
    assert_in_range(passwords_default_places(), 1, 4);
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
/* Without memory: not "wrong", which would be charged to the account. */
static void no_memory_is_no_wrong_password(void **state)
{
    (void)state;
    char hash[PASSWORD_HASH_SIZE];
    int status;
    assert_int_equal(password_hash(passwords, span_of("correct horse"), hash), PASSWORD_OK);
    pid_t child = fork();
    if (child == 0) {
        struct rlimit little = {20 << 20, 20 << 20};
        bool outdated;
        bool right = setrlimit(RLIMIT_AS, &little) == 0 &&
                     check("correct horse", hash, &outdated) == PASSWORD_FAILED &&
                     password_hash(passwords, span_of("correct horse"), hash) == PASSWORD_FAILED;
        _exit(right ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_the_right_one_passes),
        cmocka_unit_test(nobody_has_no_password),
        cmocka_unit_test(nobody_costs_as_much),
        cmocka_unit_test(old_parameters_are_noticed),
        cmocka_unit_test(what_a_password_is),
        cmocka_unit_test(a_crowd_takes_the_memory_of_one),
        cmocka_unit_test(without_a_place_it_is_busy),
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
        cmocka_unit_test(no_memory_is_no_wrong_password),
#endif
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
