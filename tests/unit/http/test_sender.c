/* Files sent to many readers by one thread: whole, however slowly; given up in the end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "http/sender.h"
#include "net/fds.h"

#define SIZE (8u << 20) /* more than sockets hold */
#define READERS 40

static struct sender *sender;
static struct cached *file;

static int set_up(void **state)
{
    char *bytes = malloc(SIZE);
    (void)state;
    for (size_t i = 0; bytes && i < SIZE; i++) {
        bytes[i] = (char)(i * 2654435761u >> 13);
    }
    file = cached_create((struct span){"id", 2}, false, (struct span){bytes, SIZE}, 0);
    free(bytes);
    sender = sender_create(READERS + 1);
    return sender && file ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    sender_destroy(sender);
    assert_int_equal(atomic_load(&file->refs), 1);
    cached_release(file);
    return 0;
}

/* A TCP connection: [0] is the reader's end, [1] the server's. */
static void open_pair(int pair[2])
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&address, len), 0);
    assert_int_equal(listen(listener, 1), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &len), 0);
    pair[0] = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(connect(pair[0], (struct sockaddr *)&address, len), 0);
    pair[1] = accept(listener, NULL, NULL);
    assert_true(pair[1] >= 0);
    close(listener);
}

static bool take(int fd, int64_t age_ms, size_t offset)
{
    struct transfer transfer;
    transfer_init(&transfer, fd, TRANSFER_SEND_RATE, NULL);
    transfer.started_ms -= age_ms;
    return sender_take(sender, &transfer, file, offset);
}

/* Reads up to the end; the number of bytes, which must be the file's from `offset` on. */
static size_t read_to_end(int fd, size_t offset)
{
    static char got[1 << 16];
    size_t total = 0;
    ssize_t n;
    while ((n = recv(fd, got, sizeof got, 0)) > 0) {
        assert_memory_equal(got, file->data + offset + total, (size_t)n);
        total += (size_t)n;
    }
    return total;
}

static void whole_files_to_many(void **state)
{
    int pairs[READERS][2];
    (void)state;
    for (size_t i = 0; i < READERS; i++) {
        open_pair(pairs[i]);
        assert_true(take(pairs[i][1], 0, i));
    }
    for (size_t i = 0; i < READERS; i++) { /* one after the other: the last ones are slow */
        assert_int_equal(read_to_end(pairs[i][0], i), SIZE - i);
        close(pairs[i][0]);
    }
}

static void one_that_leaves_does_not_matter(void **state)
{
    int leaver[2], reader[2];
    (void)state;
    open_pair(leaver);
    open_pair(reader);
    assert_true(take(leaver[1], 0, 0));
    close(leaver[0]);
    assert_true(take(reader[1], 0, 0));
    assert_int_equal(read_to_end(reader[0], 0), SIZE);
    close(reader[0]);
}

static void one_that_does_not_read_is_given_up(void **state)
{
    int pair[2];
    (void)state;
    open_pair(pair);
    assert_true(take(pair[1], TRANSFER_GRACE_MS + 3600000, 0)); /* far behind its rate */
    while (atomic_load(&file->refs) > 1) {
        poll(NULL, 0, 10); /* until the sender has let go of it */
    }
    assert_in_range(read_to_end(pair[0], 0), 0, SIZE - 1);
    close(pair[0]);
}

/* It is under way to a reader who does not read: the end must not wait for that. */
static void the_end_cuts_what_is_under_way(void **state)
{
    int pair[2];
    (void)state;
    open_pair(pair);
    assert_true(take(pair[1], 0, 0));
    sender_destroy(sender);
    sender = NULL;
    assert_in_range(read_to_end(pair[0], 0), 0, SIZE - 1);
    close(pair[0]);
}

