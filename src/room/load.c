/*
 * Loading a room: once its channel is subscribed, info and log are read; messages that the channel
 * brings meanwhile are held back, and handled when the log is complete. The same way a room catches
 * up after the link was lost: only what is newer than the newest known message is read, and goes to
 * the members like live messages.
 */
#include "room/internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/metrics.h"

#define CHUNK 256 /* log entries per command */
#define HELD_BYTES_MAX (8u << 20)

struct load_call {
    struct room *room;
    unsigned load;
};

static void read_chunk(struct room *room);

bool room_hold(struct room *room, struct span payload)
{
    struct held *held =
        room->held_bytes + payload.n <= HELD_BYTES_MAX ? malloc(sizeof *held + payload.n) : NULL;
    if (!held) {
        return false;
    }
    room->held_bytes += payload.n;
    held->next = NULL;
    held->len = payload.n;
    memcpy(held->text, payload.p, payload.n);
    *room->held_tail = held;
    room->held_tail = &held->next;
    return true;
}

void room_drop_held(struct room *room)
{
    while (room->held) {
        struct held *next = room->held->next;
        free(room->held);
        room->held = next;
    }
    room->held_tail = &room->held;
    room->held_bytes = 0;
}

/*
 * Members are attached first: what was held back may hold joins and leaves that are newer than the
 * participants in their welcome. Older ones are told again, which does no harm: they are the newest
 * part of the room's history, and its end is the present.
 */
static void go_live(struct room *room)
{
    room->state = ROOM_LIVE;
    for (size_t i = 0; i < room->count; i++) {
        if (room->members[i]->state == MEMBER_ACTIVE) {
            member_attach(room->members[i]);
        }
    }
    struct held *held = room->held;
    room->held = NULL;
    room_drop_held(room);
    while (held) {
        struct held *next = held->next;
        if (room->state == ROOM_LIVE) {
            room_receive(room, (struct span){held->text, held->len});
        }
        free(held);
        held = next;
    }
}

/* An entry is [id, [m, json without id and ts]]. */
static void take_entry(struct room *room, const struct bus_reply *entry)
{
    struct span stream_id = bus_reply_text(bus_reply_at(entry, 0));
    struct span body = bus_reply_text(bus_reply_at(bus_reply_at(entry, 1), 1));
    struct log_id id;
    if (!log_id_parse(stream_id, &id)) {
        return;
    }
    room->loaded = id;
    if (body.n < 2) {
        return; /* not one of ours */
    }
    struct buf json;
    buf_init(&json);
    buf_printf(&json, "{\"id\":\"%s.%.*s\",\"ts\":%" PRIu64 ",", room->epoch, (int)stream_id.n,
               stream_id.p, id.ms);
    buf_append(&json, body.p + 1, body.n - 1);
    if (json.failed) {
        metric_add(METRIC_OUT_OF_MEMORY, 1);
    } else {
        room_append(room, id, buf_span(&json));
    }
    buf_finish(&json);
}

static void send_call(struct room *room, const struct span *argv, size_t argc, bus_reply_fn *fn)
{
    struct load_call *call = malloc(sizeof *call);
    if (!call) {
        metric_add(METRIC_OUT_OF_MEMORY, 1);
        room->suspect = true;
        return;
    }
    *call = (struct load_call){room, room->load};
    room->refs++;
    if (bus_command(room->rooms->bus, argv, argc, fn, call)) {
        room->refs--;
        free(call);
        room->suspect = true; /* the tick, or the link's `up`, loads it again */
    }
}

/*
 * Ends a call; NULL when its reply is of no interest any more. Otherwise the caller has a reference
 * to the room until it calls finish_call().
 */
static struct room *end_call(struct load_call *call, const struct bus_reply *reply)
{
    struct room *room = call->room;
    bool wanted = reply && call->load == room->load && room->state == ROOM_LOADING;
    free(call);
    if (wanted && bus_reply_type(reply) == BUS_ERROR) {
        room->suspect = true; /* busy, full, …: the tick tries again */
        wanted = false;
    }
    if (!wanted) {
        room->refs--;
        room_unref(room);
        return NULL;
    }
    return room;
}

static void finish_call(struct room *room)
{
    room->refs--;
    room_unref(room);
}

static void chunk_read(void *arg, const struct bus_reply *reply)
{
    struct room *room = end_call(arg, reply);
    if (!room) {
        return;
    }
    size_t count = bus_reply_len(reply);
    for (size_t i = 0; i < count && room->state == ROOM_LOADING; i++) {
        take_entry(room, bus_reply_at(reply, i));
    }
    if (room->state == ROOM_LOADING && count == CHUNK) {
        read_chunk(room);
    } else if (room->state == ROOM_LOADING) {
        go_live(room);
    }
    finish_call(room);
}

