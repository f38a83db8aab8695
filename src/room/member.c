/*
 * Members: a session's way from a reserved place to its welcome, and its end.
 *
 * A member may be waited for by calls to Redis when its socket goes; it is freed when the last of
 * them has returned.
 */
#include "room/internal.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "core/log.h"
#include "core/metrics.h"

#define LATE_MAX 8192 /* messages kept for a member until its welcome */

const struct config_rate *member_rate(const struct member *member)
{
    const struct config *config = member->room->rooms->config;
    return member->type == USER_TEACHER ? &config->rate_host : &config->rate_student;
}

void member_ref(struct member *member)
{
    member->refs++;
    member->room->refs++;
}

static void free_if_unused(struct member *member)
{
    if (!member->socket && member->refs == 0) {
        joining_free(member->joining);
        free(member);
    }
}

void member_unref(struct member *member)
{
    struct room *room = member->room;
    member->refs--;
    free_if_unused(member);
    room->refs--;
    room_unref(room);
}

static bool add_to_room(struct room *room, struct member *member)
{
    if (room->count == room->cap) {
        size_t cap = room->cap ? room->cap * 2 : 4;
        struct member **members = realloc(room->members, cap * sizeof(struct member *));
        if (!members) {
            return false;
        }
        room->members = members;
        room->cap = cap;
    }
    member->room = room;
    member->index = (uint32_t)room->count;
    room->members[room->count++] = member;
    return true;
}

static void remove_from_room(struct member *member)
{
    struct room *room = member->room;
    struct member *last = room->members[--room->count];
    room->members[member->index] = last;
    last->index = member->index;
}

/* One allocation holds the member and its texts. */
static struct member *allocate(const struct room_ticket *ticket, const struct claims *claims)
{
    size_t id_size = strlen(claims->user_id) + 1;
    size_t name_size = strlen(claims->name) + 1;
    size_t device_size = strlen(claims->device) + 1;
    struct member *member = calloc(1, sizeof *member + id_size + name_size + device_size);
    if (!member) {
        return NULL;
    }
    member->name_at = (uint16_t)id_size;
    member->device_at = (uint16_t)(id_size + name_size);
    memcpy(member->user_id, claims->user_id, id_size);
    memcpy(member->user_id + member->name_at, claims->name, name_size);
    memcpy(member->user_id + member->device_at, claims->device, device_size);
    memcpy(member->session, ticket->session, sizeof member->session);
    member->reserved_ms = ticket->reserved_ms;
    member->type = claims->type;
    member->expires_ms = claims->expires_ms;
    member->generation = claims->generation;
    return member;
}

struct member *member_create(struct rooms *rooms, const struct room_ticket *ticket,
                             const struct claims *claims, const char *since, uint32_t history,
                             int64_t started_ns, const struct receiver_ops *ops, void *socket)
{
    assert(socket); /* a member without one is on its way out */
    struct member *member = allocate(ticket, claims);
    struct joining *joining = member ? joining_create() : NULL;
    if (!joining || (*since && !(joining->since = strdup(since)))) {
        joining_free(joining);
        free(member);
        return NULL;
    }
    joining->history = history;
    joining->started_ns = started_ns;
    member->joining = joining;
    struct room *room = room_find(rooms, ticket->room, ticket->epoch);
    if (!room) {
        room = room_open(rooms, ticket->room, ticket->epoch);
    }
    if (!room || !add_to_room(room, member)) {
        if (room) {
            room_unref(room);
        }
        joining_free(joining);
        free(member);
        return NULL;
    }
    rooms->redis_ahead_ms = ticket->reserved_ms - clock_wall_ms();
    member->ops = ops;
    member->socket = socket;
    bucket_fill(&member->rate, member_rate(member)->burst, loop_now_ms(rooms->loop));
    if (room->state != ROOM_SUBSCRIBING) {
        member_activate(member);
    }
    return member;
}

void member_entry(const struct member *member, char out[ENTRY_MAX + 1])
{
    snprintf(out, ENTRY_MAX + 1, "%s %s %s %s %s", member->room->code, member->user_id,
             member->session, member->room->epoch, member->room->rooms->incarnation);
}

/* ---- activation ---- */

