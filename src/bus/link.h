/*
 * A loop's link to Redis: one connection for commands, one for subscriptions, treated as one thing
 * that is up or down. Own libuv adapter (hiredis 0.14's stops for ever after a poll error), deadlines
 * on connecting and on every command, reconnecting with jittered backoff, proof of life of the
 * subscription by a message to the server's own channel that must come back.
 *
 * All on the loop's thread. Memory and callbacks never cross threads.
 */
#ifndef LECTERN_BUS_LINK_H
#define LECTERN_BUS_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "bus/reply.h"
#include "bus/scripts.h"
#include "core/config.h"
#include "net/loop.h"

struct bus;

struct bus_events {
    /* Both connections work, scripts are loaded, `server:{serverId}` is subscribed. Subscriptions to
     * other channels are gone and must be made again. */
    void (*up)(void *arg);
    /* The link is lost. Every outstanding callback has run (with a NULL reply) before this. */
    void (*down)(void *arg);
    /* The subscription is confirmed: whatever is published from now on arrives. */
    void (*subscribed)(void *arg, struct span channel);
    /* A message on a subscribed channel. Borrowed for the call. */
    void (*message)(void *arg, struct span channel, struct span payload);
    /* A message on `server:{serverId}` that is not the link's own proof of life. */
    void (*control)(void *arg, struct span payload);
};

/* `reply` is borrowed for the call; NULL: the command was not executed or its outcome is unknown. */
typedef void bus_reply_fn(void *arg, const struct bus_reply *reply);

/* `server_id` is the server's name. NULL when out of memory or the URL is unusable. */
struct bus *bus_create(struct loop *loop, const struct config *config, const char *server_id,
                       const struct bus_events *events, void *arg);

/* Starts connecting; called on the loop. */
void bus_start(struct bus *bus);

/* Ends both connections; outstanding callbacks run with NULL; no event afterwards. `done(arg)` runs
 * when every handle is closed and the memory is freed. On the loop. */
void bus_stop(struct bus *bus, void (*done)(void *arg), void *arg);

bool bus_is_up(const struct bus *bus);

/*
 * Runs a script / a command. Replies come in the order of the calls. Returns 0, or -1 when the link
 * is down or out of memory: then `fn` never runs. `fn` may be NULL.
 * READONLY and LOADING answers take the link down (a fail-over is under way); NOSCRIPT is repaired
 * without the caller noticing.
 */
int bus_script(struct bus *bus, enum bus_script script, const struct span *keys, size_t key_count,
               const struct span *args, size_t arg_count, bus_reply_fn *fn, void *arg)
    __attribute__((warn_unused_result));
int bus_command(struct bus *bus, const struct span *argv, size_t argc, bus_reply_fn *fn, void *arg)
    __attribute__((warn_unused_result));

/* events->subscribed follows. 0, or -1 when the link is down. Unsubscribing never fails. */
int bus_subscribe(struct bus *bus, struct span channel) __attribute__((warn_unused_result));
void bus_unsubscribe(struct bus *bus, struct span channel);

#endif
