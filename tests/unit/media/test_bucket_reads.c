/* Objects of a bucket for readers who take them piece by piece: all of it, or they are told that it is not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#include "media/bucket_reads.h"

#define NAME "fabcdefghijklmnopqrstuvwxyz"
#define SIZE 100000
#define TURNS 100 /* in which a reader takes what is left, a little at a time */

/* A bucket that answers every request on a connection with the same object. */
struct peer {
    int listener;
    uint16_t port;
    pthread_t thread;
};

static void answer(int fd)
{
    char text[4096], body[SIZE];
    size_t len = 0;
    ssize_t n = 0;
    memset(body, 'x', sizeof body);
    while (len < sizeof text - 1 && (n = recv(fd, text + len, sizeof text - 1 - len, 0)) > 0) {
        len += (size_t)n;
        text[len] = '\0';
        if (strstr(text, "\r\n\r\n")) {
            int head =
                snprintf(text, sizeof text, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", SIZE);
            (void)!send(fd, text, (size_t)head, MSG_NOSIGNAL);
            (void)!send(fd, body, sizeof body, MSG_NOSIGNAL);
            len = 0;
        }
    }
}

static void *serve(void *arg)
{
    const struct peer *peer = arg;
    int fd;
    while ((fd = accept(peer->listener, NULL, NULL)) >= 0) {
        answer(fd);
        close(fd);
    }
    return NULL;
}

static void start_peer(struct peer *peer)
{
    struct sockaddr_in own = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof own;
    peer->listener = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(peer->listener, (struct sockaddr *)&own, len), 0);
    assert_int_equal(listen(peer->listener, 4), 0);
    assert_int_equal(getsockname(peer->listener, (struct sockaddr *)&own, &len), 0);
    peer->port = ntohs(own.sin_port);
    assert_int_equal(pthread_create(&peer->thread, NULL, serve, peer), 0);
}

static void stop_peer(struct peer *peer)
{
    shutdown(peer->listener, SHUT_RDWR);
    pthread_join(peer->thread, NULL);
    close(peer->listener);
}

/* Takes everything but the last bytes at once, and these a little at a time. */
struct taker {
    struct bucket_reader reader;
    int64_t announced, got;
    enum blob_result result;
    bool ended;
    pthread_mutex_t lock;
    pthread_cond_t end;
};

static bool begin(struct bucket_reader *reader, int64_t len)
{
    ((struct taker *)reader)->announced = len;
    return true;
}

static ssize_t take(struct bucket_reader *reader, const char *data, size_t len)
{
    struct taker *taker = (struct taker *)reader;
    bool last = taker->got + (int64_t)len == SIZE;
    size_t n = last ? (len + TURNS - 1) / TURNS : len;
    assert_int_equal(data[0], 'x');
    taker->got += (int64_t)n;
    return (ssize_t)n;
}

static bool late(struct bucket_reader *reader)
{
    (void)reader;
    return false;
}

static void end(struct bucket_reader *reader, enum blob_result result)
{
    struct taker *taker = (struct taker *)reader;
    pthread_mutex_lock(&taker->lock);
    taker->result = result;
    taker->ended = true;
    pthread_cond_signal(&taker->end);
    pthread_mutex_unlock(&taker->lock);
}

static void read_object(struct bucket_reads *reads, struct taker *taker)
{
    int pair[2]; /* a socket that can be written to whenever it is asked */
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    *taker = (struct taker){
        .reader = {.begin = begin, .take = take, .late = late, .end = end, .fd = pair[0]}};
    pthread_mutex_init(&taker->lock, NULL);
    pthread_cond_init(&taker->end, NULL);
    assert_true(bucket_reads_start(reads, NAME, SIZE, 0, SIZE, &taker->reader));
    pthread_mutex_lock(&taker->lock);
    while (!taker->ended) {
        pthread_cond_wait(&taker->end, &taker->lock);
    }
    pthread_mutex_unlock(&taker->lock);
    close(pair[0]);
    close(pair[1]);
}

/* The bucket has said everything by then: what its reader still has to take is not forgotten. */
static void the_end_is_taken_slowly(void **state)
{
    struct peer peer;
    struct taker taker;
    struct files_url url = {.host = "127.0.0.1", .path = "/school", .key = "K", .secret = "S"};
    (void)state;
    start_peer(&peer);
    url.port = peer.port;
    strcpy(url.region, "x");
    struct bucket *bucket = bucket_create(&url);
    struct bucket_reads *reads = bucket_reads_create(bucket, 2);
    assert_non_null(reads);
    read_object(reads, &taker);
    bucket_reads_destroy(reads);
    bucket_destroy(bucket);
    stop_peer(&peer);
    assert_int_equal(taker.announced, SIZE);
    assert_int_equal(taker.got, SIZE);
    assert_int_equal(taker.result, BLOB_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_end_is_taken_slowly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
