/*
 * Deadlines for reads that civetweb makes: mg_read() of a chunked body goes on for as long as a byte
 * comes now and then. A thread of its own ends what the socket may still give once the time is over, so
 * that mg_read() meets the end.
 */
#ifndef LECTERN_HTTP_PATIENCE_H
#define LECTERN_HTTP_PATIENCE_H

#include <stdbool.h>
#include <stdint.h>

struct patience;

struct patience *patience_create(void);           /* NULL: no thread or memory */
void patience_destroy(struct patience *patience); /* accepts NULL; nobody waits any more */

/* One read; on the stack of the thread that reads. */
struct patience_wait {
    struct patience_wait *next, **link;
    int64_t deadline_ms; /* monotonic */
    int fd;
    bool over; /* valid after patience_end() */
};

/* From now on `fd`, which stays open until patience_end(), gives nothing more behind `ms`. */
void patience_begin(struct patience *patience, struct patience_wait *wait, int fd, int64_t ms);

/* True if the time was over. */
bool patience_end(struct patience *patience, struct patience_wait *wait);

#endif