static void write_user(struct buf *out, struct span id, struct span name)
{
    buf_append_text(out, "{\"id\":");
    json_write_string(out, id);
    buf_append_text(out, ",\"name\":");
    json_write_string(out, name);
}

static void write_settings(struct buf *out, const struct bus_reply *reply)
{
    buf_append_text(out, ",\"settings\":{\"name\":");
    json_write_string(out, bus_reply_text(bus_reply_at(reply, 5)));
    buf_printf(out, ",\"max\":%lld,\"hold\":%lld,\"talk\":",
               (long long)bus_reply_int(bus_reply_at(reply, 6)),
               (long long)bus_reply_int(bus_reply_at(reply, 7)));
    json_write_string(out, bus_reply_text(bus_reply_at(reply, 8)));
    buf_append_text(out, ",\"notify\":");
    json_write_string(out, bus_reply_text(bus_reply_at(reply, 9)));
    bool locked = span_eq(bus_reply_text(bus_reply_at(reply, 10)), "1");
    buf_printf(out, ",\"locked\":%s}", locked ? "true" : "false");
}

static void write_host(struct buf *out, const struct bus_reply *reply)
{
    buf_append_text(out, ",\"host\":");
    write_user(out, bus_reply_text(bus_reply_at(reply, 3)), bus_reply_text(bus_reply_at(reply, 4)));
    struct span deadline = bus_reply_text(bus_reply_at(reply, 11));
    buf_printf(out, ",\"present\":%s,\"deadline\":%.*s}",
               bus_reply_int(bus_reply_at(reply, 12)) ? "true" : "false",
               deadline.n ? (int)deadline.n : 4, deadline.n ? deadline.p : "null");
}

#define REPLY_FIXED 14 /* fields before the participants */

static void write_participants(struct buf *out, const struct bus_reply *reply)
{
    buf_append_text(out, ",\"participants\":[");
    for (size_t i = REPLY_FIXED; i + 2 < bus_reply_len(reply); i += 3) {
        if (i > REPLY_FIXED) {
            buf_append_char(out, ',');
        }
        write_user(out, bus_reply_text(bus_reply_at(reply, i)),
                   bus_reply_text(bus_reply_at(reply, i + 1)));
        buf_printf(out, ",\"joinedAt\":%lld}",
                   (long long)bus_reply_int(bus_reply_at(reply, i + 2)));
    }
    buf_append_char(out, ']');
}

static void write_limits(struct buf *out, const struct member *member)
{
    const struct config *config = member->room->rooms->config;
    buf_printf(out,
               ",\"ping\":%u,\"limits\":{\"message\":%u,\"rate\":%u,\"burst\":%u,\"queue\":%u,"
               "\"participants\":%u,\"image\":%u},\"server\":{\"id\":",
               config->ping_s, config->message_max, member_rate(member)->rate,
               member_rate(member)->burst, config->queue_max, config->room_max, config->image_max);
    json_write_string(out, span_of(member->room->rooms->server_id));
    buf_append_text(out, ",\"version\":\"" LECTERN_VERSION "\"}}");
}

/* The reply's fields are listed in bus/lua/activate.lua. */
static void write_welcome(struct buf *out, const struct member *member,
                          const struct bus_reply *reply)
{
    buf_append_text(out, "{\"user\":");
    write_user(out, span_of(member->user_id), span_of(member->user_id + member->name_at));
    buf_printf(out, ",\"userType\":\"%s\"},\"session\":\"%s\",\"epoch\":\"%s\"",
               user_type_name(member->type), member->session, member->room->epoch);
    write_settings(out, reply);
    write_host(out, reply);
    if (member->type == USER_TEACHER) {
        write_participants(out, reply);
    }
    buf_printf(out, ",\"count\":%lld", (long long)bus_reply_int(bus_reply_at(reply, 13)));
    struct span last = bus_reply_text(bus_reply_at(reply, 2));
    if (span_eq(last, "0-0")) {
        buf_append_text(out, ",\"last\":\"\"");
    } else {
        buf_printf(out, ",\"last\":\"%s.%.*s\"", member->room->epoch, (int)last.n, last.p);
    }
    write_limits(out, member);
}

