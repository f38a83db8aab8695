/*
 * The rooms of one loop: the table, the link's events, control messages between servers, and the
 * once-a-second chores.
 */
#include "room/internal.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "core/metrics.h"

#define TICK_MS 1000

struct rooms *rooms_create(struct loop *loop, const struct config *config,
                           const struct tokens *tokens, const char *server_id,
                           const char *incarnation)
{
    struct rooms *rooms = calloc(1, sizeof *rooms);
    if (!rooms) {
        return NULL;
    }
    rooms->loop = loop;
    rooms->config = config;
    rooms->tokens = tokens;
    rooms->server_id = server_id;
    rooms->incarnation = incarnation;
    rooms->leaves_tail = &rooms->leaves;
    map_init(&rooms->by_code);
    return rooms;
}

void rooms_set_bus(struct rooms *rooms, struct bus *bus)
{
    rooms->bus = bus;
}

const struct tokens *rooms_tokens(const struct rooms *rooms)
{
    return rooms->tokens;
}

struct bus *rooms_bus(const struct rooms *rooms)
{
    return rooms->bus;
}

void rooms_destroy(struct rooms *rooms)
{
    if (!rooms) {
        return;
    }
    while (rooms->leaves) {
        struct leave *next = rooms->leaves->next;
        free(rooms->leaves);
        rooms->leaves = next;
    }
    map_finish(&rooms->by_code);
    free(rooms);
}

struct room *room_find(struct rooms *rooms, const char *code, const char *epoch)
{
    struct room *room = map_get(&rooms->by_code, span_of(code));
    while (room && (room->state == ROOM_OVER || strcmp(room->epoch, epoch) != 0)) {
        room = room->same_code;
    }
    return room;
}

/* The map holds the first room of a code, and borrows that room's code as the key. */
static int table_add(struct rooms *rooms, struct room *room)
{
    struct room *last = map_get(&rooms->by_code, span_of(room->code));
    if (!last) {
        return map_put(&rooms->by_code, span_of(room->code), room);
    }
    while (last->same_code) {
        last = last->same_code;
    }
    last->same_code = room;
    return 0;
}

static void table_remove(struct rooms *rooms, struct room *room)
{
    struct room *first = map_get(&rooms->by_code, span_of(room->code));
    if (first != room) {
        while (first->same_code != room) {
            first = first->same_code;
        }
        first->same_code = room->same_code;
    } else if (!room->same_code) {
        map_remove(&rooms->by_code, span_of(room->code));
    } else {
        int replaced = map_put(&rooms->by_code, span_of(room->same_code->code), room->same_code);
        assert(replaced == 0);
        (void)replaced;
    }
}

/* Is the channel's subscription confirmed? Then another life of this code is loading or live. */
static bool subscribed(const struct room *room)
{
    const struct room *other = map_get(&room->rooms->by_code, span_of(room->code));
    while (other && other->state != ROOM_LOADING && other->state != ROOM_LIVE) {
        other = other->same_code;
    }
    return other != NULL;
}

/* Subscribes and then loads; when the link is down, its `up` does. */
static void follow(struct room *room)
{
    if (!bus_is_up(room->rooms->bus)) {
        return;
    }
    if (subscribed(room)) {
        room_load(room);
    } else if (bus_subscribe(room->rooms->bus, span_of(room->channel))) {
        room->suspect = true; /* no memory: the tick tries again */
    }
}

struct room *room_open(struct rooms *rooms, const char *code, const char *epoch)
{
    struct room *room = calloc(1, sizeof *room);
    if (!room) {
        return NULL;
    }
    room->rooms = rooms;
    snprintf(room->code, sizeof room->code, "%s", code);
    snprintf(room->channel, sizeof room->channel, "room:%s", code);
    snprintf(room->epoch, sizeof room->epoch, "%s", epoch);
    room->held_tail = &room->held;
    batch_init(room);
    ring_init(&room->log, rooms->config->log_max, rooms->config->log_bytes);
    if (table_add(rooms, room)) {
        free(room);
        return NULL;
    }
    room->next = rooms->head;
    room->link = &rooms->head;
    if (room->next) {
        room->next->link = &room->next;
    }
    rooms->head = room;
    metric_add(METRIC_ROOMS, 1);
    follow(room);
    return room;
}

