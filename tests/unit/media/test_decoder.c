/*
 * The decoder's process, from its parent's side. The process that is started is this test's own
 * binary: main() runs the real worker, or, by the amount of memory it is given, one that
 * misbehaves.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "core/metrics.h"
#include "files.h"
#include "media/decoder.h"
#include "media/sandbox.h"
#include "media/worker.h"

enum { CRASH = 901, HANG, SILENT, GARBAGE, LIAR, FLOOD, OPENS, CONNECTS, RUNS, EXECUTABLE, LOOKS };

static void say(int32_t result, uint32_t width, uint32_t bytes)
{
    struct worker_answer head = {.magic = WORKER_MAGIC, .result = result};
    head.image.width = head.image.height = width;
    head.thumb.width = head.thumb.height = 1;
    head.image.bytes = head.thumb.bytes = bytes;
    if (write(STDOUT_FILENO, &head, sizeof head) != sizeof head) {
        _exit(3);
    }
}

/* Says OK where the environment, the descriptors and the signals are as they should be. */
static int look_around(void)
{
    DIR *dir = opendir("/proc/self/fd");
    sigset_t mask;
    int others = 0;
    bool in_order = environ[0] == NULL && sigprocmask(SIG_SETMASK, NULL, &mask) == 0 &&
                    !sigismember(&mask, SIGTERM) && signal(SIGPIPE, SIG_DFL) == SIG_DFL;
    for (struct dirent *entry; dir && (entry = readdir(dir)) != NULL;) {
        others +=
            entry->d_name[0] != '.' && atoi(entry->d_name) > 2 && atoi(entry->d_name) != dirfd(dir);
    }
    say(in_order && others == 0 ? RENDER_TOO_LARGE : RENDER_BROKEN, 0, 0);
    return 0;
}

static int escape(int how)
{
    if (!sandbox_limit(1u << 30, 5, getppid()) || !sandbox_lock()) {
        return 3;
    }
    if (how == OPENS) {
        (void)!open("/etc/passwd", O_RDONLY);
    } else if (how == CONNECTS) {
        (void)!socket(AF_INET, SOCK_STREAM, 0);
    } else if (how == RUNS) {
        execl("/bin/true", "true", (char *)NULL);
    } else {
        (void)!mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    }
    say(RENDER_TOO_LARGE, 0, 0); /* it got through */
    return 0;
}

static int misbehave(int how)
{
    char zeros[4096] = {0};
    switch (how) {
    case CRASH:
        signal(SIGSEGV, SIG_DFL); /* a sanitizer has its own */
        raise(SIGSEGV);
        return 0;
    case HANG:
        for (;;) {
            pause();
        }
    case SILENT:
        return 0;
    case GARBAGE:
        return write(STDOUT_FILENO, zeros, sizeof zeros) == sizeof zeros ? 0 : 3;
    case LIAR: /* pictures that are none */
        say(RENDER_OK, 10, 64);
        return write(STDOUT_FILENO, zeros, 128) == 128 ? 0 : 3;
    case FLOOD:
        say(RENDER_OK, 10, RENDER_BYTES_MAX + 1);
        while (write(STDOUT_FILENO, zeros, sizeof zeros) > 0) {
        }
        return 0;
    case LOOKS:
        return look_around();
    default:
        return escape(how);
    }
}

static struct buf file;
static struct rendering got;
static atomic_bool stop;

static int set_up(void **state)
{
    struct pixels pixels;
    (void)state;
    budget_set(64u << 20);
    buf_init(&file);
    pixels = make_pixels(64, 48, 3);
    make_jpeg(&pixels, &file);
    pixels_free(&pixels);
    got = (struct rendering){0};
    atomic_store(&stop, false);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    render_finish(&got);
    buf_finish(&file);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* all reaped */
    return 0;
}

static enum decoder_result decode(uint32_t memory_mib, uint32_t timeout_ms)
{
    const struct config config = {
        .image_workers = 1, .image_memory = memory_mib, .image_timeout_ms = timeout_ms};
    struct decoder *decoder = decoder_create(&config);
    enum decoder_result result = decoder_run(decoder, &file, &stop, &got);
    decoder_destroy(decoder);
    return result;
}

static void an_image(void **state)
{
    (void)state;
    assert_int_equal(decode(64, 60000), DECODER_OK);
    assert_int_equal(got.image.width, 64);
    assert_int_equal(got.image.height, 48);
    assert_int_equal(got.thumb.width, 64);
    assert_true(got.image.bytes.len > 100 && got.thumb.bytes.len > 100);
    assert_null(file.data); /* freed when it was handed over */
}

static bool works(uint32_t memory_mib)
{
    const struct config config = {
        .image_workers = 1, .image_memory = memory_mib, .image_timeout_ms = 60000};
    struct decoder *decoder = decoder_create(&config);
    bool result = decoder_works(decoder);
    decoder_destroy(decoder);
    return result;
}

