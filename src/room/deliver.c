/*
 * What a room's channel brings: checked, remembered, and handed to those for whom it is. Each
 * message is read once per loop and encoded once per kind of socket; the members share the frame.
 *
 * Whoever can publish in Redis can have messages delivered, but not speak for Lectern: reserved types
 * count only with the room's seal in front, which clients never see, and an id only where it can be one
 * of the log's.
 */
#include "room/internal.h"

#include "base/clock.h"
#include "base/utf8.h"
#include "core/metrics.h"
#include "wire/seal.h"

#define FUTURE_MS 10000 /* how far Redis's clock may be ahead of what is known of it */

static bool selects(const struct message *message, const struct member *member)
{
    return (message->targets & (1u << member->type)) != 0 &&
           (!*message->target || strcmp(message->target, member->user_id) == 0);
}

/* The frame for the member's kind of socket, made once per broadcast. */
static struct frame *frame_for(struct member *member, struct span json, struct frame **frames)
{
    struct frame **frame = &frames[member->ops->variant];
    if (!*frame) {
        *frame = member->ops->encode(member->socket, json);
    }
    return *frame;
}

/* Returns whether the member got it (or will). */
static bool hand_over(struct member *member, struct span json, struct frame **frames, bool logged)
{
    if (logged && (member->replaying || member->state != MEMBER_ATTACHED)) {
        return false; /* its replay will meet it in the log */
    }
    if (member->state != MEMBER_ATTACHED && member->state != MEMBER_ACTIVATING &&
        member->state != MEMBER_ACTIVE) {
        return false;
    }
    struct frame *frame = frame_for(member, json, frames);
    if (!frame) {
        member_close(member, CLOSE_INTERNAL, "out of memory");
        return false;
    }
    return member->state == MEMBER_ATTACHED ? member->ops->deliver(member->socket, frame, false)
                                            : member_keep_late(member, frame);
}

void room_fan_out(struct room *room, const struct message *message, struct span json,
                  struct ring_entry *entry)
{
    struct frame *own[RECEIVER_VARIANTS] = {NULL};
    struct frame **frames = entry ? entry->frames : own;
    int64_t sent = 0;
    for (size_t i = 0; i < room->count; i++) {
        struct member *member = room->members[i];
        if (!selects(message, member) || (entry && log_id_compare(entry->id, member->skip) <= 0)) {
            continue;
        }
        sent += hand_over(member, json, frames, entry != NULL);
    }
    for (unsigned i = 0; i < RECEIVER_VARIANTS; i++) {
        frame_unref(own[i]);
    }
    metric_add(METRIC_MESSAGES_OUT, sent);
    if (sent > 0 && message->ts > 0) {
        int64_t late_ms = clock_wall_ms() - message->ts;
        metric_observe(HISTOGRAM_DELIVER, late_ms > 0 ? (double)late_ms / 1e3 : 0);
    }
}

/* A message with an id: into the log's mirror and to the members. Older ones are known already. */
static void take_logged(struct room *room, struct log_id id, const struct message *message,
                        struct span json)
{
    if (log_id_compare(id, room->log.last) <= 0) {
        return;
    }
    struct ring_entry *entry =
        ring_append(&room->log, id, message->targets, message->target, message->sender, json);
    if (!entry) {
        metric_add(METRIC_OUT_OF_MEMORY, 1);
        room_over(room, CLOSE_INTERNAL, "out of memory", false);
        return;
    }
    room_fan_out(room, message, entry->json, entry);
}

void room_append(struct room *room, struct log_id id, struct span json)
{
    struct message message;
    struct message_error error;
    if (message_read(json, MESSAGE_FROM_REDIS, &message, &error)) {
        metric_add(METRIC_FOREIGN_IGNORED, 1); /* somebody else wrote to the stream */
        return;
    }
    take_logged(room, id, &message, json);
}

/* ---- Lectern's own messages ---- */

