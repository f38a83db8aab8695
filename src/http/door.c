/* The checks, and the table of doors; see door.h. */
#include "http/door.h"

#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "base/map.h"
#include "core/log.h"
#include "core/memory.h"
#include "core/metrics.h"
#include "http/answer.h"
#include "http/chat_rest.h"
#include "http/codes.h"
#include "http/routes.h"
#include "store/users.h"

#define OPENING_TRIES 50   /* how often a room is asked for whose host is just arriving, */
#define OPENING_MS 20      /* and the wait between, ms */
#define FULL_NOTE_MS 10000 /* between two lines of the log that say so */
#define CHECKS_MAX 8

static bool refuse(struct door *door, const char *code)
{
    answer_error(door->req, code);
    return false;
}

static bool refuse_field(struct door *door, const char *field, const char *message)
{
    answer_field(door->req, "bad_field", field, message);
    return false;
}

/* ---- Which one it is ---- */

const struct proto *door_service(struct span service)
{
    for (const struct proto *proto = proto_table; proto->path; proto++) {
        if (proto->sockjs && span_eq(service, proto->sockjs)) {
            return proto;
        }
    }
    return NULL;
}

bool door_session_valid(const struct url_path *path)
{
    struct span server = url_path_at(path, 2);
    struct span session = url_path_at(path, 3);
    return server.n > 0 && session.n > 0 && !memchr(server.p, '.', server.n) &&
           !memchr(session.p, '.', session.n);
}

const struct proto *door_find(const struct url_path *path, bool *framed)
{
    *framed = route_matches("/sockjs/{service}/{server}/{session}/websocket", path);
    if (*framed || route_matches("/sockjs/{service}/websocket", path)) {
        bool valid = !*framed || door_session_valid(path);
        return valid ? door_service(url_path_at(path, 1)) : NULL;
    }
    for (const struct proto *proto = proto_table; proto->path; proto++) {
        if (route_matches(proto->path, path)) {
            return proto;
        }
    }
    return NULL;
}

/* ---- Before it ---- */

bool door_role(struct door *door)
{
    return door->req->server->context.config->role != CONFIG_ROLE_API || refuse(door, "wrong_role");
}

bool door_outside(struct door *door)
{
    if (atomic_load(&door->req->server->draining)) {
        return refuse(door, "draining");
    }
    return request_origin_allowed(door->req) || refuse(door, "origin_forbidden");
}

/* Says in the log that newcomers are turned away, once in a while. */
static void note_full(struct http_server *server, const char *limit)
{
    int64_t now_ms = clock_mono_ms();
    int64_t after_ms = atomic_load(&server->full_note_after_ms);
    if (now_ms >= after_ms && atomic_compare_exchange_strong(&server->full_note_after_ms, &after_ms,
                                                             now_ms + FULL_NOTE_MS)) {
        log_warn("http", "full: upgrades are refused, %s is reached with %lld sockets", limit,
                 (long long)metric_get(METRIC_CONNECTIONS));
    }
}

static bool check_capacity(struct door *door)
{
    struct http_server *server = door->req->server;
    uint64_t memory_max = (uint64_t)server->context.config->memory_max << 20;
    bool memory = memory_max > 0 && memory_over(memory_max);
    if (!memory && metric_get(METRIC_CONNECTIONS) < server->sockets_max) {
        return true;
    }
    note_full(server, memory ? "LECTERN_MEMORY_MAX" : "the number of sockets");
    return refuse(door, "no_capacity");
}

/* ---- Class rooms ---- */

/* `wrong` is what request_claims() says of the token. */
static bool take_token(struct door *door, const char *wrong)
{
    if (wrong) {
        return refuse(door, wrong);
    }
    if (door->req->claims.type == USER_SERVICE) {
        return refuse(door, "room_forbidden");
    }
    door->socket.claims = door->req->claims;
    return true;
}

static bool check_token(struct door *door)
{
    return take_token(door, request_claims(door->req));
}