static bool keep_welcome(struct member *member, const struct bus_reply *reply)
{
    struct joining *joining = member->joining;
    write_welcome(&joining->welcome, member, reply);
    return !joining->welcome.failed &&
           log_id_parse(bus_reply_text(bus_reply_at(reply, 2)), &joining->newest);
}

static void refuse(struct member *member, struct span status)
{
    static const struct {
        const char *status;
        uint16_t code;
        const char *reason;
    } refusals[] = {
        {"ended", CLOSE_ROOM_ENDED, "ended"},
        {"removed", CLOSE_REMOVED, "removed"},
        {"replaced", CLOSE_REPLACED, "replaced"},
        {"room_full", CLOSE_TRY_LATER, "room full"},
    };
    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
        if (span_eq(status, refusals[i].status)) {
            member->left = true;
            member_close(member, refusals[i].code, refusals[i].reason);
            return;
        }
    }
    member->present = true; /* perhaps: Redis answered with an error. A leave is fenced */
    member_close(member, CLOSE_TRY_LATER, "unavailable");
}

/* The socket is gone: the session leaves, unless it was ended by others already. */
static void end_session(struct member *member)
{
    member_leave(member, member->lost);
    if (member->left && member->indexed) {
        char entry[ENTRY_MAX + 1];
        member_entry(member, entry);
        member->indexed = false;
        lease_unindex(member->room->rooms, member->room->rooms->server_id, entry);
    }
}

static void activated(void *arg, const struct bus_reply *reply)
{
    struct member *member = arg;
    struct span status = bus_reply_text(bus_reply_at(reply, 0));
    if (!reply) {
        /* Unknown outcome; doing it again is harmless, and a leave is fenced. */
        member->present = true;
        if (member->state == MEMBER_ACTIVATING) {
            member->state = MEMBER_WAITING;
        }
    } else if (!span_eq(status, "ok")) {
        refuse(member, status);
    } else {
        member->present = true;
        if (member->state == MEMBER_ACTIVATING && !keep_welcome(member, reply)) {
            metric_add(METRIC_OUT_OF_MEMORY, 1);
            member_close(member, CLOSE_INTERNAL, "out of memory");
        } else if (member->state == MEMBER_ACTIVATING) {
            member->state = MEMBER_ACTIVE;
            if (member->room->state == ROOM_LIVE) {
                member_attach(member);
            }
        }
    }
    if (!member->socket) {
        end_session(member); /* it went while we asked */
    }
    member_unref(member);
}

void member_activate(struct member *member)
{
    struct room *room = member->room;
    char reserved[24];
    snprintf(reserved, sizeof reserved, "%lld", (long long)member->reserved_ms);
    const struct span key = span_of(room->channel);
    const struct span args[] = {
        span_of(user_type_name(member->type)),
        span_of(member->user_id),
        span_of(member->user_id + member->name_at),
        span_of(member->user_id + member->device_at),
        span_of(member->session),
        span_of(room->rooms->server_id),
        span_of(room->epoch),
        span_of(reserved),
        span_of(member->welcomed ? "1" : "0"),
    };
    char entry[ENTRY_MAX + 1];
    member_entry(member, entry);
    lease_index(room->rooms, entry); /* first: a session that is not listed would never be ended */
    member->indexed = true;
    if (bus_script(room->rooms->bus, BUS_SCRIPT_ACTIVATE, &key, 1, args, 9, activated, member)) {
        member->state = MEMBER_WAITING; /* until the room loads again, or the tick */
    } else {
        member_ref(member);
        member->state = MEMBER_ACTIVATING;
    }
}

/*
 * The room is being loaded again: Redis may not have the session any more, and what was told of the
 * room may be old. It will be activated and welcomed again; what is remembered meanwhile is met by its
 * replay.
 */
void member_pause(struct member *member)
{
    if (member->state == MEMBER_ATTACHED) {
        member->joining = joining_create();
        if (!member->joining) {
            metric_add(METRIC_OUT_OF_MEMORY, 1);
            member_close(member, CLOSE_INTERNAL, "out of memory");
            return;
        }
        if (!member->replaying) {
            member->replaying = true;
            member->cursor = member->room->log.end;
        }
    } else if (member->state == MEMBER_ACTIVE) {
        joining_restart(member->joining);
    } else {
        return;
    }
    member->state = MEMBER_WAITING;
}

