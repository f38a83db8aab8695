/* What a chatter is told first: the message `welcome`. */
#include "base/json.h"
#include "chat/internal.h"

static void write_person(struct buf *out, struct span id, struct span name, enum user_type type)
{
    buf_append_text(out, "{\"id\":");
    json_write_string(out, id);
    buf_append_text(out, ",\"name\":");
    json_write_string(out, name);
    buf_printf(out, ",\"userType\":\"%s\"", user_type_name(type));
}

/* An id, or "" for number 0. */
static void write_id(struct buf *out, const char *room, int64_t seq)
{
    char id[CHAT_MESSAGE_ID_MAX + 1] = "";
    if (seq > 0) {
        chat_id_print(room, seq, id);
    }
    json_write_string(out, span_of(id));
}

/* A direct room is called as the other one is. */
static struct span room_name(const struct chatter *chatter, const struct chat_enter *entered)
{
    if (entered->room.kind == CHAT_DIRECT) {
        for (size_t i = 0; i < entered->people.count; i++) {
            if (strcmp(entered->people.list[i].id, chatter->user_id) != 0) {
                return span_of(entered->people.list[i].name);
            }
        }
    }
    return span_of(entered->room.name);
}

static void write_room(struct buf *out, const struct chatter *chatter,
                       const struct chat_enter *entered)
{
    const struct chat_room_row *room = &entered->room;
    buf_printf(out, ",\"chat\":{\"kind\":\"%s\",\"name\":",
               room->kind == CHAT_DIRECT ? "direct" : "group");
    json_write_string(out, room_name(chatter, entered));
    buf_append_text(out, ",\"owner\":");
    json_write_string(out, span_of(room->owner));
    buf_printf(out, ",\"count\":%u},\"members\":[", room->members);
    for (size_t i = 0; i < entered->people.count; i++) {
        const struct chat_person *person = &entered->people.list[i];
        if (i > 0) {
            buf_append_char(out, ',');
        }
        write_person(out, span_of(person->id), span_of(person->name), person->type);
        buf_append_text(out, ",\"lastReadMessage\":");
        write_id(out, room->id, person->read_seq);
        buf_append_char(out, '}');
    }
    buf_append_text(out, "],\"last\":");
    write_id(out, room->id, room->last_seq);
    buf_printf(out, ",\"unread\":%u,\"lastReadMessage\":", entered->unread);
    write_id(out, room->id, entered->read_seq);
}

void welcome_write(struct buf *out, const struct chatter *chatter, const struct chat_enter *entered)
{
    const struct chat_loop *chats = chatter->chats;
    const struct config *config = chats->config;
    const struct config_rate *rate = chatter_rate(chatter);
    buf_append_text(out, "{\"user\":");
    write_person(out, span_of(chatter->user_id), span_of(chatter_name(chatter)), chatter->type);
    buf_append_char(out, '}');
    if (entered) {
        write_room(out, chatter, entered);
    }
    buf_printf(out,
               ",\"ping\":%u,\"limits\":{\"message\":%u,\"rate\":%u,\"burst\":%u,\"queue\":%u,"
               "\"image\":%u,\"subscriptions\":%d},\"server\":{\"id\":",
               config->ping_s, config->message_max, rate->rate, rate->burst, config->queue_max,
               config->image_max, CHATTER_ROOMS_MAX);
    json_write_string(out, span_of(chats->server_id));
    buf_append_text(out, ",\"version\":\"" LECTERN_VERSION "\"}}");
}
