/* HTTP answers; see response.h. */
#include "simulate/response.h"

#include <stdio.h>
#include <strings.h>

#include "base/id.h"
#include "base/number.h"
#include "simulate/fields.h"

#define STATUS_AT 9 /* behind "HTTP/1.1 " */

enum response_state response_head(struct span bytes, struct response *out, size_t *used)
{
    const char *end = bytes.n > 0 ? memmem(bytes.p, bytes.n, "\r\n\r\n", 4) : NULL;
    size_t len = end ? (size_t)(end - bytes.p) : bytes.n;
    uint32_t status;
    if (len > RESPONSE_HEAD_MAX) {
        return RESPONSE_BAD;
    }
    if (!end) {
        return RESPONSE_MORE;
    }
    if (len < STATUS_AT + 3 || memcmp(bytes.p, "HTTP/1.", 7) != 0 ||
        !number_read_u32((struct span){bytes.p + STATUS_AT, 3}, 100, 999, &status)) {
        return RESPONSE_BAD;
    }
    *out = (struct response){.status = (int)status, .head = {bytes.p, len}};
    *used = len + 4;
    return RESPONSE_WHOLE;
}

struct span response_header(const struct response *response, const char *name)
{
    size_t name_len = strlen(name);
    const char *at = response->head.p, *end = at + response->head.n;
    while (at < end) {
        const char *stop = memmem(at, (size_t)(end - at), "\r\n", 2);
        stop = stop ? stop : end;
        if ((size_t)(stop - at) > name_len && at[name_len] == ':' &&
            strncasecmp(at, name, name_len) == 0) {
            at += name_len + 1;
            while (at < stop && (*at == ' ' || *at == '\t')) {
                at++;
            }
            while (stop > at && (stop[-1] == ' ' || stop[-1] == '\t')) {
                stop--;
            }
            return (struct span){at, (size_t)(stop - at)};
        }
        at = stop + 2;
    }
    return (struct span){NULL, 0};
}

enum response_state response_read(struct span bytes, bool ended, struct response *out)
{
    size_t used = 0;
    enum response_state state = response_head(bytes, out, &used);
    if (state != RESPONSE_WHOLE) {
        return ended ? RESPONSE_BAD : state;
    }
    if (response_header(out, "Transfer-Encoding").n > 0) {
        return RESPONSE_BAD;
    }
    struct span length = response_header(out, "Content-Length");
    uint64_t wanted = bytes.n - used;
    out->body = (struct span){bytes.p + used, bytes.n - used};
    if (out->status == 204 || out->status == 304) { /* RFC 9112 section 6.3: whatever follows */
        out->body.n = 0;
        return RESPONSE_WHOLE;
    }
    if (length.n == 0) {
        return ended ? RESPONSE_WHOLE : RESPONSE_MORE;
    }
    if (!number_read(length, 0, SIZE_MAX, &wanted)) {
        return RESPONSE_BAD;
    }
    if (out->body.n < wanted) {
        return ended ? RESPONSE_BAD : RESPONSE_MORE;
    }
    out->body.n = (size_t)wanted;
    return RESPONSE_WHOLE;
}

void response_code(const struct response *response, char code[RESPONSE_CODE_MAX])
{
    field_text(field_raw(response->body, "error"), "code", code, RESPONSE_CODE_MAX);
    if (!id_type_valid(span_of(code))) {
        code[0] = '\0'; /* not one of Lectern's: nothing to print */
    }
}

void response_text(const struct response *response, char text[RESPONSE_TEXT_MAX])
{
    char code[RESPONSE_CODE_MAX];
    response_code(response, code);
    snprintf(text, RESPONSE_TEXT_MAX, "%d%s%s", response->status, code[0] ? " " : "", code);
}
