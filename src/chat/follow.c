/*
 * Follows: a chatter's way into a room and out of it. The store says whether the user is a member; a `leave`
 * in the room's sequence ends it. What the store was asked for may come back when the follow is gone.
 */
#include "chat/internal.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/json.h"
#include "core/metrics.h"
#include "net/close.h"
#include "net/conn.h"

/* Asking the store for one follow. */
struct entering {
    struct chat_enter enter;
    struct follow_op op;
    char room[CHAT_ROOM_ID_LEN + 1];
    char user[ID_MAX + 1];
};

struct follow *follow_find(const struct chatter *chatter, const char *room)
{
    struct follow *follow = chatter->follows;
    while (follow && strcmp(follow->room->id, room) != 0) {
        follow = follow->next;
    }
    return follow;
}

static void read_since(struct follow *follow, const char *since)
{
    char room[CHAT_ROOM_ID_LEN + 1];
    if (!since || !*since) {
        return;
    }
    follow->has_since = true;
    if (!chat_id_read(span_of(since), room, &follow->since) ||
        strcmp(room, follow->room->id) != 0) {
        follow->since = -1;
    }
}

struct follow *follow_create(struct chatter *chatter, const char *id, const char *since,
                             uint32_t history, const char *ref, bool patient)
{
    struct chat_loop *chats = chatter->chats;
    struct follow *follow = calloc(1, sizeof *follow);
    struct chat_room *room = chat_room_find(chats, span_of(id));
    if (follow && !room) {
        room = chat_room_open(chats, id);
    }
    if (follow && ref && *ref && !(follow->ref = strdup(ref))) {
        goto failed;
    }
    if (!follow || !room || !chat_room_add(room, follow)) {
        goto failed;
    }
    follow->chatter = chatter;
    follow->history = history;
    follow->patient = patient;
    follow->next = chatter->follows;
    chatter->follows = follow;
    chatter->follow_count++;
    read_since(follow, since);
    /* With the link down there is nothing to wait for: what comes meanwhile is found in the store. */
    if (room->subscribed || !bus_is_up(chats->bus)) {
        follow_enter(follow);
    }
    return follow;

failed:
    if (follow) {
        free(follow->ref);
        free(follow);
    }
    if (room) {
        chat_room_unref(room);
    }
    return NULL;
}

/* ---- Entering ---- */

/* There is no such room for this user (any more); the socket goes if it came for that. */
static void refuse(struct follow *follow, enum store_result result)
{
    struct chatter *chatter = follow->chatter;
    if (follow->welcomed && (result == STORE_NOT_MEMBER || result == STORE_NOT_FOUND)) {
        follow_end(follow, result == STORE_NOT_MEMBER ? "left" : "deleted");
        return;
    }
    char room[CHAT_ROOM_ID_LEN + 1];
    char ref[ID_MAX + 1] = "";
    memcpy(room, follow->room->id, sizeof room);
    (void)span_copy(span_of(follow->ref), ref, sizeof ref);
    bool alone = !chatter->lasts && chatter->follow_count == 1;
    follow_free(follow);
    const char *code = chatter_refused(chatter, room, ref, result);
    if (alone) {
        chatter_close(chatter, result == STORE_FAILED ? CLOSE_INTERNAL : CLOSE_ROOM_ENDED, code);
    }
}

static void welcome(struct follow *follow, const struct chat_enter *entered)
{
    struct chatter *chatter = follow->chatter;
    struct buf body;
    buf_init(&body);
    welcome_write(&body, chatter, entered);
    if (body.failed) {
        chatter_no_memory(chatter);
    } else {
        chatter_tell(chatter, follow->room->channel, "welcome", follow->ref, buf_span(&body));
    }
    buf_finish(&body);
    if (chatter->started_ns) {
        metric_observe(HISTOGRAM_JOIN, (double)(clock_mono_ns() - chatter->started_ns) / 1e9);
        chatter->started_ns = 0;
    }
    free(follow->ref);
    follow->ref = NULL;
}

static void let_in(struct follow *follow, const struct chat_enter *entered)
{
    bool first = !follow->welcomed;
    follow->entered = entered->room.last_seq;
    follow->patient = true;
    follow->welcomed = true;
    welcome(follow, entered);
    if (first && follow->chatter->announce) {
        follow_announce(follow, "enter");
    }
    replay_begin(follow);
}

static void try_later(struct follow *follow)
{
    if (follow->patient) {
        follow->state = FOLLOW_WAITING; /* the tick asks again */
    } else {
        refuse(follow, STORE_UNAVAILABLE);
    }
}

