/* Chatters: sockets of users, what only one of them is told, and who wants to hear of new rooms. */
#include "chat/internal.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/utf8.h"
#include "core/metrics.h"
#include "net/close.h"

const struct config_rate *chatter_rate(const struct chatter *chatter)
{
    const struct config *config = chatter->chats->config;
    return chatter->type == USER_TEACHER ? &config->rate_host : &config->rate_student;
}

void chatter_ref(struct chatter *chatter)
{
    chatter->refs++;
}

static void free_if_unused(struct chatter *chatter)
{
    if (!chatter->socket && chatter->refs == 0) {
        free(chatter);
    }
}

void chatter_unref(struct chatter *chatter)
{
    chatter->refs--;
    free_if_unused(chatter);
}

/* ---- Who wants to hear of new rooms ---- */

static void listener_subscribe(struct chat_loop *chats, struct listener *listener)
{
    if (bus_is_up(chats->bus)) {
        (void)!bus_subscribe(chats->bus,
                             span_of(listener->channel)); /* else the link's `up` does */
    }
}

static bool listen_in(struct chatter *chatter)
{
    struct chat_loop *chats = chatter->chats;
    char channel[sizeof((struct listener *)NULL)->channel];
    snprintf(channel, sizeof channel, "user:%s", chatter->user_id);
    struct listener *listener = map_get(&chats->listeners, span_of(channel));
    if (!listener) {
        listener = calloc(1, sizeof *listener);
        if (!listener) {
            return false;
        }
        memcpy(listener->channel, channel, sizeof channel);
        if (map_put(&chats->listeners, span_of(listener->channel), listener)) {
            free(listener);
            return false;
        }
        listener_subscribe(chats, listener);
    }
    chatter->listener = listener;
    chatter->same_user = listener->first;
    listener->first = chatter;
    return true;
}

static void listen_no_more(struct chatter *chatter)
{
    struct chat_loop *chats = chatter->chats;
    struct listener *listener = chatter->listener;
    struct chatter **link = listener ? &listener->first : NULL;
    if (!listener) {
        return;
    }
    while (*link != chatter) {
        link = &(*link)->same_user;
    }
    *link = chatter->same_user;
    chatter->listener = NULL;
    if (!listener->first) {
        map_remove(&chats->listeners, span_of(listener->channel));
        bus_unsubscribe(chats->bus, span_of(listener->channel));
        free(listener);
    }
}

void listeners_subscribe(struct chat_loop *chats)
{
    size_t pos = 0;
    struct listener *listener;
    while ((listener = map_next(&chats->listeners, &pos))) {
        listener_subscribe(chats, listener);
    }
}

void listener_hear(struct chat_loop *chats, struct span channel, struct span payload)
{
    struct listener *listener = map_get(&chats->listeners, channel);
    struct message message;
    struct message_error error;
    char room[CHAT_ROOM_ID_LEN + 1], name[CHAT_CHANNEL_LEN + 1];
    if (!listener) {
        return;
    }
    if (!utf8_valid(payload.p, payload.n) ||
        message_read(payload, MESSAGE_FROM_REDIS, &message, &error) ||
        strcmp(message.type, "invited") != 0 || !chat_room_read(span_of(message.room), room)) {
        metric_add(METRIC_FOREIGN_IGNORED, 1);
        return;
    }
    snprintf(name, sizeof name, "room:%s", room);
    for (struct chatter *chatter = listener->first; chatter; chatter = chatter->same_user) {
        chatter_tell(chatter, name, "invited", NULL, message.body.raw);
    }
}

/* ---- The beginning ---- */

/* One allocation holds the chatter and its texts. */
static struct chatter *allocate(struct chat_loop *chats, const struct chatter_wish *wish)
{
    const struct claims *claims = wish->claims;
    size_t id_size = strlen(claims->user_id) + 1;
    size_t name_size = strlen(claims->name) + 1;
    struct chatter *chatter = calloc(1, sizeof *chatter + id_size + name_size);
    if (!chatter) {
        return NULL;
    }
    chatter->chats = chats;
    chatter->name_at = (uint16_t)id_size;
    memcpy(chatter->user_id, claims->user_id, id_size);
    memcpy(chatter->user_id + id_size, claims->name, name_size);
    chatter->type = claims->type;
    chatter->expires_ms = claims->expires_ms;
    chatter->generation = claims->generation;
    chatter->started_ns = wish->started_ns;
    chatter->lasts = wish->lasts;
    chatter->announce = wish->announce;
    if (wish->room) {
        (void)span_copy(span_of(wish->room), chatter->room, sizeof chatter->room);
    }
    return chatter;
}

