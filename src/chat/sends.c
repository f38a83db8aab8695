/*
 * What chatters send and the store keeps: submitted, committed, then acknowledged and published. A
 * publication that is lost does no harm: every loop compares its rooms with the store.
 */
#include "chat/internal.h"

#include <stdlib.h>

#include "base/clock.h"
#include "core/metrics.h"

/* A message on its way into the store. */
struct sending {
    struct message_append append;
    struct chatter *chatter;
    int64_t started_ns;
    char room[CHAT_ROOM_ID_LEN + 1];
    char type[ID_MAX + 1];
    char ref[ID_MAX + 1];
    struct buf body, text;
};

/* A message on its way out of it. */
struct deleting {
    struct message_delete op;
    struct chatter *chatter;
    char room[CHAT_ROOM_ID_LEN + 1];
    char ref[ID_MAX + 1];
};

/* A notice that Redis shall confirm. */
struct noticing {
    struct chatter *chatter;
    char room[CHAT_ROOM_ID_LEN + 1];
    char ref[ID_MAX + 1];
};

static void channel_of(const char *room, char out[CHAT_CHANNEL_LEN + 1])
{
    memcpy(out, "room:", 5);
    memcpy(out + 5, room, CHAT_ROOM_ID_LEN + 1);
}

/* ---- Publishing ---- */

static void look_soon(struct chat_loop *chats)
{
    chats->checked_ms = 0;
    chat_loop_soon(chats);
}

static void published(void *arg, const struct bus_reply *reply)
{
    if (!reply || bus_reply_type(reply) == BUS_ERROR) {
        look_soon(arg); /* perhaps nobody has heard of it: not even we */
    }
}

static void publish_row(struct chat_loop *chats, const struct chat_message_row *row,
                        const char *seal)
{
    char channel[CHAT_CHANNEL_LEN + 1];
    struct buf payload;
    channel_of(row->room, channel);
    buf_init(&payload);
    chat_message_publish(&payload, row, seal);
    const struct span argv[] = {span_of("PUBLISH"), span_of(channel), buf_span(&payload)};
    if (payload.failed || bus_command(chats->bus, argv, 3, published, chats)) {
        published(chats, NULL);
    } else {
        metric_add(METRIC_PUBLISHED, 1);
    }
    buf_finish(&payload);
}

/* ---- Messages ---- */

static size_t sending_size(const struct sending *sending)
{
    return sizeof *sending + sending->body.cap + sending->text.cap;
}

static void sending_free(struct sending *sending)
{
    sending->chatter->chats->sending -= sending_size(sending);
    buf_finish(&sending->body);
    buf_finish(&sending->text);
    chatter_unref(sending->chatter);
    free(sending);
}

static void sent(struct store_task *task, enum store_result result)
{
    struct sending *sending = (struct sending *)task;
    struct chatter *chatter = sending->chatter;
    const struct message_append *append = &sending->append;
    if (result == STORE_UNAVAILABLE || (result == STORE_OK && append->repeated)) {
        look_soon(chatter->chats); /* it may be there, and nobody has been told */
    }
    if (result != STORE_OK) {
        chatter_refused(chatter, sending->room, sending->ref, result);
        sending_free(sending);
        return;
    }
    chatter_ack(chatter, sending->room, sending->ref, append->seq);
    metric_observe(HISTOGRAM_ACK, (double)(clock_mono_ns() - sending->started_ns) / 1e9);
    if (!append->repeated) {
        struct chat_message_row row = {.seq = append->seq,
                                       .kind = MESSAGE_SENT,
                                       .created_ms = append->created_ms,
                                       .sender = span_of(chatter->user_id),
                                       .sender_name = span_of(chatter_name(chatter)),
                                       .sender_type = chatter->type,
                                       .type = append->type,
                                       .body = append->body};
        memcpy(row.room, sending->room, sizeof row.room);
        publish_row(chatter->chats, &row, append->seal);
        reads_stored(chatter->chats, sending->room, chatter->user_id, append->seq);
    }
    sending_free(sending);
}

