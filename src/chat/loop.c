/* The chats of one loop: the link's events, and what is done every second and sooner. */
#include <stdlib.h>

#include "base/clock.h"
#include "chat/internal.h"
#include "core/log.h"
#include "net/close.h"
#include "session/revoke.h"

#define TICK_MS 1000
#define SOON_MS 25         /* how often what cannot wait for the tick is looked at */
#define TAIL_KEEP_MS 60000 /* rows that nobody was told meanwhile go from memory */

struct chat_loop *chat_loop_create(struct loop *loop, const struct config *config,
                                   const struct tokens *tokens, const char *server_id)
{
    struct chat_loop *chats = calloc(1, sizeof *chats);
    if (!chats) {
        return NULL;
    }
    chats->loop = loop;
    chats->config = config;
    chats->tokens = tokens;
    chats->server_id = server_id;
    chats->keep_ms = TAIL_KEEP_MS;
    map_init(&chats->rooms);
    map_init(&chats->listeners);
    map_init(&chats->marks);
    return chats;
}

void chat_loop_set_bus(struct chat_loop *chats, struct bus *bus)
{
    chats->bus = bus;
}

void chat_loop_set_store(struct chat_loop *chats, struct store *store)
{
    chats->store = store;
}

void chat_loop_destroy(struct chat_loop *chats)
{
    if (chats) {
        reads_give_up(chats);
        map_finish(&chats->rooms);
        map_finish(&chats->listeners);
        map_finish(&chats->marks);
        free(chats);
    }
}

/* ---- The link ---- */

bool chat_loop_owns(void *arg, struct span channel)
{
    (void)arg;
    char room[CHAT_ROOM_ID_LEN + 1];
    return (channel.n > 5 && memcmp(channel.p, "user:", 5) == 0) ||
           (channel.n == CHAT_CHANNEL_LEN && chat_room_read(channel, room));
}

static struct chat_room *room_of(const struct chat_loop *chats, struct span channel)
{
    return chat_room_find(chats, (struct span){channel.p + 5, channel.n - 5});
}

static void link_up(void *arg)
{
    struct chat_loop *chats = arg;
    for (struct chat_room *room = chats->head; room; room = room->next) {
        if (room->state != CHAT_ROOM_OVER) {
            room->subscribed = false;
            chat_room_subscribe(room);
        }
    }
    listeners_subscribe(chats);
}

static void link_down(void *arg)
{
    struct chat_loop *chats = arg;
    for (struct chat_room *room = chats->head; room; room = room->next) {
        room->subscribed = false;
    }
}

static void link_subscribed(void *arg, struct span channel)
{
    struct chat_room *room = channel.p[0] == 'r' ? room_of(arg, channel) : NULL;
    if (room) {
        chat_room_subscribed(room);
    }
}

static void link_message(void *arg, struct span channel, struct span payload)
{
    struct chat_room *room = room_of(arg, channel);
    if (channel.p[0] == 'u') {
        listener_hear(arg, channel, payload);
    } else if (room) {
        chat_room_receive(room, payload);
    }
}

static void link_control(void *arg, struct span payload)
{
    (void)arg, (void)payload; /* there is none for chats */
}

const struct bus_events chat_loop_bus_events = {link_up, link_down, link_subscribed, link_message,
                                                link_control};

/* ---- Chores ---- */

static void checked(void *owner, int64_t newest)
{
    struct chatter *chatter = owner;
    if (chatter->socket && revoke_voids(newest, chatter->generation)) {
        log_info("chat", "%s has signed out everywhere", chatter->user_id);
        chatter_close(chatter, CLOSE_TOKEN_EXPIRED, "signed out");
    }
    chatter_unref(chatter);
}

static void check_generations(struct chat_loop *chats)
{
    struct revoke revoke;
    int64_t now = loop_now_ms(chats->loop);
    if (now - chats->generations_ms < REVOKE_CHECK_MS) {
        return;
    }
    chats->generations_ms = now;
    revoke_begin(&revoke, chats->bus, checked);
    for (struct chatter *chatter = chats->chatters; chatter; chatter = chatter->next) {
        chatter_ref(chatter); /* it may be answered in the call */
        if (!revoke_add(&revoke, chatter, chatter->user_id, chatter->generation)) {
            chatter_unref(chatter);
        }
    }
    revoke_end(&revoke);
}

static void check_chatters(struct chat_loop *chats)
{
    int64_t now = clock_wall_ms();
    for (struct chatter *chatter = chats->chatters; chatter; chatter = chatter->next) {
        if (chatter->expires_ms <= now) {
            chatter_close(chatter, CLOSE_TOKEN_EXPIRED, "token expired");
        }
        for (struct follow *follow = chatter->follows, *next; follow; follow = next) {
            next = follow->next;
            follow_check(follow);
        }
    }
}

static void check_rooms(struct chat_loop *chats)
{
    int64_t old = loop_now_ms(chats->loop) - chats->keep_ms;
    size_t bytes = 0;
    for (struct chat_room *room = chats->head; room; room = room->next) {
        tail_forget_older(&room->tail, old);
        bytes += room->tail.bytes;
        if (!room->subscribed && room->state != CHAT_ROOM_OVER && bus_is_up(chats->bus)) {
            chat_room_subscribe(room); /* there was no memory for it, or it is under way */
        }
    }
    if (bytes > CHAT_TAILS_BYTES) {
        chats->keep_ms = chats->keep_ms / 2;
    } else if (chats->keep_ms < TAIL_KEEP_MS) {
        chats->keep_ms = chats->keep_ms * 2 + TICK_MS;
    }
}

static void tick(uv_timer_t *timer)
{
    struct chat_loop *chats = timer->data;
    check_chatters(chats);
    check_rooms(chats);
    check_generations(chats);
    chat_loop_check(chats);
}

static void soon(uv_timer_t *timer)
{
    struct chat_loop *chats = timer->data;
    chat_loop_fill(chats);
    if (chats->checked_ms == 0) {
        chat_loop_check(chats);
    }
    while (reads_flush(chats)) {
    }
    if (chats->missing == 0 && chats->marks.len == 0 && (chats->checked_ms || !chats->head)) {
        uv_timer_stop(timer);
        chats->soon_runs = false;
    }
}

void chat_loop_soon(struct chat_loop *chats)
{
    if (!chats->soon_runs && chats->started) {
        chats->soon_runs = true;
        uv_timer_start(&chats->soon, soon, SOON_MS, SOON_MS);
    }
}

/* ---- The beginning and the end ---- */

void chat_loop_start(struct chat_loop *chats)
{
    uv_timer_init(loop_uv(chats->loop), &chats->tick);
    uv_timer_init(loop_uv(chats->loop), &chats->soon);
    chats->tick.data = chats->soon.data = chats;
    chats->started = true;
    uv_timer_start(&chats->tick, tick, TICK_MS, TICK_MS);
}

void chat_loop_stop(struct chat_loop *chats)
{
    chats->started = false;
    chats->soon_runs = false;
    uv_close((uv_handle_t *)&chats->tick, NULL);
    uv_close((uv_handle_t *)&chats->soon, NULL);
}

bool chat_loop_settled(struct chat_loop *chats, bool hurry)
{
    if (hurry) {
        store_cancel(chats->store, chats->loop);
        reads_give_up(chats);
    } else {
        reads_hurry(chats);
        while (reads_flush(chats)) {
        }
    }
    return store_tasks(chats->store, chats->loop) == 0 && (hurry || chats->marks.len == 0);
}
