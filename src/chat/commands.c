/*
 * What chatters send: limits, rights, and who carries it out. Answers go to the sender only: `ack` when it
 * gave a `ref`, `error` in any case.
 */
#include "chat/internal.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/json.h"
#include "core/metrics.h"
#include "net/close.h"
#include "session/refresh.h"

#define TYPING_MS 1000 /* the same said again within this is not passed on */

/* ---- answers ---- */

static void tell_error(struct chatter *chatter, const char *channel, const char *ref,
                       const char *code, const char *field, int retry_ms, const char *text)
{
    struct buf body;
    buf_init(&body);
    message_write_error(&body, code, field, retry_ms, text);
    metric_add(METRIC_BAD_MESSAGES, 1);
    metric_refused(code);
    chatter_tell(chatter, channel, "error", ref, buf_span(&body));
    buf_finish(&body);
}

/* The channel of a room's id, or NULL. */
static const char *channel_of(const char *room, char out[CHAT_CHANNEL_LEN + 1])
{
    if (!room || !*room) {
        return NULL;
    }
    snprintf(out, CHAT_CHANNEL_LEN + 1, "room:%.*s", CHAT_ROOM_ID_LEN, room);
    return out;
}

void chatter_error(struct chatter *chatter, const char *room, const char *ref, const char *code,
                   const char *field, const char *text)
{
    char channel[CHAT_CHANNEL_LEN + 1];
    tell_error(chatter, channel_of(room, channel), ref, code, field, 0, text);
}

const char *chatter_refused(struct chatter *chatter, const char *room, const char *ref,
                            enum store_result result)
{
    static const struct {
        enum store_result result;
        const char *code, *text;
    } refusals[] = {
        {STORE_NOT_FOUND, "room_not_found", "There is no such room."},
        {STORE_NOT_MEMBER, "not_member", "Only members of the room may do this."},
        {STORE_FORBIDDEN, "forbidden", "Only its sender and the room's owner may do this."},
        {STORE_FAILED, "internal", "Something went wrong in the server."},
    };
    char channel[CHAT_CHANNEL_LEN + 1];
    for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
        if (refusals[i].result == result) {
            chatter_error(chatter, room, ref, refusals[i].code, NULL, refusals[i].text);
            return refusals[i].code;
        }
    }
    tell_error(chatter, channel_of(room, channel), ref, "unavailable", NULL, RETRY_MS,
               "Messages cannot be kept just now; send it again in a moment.");
    return "unavailable";
}

void chatter_ack(struct chatter *chatter, const char *room, const char *ref, int64_t seq)
{
    char channel[CHAT_CHANNEL_LEN + 1];
    char body[CHAT_MESSAGE_ID_MAX + 16] = "{}", id[CHAT_MESSAGE_ID_MAX + 1];
    if (!*ref) {
        return;
    }
    if (room && seq > 0) {
        chat_id_print(room, seq, id);
        snprintf(body, sizeof body, "{\"id\":\"%s\"}", id);
    }
    chatter_tell(chatter, channel_of(room, channel), "ack", ref, span_of(body));
}

/* ---- Reading what was given ---- */

static void bad_field(struct chatter *chatter, const struct message *message, const char *field,
                      const char *text)
{
    chatter_error(chatter, NULL, message->ref, "bad_field", field, text);
}

/* The room that a message is for; false: the sender has been told what is wrong. */
static bool room_of(struct chatter *chatter, const struct message *message,
                    char room[CHAT_ROOM_ID_LEN + 1])
{
    if (*message->room ? chat_room_read(span_of(message->room), room) : *chatter->room != '\0') {
        if (!*message->room) {
            memcpy(room, chatter->room, CHAT_ROOM_ID_LEN + 1);
        }
        return true;
    }
    bad_field(chatter, message, "room", "room is a chat room's name, \"room:c…\".");
    return false;
}

