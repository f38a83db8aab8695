/* Chat rooms of one's own, of both kinds: direct rooms of two people, the list of all, one of them; finding people. */
#include <stdlib.h>

#include "base/clock.h"
#include "base/json.h"
#include "chat/message.h"
#include "chat/publish.h"
#include "core/log.h"
#include "http/answer.h"
#include "http/chat_rest.h"
#include "http/handlers.h"

#define PEOPLE_MAX 20 /* found at a time */

/* The other one of a direct room; NULL in a group. */
static const struct chat_person *find_other(const struct chat_enter *room, const char *user)
{
    if (room->room.kind == CHAT_DIRECT) {
        for (size_t i = 0; i < room->people.count; i++) {
            if (strcmp(room->people.list[i].id, user) != 0) {
                return &room->people.list[i];
            }
        }
    }
    return NULL;
}

/* A room as `user` has it, but for what that one has read; leaves the object open. */
static void write_room_of(struct buf *json, const struct chat_room_row *room,
                          const struct chat_person *with)
{
    chat_rest_write_room(json, room, with ? with->name : room->name);
    if (with) {
        json_write_key(json, "with");
        chat_rest_write_person(json, room->id, with);
    }
}

/* ---- POST /chat/room/private/create ---- */

/* The sockets of `user`, one of the two, hear that the room is there. Who has none open finds it among their rooms. */
static void invite(struct request *req, const struct chat_enter *room, const char *user)
{
    struct buf json;
    buf_init(&json);
    write_room_of(&json, &room->room, find_other(room, user));
    buf_append_char(&json, '}');
    if (!json.failed) {
        (void)chat_publish_invited(req->server->context.pool, user, room->room.id, buf_span(&json));
    }
    buf_finish(&json);
}

static void answer_direct(struct request *req, const struct chat_direct *direct)
{
    struct buf json;
    struct chat_enter room = {.room_id = direct->room.id, .user = direct->user, .people_max = 2};
    enum store_result result = chats_enter(req->server->context.store, &room);
    if (result) {
        chat_rest_refuse(req, result, "internal");
        return;
    }
    if (direct->created) {
        log_info("chat", "%s and %s have the direct room %s", direct->user, direct->other,
                 direct->room.id);
        invite(req, &room, direct->other);
        invite(req, &room, direct->user);
    }
    buf_init(&json);
    write_room_of(&json, &room.room, find_other(&room, direct->user));
    buf_append_char(&json, '}');
    answer_json(req, direct->created ? 201 : 200, &json);
    chat_people_finish(&room.people);
}

static void open_direct(struct request *req, const char *other)
{
    struct chat_direct direct = {
        .user = req->claims.user_id,
        .other = other,
        .now_ms = clock_wall_ms(),
        .rooms_max = req->server->context.config->chat_rooms_max,
    };
    enum store_result result = chats_direct(req->server->context.store, &direct);
    if (result) {
        chat_rest_refuse(req, result, "user_not_found");
    } else {
        answer_direct(req, &direct);
    }
}

void chat_rooms_direct(struct request *req)
{
    char other[ID_MAX + 1];
    if (!chat_rest_allowed(req) || !chat_rest_body(req, "userId", other, sizeof other)) {
        return;
    }
    if (!id_valid(span_of(other)) || strcmp(other, req->claims.user_id) == 0) {
        answer_field(req, "bad_field", "userId", "A userId is the id of somebody else.");
    } else if (chat_rest_paced(req) && chat_rest_begin(req)) {
        open_direct(req, other);
        chat_rest_end(req);
    }
}

/* ---- GET /chat/my/rooms ---- */

static int64_t active_ms(const struct chats_of *mine, const struct chat_mine *room)
{
    return room->last < 0 ? room->room.created_ms : mine->last->list[room->last].created_ms;
}

