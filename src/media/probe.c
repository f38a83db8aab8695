/* Walking through image files by their structure; see probe.h. */
#include "media/probe.h"

#include <stdbool.h>
#include <string.h>

/* A reader that never leaves the file: what lies beyond it reads as 0 and sets `beyond`. */
struct reader {
    const uint8_t *p;
    size_t len, at;
    bool beyond;
};

static uint8_t u8(struct reader *in)
{
    if (in->at >= in->len) {
        in->beyond = true;
        return 0;
    }
    return in->p[in->at++];
}

static uint32_t be16(struct reader *in)
{
    uint32_t high = u8(in);
    return high << 8 | u8(in);
}

static uint32_t be32(struct reader *in)
{
    uint32_t high = be16(in);
    return high << 16 | be16(in);
}

static uint32_t le16(struct reader *in)
{
    uint32_t low = u8(in);
    return low | (uint32_t)u8(in) << 8;
}

static uint32_t le32(struct reader *in)
{
    uint32_t low = le16(in);
    return low | le16(in) << 16;
}

static void skip(struct reader *in, size_t n)
{
    if (n > in->len - in->at) {
        in->beyond = true;
        in->at = in->len;
    } else {
        in->at += n;
    }
}

static bool begins_with(const struct reader *in, const void *text, size_t n)
{
    return in->len - in->at >= n && memcmp(in->p + in->at, text, n) == 0;
}

/* ---- JPEG ---- */

enum { SOF0 = 0xc0, SOF2 = 0xc2, DHT = 0xc4, JPG = 0xc8, DAC = 0xcc, SOF15 = 0xcf };
enum { RST0 = 0xd0, RST7 = 0xd7, SOI = 0xd8, EOI = 0xd9, SOS = 0xda, TEM = 0x01, APP1 = 0xe1 };

/* The next marker, with fill bytes before it skipped; 0 when there is none here. */
static uint8_t jpeg_marker(struct reader *in)
{
    if (u8(in) != 0xff) {
        return 0;
    }
    uint8_t marker;
    do {
        marker = u8(in);
    } while (marker == 0xff && !in->beyond);
    return marker;
}

/* Moves to the marker that ends entropy-coded data: neither a stuffed zero nor a restart. */
static void jpeg_skip_scan(struct reader *in)
{
    while (in->at < in->len) {
        const uint8_t *ff = memchr(in->p + in->at, 0xff, in->len - in->at);
        if (!ff || ff + 1 >= in->p + in->len) {
            break;
        }
        in->at = (size_t)(ff - in->p);
        uint8_t next = ff[1];
        if (next == 0xff) {
            in->at++;
        } else if (next == 0 || (next >= RST0 && next <= RST7)) {
            in->at += 2;
        } else {
            return;
        }
    }
    in->at = in->len;
    in->beyond = true;
}

static bool is_frame(uint8_t marker)
{
    return marker >= SOF0 && marker <= SOF15 && marker != DHT && marker != JPG && marker != DAC;
}

/*
 * T.81 B.2.4.2: a table's sixteen counts, then so many values. More than 256 are impossible, and
 * stb_image 2.27 writes beyond its table then.
 */
static bool jpeg_tables_fit(struct reader in, size_t length)
{
    in.len = in.at + length;
    while (in.at < in.len) {
        unsigned values = 0;
        (void)u8(&in);
        for (int i = 0; i < 16; i++) {
            values += u8(&in);
        }
        if (values > 256) {
            return false;
        }
        skip(&in, values);
    }
    return !in.beyond;
}

/* Reads one segment behind its marker. */
static enum probe_result jpeg_segment(struct reader *in, uint8_t marker, struct probe *out)
{
    static const char exif[] = "Exif";
    uint32_t length = be16(in);
    size_t start = in->at;
    if (length < 2 || length - 2 > in->len - in->at) {
        return PROBE_BROKEN;
    }
    if (marker == APP1 && !out->exif.p && length - 2 > 6 && begins_with(in, exif, sizeof exif)) {
        out->exif = (struct span){(const char *)in->p + in->at, length - 2};
    } else if (marker == DHT && !jpeg_tables_fit(*in, length - 2)) {
        return PROBE_BROKEN;
    } else if (is_frame(marker)) {
        if (marker > SOF2) {
            return PROBE_UNKNOWN; /* lossless, hierarchical, arithmetic */
        }
        if (out->width) {
            return PROBE_BROKEN; /* one frame only */
        }
        (void)u8(in); /* precision */
        out->height = be16(in);
        out->width = be16(in);
        if (length < 8 || !out->width || !out->height) {
            return PROBE_BROKEN;
        }
    }
    in->at = start + length - 2;
    return PROBE_OK;
}

static enum probe_result probe_jpeg(struct reader *in, struct probe *out)
{
    unsigned scans = 0;
    skip(in, 2);
    for (;;) {
        uint8_t marker = jpeg_marker(in);
        if (marker == EOI && !in->beyond) {
            return scans ? PROBE_OK : PROBE_BROKEN;
        }
        if (in->beyond || marker == 0 || marker == SOI) {
            return PROBE_BROKEN;
        }
        if (marker == TEM || (marker >= RST0 && marker <= RST7)) {
            continue; /* these have no segment */
        }
        enum probe_result result = jpeg_segment(in, marker, out);
        if (result) {
            return result;
        }
        if (marker == SOS) {
            if (!out->width) {
                return PROBE_BROKEN;
            }
            if (++scans > PROBE_SCANS_MAX) {
                return PROBE_COSTLY;
            }
            jpeg_skip_scan(in);
        }
    }
}

