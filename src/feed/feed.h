/*
 * The event feed on one loop: which of this loop's clients follow which channels of LECTERN_FEED_CHANNELS,
 * what they missed, and the queue of each that reads slowly. A channel is subscribed to, on the loop's
 * link, while anybody here follows it.
 *
 * Protocols (src/proto) make followers; they are called back through struct receiver_ops. A follower never
 * writes. Everything is on the loop's thread.
 */
#ifndef LECTERN_FEED_FEED_H
#define LECTERN_FEED_FEED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "bus/link.h"
#include "core/config.h"
#include "feed/position.h"
#include "net/close.h"
#include "net/loop.h"
#include "net/receiver.h"

/* Keys in Redis of a channel's log, for printf(): docs/redis-keys.md. */
#define FEED_LOG_KEY "feed:%s"
#define FEED_INFO_KEY "feed-info:%s"
#define FEED_KEY_SIZE 96

struct feeds;    /* of one loop */
struct follower; /* one client */

/* `config` and `loop` are borrowed. NULL: no memory. */
struct feeds *feeds_create(struct loop *loop, const struct config *config);
void feeds_destroy(struct feeds *feeds); /* after the loop stopped; accepts NULL */
void feeds_set_bus(struct feeds *feeds, struct bus *bus);

/* Starts and stops the timer for tokens that expire and for what is to be tried again. On the loop. */
void feeds_start(struct feeds *feeds);
void feeds_stop(struct feeds *feeds);

/* True if the channel is a feed's: then the link's `subscribed` and `message` are for feeds_bus_events. */
bool feeds_own(void *feeds, struct span channel);

/* The link's events; arg is the struct feeds. `up` and `down` are forwarded always. */
extern const struct bus_events feeds_bus_events;

/*
 * Makes a follower. Its `welcome` comes when all its channels are subscribed and known, then what it has
 * missed, then live events. `expires_ms` is when its token expires (wall clock; it is then closed
 * CLOSE_TOKEN_EXPIRED), 0: never. NULL: no memory; the caller closes the socket.
 */
struct follower *follower_create(struct feeds *feeds, const struct feed_wish *wish,
                                 int64_t expires_ms, const struct receiver_ops *ops, void *socket);

/*
 * Sends a message that is no channel's (JSON text): an answer. It waits behind what waits, and may be dropped
 * with it.
 */
void follower_tell(struct follower *follower, struct span json);

/* The socket can take more. */
void follower_drained(struct follower *follower);

/* The socket is gone; frees the follower. */
void follower_gone(struct follower *follower);

#endif
