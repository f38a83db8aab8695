/* What the calls about chat rooms share; see chat_rest.h. */
#include "http/chat_rest.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/utf8.h"
#include "chat/message.h"
#include "chat/publish.h"
#include "http/answer.h"
#include "http/body.h"
#include "store/users.h"

#define PARAMETER_MAX 1024 /* bytes of `q` with the blanks around it */

/* ---- who may chat ---- */

/* Those who come with a token of a school's login service have no account: they get a row without one. */
static enum store_result know(struct request *req)
{
    const struct claims *claims = &req->claims;
    if (claims->generation > 0) {
        return STORE_OK;
    }
    return users_know(req->server->context.store, claims->user_id, span_of(claims->name),
                      claims->type, clock_wall_ms());
}

bool chat_rest_allowed(struct request *req)
{
    const struct claims *claims = &req->claims;
    if (claims->type == USER_SERVICE || *claims->room) {
        answer_error(req, "account_required");
        return false;
    }
    return true;
}

bool chat_rest_paced(struct request *req)
{
    const struct config *config = req->server->context.config;
    const struct config_rate *rate =
        req->claims.type == USER_TEACHER ? &config->rate_host : &config->rate_student;
    unsigned wait_s = rates_take(req->server->sending, req->claims.user_id, rate, clock_mono_ms());
    if (wait_s > 0) {
        answer_later(req, "rate_limited", wait_s);
    }
    return wait_s == 0;
}

bool chat_rest_begin(struct request *req)
{
    if (!chat_rest_allowed(req)) {
        return false;
    }
    if (!limits_chat_enter(req->server->limits, req->claims.user_id)) {
        answer_error(req, "chat_busy");
        return false;
    }
    enum store_result result = know(req);
    if (result) {
        chat_rest_end(req);
        chat_rest_refuse(req, result, "internal");
        return false;
    }
    return true;
}

void chat_rest_end(struct request *req)
{
    limits_chat_leave(req->server->limits, req->claims.user_id);
}

void chat_rest_refuse(struct request *req, enum store_result result, const char *missing)
{
    switch (result) {
    case STORE_NOT_FOUND:
        answer_error(req, missing);
        break;
    case STORE_NOT_MEMBER:
        answer_error(req, "not_member");
        break;
    case STORE_FORBIDDEN:
        answer_error(req, "forbidden");
        break;
    case STORE_TOO_MANY:
        answer_error(req, "too_many_rooms");
        break;
    case STORE_FULL:
        answer_error(req, "room_full");
        break;
    case STORE_UNAVAILABLE:
        answer_error(req, "unavailable");
        break;
    default:
        answer_error(req, "internal");
    }
}

/* ---- reading requests ---- */

bool chat_rest_room(struct request *req, size_t segment, char room[CHAT_ROOM_ID_LEN + 1])
{
    if (!chat_room_read(url_path_at(&req->path, segment), room)) {
        answer_error(req, "room_not_found");
        return false;
    }
    return true;
}

bool chat_rest_body(struct request *req, const char *key, char *out, size_t cap)
{
    cJSON *body = body_json(req, CHAT_REST_BODY_MAX);
    bool read = body && body_text(req, body, key, out, cap);
    cJSON_Delete(body);
    return read;
}

static bool is_blank(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static struct span trimmed(const char *text)
{
    struct span s = span_of(text);
    while (s.n > 0 && is_blank(s.p[s.n - 1])) {
        s.n--;
    }
    while (s.n > 0 && is_blank(*s.p)) {
        s.p++;
        s.n--;
    }
    return s;
}

bool chat_rest_query(struct request *req, bool needed, char out[CHAT_REST_QUERY_BYTES + 1])
{
    char text[PARAMETER_MAX + 1];
    if (!request_field(req, "q", text, sizeof text)) {
        return false;
    }
    struct span part = trimmed(text);
    if ((part.n == 0 && needed) || utf8_count(part.p, part.n) > CHAT_REST_QUERY_CHARS ||
        !span_copy(part, out, CHAT_REST_QUERY_BYTES + 1)) {
        answer_field(req, "bad_field", "q",
                     needed ? "The parameter q is 1 to 64 characters to look for."
                            : "The parameter q is up to 64 characters to look for.");
        return false;
    }
    return true;
}

/* ---- writing answers ---- */

static void write_text(struct buf *json, const char *key, const char *text)
{
    json_write_key(json, key);
    json_write_string(json, span_of(text));
}

void chat_rest_write_room(struct buf *json, const struct chat_room_row *room, const char *name)
{
    buf_printf(json, "{\"id\":\"%s\",\"room\":\"room:%s\",\"kind\":\"%s\"", room->id, room->id,
               room->kind == CHAT_DIRECT ? "direct" : "group");
    write_text(json, "name", name);
    write_text(json, "owner", room->owner);
    buf_printf(json, ",\"members\":%u,\"createdAt\":%lld", room->members,
               (long long)room->created_ms);
}

void chat_rest_write_person(struct buf *json, const char *room, const struct chat_person *person)
{
    buf_append_char(json, '{');
    write_text(json, "id", person->id);
    write_text(json, "name", person->name);
    write_text(json, "userType", user_type_name(person->type));
    if (room) {
        chat_rest_write_id(json, "lastReadMessage", room, person->read_seq);
    }
    buf_append_char(json, '}');
}

void chat_rest_write_people(struct buf *json, const char *room, const struct chat_people *people)
{
    buf_append_char(json, '[');
    for (size_t i = 0; i < people->count; i++) {
        if (i > 0) {
            buf_append_char(json, ',');
        }
        chat_rest_write_person(json, room, &people->list[i]);
    }
    buf_append_char(json, ']');
}

void chat_rest_write_id(struct buf *json, const char *key, const char *room, int64_t seq)
{
    char id[CHAT_MESSAGE_ID_MAX + 1] = "";
    if (seq > 0) {
        chat_id_print(room, seq, id);
    }
    write_text(json, key, id);
}

void chat_rest_write_next(struct buf *json, const char *next)
{
    json_write_key(json, "next");
    if (*next) {
        json_write_string(json, span_of(next));
    } else {
        buf_append_text(json, "null");
    }
}

void chat_rest_write_rows(struct buf *json, const struct chat_message_rows *rows)
{
    buf_append_char(json, '[');
    for (size_t i = 0; i < rows->count; i++) {
        if (i > 0) {
            buf_append_char(json, ',');
        }
        chat_message_write(json, &rows->list[i]);
    }
    buf_append_char(json, ']');
}

/* ---- telling sockets ---- */

void chat_rest_tell(struct request *req, const char *seal, const struct chat_message_rows *rows)
{
    (void)chat_publish_messages(req->server->context.pool, seal, rows);
}

void chat_rest_tell_read(struct request *req, const char *seal, const char *room, int64_t seq)
{
    const struct claims *claims = &req->claims;
    (void)chat_publish_read(req->server->context.pool, room, seal, claims->user_id,
                            span_of(claims->name), claims->type, seq);
}
