/*
 * What each of the client's frames does: one table of commands, with the headers that each must have.
 * What cannot be understood ends the socket by ERROR; what is only not allowed is refused (stomp.h).
 */
#include "proto/stomp.h"

#include <stdlib.h>

#include "base/number.h"
#include "chat/message.h"
#include "core/metrics.h"

#define HEADERS_NEEDED 2

static struct stomp_cause cause_of(const struct stomp_frame *frame)
{
    return (struct stomp_cause){stomp_header(frame, "destination"), stomp_header(frame, "receipt")};
}

/* ---- destinations ---- */

/* Takes `prefix` off where it stands. */
static bool starts_with(struct span *text, const char *prefix)
{
    size_t n = strlen(prefix);
    if (text->n < n || memcmp(text->p, prefix, n) != 0) {
        return false;
    }
    *text = (struct span){text->p + n, text->n - n};
    return true;
}

/* A class's code or a chat room's id; `out` has no "room:". */
static bool room_read(struct span text, char out[CHANNEL_NAME_MAX + 1])
{
    return (id_room_code_valid(text) || id_chat_room_valid(text)) &&
           span_copy(text, out, CHANNEL_NAME_MAX + 1);
}

static bool topic_room(struct span destination, char room[CHANNEL_NAME_MAX + 1])
{
    if (!starts_with(&destination, "/topic/")) {
        return false;
    }
    (void)starts_with(&destination, "room/");
    return room_read(destination, room);
}

/* ---- SUBSCRIBE ---- */

void stomp_subscription_free(struct subscription *subscription)
{
    free(subscription->receipt);
    free(subscription);
}

void stomp_unsubscribe(struct stomp *stomp, struct subscription *subscription)
{
    struct subscription **link = &stomp->subscriptions;
    while (*link != subscription) {
        link = &(*link)->next;
    }
    *link = subscription->next;
    stomp->subscription_count--;
    stomp_subscription_free(subscription);
}

static struct subscription *find_subscription(const struct stomp *stomp, struct span id)
{
    struct subscription *subscription = stomp->subscriptions;
    while (subscription && !span_eq(id, subscription->id)) {
        subscription = subscription->next;
    }
    return subscription;
}

/* 1.0 knows subscriptions without id: their destination stands for it. */
static struct span id_of(const struct stomp *stomp, const struct stomp_frame *frame)
{
    struct span id = stomp_header(frame, "id");
    return id.p || stomp->version != STOMP_1_0 ? id : stomp_header(frame, "destination");
}

/*
 * One allocation with its texts and the beginning of its MESSAGE frames, which is all of them that is its
 * own. A MESSAGE that wants an ACK names one; since ACK does nothing, it is the same for all.
 */
static struct subscription *make_subscription(struct stomp *stomp, const struct stomp_frame *frame)
{
    struct span destination = stomp_header(frame, "destination"), id = id_of(stomp, frame);
    struct span ack = stomp_header(frame, "ack");
    bool acked = ack.p && !span_eq(ack, "auto");
    struct subscription *made = NULL;
    struct buf head;
    buf_init(&head);
    stomp_write_command(&head, "MESSAGE");
    if (stomp_header(frame, "id").p) {
        stomp_write_header(&head, stomp->version, "subscription", id);
    }
    stomp_write_header(&head, stomp->version, "destination", destination);
    if (acked) {
        stomp_write_header(&head, stomp->version, "ack", id);
    }
    if (!head.failed) {
        made = calloc(1, sizeof *made + head.len + id.n + destination.n + 2);
    }
    if (made) {
        char *id_at = made->texts + head.len, *destination_at = id_at + id.n + 1;
        made->acked = acked;
        made->head_len = head.len;
        memcpy(made->texts, head.data, head.len);
        memcpy(id_at, id.p, id.n);
        memcpy(destination_at, destination.p, destination.n);
        made->id = id_at;
        made->destination = destination_at;
        made->next = stomp->subscriptions;
        stomp->subscriptions = made;
        stomp->subscription_count++;
    } else {
        metric_add(METRIC_OUT_OF_MEMORY, 1);
        stomp_over(stomp, CLOSE_INTERNAL, "out of memory");
    }
    buf_finish(&head);
    return made;
}

/* Reads the headers `since` and `history`, which are Lectern's own. */
static bool resume_read(const struct stomp_frame *frame, char since[ROOM_MESSAGE_ID_MAX + 1],
                        uint32_t *history)
{
    struct span from = stomp_header(frame, "since"), count = stomp_header(frame, "history");
    since[0] = '\0';
    *history = 0;
    for (size_t i = 0; i < from.n; i++) {
        if (from.p[i] != '.' && !id_type_valid((struct span){from.p + i, 1})) {
            return false;
        }
    }
    return span_copy(from, since, ROOM_MESSAGE_ID_MAX + 1) &&
           (!count.p || number_read_u32(count, 0, ROOM_HISTORY_MAX, history));
}

