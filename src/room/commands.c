/*
 * What members send: limits, rights, and the scripts that carry it out; messages for others go by
 * batch.c. Answers go to the sender only: `ack` when it gave a `ref`, `error` in any case.
 */
#include "room/internal.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "core/metrics.h"
#include "session/refresh.h"

#define RETRY_MS 1000
#define EARLY_MAX 64  /* messages kept until the welcome, */
#define EARLY_SIZES 4 /* as many bytes as so many of the longest */
#define SETTINGS 6    /* rows of setting_table */

/* A script under way on a member's behalf. */
struct call {
    struct member *member;
    int64_t started_ns;
    char ref[ID_MAX + 1];
};

/* ---- answers ---- */

static void tell_error(struct member *member, const char *ref, const char *code, const char *field,
                       int retry_ms, const char *text)
{
    struct buf body;
    buf_init(&body);
    message_write_error(&body, code, field, retry_ms, text);
    metric_add(METRIC_BAD_MESSAGES, 1);
    metric_refused(code);
    member_tell(member, "error", ref, buf_span(&body), false);
    buf_finish(&body);
}

static void tell_ack(struct member *member, const char *ref, struct span id)
{
    if (!*ref) {
        return;
    }
    char body[ROOM_MESSAGE_ID_MAX + 32] = "{}";
    if (id.n > 0) {
        snprintf(body, sizeof body, "{\"id\":\"%s.%.*s\"}", member->room->epoch, (int)id.n, id.p);
    }
    member_tell(member, "ack", ref, span_of(body), false);
}

void member_unavailable(struct member *member, const char *ref)
{
    tell_error(member, ref, "unavailable", NULL, RETRY_MS,
               "The room's state cannot be reached; send it again in a moment.");
}

static void tell_forbidden(struct member *member, const struct message *message, const char *text)
{
    tell_error(member, message->ref, "forbidden", NULL, 0, text);
}

/* ---- scripts ---- */

void member_answer(struct member *member, const char *ref, int64_t started_ns, struct span status,
                   struct span id)
{
    if (span_eq(status, "stale") || span_eq(status, "removed")) {
        bool removed = span_eq(status, "removed");
        member->left = true;
        member_close(member, removed ? CLOSE_REMOVED : CLOSE_REPLACED,
                     removed ? "removed" : "replaced");
    } else if (span_eq(status, "ended") || span_eq(status, "gone")) {
        /* The channel brings `close`, or the tick finds that room or session must be brought back. */
        member->room->suspect = true;
        member_unavailable(member, ref);
    } else if (!span_eq(status, "ok") && !span_eq(status, "repeat")) {
        member_unavailable(member, ref); /* "failed": somebody has tampered with the log */
    } else {
        tell_ack(member, ref, id);
        metric_observe(HISTOGRAM_ACK, (double)(clock_mono_ns() - started_ns) / 1e9);
    }
}

static void call_done(void *arg, const struct bus_reply *reply)
{
    struct call *call = arg;
    struct member *member = call->member;
    if (!reply || bus_reply_type(reply) == BUS_ERROR) {
        member_unavailable(member, call->ref); /* perhaps it was done; doing it again is harmless */
    } else {
        member_answer(member, call->ref, call->started_ns, bus_reply_text(bus_reply_at(reply, 0)),
                      (struct span){NULL, 0});
    }
    member_unref(member);
    free(call);
}

static struct call *call_begin(struct member *member, const char *ref)
{
    struct call *call = malloc(sizeof *call);
    if (!call) {
        metric_add(METRIC_OUT_OF_MEMORY, 1);
        member_close(member, CLOSE_INTERNAL, "out of memory");
        return NULL;
    }
    call->member = member;
    call->started_ns = clock_mono_ns();
    memcpy(call->ref, ref, sizeof call->ref);
    member_ref(member);
    return call;
}

/* The call could not be made. */
static void call_failed(struct call *call)
{
    member_unavailable(call->member, call->ref);
    member_unref(call->member);
    free(call);
}

/* Runs a script whose first arguments are user id, session id and epoch. */
static void run(struct member *member, const struct message *message, enum bus_script script,
                const struct span *more, size_t count)
{
    struct call *call = call_begin(member, message->ref);
    if (!call) {
        return;
    }
    batch_flush(member->room); /* what was sent before comes first */
    struct span args[3 + 16];
    args[0] = span_of(member->user_id);
    args[1] = span_of(member->session);
    args[2] = span_of(member->room->epoch);
    memcpy(args + 3, more, count * sizeof *more);
    const struct span key = span_of(member->room->channel);
    if (bus_script(member->room->rooms->bus, script, &key, 1, args, 3 + count, call_done, call)) {
        call_failed(call);
    }
}