static bool read_room(struct door *door)
{
    struct request *req = door->req;
    size_t len;
    enum url_result result = url_query_get(req->query, "room", door->code, sizeof door->code, &len);
    if (result == URL_ABSENT && req->claims.type == USER_TEACHER) {
        return true;
    }
    if (result != URL_OK || !id_room_code_valid((struct span){door->code, len})) {
        return refuse(door, "bad_room");
    }
    return true;
}

/* One of two words; `out` is true for the second. */
static bool read_word(struct door *door, const char *name, const char *no, const char *yes,
                      bool *out)
{
    char text[16];
    char message[96];
    if (!request_field(door->req, name, text, sizeof text)) {
        return false;
    }
    *out = strcmp(text, yes) == 0;
    if (*text && !*out && strcmp(text, no) != 0) {
        snprintf(message, sizeof message, "The parameter %s is %s or %s.", name, no, yes);
        return refuse_field(door, name, message);
    }
    return true;
}

static bool read_host_options(struct door *door)
{
    struct room_options *options = &door->options;
    uint32_t most = door->req->server->context.config->room_max;
    options->max = most;
    if (door->req->claims.type != USER_TEACHER) {
        return true;
    }
    if (!request_field(door->req, "name", options->name, sizeof options->name)) {
        return false;
    }
    if (options->name[0] && !id_name_valid(span_of(options->name))) {
        return refuse_field(door, "name", "A room's name is 1 to 64 visible characters.");
    }
    return request_number(door->req, "max", 1, most, &options->max) &&
           request_number(door->req, "hold", 0, ROOM_HOLD_MAX_S, &options->hold_s) &&
           read_word(door, "talk", "teacher", "all", &options->talk_all) &&
           read_word(door, "notify", "host", "all", &options->notify_all);
}

static bool read_resume(struct door *door)
{
    struct socket_request *socket = &door->socket;
    socket->history = ROOM_HISTORY_DEFAULT;
    if (!request_field(door->req, "since", socket->since, sizeof socket->since) ||
        !request_number(door->req, "history", 0, ROOM_HISTORY_MAX, &socket->history)) {
        return false;
    }
    for (const char *p = socket->since; *p; p++) {
        if (*p != '.' && !id_type_valid((struct span){p, 1})) {
            return refuse_field(door, "since", "The parameter since is the id of a message.");
        }
    }
    return true;
}

/* The code of each outcome of reserve_place(). */
static const char *const outcome_codes[] = {
    [ROOM_NOT_FOUND] = "room_not_found", [ROOM_TAKEN] = "room_taken",
    [ROOM_LOCKED] = "room_locked",       [ROOM_FULL] = "room_full",
    [ROOM_REMOVED] = "removed",          [ROOM_FORBIDDEN] = "room_forbidden",
    [ROOM_UNAVAILABLE] = "unavailable",
};

/*
 * A student may be there a moment before the host's socket is active: waits for it, unless too many
 * threads do.
 */
static enum room_outcome reserve_place(struct door *door)
{
    const struct timespec wait = {.tv_nsec = OPENING_MS * 1000000L};
    struct http_server *server = door->req->server;
    bool waits = false;
    enum room_outcome outcome;
    for (int i = 0; i < OPENING_TRIES; i++) {
        outcome = room_reserve(server->context.pool, &door->req->claims, door->code, &door->options,
                               &door->socket.ticket);
        if (outcome != ROOM_OPENING) {
            break;
        }
        if (!waits && !limits_enter(server->limits, LIMITS_OPENING)) {
            return ROOM_UNAVAILABLE;
        }
        waits = true;
        nanosleep(&wait, NULL);
    }
    if (waits) {
        limits_leave(server->limits, LIMITS_OPENING);
    }
    return outcome == ROOM_OPENING ? ROOM_NOT_FOUND : outcome;
}

static bool reserve_room(struct door *door)
{
    struct request *req = door->req;
    bool guesser = codes_guesser(&req->claims, door->code);
    if (guesser && !codes_may_ask(req, door->code)) {
        return false;
    }
    enum room_outcome outcome = reserve_place(door);
    if (outcome == ROOM_NOT_FOUND) {
        codes_missing(req);
        return false;
    }
    codes_refund(req, door->code);
    return outcome == ROOM_RESERVED || refuse(door, outcome_codes[outcome]);
}

