/*
 * The rooms of one loop: the table, the link's events, control messages between servers, leaves that
 * wait for the link, and the once-a-second chores.
 */
#include "room/internal.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "core/metrics.h"

#define TICK_MS 1000
#define HELD_INDEX "rooms:held" /* Set of the codes whose host is away */

struct rooms *rooms_create(struct loop *loop, const struct config *config,
                           const struct tokens *tokens, const char *server_id)
{
    struct rooms *rooms = calloc(1, sizeof *rooms);
    if (!rooms) {
        return NULL;
    }
    rooms->loop = loop;
    rooms->config = config;
    rooms->tokens = tokens;
    rooms->server_id = server_id;
    rooms->leaves_tail = &rooms->leaves;
    map_init(&rooms->by_code);
    return rooms;
}

void rooms_set_bus(struct rooms *rooms, struct bus *bus)
{
    rooms->bus = bus;
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
    while (room && strcmp(room->epoch, epoch) != 0) {
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
    ring_init(&room->log, rooms->config->log_max, rooms->config->log_bytes);
    struct room *sibling = map_get(&rooms->by_code, span_of(code));
    if (table_add(rooms, room)) {
        free(room);
        return NULL;
    }
    metric_add(METRIC_ROOMS, 1);
    if (sibling && sibling->state != ROOM_SUBSCRIBING && bus_is_up(rooms->bus)) {
        room_load(room); /* the channel is subscribed already */
    } else if (!sibling && bus_is_up(rooms->bus)) {
        /* When the link is down or goes down, its `up` subscribes. */
        (void)!bus_subscribe(rooms->bus, span_of(room->channel));
    }
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

/* Calls fn for every room; rooms may go in the call, none may come. */
static void each_room(struct rooms *rooms, void (*fn)(struct room *room))
{
    size_t count = 0, pos = 0;
    struct room **all = malloc((rooms->by_code.len + 1) * sizeof(struct room *));
    if (!all) {
        metric_add(METRIC_OUT_OF_MEMORY, 1);
        return;
    }
    for (struct room *room; (room = map_next(&rooms->by_code, &pos));) {
        all[count++] = room;
    }
    for (size_t i = 0; i < count; i++) {
        for (struct room *room = all[i], *next; room; room = next) {
            next = room->same_code;
            fn(room);
        }
    }
    free(all);
}

/* ---- the link ---- */

static void subscribe_again(struct room *room)
{
    if (room->state != ROOM_OVER) {
        room->state = ROOM_SUBSCRIBING;
        room->load++;
        room_drop_held(room);
    }
    if (map_get(&room->rooms->by_code, span_of(room->code)) == room) {
        (void)!bus_subscribe(room->rooms->bus, span_of(room->channel));
    }
}

static void link_up(void *arg)
{
    struct rooms *rooms = arg;
    struct leave *leave = rooms->leaves;
    rooms->leaves = NULL;
    rooms->leaves_tail = &rooms->leaves;
    while (leave) {
        struct leave *next = leave->next;
        rooms_send_leave(rooms, leave);
        leave = next;
    }
    each_room(rooms, subscribe_again);
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

static void close_session(struct rooms *rooms, struct span code, struct span user, struct span session,
                          uint16_t close_code, const char *reason)
{
    for (struct room *room = map_get(&rooms->by_code, code); room; room = room->same_code) {
        for (size_t i = 0; i < room->count; i++) {
            struct member *member = room->members[i];
            if (span_eq(session, member->session) && span_eq(user, member->user_id)) {
                member->left = true; /* the script has taken the session out already */
                member_close(member, close_code, reason);
                return;
            }
        }
    }
}

static struct span next_word(struct span *text)
{
    const char *blank = text->n ? memchr(text->p, ' ', text->n) : NULL;
    struct span word = {text->p, blank ? (size_t)(blank - text->p) : text->n};
    size_t used = word.n + (blank ? 1 : 0);
    text->p += used;
    text->n -= used;
    return word;
}

/* `replace|kick CODE userId sessionId`: a script has ended one of this server's sessions. */
static void link_control(void *arg, struct span payload)
{
    struct rooms *rooms = arg;
    struct span verb = next_word(&payload), code = next_word(&payload);
    struct span user = next_word(&payload), session = next_word(&payload);
    if (span_eq(verb, "replace")) {
        close_session(rooms, code, user, session, CLOSE_REPLACED, "replaced");
    } else if (span_eq(verb, "kick")) {
        close_session(rooms, code, user, session, CLOSE_REMOVED, "removed");
    }
}

const struct bus_events rooms_bus_events = {link_up, link_down, link_subscribed, link_message,
                                            link_control};

/* ---- leaves ---- */

static void hold_index(struct rooms *rooms, const char *command, const char *code)
{
    const struct span argv[] = {span_of(command), span_of(HELD_INDEX), span_of(code)};
    (void)!bus_command(rooms->bus, argv, 3, NULL, NULL);
}

static void keep_leave(struct rooms *rooms, struct leave *leave)
{
    leave->next = NULL;
    *rooms->leaves_tail = leave;
    rooms->leaves_tail = &leave->next;
}

static void check_all_left(struct rooms *rooms)
{
    if (rooms->all_left && rooms->leaves_out == 0) {
        void (*done)(void *) = rooms->all_left;
        rooms->all_left = NULL;
        done(rooms->all_left_arg);
    }
}

static void leave_done(void *arg, const struct bus_reply *reply)
{
    struct leave *leave = arg;
    struct rooms *rooms = leave->rooms;
    rooms->leaves_out--;
    if (!reply) {
        keep_leave(rooms, leave); /* the link is lost: told again when it is up; fenced, so harmless */
    } else {
        if (span_eq(bus_reply_text(bus_reply_at(reply, 0)), "held")) {
            hold_index(rooms, "SADD", leave->room + 5);
        }
        free(leave);
    }
    check_all_left(rooms);
}

struct span rooms_keep_ms(const struct rooms *rooms, char out[KEEP_TEXT])
{
    int len = snprintf(out, KEEP_TEXT, "%lld", (long long)rooms->config->keep_s * 1000);
    return (struct span){out, (size_t)len};
}

void rooms_send_leave(struct rooms *rooms, struct leave *leave)
{
    char keep_ms[KEEP_TEXT];
    const struct span key = span_of(leave->room);
    const struct span args[] = {span_of(leave->user_id), span_of(leave->session), span_of(leave->epoch),
                                span_of(leave->lost ? "lost" : "left"),
                                rooms_keep_ms(rooms, keep_ms)};
    leave->rooms = rooms;
    if (bus_script(rooms->bus, BUS_SCRIPT_LEAVE, &key, 1, args, 5, leave_done, leave)) {
        keep_leave(rooms, leave);
        return;
    }
    rooms->leaves_out++;
}

static void leave_room(struct room *room)
{
    for (size_t i = 0; i < room->count; i++) {
        struct member *member = room->members[i];
        if (member->state != MEMBER_CLOSING) {
            member_leave(member, true);
        }
    }
}

void rooms_leave_all(struct rooms *rooms, void (*done)(void *arg), void *arg)
{
    each_room(rooms, leave_room);
    rooms->all_left = done;
    rooms->all_left_arg = arg;
    check_all_left(rooms);
}

/* ---- chores ---- */

struct held_check {
    struct rooms *rooms;
    char room[ROOM_CODE_MAX + 6];
};

static void expire_done(void *arg, const struct bus_reply *reply)
{
    struct held_check *check = arg;
    if (reply && !span_eq(bus_reply_text(bus_reply_at(reply, 0)), "held")) {
        hold_index(check->rooms, "SREM", check->room + 5);
    }
    free(check);
}

static void expire_held(struct rooms *rooms, struct span code)
{
    struct held_check *check = id_room_code_valid(code) ? malloc(sizeof *check) : NULL;
    if (!check) {
        return; /* looked at again in a second */
    }
    check->rooms = rooms;
    snprintf(check->room, sizeof check->room, "room:%.*s", (int)code.n, code.p);
    char keep_ms[KEEP_TEXT];
    const struct span key = span_of(check->room), args[] = {rooms_keep_ms(rooms, keep_ms)};
    if (bus_script(rooms->bus, BUS_SCRIPT_EXPIRE, &key, 1, args, 1, expire_done, check)) {
        free(check);
    }
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
    const struct span argv[] = {span_of("SMEMBERS"), span_of(HELD_INDEX)};
    (void)!bus_command(rooms->bus, argv, 2, held_listed, rooms);
}

static void check_room(struct room *room)
{
    int64_t now = clock_wall_ms();
    if (room->suspect && room->state == ROOM_LIVE) {
        room->suspect = false;
        room_load(room);
    }
    if (room->seen_dirty) {
        seen_flush(room);
    }
    for (size_t i = 0; i < room->count; i++) {
        if (room->members[i]->expires_ms <= now) {
            member_close(room->members[i], CLOSE_TOKEN_EXPIRED, "token expired");
        }
    }
}

static void tick(uv_timer_t *timer)
{
    struct rooms *rooms = timer->data;
    each_room(rooms, check_room);
    if (loop_index(rooms->loop) == 0) {
        check_held(rooms);
    }
}

void rooms_start(struct rooms *rooms)
{
    uv_timer_init(loop_uv(rooms->loop), &rooms->timer);
    rooms->timer.data = rooms;
    uv_timer_start(&rooms->timer, tick, TICK_MS, TICK_MS);
}

void rooms_stop(struct rooms *rooms)
{
    uv_close((uv_handle_t *)&rooms->timer, NULL);
}
