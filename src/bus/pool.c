/*
 * The pool of synchronous connections.
 *
 * A slot is taken under the lock, everything that talks to Redis happens without it, then the slot
 * is given back. `idle` is a stack: the connection used last is used first, so that in quiet times
 * the others are left alone. What a restarted Redis left behind is noticed by a look at the socket
 * before a connection is used, never by failing a call on it.
 *
 * The breaker is closed (open_until_ms 0), open until then, or afterwards half open: one call goes
 * through as the probe while the others still fail at once; the probe's outcome closes or opens it.
 * Whoever fails to reach Redis opens it and wakes those who wait for a connection, to fail as well.
 * Every step of a call (waiting for a connection, connecting, each answer) has the time limit, and
 * the first that exceeds it ends the call.
 *
 * READONLY and the like (resp.h), and every failure to get an answer, end the connection and, by
 * `generation`, all others made before: the next call connects anew, and asks sentinels anew where
 * to. So connections to a primary that has died silently cost one time limit, not one each.
 */
#include "bus/pool.h"

#include <errno.h>
#include <hiredis/hiredis.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "base/clock.h"
#include "bus/resp.h"
#include "bus/sync.h"
#include "core/log.h"
#include "core/metrics.h"

#define COMMAND_KEEP (64u << 10) /* bytes for commands that an idle connection keeps */
#define COMPLAIN_MS 1000         /* between two log lines about error replies */

struct connection {
    struct connection *next; /* while idle */
    redisContext *redis;     /* NULL: not connected yet */
    struct buf command;
    unsigned generation;
    bool probe; /* this call decides about the breaker; valid while in use */
};

struct bus_pool {
    struct sync_target target;

    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t changed;
    struct connection *idle;
    unsigned slots; /* connections, idle and in use */
    unsigned waiters;
    int64_t answered_ms; /* when a call was answered last, monotonic; 0: none was made */
    unsigned generation;
    int64_t open_until_ms; /* the breaker; 0: closed */
    bool probing;
    int64_t complained_ms;
};

/* What a call asks for. */
struct request {
    enum bus_script script;  /* BUS_SCRIPT_COUNT: a plain command */
    const struct span *keys; /* of the script */
    size_t key_count;
    const struct span *args; /* of the script, or the whole command */
    size_t arg_count;
};

/* ---- Connections ---- */

static void disconnect(struct connection *connection)
{
    sync_close(connection->redis);
    connection->redis = NULL;
}

static void connection_destroy(struct connection *connection)
{
    disconnect(connection);
    buf_finish(&connection->command);
    free(connection);
}

