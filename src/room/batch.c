/*
 * What the members of a room send to others within one turn of the loop goes to Redis in one call
 * of send.lua: what a script costs before its first message is more than a message costs. Each keeps
 * its own outcome and its place: the script carries them out in the order in which they came, and
 * whatever else is asked of Redis on a member's behalf flushes first what waits.
 *
 * A message whose sender is gone by the end of the turn is sent all the same; it was accepted.
 */
#include "room/internal.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "core/metrics.h"

/* Bounds of one call, which bound how long others wait for Redis. */
#define BATCH_MAX 64
#define BATCH_BYTES (256 * 1024)
#define BATCH_FIRST 2 /* entries of a new batch */

#define SHARED_ARGS 3 /* of send.lua: before the messages … */
#define ENTRY_ARGS 5  /* … and for each */
#define ENTRY_TEXTS 2 /* of the reply */

struct entry {
    struct member *member; /* referenced */
    int64_t started_ns;
    size_t body, len; /* in the batch's bodies */
    bool live;        /* it is not put into the log */
    char ref[ID_MAX + 1];
};

struct batch {
    struct buf bodies;
    size_t count, cap;
    struct entry entries[];
};

static void out_of_memory(struct member *member, const char *ref)
{
    metric_add(METRIC_OUT_OF_MEMORY, 1);
    member_unavailable(member, ref);
}

/* Tells the senders what became of their messages, and frees the batch. NULL: it is not known. */
static void finish(struct batch *batch, const struct bus_reply *reply)
{
    bool answered = bus_reply_len(reply) == ENTRY_TEXTS * batch->count;
    int64_t published = 0;
    for (size_t i = 0; i < batch->count; i++) {
        struct entry *entry = &batch->entries[i];
        if (answered) {
            struct span status = bus_reply_text(bus_reply_at(reply, ENTRY_TEXTS * i));
            published += span_eq(status, "ok");
            member_answer(entry->member, entry->ref, entry->started_ns, status,
                          bus_reply_text(bus_reply_at(reply, ENTRY_TEXTS * i + 1)));
        } else {
            member_unavailable(entry->member, entry->ref); /* `ref` makes a repeat safe */
        }
        member_unref(entry->member);
    }
    metric_add(METRIC_PUBLISHED, published);
    buf_finish(&batch->bodies);
    free(batch);
}

static void sent(void *arg, const struct bus_reply *reply)
{
    finish(arg, reply);
}

static int call_script(struct room *room, struct batch *batch)
{
    const struct config *config = room->rooms->config;
    struct span args[SHARED_ARGS + ENTRY_ARGS * BATCH_MAX];
    char max_len[16], max_bytes[16];
    snprintf(max_len, sizeof max_len, "%u", config->log_max);
    snprintf(max_bytes, sizeof max_bytes, "%u", config->log_bytes);
    args[0] = span_of(room->epoch);
    args[1] = span_of(max_len);
    args[2] = span_of(max_bytes);
    for (size_t i = 0; i < batch->count; i++) {
        const struct entry *entry = &batch->entries[i];
        struct span *out = &args[SHARED_ARGS + ENTRY_ARGS * i];
        out[0] = span_of(entry->member->user_id);
        out[1] = span_of(entry->member->session);
        out[2] = span_of(entry->live ? "live" : "log");
        out[3] = span_of(entry->ref);
        out[4] = (struct span){batch->bodies.data + entry->body, entry->len};
    }
    const struct span key = span_of(room->channel);
    return bus_script(room->rooms->bus, BUS_SCRIPT_SEND, &key, 1, args,
                      SHARED_ARGS + ENTRY_ARGS * batch->count, sent, batch);
}

void batch_flush(struct room *room)
{
    struct batch *batch = room->batch;
    if (!batch) {
        return;
    }
    room->batch = NULL;
    loop_cancel(room->rooms->loop, &room->turn_end);
    if (batch->count == 0 || call_script(room, batch)) {
        finish(batch, NULL);
    }
}

static void on_turn_end(void *arg)
{
    batch_flush(arg);
}

void batch_init(struct room *room)
{
    room->turn_end = (struct loop_task){.fn = on_turn_end, .arg = room};
}

/* The room's batch with a free entry, or NULL when out of memory: then what waited waits on. */
static struct batch *with_space(struct room *room)
{
    struct batch *batch = room->batch;
    if (batch && batch->count < batch->cap) {
        return batch;
    }
    size_t cap = batch ? 2 * batch->cap : BATCH_FIRST;
    struct batch *grown = realloc(batch, sizeof *grown + cap * sizeof grown->entries[0]);
    if (!grown) {
        return NULL;
    }
    if (!batch) {
        *grown = (struct batch){.count = 0};
        buf_init(&grown->bodies);
        loop_at_turn_end(room->rooms->loop, &room->turn_end);
    }
    grown->cap = cap;
    room->batch = grown;
    return grown;
}

void batch_add(struct member *member, const struct message *message)
{
    struct room *room = member->room;
    struct batch *batch = with_space(room);
    if (!batch) {
        out_of_memory(member, message->ref);
        return;
    }
    struct entry *entry = &batch->entries[batch->count];
    *entry = (struct entry){.member = member,
                            .started_ns = clock_mono_ns(),
                            .body = batch->bodies.len,
                            .live = message->ephemeral};
    memcpy(entry->ref, message->ref, sizeof entry->ref);
    buf_append_char(&batch->bodies, '{');
    message_write_tail(&batch->bodies, message, room->channel, user_type_name(member->type),
                       member->user_id);
    if (batch->bodies.failed) {
        batch->bodies.len = entry->body; /* those before it are whole */
        batch->bodies.failed = false;
        if (batch->count == 0) {
            batch_flush(room); /* nobody in it keeps the room */
        }
        out_of_memory(member, message->ref);
        return;
    }
    entry->len = batch->bodies.len - entry->body;
    member_ref(member);
    batch->count++;
    if (batch->count == BATCH_MAX || batch->bodies.len >= BATCH_BYTES) {
        batch_flush(room);
    }
}
