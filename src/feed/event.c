/* Reading and writing events; see event.h. */
#include "feed/event.h"

#include "base/json.h"
#include "base/utf8.h"

#define NAME_SIZE 128 /* of a `type` that may be a channel's name */

void event_repair(struct buf *out, struct span payload)
{
    struct utf8_state state;
    size_t begin = 0; /* of the code point that is being read */
    utf8_init(&state);
    for (size_t i = 0; i < payload.n; i++) {
        if (!utf8_feed(&state, payload.p + i, 1)) {
            buf_append_text(out, "\xef\xbf\xbd");
            utf8_init(&state);
            if (i > begin) {
                i--; /* this byte only broke off what began before it */
            }
            begin = i + 1;
        } else if (utf8_complete(&state)) {
            buf_append(out, payload.p + begin, i + 1 - begin);
            begin = i + 1;
        }
    }
    if (begin < payload.n) {
        buf_append_text(out, "\xef\xbf\xbd");
    }
}

static const struct json_value *member(const struct json_member *members, size_t count,
                                       const char *key, enum json_type type)
{
    for (size_t i = 0; i < count; i++) {
        if (span_eq(members[i].key, key)) {
            return members[i].value.type == type ? &members[i].value : NULL;
        }
    }
    return NULL;
}

/* `data` is of any type. */
static const struct json_value *data_of(const struct json_member *members, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (span_eq(members[i].key, "data")) {
            return &members[i].value;
        }
    }
    return NULL;
}

/* Three members, or four with an id: then all of them are those that are looked for. */
static bool read_shaped(struct span channel, struct span payload, struct event *out)
{
    struct json_member members[4];
    char text[NAME_SIZE];
    size_t count, len, error_at;
    if (payload.n == 0 || json_members(payload, members, 4, &count, &error_at) || count < 3 ||
        count > 4) {
        return false;
    }
    const struct json_value *type = member(members, count, "type", JSON_STRING);
    const struct json_value *timestamp = member(members, count, "timestamp", JSON_NUMBER);
    const struct json_value *id = member(members, count, "id", JSON_STRING);
    const struct json_value *data = data_of(members, count);
    if (!type || !timestamp || !data || json_string(type->raw, text, sizeof text, &len) ||
        !span_same((struct span){text, len}, channel) ||
        json_int(timestamp->raw, &out->timestamp) || out->timestamp < 0) {
        return false;
    }
    if (count == 4 && (!id || json_string(id->raw, text, sizeof text, &len) ||
                       !feed_id_read((struct span){text, len}, &out->id) || !*out->id.epoch)) {
        return false;
    }
    out->data = data->raw;
    return true;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* Without the blanks that JSON may have around it. */
static struct span trimmed(struct span json)
{
    while (json.n > 0 && is_blank(json.p[json.n - 1])) {
        json.n--;
    }
    while (json.n > 0 && is_blank(*json.p)) {
        json.p++;
        json.n--;
    }
    return json;
}

void event_read(struct span channel, struct span payload, struct event *out)
{
    *out = (struct event){.timestamp = -1};
    if (read_shaped(channel, payload, out)) {
        return;
    }
    bool is_text = !json_valid(payload);
    *out = (struct event){
        .data = is_text ? payload : trimmed(payload), .is_text = is_text, .timestamp = -1};
}

void event_write_tail(struct buf *out, struct span channel, const struct event *event,
                      int64_t now_ms)
{
    buf_append_text(out, "\"type\":");
    json_write_string(out, channel);
    buf_append_text(out, ",\"data\":");
    if (event->is_text) {
        json_write_string(out, event->data);
    } else {
        buf_append_span(out, event->data);
    }
    buf_append_text(out, ",\"timestamp\":");
    buf_append_int(out, event->timestamp >= 0 ? event->timestamp : now_ms);
    buf_append_char(out, '}');
}

void event_write(struct buf *out, struct span channel, const struct event *event, int64_t now_ms)
{
    buf_append_char(out, '{');
    if (event->id.at.number > 0) {
        char id[FEED_ID_SIZE];
        feed_id_write(&event->id, id);
        buf_printf(out, "\"id\":\"%s\",", id);
    }
    event_write_tail(out, channel, event, now_ms);
}
