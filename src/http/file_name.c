/* Harmless names; see file_name.h. */
#include "http/file_name.h"

#include <stdint.h>
#include <string.h>
#include <strings.h>

#include "base/ascii.h"
#include "base/utf8.h"

#define EXTENSION_MAX 16 /* bytes with its dot: what is longer is no extension */

/* The code point of `n` bytes of valid UTF-8. */
static uint32_t code_point(const char *p, size_t n)
{
    static const unsigned char masks[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
    uint32_t value = (unsigned char)p[0] & masks[n];
    for (size_t i = 1; i < n; i++) {
        value = value << 6 | ((unsigned char)p[i] & 0x3f);
    }
    return value;
}

static size_t length_of(char first)
{
    unsigned char c = (unsigned char)first;
    return c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
}

/* Ranges of characters that show nothing, or turn or hide what stands beside them. */
static bool is_hidden(uint32_t c)
{
    static const uint32_t ranges[][2] = {
        {0x00, 0x1f},     {0x7f, 0x9f},     {0xad, 0xad},     {0x61c, 0x61c},   {0x115f, 0x1160},
        {0x180e, 0x180e}, {0x200b, 0x200f}, {0x2028, 0x202e}, {0x2060, 0x206f}, {0x3164, 0x3164},
        {0xfdd0, 0xfdef}, {0xfeff, 0xfeff}, {0xffa0, 0xffa0}, {0xfff0, 0xffff}, {0xe0000, 0xe0fff},
    };
    for (size_t i = 0; i < sizeof ranges / sizeof ranges[0]; i++) {
        if (c >= ranges[i][0] && c <= ranges[i][1]) {
            return true;
        }
    }
    return false;
}

static bool is_device(const char *name)
{
    static const char *const devices[] = {"con", "prn", "aux", "nul", "conin$", "conout$"};
    size_t n = strcspn(name, ".");
    while (n > 0 && name[n - 1] == ' ') {
        n--;
    }
    for (size_t i = 0; i < sizeof devices / sizeof devices[0]; i++) {
        if (strlen(devices[i]) == n && strncasecmp(name, devices[i], n) == 0) {
            return true;
        }
    }
    return n == 4 && ascii_is_digit(name[3]) &&
           (strncasecmp(name, "com", 3) == 0 || strncasecmp(name, "lpt", 3) == 0);
}

/* What stands behind the last slash of either kind. */
static struct span last_part(struct span name)
{
    size_t start = name.n;
    while (start > 0 && name.p[start - 1] != '/' && name.p[start - 1] != '\\') {
        start--;
    }
    return (struct span){name.n ? name.p + start : NULL, name.n - start};
}

/* Copies what may stay; true blanks of other scripts become plain ones. */
static void filter(struct span name, struct buf *out)
{
    for (size_t i = 0; i < name.n;) {
        size_t n = length_of(name.p[i]);
        uint32_t c = code_point(name.p + i, n);
        if (c == 0xa0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200a) || c == 0x202f ||
            c == 0x205f || c == 0x2800 || c == 0x3000) {
            buf_append_char(out, ' ');
        } else if (c < 0x80 && c >= 0x20 && strchr("<>:\"|?*", (int)c)) {
            buf_append_char(out, '_');
        } else if (!is_hidden(c)) {
            buf_append(out, name.p + i, n);
        }
        i += n;
    }
}

/* Without the blanks and dots around it: hidden files, and what Windows cuts off. */
static struct span trim(struct span name)
{
    while (name.n > 0 && (name.p[0] == ' ' || name.p[0] == '.')) {
        name.p++;
        name.n--;
    }
    while (name.n > 0 && (name.p[name.n - 1] == ' ' || name.p[name.n - 1] == '.')) {
        name.n--;
    }
    return name;
}

/* Cuts what is too long in front of the extension, with `room` bytes for all of it. */
static void copy_cut(struct span name, size_t room, char *out)
{
    const char *dot = memrchr(name.p, '.', name.n);
    size_t extension = dot ? name.n - (size_t)(dot - name.p) : 0;
    if (extension > EXTENSION_MAX || extension == name.n) {
        extension = 0;
    }
    size_t stem = utf8_prefix(name.p, name.n - extension, room - extension);
    memcpy(out, name.p, stem);
    memcpy(out + stem, name.p + name.n - extension, extension);
    out[stem + extension] = '\0';
}