void room_unref(struct room *room)
{
    if (room->count > 0 || room->refs > 0) {
        return;
    }
    struct rooms *rooms = room->rooms;
    table_remove(rooms, room);
    if (!map_get(&rooms->by_code, span_of(room->code))) {
        bus_unsubscribe(rooms->bus, span_of(room->channel));
    }
    room_drop_held(room);
    ring_finish(&room->log);
    free(room->members);
    *room->link = room->next;
    if (room->next) {
        room->next->link = room->link;
    }
    metric_add(METRIC_ROOMS, -1);
    free(room);
}

void room_over(struct room *room, uint16_t code, const char *reason, bool gone)
{
    if (room->state == ROOM_OVER) {
        return;
    }
    room->state = ROOM_OVER;
    for (size_t i = 0; i < room->count; i++) {
        room->members[i]->left |= gone;
        member_close(room->members[i], code, reason);
    }
    room_unref(room);
}

void rooms_each(struct rooms *rooms, void (*fn)(struct room *room))
{
    for (struct room *room = rooms->head, *next; room; room = next) {
        next = room->next;
        fn(room);
    }
}

/* ---- the link ---- */

static void unfollow(struct room *room)
{
    if (room->state != ROOM_OVER) {
        room->state = ROOM_SUBSCRIBING;
        room->load++;
        room_drop_held(room);
    }
}

static void follow_again(struct room *room)
{
    if (room->state == ROOM_SUBSCRIBING) {
        follow(room);
    }
}

static void link_up(void *arg)
{
    struct rooms *rooms = arg;
    if (loop_index(rooms->loop) == 0) {
        lease_link_up(rooms);
    }
    rooms_check_epoch(rooms);
    rooms_each(rooms, unfollow);
    rooms_each(rooms, follow_again);
    rooms_send_leaves(rooms);
}

static void link_down(void *arg)
{
    (void)arg; /* outstanding calls have been told; sends are refused until the link is up */
}

static void link_subscribed(void *arg, struct span channel)
{
    struct rooms *rooms = arg;
    struct span code = {channel.p + 5, channel.n - 5};
    struct room *room = channel.n > 5 ? map_get(&rooms->by_code, code) : NULL;
    while (room) {
        struct room *next = room->same_code;
        if (room->state == ROOM_SUBSCRIBING) {
            room_load(room);
        }
        room = next;
    }
    rooms_send_leaves(rooms);
}

static void link_message(void *arg, struct span channel, struct span payload)
{
    struct rooms *rooms = arg;
    struct span code = {channel.p + 5, channel.n - 5};
    struct room *room = channel.n > 5 ? map_get(&rooms->by_code, code) : NULL;
    while (room) {
        struct room *next = room->same_code;
        if (room->state == ROOM_LIVE) {
            room_receive(room, payload);
        } else if (room->state == ROOM_LOADING && !room_hold(room, payload)) {
            room_load(room); /* no memory to hold it back: read the log again instead */
        }
        room = next;
    }
}

static struct member *find_session(struct rooms *rooms, struct span code, struct span user,
                                   struct span session)
{
    for (struct room *room = map_get(&rooms->by_code, code); room; room = room->same_code) {
        for (size_t i = 0; i < room->count; i++) {
            struct member *member = room->members[i];
            if (span_eq(session, member->session) && span_eq(user, member->user_id)) {
                return member;
            }
        }
    }
    return NULL;
}

static void close_session(struct member *member, uint16_t code, const char *reason)
{
    member->left = true; /* the script has taken the session out already */
    member_close(member, code, reason);
}

/*
 * `replace|kick|lost CODE userId sessionId`: a script has ended one of this server's sessions. `lost`:
 * a janitor took us for dead. The tick finds that the session is missing, and brings it back.
 */
