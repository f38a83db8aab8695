/*
 * A message as the wire has it (docs/protocol.md, "A message"): reading what clients and other
 * programs send. Pure functions: bytes in, fields out.
 */
#ifndef LECTERN_ROOM_MESSAGE_H
#define LECTERN_ROOM_MESSAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "auth/token.h"
#include "base/buf.h"
#include "base/id.h"
#include "base/json.h"

#define ROOM_MESSAGE_ID_MAX 40 /* "<epoch>.<ms>-<seq>" */

/* Which members a message is for: a bit per user type. */
enum {
    TARGET_STUDENT = 1 << USER_STUDENT,
    TARGET_TEACHER = 1 << USER_TEACHER,
    TARGET_ALL = TARGET_STUDENT | TARGET_TEACHER,
};

enum message_kind {
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
enum message_kind message_kind_of(struct span type);

/* A message that was read; spans point into the text that was given. */
struct message {
    enum message_kind kind;
    unsigned targets;        /* TARGET_…; 0 when targetType was absent */
    char target[ID_MAX + 1]; /* one user id, or "" */
    char type[ID_MAX + 1];
    char ref[ID_MAX + 1];         /* "" = none */
    char sender[ID_MAX + 1];      /* "" = not given */
    char room[ROOM_CODE_MAX + 8]; /* as written, "room:X"; "" = not given */
    bool has_sender_type;
    enum user_type sender_type; /* when has_sender_type */
    bool ephemeral;
    struct json_value body; /* `message`; raw is "null" when absent */
    struct span id; /* between the quotes (A-Z a-z 0-9 . _ @ -, at most ROOM_MESSAGE_ID_MAX); empty
                       when absent or from a client */
    int64_t ts;     /* 0 when absent or from a client */
};

/* Why a message was refused; `field` names the member at fault or is NULL. */
struct message_error {
    const char *code; /* "bad_json", "bad_field" or "forbidden" */
    const char *field;
    char text[160]; /* a sentence for people */
};

/*
 * Reads one message. `text` is valid UTF-8. `from_redis` allows what only Lectern may send (id, ts,
 * senderType "server", which is then reported as has_sender_type false); from clients id and ts are
 * ignored, like every field that is not known. The server's own messageTypes are reported as
 * MESSAGE_SERVER_ONLY in either case: whether they are refused is the caller's business.
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
int message_read(struct span text, bool from_redis, struct message *out,
                 struct message_error *error) __attribute__((warn_unused_result));

/* targetType as the wire has it: "student", "teacher" or "all"; "" for no target. */
const char *target_name(unsigned targets);

/*
 * Appends the members of a message that follow id and ts, from `"room":` to the closing brace. The
 * envelope is the caller's word; only `message` is the sender's, byte for byte.
 */
void message_write_tail(struct buf *out, const struct message *message, const char *channel,
                        const char *sender_type, const char *sender);

#endif