/* True if Redis has closed it, or said something nobody asked for. */
static bool is_stale(const struct connection *connection)
{
    char byte;
    ssize_t n = recv(connection->redis->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    return n >= 0 || (errno != EAGAIN && errno != EINTR);
}

/* ---- The breaker ---- */

/* With the lock: may a call go through? */
static bool breaker_lets(const struct bus_pool *pool)
{
    return pool->open_until_ms == 0 || (!pool->probing && clock_mono_ms() >= pool->open_until_ms);
}

/* Redis could not be reached, or did not answer. */
static void breaker_open(struct bus_pool *pool, const char *reason)
{
    pthread_mutex_lock(&pool->lock);
    bool was_closed = pool->open_until_ms == 0;
    pool->open_until_ms = clock_mono_ms() + BUS_BREAKER_MS;
    pthread_cond_broadcast(&pool->changed);
    pthread_mutex_unlock(&pool->lock);
    metric_set(METRIC_REDIS_BREAKER_OPEN, 1);
    if (was_closed) {
        log_warn("redis", "requests fail fast from now on: %s", reason);
    }
}

static void breaker_close(struct bus_pool *pool)
{
    pthread_mutex_lock(&pool->lock);
    pool->open_until_ms = 0;
    pthread_cond_broadcast(&pool->changed);
    pthread_mutex_unlock(&pool->lock);
    metric_set(METRIC_REDIS_BREAKER_OPEN, 0);
    log_info("redis", "requests are served again");
}

/* ---- Taking and giving back ---- */

static void until(struct timespec *out, int64_t mono_ms)
{
    out->tv_sec = mono_ms / 1000;
    out->tv_nsec = mono_ms % 1000 * 1000000;
}

/* With the lock: is one more waiter too many? While Redis answers, a crowd passes quickly. */
static bool crowded(const struct bus_pool *pool)
{
    return pool->waiters >= BUS_POOL_WAITERS &&
           clock_mono_ms() - pool->answered_ms > BUS_POOL_STALL_MS;
}

/* With the lock, which is released while waiting: true when there is an idle connection or a free
 * slot and the breaker lets the call through; false when it is to fail. */
static bool wait_for_slot(struct bus_pool *pool)
{
    int64_t now = clock_mono_ms(), deadline = now + pool->target.timeout_ms;
    if (pool->answered_ms == 0) {
        pool->answered_ms = now; /* the first call: nothing is known against Redis */
    }
    while (breaker_lets(pool)) {
        if (pool->idle || pool->slots < BUS_POOL_SIZE) {
            return true;
        }
        now = clock_mono_ms();
        if (now >= deadline || crowded(pool)) {
            return false;
        }
        int64_t look = now + BUS_POOL_STALL_MS; /* is it still answering? */
        struct timespec wake;
        until(&wake, look < deadline ? look : deadline);
        pool->waiters++;
        pthread_cond_timedwait(&pool->changed, &pool->lock, &wake);
        pool->waiters--;
    }
    return false;
}

/* A connection for one call, or NULL. It may not be connected yet. */
static struct connection *take(struct bus_pool *pool)
{
    struct connection *connection = NULL;
    pthread_mutex_lock(&pool->lock);
    if (wait_for_slot(pool)) {
        connection = pool->idle;
        if (connection) {
            pool->idle = connection->next;
        } else if ((connection = calloc(1, sizeof *connection)) != NULL) {
            pool->slots++;
            connection->generation = pool->generation;
        }
    }
    if (connection) {
        connection->probe = pool->open_until_ms != 0;
        pool->probing |= connection->probe;
    }
    bool outdated = connection && connection->generation != pool->generation;
    if (connection) {
        connection->generation = pool->generation;
    }
    pthread_mutex_unlock(&pool->lock);
    if (connection && connection->redis && (outdated || is_stale(connection))) {
        disconnect(connection);
    }
    return connection;
}

/* `useless`: neither it nor any other made so far may serve further calls. */
static void give_back(struct bus_pool *pool, struct connection *connection, bool useless)
{
    if (useless) {
        disconnect(connection);
    }
    if (connection->command.cap > COMMAND_KEEP) {
        buf_finish(&connection->command);
    }
    pthread_mutex_lock(&pool->lock);
    if (connection->probe) {
        pool->probing = false;
    }
    if (useless) {
        pool->generation++;
        pool->slots--;
    } else {
        pool->answered_ms = clock_mono_ms();
        connection->next = pool->idle;
        pool->idle = connection;
    }
    pthread_cond_signal(&pool->changed);
    pthread_mutex_unlock(&pool->lock);
    if (useless) {
        connection_destroy(connection);
    }
}

/* ---- Calls ---- */

static bool format(struct connection *connection, const struct request *request)
{
    if (request->script == BUS_SCRIPT_COUNT) {
        return resp_command(&connection->command, request->args, request->arg_count);
    }
    return resp_evalsha(&connection->command, request->script, request->keys, request->key_count,
                        request->args, request->arg_count);
}

static redisReply *ask_once(struct connection *connection, const struct request *request,
                            char reason[SYNC_REASON_MAX])
{
    if (!format(connection, request)) {
        snprintf(reason, SYNC_REASON_MAX, "out of memory");
        return NULL;
    }
    return sync_exchange(connection->redis, &connection->command, reason);
}

static enum resp_error classify(const redisReply *reply)
{
    return reply->type == REDIS_REPLY_ERROR
               ? resp_classify(bus_reply_text((const struct bus_reply *)reply))
               : RESP_ERROR_OTHER;
}

/* The reply, which may be an error, or NULL with a reason if there is none. */
static redisReply *ask(struct connection *connection, const struct request *request,
                       char reason[SYNC_REASON_MAX])
{
    redisReply *reply = ask_once(connection, request, reason);
    if (!reply || request->script == BUS_SCRIPT_COUNT || classify(reply) != RESP_ERROR_NOSCRIPT) {
        return reply;
    }
    freeReplyObject(reply);
    if (!sync_introduce(connection->redis, &connection->command,
                        resp_script_load(&connection->command, request->script), reason)) {
        return NULL;
    }
    return ask_once(connection, request, reason);
}

/* Logs an error reply, at most one a second. */
static void complain(struct bus_pool *pool, const struct request *request, const redisReply *reply)
{
    int64_t now_ms = clock_mono_ms();
    pthread_mutex_lock(&pool->lock);
    bool silent = pool->complained_ms != 0 && now_ms - pool->complained_ms < COMPLAIN_MS;
    if (!silent) {
        pool->complained_ms = now_ms;
    }
    pthread_mutex_unlock(&pool->lock);
    if (silent) {
        return;
    }
    char text[SYNC_REASON_MAX];
    resp_error_text(bus_reply_text((const struct bus_reply *)reply), text, sizeof text);
    struct span what = request->script == BUS_SCRIPT_COUNT
                           ? request->args[0]
                           : span_of(bus_script_name(request->script));
    log_warn("redis", "%.*s was answered with an error: %s", (int)what.n, what.p, text);
}

static int run(struct bus_pool *pool, const struct request *request, struct bus_reply **out)
{
    char reason[SYNC_REASON_MAX];
    struct connection *connection = take(pool);
    if (!connection) {
        return -1;
    }
    redisReply *reply = NULL;
    if (!connection->redis) {
        connection->redis = sync_connect(&pool->target, &connection->command, reason);
    }
    if (connection->redis) {
        reply = ask(connection, request, reason);
    }
    if (!reply) {
        breaker_open(pool, reason);
        give_back(pool, connection, true);
        return -1;
    }
    if (connection->probe) {
        breaker_close(pool);
    }
    give_back(pool, connection, classify(reply) == RESP_ERROR_USELESS);
    if (reply->type == REDIS_REPLY_ERROR) {
        complain(pool, request, reply);
        freeReplyObject(reply);
        return -1;
    }
    *out = (struct bus_reply *)reply;
    return 0;
}

int bus_pool_script(struct bus_pool *pool, enum bus_script script, const struct span *keys,
                    size_t key_count, const struct span *args, size_t arg_count,
                    struct bus_reply **reply)
{
    const struct request request = {script, keys, key_count, args, arg_count};
    return run(pool, &request, reply);
}

int bus_pool_command(struct bus_pool *pool, const struct span *argv, size_t argc,
                     struct bus_reply **reply)
{
    const struct request request = {BUS_SCRIPT_COUNT, NULL, 0, argv, argc};
    return run(pool, &request, reply);
}

void bus_reply_free(struct bus_reply *reply)
{
    freeReplyObject(reply);
}

bool bus_pool_ready(struct bus_pool *pool)
{
    const struct span ping = span_of("PING");
    struct bus_reply *reply = NULL;
    if (bus_pool_command(pool, &ping, 1, &reply)) {
        return false;
    }
    bus_reply_free(reply);
    return true;
}

/* ---- From beginning to end ---- */

struct bus_pool *bus_pool_create(const struct config *config)
{
    struct bus_pool *pool = calloc(1, sizeof *pool);
    if (!pool) {
        return NULL;
    }
    const char *wrong = redis_url_parse(span_of(config->redis_url), &pool->target.url);
    if (wrong) {
        log_error("redis", "LECTERN_REDIS_URL: %s", wrong);
        free(pool);
        return NULL;
    }
    pool->target.timeout_ms = config->redis_timeout_ms;
    pthread_mutex_init(&pool->lock, NULL);
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&pool->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    return pool;
}

void bus_pool_destroy(struct bus_pool *pool)
{
    if (!pool) {
        return;
    }
    while (pool->idle) {
        struct connection *connection = pool->idle;
        pool->idle = connection->next;
        connection_destroy(connection);
    }
    pthread_cond_destroy(&pool->changed);
    pthread_mutex_destroy(&pool->lock);
    free(pool);
}
