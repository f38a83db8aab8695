/* What pages and services ask about a room: is it there, and who is in it. */
#include "room/lookup.h"

#include "base/json.h"
#include "http/answer.h"
#include "http/codes.h"
#include "http/handlers.h"

static void write_text(struct buf *json, const char *key, const char *text)
{
    json_write_key(json, key);
    json_write_string(json, span_of(text));
}

static void write_span(struct buf *json, const char *key, struct span text)
{
    json_write_key(json, key);
    json_write_string(json, text);
}

static void write_bool(struct buf *json, const char *key, bool value)
{
    json_write_key(json, key);
    buf_append_text(json, value ? "true" : "false");
}

static void write_int(struct buf *json, const char *key, int64_t value)
{
    json_write_key(json, key);
    buf_append_int(json, value);
}

static void write_room(struct buf *json, const char *code)
{
    json_write_key(json, "room");
    buf_printf(json, "\"room:%s\"", code);
}

/* Looks the room up; false after answering that it is missing or cannot be known. */
static bool find_room(struct request *req, const char *code, bool guesser, struct lookup_room *room)
{
    if (guesser && !codes_may_ask(req, code)) {
        return false;
    }
    enum lookup_result result =
        lookup_room(req->server->context.pool, code, req->claims.user_id, "", room);
    if (result == LOOKUP_NONE) {
        codes_missing(req);
        return false;
    }
    codes_refund(req, code);
    if (result) {
        answer_error(req, "unavailable");
    }
    return result == LOOKUP_OK;
}

/* What a join page needs before it asks for a name; without a token, and without names of people. */
void rooms_get(struct request *req)
{
    char code[ROOM_CODE_MAX + 1];
    struct lookup_room room;
    struct buf json;
    if (!codes_of_path(req, code) || !find_room(req, code, true, &room)) {
        return;
    }
    buf_init(&json);
    buf_append_char(&json, '{');
    write_room(&json, code);
    write_bool(&json, "exists", true);
    write_text(&json, "name", room.name);
    write_bool(&json, "locked", room.locked);
    write_bool(&json, "full", room.full);
    write_bool(&json, "hostPresent", room.host_present);
    write_int(&json, "count", room.count);
    write_int(&json, "max", room.max);
    buf_append_char(&json, '}');
    answer_json(req, 200, &json);
}

/*
 * Who is in a room is told to those who are in it: its host, also while away, its participants, and
 * services. False after answering.
 */
static bool may_see(struct request *req, const char *code, struct lookup_room *room)
{
    const struct claims *claims = &req->claims;
    if (claims->room[0] && strcmp(claims->room, code) != 0) {
        answer_error(req, "room_forbidden");
        return false;
    }
    if (!find_room(req, code, codes_guesser(claims, code), room)) {
        return false;
    }
    bool is_host = strcmp(claims->user_id, room->host) == 0;
    if (claims->type == USER_SERVICE || (claims->type == USER_TEACHER && is_host)) {
        return true;
    }
    bool present = claims->type == USER_STUDENT && !is_host && room->present;
    if (!present) {
        answer_error(req, "forbidden");
    }
    return present;
}

struct roster {
    const struct lookup_room *room;
    struct buf host, others;
    int64_t count;
};

static void write_user(struct buf *json, const struct lookup_user *user)
{
    buf_append_char(json, '{');
    write_span(json, "id", user->id);
    write_span(json, "name", user->name.n ? user->name : user->id);
    write_span(json, "userType", user->type);
    write_span(json, "serverId", user->server_id);
    write_int(json, "joinedAt", user->joined_ms);
    write_span(json, "state", user->state);
    buf_append_char(json, '}');
}

static void add_user(void *arg, const struct lookup_user *user)
{
    struct roster *roster = arg;
    if (span_eq(user->id, roster->room->host)) {
        write_user(&roster->host, user);
        return;
    }
    if (roster->count++ > 0) {
        buf_append_char(&roster->others, ',');
    }
    write_user(&roster->others, user);
}

void rooms_users(struct request *req)
{
    char code[ROOM_CODE_MAX + 1];
    struct lookup_room room;
    struct roster roster = {.room = &room};
    struct buf json;
    if (!codes_of_path(req, code) || !may_see(req, code, &room)) {
        return;
    }
    if (lookup_users(req->server->context.pool, code, add_user, &roster)) {
        answer_error(req, "unavailable");
    } else {
        buf_init(&json);
        buf_append_char(&json, '{');
        write_room(&json, code);
        json_write_key(&json, "host");
        buf_append_span(&json, roster.host.len ? buf_span(&roster.host) : span_of("null"));
        json_write_key(&json, "participants");
        buf_append_char(&json, '[');
        buf_append_span(&json, buf_span(&roster.others));
        buf_append_char(&json, ']');
        write_int(&json, "count", roster.count);
        buf_append_char(&json, '}');
        json.failed = json.failed || roster.host.failed || roster.others.failed;
        answer_json(req, 200, &json);
    }
    buf_finish(&roster.host);
    buf_finish(&roster.others);
}

static void write_one(void *arg, const struct lookup_user *user)
{
    write_user(arg, user);
}

void rooms_user(struct request *req)
{
    char code[ROOM_CODE_MAX + 1];
    char id[ID_MAX + 1];
    struct lookup_room room;
    struct buf json;
    if (!codes_of_path(req, code) || !may_see(req, code, &room)) {
        return;
    }
    struct span segment = url_path_at(&req->path, 3);
    if (!id_valid(segment) || !span_copy(segment, id, sizeof id)) {
        answer_error(req, "user_not_found");
        return;
    }
    buf_init(&json);
    switch (lookup_user(req->server->context.pool, code, id, write_one, &json)) {
    case LOOKUP_OK:
        answer_json(req, 200, &json);
        return;
    case LOOKUP_NONE:
        answer_error(req, "user_not_found");
        break;
    default:
        answer_error(req, "unavailable");
    }
    buf_finish(&json);
}
