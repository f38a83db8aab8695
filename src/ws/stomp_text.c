/* STOMP's texts: names, values of headers, and the frames of a server; see stomp.h. */
#include "base/number.h"
#include "ws/stomp.h"

static const char *const versions[] = {"", "1.0", "1.1", "1.2"};

const char *stomp_version_name(enum stomp_version version)
{
    return versions[version];
}

const char *stomp_error_text(int error)
{
    static const char *const texts[] = {
        [-STOMP_ERR_COMMAND] = "unknown command",
        [-STOMP_ERR_LINE_TOO_LONG] = "a line is too long",
        [-STOMP_ERR_HEAD_TOO_LONG] = "the headers are too long",
        [-STOMP_ERR_TOO_MANY_HEADERS] = "too many headers",
        [-STOMP_ERR_HEADER] = "a header line without a colon or a name",
        [-STOMP_ERR_ESCAPE] = "an undefined escape in a header",
        [-STOMP_ERR_UTF8] = "a header is not UTF-8",
        [-STOMP_ERR_NUL] = "the frame ends before its headers do",
        [-STOMP_ERR_LENGTH] = "content-length is not a number",
        [-STOMP_ERR_TOO_BIG] = "the body is too big",
        [-STOMP_ERR_NO_NUL] = "no NUL where content-length says that the body ends",
        [-STOMP_ERR_BODY] = "this command has no body",
        [-STOMP_ERR_NO_MEMORY] = "out of memory",
    };
    return error < 0 && -error < (int)(sizeof texts / sizeof *texts) ? texts[-error] : "";
}

struct span stomp_header(const struct stomp_frame *frame, const char *name)
{
    for (size_t i = 0; i < frame->count; i++) {
        if (span_eq(frame->headers[i].name, name)) {
            return frame->headers[i].value;
        }
    }
    return (struct span){NULL, 0};
}

/* Takes what stands before the next comma off the front of a list. */
static struct span next_item(struct span *list)
{
    const char *comma = list->n > 0 ? memchr(list->p, ',', list->n) : NULL;
    struct span item = {list->p, comma ? (size_t)(comma - list->p) : list->n};
    size_t taken = item.n + (comma != NULL);
    list->p += taken;
    list->n -= taken;
    return span_trim(item);
}

enum stomp_version stomp_version_choose(struct span accept_version)
{
    enum stomp_version best = STOMP_UNKNOWN;
    if (!accept_version.p) {
        return STOMP_1_0;
    }
    while (accept_version.n > 0) {
        struct span item = next_item(&accept_version);
        for (unsigned i = STOMP_1_0; i <= STOMP_1_2; i++) {
            if (i > best && span_eq(item, versions[i])) {
                best = (enum stomp_version)i;
            }
        }
    }
    return best;
}

bool stomp_heart_beat_read(struct span value, uint32_t *can_ms, uint32_t *wants_ms)
{
    *can_ms = *wants_ms = 0;
    if (!value.p) {
        return true;
    }
    if (!memchr(value.p, ',', value.n)) {
        return false;
    }
    struct span can = next_item(&value), wants = span_trim(value);
    return number_read_u32(can, 0, UINT32_MAX, can_ms) &&
           number_read_u32(wants, 0, UINT32_MAX, wants_ms);
}

/* ---- writing ---- */

void stomp_write_command(struct buf *out, const char *command)
{
    buf_append_text(out, command);
    buf_append_char(out, '\n');
}

/* What a character becomes, or NULL if it stays. */
static const char *escape_of(enum stomp_version version, char c)
{
    if (version == STOMP_1_0) {
        return c == '\n' ? " " : NULL;
    }
    switch (c) {
    case '\n':
        return "\\n";
    case ':':
        return "\\c";
    case '\\':
        return "\\\\";
    case '\r':
        return version == STOMP_1_1 ? NULL : "\\r"; /* there it ends no line, and stays */
    default:
        return NULL;
    }
}

void stomp_write_header(struct buf *out, enum stomp_version version, const char *name,
                        struct span value)
{
    buf_append_text(out, name);
    buf_append_char(out, ':');
    for (size_t i = 0; i < value.n; i++) {
        const char *escape = escape_of(version, value.p[i]);
        if (escape) {
            buf_append_text(out, escape);
        } else {
            buf_append_char(out, value.p[i]);
        }
    }
    buf_append_char(out, '\n');
}

void stomp_write_body(struct buf *out, struct span body)
{
    if (body.n > 0) {
        buf_append_text(out, "content-length:");
        buf_append_int(out, (int64_t)body.n);
        buf_append_char(out, '\n');
    }
    buf_append_char(out, '\n');
    buf_append_span(out, body);
    buf_append_char(out, '\0');
}