/* What the store said, for a follow that is still there. */
static void answered(struct follow *follow, struct entering *entering, enum store_result result)
{
    const struct chat_enter *enter = &entering->enter;
    struct chat_room *room = follow->room;
    room->refs++;
    if (result == STORE_OK && room->state == CHAT_ROOM_UNKNOWN) {
        chat_room_start(room, &enter->room);
        follow = entering->op.follow; /* the room may have been told to be over */
    }
    if (follow) {
        follow->op = NULL;
        int64_t last = enter->room.last_seq;
        if (result == STORE_OK && (follow->left > last || room->from > last + 1)) {
            follow->state = FOLLOW_WAITING; /* has left, or may have, since the store was asked */
            follow_enter(follow);
        } else if (result == STORE_OK) {
            let_in(follow, enter);
        } else if (result == STORE_UNAVAILABLE) {
            try_later(follow);
        } else {
            refuse(follow, result);
        }
    }
    room->refs--;
    chat_room_unref(room);
}

static void entering_done(struct store_task *task, enum store_result result)
{
    struct entering *entering = (struct entering *)task;
    if (entering->op.follow) {
        answered(entering->op.follow, entering, result);
    }
    if (result == STORE_OK) {
        chat_people_finish(&entering->enter.people);
    }
    free(entering);
}

void follow_enter(struct follow *follow)
{
    struct chatter *chatter = follow->chatter;
    /* Welcomes do not count against the queue's limit: there is one when what is queued has been read. */
    if (chatter->closing || chatter->ops->backlog(chatter->socket) > CONN_DRAIN_MARK) {
        return;
    }
    struct entering *entering = calloc(1, sizeof *entering);
    if (!entering) {
        metric_add(METRIC_OUT_OF_MEMORY, 1);
        return; /* the tick tries again */
    }
    (void)span_copy(span_of(follow->room->id), entering->room, sizeof entering->room);
    (void)span_copy(span_of(chatter->user_id), entering->user, sizeof entering->user);
    entering->enter = (struct chat_enter){.task = {.done = entering_done},
                                          .room_id = entering->room,
                                          .user = entering->user,
                                          .people_max = CHAT_MEMBERS_SHOWN_MAX};
    if (chats_enter_submit(chatter->chats->store, chatter->chats->loop, &entering->enter)) {
        free(entering);
        follow->refused = !follow->patient; /* the tick tells it: not within the caller's call */
        return;
    }
    entering->op.follow = follow;
    follow->op = &entering->op;
    follow->refused = false;
    follow->state = FOLLOW_ENTERING;
}

void follow_check(struct follow *follow)
{
    if (follow->state != FOLLOW_WAITING) {
        return;
    }
    if (follow->refused) {
        refuse(follow, STORE_UNAVAILABLE);
    } else if (follow->room->subscribed || !bus_is_up(follow->chatter->chats->bus)) {
        follow_enter(follow);
    }
}

static void detach(struct follow *follow)
{
    if (follow->op) {
        follow->op->follow = NULL;
        follow->op = NULL;
    }
}

void follow_again(struct follow *follow)
{
    int64_t known = -1;
    if (follow->state == FOLLOW_LIVE) {
        known =
            follow->room->tail.end - 1 > follow->skip ? follow->room->tail.end - 1 : follow->skip;
    } else if (follow->state == FOLLOW_REPLAYING) {
        known = follow->cursor - 1;
    } else if (follow->state != FOLLOW_STARTING) {
        return;
    }
    if (known >= 0) {
        follow->since = known;
        follow->has_since = true;
    }
    detach(follow);
    follow->state = FOLLOW_WAITING;
}

/* ---- The end ---- */

void follow_free(struct follow *follow)
{
    struct chatter *chatter = follow->chatter;
    struct chat_room *room = follow->room;
    struct follow **link = &chatter->follows;
    detach(follow);
    while (*link != follow) {
        link = &(*link)->next;
    }
    *link = follow->next;
    chatter->follow_count--;
    chat_room_remove(follow);
    free(follow->ref);
    free(follow);
    chat_room_unref(room);
}

void follow_end(struct follow *follow, const char *reason)
{
    struct chatter *chatter = follow->chatter;
    char channel[CHAT_CHANNEL_LEN + 1];
    char body[64];
    if (!follow->welcomed) {
        refuse(follow, STORE_NOT_FOUND);
        return;
    }
    memcpy(channel, follow->room->channel, sizeof channel);
    snprintf(body, sizeof body, "{\"reason\":\"%s\"}", reason);
    follow_free(follow);
    chatter_tell(chatter, channel, "close", NULL, span_of(body));
    if (!chatter->lasts && chatter->follow_count == 0) {
        chatter_close(chatter, CLOSE_ROOM_ENDED, reason);
    }
}

void follow_announce(struct follow *follow, const char *type)
{
    struct buf body;
    buf_init(&body);
    buf_append_text(&body, "{\"name\":");
    json_write_string(&body, span_of(chatter_name(follow->chatter)));
    buf_printf(&body, ",\"userType\":\"%s\"}", user_type_name(follow->chatter->type));
    if (!body.failed) {
        send_notice(follow, type, buf_span(&body), "");
    }
    buf_finish(&body);
}
