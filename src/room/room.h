/*
 * Class rooms on one loop: who of this loop's sockets is in which room, what may be sent, who
 * receives it, and what those who join late are told. What it knows of a room it has from Redis:
 * `room:{id}:info`, the room's log (mirrored in a bounded ring) and the room's channel.
 *
 * Protocols (src/proto) make members and hand messages in; they are called back through
 * struct receiver_ops. Everything is on the loop's thread.
 */
#ifndef LECTERN_ROOM_ROOM_H
#define LECTERN_ROOM_ROOM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "auth/token.h"
#include "base/buf.h"
#include "bus/link.h"
#include "core/config.h"
#include "net/close.h"
#include "net/loop.h"
#include "net/receiver.h"
#include "room/entry.h"
#include "wire/message.h"

#define ROOM_HISTORY_DEFAULT 50
#define ROOM_HISTORY_MAX 500

struct rooms; /* of one loop */
struct room;
struct member; /* one session of one user in one room */

/* `bus_events` of the loop's link must be forwarded by rooms_bus_events(). */
struct rooms *rooms_create(struct loop *loop, const struct config *config,
                           const struct tokens *tokens, const char *server_id,
                           const char *incarnation);
void rooms_destroy(struct rooms *rooms); /* after the loop stopped; accepts NULL */

/* The link's events; arg is the struct rooms. The link must be set before the loop starts. */
extern const struct bus_events rooms_bus_events;
void rooms_set_bus(struct rooms *rooms, struct bus *bus);

/* Starts the timer for seen batches, token expiry and (on loop 0) holds that ran out. On the loop. */
void rooms_start(struct rooms *rooms);

/* Stops the timer; on the loop, when it is about to end. */
void rooms_stop(struct rooms *rooms);

/*
 * Starts a graceful end: every session leaves (hosts by their room's policy). `done` runs when Redis
 * has been told of all, or at once when the link is down.
 */
void rooms_leave_all(struct rooms *rooms, void (*done)(void *arg), void *arg);

/*
 * The other way to end: sessions stay, marked as pending, for LECTERN_DRAIN_S; who has not come back
 * on another server by then is taken for lost by a janitor. No leave is told, and no host is away.
 */
void rooms_drain(struct rooms *rooms, void (*done)(void *arg), void *arg);

/* What rooms_create() and rooms_set_bus() were given. */
const struct tokens *rooms_tokens(const struct rooms *rooms);
struct bus *rooms_bus(const struct rooms *rooms);

/*
 * The door for those who are on a loop already: reserves a participant's place in `code`, as
 * room_reserve() does, without waiting. `done` runs once, later, with ROOM_RESERVED and the ticket, or
 * with why not (never ROOM_OPENING: for a host who is just arriving it waits a second). NULL: out of
 * memory, or the link is down (bus_is_up() tells): `done` never runs. `who` is copied.
 */
struct room_entry;
typedef void room_entered_fn(void *arg, enum room_outcome outcome,
                             const struct room_ticket *ticket);
struct room_entry *room_enter(struct rooms *rooms, const struct claims *who, const char *code,
                              room_entered_fn *done, void *arg);

/* `done` does not run any more; what is reserved all the same is given back. Not after `done`. */
void room_enter_cancel(struct room_entry *entry);

/*
 * Makes a member of a reserved place. It is admitted when the channel is subscribed, the log known
 * and the activation confirmed; then `welcome`, replay and live messages follow by themselves.
 * NULL when out of memory (the caller closes the socket; the reservation expires by itself).
 */
struct member *member_create(struct rooms *rooms, const struct room_ticket *ticket,
                             const struct claims *claims, const char *since, uint32_t history,
                             int64_t started_ns, const struct receiver_ops *ops, void *socket);

/*
 * A complete text message came from the member's socket. Answers (ack, error) go to that member; the
 * member may be closed in the call, through ops->close, but is never freed in it.
 */
void member_receive(struct member *member, struct span text);

/* The socket can take more: replay goes on. */
void member_drained(struct member *member);

/*
 * The socket is gone; frees the member. `clean`: the peer closed it ("left"), otherwise it was "lost".
 */
void member_gone(struct member *member, bool clean);

/* May the member write to everybody? A participant where `talk` is `teacher` may not. */
bool member_may_tell_all(const struct member *member);

/* For logs. */
const char *member_room(const struct member *member);
const char *member_user(const struct member *member);

#endif