void file_name_clean(struct span name, char out[FILE_LABEL_MAX + 1])
{
    struct buf kept;
    buf_init(&kept);
    filter(last_part(name), &kept);
    struct span text = trim(buf_span(&kept));
    strcpy(out, "file");
    if (!kept.failed && text.n > 0) {
        copy_cut(text, FILE_LABEL_MAX - 1, out);
    }
    if (is_device(out)) {
        memmove(out + 1, out, strlen(out) + 1);
        out[0] = '_';
    }
    buf_finish(&kept);
}

void file_name_extend(char name[FILE_LABEL_MAX + 1], const char *extension)
{
    static const char *const pictures[] = {".jpg", ".jpeg", ".png", ".gif",
                                           ".bmp", ".jfif", ".dib"};
    char *dot = strrchr(name, '.');
    size_t len = strlen(name);
    for (size_t i = 0; dot && i < sizeof pictures / sizeof pictures[0]; i++) {
        bool same = strcmp(extension, ".jpg") == 0 && strcasecmp(dot, ".jpeg") == 0;
        if (same || strcasecmp(dot, extension) == 0) {
            return;
        }
        if (strcasecmp(dot, pictures[i]) == 0) {
            len = (size_t)(dot - name);
        }
    }
    len = utf8_prefix(name, len, FILE_LABEL_MAX - strlen(extension));
    strcpy(name + len, extension);
}

/* RFC 9110 section 5.6.2. */
static bool is_token(char c)
{
    return ascii_is_alnum(c) || (c && strchr("!#$%&'*+-.^_`|~", c));
}

bool file_type_read(const char *content_type, char out[FILE_TYPE_MAX + 1])
{
    size_t n = 0;
    size_t slash = 0;
    if (!content_type || !*content_type) {
        strcpy(out, "application/octet-stream");
        return true;
    }
    const char *p = content_type;
    for (; is_token(*p) || (*p == '/' && slash == 0 && n > 0); p++) {
        slash = *p == '/' ? n : slash;
        if (n == FILE_TYPE_MAX) {
            return false;
        }
        out[n++] = ascii_lower(*p);
    }
    out[n] = '\0';
    p += strspn(p, " \t");
    return slash > 0 && slash + 1 < n && (*p == '\0' || *p == ';');
}

bool file_type_inline(const char *type)
{
    static const char *const shown[] = {"image/jpeg", "image/png", "image/gif", "video/mp4",
                                        "video/webm"};
    for (size_t i = 0; i < sizeof shown / sizeof shown[0]; i++) {
        if (strcmp(type, shown[i]) == 0) {
            return true;
        }
    }
    /* What ends so is XML to browsers, whatever stands in front, and XML may be a page. */
    static const char xml[] = "+xml";
    size_t n = strlen(type);
    bool is_xml = n >= sizeof xml - 1 && strcmp(type + n - (sizeof xml - 1), xml) == 0;
    return strncmp(type, "audio/", 6) == 0 && !is_xml;
}

/* RFC 8187: attr-char as it is, the rest as %XX. */
static void write_encoded(struct buf *out, const char *name)
{
    for (; *name; name++) {
        if (ascii_is_alnum(*name) || strchr("!#$&+-.^_`|~", *name)) {
            buf_append_char(out, *name);
        } else {
            buf_printf(out, "%%%02X", (unsigned)(unsigned char)*name);
        }
    }
}

void file_disposition(struct buf *out, bool shown, const char *name)
{
    buf_printf(out, "%s; filename=\"", shown ? "inline" : "attachment");
    for (const char *p = name; *p; p += length_of(*p)) {
        bool plain = (unsigned char)*p < 0x80 && !ascii_is_control(*p) && !strchr("\"\\%", *p);
        buf_append_char(out, plain ? *p : '_');
    }
    buf_append_text(out, "\"; filename*=UTF-8''");
    write_encoded(out, name);
}
