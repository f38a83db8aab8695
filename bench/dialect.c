/* The servers' dialects; see dialect.h. */
#include "dialect.h"

#include <stdio.h>

static enum greeting lectern_greeting(struct span text, const char **answer)
{
    (void)answer;
    return memmem(text.p, text.n, "\"messageType\":\"welcome\"", 23) ? GREETING_DONE
                                                                     : GREETING_WAIT;
}

static enum greeting ready_greeting(struct span text, const char **answer)
{
    (void)answer;
    return span_eq(text, "ready") ? GREETING_DONE : GREETING_WAIT;
}

/* Engine.IO 4: "0{…}" opens, "40" connects to the namespace and is answered by "40{…}". */
static enum greeting socketio_greeting(struct span text, const char **answer)
{
    if (text.n > 0 && text.p[0] == '0') {
        *answer = "40";
    }
    return text.n > 1 && text.p[0] == '4' && text.p[1] == '0' ? GREETING_DONE : GREETING_WAIT;
}

#define PLAIN "{\"targetType\":\"student\",\"messageType\":\"send\",\"message\":\""

static const struct dialect dialects[] = {
    {.name = "raw",
     .host_path = "/host?room=%s",
     .student_path = "/student?room=%s",
     .before = PLAIN,
     .after = "\"}"},
    {.name = "lectern",
     .host_path = "/ws?room=%s&hold=600",
     .student_path = "/ws?room=%s",
     .before = PLAIN,
     .after = "\"}",
     .tokens = true,
     .greets = true,
     .greeting = lectern_greeting},
    {.name = "ws",
     .host_path = "/host?room=%s",
     .student_path = "/student?room=%s",
     .before = PLAIN,
     .after = "\"}",
     .greets = true,
     .greeting = ready_greeting},
    {.name = "nchan",
     .host_path = "/pub/%s",
     .student_path = "/sub/%s",
     .before = PLAIN,
     .after = "\"}"},
    {.name = "socketio",
     .host_path = "/socket.io/?EIO=4&transport=websocket&role=host&room=%s",
     .student_path = "/socket.io/?EIO=4&transport=websocket&role=student&room=%s",
     .before = "42[\"send\",\"",
     .after = "\"]",
     .greets = true,
     .greeting = socketio_greeting,
     .ping = "2",
     .pong = "3"},
};

const struct dialect *dialect_find(const char *name)
{
    for (size_t i = 0; i < sizeof dialects / sizeof dialects[0]; i++) {
        if (strcmp(dialects[i].name, name) == 0) {
            return &dialects[i];
        }
    }
    return NULL;
}

void dialect_message(const struct dialect *d, struct buf *out, uint32_t seq, size_t size)
{
    char mark[MARK_LEN + 1];
    size_t fixed = strlen(d->before) + MARK_LEN + strlen(d->after);
    snprintf(mark, sizeof mark, "~%08x", seq);
    buf_append_text(out, d->before);
    buf_append(out, mark, MARK_LEN);
    if (size > fixed && buf_reserve(out, size - fixed)) {
        memset(out->data + out->len, 'x', size - fixed);
        out->len += size - fixed;
    }
    buf_append_text(out, d->after);
}

uint32_t dialect_mark(struct span text)
{
    const char *at = text.n > 0 ? memchr(text.p, '~', text.n) : NULL;
    if (!at || text.n - (size_t)(at - text.p) < MARK_LEN) {
        return NO_MARK;
    }
    uint32_t seq = 0;
    for (int i = 1; i < MARK_LEN; i++) {
        unsigned digit = (unsigned char)at[i];
        digit = digit <= '9' ? digit - '0' : digit - 'a' + 10;
        if (digit > 15) {
            return NO_MARK;
        }
        seq = seq << 4 | digit;
    }
    return seq;
}