static void release_room(struct door *door)
{
    room_release(door->req->server->context.pool, &door->socket.ticket);
}

/* A class goes to the loop that its code chooses, so that a server follows it once. */
static unsigned room_loop(struct door *door)
{
    const char *room = door->socket.ticket.room;
    return (unsigned)hash_stable(room, strlen(room));
}

/* ---- Chats ---- */

/* `/ws` is for classes, and for chats where the query says so: `room=c…` or `chat=1`. */
static bool is_for_chats(struct door *door)
{
    char room[CHAT_CHANNEL_LEN + 1], chat[4];
    size_t len;
    if (door->proto->door != PROTO_DOOR_ROOM) {
        return false;
    }
    enum url_result result = url_query_get(door->req->query, "room", room, sizeof room, &len);
    if (result != URL_ABSENT) {
        return result == URL_OK && chat_room_read((struct span){room, len}, door->socket.chat);
    }
    return url_query_get(door->req->query, "chat", chat, sizeof chat, &len) == URL_OK &&
           strcmp(chat, "1") == 0;
}

static void choose_chats(struct door *door)
{
    const struct proto *proto = proto_table;
    if (is_for_chats(door)) {
        while (proto->door != PROTO_DOOR_CHAT) {
            proto++;
        }
        door->proto = proto;
    }
}

static bool check_chat_token(struct door *door)
{
    const char *wrong = request_claims(door->req);
    if (wrong) {
        return refuse(door, wrong);
    }
    door->socket.claims = door->req->claims;
    return chat_rest_allowed(door->req);
}

static bool read_chat_resume(struct door *door)
{
    struct socket_request *socket = &door->socket;
    char room[CHAT_ROOM_ID_LEN + 1];
    int64_t seq;
    socket->history = CHAT_HISTORY_DEFAULT;
    if (!request_field(door->req, "since", socket->since, sizeof socket->since) ||
        !request_number(door->req, "history", 0, CHAT_HISTORY_MAX, &socket->history)) {
        return false;
    }
    return !*socket->since || chat_id_read(span_of(socket->since), room, &seq) ||
           refuse_field(door, "since", "The parameter since is the id of a message.");
}

static enum store_result ask_store(struct door *door)
{
    struct store *store = door->req->server->context.store;
    const struct claims *claims = &door->req->claims;
    struct chat_enter enter = {.room_id = door->socket.chat, .user = claims->user_id};
    enum store_result result = STORE_OK;
    if (claims->generation == 0) {
        result = users_know(store, claims->user_id, span_of(claims->name), claims->type,
                            clock_wall_ms());
    }
    if (result == STORE_OK && *door->socket.chat) {
        result = chats_enter(store, &enter);
        if (result == STORE_OK) {
            chat_people_finish(&enter.people);
        }
    }
    return result;
}

/*
 * The store says who is a member. The loop asks it again: here it is asked for a refusal with a status, and
 * not at all in a crowd, as when a server's sockets all come back at once.
 */
static bool check_member(struct door *door)
{
    struct limits *limits = door->req->server->limits;
    if (!limits_enter(limits, LIMITS_CHAT_DOOR)) {
        return true;
    }
    enum store_result result = ask_store(door);
    limits_leave(limits, LIMITS_CHAT_DOOR);
    if (result) {
        chat_rest_refuse(door->req, result, "room_not_found");
    }
    return result == STORE_OK;
}

/* Somebody's chats are on one loop: it hears of what concerns them once. */
static unsigned user_loop(struct door *door)
{
    const char *user = door->socket.claims.user_id;
    return (unsigned)hash_stable(user, strlen(user));
}

/* ---- No room ---- */

static unsigned next_loop(struct door *door)
{
    return atomic_fetch_add(&door->req->server->next_loop, 1);
}

/* ---- A token perhaps ---- */

static bool check_any_token(struct door *door)
{
    const char *wrong = request_claims(door->req);
    return (wrong && strcmp(wrong, "token_missing") == 0) || take_token(door, wrong);
}

/* ---- The event feed ---- */

#define FEED_SINCE_MAX 8192 /* bytes of ?since=: an id for each of many channels */