static void whether_it_works_is_known_beforehand(void **state)
{
    (void)state;
    assert_true(works(64));
    assert_false(works(SILENT));
}

static void refused_without_a_process(void **state)
{
    (void)state;
    file.data[file.len - 1] = 0;
    assert_int_equal(decode(CRASH, 60000), DECODER_BROKEN);
    file.data[0] = 'x';
    assert_int_equal(decode(CRASH, 60000), DECODER_UNKNOWN);
    buf_clear(&file);
    assert_int_equal(decode(CRASH, 60000), DECODER_UNKNOWN);
    make_png_bomb(100000, &file);
    assert_int_equal(decode(CRASH, 60000), DECODER_TOO_LARGE);
    buf_clear(&file);
    make_png_bomb(16384, &file);
    assert_int_equal(decode(CRASH, 60000), DECODER_TOO_LARGE);
}

static void more_memory_than_allowed(void **state)
{
    (void)state;
    buf_clear(&file);
    make_png_bomb(6000, &file);
    assert_int_equal(decode(100, 60000), DECODER_TOO_LARGE);
}

static void a_crash(void **state)
{
    int64_t crashes = metric_get(METRIC_IMAGE_CRASHES);
    (void)state;
    assert_int_equal(decode(CRASH, 60000), DECODER_BROKEN);
    assert_int_equal(metric_get(METRIC_IMAGE_CRASHES), crashes + 1);
}

static void no_answer_or_a_wrong_one(void **state)
{
    static const uint32_t kinds[] = {SILENT, GARBAGE, LIAR, FLOOD};
    (void)state;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        tear_down(state);
        set_up(state);
        assert_int_equal(decode(kinds[i], 60000), DECODER_BROKEN);
    }
}

static void the_end_of_its_time(void **state)
{
    (void)state;
    assert_int_equal(decode(HANG, 300), DECODER_TOO_LARGE);
}

static void the_end_of_the_server(void **state)
{
    (void)state;
    atomic_store(&stop, true);
    assert_int_equal(decode(HANG, 60000), DECODER_BUSY);
}

static void an_empty_environment(void **state)
{
    sigset_t term, before;
    (void)state;
    sigemptyset(&term);
    sigaddset(&term, SIGTERM);
    sigprocmask(SIG_BLOCK, &term, &before);
    signal(SIGPIPE, SIG_IGN);
    assert_int_equal(setenv("LECTERN_JWT_SECRET", "a secret", 1), 0);
    int inherited = dup(STDIN_FILENO); /* without close-on-exec */
    assert_int_equal(decode(LOOKS, 60000), DECODER_TOO_LARGE);
    close(inherited);
    sigprocmask(SIG_SETMASK, &before, NULL);
}

static void whoever_leaves_the_sandbox_is_killed(void **state)
{
    static const uint32_t ways[] = {OPENS, CONNECTS, RUNS, EXECUTABLE};
    (void)state;
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    skip(); /* they need system calls that it forbids */
#endif
    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
        int64_t crashes = metric_get(METRIC_IMAGE_CRASHES);
        tear_down(state);
        set_up(state);
        assert_int_equal(decode(ways[i], 60000), DECODER_BROKEN);
        assert_int_equal(metric_get(METRIC_IMAGE_CRASHES), crashes + 1);
    }
}

static void *run_one(void *arg)
{
    struct rendering out;
    struct buf copy;
    buf_init(&copy);
    buf_append_span(&copy, buf_span(&file));
    enum decoder_result result = decoder_run(arg, &copy, &stop, &out);
    render_finish(&out);
    buf_finish(&copy);
    return result == DECODER_OK ? NULL : arg;
}

static void more_images_than_processes(void **state)
{
    enum { THREADS = 12 };
    pthread_t threads[THREADS];
    const struct config config = {
        .image_workers = 2, .image_memory = 64, .image_timeout_ms = 60000};
    struct decoder *decoder = decoder_create(&config);
    (void)state;
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, run_one, decoder), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        void *failed;
        pthread_join(threads[i], &failed);
        assert_null(failed);
    }
    decoder_destroy(decoder);
}

int main(int argc, char **argv)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(an_image),
        TEST(refused_without_a_process),
        TEST(more_memory_than_allowed),
        TEST(a_crash),
        TEST(no_answer_or_a_wrong_one),
        TEST(whether_it_works_is_known_beforehand),
        TEST(the_end_of_its_time),
        TEST(the_end_of_the_server),
        TEST(an_empty_environment),
        TEST(whoever_leaves_the_sandbox_is_killed),
        TEST(more_images_than_processes),
    };
    if (argc > 2 && strcmp(argv[1], WORKER_COMMAND) == 0) {
        int memory = atoi(argv[2]);
        _exit(memory >= CRASH ? misbehave(memory) : worker_main(argc, argv));
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