/* The message that is named by the body, in the room that goes with it. */
static bool id_of(struct chatter *chatter, const struct message *message,
                  char room[CHAT_ROOM_ID_LEN + 1], int64_t *seq)
{
    char text[CHAT_MESSAGE_ID_MAX + 1], named[CHAT_ROOM_ID_LEN + 1];
    size_t len;
    if (message->body.type != JSON_STRING ||
        json_string(message->body.raw, text, sizeof text, &len) ||
        !chat_id_read((struct span){text, len}, room, seq) ||
        (*message->room &&
         (!chat_room_read(span_of(message->room), named) || strcmp(room, named) != 0))) {
        bad_field(chatter, message, "message", "message is the id of a message of that room.");
        return false;
    }
    return true;
}

static bool resume_of(struct chatter *chatter, const struct message *message,
                      char since[CHAT_MESSAGE_ID_MAX + 1], uint32_t *history)
{
    char room[CHAT_ROOM_ID_LEN + 1];
    size_t len = 0;
    int64_t number = CHAT_HISTORY_DEFAULT, seq;
    since[0] = '\0';
    if (message->since.raw.p &&
        (message->since.type != JSON_STRING ||
         json_string(message->since.raw, since, CHAT_MESSAGE_ID_MAX + 1, &len) ||
         (len > 0 && !chat_id_read((struct span){since, len}, room, &seq)))) {
        bad_field(chatter, message, "since", "since is the id of a message.");
        return false;
    }
    if (message->history.raw.p &&
        (message->history.type != JSON_NUMBER || json_int(message->history.raw, &number) ||
         number < 0 || number > CHAT_HISTORY_MAX)) {
        bad_field(chatter, message, "history", "history is a number from 0 to 500.");
        return false;
    }
    *history = (uint32_t)number;
    return true;
}

/* The follow of that room in which one may speak; NULL: told. */
static struct follow *follow_of(struct chatter *chatter, const struct message *message,
                                const char *room)
{
    struct follow *follow = follow_find(chatter, room);
    if (!follow) {
        chatter_error(chatter, room, message->ref, "not_subscribed", NULL,
                      "This socket does not follow that room.");
    } else if (!follow->welcomed || !bus_is_up(chatter->chats->bus)) {
        chatter_refused(chatter, room, message->ref, STORE_UNAVAILABLE);
        return NULL;
    }
    return follow;
}

/* ---- Handlers ---- */

static void do_routed(struct chatter *chatter, const struct message *message)
{
    char room[CHAT_ROOM_ID_LEN + 1];
    if (!room_of(chatter, message, room)) {
        return;
    }
    if ((message->targets && message->targets != TARGET_ALL) || *message->target) {
        bad_field(chatter, message, *message->target ? "target" : "targetType",
                  "What is said in a chat room is said to all.");
    } else if (message->ephemeral) {
        struct follow *follow = follow_of(chatter, message, room);
        if (follow) {
            send_notice(follow, message->type, message->body.raw, message->ref);
        }
    } else if (!bus_is_up(chatter->chats->bus)) {
        chatter_refused(chatter, room, message->ref, STORE_UNAVAILABLE);
    } else {
        send_message(chatter, room, message);
    }
}

/* Who waits for its welcome is told that there will be none. */
static void drop_follow(struct follow *follow)
{
    if (follow->ref) {
        chatter_error(follow->chatter, follow->room->id, follow->ref, "not_subscribed", NULL,
                      "Another message about that room has come before the welcome.");
    }
    follow_free(follow);
}

static void do_subscribe(struct chatter *chatter, const struct message *message)
{
    char room[CHAT_ROOM_ID_LEN + 1], since[CHAT_MESSAGE_ID_MAX + 1];
    uint32_t history;
    if (!room_of(chatter, message, room) || !resume_of(chatter, message, since, &history)) {
        return;
    }
    struct follow *old = follow_find(chatter, room);
    if (!old && chatter->follow_count >= CHATTER_ROOMS_MAX) {
        chatter_error(chatter, room, message->ref, "too_many_rooms", NULL,
                      "This socket follows as many rooms as one may.");
        return;
    }
    /* Again: from the beginning. The new one first, so that the room stays. */
    struct follow *new = follow_create(chatter, room, since, history, message->ref, false);
    if (old) {
        drop_follow(old);
    }
    if (!new) {
        chatter_no_memory(chatter);
    }
}

