/*
 * The call of reserve.lua, for those who wait for its reply (entry.c) and for loops, which don't
 * (entry_loop.c). Pure.
 */
#ifndef LECTERN_ROOM_ENTRY_SCRIPT_H
#define LECTERN_ROOM_ENTRY_SCRIPT_H

#include "bus/reply.h"
#include "room/entry.h"

#define ENTRY_ARGS 13

/* The texts that `args` point into; also into what entry_call_make() was given. Not to be moved. */
struct entry_call {
    char room[ROOM_CODE_MAX + 6], epoch[EPOCH_LEN + 1], seal[SEAL_LEN + 1];
    char max[16], hold[16], wait_ms[16];
    struct span key, args[ENTRY_ARGS];
};

/* ticket->room and ticket->session are set. */
void entry_call_make(struct entry_call *call, const struct claims *who,
                     const struct room_options *options, const struct room_ticket *ticket);

/* What the script said; fills the rest of the ticket where it is ROOM_RESERVED. */
enum room_outcome entry_outcome(const struct bus_reply *reply, struct room_ticket *ticket);

#endif
