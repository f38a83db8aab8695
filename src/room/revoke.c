/*
 * Sessions whose token is void by now: their account has signed out everywhere, or its password was
 * changed. Every few seconds each loop asks Redis for the generations of its members' accounts
 * (`account:{id}:gen`); whoever came with an earlier one is closed as if the token had expired. Asking,
 * rather than being told, also finds those who were on their way in, and what happened while the link
 * was down. Members without account (guests) cost nothing.
 */
#include "room/internal.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "core/log.h"

#define CHECK_MS 5000 /* between two looks */
#define BATCH 100     /* members per command */
#define KEY_SIZE (ID_MAX + 32)

/* Members that wait for an answer; each is kept by a reference. */
struct batch {
    size_t count;
    struct member *members[BATCH];
};

static void answered(void *arg, const struct bus_reply *reply)
{
    struct batch *batch = arg;
    for (size_t i = 0; i < batch->count; i++) {
        struct member *member = batch->members[i];
        if (bus_reply_int(bus_reply_at(reply, i)) > (int64_t)member->generation) {
            log_info("room", "%s: %s has signed out everywhere", member->room->channel,
                     member->user_id);
            member_close(member, CLOSE_TOKEN_EXPIRED, "signed out");
        }
        member_unref(member);
    }
    free(batch);
}

static void ask(struct bus *bus, struct batch *batch)
{
    char keys[BATCH][KEY_SIZE];
    struct span argv[1 + BATCH];
    argv[0] = span_of("MGET");
    for (size_t i = 0; i < batch->count; i++) {
        int n = snprintf(keys[i], KEY_SIZE, TOKEN_GENERATION_KEY, batch->members[i]->user_id);
        argv[1 + i] = (struct span){keys[i], (size_t)n};
    }
    if (bus_command(bus, argv, 1 + batch->count, answered, batch)) {
        answered(batch, NULL);
    }
}

/* Asks for all members of the room; where there is no memory, the next look finds them. */
static void check_room(struct room *room)
{
    struct batch *batch = NULL;
    room->refs++;
    for (size_t i = 0; i < room->count; i++) {
        struct member *member = room->members[i];
        if (member->generation == 0 || (!batch && !(batch = calloc(1, sizeof *batch)))) {
            continue;
        }
        member_ref(member);
        batch->members[batch->count++] = member;
        if (batch->count == BATCH) {
            ask(room->rooms->bus, batch);
            batch = NULL;
        }
    }
    if (batch) {
        ask(room->rooms->bus, batch);
    }
    room->refs--;
    room_unref(room);
}

void rooms_check_generations(struct rooms *rooms)
{
    int64_t now_ms = clock_mono_ms();
    if (now_ms - rooms->generations_ms >= CHECK_MS) {
        rooms->generations_ms = now_ms;
        rooms_each(rooms, check_room);
    }
}
