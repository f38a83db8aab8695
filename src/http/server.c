/*
 * civetweb's start and end, its options, and the three ways by which requests reach us: the
 * catch-all handler, the upgrades (http/upgrade.h), and errors that civetweb meets itself.
 *
 * civetweb serves no file here (no document_root, CVE-2025-55763), parses no form (CVE-2025-9648),
 * keeps no connection alive and answers no CORS by itself. Its threads are what a slow or silent
 * client could use up: connections are accepted when their first bytes are there
 * (TCP_DEFER_ACCEPT), heads have seconds, bodies and long answers are timed by http/transfer.h.
 */
#include "http/server.h"
#include "http/codes.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "core/log.h"
#include "core/memory.h"
#include "core/metrics.h"
#include "http/answer.h"
#include "http/app.h"
#include "http/head.h"
#include "http/routes.h"
#include "http/upgrade.h"
#include "net/fds.h"

#define HEAD_TIMEOUT_MS "5000" /* for the whole head, and between two reads or writes */
#define QUEUE "64"             /* connections accepted that wait for a thread */
#define BACKLOG "4096"         /* connections not accepted yet, silent ones among them */
#define DEFER_S 60             /* a silent connection stays with the kernel this long */
#define FETCHES 4              /* files that are read from Redis at a time */
#define OBJECTS 16             /* pictures that are fetched from a bucket at a time */
#define KNOWN 8                /* files that the store is asked of at a time */
#define FDS_RESERVE 128        /* descriptors kept from sockets, besides one per thread */
#define READERS_MAX 8192 /* slow readers of files at a time, which take descriptors too; … */
#define BUCKET_READS_MAX 512
#define READERS_SHARE 8 /* … no more than this part of all */

static void observe(const struct request *req)
{
    metric_add(METRIC_HTTP_REQUESTS, 1);
    metric_observe(HISTOGRAM_HTTP, (double)(clock_mono_ns() - req->started_ns) / 1e9);
}

/* Every request that is no upgrade. */
static int on_request(struct mg_connection *conn, void *arg)
{
    struct request req;
    const char *wrong = request_init(&req, arg, conn);
    if (wrong) {
        answer_error(&req, wrong);
    } else {
        routes_dispatch(&req);
    }
    observe(&req);
    request_finish(&req);
    return req.status ? req.status : 499; /* not 0: then civetweb would look for a file */
}

/* civetweb's statuses for what it cannot read, and what we call it. */
static const struct {
    int status;
    const char *code;
} civetweb_errors[] = {
    {400, "bad_request"},        {404, "not_found"},
    {405, "method_not_allowed"}, {411, "bad_request"}, /* a Content-Length that is no number */
    {426, "upgrade_required"},   {505, "http_version"},
};

static int on_error(struct mg_connection *conn, int status, const char *message)
{
    struct http_server *server = mg_get_user_data(mg_get_context(conn));
    const char *code = "internal";
    struct request req;
    for (size_t i = 0; i < sizeof civetweb_errors / sizeof civetweb_errors[0]; i++) {
        if (civetweb_errors[i].status == status) {
            code = civetweb_errors[i].code;
        }
    }
    request_init_unread(&req, server, conn);
    log_debug("http", "%s: %d %s", req.address, status, message ? message : "");
    answer_error(&req, code);
    observe(&req);
    request_finish(&req);
    return 0; /* handled */
}

/*
 * While civetweb starts, what it says on the thread that starts it is the reason why it does not
 * (only that thread looks at `error`); everything else is for debugging.
 */
static int on_log(const struct mg_connection *conn, const char *message)
{
    const struct mg_context *context = conn ? mg_get_context(conn) : NULL;
    struct http_server *server = context ? mg_get_user_data(context) : NULL;
    if (server && pthread_equal(pthread_self(), server->starter) && server->error &&
        !server->error[0]) {
        snprintf(server->error, server->error_cap, "%s", message);
    }
    log_debug("civetweb", "%s", message);
    return 1; /* not to its own log */
}