void send_message(struct chatter *chatter, const char *room, const struct message *message)
{
    struct chat_loop *chats = chatter->chats;
    if (chats->sending > CHAT_SENDING_MAX) { /* the store is slow */
        chatter_refused(chatter, room, message->ref, STORE_UNAVAILABLE);
        return;
    }
    struct sending *sending = calloc(1, sizeof *sending);
    if (!sending) {
        chatter_no_memory(chatter);
        return;
    }
    sending->chatter = chatter;
    sending->started_ns = clock_mono_ns();
    (void)span_copy(span_of(room), sending->room, sizeof sending->room);
    (void)span_copy(span_of(message->type), sending->type, sizeof sending->type);
    (void)span_copy(span_of(message->ref), sending->ref, sizeof sending->ref);
    chatter_ref(chatter);
    buf_append_span(&sending->body, message->body.raw);
    chat_text_write(&sending->text, message->body.raw);
    chats->sending += sending_size(sending);
    sending->append = (struct message_append){.task = {.done = sent},
                                              .room = sending->room,
                                              .sender = chatter->user_id,
                                              .type = span_of(sending->type),
                                              .body = buf_span(&sending->body),
                                              .text = buf_span(&sending->text),
                                              .ref = span_of(sending->ref),
                                              .now_ms = clock_wall_ms()};
    if (sending->body.failed || sending->text.failed) {
        chatter_no_memory(chatter);
        sending_free(sending);
    } else if (messages_append_submit(chats->store, chats->loop, &sending->append)) {
        chatter_refused(chatter, room, sending->ref, STORE_UNAVAILABLE);
        sending_free(sending);
    }
}

/* ---- Deleting ---- */

static void deleted(struct store_task *task, enum store_result result)
{
    struct deleting *deleting = (struct deleting *)task;
    struct chatter *chatter = deleting->chatter;
    if (result == STORE_OK) {
        const struct chat_message_rows *rows = &deleting->op.rows;
        for (size_t i = 0; i < rows->count; i++) {
            publish_row(chatter->chats, &rows->list[i], deleting->op.seal);
        }
        chatter_ack(chatter, deleting->room, deleting->ref,
                    rows->count > 0 ? rows->list[0].seq : 0);
        chat_message_rows_finish(&deleting->op.rows);
    } else if (result == STORE_NOT_FOUND) {
        chatter_error(chatter, deleting->room, deleting->ref, "message_not_found", NULL,
                      "There is no such message.");
    } else {
        chatter_refused(chatter, deleting->room, deleting->ref, result);
    }
    chatter_unref(chatter);
    free(deleting);
}

void send_delete(struct chatter *chatter, const char *room, int64_t seq, const char *ref)
{
    struct chat_loop *chats = chatter->chats;
    struct deleting *deleting = calloc(1, sizeof *deleting);
    if (!deleting) {
        chatter_no_memory(chatter);
        return;
    }
    deleting->chatter = chatter;
    (void)span_copy(span_of(room), deleting->room, sizeof deleting->room);
    (void)span_copy(span_of(ref), deleting->ref, sizeof deleting->ref);
    deleting->op = (struct message_delete){.task = {.done = deleted},
                                           .room = deleting->room,
                                           .user = chatter->user_id,
                                           .seq = seq,
                                           .now_ms = clock_wall_ms()};
    if (messages_delete_submit(chats->store, chats->loop, &deleting->op)) {
        chatter_refused(chatter, room, ref, STORE_UNAVAILABLE);
        free(deleting);
        return;
    }
    chatter_ref(chatter);
}

/* ---- Notices ---- */

static void noticed(void *arg, const struct bus_reply *reply)
{
    struct noticing *noticing = arg;
    if (!reply || bus_reply_type(reply) == BUS_ERROR) {
        chatter_refused(noticing->chatter, noticing->room, noticing->ref, STORE_UNAVAILABLE);
    } else {
        chatter_ack(noticing->chatter, noticing->room, noticing->ref, 0);
    }
    chatter_unref(noticing->chatter);
    free(noticing);
}

static struct noticing *expect(struct follow *follow, const char *ref)
{
    struct noticing *noticing = calloc(1, sizeof *noticing);
    if (noticing) {
        noticing->chatter = follow->chatter;
        (void)span_copy(span_of(follow->room->id), noticing->room, sizeof noticing->room);
        (void)span_copy(span_of(ref), noticing->ref, sizeof noticing->ref);
        chatter_ref(follow->chatter);
    }
    return noticing;
}

void send_notice(struct follow *follow, const char *type, struct span body, const char *ref)
{
    struct chatter *chatter = follow->chatter;
    struct noticing *noticing = *ref ? expect(follow, ref) : NULL;
    const struct chat_notice notice = {.room = follow->room->id,
                                       .ts = clock_wall_ms(),
                                       .type = type,
                                       .sender = span_of(chatter->user_id),
                                       .name = span_of(chatter_name(chatter)),
                                       .sender_type = chatter->type,
                                       .body = body};
    struct buf payload;
    if (*ref && !noticing) {
        chatter_no_memory(chatter);
        return;
    }
    buf_init(&payload);
    chat_notice_publish(&payload, &notice, follow->room->seal);
    const struct span argv[] = {span_of("PUBLISH"), span_of(follow->room->channel),
                                buf_span(&payload)};
    if ((payload.failed ||
         bus_command(chatter->chats->bus, argv, 3, noticing ? noticed : NULL, noticing)) &&
        noticing) {
        noticed(noticing, NULL);
    }
    buf_finish(&payload);
}
