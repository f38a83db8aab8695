/*
 * A private PostgreSQL for a test program: on a free port of 127.0.0.1, in a directory of its own, as
 * another user when the test is root's (it refuses to run as root). It is ended by its pid, and by the
 * kernel should the test die first. tests/integration/postgres.mjs is the same for Node.
 */
#ifndef LECTERN_TESTS_UNIT_POSTGRES_SERVER_H
#define LECTERN_TESTS_UNIT_POSTGRES_SERVER_H

#include <glob.h>
#include <grp.h>
#include <libpq-fe.h>
#include <pwd.h>

#include "unit/redis_server.h"

struct postgres_server {
    pid_t pid; /* 0: not running */
    int port;
    char dir[64];  /* "data" in it is the cluster */
    char bin[128]; /* where the programs are, with a slash; "" = in the PATH */
};

/* Debian keeps the programs out of the PATH; the newest version there is. */
static inline void postgres_server_locate(struct postgres_server *server)
{
    glob_t found;
    server->bin[0] = '\0';
    if (glob("/usr/lib/postgresql/*/bin/initdb", 0, NULL, &found) == 0) {
        const char *last = found.gl_pathv[found.gl_pathc - 1];
        snprintf(server->bin, sizeof server->bin, "%.*s", (int)(strlen(last) - strlen("initdb")),
                 last);
        globfree(&found);
    }
}

static inline const struct passwd *postgres_server_user(void)
{
    const struct passwd *user = getpwnam("postgres");
    return user ? user : getpwnam("nobody");
}

/* Starts a program of PostgreSQL's, its output in a file; the pid. */
static inline pid_t postgres_server_spawn(const struct postgres_server *server, const char *name,
                                          const char *const *args)
{
    char program[192];
    char log[96];
    const struct passwd *user = getuid() == 0 ? postgres_server_user() : NULL;
    snprintf(program, sizeof program, "%s%s", server->bin, name);
    snprintf(log, sizeof log, "%s/%s.log", server->dir, name);
    pid_t pid = fork();
    if (pid != 0) {
        return pid;
    }
    if (user && (setgroups(0, NULL) || setgid(user->pw_gid) || setuid(user->pw_uid))) {
        _exit(126);
    }
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    dup2(open("/dev/null", O_RDONLY), 0);
    dup2(open(log, O_WRONLY | O_CREAT | O_APPEND, 0600), 1);
    dup2(1, 2);
    setenv("LC_ALL", "C.UTF-8", 1);
    /* By the name that it is called by, initdb looks for the others beside it. */
    const char *argv[16] = {program};
    for (size_t i = 1; args[i] && i + 1 < sizeof argv / sizeof *argv; i++) {
        argv[i] = args[i];
    }
    if (chdir("/") == 0) {
        execvp(program, (char *const *)argv);
    }
    _exit(127);
}

static inline void postgres_server_url(const struct postgres_server *server, const char *database,
                                       char out[160])
{
    snprintf(out, 160, "postgresql://lectern@127.0.0.1:%d/%s", server->port, database);
}

/* Runs SQL in a database; true if it worked. `out` (may be NULL) gets the first value. */
static inline bool postgres_server_ask(const struct postgres_server *server, const char *database,
                                       const char *sql, char *out, size_t cap)
{
    char url[160];
    postgres_server_url(server, database, url);
    PGconn *conn = PQconnectdb(url);
    PGresult *result = PQstatus(conn) == CONNECTION_OK ? PQexec(conn, sql) : NULL;
    ExecStatusType status = PQresultStatus(result);
    bool ok = status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK;
    if (ok && out) {
        snprintf(out, cap, "%s", PQntuples(result) > 0 ? PQgetvalue(result, 0, 0) : "");
    }
    PQclear(result);
    PQfinish(conn);
    return ok;
}

static inline void postgres_server_do(const struct postgres_server *server, const char *database,
                                      const char *sql)
{
    if (!postgres_server_ask(server, database, sql, NULL, 0)) {
        fprintf(stderr, "PostgreSQL on port %d refused or did not answer: %s\n", server->port, sql);
        exit(1);
    }
}

/* Starts it (again) on server->port. Processes of a killed one may still have to notice. */
static inline void postgres_server_run(struct postgres_server *server)
{
    char data[80];
    char port[16];
    snprintf(data, sizeof data, "%s/data", server->dir);
    snprintf(port, sizeof port, "%d", server->port);
    const char *const args[] = {"postgres",  "-D",
                                data,        "-p",
                                port,        "-k",
                                server->dir, "-F",
                                "-c",        "listen_addresses=127.0.0.1",
                                "-c",        "deadlock_timeout=50ms",
                                NULL};
    server->pid = postgres_server_spawn(server, "postgres", args);
    if (!WAIT_FOR(postgres_server_ask(server, "postgres", "SELECT 1", NULL, 0) ||
                  (waitpid(server->pid, NULL, WNOHANG) > 0 &&
                   (server->pid = postgres_server_spawn(server, "postgres", args)) < 0))) {
        fprintf(stderr, "PostgreSQL does not start: see %s/postgres.log\n", server->dir);
        exit(1);
    }
}

static inline void postgres_server_start(struct postgres_server *server)
{
    memset(server, 0, sizeof *server);
    snprintf(server->dir, sizeof server->dir, "/tmp/lectern-test-XXXXXX");
    char data[80];
    int status = -1;
    postgres_server_locate(server);
    if (!mkdtemp(server->dir)) {
        perror("mkdtemp");
        exit(1);
    }
    if (getuid() == 0 &&
        chown(server->dir, postgres_server_user()->pw_uid, postgres_server_user()->pw_gid)) {
        perror("chown");
        exit(1);
    }
    snprintf(data, sizeof data, "%s/data", server->dir);
    const char *const args[] = {"initdb",    "-D",    data, "-U",   "lectern",
                                "-A",        "trust", "-E", "UTF8", "--locale=C.UTF-8",
                                "--no-sync", NULL};
    waitpid(postgres_server_spawn(server, "initdb", args), &status, 0);
    if (status != 0) {
        fprintf(stderr, "initdb failed: see %s/initdb.log\n", server->dir);
        exit(1);
    }
    server->port = test_free_port();
    postgres_server_run(server);
}

static inline void postgres_server_kill(struct postgres_server *server)
{
    if (server->pid > 0) {
        kill(server->pid, SIGKILL);
        waitpid(server->pid, NULL, 0);
        server->pid = 0;
    }
}

static inline void postgres_server_finish(struct postgres_server *server)
{
    char command[96];
    if (server->pid > 0) {
        kill(server->pid, SIGINT); /* "fast": does not wait for its clients */
        waitpid(server->pid, NULL, 0);
        server->pid = 0;
    }
    snprintf(command, sizeof command, "rm -rf %s", server->dir);
    if (system(command)) {
        fprintf(stderr, "%s could not be removed\n", server->dir);
    }
}

#endif