/* ---- from the welcome on ---- */

bool member_keep_late(struct member *member, struct frame *frame)
{
    struct joining *joining = member->joining;
    if (joining->late_count == LATE_MAX || !joining_keep_late(joining, frame)) {
        metric_add(METRIC_QUEUE_DROPS, 1);
        member_close(member, CLOSE_TRY_LATER, "too much happened before the welcome");
        return false;
    }
    return true;
}

/* The list is newest first. */
static void receive_early(struct member *member, struct joining *joining)
{
    struct early *oldest = NULL;
    while (joining->early) {
        struct early *next = joining->early->next;
        joining->early->next = oldest;
        oldest = joining->early;
        joining->early = next;
    }
    while (oldest) {
        struct early *next = oldest->next;
        member_receive(member, (struct span){oldest->text, oldest->len});
        free(oldest);
        oldest = next;
    }
}

void member_attach(struct member *member)
{
    struct joining *joining = member->joining;
    bool first = !member->welcomed;
    member->joining = NULL;
    member->state = MEMBER_ATTACHED;
    member->welcomed = true;
    member_tell(member, "welcome", NULL, buf_span(&joining->welcome), true);
    for (struct late *late = joining->late; late; late = late->next) {
        member->ops->deliver(member->socket, late->frame, true);
    }
    if (first) {
        metric_observe(HISTOGRAM_JOIN, (double)(clock_mono_ns() - joining->started_ns) / 1e9);
        replay_start(member, joining);
    } else {
        replay_step(member);
    }
    receive_early(member, joining);
    joining_free(joining);
}

void member_tell(struct member *member, const char *type, const char *ref, struct span body,
                 bool paced)
{
    if (!member->welcomed || member->state == MEMBER_CLOSING) {
        return;
    }
    if (member->ops->tell) {
        member->ops->tell(member->socket, type, ref, body);
        return;
    }
    const struct server_message message = {.channel = member->room->channel,
                                           .type = type,
                                           .ref = ref,
                                           .user_id = member->user_id,
                                           .user_type = member->type,
                                           .body = body};
    struct buf json;
    buf_init(&json);
    message_write_server(&json, &message, clock_wall_ms());
    struct frame *frame = json.failed ? NULL : member->ops->encode(member->socket, buf_span(&json));
    buf_finish(&json);
    if (!frame) {
        metric_add(METRIC_OUT_OF_MEMORY, 1);
        member_close(member, CLOSE_INTERNAL, "out of memory");
        return;
    }
    member->ops->deliver(member->socket, frame, paced);
    metric_add(METRIC_MESSAGES_OUT, 1);
    frame_unref(frame);
}

/* ---- the end ---- */

void member_close(struct member *member, uint16_t code, const char *reason)
{
    if (member->state == MEMBER_CLOSING || !member->socket) {
        return;
    }
    member->state = MEMBER_CLOSING;
    member->ops->close(member->socket, code, reason);
}

void member_leave(struct member *member, bool lost)
{
    if (member->left || !member->present) {
        return;
    }
    batch_flush(member->room); /* what it has sent is still its */
    member->left = true;
    member->indexed = false; /* the leave takes it out */
    struct leave *leave = calloc(1, sizeof *leave);
    if (!leave) {
        metric_add(METRIC_OUT_OF_MEMORY, 1);
        log_error("room", "out of memory: %s stays listed in %s", member->user_id,
                  member->room->channel);
        return;
    }
    (void)span_copy(span_of(member->room->rooms->server_id), leave->server, sizeof leave->server);
    member_entry(member, leave->entry);
    leave->lost = lost;
    rooms_leave(member->room->rooms, leave);
}

void member_gone(struct member *member, bool clean)
{
    struct room *room = member->room;
    batch_flush(room); /* while Redis knows the session */
    member->state = MEMBER_CLOSING;
    member->socket = NULL;
    member->lost = !clean;
    remove_from_room(member);
    end_session(member);
    free_if_unused(member);
    room_unref(room);
}

bool member_may_tell_all(const struct member *member)
{
    return member->type == USER_TEACHER || member->room->settings.talk_all;
}

const char *member_room(const struct member *member)
{
    return member->room->code;
}

const char *member_user(const struct member *member)
{
    return member->user_id;
}
