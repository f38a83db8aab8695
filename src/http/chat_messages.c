/*
 * Messages of chat rooms for programs without a socket: sending one, and deleting one. Both are committed first and
 * then published, as from a socket.
 */
#include "base/clock.h"
#include "base/utf8.h"
#include "chat/message.h"
#include "chat/sweeper.h"
#include "http/answer.h"
#include "http/body.h"
#include "http/chat_rest.h"
#include "http/handlers.h"
#include "http/head.h"
#include "wire/message.h"

/* ---- POST /chat/room/{id}/messages ---- */

static bool refuse(struct request *req, const char *code, const char *field, const char *message)
{
    answer_field(req, code, field, message);
    return false;
}

static bool read_text(struct request *req, struct buf *text)
{
    if (!head_is_type(request_header(req, "Content-Type"), "application/json")) {
        answer_error(req, "unsupported_media_type");
        return false;
    }
    if (!body_bytes(req, req->server->context.config->message_max, TRANSFER_RECEIVE_RATE, text)) {
        return false;
    }
    if (!utf8_valid(text->data, text->len)) {
        answer_error(req, "bad_json");
        return false;
    }
    return true;
}

/* Is what the envelope says of its sender and place, if anything, what is so? */
static bool check_envelope(struct request *req, const char *room, const struct message *message)
{
    char named[CHAT_ROOM_ID_LEN + 1];
    if (*message->sender && strcmp(message->sender, req->claims.user_id) != 0) {
        return refuse(req, "forbidden", "sender", "\"sender\" is not you.");
    }
    if (message->has_sender_type && message->sender_type != req->claims.type) {
        return refuse(req, "forbidden", "senderType", "\"senderType\" is not yours.");
    }
    if (*message->room &&
        (!chat_room_read(span_of(message->room), named) || strcmp(named, room) != 0)) {
        return refuse(req, "forbidden", "room", "\"room\" is not the one of the address.");
    }
    if (*message->target || (message->targets != 0 && message->targets != TARGET_ALL)) {
        return refuse(req, "bad_field", *message->target ? "target" : "targetType",
                      "In chat rooms messages are for all.");
    }
    return true;
}

/* Reads the message, which points into `text`. False after answering. */
static bool read_message(struct request *req, const char *room, struct span text,
                         struct message *message)
{
    struct message_error error;
    if (message_read(text, MESSAGE_FROM_CHATTER, message, &error)) {
        return refuse(req, error.code, error.field, error.text);
    }
    if (!check_envelope(req, room, message)) {
        return false;
    }
    if (!*message->type) {
        (void)span_copy(span_of("send"), message->type, sizeof message->type);
    }
    if (chat_verb_of(span_of(message->type)) != CHAT_ROUTED) {
        return refuse(req, "reserved_type", "messageType", "This messageType is the server's own.");
    }
    if (message->ephemeral) {
        return refuse(req, "bad_field", "ephemeral",
                      "What is not kept is sent by sockets, to those who are there.");
    }
    return true;
}

static void answer_message(struct request *req, int status, const struct chat_message_row *row)
{
    struct buf json;
    buf_init(&json);
    chat_message_write_own(&json, row);
    answer_json(req, status, &json);
}

/* The message with this ref was sent before: it is answered as it is by now. */
static void answer_repeated(struct request *req, const struct message_append *op)
{
    struct chat_message_rows rows = {0};
    enum store_result result = messages_get(req->server->context.store, op->room, op->seq, &rows);
    if (result) {
        chat_rest_refuse(req, result, "message_not_found");
        return;
    }
    if (rows.list[0].kind == MESSAGE_SENT) {
        answer_message(req, 200, &rows.list[0]);
    } else {
        answer_error(req, "message_not_found"); /* deleted since */
    }
    chat_message_rows_finish(&rows);
}

/*
 * Publishes the message that was committed, and answers it. It is not read again: that could fail, and what is
 * committed shall be told.
 */
static void answer_sent(struct request *req, const struct message_append *op)
{
    const struct claims *claims = &req->claims;
    struct chat_message_row row = {
        .seq = op->seq,
        .kind = MESSAGE_SENT,
        .created_ms = op->created_ms,
        .sender = span_of(claims->user_id),
        .sender_name = span_of(claims->name),
        .sender_type = claims->type,
        .type = op->type,
        .body = op->body,
        .ref = op->ref,
    };
    const struct chat_message_rows rows = {.list = &row, .count = 1};
    (void)span_copy(span_of(op->room), row.room, sizeof row.room);
    chat_rest_tell(req, op->seal, &rows);
    chat_rest_tell_read(req, op->seal, op->room, op->seq);
    answer_message(req, 201, &row);
}

static void append(struct request *req, const char *room, const struct message *message)
{
    struct buf text;
    buf_init(&text);
    chat_text_write(&text, message->body.raw);
    if (text.failed) {
        answer_error(req, "internal");
        buf_finish(&text);
        return;
    }
    struct message_append op = {
        .room = room,
        .sender = req->claims.user_id,
        .type = span_of(message->type),
        .body = message->body.raw,
        .text = buf_span(&text),
        .ref = span_of(message->ref),
        .now_ms = clock_wall_ms(),
    };
    enum store_result result = messages_append(req->server->context.store, &op);
    if (result) {
        chat_rest_refuse(req, result, "room_not_found");
    } else if (op.repeated) {
        answer_repeated(req, &op);
    } else {
        answer_sent(req, &op);
    }
    buf_finish(&text);
}

void chat_messages_post(struct request *req)
{
    char room[CHAT_ROOM_ID_LEN + 1];
    struct message message;
    struct buf text;
    if (!chat_rest_allowed(req) || !chat_rest_room(req, 2, room) || !chat_rest_paced(req)) {
        return;
    }
    buf_init(&text);
    if (read_text(req, &text) && read_message(req, room, buf_span(&text), &message) &&
        chat_rest_begin(req)) {
        append(req, room, &message);
        chat_rest_end(req);
    }
    buf_finish(&text);
}

/* ---- DELETE /chat/message/{id} ---- */

static void erase(struct request *req, const char *room, int64_t seq)
{
    struct message_delete op = {
        .room = room,
        .user = req->claims.user_id,
        .seq = seq,
        .now_ms = clock_wall_ms(),
    };
    enum store_result result = messages_delete(req->server->context.store, &op);
    if (result) {
        chat_rest_refuse(req, result, "message_not_found");
        return;
    }
    chat_rest_tell(req, op.seal, &op.rows);
    chat_message_rows_finish(&op.rows);
    if (*op.file) {
        sweeper_nudge(req->server->context.sweeper);
    }
    answer(req, 204, NULL, (struct span){NULL, 0});
}

void chat_messages_delete(struct request *req)
{
    char room[CHAT_ROOM_ID_LEN + 1];
    int64_t seq;
    if (!chat_rest_allowed(req)) {
        return;
    }
    if (!chat_id_read(url_path_at(&req->path, 2), room, &seq)) {
        answer_error(req, "message_not_found");
    } else if (chat_rest_paced(req) && chat_rest_begin(req)) {
        erase(req, room, seq);
        chat_rest_end(req);
    }
}
