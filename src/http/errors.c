/* The table of errors and of reason phrases; see errors.h. */
#include "http/errors.h"

#include "base/json.h"

static const struct http_error table[] = {
    {"internal", 500, 0, "Something went wrong on the server."},

    {"payload_expected", 500, 0, "Payload expected."},
    {"broken_json", 500, 0, "Broken JSON encoding."},

    {"bad_request", 400, 0,
     "The request is no valid HTTP, or its head is too long or came too slowly."},
    {"bad_json", 400, 0, "The body is not one valid JSON object."},
    {"bad_field", 400, 0, "A field has a value that is not allowed."},
    {"bad_room", 400, 0, "A room code is 4 to 12 of A-Z and 0-9."},
    {"bad_event", 400, 0, "The body is not valid JSON in UTF-8."},
    {"reserved_type", 400, 0, "This messageType is the server's own."},
    {"bad_subprotocol", 400, 0, "None of the subprotocols offered is spoken here."},

    {"token_missing", 401, 0, "This needs an access token."},
    {"token_invalid", 401, 0, "The access token is not valid."},
    {"token_expired", 401, 0, "The access token has expired."},
    {"token_revoked", 401, 0, "This account has signed out everywhere: sign in again."},
    {"login_failed", 401, 0, "The id or the password is not right."},

    {"forbidden", 403, 0, "This is not for you."},
    {"room_forbidden", 403, 0, "This token does not open this room."},
    {"channel_forbidden", 403, 0, "This token does not open this event channel."},
    {"origin_forbidden", 403, 0, "Pages of this origin may not connect."},
    {"talk_forbidden", 403, 0, "In this room participants write to the teacher only, no images."},
    {"not_member", 403, 0, "This is for the members of the room: join it first."},
    {"removed", 403, 0, "The teacher has removed you from this room."},
    {"guest_unavailable", 403, 0,
     "Guests are not admitted here: sign in with your school's account."},
    {"accounts_off", 403, 0, "Accounts are not kept here: sign in at your school's login service."},
    {"account_required", 403, 0, "This is for accounts, and the access token is no account's."},
    {"signup_closed", 403, 0, "Accounts of this kind are made by your school: ask there for one."},

    {"not_found", 404, 0, "There is nothing at this address."},
    {"session_not_found", 404, 0, "There is no such session on this server, or not any more."},
    {"room_not_found", 404, 0, "There is no such room."},
    {"file_not_found", 404, 0, "This file does not exist, or not any more."},
    {"user_not_found", 404, 0, "There is no such user here."},
    {"message_not_found", 404, 0, "There is no such message, or not any more."},
    {"channel_not_found", 404, 0, "There is no such event channel."},
    {"method_not_allowed", 405, 0, "This address does not know this method."},
    {"request_timeout", 408, 0, "The request arrived too slowly."},

    {"room_taken", 409, 0, "Another teacher has a room with this code."},
    {"room_full", 409, 0, "The room is full."},
    {"too_many_rooms", 409, 0, "You are in as many rooms as one can be: leave one first."},
    {"id_taken", 409, 0, "Somebody else has this id."},
    {"email_taken", 409, 0, "There is an account with this e-mail address."},
    {"room_files_full", 409, 0, "The images of this class take up all the space that there is."},
    {"length_required", 411, 0,
     "The body needs a Content-Length; chunked bodies are not taken here."},
    {"body_too_large", 413, 0, "The body is too large."},
    {"image_too_large", 413, 0,
     "The image has too many pixels, or takes too much memory or time to be read."},
    {"not_an_image", 415, 0, "This is no image, or of a kind other than JPEG, PNG, BMP and GIF."},
    {"image_broken", 415, 0, "The image is damaged or incomplete."},
    {"unsupported_media_type", 415, 0, "The body must be application/json."},
    {"wrong_role", 421, 0, "This server leaves that to others: the proxy in front should know."},
    {"room_locked", 423, 0, "The teacher has locked this room."},
    {"upgrade_required", 426, 0, "This address speaks WebSocket, version 13."},
    {"rate_limited", 429, 1, "Too many of these at once: wait a moment."},
    {"too_many_attempts", 429, 1, "Too many attempts that failed: wait a moment."},
    {"range_not_satisfiable", 416, 0, "The file has no such bytes."},
    {"headers_too_large", 431, 0, "The request's head is too large."},

    {"files_full", 507, 0, "There is no space left for this file."},
    {"unavailable", 503, 2, "The server cannot reach its data just now."},
    {"draining", 503, 1, "This server is about to stop: connect again."},
    {"busy", 503, 2, "Many are signing in at this moment: try again."},
    {"chat_busy", 503, 1, "Many are using chats at this moment: try again."},
    {"files_busy", 503, 3, "Many files are being sent at this moment: try again."},
    {"images_busy", 503, 3, "Many images are being sent at this moment: try again."},
    {"no_capacity", 503, 5, "The server is full just now."},
    {"http_version", 505, 0, "This server speaks HTTP/1.0 and HTTP/1.1."},
};

static const size_t table_len = sizeof table / sizeof table[0];

const struct http_error *error_at(size_t i)
{
    return i < table_len ? &table[i] : NULL;
}

const struct http_error *error_find(const char *code)
{
    for (size_t i = 0; i < table_len; i++) {
        if (strcmp(table[i].code, code) == 0) {
            return &table[i];
        }
    }
    return &table[0];
}

void error_write(struct buf *out, const char *code, const char *field, const char *message)
{
    buf_append_text(out, "{\"error\":{");
    json_write_key(out, "code");
    json_write_string(out, span_of(code));
    json_write_key(out, "message");
    json_write_string(out, span_of(message));
    if (field) {
        json_write_key(out, "field");
        json_write_string(out, span_of(field));
    }
    buf_append_text(out, "}}");
}

const char *status_text(int status)
{
    static const struct {
        int status;
        const char *text;
    } texts[] = {
        {200, "OK"},
        {202, "Accepted"},
        {201, "Created"},
        {204, "No Content"},
        {206, "Partial Content"},
        {301, "Moved Permanently"},
        {302, "Found"},
        {304, "Not Modified"},
        {400, "Bad Request"},
        {401, "Unauthorized"},
        {403, "Forbidden"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {408, "Request Timeout"},
        {409, "Conflict"},
        {411, "Length Required"},
        {413, "Content Too Large"},
        {415, "Unsupported Media Type"},
        {416, "Range Not Satisfiable"},
        {421, "Misdirected Request"},
        {423, "Locked"},
        {426, "Upgrade Required"},
        {429, "Too Many Requests"},
        {431, "Request Header Fields Too Large"},
        {500, "Internal Server Error"},
        {503, "Service Unavailable"},
        {507, "Insufficient Storage"},
        {505, "HTTP Version Not Supported"},
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        if (texts[i].status == status) {
            return texts[i].text;
        }
    }
    return "Unknown";
}
