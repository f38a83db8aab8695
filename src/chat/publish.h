/*
 * What HTTP's threads tell the sockets of a chat room, after what they did was committed to the store.
 *
 * Calls block on Redis, within the pool's limits: never from a loop. 0, or -1 where Redis did not take
 * it; nothing is lost then: whatever is stored, sockets find in the store by themselves a few seconds later.
 */
#ifndef LECTERN_CHAT_PUBLISH_H
#define LECTERN_CHAT_PUBLISH_H

#include <stddef.h>

#include "bus/pool.h"
#include "chat/message.h"

/* Publishes stored messages and events of one room, in their order. `seal` is the room's. */
int chat_publish_messages(struct bus_pool *pool, const char *seal,
                          const struct chat_message_rows *rows);

/*
 * `user` has come in with the message `seq`, and so has read all before: remembers it as chat_publish_read() does.
 * Nobody is told: the `join` says so.
 */
int chat_publish_entered(struct bus_pool *pool, const char *room, const char *user, int64_t seq);

/*
 * `user` has read up to `seq`: remembers it in `room:{id}:read` unless it is further there already, and tells
 * those in the room by `read`.
 */
int chat_publish_read(struct bus_pool *pool, const char *room, const char *seal, const char *user,
                      struct span name, enum user_type type, int64_t seq);

/* Takes out of `room:{id}:read` who has left. */
int chat_publish_forget(struct bus_pool *pool, const char *room, const char *user);

/* The room is gone: its keys go, and sockets are told by `close`. */
int chat_publish_deleted(struct bus_pool *pool, const char *room, const char *seal);

/*
 * Tells the sockets of `user` that they are in a room now: `message` of the notice `invited` is `body`, a JSON object
 * (the room as REST gives it).
 */
int chat_publish_invited(struct bus_pool *pool, const char *user, const char *room,
                         struct span body);

#endif
