/* Files in a directory: whole or not at all, whatever ends them; erased, swept, listed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/id.h"
#include "media/blobs.h"

#define NAME "fabcdefghijklmnopqrstuvwxyz"
#define OTHER "fabzyxwvutsrqponmlkjihgfedc"

static char root[] = "/tmp/lectern-blobs-XXXXXX";
static char url[64];
static struct config config;
static struct blobs *blobs;

static int set_up(void **state)
{
    char error[256];
    (void)state;
    signal(SIGXFSZ, SIG_IGN);
    if (id_init() || !mkdtemp(root)) {
        return -1;
    }
    snprintf(url, sizeof url, "file:%s/a/b/files", root);
    config.files_url = url;
    config.data_dir = root;
    blobs = blobs_open(&config, error, sizeof error);
    return blobs ? 0 : -1;
}

static int tear_down(void **state)
{
    char command[128];
    (void)state;
    blobs_close(blobs);
    snprintf(command, sizeof command, "rm -rf %s", root);
    return system(command); /* NOLINT(cert-env33-c): a directory of our own */
}

/* Gives bytes that tell where they stand, up to `end`; then ends as `after` says. */
struct source {
    int64_t at, end;
    ssize_t after;
    size_t largest; /* piece that was asked for */
};

static ssize_t next(void *arg, void *data, size_t cap)
{
    struct source *source = arg;
    size_t n = (int64_t)cap < source->end - source->at ? cap : (size_t)(source->end - source->at);
    source->largest = cap > source->largest ? cap : source->largest;
    n = n > 1000 ? n - 7 : n; /* never what is asked for */
    for (size_t i = 0; i < n; i++) {
        ((char *)data)[i] = (char)((source->at + (int64_t)i) * 31 >> 3);
    }
    source->at += (int64_t)n;
    return n > 0 ? (ssize_t)n : source->after;
}

static enum blob_result put(const char *name, int64_t len, struct source *source)
{
    return blobs_put(blobs, name, len, next, source, NULL);
}

static unsigned count_in(const char *where)
{
    char path[256];
    unsigned count = 0;
    snprintf(path, sizeof path, "%s/a/b/files/%s", root, where);
    DIR *dir = opendir(path);
    const struct dirent *entry;
    while (dir && (entry = readdir(dir))) {
        count += entry->d_name[0] != '.';
    }
    if (dir) {
        closedir(dir);
    }
    return count;
}

static int64_t size_of(const char *name)
{
    int64_t size = -1;
    enum blob_result result;
    int fd = blobs_open_file(blobs, name, &size, &result);
    if (fd < 0) {
        return result;
    }
    assert_int_equal(result, BLOB_OK);
    close(fd);
    return size;
}

static void names_are_checked(void **state)
{
    static const char *const bad[] = {"",
                                      "f",
                                      "../../etc/passwd",
                                      "gabcdefghijklmnopqrstuvwxyz",
                                      "fabcdefghijklmnopqrstuvwxy1",
                                      NAME "x",
                                      NAME ".x",
                                      NAME ".tt",
                                      "Fabcdefghijklmnopqrstuvwxyz"};
    (void)state;
    assert_true(blob_name_valid(NAME, strlen(NAME)));
    assert_true(blob_name_valid(NAME ".t", strlen(NAME) + 2));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_false(blob_name_valid(bad[i], strlen(bad[i])));
    }
    assert_false(blob_name_valid("fabcdefghijklmno\0qrstuvwxyz", 27));
}

static void what_was_put_is_read(void **state)
{
    const int64_t len = 300001;
    struct source source = {.end = len, .after = 0};
    int64_t size = 0;
    enum blob_result result;
    char got[1000];
    (void)state;
    assert_int_equal(put(NAME, len, &source), BLOB_OK);
    assert_in_range(source.largest, 1, BLOB_PIECE);
    int fd = blobs_open_file(blobs, NAME, &size, &result);
    assert_true(fd >= 0);
    assert_int_equal(size, len);
    assert_int_equal(pread(fd, got, sizeof got, 200000), sizeof got);
    for (int64_t i = 0; i < (int64_t)sizeof got; i++) {
        assert_int_equal(got[i], (char)((200000 + i) * 31 >> 3));
    }
    assert_int_equal(blobs_erase(blobs, NAME), BLOB_OK);
    assert_int_equal(size_of(NAME), BLOB_NONE);
    assert_int_equal(pread(fd, got, sizeof got, 0), sizeof got); /* who reads it goes on */
    close(fd);
    assert_int_equal(blobs_erase(blobs, NAME), BLOB_OK);
}

