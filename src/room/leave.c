/*
 * Leaves: telling Redis that sessions are over, now or as soon as the link allows it, and the two ways
 * in which a whole loop ends: everybody leaves, or everybody may come back elsewhere.
 */
#include "room/internal.h"

#include <stdio.h>
#include <stdlib.h>

static void keep_leave(struct rooms *rooms, struct leave *leave)
{
    leave->next = NULL;
    *rooms->leaves_tail = leave;
    rooms->leaves_tail = &leave->next;
}

static void check_all_left(struct rooms *rooms)
{
    if (rooms->all_left && rooms->calls_out == 0 && (!rooms->leaves || !bus_is_up(rooms->bus))) {
        void (*done)(void *) = rooms->all_left;
        rooms->all_left = NULL;
        done(rooms->all_left_arg);
    }
}

static void leave_done(void *arg, const struct bus_reply *reply)
{
    struct leave *leave = arg;
    struct rooms *rooms = leave->rooms;
    rooms->calls_out--;
    if (!reply || bus_reply_type(reply) == BUS_ERROR) {
        keep_leave(rooms, leave); /* told again; it is fenced, so that does no harm */
    } else if (span_eq(bus_reply_text(bus_reply_at(reply, 0)), "pending")) {
        free(leave); /* not its time yet */
    } else {
        lease_unindex(rooms, leave->server, leave->entry);
        free(leave);
    }
    check_all_left(rooms);
}

struct span rooms_keep_ms(const struct rooms *rooms, char out[KEEP_TEXT])
{
    int len = snprintf(out, KEEP_TEXT, "%lld", (long long)rooms->config->keep_s * 1000);
    return (struct span){out, (size_t)len};
}

static bool send_leave(struct rooms *rooms, struct leave *leave)
{
    struct span entry = span_of(leave->entry);
    struct span code = span_word(&entry), user = span_word(&entry);
    struct span session = span_word(&entry), epoch = span_word(&entry);
    char room[ROOM_CODE_MAX + 6], keep_ms[KEEP_TEXT];
    snprintf(room, sizeof room, "room:%.*s", (int)code.n, code.p);
    const struct span key = span_of(room);
    const struct span args[] = {user,
                                session,
                                epoch,
                                span_of(leave->lost ? "lost" : "left"),
                                rooms_keep_ms(rooms, keep_ms),
                                span_of(rooms->server_id),
                                span_of(leave->spare_pending ? "1" : "0")};
    if (bus_script(rooms->bus, BUS_SCRIPT_LEAVE, &key, 1, args, 7, leave_done, leave)) {
        return false;
    }
    rooms->calls_out++;
    return true;
}

/*
 * Sends the leaves that wait, except those of rooms whose subscription is not back yet: their host
 * may be here, and would not hear of them.
 */
void rooms_send_leaves(struct rooms *rooms)
{
    struct leave *leave = rooms->leaves;
    rooms->leaves = NULL;
    rooms->leaves_tail = &rooms->leaves;
    while (leave) {
        struct leave *next = leave->next;
        struct span entry = span_of(leave->entry);
        const struct room *room = map_get(&rooms->by_code, span_word(&entry));
        bool wait = !bus_is_up(rooms->bus) || (room && room->state == ROOM_SUBSCRIBING);
        if (wait || !send_leave(rooms, leave)) {
            keep_leave(rooms, leave);
        }
        leave = next;
    }
}

void rooms_leave(struct rooms *rooms, struct leave *leave)
{
    leave->rooms = rooms;
    keep_leave(rooms, leave);
    rooms_send_leaves(rooms);
}

static void leave_room(struct room *room)
{
    for (size_t i = 0; i < room->count; i++) {
        struct member *member = room->members[i];
        /* An activation under way is answered first: calls are carried out in their order. */
        member->present |= member->state == MEMBER_ACTIVATING;
        member_leave(member, true);
    }
}

void rooms_leave_all(struct rooms *rooms, void (*done)(void *arg), void *arg)
{
    rooms_each(rooms, leave_room);
    if (loop_index(rooms->loop) == 0) {
        lease_end(rooms);
    }
    rooms->all_left = done;
    rooms->all_left_arg = arg;
    check_all_left(rooms);
}

static void pended(void *arg, const struct bus_reply *reply)
{
    struct rooms *rooms = arg;
    (void)reply; /* a session that is not marked is ended by a janitor all the same */
    rooms->calls_out--;
    check_all_left(rooms);
}

static void pend_room(struct room *room)
{
    const struct span key = span_of(room->channel);
    for (size_t i = 0; i < room->count; i++) {
        struct member *member = room->members[i];
        const struct span args[] = {span_of(member->user_id), span_of(member->session)};
        if (!member->left && bus_script(room->rooms->bus, BUS_SCRIPT_PEND, &key, 1, args, 2, pended,
                                        room->rooms) == 0) {
            room->rooms->calls_out++;
        }
        member->left = true; /* it may come back elsewhere; if not, a janitor ends it */
        member->indexed = false;
    }
}

void rooms_drain(struct rooms *rooms, void (*done)(void *arg), void *arg)
{
    rooms_each(rooms, pend_room);
    if (loop_index(rooms->loop) == 0) {
        lease_drain(rooms);
    }
    rooms->all_left = done;
    rooms->all_left_arg = arg;
    check_all_left(rooms);
}
