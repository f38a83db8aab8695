/* Chat messages as text; see message.h. */
#include "chat/message.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/number.h"
#include "wire/seal.h"

#define AROUND 256     /* what a message has around its body, in bytes; seldom more */
#define MEMBERS_MAX 64 /* of a body that are looked at for text */

static const struct {
    const char *type;
    enum chat_verb kind;
} kinds[] = {
    {"subscribe", CHAT_SUBSCRIBE},
    {"unsubscribe", CHAT_UNSUBSCRIBE},
    {"read", CHAT_READ},
    {"typing", CHAT_TYPING},
    {"delete", CHAT_DELETE},
    {"token", CHAT_TOKEN},
    {"ping", CHAT_PING},
    {"welcome", CHAT_RESERVED},
    {"ack", CHAT_RESERVED},
    {"error", CHAT_RESERVED},
    {"gap", CHAT_RESERVED},
    {"join", CHAT_RESERVED},
    {"leave", CHAT_RESERVED},
    {"file-state", CHAT_RESERVED},
    {"enter", CHAT_RESERVED},
    {"exit", CHAT_RESERVED},
    {"invited", CHAT_RESERVED},
    {"removed", CHAT_RESERVED},
    {"pong", CHAT_RESERVED},
    {"close", CHAT_RESERVED},
    /* What they mean in a class, nothing here shall seem to mean. */
    {"host-away", CHAT_RESERVED},
    {"host-back", CHAT_RESERVED},
    {"kick", CHAT_RESERVED},
    {"lock", CHAT_RESERVED},
    {"unlock", CHAT_RESERVED},
    {"settings", CHAT_RESERVED},
    {"end", CHAT_RESERVED},
    {"seen", CHAT_RESERVED},
};

enum chat_verb chat_verb_of(struct span type)
{
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (span_eq(type, kinds[i].type)) {
            return kinds[i].kind;
        }
    }
    return CHAT_ROUTED;
}

bool chat_room_read(struct span text, char room[CHAT_ROOM_ID_LEN + 1])
{
    if (text.n == CHAT_CHANNEL_LEN && memcmp(text.p, "room:", 5) == 0) {
        text = (struct span){text.p + 5, text.n - 5};
    }
    return id_chat_room_valid(text) && span_copy(text, room, CHAT_ROOM_ID_LEN + 1);
}

static bool read_seq(struct span digits, int64_t *seq)
{
    uint64_t value;
    bool good = number_read(digits, 1, INT64_MAX, &value);
    if (good) {
        *seq = (int64_t)value;
    }
    return good;
}

bool chat_id_read(struct span text, char room[CHAT_ROOM_ID_LEN + 1], int64_t *seq)
{
    if (text.n < CHAT_ROOM_ID_LEN + 2 || text.p[CHAT_ROOM_ID_LEN] != '.') {
        return false;
    }
    struct span id = {text.p, CHAT_ROOM_ID_LEN};
    struct span digits = {text.p + CHAT_ROOM_ID_LEN + 1, text.n - CHAT_ROOM_ID_LEN - 1};
    return id_chat_room_valid(id) && read_seq(digits, seq) &&
           span_copy(id, room, CHAT_ROOM_ID_LEN + 1);
}

void chat_id_print(const char *room, int64_t seq, char out[CHAT_MESSAGE_ID_MAX + 1])
{
    snprintf(out, CHAT_MESSAGE_ID_MAX + 1, "%s.%" PRId64, room, seq);
}

/* What both stored messages and notices are. */
struct parts {
    const char *room;
    int64_t seq; /* 0: no id */
    int64_t ts;
    struct span sender, name, type, body, ref;
    enum user_type sender_type;
};

