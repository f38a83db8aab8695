/*
 * An emptied Redis: `lectern:epoch` tells that it is not the same any more. A room that is missing in
 * the same Redis has ended; one that is missing in an emptied one is brought back from what this loop
 * holds: settings, and the log's mirror. Its sessions are activated again when it is loaded.
 */
#include "room/internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/log.h"

#define BATCH 100 /* messages per script */

/* Which Redis is it? Learns it, and says whether it is another than before. */
static void learn_epoch(struct rooms *rooms, const struct bus_reply *reply, const char *drawn)
{
    struct span found = bus_reply_text(reply);
    char epoch[REDIS_EPOCH_LEN + 1];
    if (!reply || bus_reply_type(reply) == BUS_ERROR) {
        return;
    }
    if (!span_copy(found.n ? found : span_of(drawn), epoch, sizeof epoch)) {
        return; /* not one of ours */
    }
    if (*rooms->redis_epoch && strcmp(rooms->redis_epoch, epoch) != 0) {
        rooms->generation++;
        log_warn("room", "loop %u: Redis was emptied: restoring what is held here",
                 loop_index(rooms->loop));
    }
    memcpy(rooms->redis_epoch, epoch, sizeof epoch);
}

struct epoch_call {
    struct rooms *rooms;
    struct room *room; /* that is missing; NULL: just looking */
    unsigned load;
    char drawn[REDIS_EPOCH_LEN + 1];
};

static void decide(struct room *room)
{
    if (room->generation != room->rooms->generation && *room->seal) {
        room_restore(room);
    } else {
        room_over(room, CLOSE_ROOM_ENDED, "ended", true);
    }
}

static void epoch_told(void *arg, const struct bus_reply *reply)
{
    struct epoch_call *call = arg;
    struct room *room = call->room;
    unsigned before = call->rooms->generation;
    learn_epoch(call->rooms, reply, call->drawn);
    if (call->rooms->generation != before) {
        rooms_load_all(call->rooms);
    }
    if (room) {
        if (room->state == ROOM_LOADING && room->load == call->load) {
            if (reply && bus_reply_type(reply) != BUS_ERROR) {
                decide(room);
            } else {
                room->suspect = true;
            }
        }
        room->refs--;
        room_unref(room);
    }
    free(call);
}

static void ask_epoch(struct rooms *rooms, struct room *room)
{
    struct epoch_call *call = malloc(sizeof *call);
    if (!call) {
        if (room) {
            room->suspect = true;
        }
        return;
    }
    *call = (struct epoch_call){.rooms = rooms, .room = room, .load = room ? room->load : 0};
    id_random(call->drawn, REDIS_EPOCH_LEN);
    const struct span argv[] = {span_of("SET"), span_of("lectern:epoch"), span_of(call->drawn),
                                span_of("NX"), span_of("GET")};
    if (room) {
        room->refs++;
    }
    if (bus_command(rooms->bus, argv, 5, epoch_told, call)) {
        if (room) {
            room->refs--;
            room->suspect = true;
        }
        free(call);
    }
}

void rooms_check_epoch(struct rooms *rooms)
{
    ask_epoch(rooms, NULL);
}

void room_missing(struct room *room)
{
    if (room->generation != room->rooms->generation) {
        decide(room);
    } else {
        ask_epoch(room->rooms, room); /* perhaps it was emptied a moment ago */
    }
}

/* ---- bringing back ---- */

/* A log entry without id and ts, as the stream has it: those two are in front. */
static void write_body(struct buf *out, const struct ring_entry *entry)
{
    static const char first[] = "\"room\":";
    const char *tail = memmem(entry->json.p, entry->json.n, first, sizeof first - 1);
    if (tail) {
        buf_append_char(out, '{');
        buf_append(out, tail, entry->json.n - (size_t)(tail - entry->json.p));
    }
}

