/*
 * `seen`: members' highest shown ids, gathered here and told to Redis once a second in one script per
 * room, which keeps them and tells the host of the news.
 */
#include "room/internal.h"

#define BATCH 500 /* members per script: bounds how long one script runs */

static void seen_told(void *arg, const struct bus_reply *reply)
{
    struct member *member = arg; /* one of the batch stands for all: it keeps the room */
    struct room *room = member->room;
    if (!reply) { /* unknown outcome: tell everybody's again, which does no harm */
        for (size_t i = 0; i < room->count; i++) {
            room->members[i]->seen_dirty = room->members[i]->seen.ms > 0;
        }
        room->seen_dirty = true;
    }
    member_unref(member);
}

/* Sends the members `from` … and returns where the next batch begins. */
static size_t send_batch(struct room *room, size_t from)
{
    struct span args[1 + 2 * BATCH];
    char ids[BATCH][ROOM_MESSAGE_ID_MAX + 1];
    size_t count = 0, i = from;
    struct member *any = NULL;
    args[0] = span_of(room->epoch);
    for (; i < room->count && count < BATCH; i++) {
        struct member *member = room->members[i];
        if (member->seen_dirty) {
            log_id_print(room, member->seen, ids[count]);
            args[1 + 2 * count] = span_of(member->user_id);
            args[2 + 2 * count] = span_of(ids[count]);
            member->seen_dirty = false;
            count++;
            any = member;
        }
    }
    if (!any) {
        return i;
    }
    member_ref(any);
    const struct span key = span_of(room->channel);
    if (bus_script(room->rooms->bus, BUS_SCRIPT_SEEN, &key, 1, args, 1 + 2 * count, seen_told,
                   any)) {
        seen_told(any, NULL);
        return room->count;
    }
    return i;
}

void seen_flush(struct room *room)
{
    room->seen_dirty = false;
    room->refs++;
    for (size_t i = 0; i < room->count;) {
        i = send_batch(room, i);
    }
    room->refs--;
    room_unref(room);
}
