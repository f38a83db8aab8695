/* What was said in chat rooms: pages of history, how far one has read, searching. */
#include <stdio.h>

#include "base/json.h"
#include "base/number.h"
#include "chat/message.h"
#include "http/answer.h"
#include "http/chat_rest.h"
#include "http/handlers.h"
#include "store/search.h"

#define HISTORY_DEFAULT 50 /* messages of a page */
#define HISTORY_MAX 200
/* Of their bodies: a thread has them in memory, and their JSON too. */
#define HISTORY_BYTES (1u << 20)
#define SEARCH_DEFAULT 20
#define SEARCH_MAX 50

static bool refuse_place(struct request *req, const char *name)
{
    char message[128];
    snprintf(message, sizeof message,
             "The parameter %s is the id of a message of this room, or its number.", name);
    answer_field(req, "bad_field", name, message);
    return false;
}

/* An id of this room, or a number; *out is -1 where there is none. False after answering bad_field. */
static bool read_place(struct request *req, const char *name, const char *room, int64_t *out)
{
    char text[CHAT_MESSAGE_ID_MAX + 1];
    char named[CHAT_ROOM_ID_LEN + 1];
    uint64_t number;
    *out = -1;
    if (!request_field(req, name, text, sizeof text)) {
        return false;
    }
    if (!*text) {
        return true;
    }
    if (number_read(span_of(text), 0, INT64_MAX, &number)) {
        *out = (int64_t)number;
        return true;
    }
    return (chat_id_read(span_of(text), named, out) && strcmp(named, room) == 0) ||
           refuse_place(req, name);
}

/* ---- GET /chat/history/{id} ---- */

static bool read_page(struct request *req, struct messages_page *page)
{
    int64_t before, after;
    if (!read_place(req, "before", page->room, &before) ||
        !read_place(req, "after", page->room, &after) ||
        !request_number(req, "limit", 1, HISTORY_MAX, &page->limit)) {
        return false;
    }
    if (before >= 0 && after >= 0) {
        answer_field(req, "bad_field", "after", "A page is before or after a message, not both.");
        return false;
    }
    page->which = before >= 0 ? MESSAGES_BEFORE : after >= 0 ? MESSAGES_AFTER : MESSAGES_NEWEST;
    page->from = before >= 0 ? before : after;
    return true;
}

static void write_reads(struct buf *json, const char *room, const struct chat_people *readers)
{
    json_write_key(json, "reads");
    buf_append_char(json, '{');
    for (size_t i = 0; i < readers->count; i++) {
        chat_rest_write_id(json, readers->list[i].id, room, readers->list[i].read_seq);
    }
    buf_append_char(json, '}');
}

static void answer_page(struct request *req, struct messages_page *page)
{
    struct store *store = req->server->context.store;
    struct chat_people readers = {0};
    struct buf json;
    enum store_result result = messages_page(store, page);
    if (result) {
        chat_rest_refuse(req, result, "room_not_found");
        return;
    }
    result = chats_reads(store, page->room, &readers);
    if (result) {
        chat_rest_refuse(req, result, "internal");
    } else {
        buf_init(&json);
        buf_append_text(&json, "{\"messages\":");
        chat_rest_write_rows(&json, &page->rows);
        buf_printf(&json, ",\"more\":%s", page->more ? "true" : "false");
        chat_rest_write_id(&json, "lastReadMessage", page->room, page->read_seq);
        write_reads(&json, page->room, &readers);
        buf_append_char(&json, '}');
        chat_people_finish(&readers);
        answer_json(req, 200, &json);
    }
    chat_message_rows_finish(&page->rows);
}

void chat_history_get(struct request *req)
{
    char room[CHAT_ROOM_ID_LEN + 1];
    struct messages_page page = {
        .room = room,
        .user = req->claims.user_id,
        .limit = HISTORY_DEFAULT,
        .bytes_max = HISTORY_BYTES,
    };
    if (chat_rest_allowed(req) && chat_rest_room(req, 2, room) && read_page(req, &page) &&
        chat_rest_begin(req)) {
        answer_page(req, &page);
        chat_rest_end(req);
    }
}

