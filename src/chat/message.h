/*
 * Messages of chat rooms as the wire has them (docs/protocol.md, "Chat"): the one encoder of what the
 * store keeps, for REST and sockets alike, of notices that nobody keeps, and what chat makes of what
 * clients send. Pure functions, any thread.
 *
 * A message's id is `<room>.<seq>`. What Lectern publishes on a room's channel starts with the room's
 * seal, `{"seal":"…",`, and goes on as the message: see "The seal" in docs/architecture.md.
 */
#ifndef LECTERN_CHAT_MESSAGE_H
#define LECTERN_CHAT_MESSAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/id.h"
#include "core/user.h"
#include "store/messages.h"

#define CHAT_MESSAGE_ID_MAX 36                  /* bytes: room, dot, digits */
#define CHAT_CHANNEL_LEN (5 + CHAT_ROOM_ID_LEN) /* "room:" and the room's id */
#define CHAT_HISTORY_DEFAULT 50
#define CHAT_HISTORY_MAX 500 /* messages that a socket is told again at most */

/* What a messageType is in chat. */
enum chat_verb {
    CHAT_ROUTED, /* send, image, poll, …: whatever is not reserved */
    CHAT_SUBSCRIBE,
    CHAT_UNSUBSCRIBE,
    CHAT_READ,
    CHAT_TYPING,
    CHAT_DELETE,
    CHAT_TOKEN,
    CHAT_PING,
    CHAT_RESERVED, /* Lectern's own, and those that mean something in classes: clients may not */
};
enum chat_verb chat_verb_of(struct span type);

/* "room:c…" or "c…" to the id, which is copied; false if it is no chat room's. */
bool chat_room_read(struct span text, char room[CHAT_ROOM_ID_LEN + 1]);

/* "<room>.<seq>": false if it is no such id. seq is from 1 to INT64_MAX. */
bool chat_id_read(struct span text, char room[CHAT_ROOM_ID_LEN + 1], int64_t *seq);
void chat_id_print(const char *room, int64_t seq, char out[CHAT_MESSAGE_ID_MAX + 1]);

/* Appends a stored message or event as clients see it. Not for MESSAGE_DELETED, which nobody sees. */
void chat_message_write(struct buf *out, const struct chat_message_row *row);

/* The same with the sender's `ref`, for the sender alone. */
void chat_message_write_own(struct buf *out, const struct chat_message_row *row);

/* The same as chat_message_write() with the room's seal in front, as it is published. */
void chat_message_publish(struct buf *out, const struct chat_message_row *row, const char *seal);

/* What is told to those who are there and not stored: typing, read, enter, exit, … Spans are the caller's. */
struct chat_notice {
    const char *room; /* its id */
    int64_t ts;       /* ms since 1970 */
    const char *type;
    struct span sender, name; /* no name: "" */
    enum user_type sender_type;
    struct span body; /* JSON, goes out as it is */
};
void chat_notice_write(struct buf *out, const struct chat_notice *notice);
void chat_notice_publish(struct buf *out, const struct chat_notice *notice, const char *seal);

/* `message` of `read`: how far somebody has read. */
void chat_read_body(const char *room, int64_t seq, char *out, size_t cap);

/* Appends `close` as it is published: nobody can follow the room any more. */
void chat_close_publish(struct buf *out, const char *room, const char *reason, const char *seal);

/*
 * Appends what of a message's body can be searched for: a string's text; of an object the texts `text`,
 * `message`, `caption` and `name`, in that order, with line feeds between. Nothing of other bodies, nor of texts that
 * hold U+0000.
 */
void chat_text_write(struct buf *out, struct span body);

#endif
