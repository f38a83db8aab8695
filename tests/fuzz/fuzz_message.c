/*
 * Messages as clients and other programs send them, and the JSON scanner beneath. Whatever the bytes
 * are, nothing is read beyond them, what is accepted keeps the header's promises, and what is written
 * is JSON again.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "chat/message.h"
#include "wire/message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(int condition)
{
    if (!condition) {
        abort();
    }
}

static bool inside(struct span part, struct span text)
{
    return part.p >= text.p && part.n <= text.n && (size_t)(part.p - text.p) <= text.n - part.n;
}

/* Of fields that are handed on as they are. */
static void check_value(const struct json_value *value, struct span text)
{
    check(!value->raw.p || (inside(value->raw, text) && json_valid(value->raw)));
}

static void check_fields(const struct message *m, struct span text, enum message_source source)
{
    check(id_type_valid(span_of(m->type)) || (source == MESSAGE_FROM_CHATTER && !m->type[0]));
    check_value(&m->since, text);
    check_value(&m->history, text);
    check_value(&m->sender_id, text);
    check_value(&m->old_type, text);
    check(!m->type[0] || m->kind == message_kind_of(span_of(m->type)));
    check(!m->ref[0] || id_valid(span_of(m->ref)));
    check(!m->target[0] || id_valid(span_of(m->target)));
    check(!m->sender[0] || id_valid(span_of(m->sender)));
    check(utf8_valid(m->room, strlen(m->room)));
    check(m->targets == 0 || *target_name(m->targets));
    check(inside(m->body.raw, text) || span_eq(m->body.raw, "null"));
    check(m->ts >= 0);
    check(source == MESSAGE_FROM_REDIS || (m->id.n == 0 && m->ts == 0));
    check(m->id.n == 0 || (id_valid(m->id) && inside(m->id, text)));
    /* The body stands for itself, however it is nested in what Lectern sends. */
    check(json_valid(m->body.raw));
}

/* What can be searched for is text that a database takes. */
static void check_search(struct span body)
{
    struct buf out;
    buf_init(&out);
    chat_text_write(&out, body);
    check(!out.failed && out.len <= body.n);
    check(out.len == 0 || (utf8_valid(out.data, out.len) && !memchr(out.data, '\0', out.len)));
    buf_finish(&out);
}

static void check_read(struct span text, enum message_source source)
{
    struct message message;
    struct message_error error;
    if (message_read(text, source, &message, &error) == 0) {
        check(json_valid(text));
        check_fields(&message, text, source);
        check_search(message.body.raw);
        return;
    }
    check(error.code && memchr(error.text, '\0', sizeof error.text) && *error.text);
    check(utf8_valid(error.text, strlen(error.text)));
    check(!message.ref[0] || id_valid(span_of(message.ref)));
}

/* What a string decodes to is written and decoded to the same again. */
static void check_string(struct span raw)
{
    char *text = malloc(raw.n + 1);
    char *again = malloc(raw.n + 1);
    size_t len, again_len;
    struct buf b;
    buf_init(&b);
    bool decoded = text && json_string(raw, text, raw.n + 1, &len) == 0;
    check(decoded == json_string_decodes(raw));
    if (decoded) {
        check(utf8_valid(text, len) && !memchr(text, '\0', len));
        json_write_string(&b, (struct span){text, len});
        check(json_valid(buf_span(&b)));
        check(json_string(buf_span(&b), again, raw.n + 1, &again_len) == 0);
        check(again_len == len && memcmp(text, again, len) == 0);
        check(json_key_same((struct span){raw.p + 1, raw.n - 2},
                            (struct span){b.data + 1, b.len - 2}));
    }
    buf_finish(&b);
    free(text);
    free(again);
}

static void check_scanner(struct span text)
{
    struct json_member members[8];
    struct json_value values[8];
    size_t count, error_at;
    int64_t number;
    if (json_members(text, members, 8, &count, &error_at) == 0) {
        check(json_valid(text));
        for (size_t i = 0; i < count && i < 8; i++) {
            check(inside(members[i].key, text) && inside(members[i].value.raw, text));
            check(json_valid(members[i].value.raw));
            check_string((struct span){members[i].key.p - 1, members[i].key.n + 2});
        }
    } else {
        check(error_at <= text.n);
    }
    if (json_elements(text, values, 8, &count) == 0) {
        check(json_valid(text));
        for (size_t i = 0; i < count && i < 8; i++) {
            check(inside(values[i].raw, text) && json_valid(values[i].raw));
        }
    }
    if (json_int(text, &number) == 0) {
        check(json_valid(text));
    }
    if (json_valid(text) && text.p[0] == '"' && text.p[text.n - 1] == '"') {
        check_string(text);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span text = {(const char *)data, size};
    if (!utf8_valid(data, size)) {
        (void)json_valid(text); /* memory-safe for any bytes */
        return 0;
    }
    check_scanner(text);
    check_read(text, MESSAGE_FROM_CLIENT);
    check_read(text, MESSAGE_FROM_REDIS);
    check_read(text, MESSAGE_FROM_CHATTER);
    return 0;
}