static void do_unsubscribe(struct chatter *chatter, const struct message *message)
{
    char room[CHAT_ROOM_ID_LEN + 1];
    if (!room_of(chatter, message, room)) {
        return;
    }
    struct follow *follow = follow_find(chatter, room);
    if (follow) {
        drop_follow(follow);
    }
    chatter_ack(chatter, room, message->ref, 0);
}

static void do_read(struct chatter *chatter, const struct message *message)
{
    char room[CHAT_ROOM_ID_LEN + 1];
    int64_t seq;
    if (id_of(chatter, message, room, &seq)) {
        reads_move(chatter, room, seq, message->ref);
    }
}

static void do_typing(struct chatter *chatter, const struct message *message)
{
    char room[CHAT_ROOM_ID_LEN + 1];
    struct follow *follow;
    if (message->body.type != JSON_BOOL) {
        bad_field(chatter, message, "message", "message is true or false.");
        return;
    }
    if (!room_of(chatter, message, room) || !(follow = follow_of(chatter, message, room))) {
        return;
    }
    int64_t now = loop_now_ms(chatter->chats->loop);
    bool typing = message->body.raw.p[0] == 't';
    if (typing != follow->typing || now - follow->typed_ms >= TYPING_MS) {
        follow->typing = typing;
        follow->typed_ms = now;
        send_notice(follow, "typing", message->body.raw, message->ref);
    } else {
        chatter_ack(chatter, room, message->ref, 0);
    }
}

static void do_delete(struct chatter *chatter, const struct message *message)
{
    char room[CHAT_ROOM_ID_LEN + 1];
    int64_t seq;
    if (!id_of(chatter, message, room, &seq)) {
        return;
    }
    if (bus_is_up(chatter->chats->bus)) {
        send_delete(chatter, room, seq, message->ref);
    } else {
        chatter_refused(chatter, room, message->ref, STORE_UNAVAILABLE);
    }
}

static void do_token(struct chatter *chatter, const struct message *message)
{
    struct claims claims;
    enum token_error error;
    switch (refresh_read(chatter->chats->tokens, message->body, chatter->user_id, chatter->type,
                         &claims, &error)) {
    case REFRESH_NO_TEXT:
        bad_field(chatter, message, "message", "message is a token as text.");
        return;
    case REFRESH_REFUSED:
        chatter_error(chatter, NULL, message->ref, token_error_code(error), NULL,
                      "The token was not accepted; the session goes on with its old one.");
        return;
    case REFRESH_OK:
        if (!*claims.room) {
            chatter->expires_ms = claims.expires_ms;
            chatter->generation = claims.generation;
            chatter_ack(chatter, NULL, message->ref, 0);
            return;
        }
        break;
    case REFRESH_OTHER:
        break;
    }
    chatter_error(chatter, NULL, message->ref, "forbidden", NULL,
                  "The token is another user's, or for one class only.");
}

static void do_ping(struct chatter *chatter, const struct message *message)
{
    char body[48];
    snprintf(body, sizeof body, "{\"time\":%lld}", (long long)clock_wall_ms());
    chatter_tell(chatter, NULL, "pong", message->ref, span_of(body));
}

static void do_reserved(struct chatter *chatter, const struct message *message)
{
    chatter_error(chatter, NULL, message->ref, "reserved_type", "messageType",
                  "Clients do not send messages of this type in chats.");
}

/* ---- Dispatch ---- */

static void (*const HANDLERS[])(struct chatter *chatter, const struct message *message) = {
    [CHAT_ROUTED] = do_routed, [CHAT_SUBSCRIBE] = do_subscribe, [CHAT_UNSUBSCRIBE] = do_unsubscribe,
    [CHAT_READ] = do_read,     [CHAT_TYPING] = do_typing,       [CHAT_DELETE] = do_delete,
    [CHAT_TOKEN] = do_token,   [CHAT_PING] = do_ping,           [CHAT_RESERVED] = do_reserved,
};

