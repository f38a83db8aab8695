/*
 * What a room's channel brings. Lectern's own publications start with the room's seal: rows of the store
 * with their numbers, notices that nobody keeps, the end of the room. Rows that come out of order are held
 * back. Of what other programs publish, messages for all are passed on, without a number.
 */
#include "chat/internal.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/utf8.h"
#include "core/metrics.h"
#include "wire/seal.h"

#define HELD_MAX 1024         /* publications held back per room */
#define HELD_BYTES (1u << 20) /* and their bytes */

/* ---- Holding back ---- */

void chat_room_drop_held(struct chat_room *room)
{
    while (room->held) {
        struct held *next = room->held->next;
        free(room->held);
        room->held = next;
    }
    room->held_count = room->held_bytes = 0;
}

/* False: it is not kept; once it is missed it will be read from the store. */
static bool hold(struct chat_room *room, int64_t seq, struct span payload)
{
    struct held **at = &room->held;
    if (room->held_count == HELD_MAX || room->held_bytes + payload.n > HELD_BYTES) {
        return false;
    }
    while (*at && (seq == 0 || (*at)->seq < seq)) {
        at = &(*at)->next;
    }
    if (*at && (*at)->seq == seq) {
        return true;
    }
    struct held *held = malloc(sizeof *held + payload.n);
    if (!held) {
        metric_add(METRIC_OUT_OF_MEMORY, 1);
        return false;
    }
    held->seq = seq;
    held->len = payload.n;
    memcpy(held->text, payload.p, payload.n);
    held->next = *at;
    *at = held;
    room->held_count++;
    room->held_bytes += payload.n;
    return true;
}

/* ---- What Lectern published ---- */

/* The number of the message that an event is about: the body's first member. */
static int64_t about(const struct chat_room *room, struct span body)
{
    struct json_member members[8];
    char text[CHAT_MESSAGE_ID_MAX + 1], id[CHAT_ROOM_ID_LEN + 1];
    size_t count, error_at, len;
    int64_t seq = 0;
    if (json_members(body, members, 8, &count, &error_at)) {
        return 0;
    }
    for (size_t i = 0; i < count && i < 8; i++) {
        if (span_eq(members[i].key, "id") &&
            json_string(members[i].value.raw, text, sizeof text, &len) == 0 &&
            chat_id_read((struct span){text, len}, id, &seq) && strcmp(id, room->id) == 0) {
            return seq;
        }
    }
    return 0;
}

static enum chat_row_kind kind_of(const char *type)
{
    static const struct {
        const char *type;
        enum chat_row_kind kind;
    } events[] = {
        {"join", MESSAGE_JOIN},
        {"leave", MESSAGE_LEAVE},
        {"delete", MESSAGE_DELETE},
        {"file-state", MESSAGE_FILE_STATE},
    };
    for (size_t i = 0; i < sizeof events / sizeof events[0]; i++) {
        if (strcmp(type, events[i].type) == 0) {
            return events[i].kind;
        }
    }
    return MESSAGE_SENT;
}

static struct news news_of(const struct chat_room *room, int64_t seq, const struct message *message,
                           struct span json)
{
    struct news news = {.seq = seq,
                        .kind = kind_of(message->type),
                        .sender = span_of(message->sender),
                        .json = json};
    if (news.kind == MESSAGE_DELETE || news.kind == MESSAGE_FILE_STATE) {
        news.about = about(room, message->body.raw);
    }
    return news;
}

bool news_of_row(struct news *news, const struct chat_room *room,
                 const struct chat_message_row *row, struct buf *json)
{
    buf_clear(json);
    if (row->kind != MESSAGE_DELETED) {
        chat_message_write(json, row);
    }
    *news = (struct news){
        .seq = row->seq, .kind = row->kind, .sender = row->sender, .json = buf_span(json)};
    if (row->kind == MESSAGE_DELETE || row->kind == MESSAGE_FILE_STATE) {
        news->about = about(room, row->body);
    }
    return !json->failed;
}

/* `json` is the message without the seal, `payload` with it. */
static void take_row(struct chat_room *room, const struct message *message, struct span json,
                     struct span payload)
{
    char id[CHAT_ROOM_ID_LEN + 1];
    int64_t seq;
    if (!chat_id_read(message->id, id, &seq) || strcmp(id, room->id) != 0) {
        metric_add(METRIC_FOREIGN_IGNORED, 1);
    } else if (seq == room->tail.end) {
        struct news news = news_of(room, seq, message, json);
        if (message->ts > 0) {
            int64_t late_ms = clock_wall_ms() - message->ts;
            metric_observe(HISTOGRAM_DELIVER, late_ms > 0 ? (double)late_ms / 1e3 : 0);
        }
        chat_room_take(room, &news);
    } else if (seq > room->tail.end) {
        (void)hold(room, seq, payload);
        chat_room_behind(room, seq);
    }
}