static void take_close(struct room *room, const struct message *message)
{
    struct json_member members[4];
    size_t count, error_at, len;
    char reason[64] = "ended";
    if (message->body.type == JSON_OBJECT &&
        json_members(message->body.raw, members, 4, &count, &error_at) == 0 && count >= 1 &&
        span_eq(members[0].key, "reason")) {
        if (json_string(members[0].value.raw, reason, sizeof reason, &len)) {
            reason[0] = '\0';
        }
    }
    room_over(room, CLOSE_ROOM_ENDED, reason, true);
}

/* What Lectern published, with the seal taken off. */
static void take_sealed(struct room *room, struct span json)
{
    struct message message;
    struct message_error error;
    unsigned given;
    if (message_read(json, MESSAGE_FROM_REDIS, &message, &error)) {
        metric_add(METRIC_FOREIGN_IGNORED, 1);
        return;
    }
    room_fan_out(room, &message, json, NULL);
    if (strcmp(message.type, "close") == 0) {
        take_close(room, &message);
    } else if (strcmp(message.type, "settings") == 0) {
        (void)settings_read(&room->settings, NULL, message.body.raw, &given);
    }
}

/* The payload is lent, so what is left without the seal is copied. */
static void receive_sealed(struct room *room, struct span payload)
{
    struct buf json;
    buf_init(&json);
    seal_strip(&json, payload);
    if (json.failed) {
        metric_add(METRIC_OUT_OF_MEMORY, 1);
        room->suspect = true; /* how the room is is read again */
    } else {
        take_sealed(room, buf_span(&json));
    }
    buf_finish(&json);
}

/* ---- everybody's ---- */

static bool deliverable(const struct room *room, const struct message *message)
{
    return message->kind == MESSAGE_ROUTED && message->targets && message->has_sender_type &&
           *message->sender && strcmp(message->room, room->channel) == 0;
}

/*
 * A message with an id of this room's life is taken for one of the log's, unless it comes from the
 * future: that would make those that follow look old. If it is in the log after all (a clock was
 * set), reading the log again finds it.
 */
static void take_numbered(struct room *room, const struct message *message, struct span payload)
{
    struct log_id id;
    if (!log_id_read(room, message->id, &id)) {
        metric_add(METRIC_FOREIGN_IGNORED, 1); /* made up, or of another life of this code */
    } else if (id.ms > (uint64_t)(clock_wall_ms() + room->rooms->redis_ahead_ms) + FUTURE_MS) {
        metric_add(METRIC_FOREIGN_IGNORED, 1);
        room->suspect = true;
    } else {
        take_logged(room, id, message, payload);
    }
}

/* Not in the log. The envelope is rebuilt, as it is for clients. */
static void take_unnumbered(struct room *room, struct message *message)
{
    struct buf json;
    buf_init(&json);
    if (message->ts == 0) {
        message->ts = clock_wall_ms();
    }
    buf_printf(&json, "{\"ts\":%lld,", (long long)message->ts);
    message_write_tail(&json, message, room->channel, user_type_name(message->sender_type),
                       message->sender);
    if (json.failed) {
        metric_add(METRIC_OUT_OF_MEMORY, 1);
    } else {
        room_fan_out(room, message, buf_span(&json), NULL);
    }
    buf_finish(&json);
}

void room_receive(struct room *room, struct span payload)
{
    struct message message;
    struct message_error error;
    room->refs++;
    if (seal_opens(room->seal, payload)) {
        receive_sealed(room, payload);
    } else if (!utf8_valid(payload.p, payload.n) ||
               message_read(payload, MESSAGE_FROM_REDIS, &message, &error) ||
               !deliverable(room, &message)) {
        metric_add(METRIC_FOREIGN_IGNORED, 1);
    } else if (message.id.n > 0) {
        take_numbered(room, &message, payload);
    } else {
        take_unnumbered(room, &message);
    }
    room->refs--;
    room_unref(room);
}
