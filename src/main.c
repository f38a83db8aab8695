/*
 * Start-up order, signals, shutdown. The main thread only waits for signals; civetweb's threads and
 * the workers do the rest.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "account/account.h"
#include "auth/token.h"
#include "base/id.h"
#include "bus/pool.h"
#include "bus/scripts.h"
#include "chat/sweeper.h"
#include "cli.h"
#include "core/config.h"
#include "core/log.h"
#include "http/server.h"
#include "media/blobs.h"
#include "media/decoder.h"
#include "media/worker.h"
#include "net/fds.h"
#include "store/store.h"
#include "worker.h"

#define LOOPS_MAX                                                                                  \
    64 /* LECTERN_LOOPS allows no more; machines with more cores are served by this many */
#define POLL_MS 50 /* how often the end of the workers is looked for */

struct app {
    struct config config;
    struct tokens *tokens;
    struct bus_pool *pool;
    struct store *store;
    struct accounts *accounts;
    struct blobs *blobs;
    struct sweeper *sweeper;
    struct decoder *decoder;
    struct http_server *http;
    struct worker *workers[LOOPS_MAX];
    struct proto_loop *proto_loops[LOOPS_MAX];
    unsigned worker_count;
    char server_id[ID_MAX + 1];
    char incarnation[7]; /* of the server's lives under this name */
    char web_dir[4096];
};

static int fail(const char *what, const char *why)
{
    fprintf(stderr, "lectern: %s%s%s\n", what, why ? ": " : "", why ? why : "");
    return -1;
}

/* Every socket is a descriptor: use all that the system allows. */
static void raise_descriptor_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        if (setrlimit(RLIMIT_NOFILE, &limit)) {
            log_warn("main", "the limit of open descriptors could not be raised");
        }
    }
}

/* The pages are beside the binary unless configured otherwise. */
static void find_web_dir(struct app *app)
{
    if (*app->config.web_dir) {
        snprintf(app->web_dir, sizeof app->web_dir, "%s", app->config.web_dir);
        return;
    }
    ssize_t len = readlink("/proc/self/exe", app->web_dir, sizeof app->web_dir - sizeof "/web");
    app->web_dir[len > 0 ? len : 0] = '\0';
    char *slash = strrchr(app->web_dir, '/');
    strcpy(slash ? slash : app->web_dir, slash ? "/web" : "web");
}

static void name_server(struct app *app)
{
    if (*app->config.server_id) {
        snprintf(app->server_id, sizeof app->server_id, "%s", app->config.server_id);
    } else {
        id_random(app->server_id, 10);
    }
    id_random(app->incarnation, sizeof app->incarnation - 1);
}

static unsigned loop_count(const struct config *config)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    unsigned count = config->loops ? config->loops : cores > 0 ? (unsigned)cores : 1;
    if (config->role == CONFIG_ROLE_API) {
        count = 1; /* no sockets: only a janitor's work */
    }
    return count < LOOPS_MAX ? count : LOOPS_MAX;
}

static int create_workers(struct app *app)
{
    unsigned count = loop_count(&app->config);
    for (unsigned i = 0; i < count; i++) {
        struct worker *worker =
            worker_create(i, &app->config, app->tokens, app->server_id, app->incarnation);
        if (!worker) {
            return fail("no memory for the event loops", NULL);
        }
        app->workers[app->worker_count] = worker;
        app->proto_loops[app->worker_count++] = worker_proto_loop(worker);
    }
    /* Now all descriptors that are open stay open; those of the links are marked by themselves. */
    fds_own_all_open();
    return 0;
}

static int start_workers(struct app *app)
{
    for (unsigned i = 0; i < app->worker_count; i++) {
        if (worker_start(app->workers[i], app->store)) {
            return fail("an event loop could not be started", NULL);
        }
    }
    return 0;
}

