/* What goes over the sockets of a simulated class: docs/protocol.md. See class.h. */
#include "simulate/class.h"
#include "simulate/fields.h"

#define MEMBERS_MAX 16

static struct span unquoted(const struct json_value *value)
{
    if (value->type != JSON_STRING) {
        return (struct span){NULL, 0};
    }
    return (struct span){value->raw.p + 1, value->raw.n - 2};
}

bool hear(struct span text, struct heard *out)
{
    struct json_member members[MEMBERS_MAX];
    size_t count, error_at;
    *out = (struct heard){.id = ""};
    if (json_members(text, members, MEMBERS_MAX, &count, &error_at)) {
        return false;
    }
    for (size_t i = 0; i < count && i < MEMBERS_MAX; i++) {
        const struct json_value *value = &members[i].value;
        struct span key = members[i].key;
        if (span_eq(key, "messageType")) {
            out->type = unquoted(value);
        } else if (span_eq(key, "message")) {
            out->message = value->raw;
        } else if (span_eq(key, "id")) {
            (void)span_copy(unquoted(value), out->id, sizeof out->id);
        } else if (span_eq(key, "ref")) {
            (void)span_copy(unquoted(value), out->ref, sizeof out->ref);
        }
    }
    return out->type.n > 0;
}

void write_message(struct buf *out, uint32_t number, int64_t at_ns, uint32_t bytes)
{
    size_t begin = out->len;
    buf_printf(out,
               "{\"messageType\":\"send\",\"targetType\":\"student\",\"ref\":\"m%u\","
               "\"message\":{\"simulate\":%u,\"at\":%lld,\"text\":\"",
               number, number, (long long)at_ns);
    size_t used = out->len - begin + 3;
    if (used < bytes && buf_reserve(out, bytes - used)) {
        memset(out->data + out->len, 'x', bytes - used);
        out->len += bytes - used;
    }
    buf_append_text(out, "\"}}");
}

void write_answer(struct buf *out, uint32_t question, uint32_t from, uint32_t number, int64_t at_ns)
{
    buf_printf(out,
               "{\"messageType\":\"answer\",\"targetType\":\"teacher\",\"ref\":\"a%u\","
               "\"message\":{\"simulate\":%u,\"from\":%u,\"number\":%u,\"at\":%lld}}",
               number, question, from, number, (long long)at_ns);
}