static bool ack_mode_known(struct span ack)
{
    return !ack.p || span_eq(ack, "auto") || span_eq(ack, "client") ||
           span_eq(ack, "client-individual");
}

static void subscribe_room(struct stomp *stomp, const struct stomp_frame *frame, const char *room)
{
    char since[ROOM_MESSAGE_ID_MAX + 1];
    uint32_t history;
    const struct stomp_cause cause = cause_of(frame);
    if (!resume_read(frame, since, &history)) {
        stomp_fail(stomp, "bad_header", "since is a message's id, history a number up to 500.",
                   &cause);
        return;
    }
    struct subscription *made = make_subscription(stomp, frame);
    if (made && cause.receipt.p && !(made->receipt = strndup(cause.receipt.p, cause.receipt.n))) {
        metric_add(METRIC_OUT_OF_MEMORY, 1);
        stomp_over(stomp, CLOSE_INTERNAL, "out of memory");
    } else if (made) {
        stomp_follow_subscribe(stomp, room, made, since, history);
    }
}

static void do_subscribe(struct stomp *stomp, const struct stomp_frame *frame)
{
    const struct stomp_cause cause = cause_of(frame);
    struct span destination = cause.destination, rest = destination;
    struct span id = id_of(stomp, frame);
    char room[CHANNEL_NAME_MAX + 1];
    if (!id.p) {
        stomp_fail(stomp, "missing_header", "SUBSCRIBE has an id.", &cause);
    } else if (!ack_mode_known(stomp_header(frame, "ack"))) {
        stomp_fail(stomp, "bad_header", "ack is auto, client or client-individual.", &cause);
    } else if (find_subscription(stomp, id)) {
        stomp_fail(stomp, "duplicate_subscription", NULL, &cause);
    } else if (stomp->subscription_count == STOMP_SUBSCRIPTIONS_MAX) {
        stomp_refuse(stomp, "too_many_subscriptions", NULL, NULL, &cause);
    } else if (starts_with(&rest, "/user/queue/") && rest.n > 0) {
        struct subscription *made = make_subscription(stomp, frame);
        if (made) {
            made->errors = span_eq(rest, "errors");
            stomp_receipt(stomp, cause.receipt);
        }
    } else if (topic_room(destination, room)) {
        subscribe_room(stomp, frame, room);
    } else {
        stomp_refuse(stomp, "unknown_destination", NULL, NULL, &cause);
    }
}

static void do_unsubscribe(struct stomp *stomp, const struct stomp_frame *frame)
{
    const struct stomp_cause cause = cause_of(frame);
    struct span id = id_of(stomp, frame);
    if (!id.p) {
        stomp_fail(stomp, "missing_header", "UNSUBSCRIBE has the id of a subscription.", &cause);
        return;
    }
    struct subscription *subscription = find_subscription(stomp, id);
    if (subscription) { /* it may have ended a moment ago, with its room */
        stomp_follow_unsubscribe(subscription);
        stomp_unsubscribe(stomp, subscription);
    }
    stomp_receipt(stomp, cause.receipt);
}

/* ---- SEND ---- */

/* The room that a destination names; "" where the body does. False: there is no such destination. */
static bool send_room(struct span destination, char room[CHANNEL_NAME_MAX + 1])
{
    room[0] = '\0';
    if (span_eq(destination, "/app/chat.sendMessage")) {
        return true;
    }
    return (starts_with(&destination, "/app/") || starts_with(&destination, "/publish/")) &&
           room_read(destination, room);
}

/* May a messageType be sent by STOMP? NULL, or the code of why not. */
static const char *kind_refused(const struct stomp_talk *talk, bool chat)
{
    char text[ID_MAX + 1];
    size_t len;
    if (!talk->kind.p) {
        return NULL;
    }
    if (json_string(talk->kind, text, sizeof text, &len) ||
        !id_type_valid((struct span){text, len})) {
        return "bad_field";
    }
    struct span kind = {text, len};
    enum chat_verb verb = chat_verb_of(kind);
    if (chat
            ? verb == CHAT_ROUTED || verb == CHAT_READ || verb == CHAT_TYPING || verb == CHAT_DELETE
            : message_kind_of(kind) == MESSAGE_ROUTED) {
        return NULL;
    }
    return "reserved_type";
}

static bool ephemeral_valid(const struct stomp_talk *talk)
{
    return !talk->ephemeral.p || span_eq(talk->ephemeral, "true") ||
           span_eq(talk->ephemeral, "false");
}

