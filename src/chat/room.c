/*
 * A room on one loop: who follows it here, and the rows that they are given, in the order of their
 * numbers. Where rows come from: hear.c (the channel), catchup.c (the store).
 */
#include "chat/internal.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/metrics.h"

struct chat_room *chat_room_find(const struct chat_loop *chats, struct span id)
{
    return map_get(&chats->rooms, id);
}

struct chat_room *chat_room_open(struct chat_loop *chats, const char *id)
{
    struct chat_room *room = calloc(1, sizeof *room);
    if (!room) {
        return NULL;
    }
    room->chats = chats;
    snprintf(room->id, sizeof room->id, "%s", id);
    snprintf(room->channel, sizeof room->channel, "room:%s", id);
    tail_init(&room->tail, 1);
    if (map_put(&chats->rooms, span_of(room->id), room)) {
        free(room);
        return NULL;
    }
    room->next = chats->head;
    room->link = &chats->head;
    if (room->next) {
        room->next->link = &room->next;
    }
    chats->head = room;
    metric_add(METRIC_CHAT_ROOMS, 1);
    chat_room_subscribe(room);
    return room;
}

void chat_room_unref(struct chat_room *room)
{
    struct chat_loop *chats = room->chats;
    if (room->count > 0 || room->refs > 0) {
        return;
    }
    /* One that is over may have a successor in the table, if somebody has asked for it since. */
    if (map_get(&chats->rooms, span_of(room->id)) == room) {
        map_remove(&chats->rooms, span_of(room->id));
        bus_unsubscribe(chats->bus, span_of(room->channel));
    }
    chat_room_whole(room);
    chat_room_drop_held(room);
    tail_finish(&room->tail);
    free(room->follows);
    *room->link = room->next;
    if (room->next) {
        room->next->link = room->link;
    }
    metric_add(METRIC_CHAT_ROOMS, -1);
    free(room);
}

/* When the link is down, its `up` does it; what there is by then is found in the store. */
void chat_room_subscribe(struct chat_room *room)
{
    if (bus_is_up(room->chats->bus) &&
        bus_subscribe(room->chats->bus, span_of(room->channel)) == 0) {
        return;
    }
    room->subscribed = false;
}

bool chat_room_add(struct chat_room *room, struct follow *follow)
{
    if (room->count == room->cap) {
        size_t cap = room->cap ? room->cap * 2 : 2;
        struct follow **follows = realloc(room->follows, cap * sizeof(struct follow *));
        if (!follows) {
            return false;
        }
        room->follows = follows;
        room->cap = cap;
    }
    follow->room = room;
    follow->index = (uint32_t)room->count;
    room->follows[room->count++] = follow;
    return true;
}

void chat_room_remove(struct follow *follow)
{
    struct chat_room *room = follow->room;
    struct follow *last = room->follows[--room->count];
    room->follows[follow->index] = last;
    last->index = follow->index;
}

void chat_room_subscribed(struct chat_room *room)
{
    bool known = room->state == CHAT_ROOM_LIVE;
    room->subscribed = true;
    if (known) {
        room->chats->checked_ms = 0; /* what came before is not heard */
        chat_loop_soon(room->chats);
    }
    room->refs++;
    for (size_t i = 0; i < room->count; i++) {
        if (room->follows[i]->state == FOLLOW_WAITING) {
            follow_enter(room->follows[i]);
        }
    }
    room->refs--;
    chat_room_unref(room);
}

void chat_room_start(struct chat_room *room, const struct chat_room_row *row)
{
    struct held *early = room->held;
    room->state = CHAT_ROOM_LIVE;
    memcpy(room->seal, row->seal, sizeof room->seal);
    tail_restart(&room->tail, row->last_seq + 1);
    room->from = row->last_seq + 1;
    room->known_last = room->stored_last = row->last_seq;
    room->held = NULL;
    room->held_count = room->held_bytes = 0;
    while (early) {
        struct held *next = early->next;
        if (room->state == CHAT_ROOM_LIVE) {
            chat_room_receive(room, (struct span){early->text, early->len});
        }
        free(early);
        early = next;
    }
}