/* `typing` comes back to nobody who sits behind the same keyboard. */
static bool hears(const struct follow *follow, const struct message *message)
{
    return follow->welcomed && !follow->chatter->closing &&
           (strcmp(message->type, "typing") != 0 ||
            strcmp(message->sender, follow->chatter->user_id) != 0);
}

static void pass_on(struct chat_room *room, const struct message *message, struct span json)
{
    struct frame *frames[RECEIVER_VARIANTS] = {NULL};
    int64_t sent = 0;
    for (size_t i = 0; i < room->count; i++) {
        struct follow *follow = room->follows[i];
        struct frame *frame = hears(follow, message) ? chat_frame(follow, json, frames) : NULL;
        if (frame) {
            sent += follow->chatter->ops->deliver(follow->chatter->socket, frame, false);
        }
    }
    for (unsigned i = 0; i < RECEIVER_VARIANTS; i++) {
        frame_unref(frames[i]);
    }
    metric_add(METRIC_MESSAGES_OUT, sent);
}

static void take_sealed(struct chat_room *room, struct span json, struct span payload)
{
    struct message message;
    struct message_error error;
    if (message_read(json, MESSAGE_FROM_REDIS, &message, &error)) {
        metric_add(METRIC_FOREIGN_IGNORED, 1);
    } else if (message.id.n > 0) {
        take_row(room, &message, json, payload);
    } else if (strcmp(message.type, "close") == 0) {
        chat_room_over(room);
    } else {
        pass_on(room, &message, json);
    }
}

/* The payload is lent, so what is left without the seal is copied. */
static void receive_sealed(struct chat_room *room, struct span payload)
{
    struct buf json;
    buf_init(&json);
    seal_strip(&json, payload);
    if (json.failed) {
        metric_add(METRIC_OUT_OF_MEMORY, 1);
        room->chats->checked_ms = 0;
        chat_loop_soon(room->chats);
    } else {
        take_sealed(room, buf_span(&json), payload);
    }
    buf_finish(&json);
}

/* ---- What others publish ---- */

static bool deliverable(const struct chat_room *room, const struct message *message)
{
    return chat_verb_of(span_of(message->type)) == CHAT_ROUTED && message->targets == TARGET_ALL &&
           !*message->target && message->has_sender_type && *message->sender &&
           message->id.n == 0 && strcmp(message->room, room->channel) == 0;
}

static void receive_foreign(struct chat_room *room, struct span payload)
{
    struct message message;
    struct message_error error;
    if (!utf8_valid(payload.p, payload.n) ||
        message_read(payload, MESSAGE_FROM_REDIS, &message, &error) ||
        !deliverable(room, &message)) {
        metric_add(METRIC_FOREIGN_IGNORED, 1);
        return;
    }
    const struct chat_notice notice = {.room = room->id,
                                       .ts = message.ts ? message.ts : clock_wall_ms(),
                                       .type = message.type,
                                       .sender = span_of(message.sender),
                                       .sender_type = message.sender_type,
                                       .body = message.body.raw};
    struct buf json;
    buf_init(&json);
    chat_notice_write(&json, &notice);
    if (json.failed) {
        metric_add(METRIC_OUT_OF_MEMORY, 1);
    } else {
        pass_on(room, &message, buf_span(&json));
    }
    buf_finish(&json);
}

/* Those that were held and are due by now. */
void chat_room_take_held(struct chat_room *room)
{
    while (room->state == CHAT_ROOM_LIVE && room->held && room->held->seq <= room->tail.end) {
        struct held *held = room->held;
        room->held = held->next;
        room->held_count--;
        room->held_bytes -= held->len;
        if (held->seq == room->tail.end) {
            receive_sealed(room, (struct span){held->text, held->len});
        }
        free(held);
    }
}

void chat_room_receive(struct chat_room *room, struct span payload)
{
    room->refs++;
    if (room->state == CHAT_ROOM_UNKNOWN) {
        (void)hold(room, 0, payload); /* rows that find no place are missed later */
    } else if (room->state == CHAT_ROOM_LIVE && seal_opens(room->seal, payload)) {
        receive_sealed(room, payload);
        chat_room_take_held(room);
    } else if (room->state == CHAT_ROOM_LIVE) {
        receive_foreign(room, payload);
    }
    room->refs--;
    chat_room_unref(room);
}