/* What must be so of the message, whatever its room. */
static bool may_send(struct stomp *stomp, const struct stomp_talk *talk, const char *room,
                     struct span ref, const struct stomp_cause *cause)
{
    const char *to = *room ? room : talk->room;
    bool chat = id_chat_room_valid(span_of(to));
    const char *kind = kind_refused(talk, chat);
    if (*talk->sender && strcmp(talk->sender, stomp->claims.user_id) != 0) {
        stomp_refuse(stomp, "forbidden", "sender is not that of this session.", "sender", cause);
    } else if (*talk->room && *room && strcmp(talk->room, room) != 0) {
        stomp_refuse(stomp, "bad_field", "roomId is not that of the destination.", "roomId", cause);
    } else if (!chat && !id_room_code_valid(span_of(to))) {
        stomp_refuse(stomp, "bad_field", "roomId is a room's code or id.", "roomId", cause);
    } else if (ref.p && !id_valid(ref)) {
        stomp_refuse(stomp, "bad_field", "ref is 1 to 64 of A-Z a-z 0-9 . _ @ -.", "ref", cause);
    } else if (kind) {
        stomp_refuse(stomp, kind, NULL, "messageType", cause);
    } else if (!ephemeral_valid(talk)) {
        stomp_refuse(stomp, "bad_field", "ephemeral is true or false.", "ephemeral", cause);
    } else {
        return true;
    }
    return false;
}

static void do_send(struct stomp *stomp, const struct stomp_frame *frame)
{
    const struct stomp_cause cause = cause_of(frame);
    char room[CHANNEL_NAME_MAX + 1], own_ref[ID_MAX + 1] = "";
    struct span ref = stomp_header(frame, "ref");
    struct stomp_talk talk;
    struct stomp_refusal why;
    if (!send_room(cause.destination, room)) {
        stomp_refuse(stomp, "unknown_destination", NULL, NULL, &cause);
        return;
    }
    if (stomp_talk_read(frame->body, !*room, &talk, &why)) {
        stomp_refuse(stomp, why.code, why.text, why.field, &cause);
        return;
    }
    if (!may_send(stomp, &talk, room, ref, &cause)) {
        return;
    }
    const char *to = *room ? room : talk.room;
    struct follow *follow = stomp_follow_find(stomp, to);
    if (!follow && id_chat_room_valid(span_of(to))) {
        follow = stomp_follow_writer(stomp, &cause);
    } else if (!follow) {
        stomp_refuse(stomp, "not_subscribed", NULL, NULL, &cause);
    }
    (void)span_copy(ref, own_ref, sizeof own_ref);
    if (follow) {
        stomp_follow_send(follow, to, &talk, own_ref, &cause);
    }
}

/* ---- the others ---- */

static void do_connect(struct stomp *stomp, const struct stomp_frame *frame)
{
    const struct stomp_cause cause = cause_of(frame);
    if (stomp->state == STOMP_OPENING) {
        stomp_connect(stomp, frame);
    } else {
        stomp_fail(stomp, "already_connected", NULL, &cause);
    }
}

/* Nothing is sent again for want of an ACK, so that there is nothing to do. */
static void do_ack(struct stomp *stomp, const struct stomp_frame *frame)
{
    const struct stomp_cause cause = cause_of(frame);
    const char *name = stomp->version == STOMP_1_2 ? "id" : "message-id";
    if (!stomp_header(frame, name).p) {
        stomp_fail(stomp, "missing_header", "ACK and NACK name what they are about.", &cause);
    } else {
        stomp_receipt(stomp, cause.receipt);
    }
}

static void do_transaction(struct stomp *stomp, const struct stomp_frame *frame)
{
    const struct stomp_cause cause = cause_of(frame);
    stomp_fail(stomp, "transactions_unsupported", NULL, &cause);
}

static void do_disconnect(struct stomp *stomp, const struct stomp_frame *frame)
{
    struct span receipt = stomp_header(frame, "receipt");
    stomp->state = STOMP_LEAVING;
    stomp->deadline_ms = stomp_now_ms(stomp) + STOMP_CONNECT_MS;
    if (receipt.p && !(stomp->receipt = strndup(receipt.p, receipt.n))) {
        metric_add(METRIC_OUT_OF_MEMORY, 1);
        stomp_over(stomp, CLOSE_INTERNAL, "out of memory");
        return;
    }
    stomp_leave_rooms(stomp);
    stomp_leave_if_done(stomp);
}

/* ---- the table ---- */

