/*
 * A strict JSON scanner (RFC 8259) by recursive descent, bounded by JSON_DEPTH_MAX; see json.h. Each
 * scan_… function starts at the first byte of what it scans and, when it returns true, leaves `p`
 * behind the last; when it returns false, `p` is at the offending byte.
 */
#include "base/json.h"

#include "base/ascii.h"

struct scan {
    const char *p;
    const char *end;
    unsigned depth; /* arrays and objects that are open */
};

static bool scan_value(struct scan *s, struct json_value *out);

static void skip_blanks(struct scan *s)
{
    while (s->p < s->end && (*s->p == ' ' || *s->p == '\n' || *s->p == '\r' || *s->p == '\t')) {
        s->p++;
    }
}

static bool scan_char(struct scan *s, char c)
{
    if (s->p == s->end || *s->p != c) {
        return false;
    }
    s->p++;
    return true;
}

static bool scan_escape(struct scan *s)
{
    if (s->p == s->end || !memchr("\"\\/bfnrtu", *s->p, 9)) {
        return false;
    }
    if (*s->p++ != 'u') {
        return true;
    }
    for (int i = 0; i < 4; i++, s->p++) {
        if (s->p == s->end || ascii_hex(*s->p) < 0) {
            return false;
        }
    }
    return true;
}

/* Eight bytes at a time, as long as none of them is a quote, a backslash or a control character. */
static void skip_plain(struct scan *s)
{
    static const uint64_t ones = 0x0101010101010101, tops = 0x8080808080808080;
    while (s->end - s->p >= 8) {
        uint64_t bytes;
        memcpy(&bytes, s->p, 8);
        uint64_t quotes = bytes ^ (ones * '"'), backslashes = bytes ^ (ones * '\\');
        /* A byte of x below n, at most 128, leaves the top bit of its own in (x - n) & ~x. */
        if ((((bytes - ones * 0x20) & ~bytes) | ((quotes - ones) & ~quotes) |
             ((backslashes - ones) & ~backslashes)) &
            tops) {
            return;
        }
        s->p += 8;
    }
}

static bool scan_string(struct scan *s)
{
    if (!scan_char(s, '"')) {
        return false;
    }
    skip_plain(s);
    while (s->p < s->end) {
        char c = *s->p;
        if (c == '"') {
            s->p++;
            return true;
        }
        if ((unsigned char)c < 0x20) {
            return false;
        }
        s->p++;
        if (c == '\\') {
            if (!scan_escape(s)) {
                return false;
            }
            skip_plain(s);
        }
    }
    return false;
}

static bool scan_digits(struct scan *s)
{
    const char *first = s->p;
    while (s->p < s->end && ascii_is_digit(*s->p)) {
        s->p++;
    }
    return s->p > first;
}

static bool scan_number(struct scan *s)
{
    scan_char(s, '-');
    if (!scan_char(s, '0') && !scan_digits(s)) {
        return false;
    }
    if (scan_char(s, '.') && !scan_digits(s)) {
        return false;
    }
    if (scan_char(s, 'e') || scan_char(s, 'E')) {
        if (!scan_char(s, '+')) {
            scan_char(s, '-');
        }
        return scan_digits(s);
    }
    return true;
}

static bool scan_word(struct scan *s, const char *word)
{
    for (; *word; word++) {
        if (!scan_char(s, *word)) {
            return false;
        }
    }
    return true;
}

/* Where the children of an array or object are kept: up to `max`, and how many there were. */
struct children {
    struct json_value *values;
    struct json_member *members;
    size_t max;
    size_t count;
};

static bool scan_member(struct scan *s, struct children *children)
{
    const char *key = s->p;
    if (!scan_string(s)) {
        return false;
    }
    struct json_member member = {.key = {key + 1, (size_t)(s->p - key) - 2}};
    skip_blanks(s);
    if (!scan_char(s, ':')) {
        return false;
    }
    skip_blanks(s);
    if (!scan_value(s, &member.value)) {
        return false;
    }
    if (children && children->count++ < children->max) {
        children->members[children->count - 1] = member;
    }
    return true;
}

static bool scan_element(struct scan *s, struct children *children)
{
    struct json_value value;
    if (!scan_value(s, &value)) {
        return false;
    }
    if (children && children->count++ < children->max) {
        children->values[children->count - 1] = value;
    }
    return true;
}

/* An object or array, whose first byte `p` is at. `children` may be NULL. */
static bool scan_container(struct scan *s, struct children *children)
{
    bool object = *s->p == '{';
    char close = object ? '}' : ']';
    if (s->depth == JSON_DEPTH_MAX) {
        return false;
    }
    s->depth++;
    s->p++;
    skip_blanks(s);
    if (!scan_char(s, close)) {
        do {
            skip_blanks(s);
            if (!(object ? scan_member(s, children) : scan_element(s, children))) {
                return false;
            }
            skip_blanks(s);
        } while (scan_char(s, ','));
        if (!scan_char(s, close)) {
            return false;
        }
    }
    s->depth--;
    return true;
}

