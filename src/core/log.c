/*
 * Log lines; see log.h. A line is built on the stack and written at once, so lines of different
 * threads never mix (a pipe takes up to PIPE_BUF = 4,096 bytes as one piece) and no lock is held.
 */
#include "core/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/utf8.h"

#define LINE_MAX_BYTES 2048 /* with the newline; what is longer is cut and ends in "..." */

static const char *const level_names[] = {"error", "warn", "info", "debug"};
static atomic_int threshold = LOG_LEVEL_INFO;

void log_set_level(enum log_level level)
{
    atomic_store_explicit(&threshold, (int)level, memory_order_relaxed);
}

bool log_level_parse(const char *name, enum log_level *out)
{
    for (int level = LOG_LEVEL_ERROR; level <= LOG_LEVEL_DEBUG; level++) {
        if (strcmp(name, level_names[level]) == 0) {
            *out = (enum log_level)level;
            return true;
        }
    }
    return false;
}

bool log_enabled(enum log_level level)
{
    return (int)level <= atomic_load_explicit(&threshold, memory_order_relaxed);
}

/* Separators of lines (U+2028, 2029) and what turns the writing (U+202A to 202E, 2066 to 2069). */
static bool steers(const unsigned char *p)
{
    return p[0] == 0xe2 && ((p[1] == 0x80 && p[2] >= 0xa8 && p[2] <= 0xae) ||
                            (p[1] == 0x81 && p[2] >= 0xa6 && p[2] <= 0xa9));
}

/* Length of the code point at p, or 0 when it is not valid UTF-8 or is a control character. */
static size_t printable(const char *p, size_t left)
{
    unsigned char c = (unsigned char)*p;
    if (c < 0x80) {
        return c >= 0x20 && c != 0x7f;
    }
    size_t n = c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
    if (n > left || !utf8_valid(p, n)) {
        return 0;
    }
    bool c1 = c == 0xc2 && (unsigned char)p[1] < 0xa0; /* a terminal may obey these */
    return c1 || steers((const unsigned char *)p) ? 0 : n;
}

/* Replaces what is not printable, in place. */
static void clean(char *text, size_t len)
{
    for (size_t i = 0; i < len;) {
        size_t n = printable(text + i, len - i);
        if (n == 0) {
            text[i] = '?';
            n = 1;
        }
        i += n;
    }
}

static size_t write_time(char *out, size_t cap)
{
    struct timespec now;
    struct tm tm;
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &tm);
    size_t n = strftime(out, cap, "%Y-%m-%dT%H:%M:%S", &tm);
    int ms = snprintf(out + n, cap - n, ".%03dZ", (int)(now.tv_nsec / 1000000));
    return n + (size_t)ms;
}

static void write_all(const char *line, size_t len)
{
    while (len > 0) {
        ssize_t n = write(STDERR_FILENO, line, len);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return; /* nowhere to complain */
        }
        line += n;
        len -= (size_t)n;
    }
}

void log_write(enum log_level level, const char *module, const char *format, ...)
{
    if (!log_enabled(level)) {
        return;
    }
    int saved = errno;
    char line[LINE_MAX_BYTES];
    size_t n = write_time(line, sizeof line);
    n += (size_t)snprintf(line + n, sizeof line - n, " %-5s %.32s: ", level_names[level], module);
    size_t room = sizeof line - n - 1; /* for the text; one byte stays for the newline */
    va_list args;
    va_start(args, format);
    int wanted = vsnprintf(line + n, room + 1, format, args);
    va_end(args);
    size_t text = wanted < 0 ? 0 : (size_t)wanted;
    if (text > room) {
        size_t kept = utf8_prefix(line + n, room, room - 3);
        memcpy(line + n + kept, "...", 3);
        text = kept + 3;
    }
    clean(line + n, text);
    n += text;
    line[n++] = '\n';
    write_all(line, n);
    errno = saved;
}