/* ---- Handing out ---- */

struct frame *chat_frame(struct follow *follow, struct span json, struct frame **frames)
{
    struct frame **frame = &frames[follow->chatter->ops->variant];
    if (!*frame) {
        *frame = follow->chatter->ops->encode(follow->chatter->socket, json);
    }
    if (!*frame) {
        chatter_no_memory(follow->chatter);
    }
    return *frame;
}

static void hand_out(struct chat_room *room, const struct news *news, struct tail_entry *entry)
{
    struct frame *own[RECEIVER_VARIANTS] = {NULL};
    struct frame **frames = entry ? entry->frames : own;
    int64_t sent = 0;
    for (size_t i = 0; i < room->count; i++) {
        struct follow *follow = room->follows[i];
        if (follow->state != FOLLOW_LIVE || news->seq <= follow->skip || follow->chatter->closing) {
            continue;
        }
        struct frame *frame = chat_frame(follow, news->json, frames);
        if (frame) {
            sent += follow->chatter->ops->deliver(follow->chatter->socket, frame, false);
        }
    }
    for (unsigned i = 0; i < RECEIVER_VARIANTS; i++) {
        frame_unref(own[i]);
    }
    metric_add(METRIC_MESSAGES_OUT, sent);
}

/* Those of who has left; who came back since has been looked at after that. */
static void end_left(struct chat_room *room, const struct news *news)
{
    for (size_t i = room->count; i-- > 0;) {
        struct follow *follow = room->follows[i];
        if (!span_eq(news->sender, follow->chatter->user_id)) {
            continue;
        }
        follow->left = news->seq;
        if (follow->state != FOLLOW_WAITING && follow->state != FOLLOW_ENTERING &&
            follow->entered < news->seq) {
            follow_end(follow, "left");
        }
    }
}

static void take_one(struct chat_room *room, const struct news *news)
{
    struct tail_entry *entry = NULL;
    if (news->about < room->tail.first && news->about > room->stale) {
        room->stale = news->about;
    }
    if (news->kind == MESSAGE_DELETE) {
        tail_delete(&room->tail, news->about);
    } else if (news->kind == MESSAGE_FILE_STATE) {
        tail_forget(&room->tail,
                    news->about); /* they have changed: read anew where they are wanted */
    }
    entry = tail_append(&room->tail, news->kind, news->json, loop_now_ms(room->chats->loop));
    if (!entry) {
        metric_add(METRIC_OUT_OF_MEMORY, 1); /* those who replay read it from the store */
    }
    if (news->kind != MESSAGE_DELETED) {
        hand_out(room, news, entry);
    }
    if (news->kind == MESSAGE_LEAVE) {
        reads_left(room->chats, room->id, news->sender);
        end_left(room, news);
    }
}

void chat_room_take(struct chat_room *room, const struct news *news)
{
    if (room->state != CHAT_ROOM_LIVE || news->seq != room->tail.end) {
        return;
    }
    room->refs++;
    take_one(room, news);
    if (room->known_last < news->seq) {
        room->known_last = news->seq;
    }
    if (room->tail.end > room->known_last) {
        chat_room_whole(room);
    } else {
        chat_room_patience(room);
    }
    room->refs--;
    chat_room_unref(room);
}

void chat_room_over(struct chat_room *room)
{
    if (room->state == CHAT_ROOM_OVER) {
        return;
    }
    room->state = CHAT_ROOM_OVER;
    room->refs++;
    if (map_get(&room->chats->rooms, span_of(room->id)) == room) {
        map_remove(&room->chats->rooms, span_of(room->id));
        bus_unsubscribe(room->chats->bus, span_of(room->channel));
    }
    while (room->count > 0) {
        follow_end(room->follows[room->count - 1], "deleted");
    }
    reads_forget(room->chats, room->id);
    room->refs--;
    chat_room_unref(room);
}