/* ---- PNG ---- */

static const uint8_t png_signature[] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};

#define CHUNK(a, b, c, d) ((uint32_t)(a) << 24 | (b) << 16 | (c) << 8 | (d))

static enum probe_result probe_png(struct reader *in, struct probe *out)
{
    bool pixels = false;
    skip(in, sizeof png_signature);
    if (be32(in) != 13 || be32(in) != CHUNK('I', 'H', 'D', 'R')) {
        return PROBE_BROKEN;
    }
    out->width = be32(in);
    out->height = be32(in);
    skip(in, 5 + 4); /* the rest of it, and its CRC */
    if (!out->width || !out->height) {
        return PROBE_BROKEN;
    }
    while (!in->beyond) {
        uint32_t length = be32(in);
        uint32_t type = be32(in);
        skip(in, length);
        skip(in, 4);
        pixels = pixels || type == CHUNK('I', 'D', 'A', 'T');
        if (type == CHUNK('I', 'E', 'N', 'D') && !in->beyond) {
            return pixels ? PROBE_OK : PROBE_BROKEN;
        }
    }
    return PROBE_BROKEN;
}

/* ---- GIF ---- */

enum { GIF_EXTENSION = 0x21, GIF_IMAGE = 0x2c };

static void gif_skip_table(struct reader *in, uint8_t flags)
{
    if (flags & 0x80) {
        skip(in, 3u << ((flags & 7) + 1));
    }
}

static void gif_skip_blocks(struct reader *in)
{
    uint8_t length;
    while ((length = u8(in)) != 0) {
        skip(in, length);
    }
}

/* Up to the end of the first frame. */
static enum probe_result probe_gif(struct reader *in, struct probe *out)
{
    skip(in, 6);
    out->width = le16(in);
    out->height = le16(in);
    uint8_t flags = u8(in);
    skip(in, 2);
    gif_skip_table(in, flags);
    while (!in->beyond) {
        uint8_t what = u8(in);
        if (what == GIF_EXTENSION) {
            (void)u8(in);
            gif_skip_blocks(in);
        } else if (what == GIF_IMAGE) {
            skip(in, 8);
            gif_skip_table(in, u8(in));
            (void)u8(in); /* code size */
            gif_skip_blocks(in);
            return in->beyond || !out->width || !out->height ? PROBE_BROKEN : PROBE_OK;
        } else {
            break;
        }
    }
    return PROBE_BROKEN;
}

/* ---- BMP ---- */

static uint32_t magnitude(uint32_t value)
{
    return value & 0x80000000u ? ~value + 1 : value;
}

/* Rows of whole 32-bit words; the last one's padding may be missing. */
static bool bmp_has_rows(const struct reader *in, const struct probe *out, uint32_t offset,
                         uint32_t bits)
{
    uint64_t row_bits = (uint64_t)out->width * bits;
    uint64_t row = (row_bits + 31) / 32 * 4;
    return offset + row * (out->height - 1) + (row_bits + 7) / 8 <= in->len;
}

static enum probe_result probe_bmp(struct reader *in, struct probe *out)
{
    enum { CORE = 12, INFO = 40, INFO_56 = 56, V4 = 108, V5 = 124, NOT_COMPRESSED = 0, MASKS = 3 };
    skip(in, 10);
    uint32_t offset = le32(in);
    uint32_t header = le32(in);
    if (header != CORE && header != INFO && header != INFO_56 && header != V4 && header != V5) {
        return in->beyond ? PROBE_BROKEN : PROBE_UNKNOWN;
    }
    out->width = header == CORE ? le16(in) : le32(in);
    out->height = header == CORE ? le16(in) : magnitude(le32(in)); /* negative: top row first */
    skip(in, 2);                                                   /* planes */
    uint32_t bits = le16(in);
    uint32_t compression = header == CORE ? NOT_COMPRESSED : le32(in);
    if (in->beyond || !out->width || !out->height || out->width > INT32_MAX) {
        return PROBE_BROKEN;
    }
    if (compression != NOT_COMPRESSED && compression != MASKS) {
        return PROBE_UNKNOWN;
    }
    return bits > 0 && bits <= 32 && bmp_has_rows(in, out, offset, bits) ? PROBE_OK : PROBE_BROKEN;
}

/* ---- All of them ---- */

static const struct {
    enum image_kind kind;
    const char *magic;
    size_t n;
    enum probe_result (*probe)(struct reader *in, struct probe *out);
} kinds[] = {
    {IMAGE_JPEG, "\xff\xd8\xff", 3, probe_jpeg},
    {IMAGE_PNG, (const char *)png_signature, sizeof png_signature, probe_png},
    {IMAGE_GIF, "GIF89a", 6, probe_gif},
    {IMAGE_GIF, "GIF87a", 6, probe_gif},
    {IMAGE_BMP, "BM", 2, probe_bmp},
};

enum probe_result image_probe(struct span file, struct probe *out)
{
    struct reader in = {.p = (const uint8_t *)file.p, .len = file.n};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (begins_with(&in, kinds[i].magic, kinds[i].n)) {
            *out = (struct probe){.kind = kinds[i].kind};
            return kinds[i].probe(&in, out);
        }
    }
    return PROBE_UNKNOWN;
}