/* ---- messages for others ---- */

static void do_routed(struct member *member, const struct message *message)
{
    if (!message->targets) {
        tell_error(member, message->ref, "bad_field", "targetType", 0,
                   "targetType is missing; it is student, teacher or all.");
    } else if (member->type == USER_STUDENT && (message->targets & TARGET_STUDENT) &&
               !member->room->settings.talk_all) {
        tell_error(member, message->ref, "talk_forbidden", NULL, 0,
                   "In this room participants may write to the host only.");
    } else {
        batch_add(member, message);
    }
}

/* ---- the host's commands ---- */

static void do_kick(struct member *member, const struct message *message)
{
    if (!*message->target) {
        tell_error(member, message->ref, "bad_field", "target", 0,
                   "target is missing: the user id of the participant to remove.");
    } else if (strcmp(message->target, member->user_id) == 0) {
        tell_error(member, message->ref, "bad_target", "target", 0, "The host cannot be removed.");
    } else {
        const struct span more[] = {span_of(message->target)};
        run(member, message, BUS_SCRIPT_KICK, more, 1);
    }
}

static void do_lock(struct member *member, const struct message *message)
{
    const struct span more[] = {span_of("locked"),
                                span_of(message->kind == MESSAGE_LOCK ? "1" : "0")};
    run(member, message, BUS_SCRIPT_SETTINGS, more, 2);
}

static void do_settings(struct member *member, const struct message *message)
{
    struct settings settings = member->room->settings;
    unsigned given;
    const char *fault =
        settings_read(&settings, member->room->rooms->config, message->body.raw, &given);
    if (fault) {
        char field[32];
        snprintf(field, sizeof field, "message%s%s", *fault ? "." : "", fault);
        tell_error(member, message->ref, "bad_field", field, 0,
                   "message is an object with any of name (text), max (1 to the server's limit), "
                   "hold (0 to 3600), talk (teacher, all), notify (host, all).");
        return;
    }
    struct span more[2 * SETTINGS];
    char values[SETTINGS][NAME_MAX_BYTES + 1];
    size_t used = 0;
    for (size_t i = 0; setting_table[i].key; i++) {
        if (given & (1u << i)) {
            setting_table[i].print(&settings, values[used], sizeof values[used]);
            more[2 * used] = span_of(setting_table[i].key);
            more[2 * used + 1] = span_of(values[used]);
            used++;
        }
    }
    run(member, message, BUS_SCRIPT_SETTINGS, more, 2 * used);
}

static void do_end(struct member *member, const struct message *message)
{
    char keep_ms[KEEP_TEXT];
    const struct span more[] = {rooms_keep_ms(member->room->rooms, keep_ms)};
    run(member, message, BUS_SCRIPT_END, more, 1);
}

/* ---- about the session itself ---- */

static void do_seen(struct member *member, const struct message *message)
{
    char text[ROOM_MESSAGE_ID_MAX + 1];
    size_t len;
    struct log_id id;
    if (message->body.type != JSON_STRING ||
        json_string(message->body.raw, text, sizeof text, &len) ||
        !log_id_read(member->room, (struct span){text, len}, &id) ||
        log_id_compare(id, member->room->log.last) > 0) {
        tell_error(member, message->ref, "bad_field", "message", 0,
                   "message is the id of a message of this room.");
        return;
    }
    if (log_id_compare(id, member->seen) > 0) {
        member->seen = id;
        member->seen_dirty = true;
        member->room->seen_dirty = true;
    }
    tell_ack(member, message->ref, (struct span){NULL, 0});
}

static void do_token(struct member *member, const struct message *message)
{
    struct claims claims;
    enum token_error error;
    switch (refresh_read(member->room->rooms->tokens, message->body, member->user_id, member->type,
                         &claims, &error)) {
    case REFRESH_NO_TEXT:
        tell_error(member, message->ref, "bad_field", "message", 0, "message is a token as text.");
        return;
    case REFRESH_REFUSED:
        tell_error(member, message->ref, token_error_code(error), NULL, 0,
                   "The token was not accepted; the session goes on with its old one.");
        return;
    case REFRESH_OK:
        if (!*claims.room || strcmp(claims.room, member->room->code) == 0) {
            member->expires_ms = claims.expires_ms;
            member->generation = claims.generation;
            tell_ack(member, message->ref, (struct span){NULL, 0});
            return;
        }
        break;
    case REFRESH_OTHER:
        break;
    }
    tell_forbidden(member, message, "The token is another user's or another room's.");
}