/*
 * Older clients' {"senderId":1,"message":"…","type":"TEXT"} as what it means today. False: told what is
 * wrong with it.
 */
static bool translate(struct chatter *chatter, struct message *message)
{
    char type[16] = "", sender[ID_MAX + 1] = "";
    size_t len = 0;
    const struct json_value *id = &message->sender_id;
    if (!message->old_type.raw.p) {
        bad_field(chatter, message, "messageType", "\"messageType\" is missing.");
        return false;
    }
    bool known = message->old_type.type == JSON_STRING &&
                 json_string(message->old_type.raw, type, sizeof type, &len) == 0;
    if (known && strcmp(type, "TEXT") == 0) {
        strcpy(message->type, "send");
    } else if (known && strcmp(type, "IMAGE") == 0) {
        strcpy(message->type, "image");
    } else {
        bad_field(chatter, message, "type", "type is TEXT or IMAGE.");
        return false;
    }
    if (!id->raw.p) {
        return true;
    }
    bool same =
        id->type == JSON_NUMBER
            ? span_copy(id->raw, sender, sizeof sender)
            : id->type == JSON_STRING && json_string(id->raw, sender, sizeof sender, &len) == 0;
    if (!same || strcmp(sender, chatter->user_id) != 0) {
        chatter_error(chatter, NULL, message->ref, "forbidden", "senderId",
                      "senderId is not that of this session.");
        return false;
    }
    return true;
}

/* Where the client names sender or senderType, they must be the session's own. */
static bool own_words(const struct chatter *chatter, const struct message *message)
{
    return (!*message->sender || strcmp(message->sender, chatter->user_id) == 0) &&
           (!message->has_sender_type || message->sender_type == chatter->type);
}

/*
 * Refuses politely up to a burst of messages in a row, then closes. Who comes back asks for all of their
 * rooms: that is counted apart, so that it takes no seconds and keeps nobody from writing.
 */
static bool within_rate(struct chatter *chatter, bool subscribes)
{
    const struct config_rate *rate = chatter_rate(chatter);
    int64_t now = loop_now_ms(chatter->chats->loop);
    if (subscribes ? bucket_take(&chatter->joins, rate->rate, CHATTER_ROOMS_MAX, now)
                   : bucket_take(&chatter->rate, rate->rate, rate->burst, now)) {
        chatter->refused = 0;
        return true;
    }
    metric_add(METRIC_RATE_LIMITED, 1);
    if (++chatter->refused > rate->burst) {
        chatter_close(chatter, CLOSE_TOO_MANY, "too many messages");
    }
    return false;
}

static bool admitted(struct chatter *chatter, const char *ref, bool subscribes)
{
    if (within_rate(chatter, subscribes)) {
        return true;
    }
    tell_error(chatter, NULL, ref, "rate_limited", NULL, RETRY_MS,
               "Too many messages; wait before you send it again.");
    return false;
}

void chatter_receive(struct chatter *chatter, struct span text)
{
    struct message message;
    struct message_error error;
    if (chatter->closing) {
        return;
    }
    int bad = message_read(text, MESSAGE_FROM_CHATTER, &message, &error);
    bool subscribes = !bad && chat_verb_of(span_of(message.type)) == CHAT_SUBSCRIBE;
    if (!admitted(chatter, message.ref, subscribes)) {
        return;
    }
    if (bad) {
        tell_error(chatter, NULL, message.ref, error.code, error.field, 0, error.text);
    } else if (!own_words(chatter, &message)) {
        chatter_error(chatter, NULL, message.ref, "forbidden", NULL,
                      "sender and senderType are the session's own.");
    } else if (*message.type || translate(chatter, &message)) {
        HANDLERS[chat_verb_of(span_of(message.type))](chatter, &message);
    }
}
