/*
 * The Range header of GET (RFC 9110 section 14), as far as it is served here: one range of bytes.
 * Pure, any thread.
 */
#ifndef LECTERN_HTTP_RANGE_H
#define LECTERN_HTTP_RANGE_H

#include <stdbool.h>
#include <stdint.h>

enum range_result {
    RANGE_WHOLE, /* all of it: no header, one that does not count, or several ranges */
    RANGE_PART,  /* 206, from *first to *last */
    RANGE_NONE,  /* 416: nothing of what is asked for exists */
};

/*
 * What `header` (NULL: none) asks of something of `size` bytes. Units other than bytes, what cannot
 * be read, and several ranges are answered with the whole, as section 14.2 allows; "bytes=5-",
 * "bytes=-5" and ends behind the size as it wants them.
 */
enum range_result range_read(const char *header, int64_t size, int64_t *first, int64_t *last);

/*
 * Does a Range count beside this If-Range header (NULL: none)? Only where it is the strong tag
 * `etag`, in its quotes: dates are not served (section 13.1.5).
 */
bool range_applies(const char *if_range, const char *etag);

#endif
