/*
 * Reading messages; see message.h. The text is scanned once, without a tree; then each known field
 * that was found goes through its row in the table of fields. `ref` has the first row, so that
 * whatever is wrong with the others can be answered with it.
 */
#include "wire/message.h"

#include <stdarg.h>
#include <stdio.h>

#define TAIL_NAMES 192 /* what a message has around its body, in bytes; seldom more */

struct kind {
    const char *type;
    enum message_verb kind;
};

static const struct kind kinds[] = {
    {"kick", MESSAGE_KICK},
    {"lock", MESSAGE_LOCK},
    {"unlock", MESSAGE_UNLOCK},
    {"settings", MESSAGE_SETTINGS},
    {"end", MESSAGE_END},
    {"seen", MESSAGE_SEEN},
    {"token", MESSAGE_TOKEN},
    {"ping", MESSAGE_PING},
    {"welcome", MESSAGE_SERVER_ONLY},
    {"join", MESSAGE_SERVER_ONLY},
    {"leave", MESSAGE_SERVER_ONLY},
    {"ack", MESSAGE_SERVER_ONLY},
    {"error", MESSAGE_SERVER_ONLY},
    {"gap", MESSAGE_SERVER_ONLY},
    {"close", MESSAGE_SERVER_ONLY},
    {"host-away", MESSAGE_SERVER_ONLY},
    {"pong", MESSAGE_SERVER_ONLY},
    {"host-back", MESSAGE_SERVER_ONLY},
};

enum message_verb message_kind_of(struct span type)
{
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (span_eq(type, kinds[i].type)) {
            return kinds[i].kind;
        }
    }
    return MESSAGE_ROUTED;
}

static const struct {
    const char *name;
    unsigned targets;
} target_names[] = {
    {"student", TARGET_STUDENT},
    {"teacher", TARGET_TEACHER},
    {"all", TARGET_ALL},
};

const char *target_name(unsigned targets)
{
    for (size_t i = 0; i < sizeof target_names / sizeof target_names[0]; i++) {
        if (target_names[i].targets == targets) {
            return target_names[i].name;
        }
    }
    return "";
}

struct reader {
    struct message *out;
    struct message_error *error;
    enum message_source source;
};

__attribute__((format(printf, 4, 5))) static int refuse(struct reader *r, const char *code,
                                                        const char *field, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    r->error->code = code;
    r->error->field = field;
    vsnprintf(r->error->text, sizeof r->error->text, format, args);
    va_end(args);
    return -1;
}

/* What a string cannot be that is too long or not made of the right characters. */
static int refuse_form(struct reader *r, const char *field, const char *allowed)
{
    return refuse(r, "bad_field", field, "\"%s\" must be %s.", field, allowed);
}

/* A string that no session of this server can have: a client's is forbidden, not malformed. */
static int refuse_claim(struct reader *r, const char *field)
{
    return refuse(r, r->source == MESSAGE_FROM_REDIS ? "bad_field" : "forbidden", field,
                  "\"%s\" is not that of this session.", field);
}

#define ID_RULE "1 to 64 of A-Z a-z 0-9 . _ @ -"

static int read_id(struct reader *r, const char *field, struct span raw, char out[ID_MAX + 1])
{
    size_t len;
    if (json_string(raw, out, ID_MAX + 1, &len) || !id_valid((struct span){out, len})) {
        out[0] = '\0';
        return refuse_form(r, field, ID_RULE);
    }
    return 0;
}

static int read_ref(struct reader *r, struct span raw)
{
    return read_id(r, "ref", raw, r->out->ref);
}

static int read_target(struct reader *r, struct span raw)
{
    return read_id(r, "target", raw, r->out->target);
}

static int read_type(struct reader *r, struct span raw)
{
    size_t len;
    if (json_string(raw, r->out->type, sizeof r->out->type, &len) ||
        !id_type_valid((struct span){r->out->type, len})) {
        return refuse_form(r, "messageType", "1 to 64 of A-Z a-z 0-9 . _ -");
    }
    r->out->kind = message_kind_of((struct span){r->out->type, len});
    return 0;
}

static int read_target_type(struct reader *r, struct span raw)
{
    char name[16];
    size_t len;
    if (json_string(raw, name, sizeof name, &len) == 0) {
        for (size_t i = 0; i < sizeof target_names / sizeof target_names[0]; i++) {
            if (span_eq((struct span){name, len}, target_names[i].name)) {
                r->out->targets = target_names[i].targets;
                return 0;
            }
        }
    }
    return refuse_form(r, "targetType", "student, teacher or all");
}

static int read_sender(struct reader *r, struct span raw)
{
    size_t len;
    if (json_string(raw, r->out->sender, sizeof r->out->sender, &len) ||
        !id_valid((struct span){r->out->sender, len})) {
        return refuse_claim(r, "sender");
    }
    return 0;
}

static int read_sender_type(struct reader *r, struct span raw)
{
    char name[16];
    size_t len;
    if (json_string(raw, name, sizeof name, &len) == 0) {
        struct span text = {name, len};
        if (r->source == MESSAGE_FROM_REDIS && span_eq(text, "server")) {
            return 0;
        }
        if (user_type_parse(text, &r->out->sender_type)) {
            r->out->has_sender_type = true;
            return 0;
        }
    }
    return refuse_claim(r, "senderType");
}

