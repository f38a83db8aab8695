/* Random identifiers and the rules for identifiers and names that come from outside; see id.h. */
#include "base/id.h"

#include <sodium.h>

#include "base/ascii.h"
#include "base/utf8.h"

int id_init(void)
{
    return sodium_init() < 0 ? -1 : 0;
}

void id_random(char *out, size_t len)
{
    static const char alphabet[] = "abcdefghijklmnopqrstuvwxyz234567";
    unsigned char random[64];
    for (size_t i = 0; i < len; i++) {
        if (i % sizeof random == 0) {
            randombytes_buf(random, sizeof random);
        }
        out[i] = alphabet[random[i % sizeof random] & 31];
    }
    out[len] = '\0';
}

void id_room_code(char out[7])
{
    static const char letters[] = "ABCDEFGHJKMNPQRSTUVWXYZ"; /* no I, L, O */
    for (size_t i = 0; i < 6; i++) {
        out[i] = letters[randombytes_uniform(sizeof letters - 1)];
    }
    out[6] = '\0';
}

uint32_t id_random_below(uint32_t bound)
{
    return randombytes_uniform(bound);
}

/* A-Z a-z 0-9 . _ - */
static bool is_word(char c)
{
    return ascii_is_alnum(c) || c == '.' || c == '_' || c == '-';
}

bool id_valid(struct span s)
{
    if (s.n < 1 || s.n > ID_MAX) {
        return false;
    }
    for (size_t i = 0; i < s.n; i++) {
        if (!is_word(s.p[i]) && s.p[i] != '@') {
            return false;
        }
    }
    return true;
}

bool id_room_code_valid(struct span s)
{
    if (s.n < ROOM_CODE_MIN || s.n > ROOM_CODE_MAX) {
        return false;
    }
    for (size_t i = 0; i < s.n; i++) {
        if (!ascii_is_upper(s.p[i]) && !ascii_is_digit(s.p[i])) {
            return false;
        }
    }
    return true;
}

void id_chat_room(char out[CHAT_ROOM_ID_LEN + 1])
{
    out[0] = 'c';
    id_random(out + 1, CHAT_ROOM_ID_LEN - 1);
}

bool id_chat_room_valid(struct span s)
{
    if (s.n != CHAT_ROOM_ID_LEN || s.p[0] != 'c') {
        return false;
    }
    for (size_t i = 1; i < s.n; i++) {
        if ((s.p[i] < 'a' || s.p[i] > 'z') && (s.p[i] < '2' || s.p[i] > '7')) {
            return false;
        }
    }
    return true;
}

bool id_type_valid(struct span s)
{
    if (s.n < 1 || s.n > ID_MAX) {
        return false;
    }
    for (size_t i = 0; i < s.n; i++) {
        if (!is_word(s.p[i])) {
            return false;
        }
    }
    return true;
}

/* Decodes the code point at *p of valid UTF-8 and steps over it. */
static uint32_t next_code_point(const unsigned char **p)
{
    const unsigned char *s = *p;
    unsigned more = s[0] < 0x80 ? 0 : s[0] < 0xe0 ? 1 : s[0] < 0xf0 ? 2 : 3;
    uint32_t c = more == 0 ? s[0] : s[0] & (0x3fU >> more);
    for (unsigned i = 1; i <= more; i++) {
        c = c << 6 | (s[i] & 0x3fU);
    }
    *p = s + more + 1;
    return c;
}

/* Characters that show nothing: a name of these alone would be an empty line in the roster. */
static bool is_blank(uint32_t c)
{
    return c == ' ' || c == 0xa0 || c == 0xad || c == 0x115f || c == 0x1160 || c == 0x1680 ||
           (c >= 0x2000 && c <= 0x200f) || (c >= 0x2028 && c <= 0x202f) ||
           (c >= 0x205f && c <= 0x206f) || c == 0x2800 || c == 0x3000 || c == 0x3164 ||
           c == 0xfeff || c == 0xffa0;
}

/* Characters that steer what shows the name, and the text around it. */
static bool is_control(uint32_t c)
{
    return c < 0x20 || (c >= 0x7f && c < 0xa0) || (c >= 0x202a && c <= 0x202e) ||
           (c >= 0x2066 && c <= 0x2069);
}

bool id_name_valid(struct span s)
{
    if (s.n < 1 || s.n > NAME_MAX_BYTES || !utf8_valid(s.p, s.n)) {
        return false;
    }
    const unsigned char *p = (const unsigned char *)s.p;
    const unsigned char *end = p + s.n;
    size_t chars = 0;
    bool visible = false;
    while (p < end) {
        uint32_t c = next_code_point(&p);
        if (is_control(c)) {
            return false;
        }
        visible = visible || !is_blank(c);
        chars++;
    }
    return visible && chars <= NAME_MAX_CHARS;
}
