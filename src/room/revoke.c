/* Members whose token is void by now are closed: session/revoke.h. */
#include "room/internal.h"

#include "base/clock.h"
#include "core/log.h"
#include "session/revoke.h"

static void answered(void *arg, int64_t newest)
{
    struct member *member = arg;
    if (member->socket && revoke_voids(newest, member->generation)) {
        log_info("room", "%s: %s has signed out everywhere", member->room->channel,
                 member->user_id);
        member_close(member, CLOSE_TOKEN_EXPIRED, "signed out");
    }
    member_unref(member);
}

static void check_room(struct room *room)
{
    struct revoke revoke;
    room->refs++;
    revoke_begin(&revoke, room->rooms->bus, answered);
    for (size_t i = 0; i < room->count; i++) {
        struct member *member = room->members[i];
        member_ref(member); /* it may be answered in the call */
        if (!revoke_add(&revoke, member, member->user_id, member->generation)) {
            member_unref(member);
        }
    }
    revoke_end(&revoke);
    room->refs--;
    room_unref(room);
}

void rooms_check_generations(struct rooms *rooms)
{
    int64_t now_ms = clock_mono_ms();
    if (now_ms - rooms->generations_ms >= REVOKE_CHECK_MS) {
        rooms->generations_ms = now_ms;
        rooms_each(rooms, check_room);
    }
}