static int read_room(struct reader *r, struct span raw)
{
    size_t len;
    if (json_string(raw, r->out->room, sizeof r->out->room, &len) || len == 0) {
        return refuse_claim(r, "room");
    }
    return 0;
}

static int read_ephemeral(struct reader *r, struct span raw)
{
    r->out->ephemeral = raw.p[0] == 't';
    return 0;
}

static int read_message_id(struct reader *r, struct span raw)
{
    struct span id = {raw.p + 1, raw.n - 2};
    if (id.n > ROOM_MESSAGE_ID_MAX || !id_valid(id)) {
        return refuse_form(r, "id", "1 to 40 of A-Z a-z 0-9 . _ @ -");
    }
    r->out->id = id;
    return 0;
}

static int read_ts(struct reader *r, struct span raw)
{
    if (json_int(raw, &r->out->ts) || r->out->ts < 0) {
        return refuse_form(r, "ts", "a time in milliseconds, a whole number");
    }
    return 0;
}

struct field {
    struct span name; /* with a NUL behind it */
    enum json_type type;
    unsigned sources; /* a bit each; from others it is not looked at */
    int (*read)(struct reader *r, struct span raw);
};

enum {
    ANYBODY = ~0U,
    REDIS = 1U << MESSAGE_FROM_REDIS,
    CHATTER = 1U << MESSAGE_FROM_CHATTER,
};

#define NAME(text)                                                                                 \
    {                                                                                              \
        text, sizeof(text) - 1                                                                     \
    }
static const struct field fields[] = {
    {NAME("ref"), JSON_STRING, ANYBODY, read_ref},
    {NAME("messageType"), JSON_STRING, ANYBODY, read_type},
    {NAME("targetType"), JSON_STRING, ANYBODY, read_target_type},
    {NAME("target"), JSON_STRING, ANYBODY, read_target},
    {NAME("sender"), JSON_STRING, ANYBODY, read_sender},
    {NAME("senderType"), JSON_STRING, ANYBODY, read_sender_type},
    {NAME("room"), JSON_STRING, ANYBODY, read_room},
    {NAME("ephemeral"), JSON_BOOL, ANYBODY, read_ephemeral},
    {NAME("id"), JSON_STRING, REDIS, read_message_id},
    {NAME("ts"), JSON_NUMBER, REDIS, read_ts},
    /* Of any type: */
    {NAME("since"), JSON_NULL, CHATTER, NULL},
    {NAME("history"), JSON_NULL, CHATTER, NULL},
    {NAME("senderId"), JSON_NULL, CHATTER, NULL},
    {NAME("type"), JSON_NULL, CHATTER, NULL},
    {NAME("message"), JSON_NULL, ANYBODY, NULL},
};
#define FIELDS (sizeof fields / sizeof fields[0])
#define BODY (FIELDS - 1)
#define TYPED (FIELDS - 5) /* how many have a type; the others follow them */
#define UNKNOWN FIELDS

#define KEY_MAX 128 /* bytes of a key that could be a known one, escapes included */

struct members {
    struct json_member list[MESSAGE_MEMBERS_MAX];
    unsigned char field[MESSAGE_MEMBERS_MAX]; /* which of the fields each is, or UNKNOWN */
    size_t count;
};

static size_t field_of(struct span key)
{
    bool plain = key.n == 0 || !memchr(key.p, '\\', key.n);
    for (size_t i = 0; i < FIELDS; i++) {
        const struct span name = fields[i].name;
        if (plain ? key.n == name.n && memcmp(key.p, name.p, name.n) == 0
                  : json_key_same(key, name)) {
            return i;
        }
    }
    return UNKNOWN;
}

static int scan(struct reader *r, struct span text, struct members *members)
{
    size_t error_at;
    if (json_members(text, members->list, MESSAGE_MEMBERS_MAX, &members->count, &error_at)) {
        return refuse(r, "bad_json", NULL,
                      "A message is one JSON object; what was sent is not, from byte %zu on.",
                      error_at);
    }
    if (members->count > MESSAGE_MEMBERS_MAX) {
        return refuse(r, "bad_json", NULL, "Too many members: at most %d are allowed.",
                      MESSAGE_MEMBERS_MAX);
    }
    for (size_t i = 0; i < members->count; i++) {
        members->field[i] = (unsigned char)field_of(members->list[i].key);
    }
    return 0;
}

/* The name of the member's field, which lives for ever, or NULL. */
static const char *field_name(const struct members *members, size_t i)
{
    return members->field[i] == UNKNOWN ? NULL : fields[members->field[i]].name.p;
}

/* Are these two one key, given twice? */
static bool same_key(const struct members *members, size_t i, size_t j)
{
    const struct span a = members->list[i].key, b = members->list[j].key;
    if (members->field[i] != UNKNOWN || members->field[j] != UNKNOWN) {
        return members->field[i] == members->field[j];
    }
    /* A longer key is nobody's; comparing many that differ late would take a hostile message's
     * worth of time. */
    return a.n <= KEY_MAX && b.n <= KEY_MAX && json_key_same(a, b);
}