static void do_ping(struct member *member, const struct message *message)
{
    char body[48];
    snprintf(body, sizeof body, "{\"time\":%lld}", (long long)clock_wall_ms());
    member_tell(member, "pong", message->ref, span_of(body), false);
}

static void do_server_only(struct member *member, const struct message *message)
{
    tell_error(member, message->ref, "reserved_type", "messageType", 0,
               "Only the server sends messages of this type.");
}

/* ---- dispatch ---- */

enum right { ANYONE, HOST_ONLY, PARTICIPANT_ONLY };

static const struct {
    enum right right;
    void (*handle)(struct member *member, const struct message *message);
} HANDLERS[] = {
    [MESSAGE_ROUTED] = {ANYONE, do_routed},
    [MESSAGE_KICK] = {HOST_ONLY, do_kick},
    [MESSAGE_LOCK] = {HOST_ONLY, do_lock},
    [MESSAGE_UNLOCK] = {HOST_ONLY, do_lock},
    [MESSAGE_SETTINGS] = {HOST_ONLY, do_settings},
    [MESSAGE_END] = {HOST_ONLY, do_end},
    [MESSAGE_SEEN] = {PARTICIPANT_ONLY, do_seen},
    [MESSAGE_TOKEN] = {ANYONE, do_token},
    [MESSAGE_PING] = {ANYONE, do_ping},
    [MESSAGE_SERVER_ONLY] = {ANYONE, do_server_only},
};

/* Where the client names room, sender or senderType, they must be the session's own. */
static bool own_words(const struct member *member, const struct message *message)
{
    return (!*message->room || strcmp(message->room, member->room->channel) == 0) &&
           (!*message->sender || strcmp(message->sender, member->user_id) == 0) &&
           (!message->has_sender_type || message->sender_type == member->type);
}

static void dispatch(struct member *member, const struct message *message)
{
    enum right right = HANDLERS[message->kind].right;
    if (!own_words(member, message)) {
        tell_forbidden(member, message, "room, sender and senderType are the session's own.");
    } else if (right == HOST_ONLY && member->type != USER_TEACHER) {
        tell_forbidden(member, message, "Only the host may do this.");
    } else if (right == PARTICIPANT_ONLY && member->type != USER_STUDENT) {
        tell_forbidden(member, message, "Only participants may do this.");
    } else {
        HANDLERS[message->kind].handle(member, message);
    }
}

/* Refuses politely up to a burst of messages in a row, then closes. */
static bool within_rate(struct member *member)
{
    const struct config_rate *rate = member_rate(member);
    if (bucket_take(&member->rate, rate->rate, rate->burst,
                    loop_now_ms(member->room->rooms->loop))) {
        member->refused = 0;
        return true;
    }
    metric_add(METRIC_RATE_LIMITED, 1);
    if (++member->refused > rate->burst) {
        member_close(member, CLOSE_TOO_MANY, "too many messages");
    }
    return false;
}

static void keep_early(struct member *member, struct span text)
{
    size_t most = EARLY_SIZES * (size_t)member->room->rooms->config->message_max;
    struct joining *joining = member->joining;
    bool fits = joining->early_count < EARLY_MAX && joining->early_bytes + text.n <= most;
    if (fits && joining_keep_early(joining, text)) {
        return;
    }
    if (member->welcomed) {
        struct message message;
        struct message_error error;
        (void)!message_read(text, MESSAGE_FROM_CLIENT, &message, &error);
        member_unavailable(member, message.ref);
    } else if (fits) {
        member_close(member, CLOSE_INTERNAL, "out of memory");
    } else {
        member_close(member, CLOSE_TOO_MANY, "too many messages before the welcome");
    }
}

void member_receive(struct member *member, struct span text)
{
    if (member->state == MEMBER_CLOSING) {
        return;
    }
    if (member->state != MEMBER_ATTACHED &&
        (!member->welcomed || bus_is_up(member->room->rooms->bus))) {
        keep_early(member, text);
        return;
    }
    struct message message;
    struct message_error error;
    int bad = message_read(text, MESSAGE_FROM_CLIENT, &message, &error);
    if (!within_rate(member)) {
        tell_error(member, message.ref, "rate_limited", NULL, RETRY_MS,
                   "Too many messages; wait before you send it again.");
    } else if (bad) {
        tell_error(member, message.ref, error.code, error.field, 0, error.text);
    } else {
        dispatch(member, &message);
    }
}