static bool answer_wish(struct door *door, enum feed_wish_result result, const char *field)
{
    switch (result) {
    case FEED_WISH_UNKNOWN:
        return refuse(door, "channel_not_found");
    case FEED_WISH_FORBIDDEN:
        return refuse(door, "channel_forbidden");
    case FEED_WISH_BAD:
        return refuse_field(door, field,
                            *field == 'c'
                                ? "The parameter channels is names with commas between."
                                : "The parameter since is channel:id with commas between.");
    default:
        return true;
    }
}

/* Reads a parameter of the feed's: they may be longer than others. False after answering. */
static bool read_feed_field(struct door *door, const char *name, uint64_t allowed)
{
    char *const *channels = door->req->server->context.config->feed_channels;
    struct feed_wish *wish = &door->socket.feed;
    char *text = malloc(FEED_SINCE_MAX); /* not on the stack: the thread would keep the page */
    if (!text) {
        return refuse(door, "no_capacity");
    }
    bool ok = request_field(door->req, name, text, FEED_SINCE_MAX);
    if (ok) {
        ok = answer_wish(door,
                         *name == 'c' ? feed_wish_channels(channels, allowed, span_of(text), wish)
                                      : feed_wish_since(channels, span_of(text), wish),
                         name);
    }
    free(text);
    return ok;
}

static bool check_feed(struct door *door)
{
    const struct config *config = door->req->server->context.config;
    uint64_t allowed = feed_channels_all(config->feed_channels);
    if (!config->feed_public) {
        const char *wrong = request_claims(door->req);
        if (wrong) {
            return refuse(door, wrong);
        }
        door->socket.claims = door->req->claims;
        allowed = feed_channels_of_claim(config->feed_channels, door->req->claims.channels);
    }
    return read_feed_field(door, "channels", allowed) && read_feed_field(door, "since", allowed);
}

/* ---- The table ---- */

static const struct kind {
    bool (*checks[CHECKS_MAX])(struct door *door); /* NULL-terminated */
    bool (*reserve)(struct door *door);            /* NULL: there is nothing to reserve */
    void (*release)(struct door *door);
    unsigned (*loop)(struct door *door); /* modulo the number of loops */
} kinds[] = {
    [PROTO_DOOR_OPEN] = {{NULL}, NULL, NULL, next_loop},
    [PROTO_DOOR_TOKEN] = {{check_any_token, NULL}, NULL, NULL, next_loop},
    [PROTO_DOOR_FEED] = {{check_feed, NULL}, NULL, NULL, next_loop},
    [PROTO_DOOR_CHAT] = {{check_chat_token, read_chat_resume, NULL}, check_member, NULL, user_loop},
    [PROTO_DOOR_ROOM] = {{check_token, read_room, read_host_options, read_resume, NULL},
                         reserve_room,
                         release_room,
                         room_loop},
};

static const struct kind *kind_of(const struct door *door)
{
    return &kinds[door->proto->door];
}

bool door_inside(struct door *door)
{
    choose_chats(door);
    const struct kind *kind = kind_of(door);
    if (!check_capacity(door)) {
        return false;
    }
    for (size_t i = 0; kind->checks[i]; i++) {
        if (!kind->checks[i](door)) {
            return false;
        }
    }
    return true;
}

bool door_reserve(struct door *door)
{
    const struct kind *kind = kind_of(door);
    if (kind->reserve && !kind->reserve(door)) {
        return false;
    }
    if (atomic_load(&door->req->server->draining)) {
        door_release(door); /* it has begun while Redis was asked */
        return refuse(door, "draining");
    }
    (void)span_copy(span_of(door->req->address), door->socket.address, sizeof door->socket.address);
    door->socket.started_ns = door->req->started_ns;
    door->socket.guard = &door->req->server->guard;
    return true;
}

void door_release(struct door *door)
{
    const struct kind *kind = kind_of(door);
    metric_add(METRIC_TAKE_FAILED, 1);
    if (kind->release) {
        kind->release(door);
    }
}

struct proto_loop *door_loop(struct door *door)
{
    const struct http_context *context = &door->req->server->context;
    return context->loops[kind_of(door)->loop(door) % context->loop_count];
}