/* As while a process is started: that the socket is closed here does not end the open file. */
static void a_copy_of_the_socket_does_not_matter(void **state)
{
    int pairs[READERS][2];
    int copies[READERS];
    int reader[2];
    (void)state;
    for (size_t i = 0; i < READERS; i++) {
        open_pair(pairs[i]);
        copies[i] = dup(pairs[i][1]);
        assert_true(take(pairs[i][1], 0, SIZE - 1));
    }
    for (size_t i = 0; i < READERS; i++) {
        assert_int_equal(read_to_end(pairs[i][0], SIZE - 1), 1);
        close(pairs[i][0]); /* ends the job, and makes the copy readable for good */
    }
    while (atomic_load(&file->refs) > 1) {
        poll(NULL, 0, 10);
    }
    /* Those that ended would be looked at again; under a sanitizer that is the end, at the latest. */
    open_pair(reader);
    assert_true(take(reader[1], 0, 0));
    assert_int_equal(read_to_end(reader[0], 0), SIZE);
    close(reader[0]);
    for (size_t i = 0; i < READERS; i++) {
        close(copies[i]);
    }
}

static void no_more_than_so_many(void **state)
{
    int pairs[READERS + 2][2];
    (void)state;
    for (size_t i = 0; i < READERS + 2; i++) {
        open_pair(pairs[i]);
        assert_int_equal(take(pairs[i][1], 0, 0), i < READERS + 1);
    }
    close(pairs[READERS + 1][1]); /* it is still the caller's */
    for (size_t i = 0; i < READERS + 2; i++) {
        close(pairs[i][0]);
    }
}

static void a_socket_that_is_none(void **state)
{
    (void)state;
    assert_false(take(-1, 0, 0));
}

/* The bytes of `file` in a file on disk, marked as ours. */
static int on_disk(size_t len)
{
    char path[] = "/tmp/lectern-sender-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    unlink(path);
    assert_int_equal(write(fd, file->data, len), (ssize_t)len);
    fds_own(fd);
    return fd;
}

static bool take_file(int socket, int fd, int64_t offset, int64_t end)
{
    struct transfer transfer;
    transfer_init(&transfer, socket, TRANSFER_SEND_RATE, NULL);
    return sender_take_file(sender, &transfer, fd, offset, end);
}

static void parts_of_files_on_disk(void **state)
{
    int pairs[READERS / 2][2];
    (void)state;
    for (size_t i = 0; i < READERS / 2; i++) { /* each counts twice */
        open_pair(pairs[i]);
        assert_true(take_file(pairs[i][1], on_disk(SIZE), (int64_t)i, SIZE - (int64_t)i));
    }
    int pair[2];
    int fd = on_disk(1);
    open_pair(pair);
    assert_false(take_file(pair[1], fd, 0, 1));
    close(fd); /* both are still the caller's */
    close(pair[1]);
    close(pair[0]);
    for (size_t i = 0; i < READERS / 2; i++) {
        assert_int_equal(read_to_end(pairs[i][0], i), SIZE - 2 * i);
        close(pairs[i][0]);
    }
}

static void a_file_that_has_become_shorter_is_no_whole_one(void **state)
{
    int pair[2];
    char waste[1 << 16];
    ssize_t n;
    (void)state;
    open_pair(pair);
    assert_true(take_file(pair[1], on_disk(SIZE / 2), 0, SIZE));
    do {
        n = recv(pair[0], waste, sizeof waste, 0);
    } while (n > 0);
    assert_int_equal(n, -1); /* a reset, no end */
    close(pair[0]);
}

static void nothing_to_send_is_an_orderly_end(void **state)
{
    int pair[2];
    (void)state;
    open_pair(pair);
    assert_true(take_file(pair[1], -1, 0, 0));
    assert_int_equal(read_to_end(pair[0], 0), 0);
    close(pair[0]);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(whole_files_to_many),
        TEST(one_that_leaves_does_not_matter),
        TEST(one_that_does_not_read_is_given_up),
        TEST(the_end_cuts_what_is_under_way),
        TEST(no_more_than_so_many),
        TEST(a_copy_of_the_socket_does_not_matter),
        TEST(a_socket_that_is_none),
        TEST(parts_of_files_on_disk),
        TEST(a_file_that_has_become_shorter_is_no_whole_one),
        TEST(nothing_to_send_is_an_orderly_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
