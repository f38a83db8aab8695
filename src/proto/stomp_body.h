/*
 * What stands in STOMP frames' bodies, and how it becomes a message of a room and back
 * (docs/protocol.md, "STOMP"). Pure functions, any thread.
 */
#ifndef LECTERN_PROTO_STOMP_BODY_H
#define LECTERN_PROTO_STOMP_BODY_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/id.h"
#include "wire/message.h"

enum stomp_talk_type {
    STOMP_TALK,
    STOMP_JOIN, /* announced by subscribing already: accepted, and not told again */
    STOMP_LEAVE,
};

/* The body of a SEND; spans point into it. */
struct stomp_talk {
    enum stomp_talk_type type;
    char room[CHANNEL_NAME_MAX + 1]; /* roomId without "room:"; "" = not given */
    char sender[ID_MAX + 1];         /* "" = not given */
    struct span message;             /* JSON as it is, or plain text if `text` */
    bool text;
    struct span kind, target_type, target, ephemeral; /* JSON as it is; p is NULL where not given */
};

struct stomp_refusal {
    const char *code;  /* "bad_json", "bad_field", "forbidden" */
    const char *field; /* or NULL */
    const char *text;
};

/*
 * Reads a body: a JSON object with `message`, or with `type` JOIN or LEAVE, is the envelope
 * {roomId, sender, message, type, messageType, targetType, target, ephemeral}; any other JSON is the
 * message itself, and so is, as text, what is no JSON or too deep to stand in a message. `envelope`: nothing but an envelope will do, since
 * the room must be named in it. 0, or -1 with *why.
 */
int stomp_talk_read(struct span body, bool envelope, struct stomp_talk *out,
                    struct stomp_refusal *why) __attribute__((warn_unused_result));

/*
 * Appends the message as a client of lectern.v1 would have sent it to that room (its id, or "" where
 * the socket has but one); `target_type` is meant where the body gives none, `ref` may be "".
 */
void stomp_talk_write(struct buf *out, const struct stomp_talk *talk, const char *room,
                      const char *target_type, const char *ref);

/*
 * Appends what all receivers of a room's message share of their MESSAGE frames: the headers but for
 * `subscription` and `destination`, the body {roomId, sender, senderName?, message, type, id?,
 * timestamp, messageType?} and the NUL. `json` is the message as Lectern sends it. `spare_id`: the
 * message-id of one that has no id.
 */
void stomp_event_write(struct buf *out, struct span json, const char *spare_id);

#endif