static void link_control(void *arg, struct span payload)
{
    struct rooms *rooms = arg;
    struct span verb = span_word(&payload), code = span_word(&payload);
    struct span user = span_word(&payload), session = span_word(&payload);
    struct member *member = find_session(rooms, code, user, session);
    if (!member) {
        return;
    }
    if (span_eq(verb, "replace")) {
        close_session(member, CLOSE_REPLACED, "replaced");
    } else if (span_eq(verb, "kick")) {
        close_session(member, CLOSE_REMOVED, "removed");
    } else if (span_eq(verb, "lost")) {
        member->room->suspect = true;
    }
}

const struct bus_events rooms_bus_events = {link_up, link_down, link_subscribed, link_message,
                                            link_control};

static void load_live(struct room *room)
{
    if (room->state == ROOM_LIVE) {
        room_load(room);
    }
}

void rooms_load_all(struct rooms *rooms)
{
    rooms_each(rooms, load_live);
}

/* ---- chores ---- */

static void expire_held(struct rooms *rooms, struct span code)
{
    char name[ROOM_CODE_MAX + 6], keep_ms[KEEP_TEXT];
    if (!id_room_code_valid(code)) {
        return;
    }
    snprintf(name, sizeof name, "room:%.*s", (int)code.n, code.p);
    const struct span key = span_of(name), args[] = {rooms_keep_ms(rooms, keep_ms)};
    /* Whatever comes of it: it is looked at again in a second. */
    (void)!bus_script(rooms->bus, BUS_SCRIPT_EXPIRE, &key, 1, args, 1, NULL, NULL);
}

static void held_listed(void *arg, const struct bus_reply *reply)
{
    for (size_t i = 0; i < bus_reply_len(reply); i++) {
        expire_held(arg, bus_reply_text(bus_reply_at(reply, i)));
    }
}

/* Any server may end a held room: the script decides by Redis's clock, and only once. */
static void check_held(struct rooms *rooms)
{
    const struct span argv[] = {span_of("SMEMBERS"), span_of("rooms:held")};
    (void)!bus_command(rooms->bus, argv, 2, held_listed, rooms);
}

static void check_member(struct member *member, int64_t now)
{
    if (member->expires_ms <= now) {
        member_close(member, CLOSE_TOKEN_EXPIRED, "token expired");
    } else if (member->state == MEMBER_WAITING && member->room->state == ROOM_LIVE) {
        member_activate(member); /* there was no memory for it */
    }
}

static void check_room(struct room *room)
{
    int64_t now = clock_wall_ms();
    room->refs++;
    if (room->suspect && room->state != ROOM_OVER && bus_is_up(room->rooms->bus)) {
        room->suspect = false;
        if (room->state == ROOM_SUBSCRIBING) {
            follow(room);
        } else {
            room_load(room);
        }
    }
    if (room->seen_dirty) {
        seen_flush(room);
    }
    for (size_t i = 0; i < room->count; i++) {
        check_member(room->members[i], now);
    }
    room->refs--;
    room_unref(room);
}

static void tick(uv_timer_t *timer)
{
    struct rooms *rooms = timer->data;
    rooms_each(rooms, check_room);
    rooms_send_leaves(rooms);
    rooms_check_epoch(rooms);
    rooms_check_generations(rooms);
    if (loop_index(rooms->loop) == 0) {
        check_held(rooms);
    }
}

void rooms_start(struct rooms *rooms)
{
    uv_timer_init(loop_uv(rooms->loop), &rooms->timer);
    rooms->timer.data = rooms;
    uv_timer_start(&rooms->timer, tick, TICK_MS, TICK_MS);
    if (loop_index(rooms->loop) == 0) {
        lease_start(rooms);
    }
}

void rooms_stop(struct rooms *rooms)
{
    uv_close((uv_handle_t *)&rooms->timer, NULL);
    if (loop_index(rooms->loop) == 0) {
        lease_stop(rooms);
    }
}
