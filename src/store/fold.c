/*
 * Folding, by tables of our own: locales differ between machines and databases, and what was folded
 * when it was written is compared with what is folded today. From the Unicode Character Database
 * (UnicodeData.txt, simple lower case; Hangul: The Unicode Standard, section 3.12).
 */
#include "store/fold.h"

/* Hangul: leading consonants, vowels and trailing consonants, and the syllables they make. */
#define LEAD 0x1100u
#define VOWEL 0x1161u
#define TAIL 0x11a7u /* one before the first: 0 is "none" */
#define SYLLABLE 0xac00u
#define LEADS 19u
#define VOWELS 21u
#define TAILS 28u

struct range {
    uint32_t first, last;
    int32_t step; /* to the lower-case letter; 0: capital and small letter take turns */
};

/* Where they take turns the capital has the parity of `first`. In ascending order. */
static const struct range ranges[] = {
    {0x41, 0x5a, 32},        {0xc0, 0xd6, 32},     {0xd8, 0xde, 32},        {0x100, 0x12e, 0},
    {0x130, 0x130, -199},    {0x132, 0x136, 0},    {0x139, 0x147, 0},       {0x14a, 0x176, 0},
    {0x178, 0x178, -121},    {0x179, 0x17d, 0},    {0x181, 0x181, 210},     {0x182, 0x184, 0},
    {0x186, 0x186, 206},     {0x187, 0x187, 0},    {0x189, 0x18a, 205},     {0x18b, 0x18b, 0},
    {0x18e, 0x18e, 79},      {0x18f, 0x18f, 202},  {0x190, 0x190, 203},     {0x191, 0x191, 0},
    {0x193, 0x193, 205},     {0x194, 0x194, 207},  {0x196, 0x196, 211},     {0x197, 0x197, 209},
    {0x198, 0x198, 0},       {0x19c, 0x19c, 211},  {0x19d, 0x19d, 213},     {0x19f, 0x19f, 214},
    {0x1a0, 0x1a4, 0},       {0x1a7, 0x1a7, 0},    {0x1a9, 0x1a9, 218},     {0x1ac, 0x1ac, 0},
    {0x1ae, 0x1ae, 218},     {0x1af, 0x1af, 0},    {0x1b1, 0x1b2, 217},     {0x1b3, 0x1b5, 0},
    {0x1b7, 0x1b7, 219},     {0x1b8, 0x1b8, 0},    {0x1bc, 0x1bc, 0},       {0x1cd, 0x1db, 0},
    {0x1de, 0x1ee, 0},       {0x1f4, 0x1f4, 0},    {0x1f8, 0x21e, 0},       {0x222, 0x232, 0},
    {0x386, 0x386, 38},      {0x388, 0x38a, 37},   {0x38c, 0x38c, 64},      {0x38e, 0x38f, 63},
    {0x391, 0x3a1, 32},      {0x3a3, 0x3ab, 32},   {0x3d8, 0x3ee, 0},       {0x400, 0x40f, 80},
    {0x410, 0x42f, 32},      {0x460, 0x480, 0},    {0x48a, 0x4be, 0},       {0x4c0, 0x4c0, 15},
    {0x4c1, 0x4cd, 0},       {0x4d0, 0x52e, 0},    {0x531, 0x556, 48},      {0x1e00, 0x1e94, 0},
    {0x1e9e, 0x1e9e, -7615}, {0x1ea0, 0x1efe, 0},  {0x2126, 0x2126, -7517}, {0x212a, 0x212a, -8383},
    {0x212b, 0x212b, -8262}, {0x2160, 0x216f, 16}, {0x24b6, 0x24cf, 26},    {0xff21, 0xff3a, 32},
};

static uint32_t lower(uint32_t c)
{
    if (c < 0x80) { /* most of what is not Korean */
        return c - 0x41 <= 0x5a - 0x41 ? c + 32 : c < 0x20 || c == 0x7f ? ' ' : c;
    }
    if (c >= SYLLABLE && c < 0xff00) { /* most of what is */
        return c;
    }
    for (size_t i = 0; i < sizeof ranges / sizeof ranges[0] && c >= ranges[i].first; i++) {
        if (c <= ranges[i].last) {
            int32_t step = ranges[i].step ? ranges[i].step : ((c ^ ranges[i].first) & 1) == 0;
            return (uint32_t)((int32_t)c + step);
        }
    }
    return c < 0xa0 ? ' ' : c; /* C1 */
}

/* One code point of valid UTF-8; *used is how many bytes it took. */
static uint32_t decode(struct span text, size_t at, size_t *used)
{
    const unsigned char *p = (const unsigned char *)text.p + at;
    size_t left = text.n - at;
    size_t len = *p < 0x80 ? 1 : *p < 0xe0 ? 2 : *p < 0xf0 ? 3 : 4;
    if (len == 1 || len > left) {
        *used = 1;
        return *p;
    }
    uint32_t c = *p & (0x7fu >> len);
    for (size_t i = 1; i < len; i++) {
        c = c << 6 | (p[i] & 0x3fu);
    }
    *used = len;
    return c;
}

static void encode(struct buf *out, uint32_t c)
{
    char bytes[4];
    size_t len;
    if (c < 0x80) {
        buf_append_char(out, (char)c);
        return;
    }
    if (c < 0x800) {
        bytes[0] = (char)(0xc0 | c >> 6);
        len = 2;
    } else if (c < 0x10000) {
        bytes[0] = (char)(0xe0 | c >> 12);
        len = 3;
    } else {
        bytes[0] = (char)(0xf0 | c >> 18);
        len = 4;
    }
    for (size_t i = 1; i < len; i++) {
        bytes[i] = (char)(0x80 | (c >> 6 * (len - 1 - i) & 0x3f));
    }
    buf_append(out, bytes, len);
}

/* The syllable of two code points, or 0 if they make none. */
static uint32_t compose(uint32_t a, uint32_t b)
{
    if (a - LEAD < LEADS && b - VOWEL < VOWELS) {
        return SYLLABLE + ((a - LEAD) * VOWELS + (b - VOWEL)) * TAILS;
    }
    if (a - SYLLABLE < LEADS * VOWELS * TAILS && (a - SYLLABLE) % TAILS == 0 && b > TAIL &&
        b < TAIL + TAILS) {
        return a + (b - TAIL);
    }
    return 0;
}

void fold_text(struct buf *out, struct span text)
{
    uint32_t held = 0; /* may yet become a part of a syllable; 0 = none */
    buf_reserve(out, text.n);
    for (size_t at = 0, used; at < text.n; at += used) {
        uint32_t c = lower(decode(text, at, &used));
        uint32_t syllable = held ? compose(held, c) : 0;
        if (syllable) {
            held = syllable;
            continue;
        }
        if (held) {
            encode(out, held);
        }
        held = c;
    }
    if (held) {
        encode(out, held);
    }
}
