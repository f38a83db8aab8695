/*
 * A loop's link to Redis: one connection for commands, one for subscriptions, treated as one thing
 * that is up or down. Own libuv adapter (hiredis 0.14's stops for ever after a poll error),
 * deadlines on connecting and on every command, reconnecting with jittered backoff, proof of life
 * of the subscription by a message to the server's own channel that must come back.
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

#define BUS_OUTSTANDING_MAX (32 << 20) /* bytes of commands that are not answered yet */

struct bus;

struct bus_events {
    /* Both connections work, scripts are loaded, `server:{serverId}` is subscribed. Subscriptions
     * to other channels are gone and must be made again. */
    void (*up)(void *arg);
    /* The link is lost. Every outstanding callback has run (with a NULL reply) before this. */
    void (*down)(void *arg);
    /* The subscription is confirmed: whatever is published from now on arrives. Once per channel,
     * after the last of several bus_subscribe() and bus_unsubscribe() whose last was the former. */
    void (*subscribed)(void *arg, struct span channel);
    /* A message on a subscribed channel. Borrowed for the call. None comes between
     * bus_unsubscribe() and the next `subscribed` of that channel. */
    void (*message)(void *arg, struct span channel, struct span payload);
    /* A message on `server:{serverId}` that is not a proof of life of one of its links. */
    void (*control)(void *arg, struct span payload);
};

/*
 * `reply` is borrowed for the call, and may be a BUS_ERROR. NULL: the link was lost; the command
 * was not executed, or its outcome is unknown.
 */
typedef void bus_reply_fn(void *arg, const struct bus_reply *reply);

/*
 * `server_id` is the server's name. `events` and `loop` must live until bus_stop() is done;
 * `config` is read here only. NULL when out of memory or the URL is unusable (logged). Any thread.
 */
struct bus *bus_create(struct loop *loop, const struct config *config, const char *server_id,
                       const struct bus_events *events, void *arg);

/*
 * Starts connecting; called on the loop, once. The link then goes up and down by itself until
 * bus_stop(). Events and reply callbacks come from the loop, never from inside a bus_* function
 * other than bus_stop(), and may call any of them, bus_stop() too.
 */
void bus_start(struct bus *bus);

/*
 * Ends both connections, once; outstanding callbacks run with NULL before it returns; no event
 * afterwards. `done(arg)` (may be NULL) runs when every handle is closed and the memory is freed.
 * On the loop; if bus_start() was never called also elsewhere, and `done` then runs inside.
 */
void bus_stop(struct bus *bus, void (*done)(void *arg), void *arg);

bool bus_is_up(const struct bus *bus);

/*
 * Runs a script / a command. Keys and arguments are copied. Everything called in one turn of the
 * loop leaves in one write, before the loop waits again. Returns 0, or -1 when the link is down, more
 * than BUS_OUTSTANDING_MAX is unanswered, or out of memory: then `fn` never runs. `fn` may be NULL. Not for commands that block, subscribe or
 * change the connection's state.
 *
 * Replies come in the order of the calls, each within LECTERN_REDIS_TIMEOUT_MS, or the link goes
 * down. READONLY, LOADING and the like (resp.c) take it down (a fail-over is under way); the calls
 * they answered, and all others outstanding, end with NULL.
 *
 * NOSCRIPT is repaired without the callers of bus_script() noticing: once all calls already sent
 * are answered, the scripts are loaded and the refused calls are sent again in their order, then
 * those made meanwhile. Only a call that was on its way behind the first refused one and succeeded
 * (a plain command; a script that another client had just loaded) is executed and answered before
 * it.
 */
int bus_script(struct bus *bus, enum bus_script script, const struct span *keys, size_t key_count,
               const struct span *args, size_t arg_count, bus_reply_fn *fn, void *arg)
    __attribute__((warn_unused_result));
int bus_command(struct bus *bus, const struct span *argv, size_t argc, bus_reply_fn *fn, void *arg)
    __attribute__((warn_unused_result));

/* events->subscribed follows. 0, or -1 when the link is down. Unsubscribing never fails. All
 * subscriptions end with the link. */
int bus_subscribe(struct bus *bus, struct span channel) __attribute__((warn_unused_result));
void bus_unsubscribe(struct bus *bus, struct span channel);

#endif
