/* What Redis answered, without showing hiredis. Borrowed: valid as long as its owner says. */
#ifndef LECTERN_BUS_REPLY_H
#define LECTERN_BUS_REPLY_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

enum bus_type {
    BUS_NIL,
    BUS_INTEGER,
    BUS_STRING, /* bulk and status strings */
    BUS_ARRAY,
    BUS_ERROR,
};

struct bus_reply;

enum bus_type bus_reply_type(const struct bus_reply *reply); /* BUS_NIL for NULL */
int64_t
bus_reply_int(const struct bus_reply *reply); /* also of a string that is a number; else 0 */
struct span bus_reply_text(const struct bus_reply *reply); /* string or error text; else empty */
size_t bus_reply_len(const struct bus_reply *reply);       /* elements of an array; else 0 */

/* Element i of an array, NULL when there is none. */
const struct bus_reply *bus_reply_at(const struct bus_reply *reply, size_t i);

#endif