/* The rest of an object of which the opening brace, and perhaps a seal, is there. */
static void write_parts(struct buf *out, const struct parts *parts)
{
    /* No printf: it takes longer than reading a short message did. */
    buf_reserve(out, AROUND + parts->name.n + parts->body.n);
    if (parts->seq > 0) {
        buf_append_text(out, "\"id\":\"");
        buf_append_text(out, parts->room);
        buf_append_char(out, '.');
        buf_append_int(out, parts->seq);
        buf_append_text(out, "\",");
    }
    buf_append_text(out, "\"ts\":");
    buf_append_int(out, parts->ts);
    buf_append_text(out, ",\"room\":\"room:");
    buf_append_text(out, parts->room);
    buf_append_text(out, "\",\"senderType\":\"");
    buf_append_text(out, user_type_name(parts->sender_type));
    buf_append_text(out, "\",\"sender\":\"");
    buf_append_span(out, parts->sender);
    buf_append_char(out, '"');
    if (parts->name.n > 0) {
        buf_append_text(out, ",\"senderName\":");
        json_write_string(out, parts->name);
    }
    buf_append_text(out, ",\"targetType\":\"all\",\"messageType\":\"");
    buf_append_span(out, parts->type);
    buf_append_text(out, "\",\"message\":");
    buf_append_span(out, parts->body);
    if (parts->ref.n > 0) {
        buf_append_text(out, ",\"ref\":\"");
        buf_append_span(out, parts->ref);
        buf_append_char(out, '"');
    }
    buf_append_char(out, '}');
}

static struct parts of_row(const struct chat_message_row *row)
{
    return (struct parts){row->room,        row->seq,  row->created_ms, row->sender,
                          row->sender_name, row->type, row->body,       (struct span){0, 0},
                          row->sender_type};
}

static struct parts of_notice(const struct chat_notice *notice)
{
    return (struct parts){notice->room,       0,
                          notice->ts,         notice->sender,
                          notice->name,       span_of(notice->type),
                          notice->body,       (struct span){0, 0},
                          notice->sender_type};
}

static void open_plain(struct buf *out)
{
    buf_append_char(out, '{');
}

void chat_message_write(struct buf *out, const struct chat_message_row *row)
{
    struct parts parts = of_row(row);
    open_plain(out);
    write_parts(out, &parts);
}

void chat_message_write_own(struct buf *out, const struct chat_message_row *row)
{
    struct parts parts = of_row(row);
    parts.ref = row->ref;
    open_plain(out);
    write_parts(out, &parts);
}

void chat_message_publish(struct buf *out, const struct chat_message_row *row, const char *seal)
{
    struct parts parts = of_row(row);
    seal_write(out, seal);
    write_parts(out, &parts);
}

void chat_notice_write(struct buf *out, const struct chat_notice *notice)
{
    struct parts parts = of_notice(notice);
    open_plain(out);
    write_parts(out, &parts);
}

void chat_notice_publish(struct buf *out, const struct chat_notice *notice, const char *seal)
{
    struct parts parts = of_notice(notice);
    seal_write(out, seal);
    write_parts(out, &parts);
}

void chat_read_body(const char *room, int64_t seq, char *out, size_t cap)
{
    snprintf(out, cap, "{\"lastReadMessage\":\"%s.%" PRId64 "\"}", room, seq);
}

void chat_close_publish(struct buf *out, const char *room, const char *reason, const char *seal)
{
    seal_write(out, seal);
    buf_printf(out,
               "\"ts\":%" PRId64 ",\"room\":\"room:%s\",\"senderType\":\"server\","
               "\"sender\":\"lectern\",\"targetType\":\"all\",\"messageType\":\"close\","
               "\"message\":{\"reason\":\"%s\"}}",
               clock_wall_ms(), room, reason);
}

/* ---- What can be searched for ---- */

static void write_string(struct buf *out, size_t start, struct span raw)
{
    size_t len;
    char *text = malloc(raw.n + 1);
    if (!text) {
        out->failed = true;
        return;
    }
    if (json_string(raw, text, raw.n + 1, &len) == 0 && len > 0) {
        if (out->len > start) {
            buf_append_char(out, '\n');
        }
        buf_append(out, text, len);
    }
    free(text);
}

void chat_text_write(struct buf *out, struct span body)
{
    static const char *const names[] = {"text", "message", "caption", "name"};
    struct json_member members[MEMBERS_MAX];
    size_t count, error_at, start = out->len;
    if (body.n > 0 && body.p[0] == '"') {
        write_string(out, start, body);
        return;
    }
    if (body.n == 0 || body.p[0] != '{' ||
        json_members(body, members, MEMBERS_MAX, &count, &error_at)) {
        return;
    }
    for (size_t n = 0; n < sizeof names / sizeof names[0]; n++) {
        for (size_t i = 0; i < count && i < MEMBERS_MAX; i++) {
            if (span_eq(members[i].key, names[n]) && members[i].value.type == JSON_STRING) {
                write_string(out, start, members[i].value.raw);
                break;
            }
        }
    }
}