static bool scan_typed(struct scan *s, enum json_type *type)
{
    switch (s->p < s->end ? *s->p : '\0') {
    case '{':
        *type = JSON_OBJECT;
        return scan_container(s, NULL);
    case '[':
        *type = JSON_ARRAY;
        return scan_container(s, NULL);
    case '"':
        *type = JSON_STRING;
        return scan_string(s);
    case 't':
        *type = JSON_BOOL;
        return scan_word(s, "true");
    case 'f':
        *type = JSON_BOOL;
        return scan_word(s, "false");
    case 'n':
        *type = JSON_NULL;
        return scan_word(s, "null");
    default:
        *type = JSON_NUMBER;
        return scan_number(s);
    }
}

static bool scan_value(struct scan *s, struct json_value *out)
{
    const char *first = s->p;
    if (!scan_typed(s, &out->type)) {
        return false;
    }
    out->raw = (struct span){first, (size_t)(s->p - first)};
    return true;
}

/* One container that begins with `open`, alone in the text but for blanks. */
static int scan_whole(struct span text, char open, struct children *children, size_t *error_at)
{
    struct scan s = {.p = text.p, .end = text.p ? text.p + text.n : NULL};
    skip_blanks(&s);
    if (s.p < s.end && *s.p == open && scan_container(&s, children)) {
        skip_blanks(&s);
        if (s.p == s.end) {
            return 0;
        }
    }
    *error_at = text.p ? (size_t)(s.p - text.p) : 0;
    return -1;
}

int json_members(struct span text, struct json_member *members, size_t max, size_t *count,
                 size_t *error_at)
{
    struct children children = {.members = members, .max = max};
    int result = scan_whole(text, '{', &children, error_at);
    *count = children.count;
    return result;
}

int json_elements(struct span text, struct json_value *values, size_t max, size_t *count)
{
    struct children children = {.values = values, .max = max};
    size_t error_at;
    int result = scan_whole(text, '[', &children, &error_at);
    *count = children.count;
    return result;
}

bool json_valid(struct span text)
{
    return json_valid_inside(text, 0);
}

bool json_valid_inside(struct span text, unsigned depth)
{
    struct scan s = {.p = text.p, .end = text.p ? text.p + text.n : NULL, .depth = depth};
    struct json_value value;
    skip_blanks(&s);
    if (!scan_value(&s, &value)) {
        return false;
    }
    skip_blanks(&s);
    return s.p == s.end;
}

static uint32_t hex4(const char *p)
{
    uint32_t value = 0;
    for (int i = 0; i < 4; i++) {
        value = value << 4 | (uint32_t)ascii_hex(p[i]);
    }
    return value;
}

/*
 * The code point of the \u escape whose four digits `p` stands before, with the second half of a
 * surrogate pair where there is one. 0 for what cannot be text: U+0000 and unpaired surrogates.
 */
static uint32_t scan_code_point(struct scan *s)
{
    uint32_t c = hex4(s->p);
    s->p += 4;
    if (c < 0xd800 || c > 0xdfff) {
        return c;
    }
    if (c > 0xdbff || s->end - s->p < 6 || s->p[0] != '\\' || s->p[1] != 'u') {
        return 0;
    }
    uint32_t low = hex4(s->p + 2);
    if (low < 0xdc00 || low > 0xdfff) {
        return 0;
    }
    s->p += 6;
    return 0x10000 + ((c - 0xd800) << 10 | (low - 0xdc00));
}

static size_t encode_utf8(uint32_t c, char out[4])
{
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    size_t n = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    static const unsigned char lead[] = {0, 0, 0xc0, 0xe0, 0xf0};
    for (size_t i = n - 1; i > 0; i--) {
        out[i] = (char)(0x80 | (c & 0x3f));
        c >>= 6;
    }
    out[0] = (char)(lead[n] | c);
    return n;
}

/* One character of a string's inside, decoded into `out`; its length, or 0 for what is refused. */
static size_t decode_char(struct scan *s, char out[4])
{
    static const char from[] = "bfnrt", to[] = "\b\f\n\r\t";
    char c = *s->p++;
    if (c == '\\') {
        c = *s->p++;
        if (c == 'u') {
            uint32_t code = scan_code_point(s);
            return code == 0 ? 0 : encode_utf8(code, out);
        }
        const char *letter = strchr(from, c);
        c = letter ? to[letter - from] : c;
    }
    out[0] = c;
    return 1;
}

/*
 * Decodes a string, raw with quotes, into `out`, which may be NULL to find out only whether it can
 * be decoded.
 */