static int start(struct app *app)
{
    char error[512];
    app->tokens = tokens_create(&app->config, error, sizeof error);
    if (!app->tokens) {
        return fail("tokens", error);
    }
    raise_descriptor_limit();
    if (fds_init()) {
        return fail("no memory", NULL);
    }
    app->decoder = decoder_create(&app->config);
    if (!app->decoder) {
        return fail("no memory for the image decoders", NULL);
    }
    if (!decoder_works(app->decoder)) {
        log_warn("main", "an image could not be decoded to try it: images will be refused");
    }
    app->blobs = blobs_open(&app->config, error, sizeof error);
    if (!app->blobs) {
        return fail("files", error);
    }
    app->pool = bus_pool_create(&app->config);
    if (!app->pool) {
        return fail("no memory for the Redis connections", NULL);
    }
    if (create_workers(app)) {
        return -1;
    }
    /* Not earlier: the descriptors that it opens are not ours to own (store.h). */
    app->store = store_open(&app->config, error, sizeof error);
    if (!app->store) {
        return fail("store", error);
    }
    app->accounts = accounts_create(&app->config, app->store, app->pool, app->tokens);
    if (!app->accounts) {
        return fail("no memory for accounts", NULL);
    }
    const struct sweeper_context sweeping = {.config = &app->config,
                                             .store = app->store,
                                             .pool = app->pool,
                                             .blobs = app->blobs,
                                             .server_id = app->server_id};
    app->sweeper = sweeper_create(&sweeping);
    if (!app->sweeper) {
        return fail("no memory for the files of chats", NULL);
    }
    /* Not earlier: they tell the others, in Redis, that this server is there. */
    if (start_workers(app)) {
        return -1;
    }
    const struct http_context context = {
        .config = &app->config,
        .tokens = app->tokens,
        .pool = app->pool,
        .accounts = app->accounts,
        .blobs = app->blobs,
        .sweeper = app->sweeper,
        .store = app->store,
        .decoder = app->decoder,
        .server_id = app->server_id,
        .web_dir = app->web_dir,
        .loops = app->proto_loops,
        .loop_count = app->worker_count,
    };
    app->http = http_server_start(&context, error, sizeof error);
    if (!app->http) {
        return fail(app->config.listen, error);
    }
    log_info("main", "lectern " LECTERN_VERSION " server=%s listening on port %u with %u loops",
             app->server_id, http_server_port(app->http), app->worker_count);
    return 0;
}

static bool workers_ended(const struct app *app)
{
    for (unsigned i = 0; i < app->worker_count; i++) {
        if (!worker_ended(app->workers[i])) {
            return false;
        }
    }
    return true;
}

/* SIGHUP: what may change while the server runs. */
static void reload(const struct app *app)
{
    char error[CONFIG_ERROR_MAX];
    int keys = tokens_reload(app->tokens, error, sizeof error);
    if (keys < 0) {
        log_warn("main", "SIGHUP: %s; nothing is changed", error);
    } else {
        log_info("main", "SIGHUP: %d public keys of the login service are in use", keys);
    }
}

/* A second signal ends the process at once. */
static void stop(struct app *app, const sigset_t *signals)
{
    http_server_drain(app->http);
    for (unsigned i = 0; i < app->worker_count; i++) {
        worker_end(app->workers[i]);
    }
    const struct timespec wait = {.tv_nsec = POLL_MS * 1000000L};
    while (!workers_ended(app)) {
        int signal_number = sigtimedwait(signals, NULL, &wait);
        if (signal_number > 0 && signal_number != SIGHUP) {
            log_warn("main", "second signal: ending at once");
            _exit(1);
        }
    }
    signal(SIGHUP, SIG_IGN);
    pthread_sigmask(SIG_UNBLOCK, signals, NULL); /* from here on the default action ends it */
    http_server_stop(app->http);
    for (unsigned i = 0; i < app->worker_count; i++) {
        worker_destroy(app->workers[i]);
    }
    blobs_stop(app->blobs);
    sweeper_destroy(app->sweeper);
    blobs_close(app->blobs);
    accounts_destroy(app->accounts);
    store_close(app->store);
    bus_pool_destroy(app->pool);
    decoder_destroy(app->decoder);
    tokens_destroy(app->tokens);
    config_finish(&app->config);
    log_info("main", "ended");
}

static int serve(struct app *app)
{
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &signals, NULL); /* inherited by every thread started from here on */
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN); /* a file that is too large for the system is an error of write(2) */
    signal(SIGCHLD,
           SIG_DFL); /* inherited as ignored, decoders' ids would be others' when they end */
    find_web_dir(app);
    name_server(app);
    if (start(app)) {
        return 1; /* the process ends: nothing needs to be taken down in order */
    }
    int signal_number;
    while (sigwait(&signals, &signal_number) || signal_number == SIGHUP) {
        reload(app);
    }
    log_info("main", "signal %d: shutting down", signal_number);
    stop(app, &signals);
    return 0;
}

int main(int argc, char **argv)
{
    static struct app app;
    if (argc > 1 && strcmp(argv[1], WORKER_COMMAND) == 0) {
        _exit(worker_main(argc, argv)); /* before the environment is looked at: it has none */
    }
    if (argc == 2 && strcmp(argv[1], "--help") == 0) {
        cli_help(stdout);
        return 0;
    }
    if (argc == 2 && strcmp(argv[1], "--version") == 0) {
        puts("lectern " LECTERN_VERSION);
        return 0;
    }
    char error[512];
    if (config_load(&app.config, environ, error, sizeof error)) {
        fail(error, NULL);
        config_finish(&app.config);
        return 2;
    }
    log_set_level(app.config.log_level);
    if (id_init()) {
        fail("the system gives no random numbers", NULL);
        return 1;
    }
    bus_scripts_init();
    if (argc > 1) {
        return cli_run(&app.config, argc, argv);
    }
    return serve(&app);
}
