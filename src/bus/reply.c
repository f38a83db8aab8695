/* struct bus_reply is hiredis's redisReply under another name: it is never defined, only cast. */
#include "bus/reply.h"

#include <hiredis/hiredis.h>

#include "base/json.h"

static const redisReply *raw(const struct bus_reply *reply)
{
    return (const redisReply *)reply;
}

static bool has_text(const struct bus_reply *reply)
{
    enum bus_type type = bus_reply_type(reply);
    return type == BUS_STRING || type == BUS_ERROR;
}

enum bus_type bus_reply_type(const struct bus_reply *reply)
{
    if (!reply) {
        return BUS_NIL;
    }
    switch (raw(reply)->type) {
    case REDIS_REPLY_STRING:
    case REDIS_REPLY_STATUS:
        return BUS_STRING;
    case REDIS_REPLY_ARRAY:
        return BUS_ARRAY;
    case REDIS_REPLY_INTEGER:
        return BUS_INTEGER;
    case REDIS_REPLY_ERROR:
        return BUS_ERROR;
    default:
        return BUS_NIL;
    }
}

int64_t bus_reply_int(const struct bus_reply *reply)
{
    int64_t value = 0;
    enum bus_type type = bus_reply_type(reply);
    if (type == BUS_INTEGER) {
        return raw(reply)->integer;
    }
    if (type == BUS_STRING && json_int(bus_reply_text(reply), &value)) {
        return 0;
    }
    return value;
}

struct span bus_reply_text(const struct bus_reply *reply)
{
    if (!has_text(reply)) {
        return (struct span){NULL, 0};
    }
    return (struct span){raw(reply)->str, raw(reply)->len};
}

size_t bus_reply_len(const struct bus_reply *reply)
{
    return bus_reply_type(reply) == BUS_ARRAY ? raw(reply)->elements : 0;
}

const struct bus_reply *bus_reply_at(const struct bus_reply *reply, size_t i)
{
    if (i >= bus_reply_len(reply)) {
        return NULL;
    }
    return (const struct bus_reply *)raw(reply)->element[i];
}
