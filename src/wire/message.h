/*
 * A message as the wire has it (docs/protocol.md, "A message"): reading what clients and other
 * programs send. Pure functions: bytes in, fields out.
 */
#ifndef LECTERN_WIRE_MESSAGE_H
#define LECTERN_WIRE_MESSAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/id.h"
#include "base/json.h"
#include "core/user.h"

#define ROOM_MESSAGE_ID_MAX 40 /* "<epoch>.<ms>-<seq>"; chats: "<room>.<seq>" */
#define CHANNEL_NAME_MAX 31    /* "room:" and a room's id, bytes, with some to spare */

/* Which members a message is for: a bit per user type. */
enum {
    TARGET_STUDENT = 1 << USER_STUDENT,
    TARGET_TEACHER = 1 << USER_TEACHER,
    TARGET_ALL = TARGET_STUDENT | TARGET_TEACHER,
};

enum message_verb {
    MESSAGE_ROUTED, /* send, image, poll, …: whatever is not reserved */
    MESSAGE_KICK,
    MESSAGE_LOCK,
    MESSAGE_UNLOCK,
    MESSAGE_SETTINGS,
    MESSAGE_END,
    MESSAGE_SEEN,
    MESSAGE_TOKEN,
    MESSAGE_PING,
    MESSAGE_SERVER_ONLY, /* welcome, join, ack, …: only Lectern sends these */
};

/* Case matters; what is not reserved is MESSAGE_ROUTED. */
enum message_verb message_kind_of(struct span type);

/* A message that was read; spans point into the text that was given. */
struct message {
    enum message_verb kind;
    unsigned targets;        /* TARGET_…; 0 when targetType was absent */
    char target[ID_MAX + 1]; /* one user id, or "" */
    char type[ID_MAX + 1];
    char ref[ID_MAX + 1];            /* "" = none */
    char sender[ID_MAX + 1];         /* "" = not given */
    char room[CHANNEL_NAME_MAX + 1]; /* as written, "room:X"; "" = not given */
    bool has_sender_type;
    enum user_type sender_type; /* when has_sender_type */
    bool ephemeral;
    struct json_value body; /* `message`; raw is "null" when absent */
    struct span id; /* between the quotes (A-Z a-z 0-9 . _ @ -, at most ROOM_MESSAGE_ID_MAX); empty
                       when absent or from a client */
    int64_t ts;     /* 0 when absent or from a client */
    /* Given by a client in chat; raw.p is NULL when absent. Their types and forms are not checked. */
    struct json_value since, history, sender_id, old_type;
};

/* Who speaks, which decides what counts. */
enum message_source {
    MESSAGE_FROM_CLIENT,  /* in a class */
    MESSAGE_FROM_REDIS,   /* a program that publishes on a room's channel, Lectern among them */
    MESSAGE_FROM_CHATTER, /* a client in chat */
};

/* Why a message was refused; `field` names the member at fault or is NULL. */
struct message_error {
    const char *code; /* "bad_json", "bad_field" or "forbidden" */
    const char *field;
    char text[160]; /* a sentence for people */
};

/*
 * Reads one message. `text` is valid UTF-8. MESSAGE_FROM_REDIS allows what only Lectern may send (id, ts,
 * senderType "server", which is then reported as has_sender_type false); from clients id and ts are
 * ignored, like every field that is not known. The server's own messageTypes are reported as
 * MESSAGE_SERVER_ONLY in any case: whether they are refused is the caller's business. In chat, where
 * `kind` means nothing, a message may have no messageType (type is then ""): see chat/commands.c.
 *
 * Refused are: as bad_json what is not one JSON object of at most MESSAGE_MEMBERS_MAX members, or
 * gives a key twice (escapes undone), or holds \u0000 or half a surrogate pair in a key or in a
 * string other than `message`; as bad_field a known field of the wrong type (null too) or form; as
 * forbidden, from clients, a `sender`, `senderType` or `room` that is a string but cannot be a
 * session's.
 *
 * Returns 0, or -1 with *error filled; out->ref is then set if a good one could be read, so that the
 * answer can carry it, and nothing else of *out may be used.
 */
#define MESSAGE_MEMBERS_MAX 32
int message_read(struct span text, enum message_source source, struct message *out,
                 struct message_error *error) __attribute__((warn_unused_result));

/* targetType as the wire has it: "student", "teacher" or "all"; "" for no target. */
const char *target_name(unsigned targets);

/*
 * Appends the members of a message that follow id and ts, from `"room":` to the closing brace. The
 * envelope is the caller's word; only `message` is the sender's, byte for byte.
 */
void message_write_tail(struct buf *out, const struct message *message, const char *channel,
                        const char *sender_type, const char *sender);

/*
 * Appends what the server says to one user: `channel` may be NULL, where it is about no room, and `ref`
 * NULL or "". `body` is the JSON of its `message`.
 */
struct server_message {
    const char *channel, *type, *ref;
    const char *user_id;
    enum user_type user_type;
    struct span body;
};
void message_write_server(struct buf *out, const struct server_message *message, int64_t now_ms);

/* Appends the body of an `error`: `field` may be NULL, retry_ms 0. */
void message_write_error(struct buf *out, const char *code, const char *field, int retry_ms,
                         const char *text);

#endif