static void read_chunk(struct room *room)
{
    char key[sizeof room->channel + 8], from[64], count[16];
    snprintf(key, sizeof key, "%s:log", room->channel);
    snprintf(from, sizeof from, "(%" PRIu64 "-%" PRIu64, room->loaded.ms, room->loaded.seq);
    snprintf(count, sizeof count, "%d", CHUNK);
    const struct span argv[] = {span_of("XRANGE"), span_of(key),     span_of(from),
                                span_of("+"),      span_of("COUNT"), span_of(count)};
    send_call(room, argv, 6, chunk_read);
}

static const char *const INFO_FIELDS[] = {"epoch",  "seal", "trimmed",  "name",
                                          "max",    "hold", "talk",     "notify",
                                          "locked", "host", "hostName", "createdAt"};
#define INFO_COUNT (sizeof INFO_FIELDS / sizeof *INFO_FIELDS)

static void activate_all(struct room *room)
{
    for (size_t i = 0; i < room->count; i++) {
        if (room->members[i]->state == MEMBER_WAITING) {
            member_activate(room->members[i]);
        }
    }
}

static void take_info(struct room *room, const struct bus_reply *reply)
{
    if (!span_copy(bus_reply_text(bus_reply_at(reply, 1)), room->seal, sizeof room->seal) ||
        strlen(room->seal) != SEAL_LEN) {
        room->seal[0] = '\0'; /* nothing will be taken for Lectern's own */
    }
    struct log_id trimmed;
    if (log_id_parse(bus_reply_text(bus_reply_at(reply, 2)), &trimmed) &&
        log_id_compare(trimmed, room->log.last) > 0) {
        ring_break(&room->log, trimmed); /* what was trimmed before it was read here is missing */
    }
    struct settings *settings = &room->settings;
    (void)span_copy(bus_reply_text(bus_reply_at(reply, 3)), settings->name, sizeof settings->name);
    settings->max = (uint32_t)bus_reply_int(bus_reply_at(reply, 4));
    settings->hold_s = (uint32_t)bus_reply_int(bus_reply_at(reply, 5));
    settings->talk_all = span_eq(bus_reply_text(bus_reply_at(reply, 6)), "all");
    settings->notify_all = span_eq(bus_reply_text(bus_reply_at(reply, 7)), "all");
    settings->locked = span_eq(bus_reply_text(bus_reply_at(reply, 8)), "1");
    (void)span_copy(bus_reply_text(bus_reply_at(reply, 9)), room->host, sizeof room->host);
    (void)span_copy(bus_reply_text(bus_reply_at(reply, 10)), room->host_name,
                    sizeof room->host_name);
    room->created_ms = bus_reply_int(bus_reply_at(reply, 11));
    room->generation = room->rooms->generation;
}

static void info_read(void *arg, const struct bus_reply *reply)
{
    struct room *room = end_call(arg, reply);
    if (!room) {
        return;
    }
    struct span epoch = bus_reply_text(bus_reply_at(reply, 0));
    if (span_eq(epoch, room->epoch)) {
        take_info(room, reply);
        room->loaded = room->log.last;
        if (room->known) {
            activate_all(room);
        }
        read_chunk(room);
    } else if (epoch.n == 0) {
        room_missing(room);
    } else { /* it ended, and its code is another room's now */
        room_over(room, CLOSE_ROOM_ENDED, "ended", true);
    }
    finish_call(room);
}

void room_load(struct room *room)
{
    room->state = ROOM_LOADING;
    room->load++;
    room->suspect = false;
    room_drop_held(room);
    char key[sizeof room->channel + 8];
    snprintf(key, sizeof key, "%s:info", room->channel);
    struct span argv[2 + INFO_COUNT] = {span_of("HMGET"), span_of(key)};
    for (size_t i = 0; i < INFO_COUNT; i++) {
        argv[2 + i] = span_of(INFO_FIELDS[i]);
    }
    /* When it is loaded for the first time, its members' activation need not wait for the reply. */
    room->known = *room->seal != '\0';
    for (size_t i = 0; i < room->count; i++) {
        member_pause(room->members[i]);
    }
    send_call(room, argv, 2 + INFO_COUNT, info_read);
    if (!room->known) {
        activate_all(room);
    }
}