static bool decode_string(struct span raw, char *out, size_t cap, size_t *len)
{
    struct scan whole = {.p = raw.p, .end = raw.p ? raw.p + raw.n : NULL};
    if (!scan_string(&whole) || whole.p != whole.end) {
        return false;
    }
    struct scan s = {.p = raw.p + 1, .end = raw.p + raw.n - 1};
    *len = raw.n - 2;
    if (!memchr(s.p, '\\', *len)) { /* nearly all are like that */
        bool fits = !out || *len < cap;
        if (out && fits) {
            memcpy(out, s.p, *len);
        }
        return fits;
    }
    *len = 0;
    while (s.p < s.end) {
        char utf8[4];
        size_t n = decode_char(&s, utf8);
        if (n == 0 || (out && n > cap - 1 - *len)) {
            return false;
        }
        if (out) {
            memcpy(out + *len, utf8, n);
        }
        *len += n;
    }
    return true;
}

int json_string(struct span raw, char *out, size_t cap, size_t *len)
{
    if (cap == 0 || !decode_string(raw, out, cap, len)) {
        return -1;
    }
    out[*len] = '\0';
    return 0;
}

bool json_string_decodes(struct span raw)
{
    size_t len;
    return decode_string(raw, NULL, 0, &len);
}

/* Gives a string's inside byte by byte, escapes undone. */
struct decoder {
    struct scan scan;
    char utf8[4]; /* the character under way */
    size_t len, used;
};

enum { DECODER_END = -1, DECODER_REFUSED = -2 };

static int next_byte(struct decoder *d)
{
    if (d->used == d->len) {
        if (d->scan.p == d->scan.end) {
            return DECODER_END;
        }
        d->len = decode_char(&d->scan, d->utf8);
        d->used = 0;
        if (d->len == 0) {
            return DECODER_REFUSED;
        }
    }
    return (unsigned char)d->utf8[d->used++];
}

static bool has_escape(struct span s)
{
    return s.n > 0 && memchr(s.p, '\\', s.n);
}

bool json_key_same(struct span a, struct span b)
{
    if (span_same(a, b) || (!has_escape(a) && !has_escape(b))) {
        return span_same(a, b);
    }
    struct decoder left = {.scan = {.p = a.p, .end = a.p + a.n}};
    struct decoder right = {.scan = {.p = b.p, .end = b.p + b.n}};
    int x, y;
    do {
        x = next_byte(&left);
        y = next_byte(&right);
    } while (x == y && x >= 0);
    return x == y && x == DECODER_END;
}

int json_int(struct span raw, int64_t *out)
{
    struct scan s = {.p = raw.p, .end = raw.p ? raw.p + raw.n : NULL};
    bool negative = scan_char(&s, '-');
    if (s.p == s.end || (*s.p == '0' && s.end - s.p > 1)) {
        return -1;
    }
    int64_t value = 0; /* counted downwards, since INT64_MIN has no positive counterpart */
    for (; s.p < s.end; s.p++) {
        if (!ascii_is_digit(*s.p) || __builtin_mul_overflow(value, 10, &value) ||
            __builtin_sub_overflow(value, *s.p - '0', &value)) {
            return -1;
        }
    }
    if (!negative && __builtin_sub_overflow(0, value, &value)) {
        return -1;
    }
    *out = value;
    return 0;
}

/* How many bytes at `p` (of `left`) must be written as an escape: 0, 1, or 3 for U+2028 and U+2029. */
static size_t needs_escape(const char *p, size_t left)
{
    unsigned char c = (unsigned char)*p;
    if (c < 0x20 || c == '"' || c == '\\' || c == 0x7f) {
        return 1;
    }
    return c == 0xe2 && left >= 3 && (unsigned char)p[1] == 0x80 &&
                   ((unsigned char)p[2] & 0xfe) == 0xa8
               ? 3
               : 0;
}

static void write_escape(struct buf *b, const char *p, size_t n)
{
    static const char from[] = "\"\\\b\f\n\r\t", to[] = "\"\\bfnrt";
    if (n == 3) {
        buf_append_text(b, (unsigned char)p[2] == 0xa8 ? "\\u2028" : "\\u2029");
        return;
    }
    const char *letter = *p ? strchr(from, *p) : NULL;
    if (letter) {
        buf_append_char(b, '\\');
        buf_append_char(b, to[letter - from]);
    } else {
        buf_printf(b, "\\u%04x", (unsigned char)*p);
    }
}

void json_write_string(struct buf *b, struct span s)
{
    buf_append_char(b, '"');
    size_t done = 0;
    for (size_t i = 0; i < s.n;) {
        size_t n = needs_escape(s.p + i, s.n - i);
        if (n == 0) {
            i++;
            continue;
        }
        buf_append(b, s.p + done, i - done);
        write_escape(b, s.p + i, n);
        i += n;
        done = i;
    }
    if (s.n > done) {
        buf_append(b, s.p + done, s.n - done);
    }
    buf_append_char(b, '"');
}

void json_write_key(struct buf *b, const char *key)
{
    if (b->len > 0 && b->data[b->len - 1] != '{' && b->data[b->len - 1] != '[') {
        buf_append_char(b, ',');
    }
    json_write_string(b, span_of(key));
    buf_append_char(b, ':');
}
