/*
 * Entering a class from a loop; see room_enter() in room.h. The decision is reserve.lua's, as at the
 * door; a reservation that nobody waits for any more is given back, and would be void by itself after
 * ROOM_PENDING_MS.
 *
 * An entry lives until its call has returned and its timer is closed.
 */
#include "room/internal.h"

#include <stdlib.h>

#include "core/metrics.h"
#include "room/entry_script.h"

#define OPENING_TRIES 20 /* how often a room is asked for whose host is just arriving, */
#define OPENING_MS 50    /* and the wait between, ms */

struct room_entry {
    uv_timer_t timer; /* between two tries */
    struct rooms *rooms;
    struct claims who;
    struct room_ticket ticket;
    room_entered_fn *done; /* NULL: cancelled, or told */
    void *arg;
    unsigned tries;
    bool asking;
};

static void free_entry(uv_handle_t *handle)
{
    free(handle->data);
}

static void end_entry(struct room_entry *entry)
{
    entry->done = NULL;
    if (!entry->asking) {
        uv_close((uv_handle_t *)&entry->timer, free_entry);
    }
}

static void tell(struct room_entry *entry, enum room_outcome outcome)
{
    room_entered_fn *done = entry->done;
    entry->done = NULL; /* it cannot be cancelled any more */
    done(entry->arg, outcome, &entry->ticket);
    end_entry(entry);
}

/* Whatever comes of it: the place is void in a few seconds. */
static void give_back(struct room_entry *entry)
{
    struct entry_call call = {.key = {NULL, 0}};
    const struct room_options none = {.max = 1};
    entry_call_make(&call, &entry->who, &none, &entry->ticket);
    const struct span args[] = {span_of(entry->ticket.session), span_of(entry->ticket.epoch),
                                span_of("0")};
    (void)!bus_script(entry->rooms->bus, BUS_SCRIPT_RELEASE, &call.key, 1, args, 3, NULL, NULL);
}

static void reserved(void *arg, const struct bus_reply *reply)
{
    struct room_entry *entry = arg;
    bool answered = reply && bus_reply_type(reply) != BUS_ERROR;
    enum room_outcome outcome = ROOM_UNAVAILABLE;
    entry->asking = false;
    if (answered) {
        outcome = entry_outcome(reply, &entry->ticket);
    }
    if (!entry->done) {
        if (outcome == ROOM_RESERVED) {
            give_back(entry);
        }
        end_entry(entry);
    } else if (outcome != ROOM_OPENING) {
        tell(entry, outcome);
    } else if (entry->tries == OPENING_TRIES) {
        tell(entry, ROOM_NOT_FOUND);
    } /* else the timer asks again */
}

static int ask(struct room_entry *entry)
{
    struct entry_call call = {.key = {NULL, 0}};
    const struct room_options none = {.max = 1}; /* looked at for hosts only */
    entry_call_make(&call, &entry->who, &none, &entry->ticket);
    if (bus_script(entry->rooms->bus, BUS_SCRIPT_RESERVE, &call.key, 1, call.args, ENTRY_ARGS,
                   reserved, entry)) {
        return -1;
    }
    entry->asking = true;
    entry->tries++;
    return 0;
}

static void ask_again(uv_timer_t *timer)
{
    struct room_entry *entry = timer->data;
    if (!entry->asking && entry->done && ask(entry)) {
        tell(entry, ROOM_UNAVAILABLE);
    }
}

struct room_entry *room_enter(struct rooms *rooms, const struct claims *who, const char *code,
                              room_entered_fn *done, void *arg)
{
    struct room_entry *entry = calloc(1, sizeof *entry);
    if (!entry) {
        metric_add(METRIC_OUT_OF_MEMORY, 1);
        return NULL;
    }
    entry->rooms = rooms;
    entry->who = *who;
    entry->done = done;
    entry->arg = arg;
    id_random(entry->ticket.session, SESSION_ID_LEN);
    if (!span_copy(span_of(code), entry->ticket.room, sizeof entry->ticket.room) || ask(entry)) {
        free(entry);
        return NULL;
    }
    uv_timer_init(loop_uv(rooms->loop), &entry->timer);
    entry->timer.data = entry;
    uv_timer_start(&entry->timer, ask_again, OPENING_MS, OPENING_MS);
    return entry;
}

void room_enter_cancel(struct room_entry *entry)
{
    end_entry(entry);
}
