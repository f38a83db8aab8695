/* Reading Range; see range.h. */
#include "http/range.h"

#include <string.h>
#include <strings.h>

#include "base/ascii.h"

/* The number at *p, a step over its digits, INT64_MAX where it is larger; -1 where there is none. */
static int64_t read_number(const char **p)
{
    int64_t value = -1;
    for (; ascii_is_digit(**p); (*p)++) {
        int digit = **p - '0';
        value = value < 0 ? 0 : value;
        value = value > (INT64_MAX - digit) / 10 ? INT64_MAX : value * 10 + digit;
    }
    return value;
}

static const char *skip_blanks(const char *p)
{
    return p + strspn(p, " \t");
}

enum range_result range_read(const char *header, int64_t size, int64_t *first, int64_t *last)
{
    static const char unit[] = "bytes=";
    if (!header || strncasecmp(header, unit, sizeof unit - 1) != 0) {
        return RANGE_WHOLE;
    }
    const char *p = skip_blanks(header + sizeof unit - 1);
    int64_t from = read_number(&p);
    if (*p != '-') {
        return RANGE_WHOLE;
    }
    p++;
    int64_t to = read_number(&p);
    if (*skip_blanks(p) != '\0' || (from < 0 && to < 0) || (from >= 0 && to >= 0 && to < from)) {
        return RANGE_WHOLE; /* several, or no range at all */
    }
    if (from < 0) { /* the last `to` bytes */
        from = to < size ? size - to : 0;
        to = to > 0 ? size - 1 : -1;
    } else if (to < 0 || to >= size) {
        to = size - 1;
    }
    if (from > to) {
        return RANGE_NONE;
    }
    *first = from;
    *last = to;
    return RANGE_PART;
}

bool range_applies(const char *if_range, const char *etag)
{
    if (!if_range) {
        return true;
    }
    if_range = skip_blanks(if_range);
    size_t n = strlen(etag);
    return strncmp(if_range, etag, n) == 0 && *skip_blanks(if_range + n) == '\0';
}
