/* SockJS's framing; see sockjs_codec.h. */
#include "ws/sockjs_codec.h"

#include <string.h>

#include "base/utf8.h"

#define REPLACEMENT 0xfffdu

/* ---- To the client ---- */

/* One code point of UTF-8 text; what is none counts as one byte of REPLACEMENT. */
static size_t read_point(const char *p, size_t len, uint32_t *point)
{
    static const uint8_t first_bits[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
    const uint8_t *bytes = (const uint8_t *)p;
    size_t n = bytes[0] < 0x80 ? 1 : bytes[0] < 0xe0 ? 2 : bytes[0] < 0xf0 ? 3 : 4;
    if (n > len || !utf8_valid(p, n)) {
        *point = REPLACEMENT;
        return 1;
    }
    *point = bytes[0] & first_bits[n];
    for (size_t i = 1; i < n; i++) {
        *point = *point << 6 | (bytes[i] & 0x3f);
    }
    return n;
}

static bool is_mangled(uint32_t point)
{
    return point == 0x7f || (point >= 0x200c && point <= 0x200f) ||
           (point >= 0x2028 && point <= 0x202f) || (point >= 0x2060 && point <= 0x206f) ||
           (point >= 0xfff0 && point <= 0xffff);
}

/* The letter of a short escape, or 0. */
static char short_escape(char c)
{
    static const char plain[] = "\"\\\b\f\n\r\t";
    static const char letters[] = "\"\\bfnrt";
    const char *at = c ? strchr(plain, c) : NULL;
    return at ? letters[at - plain] : 0;
}

/* Bytes that stand for themselves, from the front of `text`. */
static size_t plain_run(struct span text)
{
    size_t n = 0;
    while (n < text.n && (uint8_t)text.p[n] >= 0x20 && (uint8_t)text.p[n] < 0x7f &&
           text.p[n] != '"' && text.p[n] != '\\') {
        n++;
    }
    return n;
}

static char *write_unit(char *out, uint32_t unit)
{
    static const char digits[] = "0123456789abcdef";
    *out++ = '\\';
    *out++ = 'u';
    for (int shift = 12; shift >= 0; shift -= 4) {
        *out++ = digits[unit >> shift & 0xf];
    }
    return out;
}

/*
 * One code point of `text`, which does not stand for itself as ASCII does: its bytes in *n, its escaped
 * form in `out`, of at most 6 bytes, unless that is the bytes themselves. Returns the length.
 */
static size_t escape_point(struct span text, size_t *n, char out[6])
{
    char letter = short_escape(text.p[0]);
    uint32_t point;
    if (letter) {
        out[0] = '\\';
        out[1] = letter;
        *n = 1;
        return 2;
    }
    *n = read_point(text.p, text.n, &point);
    if (point < 0x20 || is_mangled(point)) {
        write_unit(out, point);
        return 6;
    }
    memcpy(out, text.p, *n);
    return *n;
}

size_t sockjs_escaped_len(struct span text)
{
    char waste[6];
    size_t total = 0;
    while (text.n > 0) {
        size_t n = plain_run(text);
        total += n;
        if (n < text.n) {
            struct span rest = {text.p + n, text.n - n};
            size_t point;
            total += escape_point(rest, &point, waste);
            n += point;
        }
        text.p += n;
        text.n -= n;
    }
    return total;
}

char *sockjs_escape(char *out, struct span text)
{
    while (text.n > 0) {
        size_t n = plain_run(text);
        memcpy(out, text.p, n);
        out += n;
        if (n < text.n) {
            struct span rest = {text.p + n, text.n - n};
            size_t point;
            char escaped[6];
            size_t len = escape_point(rest, &point, escaped);
            memcpy(out, escaped, len);
            out += len;
            n += point;
        }
        text.p += n;
        text.n -= n;
    }
    return out;
}

void sockjs_close_frame(struct buf *out, uint16_t code, const char *reason)
{
    struct span text = span_of(reason);
    buf_printf(out, "c[%u,\"", code);
    if (buf_reserve(out, sockjs_escaped_len(text))) {
        out->len = (size_t)(sockjs_escape(out->data + out->len, text) - out->data);
    }
    buf_append_text(out, "\"]");
}

/* ---- From the client ---- */

static const char *skip_blanks(const char *p, const char *end)
{
    while (p < end && (*p == ' ' || *p == '\t' || *p == '\n' || *p == '\r')) {
        p++;
    }
    return p;
}

static int hex_value(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/* Four hexadecimal digits; false where there are none. */
static bool read_unit(const char *p, const char *end, uint32_t *unit)
{
    if (end - p < 4) {
        return false;
    }
    *unit = 0;
    for (int i = 0; i < 4; i++) {
        int value = hex_value(p[i]);
        if (value < 0) {
            return false;
        }
        *unit = *unit << 4 | (uint32_t)value;
    }
    return true;
}

/* Behind a string that begins at `p`; NULL where none stands. */
static const char *skip_string(const char *p, const char *end)
{
    uint32_t unit;
    if (p == end || *p != '"') {
        return NULL;
    }
    for (p++; p < end && *p != '"'; p++) {
        if ((uint8_t)*p < 0x20) {
            return NULL;
        }
        if (*p != '\\') {
            continue;
        }
        if (++p == end || !*p || !strchr("\"\\/bfnrtu", *p)) {
            return NULL;
        }
        if (*p == 'u') {
            if (!read_unit(p + 1, end, &unit)) {
                return NULL;
            }
            p += 4;
        }
    }
    return p < end ? p + 1 : NULL;
}

/* Behind an array of strings that begins at `p`; NULL where none stands. */
static const char *skip_array(const char *p, const char *end)
{
    p = skip_blanks(p + 1, end);
    if (p < end && *p == ']') {
        return p + 1;
    }
    while ((p = skip_string(p, end)) != NULL) {
        p = skip_blanks(p, end);
        if (p == end || (*p != ',' && *p != ']')) {
            return NULL;
        }
        if (*p == ']') {
            return p + 1;
        }
        p = skip_blanks(p + 1, end);
    }
    return NULL;
}

enum sockjs_payload sockjs_begin(struct sockjs_reader *reader, char *data, size_t len)
{
    const char *end = data + len;
    const char *p = len > 0 ? skip_blanks(data, end) : end;
    *reader = (struct sockjs_reader){data, data};
    if (p == end) {
        return SOCKJS_EMPTY;
    }
    if (!utf8_valid(data, len)) {
        return SOCKJS_BROKEN;
    }
    const char *behind = *p == '[' ? skip_array(p, end) : skip_string(p, end);
    if (!behind || skip_blanks(behind, end) != end) {
        return SOCKJS_BROKEN;
    }
    reader->end = data + len;
    return SOCKJS_OK;
}

static char *write_point(char *out, uint32_t point)
{
    if (point < 0x80) {
        *out++ = (char)point;
        return out;
    }
    if (point < 0x800) {
        *out++ = (char)(0xc0 | point >> 6);
    } else if (point < 0x10000) {
        *out++ = (char)(0xe0 | point >> 12);
        *out++ = (char)(0x80 | (point >> 6 & 0x3f));
    } else {
        *out++ = (char)(0xf0 | point >> 18);
        *out++ = (char)(0x80 | (point >> 12 & 0x3f));
        *out++ = (char)(0x80 | (point >> 6 & 0x3f));
    }
    *out++ = (char)(0x80 | (point & 0x3f));
    return out;
}

/* The code point of an escape \uXXXX whose digits begin at *p, which is moved behind it. */
static uint32_t decode_unit(char **p, const char *end)
{
    uint32_t unit = 0;
    uint32_t low;
    (void)read_unit(*p, end, &unit);
    *p += 4;
    if (unit < 0xd800 || unit > 0xdfff) {
        return unit;
    }
    if (unit <= 0xdbff && end - *p >= 6 && (*p)[0] == '\\' && (*p)[1] == 'u' &&
        read_unit(*p + 2, end, &low) && low >= 0xdc00 && low <= 0xdfff) {
        *p += 6;
        return 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
    }
    return REPLACEMENT;
}

static char decode_letter(char letter)
{
    static const char letters[] = "bfnrt";
    static const char plain[] = "\b\f\n\r\t";
    const char *at = strchr(letters, letter);
    return at ? plain[at - letters] : letter;
}

/* Decoding never makes longer: what is written never overtakes what is read. */
bool sockjs_next(struct sockjs_reader *reader, struct span *message)
{
    char *p = reader->at;
    while (p < reader->end && *p != '"') {
        p++;
    }
    if (p == reader->end) {
        return false;
    }
    char *out = ++p;
    message->p = out;
    while (*p != '"') {
        if (*p != '\\') {
            *out++ = *p++;
        } else if (p[1] == 'u') {
            p += 2;
            uint32_t point = decode_unit(&p, reader->end);
            out = write_point(out, point);
        } else {
            *out++ = decode_letter(p[1]);
            p += 2;
        }
    }
    message->n = (size_t)(out - message->p);
    reader->at = p + 1;
    return true;
}