static void one_without_bytes_is_a_file_too(void **state)
{
    (void)state;
    assert_int_equal(blobs_put_bytes(blobs, NAME, span_of("")), BLOB_OK);
    assert_int_equal(size_of(NAME), 0);
    assert_int_equal(blobs_put_bytes(blobs, NAME ".t", span_of("thumb")), BLOB_OK);
    assert_int_equal(size_of(NAME ".t"), 5);
    assert_int_equal(blobs_erase(blobs, NAME), BLOB_OK);
    assert_int_equal(size_of(NAME ".t"), BLOB_NONE);
}

static void one_that_is_cut_off_leaves_nothing(void **state)
{
    struct source early = {.end = 100000, .after = 0};
    struct source given_up = {.end = 100000, .after = -1};
    atomic_bool stop = true;
    struct source stopped = {.end = 200000};
    (void)state;
    assert_int_equal(put(NAME, 200000, &early), BLOB_CUT);
    assert_int_equal(put(NAME, 200000, &given_up), BLOB_CUT);
    assert_int_equal(blobs_put(blobs, NAME, 200000, next, &stopped, &stop), BLOB_CUT);
    assert_int_equal(stopped.at, 0);
    assert_int_equal(size_of(NAME), BLOB_NONE);
    assert_int_equal(count_in("part"), 0);
}

static void one_that_does_not_fit_is_refused_before_it_comes(void **state)
{
    struct rlimit before, small;
    struct source source = {.end = 300000};
    (void)state;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    small = before;
    small.rlim_cur = 100000;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    assert_int_equal(put(NAME, 300000, &source), BLOB_FULL);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_int_equal(size_of(NAME), BLOB_NONE);
    assert_int_equal(count_in("part"), 0);
    assert_int_equal(blobs_check(blobs), BLOB_OK);
}

/* A database may be on the same disk, and needs some of it. */
static void the_last_of_the_disk_is_not_for_files(void **state)
{
    struct source source = {.end = 0, .after = -1};
    struct statvfs disk;
    (void)state;
    assert_int_equal(statvfs(root, &disk), 0);
    assert_int_equal(put(NAME, (int64_t)disk.f_bavail * (int64_t)disk.f_frsize, &source),
                     BLOB_FULL);
    assert_int_equal(source.largest, 0); /* nothing of it was asked for */
    assert_int_equal(count_in("part"), 0);
}

static void make_old(const char *where)
{
    char path[256];
    const struct timespec old[2] = {{.tv_sec = 1000000}, {.tv_sec = 1000000}};
    snprintf(path, sizeof path, "%s/a/b/files/%s", root, where);
    assert_int_equal(utimensat(AT_FDCWD, path, old, 0), 0);
}

static void what_crashed_is_swept(void **state)
{
    char path[256];
    (void)state;
    snprintf(path, sizeof path, "%s/a/b/files/part/%s.old", root, NAME);
    close(open(path, O_CREAT | O_WRONLY, 0600));
    snprintf(path, sizeof path, "%s/a/b/files/part/%s.new", root, OTHER);
    close(open(path, O_CREAT | O_WRONLY, 0600));
    make_old("part/" NAME ".old");
    blobs_sweep(blobs, 600000, 0);
    assert_int_equal(count_in("part"), 1);
    blobs_sweep(blobs, 0, 0);
    assert_int_equal(count_in("part"), 0);
}

struct seen {
    unsigned count, most;
    char last[BLOB_NAME_SIZE];
};

static bool see(void *arg, const char *name)
{
    struct seen *seen = arg;
    snprintf(seen->last, sizeof seen->last, "%s", name);
    return ++seen->count < seen->most;
}