/* Without it civetweb looks for a password file for every request. */
static int on_authorize(struct mg_connection *conn, void *arg)
{
    (void)conn, (void)arg;
    return 1;
}

static struct mg_context *start_civetweb(struct http_server *server)
{
    char threads[16];
    char head_max[16];
    const struct config *config = server->context.config;
    struct mg_callbacks callbacks = {.http_error = on_error, .log_message = on_log};
    snprintf(threads, sizeof threads, "%u", config->http_threads);
    snprintf(head_max, sizeof head_max, "%d", HEAD_MAX);
    const char *options[][2] = {
        {"listening_ports", config->listen},
        {"num_threads", threads},
        {"request_timeout_ms", HEAD_TIMEOUT_MS},
        {"max_request_size", head_max},
        {"connection_queue", QUEUE},
        {"listen_backlog", BACKLOG},
        {"tcp_nodelay", "1"},
        {"enable_keep_alive", "no"},
        {"decode_url", "no"},
        {"decode_query_string", "no"},
        {"enable_auth_domain_check", "no"},
        {"enable_directory_listing", "no"},
        {"allow_sendfile_call", "no"},
        {"access_control_allow_origin", ""},
        {"access_control_allow_methods", ""},
        {"access_control_allow_headers", ""},
        {NULL, NULL},
    };
    return mg_start(&callbacks, server, options[0]);
}

/* civetweb does not tell its listener: it is the foreign descriptor that accepts connections. */
static void tune_listeners(struct http_server *server)
{
    int end = fds_highest() + 1;
    for (int fd = fds_next_foreign(0); fd >= 0 && fd < end; fd = fds_next_foreign(fd + 1)) {
        int listens = 0;
        int defer = DEFER_S;
        int on = 1;
        socklen_t len = sizeof listens;
        if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &len) < 0 || !listens) {
            continue;
        }
        if (setsockopt(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, &defer, sizeof defer) < 0 ||
            setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) < 0) {
            log_warn("http", "the listener could not be tuned");
        }
        if (server->listener_count < HTTP_LISTENERS_MAX) {
            fds_own(fd);
            server->listeners[server->listener_count++] = fd;
        }
    }
}

static unsigned readers_max(void)
{
    unsigned share = (unsigned)fds_limit() / READERS_SHARE;
    return share < READERS_MAX ? share : READERS_MAX;
}

/* Each has a connection to the bucket besides. */
static unsigned bucket_reads_max(void)
{
    return readers_max() / 2 < BUCKET_READS_MAX ? readers_max() / 2 : BUCKET_READS_MAX;
}

static void set_sockets_max(struct http_server *server)
{
    const struct config *config = server->context.config;
    int64_t limit = fds_limit();
    int64_t most = limit - (int64_t)config->http_threads - FDS_RESERVE - readers_max();
    most = most > limit / 4 ? most : limit / 4;
    if (limit < (int64_t)config->http_threads * 2 + FDS_RESERVE) {
        log_warn("http",
                 "the limit of %lld descriptors is small for %u threads: when all are taken, nobody"
                 " can connect",
                 (long long)limit, config->http_threads);
    }
    server->sockets_max = most;
    if (config->connections_max == 0) {
        return;
    }
    server->sockets_max = config->connections_max;
    if (server->sockets_max > most) {
        log_warn("http",
                 "LECTERN_CONNECTIONS_MAX is more than the limit of %lld descriptors allows:"
                 " %lld sockets",
                 (long long)limit, (long long)most);
        server->sockets_max = most;
    }
}

static void check_memory(const struct config *config)
{
    if (config->memory_max > 0 && memory_over((uint64_t)config->memory_max << 20)) {
        log_warn("http",
                 "LECTERN_MEMORY_MAX=%u is less than the server takes by itself: nobody can"
                 " connect",
                 config->memory_max);
    }
}

