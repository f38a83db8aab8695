/* Bodies of STOMP frames; see stomp_body.h. */
#include "proto/stomp_body.h"

#include "base/utf8.h"
#include "ws/stomp.h"

#define MEMBERS_MAX 32 /* of a body; what stands behind them is not looked at */

/* ---- from the client ---- */

enum talk_field { ROOM, SENDER, MESSAGE, TYPE, KIND, TARGET_TYPE, TARGET, EPHEMERAL, TALK_FIELDS };

static const char *const talk_fields[TALK_FIELDS] = {
    "roomId", "sender", "message", "type", "messageType", "targetType", "target", "ephemeral"};

/* The values of an object's known members; raw.p is NULL where there is none. */
struct talk_values {
    struct json_value of[TALK_FIELDS];
};

static int refuse(struct stomp_refusal *why, const char *code, const char *field, const char *text)
{
    *why = (struct stomp_refusal){code, field, text};
    return -1;
}

/* False if one is given twice: readers of JSON disagree about which counts. */
static bool find_values(const struct json_member *members, size_t count, struct talk_values *values)
{
    *values = (struct talk_values){0};
    for (size_t i = 0; i < count; i++) {
        for (size_t field = 0; field < TALK_FIELDS; field++) {
            if (!json_key_same(members[i].key, span_of(talk_fields[field]))) {
                continue;
            }
            if (values->of[field].raw.p) {
                return false;
            }
            values->of[field] = members[i].value;
        }
    }
    return true;
}

static bool given(const struct talk_values *values, enum talk_field field)
{
    return values->of[field].raw.p && values->of[field].type != JSON_NULL;
}

static bool type_read(const struct talk_values *values, enum stomp_talk_type *type)
{
    static const char *const names[] = {
        [STOMP_TALK] = "TALK", [STOMP_JOIN] = "JOIN", [STOMP_LEAVE] = "LEAVE"};
    char text[8];
    size_t len;
    *type = STOMP_TALK;
    if (!given(values, TYPE)) {
        return true;
    }
    if (json_string(values->of[TYPE].raw, text, sizeof text, &len)) {
        return false;
    }
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (strcmp(text, names[i]) == 0) {
            *type = (enum stomp_talk_type)i;
            return true;
        }
    }
    return false;
}

static bool room_read(const struct talk_values *values, char out[CHANNEL_NAME_MAX + 1])
{
    char text[CHANNEL_NAME_MAX + 1];
    size_t len;
    if (!given(values, ROOM)) {
        return true;
    }
    if (json_string(values->of[ROOM].raw, text, sizeof text, &len)) {
        return false;
    }
    size_t prefix = strncmp(text, "room:", 5) == 0 ? 5 : 0;
    return span_copy((struct span){text + prefix, len - prefix}, out, CHANNEL_NAME_MAX + 1);
}

static int envelope_read(const struct talk_values *values, struct stomp_talk *out,
                         struct stomp_refusal *why)
{
    static const enum talk_field names[] = {KIND, TARGET_TYPE, TARGET}; /* the room looks at them */
    size_t len;
    if (!type_read(values, &out->type)) {
        return refuse(why, "bad_field", "type", "type is TALK, JOIN or LEAVE.");
    }
    if (!room_read(values, out->room)) {
        return refuse(why, "bad_field", "roomId", "roomId is a room's code or id.");
    }
    if (given(values, SENDER) &&
        json_string(values->of[SENDER].raw, out->sender, sizeof out->sender, &len)) {
        return refuse(why, "forbidden", "sender", "sender is not that of this session.");
    }
    if (!values->of[MESSAGE].raw.p && out->type == STOMP_TALK) {
        return refuse(why, "bad_field", "message", "message is missing.");
    }
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const struct json_value *value = &values->of[names[i]];
        if (given(values, names[i]) &&
            (value->type != JSON_STRING || !json_string_decodes(value->raw))) {
            return refuse(why, "bad_field", talk_fields[names[i]], "It is a short text.");
        }
    }
    out->message = values->of[MESSAGE].raw;
    out->kind = given(values, KIND) ? values->of[KIND].raw : (struct span){NULL, 0};
    out->target_type =
        given(values, TARGET_TYPE) ? values->of[TARGET_TYPE].raw : (struct span){NULL, 0};
    out->target = given(values, TARGET) ? values->of[TARGET].raw : (struct span){NULL, 0};
    out->ephemeral = given(values, EPHEMERAL) ? values->of[EPHEMERAL].raw : (struct span){NULL, 0};
    return 0;
}

/* An object that says what a message is, not one that is the message. */
static bool is_envelope(const struct talk_values *values)
{
    enum stomp_talk_type type;
    return values->of[MESSAGE].raw.p ||
           (given(values, TYPE) && type_read(values, &type) && type != STOMP_TALK);
}

int stomp_talk_read(struct span body, bool envelope, struct stomp_talk *out,
                    struct stomp_refusal *why)
{
    struct json_member members[MEMBERS_MAX];
    struct talk_values values;
    size_t count, error_at;
    *out = (struct stomp_talk){.message = body};
    if (!utf8_valid(body.p, body.n)) {
        return refuse(why, "bad_json", NULL, "The body is not UTF-8 text.");
    }
    if (json_members(body, members, MEMBERS_MAX, &count, &error_at) == 0) {
        if (!find_values(members, count < MEMBERS_MAX ? count : MEMBERS_MAX, &values)) {
            return refuse(why, "bad_json", NULL, "A key is given twice.");
        }
        if (envelope || is_envelope(&values)) {
            return envelope_read(&values, out, why);
        }
    } else if (envelope) {
        return refuse(why, "bad_json", NULL, "The body is a JSON object that names the roomId.");
    }
    out->text = !json_valid_inside(body, 1);
    return 0;
}