/*
 * Readers of JSON disagree about keys that are given twice, and about U+0000 and half surrogate
 * pairs: with none of them in the envelope, all who read it later read the same.
 */
static int check_members(struct reader *r, const struct members *members)
{
    for (size_t i = 0; i < members->count; i++) {
        const struct json_member *m = &members->list[i];
        if (!json_string_decodes((struct span){m->key.p - 1, m->key.n + 2}) ||
            (m->value.type == JSON_STRING && members->field[i] != BODY &&
             !json_string_decodes(m->value.raw))) {
            return refuse(r, "bad_json", field_name(members, i),
                          "\\u0000 and half a surrogate pair are not allowed outside \"message\".");
        }
        for (size_t j = 0; j < i; j++) {
            if (same_key(members, i, j)) {
                return refuse(r, "bad_json", field_name(members, i), "A key is given twice.");
            }
        }
    }
    return 0;
}

/* In the table's order, whatever the message's. */
static int read_fields(struct reader *r, const struct members *members)
{
    static const char *const type_names[] = {
        [JSON_BOOL] = "true or false", [JSON_NUMBER] = "a number", [JSON_STRING] = "a string"};
    const struct json_value *values[FIELDS + 1] = {NULL};
    for (size_t i = 0; i < members->count; i++) {
        values[members->field[i]] = &members->list[i].value;
    }
    for (size_t i = 0; i < TYPED; i++) {
        const struct field *field = &fields[i];
        if (!values[i] || !(field->sources & 1U << r->source)) {
            continue;
        }
        if (values[i]->type != field->type) {
            return refuse_form(r, field->name.p, type_names[field->type]);
        }
        if (field->read(r, values[i]->raw)) {
            return -1;
        }
    }
    struct json_value *const untyped[] = {&r->out->since, &r->out->history, &r->out->sender_id,
                                          &r->out->old_type, &r->out->body};
    for (size_t i = TYPED; i < FIELDS; i++) {
        if (values[i] && fields[i].sources & 1U << r->source) {
            *untyped[i - TYPED] = *values[i];
        }
    }
    return 0;
}

int message_read(struct span text, enum message_source source, struct message *out,
                 struct message_error *error)
{
    struct reader r = {.out = out, .error = error, .source = source};
    struct members members;
    *out = (struct message){.body = {JSON_NULL, {"null", 4}}};
    if (scan(&r, text, &members) || check_members(&r, &members) || read_fields(&r, &members)) {
        return -1;
    }
    if (!out->type[0] && source != MESSAGE_FROM_CHATTER) {
        return refuse(&r, "bad_field", "messageType", "\"messageType\" is missing.");
    }
    return 0;
}

void message_write_tail(struct buf *out, const struct message *message, const char *channel,
                        const char *sender_type, const char *sender)
{
    /* No printf: it takes longer than reading a short message did. */
    buf_reserve(out, TAIL_NAMES + message->body.raw.n);
    buf_append_text(out, "\"room\":\"");
    buf_append_text(out, channel);
    buf_append_text(out, "\",\"senderType\":\"");
    buf_append_text(out, sender_type);
    buf_append_text(out, "\",\"sender\":\"");
    buf_append_text(out, sender);
    buf_append_text(out, "\",\"targetType\":\"");
    buf_append_text(out, target_name(message->targets));
    if (*message->target) {
        buf_append_text(out, "\",\"target\":\"");
        buf_append_text(out, message->target);
    }
    buf_append_text(out, "\",\"messageType\":\"");
    buf_append_text(out, message->type);
    buf_append_text(out, "\",\"message\":");
    buf_append_span(out, message->body.raw);
    buf_append_char(out, '}');
}

void message_write_server(struct buf *out, const struct server_message *message, int64_t now_ms)
{
    buf_printf(out, "{\"ts\":%lld,", (long long)now_ms);
    if (message->channel) {
        buf_printf(out, "\"room\":\"%s\",", message->channel);
    }
    buf_printf(out,
               "\"senderType\":\"server\",\"sender\":\"lectern\",\"targetType\":\"%s\","
               "\"target\":\"%s\",\"messageType\":\"%s\"",
               user_type_name(message->user_type), message->user_id, message->type);
    if (message->ref && *message->ref) {
        buf_printf(out, ",\"ref\":\"%s\"", message->ref);
    }
    buf_append_text(out, ",\"message\":");
    buf_append_span(out, message->body);
    buf_append_char(out, '}');
}

void message_write_error(struct buf *out, const char *code, const char *field, int retry_ms,
                         const char *text)
{
    buf_printf(out, "{\"code\":\"%s\",\"message\":", code);
    json_write_string(out, span_of(text));
    if (field) {
        buf_append_text(out, ",\"field\":");
        json_write_string(out, span_of(field));
    }
    if (retry_ms > 0) {
        buf_printf(out, ",\"retryAfterMs\":%d", retry_ms);
    }
    buf_append_char(out, '}');
}