static const struct command {
    void (*handle)(struct stomp *stomp, const struct stomp_frame *frame);
    const char *needs; /* a header; those that depend on the version are looked at by `handle` */
} commands[STOMP_COMMANDS] = {
    [STOMP_CONNECT] = {do_connect, NULL},
    [STOMP_STOMP] = {do_connect, NULL},
    [STOMP_SEND] = {do_send, "destination"},
    [STOMP_SUBSCRIBE] = {do_subscribe, "destination"},
    [STOMP_UNSUBSCRIBE] = {do_unsubscribe, NULL},
    [STOMP_ACK] = {do_ack, NULL},
    [STOMP_NACK] = {do_ack, NULL},
    [STOMP_BEGIN] = {do_transaction, NULL},
    [STOMP_COMMIT] = {do_transaction, NULL},
    [STOMP_ABORT] = {do_transaction, NULL},
    [STOMP_DISCONNECT] = {do_disconnect, NULL},
};

/*
 * Frames that are not counted: there are no more of them than of what they answer or end. And who is told
 * to unsubscribe later would be sent what nobody waits for any more.
 */
static bool is_free(struct stomp *stomp, const struct stomp_frame *frame)
{
    switch (frame->command) {
    case STOMP_ACK:
    case STOMP_NACK:
        if (stomp->acks_due == 0) {
            return false;
        }
        stomp->acks_due--;
        return true;
    case STOMP_UNSUBSCRIBE:
        return find_subscription(stomp, id_of(stomp, frame)) != NULL;
    default:
        return frame->command == STOMP_DISCONNECT;
    }
}

/*
 * Refuses up to a burst of frames in a row, then ends the socket. SUBSCRIBEs are counted apart: who comes
 * back asks for all rooms at once, and must still be able to write.
 */
static bool within_rate(struct stomp *stomp, const struct stomp_frame *frame,
                        const struct stomp_cause *cause)
{
    const struct config *config = stomp->loop->proto_loop->config;
    const struct config_rate *rate =
        stomp->claims.type == USER_TEACHER ? &config->rate_host : &config->rate_student;
    int64_t now = stomp_now_ms(stomp);
    if (is_free(stomp, frame)) {
        return true;
    }
    if (frame->command == STOMP_SUBSCRIBE
            ? bucket_take(&stomp->joins, rate->rate, STOMP_SUBSCRIPTIONS_MAX + rate->burst, now)
            : bucket_take(&stomp->rate, rate->rate, rate->burst, now)) {
        stomp->refused = 0;
        return true;
    }
    metric_add(METRIC_RATE_LIMITED, 1);
    if (++stomp->refused > rate->burst) {
        stomp_fail(stomp, "rate_limited", NULL, cause);
    } else {
        stomp_refuse(stomp, "rate_limited", NULL, NULL, cause);
    }
    return false;
}

/* Names are kept and told again, so they are short. */
static bool texts_fit(const struct stomp_frame *frame)
{
    static const char *const names[] = {"id", "destination", "receipt"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct span value = stomp_header(frame, names[i]);
        if (value.n > STOMP_TEXT_MAX) {
            return false;
        }
    }
    return true;
}

static void handle(struct stomp *stomp, const struct stomp_frame *frame)
{
    static const struct stomp_cause nothing;
    const struct command *command = &commands[frame->command];
    const struct stomp_cause cause = texts_fit(frame) ? cause_of(frame) : nothing;
    bool connects = command->handle == do_connect;
    if (!texts_fit(frame)) {
        stomp_fail(stomp, "bad_header", "id, destination and receipt have 255 bytes at most.",
                   &cause);
    } else if (stomp->state == STOMP_OPENING && !connects) {
        stomp_fail(stomp, "not_connected", NULL, &cause);
    } else if (!within_rate(stomp, frame, &cause)) {
        return;
    } else if (command->needs && stomp_header(frame, command->needs).n == 0) {
        stomp_fail(stomp, "missing_header", "The header destination is missing.", &cause);
    } else if (!connects && stomp_header(frame, "transaction").p) {
        stomp_fail(stomp, "transactions_unsupported", NULL, &cause);
    } else {
        command->handle(stomp, frame);
    }
}

static int on_frame(void *arg, const struct stomp_frame *frame)
{
    struct stomp *stomp = arg;
    handle(stomp, frame);
    if (stomp->state == STOMP_CHECKING) {
        return -1;
    }
    return stomp->state == STOMP_LEAVING || stomp->state == STOMP_OVER;
}

static void on_error(void *arg, int error, struct span receipt)
{
    const struct stomp_cause cause = {
        {NULL, 0}, receipt.n > STOMP_TEXT_MAX ? (struct span){NULL, 0} : receipt};
    metric_add(METRIC_PROTOCOL_ERRORS, 1);
    stomp_fail(arg,
               error == STOMP_ERR_TOO_BIG     ? "too_big"
               : error == STOMP_ERR_NO_MEMORY ? "internal"
                                              : "bad_frame",
               stomp_error_text(error), &cause);
}

const struct stomp_events stomp_frame_events = {on_frame, on_error};