static void write_member(struct buf *out, const char *key, struct span value)
{
    if (value.p) {
        json_write_key(out, key);
        buf_append_span(out, value);
    }
}

static void write_message(struct buf *out, const struct stomp_talk *talk)
{
    if (talk->text) {
        json_write_string(out, talk->message);
    } else {
        buf_append_span(out, talk->message.p ? talk->message : span_of("null"));
    }
}

void stomp_talk_write(struct buf *out, const struct stomp_talk *talk, const char *room,
                      const char *target_type, const char *ref)
{
    buf_append_char(out, '{');
    if (*ref) {
        json_write_key(out, "ref");
        json_write_string(out, span_of(ref));
    }
    if (*room) {
        json_write_key(out, "room");
        buf_printf(out, "\"room:%s\"", room);
    }
    json_write_key(out, "targetType");
    if (talk->target_type.p) {
        buf_append_span(out, talk->target_type);
    } else {
        json_write_string(out, span_of(target_type));
    }
    write_member(out, "target", talk->target);
    write_member(out, "ephemeral", talk->ephemeral);
    write_member(out, "messageType", talk->kind.p ? talk->kind : span_of("\"send\""));
    json_write_key(out, "message");
    write_message(out, talk);
    buf_append_char(out, '}');
}

/* ---- to the client ---- */

enum event_field { ID, TS, EVENT_ROOM, EVENT_SENDER, NAME, EVENT_KIND, BODY, EVENT_FIELDS };

static const char *const event_fields[EVENT_FIELDS] = {
    "id", "ts", "room", "sender", "senderName", "messageType", "message"};

/* `json` is Lectern's own, so that its keys are as they are written here and come once. */
static void find_event(struct span json, struct json_value values[EVENT_FIELDS])
{
    struct json_member members[MEMBERS_MAX];
    size_t count, error_at;
    if (json_members(json, members, MEMBERS_MAX, &count, &error_at)) {
        return;
    }
    for (size_t i = 0; i < count && i < MEMBERS_MAX; i++) {
        for (size_t field = 0; field < EVENT_FIELDS; field++) {
            if (span_eq(members[i].key, event_fields[field])) {
                values[field] = members[i].value;
            }
        }
    }
}

/* A string of Lectern's own envelope, where nothing is escaped. */
static struct span inside(struct json_value value)
{
    return value.type == JSON_STRING && value.raw.n >= 2
               ? (struct span){value.raw.p + 1, value.raw.n - 2}
               : (struct span){NULL, 0};
}

/* Who joined or left is named in the message. */
static struct span name_in(struct json_value body)
{
    struct json_member members[MEMBERS_MAX];
    size_t count, error_at;
    if (body.type == JSON_OBJECT &&
        json_members(body.raw, members, MEMBERS_MAX, &count, &error_at) == 0) {
        for (size_t i = 0; i < count && i < MEMBERS_MAX; i++) {
            if (span_eq(members[i].key, "name") && members[i].value.type == JSON_STRING) {
                return members[i].value.raw;
            }
        }
    }
    return (struct span){NULL, 0};
}

/* What a messageType is for STOMP clients; all others are TALK. */
static const struct {
    const char *kind, *type;
} types[] = {
    {"join", "JOIN"},
    {"leave", "LEAVE"},
    {"enter", "JOIN"},
    {"exit", "LEAVE"},
};

static const char *type_of(struct span kind)
{
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        if (span_eq(kind, types[i].kind)) {
            return types[i].type;
        }
    }
    return "TALK";
}

static void write_body(struct buf *out, const struct json_value values[EVENT_FIELDS])
{
    struct span room = inside(values[EVENT_ROOM]);
    struct span kind = inside(values[EVENT_KIND]);
    struct span name = values[NAME].raw;
    const char *type = type_of(kind);
    if (room.n > 5) { /* "room:" */
        room = (struct span){room.p + 5, room.n - 5};
    }
    if (!name.p && strcmp(type, "TALK") != 0) {
        name = name_in(values[BODY]);
    }
    buf_append_char(out, '{');
    json_write_key(out, "roomId");
    json_write_string(out, room);
    write_member(out, "sender", values[EVENT_SENDER].raw);
    write_member(out, "senderName", name);
    write_member(out, "message", values[BODY].raw.p ? values[BODY].raw : span_of("null"));
    json_write_key(out, "type");
    json_write_string(out, span_of(type));
    write_member(out, "id", values[ID].raw);
    write_member(out, "timestamp", values[TS].raw);
    if (!span_eq(kind, "send")) {
        write_member(out, "messageType", values[EVENT_KIND].raw);
    }
    buf_append_char(out, '}');
}

void stomp_event_write(struct buf *out, struct span json, const char *spare_id)
{
    struct json_value values[EVENT_FIELDS] = {0};
    struct buf body;
    find_event(json, values);
    struct span id = inside(values[ID]);
    buf_init(&body);
    write_body(&body, values);
    buf_reserve(out, body.len + 128);
    buf_append_text(out, "message-id:");
    buf_append_span(out, id.n > 0 ? id : span_of(spare_id));
    buf_append_text(out, "\ncontent-type:application/json\n");
    stomp_write_body(out, buf_span(&body));
    out->failed |= body.failed;
    buf_finish(&body);
}
