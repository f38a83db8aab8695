/* Synchronous connections to Redis; see sync.h, and sentinel.h for what sentinels are asked. */
#include "bus/sync.h"

#include <errno.h>
#include <fcntl.h>
#include <hiredis/hiredis.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/clock.h"
#include "bus/reply.h"
#include "bus/resp.h"
#include "bus/sentinel.h"
#include "core/metrics.h"
#include "net/fds.h"

#define READ_FIRST 1024 /* bytes; a script's answer fits */

/* Why the last hiredis call failed. Counts what took too long. */
static void explain(const redisContext *redis, char reason[SYNC_REASON_MAX])
{
    int error = errno;
    if (!redis) {
        snprintf(reason, SYNC_REASON_MAX, "out of memory");
    } else if (redis->err == REDIS_ERR_IO && (error == EAGAIN || error == ETIMEDOUT)) {
        metric_add(METRIC_REDIS_TIMEOUTS, 1);
        snprintf(reason, SYNC_REASON_MAX, "no answer in time");
    } else {
        snprintf(reason, SYNC_REASON_MAX, "%s", redis->errstr);
    }
}

/* As hiredis leaves a context after a failure, errno as it is. */
static int failed(redisContext *redis, int error, const char *text)
{
    int cause = errno;
    redis->err = error;
    snprintf(redis->errstr, sizeof redis->errstr, "%s", text);
    errno = cause;
    return REDIS_ERR;
}

/* What came first, up to READ_FIRST bytes. *full: there may be more. */
static int read_first(redisContext *redis, bool *full)
{
    char bytes[READ_FIRST];
    ssize_t got;
    do {
        got = read(redis->fd, bytes, sizeof bytes);
    } while (got < 0 && errno == EINTR);
    if (got <= 0) {
        return got == 0 ? failed(redis, REDIS_ERR_EOF, "Server closed the connection")
                        : failed(redis, REDIS_ERR_IO, strerror(errno));
    }
    *full = (size_t)got == sizeof bytes;
    if (redisReaderFeed(redis->reader, bytes, (size_t)got)) {
        return failed(redis, redis->reader->err, redis->reader->errstr);
    }
    return REDIS_OK;
}

/*
 * As redisGetReply(), which reads into 16 KiB of stack: each of the HTTP threads would keep a page of
 * that for ever. Few answers are so long that it is worth it.
 */
static int get_reply(redisContext *redis, void **reply)
{
    bool full = false;
    for (int written = 0; !written;) {
        if (redisBufferWrite(redis, &written)) {
            return REDIS_ERR;
        }
    }
    while (!*reply) {
        if (full ? redisBufferRead(redis) : read_first(redis, &full)) {
            return REDIS_ERR;
        }
        if (redisReaderGetReply(redis->reader, reply)) {
            return failed(redis, redis->reader->err, redis->reader->errstr);
        }
    }
    return REDIS_OK;
}

redisReply *sync_exchange(redisContext *redis, const struct buf *command,
                          char reason[SYNC_REASON_MAX])
{
    void *reply = NULL;
    if (redisAppendFormattedCommand(redis, command->data, command->len) ||
        get_reply(redis, &reply)) {
        explain(redis, reason);
        return NULL;
    }
    return reply;
}

static const struct bus_reply *as_bus(const redisReply *reply)
{
    return (const struct bus_reply *)reply;
}

/* As sync_exchange(), for a command that may not have been formatted for want of memory. */
static redisReply *ask(redisContext *redis, const struct buf *command, bool formatted,
                       char reason[SYNC_REASON_MAX])
{
    if (!formatted) {
        snprintf(reason, SYNC_REASON_MAX, "out of memory");
        return NULL;
    }
    return sync_exchange(redis, command, reason);
}

bool sync_introduce(redisContext *redis, const struct buf *command, bool formatted,
                    char reason[SYNC_REASON_MAX])
{
    redisReply *reply = ask(redis, command, formatted, reason);
    bool accepted = reply && reply->type != REDIS_REPLY_ERROR;
    if (reply && !accepted) {
        resp_error_text(bus_reply_text(as_bus(reply)), reason, SYNC_REASON_MAX);
    }
    freeReplyObject(reply);
    return accepted;
}

static redisContext *connect_to(const struct redis_address *address, int64_t timeout_ms,
                                char reason[SYNC_REASON_MAX])
{
    const struct timeval timeout = {timeout_ms / 1000, timeout_ms % 1000 * 1000};
    redisContext *redis = redisConnectWithTimeout(address->host, address->port, timeout);
    if (!redis || redis->err) {
        explain(redis, reason);
        redisFree(redis);
        return NULL;
    }
    fds_own(redis->fd);
    fcntl(redis->fd, F_SETFD, FD_CLOEXEC);
    redisEnableKeepAlive(redis);
    redisSetTimeout(redis, timeout);
    return redis;
}

