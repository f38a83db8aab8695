/*
 * A private redis-server for a test program: on a free port of 127.0.0.1, in a directory of its
 * own, without persistence. It is ended by its pid, and by the kernel should the test die first.
 */
#ifndef LECTERN_TESTS_UNIT_REDIS_SERVER_H
#define LECTERN_TESTS_UNIT_REDIS_SERVER_H

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define REDIS_PATIENCE_MS 20000 /* until a condition counts as never coming true */

struct redis_server {
    pid_t pid; /* 0: not running */
    int port;
    char dir[64];
    char password[64]; /* "" = none */
};

static inline int64_t test_now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static inline void test_nap(void)
{
    struct timespec t = {0, 2000000};
    nanosleep(&t, NULL);
}

/* Waits until `condition` holds; true if it came to hold. */
#define WAIT_FOR(condition)                                                                        \
    ({                                                                                             \
        int64_t wait_until_ = test_now_ms() + REDIS_PATIENCE_MS;                                   \
        while (!(condition) && test_now_ms() < wait_until_) {                                      \
            test_nap();                                                                            \
        }                                                                                          \
        (condition);                                                                               \
    })

/* A socket listening on a free port of 127.0.0.1 (also used to find such a port). */
static inline int test_listen(int *port)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = {.sin_family = AF_INET};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t len = sizeof address;
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) || listen(fd, 64) ||
        getsockname(fd, (struct sockaddr *)&address, &len)) {
        perror("test_listen");
        exit(1);
    }
    *port = ntohs(address.sin_port);
    return fd;
}

static inline int test_free_port(void)
{
    int port;
    close(test_listen(&port));
    return port;
}

static inline int redis_server_connect(const struct redis_server *server)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)server->port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    struct timeval limit = {5, 0};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    if (connect(fd, (struct sockaddr *)&address, sizeof address)) {
        close(fd);
        return -1;
    }
    return fd;
}

/* True when `reply` holds one whole reply that is no array. */
static inline bool redis_server_whole(const char *reply, size_t len)
{
    const char *end = len ? memmem(reply, len, "\r\n", 2) : NULL;
    if (!end) {
        return false;
    }
    long bulk = reply[0] == '$' ? strtol(reply + 1, NULL, 10) : -1;
    return bulk < 0 || len >= (size_t)(end + 2 - reply) + (size_t)bulk + 2;
}

static inline bool redis_server_exchange(int fd, const char *line, char *out, size_t cap)
{
    char request[512];
    int n = snprintf(request, sizeof request, "%s\r\n", line);
    size_t len = 0;
    out[0] = '\0';
    if (send(fd, request, (size_t)n, MSG_NOSIGNAL) != n) {
        return false;
    }
    while (!redis_server_whole(out, len)) {
        ssize_t got = recv(fd, out + len, cap - 1 - len, 0);
        if (got <= 0) {
            return false;
        }
        len += (size_t)got;
        out[len] = '\0';
    }
    return true;
}

/* Sends inline commands (separated by '\n') on a connection of their own; the last one's reply. */
static inline bool redis_server_ask(const struct redis_server *server, const char *lines, char *out,
                                    size_t cap)
{
    int fd = redis_server_connect(server);
    if (fd < 0) {
        return false;
    }
    bool ok = true;
    char line[512];
    if (server->password[0] != '\0') {
        snprintf(line, sizeof line, "AUTH %s", server->password);
        ok = redis_server_exchange(fd, line, out, cap);
    }
    while (ok && *lines) {
        size_t n = strcspn(lines, "\n");
        snprintf(line, sizeof line, "%.*s", (int)n, lines);
        lines += n + (lines[n] == '\n');
        ok = redis_server_exchange(fd, line, out, cap);
    }
    close(fd);
    return ok;
}

/* The same where the reply does not matter; the test ends when it fails. */
static inline void redis_server_do(const struct redis_server *server, const char *lines)
{
    char out[16384];
    if (!redis_server_ask(server, lines, out, sizeof out)) {
        fprintf(stderr, "redis-server on port %d did not answer: %s\n", server->port, lines);
        exit(1);
    }
}

/* The figure behind a label in INFO, e.g. "total_reads_processed:"; -1: not there. */
static inline long redis_server_info(const struct redis_server *server, const char *label)
{
    char out[65536];
    if (!redis_server_ask(server, "INFO everything", out, sizeof out)) {
        return -1;
    }
    const char *at = strstr(out, label);
    return at ? strtol(at + strlen(label), NULL, 10) : -1;
}

static inline bool redis_server_answers(const struct redis_server *server)
{
    char out[128];
    return redis_server_ask(server, "PING", out, sizeof out) && strcmp(out, "+PONG\r\n") == 0;
}

/* Starts it (again) on server->port. */
static inline void redis_server_run(struct redis_server *server)
{
    char port[16];
    snprintf(port, sizeof port, "%d", server->port);
    server->pid = fork();
    if (server->pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        int null = open("/dev/null", O_RDWR);
        dup2(null, 0);
        dup2(null, 1);
        execlp("redis-server", "redis-server", "--port", port, "--bind", "127.0.0.1", "--dir",
               server->dir, "--save", "", "--appendonly", "no", "--logfile", "redis.log",
               server->password[0] ? "--requirepass" : NULL, server->password, NULL);
        _exit(127);
    }
    if (!WAIT_FOR(redis_server_answers(server) || waitpid(server->pid, NULL, WNOHANG) != 0) ||
        !redis_server_answers(server)) {
        fprintf(stderr, "redis-server does not start\n");
        exit(1);
    }
}

static inline void redis_server_start(struct redis_server *server, const char *password)
{
    memset(server, 0, sizeof *server);
    snprintf(server->dir, sizeof server->dir, "/tmp/lectern-test-XXXXXX");
    snprintf(server->password, sizeof server->password, "%s", password);
    if (!mkdtemp(server->dir)) {
        perror("mkdtemp");
        exit(1);
    }
    server->port = test_free_port();
    redis_server_run(server);
}

static inline void redis_server_kill(struct redis_server *server)
{
    if (server->pid > 0) {
        kill(server->pid, SIGKILL);
        waitpid(server->pid, NULL, 0);
        server->pid = 0;
    }
}

static inline void redis_server_finish(struct redis_server *server)
{
    char log[96];
    redis_server_kill(server);
    snprintf(log, sizeof log, "%s/redis.log", server->dir);
    unlink(log);
    rmdir(server->dir);
}

/* redis://:password@127.0.0.1:port/db */
static inline void redis_server_url(const struct redis_server *server, int db, char out[160])
{
    snprintf(out, 160, "redis://%s%s%s127.0.0.1:%d/%d", server->password[0] ? ":" : "",
             server->password, server->password[0] ? "@" : "", server->port, db);
}

#endif