/* Puts the entries from *position on aside, up to a batch, and moves *position behind them. */
static bool stage_batch(struct room *room, struct span stage, uint64_t *position)
{
    struct span args[2 + 2 * BATCH];
    char ids[BATCH][48];
    struct buf bodies[BATCH];
    size_t count = 0;
    bool failed = false;
    args[0] = stage;
    args[1] = span_of(*position == room->log.first ? "1" : "0");
    for (const struct ring_entry *entry; count < BATCH && (entry = ring_at(&room->log, *position));
         (*position)++, count++) {
        snprintf(ids[count], sizeof ids[count], "%" PRIu64 "-%" PRIu64, entry->id.ms,
                 entry->id.seq);
        buf_init(&bodies[count]);
        write_body(&bodies[count], entry);
        failed |= bodies[count].failed || bodies[count].len == 0;
        args[2 + 2 * count] = span_of(ids[count]);
        args[3 + 2 * count] = buf_span(&bodies[count]);
    }
    const struct span key = span_of(room->channel);
    failed = failed || bus_script(room->rooms->bus, BUS_SCRIPT_RESTORE_LOG, &key, 1, args,
                                  2 + 2 * count, NULL, NULL);
    for (size_t i = 0; i < count; i++) {
        buf_finish(&bodies[i]);
    }
    return !failed;
}

static bool stage_log(struct room *room, struct span stage)
{
    for (uint64_t position = room->log.first; position < room->log.end;) {
        if (!stage_batch(room, stage, &position)) {
            return false;
        }
    }
    return true;
}

static void restored(void *arg, const struct bus_reply *reply)
{
    struct room *room = arg;
    struct span status = bus_reply_text(bus_reply_at(reply, 0));
    if (room->state != ROOM_LOADING || !reply) {
        /* the link was lost: its `up` begins again */
    } else if (span_eq(status, "ended")) {
        room_over(room, CLOSE_ROOM_ENDED, "ended", true);
    } else if (!span_eq(status, "ok")) {
        room->suspect = true;
    } else {
        log_info("room", "%s: restored with %" PRIu64 " messages", room->channel,
                 room->log.end - room->log.first);
        room->generation = room->rooms->generation;
        room_load(room);
    }
    room->refs--;
    room_unref(room);
}

void room_restore(struct room *room)
{
    const struct config *config = room->rooms->config;
    uint32_t hold_s =
        room->settings.hold_s > config->lease_s ? room->settings.hold_s : config->lease_s;
    char values[6][NAME_MAX_BYTES + 1], created[24], dropped[48], hold_ms[24], count[24];
    char stage[ID_MAX + 16], max_len[16], max_bytes[16];
    for (size_t i = 0; setting_table[i].key; i++) {
        setting_table[i].print(&room->settings, values[i], sizeof values[i]);
    }
    snprintf(created, sizeof created, "%" PRId64, room->created_ms);
    snprintf(dropped, sizeof dropped, "%" PRIu64 "-%" PRIu64, room->log.dropped.ms,
             room->log.dropped.seq);
    snprintf(hold_ms, sizeof hold_ms, "%" PRIu64, (uint64_t)hold_s * 1000);
    snprintf(count, sizeof count, "%" PRIu64, room->log.end - room->log.first);
    snprintf(stage, sizeof stage, "%s.%u", room->rooms->server_id, loop_index(room->rooms->loop));
    snprintf(max_len, sizeof max_len, "%u", config->log_max);
    snprintf(max_bytes, sizeof max_bytes, "%u", config->log_bytes);
    if (!stage_log(room, span_of(stage))) {
        room->suspect = true; /* the tick tries again */
        return;
    }
    const struct span key = span_of(room->channel);
    const struct span args[] = {
        span_of(room->epoch), span_of(room->seal), span_of(room->host), span_of(room->host_name),
        span_of(values[0]),   span_of(values[1]),  span_of(values[2]),  span_of(values[3]),
        span_of(values[4]),   span_of(values[5]),  span_of(created),    span_of(dropped),
        span_of(hold_ms),     span_of(stage),      span_of(count),      span_of(max_len),
        span_of(max_bytes),
    };
    room->refs++;
    if (bus_script(room->rooms->bus, BUS_SCRIPT_RESTORE, &key, 1, args, sizeof args / sizeof *args,
                   restored, room)) {
        room->refs--;
        room->suspect = true;
    }
}