/* The latest activity first; of the same moment, by id. */
static int compare(const void *a, const void *b, void *arg)
{
    const struct chat_mine *x = a, *y = b;
    int64_t later = active_ms(arg, y) - active_ms(arg, x);
    return later != 0 ? (later > 0 ? 1 : -1) : strcmp(x->room.id, y->room.id);
}

static void write_mine(struct buf *json, const struct chats_of *mine, const struct chat_mine *room)
{
    write_room_of(json, &room->room, *room->with.id ? &room->with : NULL);
    buf_printf(json, ",\"unread\":%u", room->unread);
    chat_rest_write_id(json, "lastReadMessage", room->room.id, room->read_seq);
    json_write_key(json, "last");
    if (room->last < 0) {
        buf_append_text(json, "null");
    } else {
        chat_message_write(json, &mine->last->list[room->last]);
    }
    buf_append_char(json, '}');
}

static void answer_mine(struct request *req)
{
    struct chat_message_rows last = {0};
    struct chats_of mine = {.last = &last};
    struct buf json;
    enum store_result result = chats_of(req->server->context.store, req->claims.user_id, &mine);
    if (result) {
        chat_rest_refuse(req, result, "internal");
        return;
    }
    if (mine.count > 1) {
        qsort_r(mine.list, mine.count, sizeof *mine.list, compare, &mine);
    }
    buf_init(&json);
    buf_append_text(&json, "{\"rooms\":[");
    for (size_t i = 0; i < mine.count; i++) {
        if (i > 0) {
            buf_append_char(&json, ',');
        }
        write_mine(&json, &mine, &mine.list[i]);
    }
    buf_append_text(&json, "]}");
    chats_of_finish(&mine);
    answer_json(req, 200, &json);
}

void chat_rooms_mine(struct request *req)
{
    if (chat_rest_begin(req)) {
        answer_mine(req);
        chat_rest_end(req);
    }
}

/* ---- GET /chat/room/{id} ---- */

static void answer_one(struct request *req, const char *id)
{
    struct buf json;
    struct chat_enter room = {
        .room_id = id, .user = req->claims.user_id, .people_max = CHAT_MEMBERS_SHOWN_MAX};
    enum store_result result = chats_enter(req->server->context.store, &room);
    if (result) {
        chat_rest_refuse(req, result, "room_not_found");
        return;
    }
    buf_init(&json);
    write_room_of(&json, &room.room, find_other(&room, room.user));
    buf_printf(&json, ",\"unread\":%u", room.unread);
    chat_rest_write_id(&json, "lastReadMessage", id, room.read_seq);
    json_write_key(&json, "people");
    chat_rest_write_people(&json, id, &room.people);
    buf_append_char(&json, '}');
    chat_people_finish(&room.people);
    answer_json(req, 200, &json);
}

void chat_rooms_get(struct request *req)
{
    char room[CHAT_ROOM_ID_LEN + 1];
    if (chat_rest_allowed(req) && chat_rest_room(req, 2, room) && chat_rest_begin(req)) {
        answer_one(req, room);
        chat_rest_end(req);
    }
}

/* ---- GET /chat/people ---- */

static void answer_people(struct request *req, const char *part)
{
    struct chat_people people = {0};
    struct buf json;
    enum store_result result = chats_people(req->server->context.store, req->claims.user_id,
                                            span_of(part), PEOPLE_MAX, &people);
    if (result) {
        chat_rest_refuse(req, result, "internal");
        return;
    }
    buf_init(&json);
    buf_append_text(&json, "{\"users\":");
    chat_rest_write_people(&json, NULL, &people);
    buf_append_char(&json, '}');
    chat_people_finish(&people);
    answer_json(req, 200, &json);
}

void chat_rooms_people(struct request *req)
{
    char part[CHAT_REST_QUERY_BYTES + 1];
    if (chat_rest_allowed(req) && chat_rest_query(req, true, part) && chat_rest_begin(req)) {
        answer_people(req, part);
        chat_rest_end(req);
    }
}