void sync_close(redisContext *redis)
{
    if (redis) {
        fds_disown(redis->fd);
        redisFree(redis);
    }
}

/* ---- Asking sentinels ---- */

/* Gives one sentinel half of its share to connect and half to answer. */
static enum sentinel_answer ask_sentinel(const struct sync_target *target, size_t index,
                                         struct buf *scratch, struct redis_address *primary,
                                         bool *answered, char reason[SYNC_REASON_MAX])
{
    const struct redis_url *url = &target->url;
    int64_t share_ms = sentinel_share_ms(url, target->timeout_ms);
    redisContext *redis = connect_to(&url->addresses[index], share_ms / 2, reason);
    enum sentinel_answer answer = SENTINEL_REFUSES;
    redisReply *reply = NULL;
    if (redis && (reply = ask(redis, scratch, sentinel_question(scratch, url), reason)) != NULL) {
        answer = sentinel_read(as_bus(reply), url, false, primary, reason);
        *answered = true;
    }
    freeReplyObject(reply);
    if (answer == SENTINEL_WANTS_LOGIN) {
        answer = SENTINEL_REFUSES;
        reply = NULL;
        if (sync_introduce(redis, scratch, resp_auth(scratch, url), reason) &&
            (reply = ask(redis, scratch, sentinel_question(scratch, url), reason)) != NULL) {
            answer = sentinel_read(as_bus(reply), url, true, primary, reason);
        }
        freeReplyObject(reply);
    }
    sync_close(redis);
    return answer;
}

/* The next sentinel is the one to be asked first, unless another thread has seen to that. */
static void doubt(struct sync_target *target, unsigned index)
{
    unsigned expected = index;
    atomic_compare_exchange_strong(&target->sentinel, &expected,
                                   (index + 1) % (unsigned)target->url.address_count);
}

/* True with the address that the first sentinel to name one has given; *index tells which. */
static bool find_primary(struct sync_target *target, struct buf *scratch,
                         struct redis_address *primary, unsigned *index,
                         char reason[SYNC_REASON_MAX])
{
    struct sentinel_failure failure = {.text = ""};
    for (size_t i = 0; i < target->url.address_count; i++) {
        bool answered = false;
        *index = atomic_load(&target->sentinel);
        if (ask_sentinel(target, *index, scratch, primary, &answered, reason) == SENTINEL_NAMES) {
            return true;
        }
        sentinel_failed(&failure, &target->url, *index, answered, reason);
        doubt(target, *index);
    }
    snprintf(reason, SYNC_REASON_MAX, "%s", failure.text);
    return false;
}

/* ---- Connecting ---- */

/* True unless it says that it is a replica: that would accept everything up to the first write. */
static bool is_primary(redisContext *redis, struct buf *scratch, char reason[SYNC_REASON_MAX])
{
    const struct span argv[] = {span_of("ROLE")};
    redisReply *reply = ask(redis, scratch, resp_command(scratch, argv, 1), reason);
    if (!reply) {
        return false;
    }
    bool replica = span_eq(bus_reply_text(bus_reply_at(as_bus(reply), 0)), "slave");
    if (replica) {
        snprintf(reason, SYNC_REASON_MAX, "READONLY: this Redis is a replica");
    }
    freeReplyObject(reply);
    return !replica;
}

static bool introduce(const struct redis_url *url, redisContext *redis, struct buf *scratch,
                      char reason[SYNC_REASON_MAX])
{
    return (url->password[0] == '\0' ||
            sync_introduce(redis, scratch, resp_auth(scratch, url), reason)) &&
           (url->db == 0 || sync_introduce(redis, scratch, resp_select(scratch, url), reason)) &&
           is_primary(redis, scratch, reason);
}

redisContext *sync_connect(struct sync_target *target, struct buf *scratch,
                           char reason[SYNC_REASON_MAX])
{
    struct redis_address address = target->url.addresses[0];
    unsigned sentinel = 0;
    if (target->url.primary[0] != '\0' &&
        !find_primary(target, scratch, &address, &sentinel, reason)) {
        return NULL;
    }
    redisContext *redis = connect_to(&address, target->timeout_ms, reason);
    if (redis && introduce(&target->url, redis, scratch, reason)) {
        return redis;
    }
    sync_close(redis);
    doubt(target, sentinel);
    return NULL;
}
