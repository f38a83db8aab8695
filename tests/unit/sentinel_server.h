/*
 * A private primary, its replica and one sentinel that fails over within about two seconds; and a
 * server with canned answers, for sentinels that are wrong.
 */
#ifndef LECTERN_TESTS_UNIT_SENTINEL_SERVER_H
#define LECTERN_TESTS_UNIT_SENTINEL_SERVER_H

#include <pthread.h>
#include <stdatomic.h>

#include "unit/redis_server.h"

#define SENTINEL_PRIMARY "school"
#define SENTINEL_URL_MAX 320

struct sentinel_group {
    struct redis_server primary, replica; /* as they began */
    struct redis_server sentinel;
};

static inline void sentinel_run(struct redis_server *sentinel)
{
    char conf[96];
    snprintf(conf, sizeof conf, "%s/sentinel.conf", sentinel->dir);
    sentinel->pid = fork();
    if (sentinel->pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        int null = open("/dev/null", O_RDWR);
        dup2(null, 0);
        dup2(null, 1);
        execlp("redis-server", "redis-server", conf, "--sentinel", NULL);
        _exit(127);
    }
    if (!WAIT_FOR(redis_server_answers(sentinel))) {
        fprintf(stderr, "the sentinel does not start\n");
        exit(1);
    }
}

/* Writes its configuration; sentinel_run() starts it. */
static inline void sentinel_prepare(struct redis_server *sentinel,
                                    const struct redis_server *primary, const char *password)
{
    char conf[96];
    memset(sentinel, 0, sizeof *sentinel);
    snprintf(sentinel->dir, sizeof sentinel->dir, "/tmp/lectern-test-XXXXXX");
    snprintf(sentinel->password, sizeof sentinel->password, "%s", password);
    if (!mkdtemp(sentinel->dir)) {
        perror("mkdtemp");
        exit(1);
    }
    sentinel->port = test_free_port();
    snprintf(conf, sizeof conf, "%s/sentinel.conf", sentinel->dir);
    FILE *file = fopen(conf, "w");
    fprintf(file,
            "port %d\nbind 127.0.0.1\ndir %s\nlogfile redis.log\n"
            "sentinel monitor " SENTINEL_PRIMARY " 127.0.0.1 %d 1\n"
            "sentinel down-after-milliseconds " SENTINEL_PRIMARY " 500\n"
            "sentinel failover-timeout " SENTINEL_PRIMARY " 2000\n",
            sentinel->port, sentinel->dir, primary->port);
    if (primary->password[0] != '\0') {
        fprintf(file, "sentinel auth-pass " SENTINEL_PRIMARY " %s\n", primary->password);
    }
    if (password[0] != '\0') {
        fprintf(file, "requirepass %s\n", password);
    }
    fclose(file);
}

static inline void sentinel_finish(struct redis_server *sentinel)
{
    char conf[96];
    snprintf(conf, sizeof conf, "%s/sentinel.conf", sentinel->dir);
    unlink(conf);
    redis_server_finish(sentinel);
}

/* True once the sentinel could fail over: it has heard from the replica. */
static inline bool sentinel_knows_replica(const struct redis_server *sentinel)
{
    char out[8192];
    return redis_server_ask(sentinel, "SENTINEL REPLICAS " SENTINEL_PRIMARY, out, sizeof out) &&
           strstr(out, "runid\r\n$40") && strstr(out, "master-link-status\r\n$2\r\nok");
}

static inline void sentinel_group_start(struct sentinel_group *group, const char *password,
                                        const char *sentinel_password)
{
    char lines[256];
    redis_server_start(&group->primary, password);
    redis_server_start(&group->replica, password);
    snprintf(lines, sizeof lines, "%s%s%sREPLICAOF 127.0.0.1 %d",
             password[0] ? "CONFIG SET masterauth " : "", password, password[0] ? "\n" : "",
             group->primary.port);
    redis_server_do(&group->replica, "CONFIG SET repl-diskless-load on-empty-db");
    redis_server_do(&group->primary, "CONFIG SET repl-diskless-sync-delay 0");
    if (password[0] != '\0') { /* it will be a replica, too */
        char masterauth[128];
        snprintf(masterauth, sizeof masterauth, "CONFIG SET masterauth %s", password);
        redis_server_do(&group->primary, masterauth);
    }
    redis_server_do(&group->replica, lines);
    sentinel_prepare(&group->sentinel, &group->primary, sentinel_password);
    sentinel_run(&group->sentinel);
    if (!WAIT_FOR(sentinel_knows_replica(&group->sentinel))) {
        fprintf(stderr, "the sentinel does not find the replica\n");
        exit(1);
    }
}

static inline void sentinel_group_finish(struct sentinel_group *group)
{
    sentinel_finish(&group->sentinel);
    redis_server_finish(&group->replica);
    redis_server_finish(&group->primary);
}

/* redis+sentinel://[:password@]127.0.0.1:port/school; `before` are addresses to be asked first. */
static inline void sentinel_group_url(const struct sentinel_group *group, const char *before,
                                      char out[SENTINEL_URL_MAX])
{
    const char *password = group->primary.password;
    snprintf(out, SENTINEL_URL_MAX, "redis+sentinel://%s%s%s%s127.0.0.1:%d/" SENTINEL_PRIMARY,
             password[0] ? ":" : "", password, password[0] ? "@" : "", before,
             group->sentinel.port);
}

/* ---- Canned answers ---- */

#define CANNED_MAX 96

struct canned {
    int port, listener;
    _Atomic(const char *) answer; /* to whatever is sent */
    atomic_int asked;
    pthread_t thread;
};

static inline void *canned_serve(void *arg)
{
    struct canned *canned = arg;
    for (int fd; (fd = accept(canned->listener, NULL, NULL)) >= 0; close(fd)) {
        char in[512];
        if (recv(fd, in, sizeof in, 0) > 0) {
            canned->asked++;
            const char *answer = canned->answer;
            if (send(fd, answer, strlen(answer), MSG_NOSIGNAL) > 0) {
                while (recv(fd, in, sizeof in, 0) > 0) { /* until it is closed */
                }
            }
        }
    }
    return NULL;
}

static inline void canned_start(struct canned *canned, const char *answer)
{
    memset(canned, 0, sizeof *canned);
    canned->answer = answer;
    canned->listener = test_listen(&canned->port);
    pthread_create(&canned->thread, NULL, canned_serve, canned);
}

/* The answer that names this server. */
static inline void canned_address(char out[CANNED_MAX], const char *host, int port)
{
    char digits[16];
    int n = snprintf(digits, sizeof digits, "%d", port);
    snprintf(out, CANNED_MAX, "*2\r\n$%zu\r\n%s\r\n$%d\r\n%s\r\n", strlen(host), host, n, digits);
}

static inline void canned_stop(struct canned *canned)
{
    shutdown(canned->listener, SHUT_RDWR);
    pthread_join(canned->thread, NULL);
    close(canned->listener);
}

#endif
