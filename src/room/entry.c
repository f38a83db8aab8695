/* The door of a class room; see entry.h. The decision is bus/lua/reserve.lua's. */
#include "room/entry.h"

#include <stdio.h>

#include "core/log.h"
#include "room/entry_script.h"

#define CODE_TRIES                                                                                 \
    8 /* of 23^6 codes; a clash is a matter of one in thousands even with many rooms */

static const struct {
    const char *status;
    enum room_outcome outcome;
} OUTCOMES[] = {
    {"created", ROOM_RESERVED}, {"reserved", ROOM_RESERVED},    {"room_not_found", ROOM_NOT_FOUND},
    {"room_taken", ROOM_TAKEN}, {"room_opening", ROOM_OPENING}, {"room_locked", ROOM_LOCKED},
    {"room_full", ROOM_FULL},   {"removed", ROOM_REMOVED},      {"room_forbidden", ROOM_FORBIDDEN},
};

static enum room_outcome outcome_of(struct span status)
{
    for (size_t i = 0; i < sizeof OUTCOMES / sizeof *OUTCOMES; i++) {
        if (span_eq(status, OUTCOMES[i].status)) {
            return OUTCOMES[i].outcome;
        }
    }
    log_error("room", "reserve answered '%.*s'", (int)status.n, status.p);
    return ROOM_UNAVAILABLE;
}

void entry_call_make(struct entry_call *call, const struct claims *who,
                     const struct room_options *options, const struct room_ticket *ticket)
{
    snprintf(call->room, sizeof call->room, "room:%s", ticket->room);
    snprintf(call->max, sizeof call->max, "%u", options->max);
    snprintf(call->hold, sizeof call->hold, "%u", options->hold_s);
    snprintf(call->wait_ms, sizeof call->wait_ms, "%d", ROOM_PENDING_MS);
    call->epoch[0] = call->seal[0] = '\0';
    if (who->type == USER_TEACHER) { /* who may make the room */
        id_random(call->epoch, EPOCH_LEN);
        id_random(call->seal, SEAL_LEN);
    }
    const struct span args[ENTRY_ARGS] = {
        span_of(user_type_name(who->type)),
        span_of(who->user_id),
        span_of(who->device),
        span_of(ticket->session),
        span_of(call->wait_ms),
        span_of(call->epoch),
        span_of(call->seal),
        span_of(who->name),
        span_of(options->name),
        span_of(call->max),
        span_of(call->hold),
        span_of(options->talk_all ? "all" : "teacher"),
        span_of(options->notify_all ? "all" : "host"),
    };
    memcpy(call->args, args, sizeof args);
    call->key = span_of(call->room);
}

enum room_outcome entry_outcome(const struct bus_reply *reply, struct room_ticket *ticket)
{
    struct span status = bus_reply_text(bus_reply_at(reply, 0));
    enum room_outcome outcome = outcome_of(status);
    ticket->created = span_eq(status, "created");
    if (outcome == ROOM_RESERVED &&
        !span_copy(bus_reply_text(bus_reply_at(reply, 1)), ticket->epoch, sizeof ticket->epoch)) {
        outcome = ROOM_UNAVAILABLE;
    }
    ticket->reserved_ms = bus_reply_int(bus_reply_at(reply, 2));
    return outcome;
}

static enum room_outcome ask(struct bus_pool *pool, const struct claims *who,
                             const struct room_options *options, struct room_ticket *ticket)
{
    struct entry_call call = {.key = {NULL, 0}};
    struct bus_reply *reply;
    entry_call_make(&call, who, options, ticket);
    if (bus_pool_script(pool, BUS_SCRIPT_RESERVE, &call.key, 1, call.args, ENTRY_ARGS, &reply)) {
        return ROOM_UNAVAILABLE;
    }
    enum room_outcome outcome = entry_outcome(reply, ticket);
    bus_reply_free(reply);
    return outcome;
}

enum room_outcome room_reserve(struct bus_pool *pool, const struct claims *who, const char *code,
                               const struct room_options *options, struct room_ticket *ticket)
{
    if (who->type == USER_SERVICE || (*who->room && strcmp(who->room, code) != 0)) {
        return ROOM_FORBIDDEN;
    }
    id_random(ticket->session, SESSION_ID_LEN);
    if (*code) {
        snprintf(ticket->room, sizeof ticket->room, "%s", code);
        return ask(pool, who, options, ticket);
    }
    for (int i = 0; i < CODE_TRIES; i++) {
        char drawn[7];
        id_room_code(drawn);
        snprintf(ticket->room, sizeof ticket->room, "%s", drawn);
        enum room_outcome outcome = ask(pool, who, options, ticket);
        if (outcome != ROOM_TAKEN && (outcome != ROOM_RESERVED || ticket->created)) {
            return outcome;
        }
        /* Somebody's room, or another one of this host's: draw again. */
    }
    return ROOM_UNAVAILABLE;
}

void room_release(struct bus_pool *pool, const struct room_ticket *ticket)
{
    char room[sizeof ticket->room + 5];
    snprintf(room, sizeof room, "room:%s", ticket->room);
    const struct span key = span_of(room);
    const struct span args[] = {span_of(ticket->session), span_of(ticket->epoch),
                                span_of(ticket->created ? "1" : "0")};
    struct bus_reply *reply;
    if (bus_pool_script(pool, BUS_SCRIPT_RELEASE, &key, 1, args, 3, &reply) == 0) {
        bus_reply_free(reply);
    }
}