static void old_files_are_listed_without_thumbnails(void **state)
{
    struct seen seen = {.most = 10};
    struct seen one = {.most = 1};
    (void)state;
    assert_int_equal(blobs_put_bytes(blobs, NAME, span_of("a")), BLOB_OK);
    assert_int_equal(blobs_put_bytes(blobs, NAME ".t", span_of("b")), BLOB_OK);
    assert_int_equal(blobs_put_bytes(blobs, OTHER, span_of("c")), BLOB_OK);
    make_old("ab/" NAME);
    make_old("ab/" NAME ".t");
    blobs_each(blobs, 3600000, see, &seen);
    assert_int_equal(seen.count, 1);
    assert_string_equal(seen.last, NAME);
    seen.count = 0;
    blobs_each(blobs, 0, see, &seen);
    assert_int_equal(seen.count, 2);
    blobs_each(blobs, 0, see, &one);
    assert_int_equal(one.count, 1);
    assert_int_equal(blobs_erase(blobs, NAME), BLOB_OK);
    assert_int_equal(blobs_erase(blobs, OTHER), BLOB_OK);
}

static void what_nobody_owns_is_set_aside_for_a_while(void **state)
{
    (void)state;
    assert_int_equal(blobs_put_bytes(blobs, NAME, span_of("a")), BLOB_OK);
    assert_int_equal(blobs_put_bytes(blobs, NAME ".t", span_of("b")), BLOB_OK);
    make_old("ab/" NAME);
    assert_int_equal(blobs_set_aside(blobs, NAME), BLOB_OK);
    assert_int_equal(size_of(NAME), BLOB_NONE);
    assert_int_equal(size_of(NAME ".t"), BLOB_NONE);
    blobs_sweep(blobs, 600000, 600000);
    assert_int_equal(count_in("lost"), 2);
    make_old("lost/" NAME);
    blobs_sweep(blobs, 600000, 600000);
    assert_int_equal(count_in("lost"), 1);
    blobs_sweep(blobs, 600000, 0);
    assert_int_equal(count_in("lost"), 0);
    assert_int_equal(blobs_set_aside(blobs, NAME), BLOB_OK);
}

static void links_are_not_followed(void **state)
{
    char path[256];
    (void)state;
    assert_int_equal(blobs_put_bytes(blobs, NAME, span_of("a")), BLOB_OK);
    assert_int_equal(blobs_erase(blobs, NAME), BLOB_OK);
    snprintf(path, sizeof path, "%s/a/b/files/ab/%s", root, NAME);
    assert_int_equal(symlink("/etc/passwd", path), 0);
    assert_int_equal(size_of(NAME), BLOB_UNAVAILABLE);
    assert_int_equal(blobs_erase(blobs, NAME), BLOB_OK);
}

static void places_that_cannot_be_are_refused(void **state)
{
    char error[256] = "";
    char bad[] = "file:/proc/none/files";
    struct config wrong = {.files_url = bad, .data_dir = root};
    char none[] = "";
    struct config usual = {.files_url = none, .data_dir = root};
    (void)state;
    assert_null(blobs_open(&wrong, error, sizeof error));
    assert_non_null(strstr(error, "/proc/none/files"));
    struct blobs *own = blobs_open(&usual, error, sizeof error);
    assert_non_null(own);
    assert_null(blobs_bucket(own));
    assert_int_equal(blobs_check(own), BLOB_OK);
    blobs_close(own);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_checked),
        cmocka_unit_test(what_was_put_is_read),
        cmocka_unit_test(one_without_bytes_is_a_file_too),
        cmocka_unit_test(one_that_is_cut_off_leaves_nothing),
        cmocka_unit_test(one_that_does_not_fit_is_refused_before_it_comes),
        cmocka_unit_test(the_last_of_the_disk_is_not_for_files),
        cmocka_unit_test(what_crashed_is_swept),
        cmocka_unit_test(old_files_are_listed_without_thumbnails),
        cmocka_unit_test(what_nobody_owns_is_set_aside_for_a_while),
        cmocka_unit_test(links_are_not_followed),
        cmocka_unit_test(places_that_cannot_be_are_refused),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
