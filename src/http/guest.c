/*
 * POST /guest {room, name}: a student's token for one open room, for pupils without an account. The
 * device is remembered by a signed cookie, so that the same child comes back as the same user, and
 * one who was removed does not simply come back.
 */
#include <stdlib.h>

#include "base/clock.h"
#include "base/json.h"
#include "http/answer.h"
#include "http/body.h"
#include "http/codes.h"
#include "http/handlers.h"
#include "room/lookup.h"

#define BODY_MAX 4096 /* bytes */
#define COOKIE "lectern_device"
#define COOKIE_AGE "31536000" /* seconds: a year */

/* Who wants to enter. */
struct guest {
    char room[ROOM_CODE_MAX + 1];
    char cookie[DEVICE_COOKIE_LEN + 1];
    struct claims claims;
};

/* Cuts blanks off both ends: a child's keyboard adds them. */
static void trim(char *text)
{
    size_t n = strlen(text);
    while (n > 0 && text[n - 1] == ' ') {
        n--;
    }
    size_t blanks = strspn(text, " ");
    blanks = blanks < n ? blanks : n;
    memmove(text, text + blanks, n - blanks);
    text[n - blanks] = '\0';
}

static bool read_fields(struct request *req, const cJSON *body, struct guest *guest)
{
    char room[64];
    char *name = guest->claims.name;
    if (!body_text(req, body, "room", room, sizeof room) ||
        !body_text(req, body, "name", name, sizeof guest->claims.name)) {
        return false;
    }
    if (!id_room_code_valid(span_of(room))) {
        answer_field(req, "bad_room", "room", "A room code is 4 to 12 of A-Z and 0-9.");
        return false;
    }
    trim(name);
    if (!id_name_valid(span_of(name))) {
        answer_field(req, "bad_field", "name", "A name is 1 to 64 visible characters.");
        return false;
    }
    return span_copy(span_of(room), guest->room, sizeof guest->room);
}

static bool read_body(struct request *req, struct guest *guest)
{
    cJSON *body = body_json(req, BODY_MAX);
    bool read = body && read_fields(req, body, guest);
    cJSON_Delete(body);
    return read;
}

/* Recognises the device by its cookie, or makes it known. */
static void set_device(struct request *req, struct guest *guest)
{
    const struct tokens *tokens = req->server->context.tokens;
    struct span value;
    struct buf cookies;
    buf_init(&cookies);
    const char *header = request_header_list(req, "Cookie", &cookies);
    bool known = header && cookie_get(span_of(header), COOKIE, &value) == URL_OK &&
                 device_verify(tokens, value, guest->claims.device) &&
                 span_copy(value, guest->cookie, sizeof guest->cookie);
    buf_finish(&cookies);
    if (!known) {
        device_create(tokens, guest->cookie);
        (void)device_verify(tokens, span_of(guest->cookie), guest->claims.device);
    }
}

/* Asks whether the room would let this guest in; false after answering. */
static bool ask_room(struct request *req, const struct guest *guest)
{
    if (!codes_may_ask(req, guest->room)) {
        return false;
    }
    enum room_outcome outcome = lookup_door(req->server->context.pool, guest->room,
                                            guest->claims.user_id, guest->claims.device);
    if (outcome == ROOM_NOT_FOUND) {
        codes_missing(req);
        return false;
    }
    codes_refund(req, guest->room);
    switch (outcome) {
    case ROOM_RESERVED:
        return true;
    case ROOM_LOCKED:
        answer_error(req, "room_locked");
        return false;
    case ROOM_REMOVED:
        answer_error(req, "removed");
        return false;
    default:
        answer_error(req, "unavailable");
        return false;
    }
}

static void answer_token(struct request *req, const struct guest *guest, const char *jwt)
{
    struct buf json;
    buf_init(&json);
    buf_append_char(&json, '{');
    json_write_key(&json, "token");
    json_write_string(&json, span_of(jwt));
    buf_printf(&json, ",\"expiresIn\":%u,\"user\":{",
               (unsigned)req->server->context.config->guest_token_s);
    json_write_key(&json, "id");
    json_write_string(&json, span_of(guest->claims.user_id));
    json_write_key(&json, "name");
    json_write_string(&json, span_of(guest->claims.name));
    buf_append_text(&json, ",\"userType\":\"student\"}}");
    answer_header(req, "Set-Cookie",
                  COOKIE "=%s; Path=/; Max-Age=" COOKIE_AGE "; HttpOnly; SameSite=Lax%s",
                  guest->cookie, request_is_https(req) ? "; Secure" : "");
    answer_json(req, 200, &json);
}

void guest_post(struct request *req)
{
    const struct tokens *tokens = req->server->context.tokens;
    struct guest guest = {.claims = {.type = USER_STUDENT}};
    if (!tokens_can_mint(tokens)) {
        answer_error(req, "guest_unavailable");
        return;
    }
    if (!read_body(req, &guest)) {
        return;
    }
    struct claims *claims = &guest.claims;
    int64_t now = clock_wall_ms();
    set_device(req, &guest);
    guest_user_id(tokens, claims->device, guest.room, claims->name, claims->user_id);
    if (!ask_room(req, &guest)) {
        return;
    }
    (void)span_copy(span_of(guest.room), claims->room, sizeof claims->room);
    claims->expires_ms = now + (int64_t)req->server->context.config->guest_token_s * 1000;
    char *jwt = malloc(TOKEN_MAX + 1); /* too large for civetweb's small stacks */
    if (jwt && token_mint(tokens, claims, now, jwt) == 0) {
        answer_token(req, &guest, jwt);
    } else {
        answer_error(req, "internal");
    }
    free(jwt);
}
