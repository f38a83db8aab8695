/*
 * Group chat rooms: making, finding, joining and leaving them. Whatever changes a room is committed first and
 * then published, so that sockets hear of it on every server.
 */
#include <stdlib.h>

#include "base/clock.h"
#include "chat/publish.h"
#include "chat/sweeper.h"
#include "core/log.h"
#include "http/answer.h"
#include "http/chat_rest.h"
#include "http/handlers.h"

#define LIST_DEFAULT 50 /* groups of a page */
#define LIST_MAX 200

/*
 * The caller's sockets hear of a room that they are in now; the answer to this request is the same. The room's last
 * message is their `join`.
 */
static void announce(struct request *req, const struct chat_room_row *room, struct buf *json)
{
    (void)chat_publish_entered(req->server->context.pool, room->id, req->claims.user_id,
                               room->last_seq);
    chat_rest_write_room(json, room, room->name);
    buf_append_char(json, '}');
    if (!json->failed) {
        (void)chat_publish_invited(req->server->context.pool, req->claims.user_id, room->id,
                                   buf_span(json));
    }
}

/* ---- POST /chat/room/group/create ---- */

static void create(struct request *req, const char *name)
{
    struct buf json;
    struct chat_create op = {
        .owner = req->claims.user_id,
        .name = span_of(name),
        .now_ms = clock_wall_ms(),
        .rooms_max = req->server->context.config->chat_rooms_max,
    };
    enum store_result result = chats_create(req->server->context.store, &op);
    if (result) {
        chat_rest_refuse(req, result, "internal");
        return;
    }
    log_info("chat", "%s has made the group %s", op.owner, op.room.id);
    buf_init(&json);
    announce(req, &op.room, &json);
    answer_json(req, 201, &json);
}

void chat_groups_create(struct request *req)
{
    char name[NAME_MAX_BYTES + 1];
    if (!chat_rest_allowed(req) || !chat_rest_body(req, "name", name, sizeof name)) {
        return;
    }
    if (!id_name_valid(span_of(name))) {
        answer_field(req, "bad_field", "name", "A name is 1 to 64 visible characters.");
    } else if (chat_rest_paced(req) && chat_rest_begin(req)) {
        create(req, name);
        chat_rest_end(req);
    }
}

/* ---- GET /chat/room/group/list ---- */

static void write_groups(struct buf *json, const struct chats_list *op)
{
    buf_append_text(json, "{\"rooms\":[");
    for (size_t i = 0; i < op->count; i++) {
        const struct chat_listed *listed = &op->list[i];
        if (i > 0) {
            buf_append_char(json, ',');
        }
        chat_rest_write_room(json, &listed->room, listed->room.name);
        buf_printf(json, ",\"joined\":%s}", listed->joined ? "true" : "false");
    }
    buf_append_char(json, ']');
    chat_rest_write_next(json, op->next);
    buf_append_char(json, '}');
}

static void list(struct request *req, struct chats_list *op)
{
    struct buf json;
    enum store_result result = chats_list(req->server->context.store, op);
    if (result == STORE_NOT_FOUND) {
        answer_field(req, "bad_field", "after",
                     "The parameter after is the next of the page before.");
    } else if (result) {
        chat_rest_refuse(req, result, "internal");
    } else {
        buf_init(&json);
        write_groups(&json, op);
        answer_json(req, 200, &json);
    }
    free(op->list);
}

void chat_groups_list(struct request *req)
{
    char part[CHAT_REST_QUERY_BYTES + 1];
    char after[CHAT_CURSOR_MAX + 1];
    struct chats_list op = {.user = req->claims.user_id, .limit = LIST_DEFAULT};
    if (!chat_rest_allowed(req) || !chat_rest_query(req, false, part) ||
        !request_field(req, "after", after, sizeof after) ||
        !request_number(req, "limit", 1, LIST_MAX, &op.limit) || !chat_rest_begin(req)) {
        return;
    }
    op.part = span_of(part);
    op.after = span_of(after);
    list(req, &op);
    chat_rest_end(req);
}

/* ---- POST /chat/room/group/{id}/join ---- */

static void join(struct request *req, const char *room)
{
    const struct config *config = req->server->context.config;
    struct chat_message_rows rows = {0};
    struct buf json;
    struct chat_join op = {
        .room = room,
        .user = req->claims.user_id,
        .now_ms = clock_wall_ms(),
        .rooms_max = config->chat_rooms_max,
        .members_max = config->chat_members_max,
        .rows = &rows,
    };
    enum store_result result = chats_join(req->server->context.store, &op);
    if (result) {
        chat_rest_refuse(req, result, "room_not_found");
        return;
    }
    buf_init(&json);
    if (rows.count > 0) {
        chat_rest_tell(req, op.after.seal, &rows);
        announce(req, &op.after, &json);
    } else {
        chat_rest_write_room(&json, &op.after, op.after.name);
        buf_append_char(&json, '}');
    }
    chat_message_rows_finish(&rows);
    answer_json(req, 200, &json);
}

void chat_groups_join(struct request *req)
{
    char room[CHAT_ROOM_ID_LEN + 1];
    if (chat_rest_allowed(req) && chat_rest_room(req, 3, room) && chat_rest_paced(req) &&
        chat_rest_begin(req)) {
        join(req, room);
        chat_rest_end(req);
    }
}

/* ---- DELETE /chat/room/group/{id}/leave ---- */

static void leave(struct request *req, const char *room)
{
    struct bus_pool *pool = req->server->context.pool;
    struct chat_message_rows rows = {0};
    struct chat_leave op = {
        .room = room,
        .user = req->claims.user_id,
        .now_ms = clock_wall_ms(),
        .delete_empty = req->server->context.config->delete_empty_rooms,
        .rows = &rows,
    };
    enum store_result result = chats_leave(req->server->context.store, &op);
    if (result) {
        chat_rest_refuse(req, result, "room_not_found");
        return;
    }
    if (op.deleted) {
        log_info("chat", "%s was the last to leave the group %s: deleted", op.user, room);
        (void)chat_publish_deleted(pool, room, op.after.seal);
    } else {
        chat_rest_tell(req, op.after.seal, &rows);
        (void)chat_publish_forget(pool, room, op.user);
    }
    chat_message_rows_finish(&rows);
    answer(req, 204, NULL, (struct span){NULL, 0});
    if (op.deleted) {
        sweeper_nudge(req->server->context.sweeper); /* what was said there */
    }
}

void chat_groups_leave(struct request *req)
{
    char room[CHAT_ROOM_ID_LEN + 1];
    if (chat_rest_allowed(req) && chat_rest_room(req, 3, room) && chat_rest_paced(req) &&
        chat_rest_begin(req)) {
        leave(req, room);
        chat_rest_end(req);
    }
}