static void unlink_chatter(struct chatter *chatter)
{
    *chatter->link = chatter->next;
    if (chatter->next) {
        chatter->next->link = chatter->link;
    }
}

static void welcome_without_room(struct chatter *chatter)
{
    struct buf body;
    buf_init(&body);
    welcome_write(&body, chatter, NULL);
    if (body.failed) {
        chatter_no_memory(chatter);
    } else {
        chatter_tell(chatter, NULL, "welcome", NULL, buf_span(&body));
    }
    buf_finish(&body);
    chatter->started_ns = 0;
}

struct chatter *chatter_create(struct chat_loop *chats, const struct chatter_wish *wish,
                               const struct receiver_ops *ops, void *socket)
{
    struct chatter *chatter = allocate(chats, wish);
    if (!chatter) {
        return NULL;
    }
    chatter->next = chats->chatters;
    chatter->link = &chats->chatters;
    if (chatter->next) {
        chatter->next->link = &chatter->next;
    }
    chats->chatters = chatter;
    chatter->ops = ops;
    chatter->socket = socket;
    bucket_fill(&chatter->rate, chatter_rate(chatter)->burst, loop_now_ms(chats->loop));
    bucket_fill(&chatter->joins, CHATTER_ROOMS_MAX, loop_now_ms(chats->loop));
    if ((wish->invited && !listen_in(chatter)) ||
        (*chatter->room &&
         !follow_create(chatter, chatter->room, wish->since, wish->history, NULL, true))) {
        listen_no_more(chatter);
        unlink_chatter(chatter);
        free(chatter);
        return NULL;
    }
    if (!*chatter->room) {
        welcome_without_room(chatter);
    }
    return chatter;
}

/* ---- Telling ---- */

void chatter_tell(struct chatter *chatter, const char *channel, const char *type, const char *ref,
                  struct span body)
{
    if (!chatter->socket || chatter->closing) {
        return;
    }
    metric_add(METRIC_MESSAGES_OUT, 1);
    if (chatter->ops->tell) {
        chatter->ops->tell(chatter->socket, type, ref, body);
        return;
    }
    const struct server_message message = {.channel = channel,
                                           .type = type,
                                           .ref = ref,
                                           .user_id = chatter->user_id,
                                           .user_type = chatter->type,
                                           .body = body};
    struct buf json;
    buf_init(&json);
    message_write_server(&json, &message, clock_wall_ms());
    struct frame *frame =
        json.failed ? NULL : chatter->ops->encode(chatter->socket, buf_span(&json));
    buf_finish(&json);
    if (!frame) {
        chatter_no_memory(chatter);
        return;
    }
    /* A welcome is as long as the room is large: it does not count against the queue's limit. */
    chatter->ops->deliver(chatter->socket, frame, strcmp(type, "welcome") == 0);
    frame_unref(frame);
}

void chatter_no_memory(struct chatter *chatter)
{
    metric_add(METRIC_OUT_OF_MEMORY, 1);
    chatter_close(chatter, CLOSE_INTERNAL, "out of memory");
}

/* ---- The end ---- */

void chatter_close(struct chatter *chatter, uint16_t code, const char *reason)
{
    if (!chatter->closing && chatter->socket) {
        chatter->closing = true;
        chatter->ops->close(chatter->socket, code, reason);
    }
}

void chatter_drained(struct chatter *chatter)
{
    for (struct follow *follow = chatter->follows, *next; follow; follow = next) {
        next = follow->next;
        if (follow->state == FOLLOW_REPLAYING) {
            replay_go_on(follow);
        } else {
            follow_check(follow); /* it may wait for that with its welcome */
        }
    }
}

void chatter_gone(struct chatter *chatter)
{
    chatter->closing = true;
    while (chatter->follows) {
        if (chatter->announce && chatter->follows->welcomed) {
            follow_announce(chatter->follows, "exit");
        }
        follow_free(chatter->follows);
    }
    listen_no_more(chatter);
    unlink_chatter(chatter);
    chatter->socket = NULL;
    free_if_unused(chatter);
}

const char *chatter_user(const struct chatter *chatter)
{
    return chatter->user_id;
}

const char *chatter_room(const struct chatter *chatter)
{
    return chatter->room;
}