static bool read_proxies(struct http_server *server, char *error, size_t error_cap)
{
    char *const *list = server->context.config->trusted_proxies;
    size_t count = 0;
    while (list && list[count]) {
        count++;
    }
    server->proxies = calloc(count + 1, sizeof *server->proxies);
    for (size_t i = 0; server->proxies && i < count; i++) {
        if (!address_range_parse(list[i], &server->proxies[i])) {
            snprintf(error, error_cap, "LECTERN_TRUSTED_PROXIES: %s is no address or network",
                     list[i]);
            return false;
        }
        server->proxy_count++;
    }
    return server->proxies != NULL;
}

static bool start(struct http_server *server, char *error, size_t error_cap)
{
    struct mg_server_port ports[HTTP_LISTENERS_MAX];
    server->pages = pages_load(server->context.web_dir);
    server->limits = limits_create(server->context.config->http_threads);
    server->sending = rates_create();
    server->take = take_create();
    server->files = cache_create(server->context.config->image_cache);
    server->sender = sender_create(readers_max());
    server->patience = patience_create();
    if (server->context.blobs && blobs_bucket(server->context.blobs)) {
        server->reads =
            bucket_reads_create(blobs_bucket(server->context.blobs), bucket_reads_max());
        if (!server->reads) {
            return false;
        }
    }
    codes_guard(server->limits, &server->guard);
    if (!server->pages || !server->limits || !server->sending || !server->take || !server->files ||
        !server->sender || !server->patience || !read_proxies(server, error, error_cap)) {
        return false;
    }
    set_sockets_max(server);
    mg_init_library(MG_FEATURES_DEFAULT);
    server->starter = pthread_self();
    server->error = error;
    server->error_cap = error_cap;
    server->civetweb = start_civetweb(server);
    server->error = NULL;
    if (!server->civetweb) {
        mg_exit_library();
        return false;
    }
    tune_listeners(server);
    mg_set_auth_handler(server->civetweb, "**", on_authorize, server);
    check_memory(server->context.config);
    upgrade_register(server);
    mg_set_request_handler(server->civetweb, "**", on_request, server);
    if (mg_get_server_ports(server->civetweb, HTTP_LISTENERS_MAX, ports) > 0) {
        server->port = (unsigned)ports[0].port;
    }
    return true;
}

struct http_server *http_server_start(const struct http_context *context, char *error,
                                      size_t error_cap)
{
    struct http_server *server = calloc(1, sizeof *server);
    error[0] = '\0';
    if (server) {
        server->context = *context;
        gate_init(&server->fetching, FETCHES);
        gate_init(&server->knowing, KNOWN);
        gate_init(&server->objects, OBJECTS);
        if (start(server, error, error_cap)) {
            error[0] = '\0';
            log_info("http", "listening on %s, %zu files of pages", context->config->listen,
                     pages_count(server->pages));
            return server;
        }
    }
    if (!error[0]) {
        snprintf(error, error_cap, "the HTTP server could not be started");
    }
    http_server_stop(server);
    return NULL;
}

unsigned http_server_port(const struct http_server *server)
{
    return server->port;
}

void http_server_drain(struct http_server *server)
{
    atomic_store(&server->draining, true);
}

void http_server_stop(struct http_server *server)
{
    if (!server) {
        return;
    }
    atomic_store(&server->draining, true);
    atomic_store(&server->stopping, true);
    for (int i = 0; i < server->listener_count; i++) {
        fds_disown(server->listeners[i]);
        /* Wakes the thread that accepts, which looks for the end only every two seconds. */
        shutdown(server->listeners[i], SHUT_RDWR);
    }
    if (server->civetweb) {
        mg_stop(server->civetweb);
        mg_exit_library();
    }
    take_destroy(server->take);
    rates_destroy(server->sending);
    limits_destroy(server->limits);
    bucket_reads_destroy(server->reads); /* leaves sockets to the sender */
    sender_destroy(server->sender);
    patience_destroy(server->patience);
    cache_destroy(server->files);
    gate_finish(&server->fetching);
    gate_finish(&server->knowing);
    gate_finish(&server->objects);
    pages_destroy(server->pages);
    free(server->proxies);
    free(server);
}