/* ---- POST /chat/room/{id}/read ---- */

static void mark_read(struct request *req, const char *room, int64_t seq)
{
    struct buf json;
    struct chat_read op = {.room = room, .user = req->claims.user_id, .seq = seq};
    enum store_result result = chats_read(req->server->context.store, &op);
    if (result) {
        chat_rest_refuse(req, result, "room_not_found");
        return;
    }
    if (op.moved) {
        chat_rest_tell_read(req, op.seal, room, op.read_seq);
    }
    buf_init(&json);
    buf_append_char(&json, '{');
    chat_rest_write_id(&json, "lastReadMessage", room, op.read_seq);
    buf_printf(&json, ",\"unread\":%u}", op.unread);
    answer_json(req, 200, &json);
}

void chat_history_read(struct request *req)
{
    char room[CHAT_ROOM_ID_LEN + 1], named[CHAT_ROOM_ID_LEN + 1];
    char id[CHAT_MESSAGE_ID_MAX + 1];
    int64_t seq;
    if (!chat_rest_allowed(req) || !chat_rest_room(req, 2, room) ||
        !chat_rest_body(req, "lastReadMessage", id, sizeof id)) {
        return;
    }
    if (!chat_id_read(span_of(id), named, &seq) || strcmp(named, room) != 0) {
        answer_field(req, "bad_field", "lastReadMessage",
                     "The field lastReadMessage is the id of a message of this room.");
    } else if (chat_rest_paced(req) && chat_rest_begin(req)) {
        mark_read(req, room, seq);
        chat_rest_end(req);
    }
}

/* ---- GET /chat/search ---- */

/*
 * Nothing was found to search in: a cursor that is none is answered as such, but first of all who may not see the room
 * that was named is told just that.
 */
static void refuse_search(struct request *req, const struct messages_search *op)
{
    struct chat_enter room = {.room_id = op->room, .user = op->user};
    enum store_result result = op->room ? chats_enter(req->server->context.store, &room) : STORE_OK;
    if (result == STORE_OK && op->before.n > 0) {
        answer_field(req, "bad_field", "before",
                     "The parameter before is the next of the page before.");
    } else {
        chat_rest_refuse(req, result ? result : STORE_NOT_FOUND, "room_not_found");
    }
}

static void search(struct request *req, struct messages_search *op)
{
    struct buf json;
    enum store_result result = messages_search(req->server->context.store, op);
    if (result == STORE_NOT_FOUND) {
        refuse_search(req, op);
        return;
    }
    if (result) {
        chat_rest_refuse(req, result, "internal");
        return;
    }
    buf_init(&json);
    buf_append_text(&json, "{\"messages\":");
    chat_rest_write_rows(&json, &op->rows);
    chat_rest_write_next(&json, op->next);
    buf_append_char(&json, '}');
    chat_message_rows_finish(&op->rows);
    answer_json(req, 200, &json);
}

void chat_history_search(struct request *req)
{
    char part[CHAT_REST_QUERY_BYTES + 1];
    char named[URL_PATH_MAX + 1];
    char room[CHAT_ROOM_ID_LEN + 1];
    char before[SEARCH_CURSOR_MAX + 1];
    struct messages_search op = {.user = req->claims.user_id, .limit = SEARCH_DEFAULT};
    if (!chat_rest_allowed(req) || !chat_rest_query(req, true, part) ||
        !request_field(req, "room", named, sizeof named) ||
        !request_field(req, "before", before, sizeof before) ||
        !request_number(req, "limit", 1, SEARCH_MAX, &op.limit)) {
        return;
    }
    if (*named && !chat_room_read(span_of(named), room)) {
        answer_error(req, "room_not_found");
    } else if (chat_rest_begin(req)) {
        op.room = *named ? room : NULL;
        op.part = span_of(part);
        op.before = span_of(before);
        search(req, &op);
        chat_rest_end(req);
    }
}
