/*
 * The rooms that a STOMP socket follows. A user has one place in a room, so all subscriptions of a
 * socket to one room share one struct follow, which is the receiver (net/receiver.h) of the room's
 * messages; each of its subscriptions then gets the same frame behind its own head.
 *
 * The rooms' calls into this file change nothing there: what ends a place or answers its welcome is
 * done by a task at the end of the loop's turn.
 */
#include "proto/stomp.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "core/metrics.h"

#define STOMP_VARIANT 4 /* of receivers: this and the carrier's; see proto/carrier.h */

static struct follow *find_any(struct stomp *stomp, const char *room)
{
    struct follow *follow = stomp->follows;
    while (follow && (follow->state == FOLLOW_OVER || strcmp(follow->room, room) != 0)) {
        follow = follow->next;
    }
    return follow;
}

struct follow *stomp_follow_find(struct stomp *stomp, const char *room)
{
    struct follow *follow = find_any(stomp, room);
    return follow && !follow->leaving ? follow : NULL;
}

static struct stomp_cause subscription_cause(const struct subscription *subscription)
{
    return (struct stomp_cause){span_of(subscription->destination), span_of(subscription->receipt)};
}

/* ---- the receiver ---- */

static struct frame *encode(void *socket, struct span json)
{
    struct follow *follow = socket;
    struct stomp_loop *loop = follow->stomp->loop;
    struct frame *frame = NULL;
    char spare_id[SESSION_ID_LEN + 24];
    struct buf rest;
    buf_init(&rest);
    snprintf(spare_id, sizeof spare_id, "%s-%llu", loop->stamp, (unsigned long long)loop->events++);
    stomp_event_write(&rest, json, spare_id);
    if (!rest.failed) {
        frame = carrier_encode_rest(follow->stomp->carrier, buf_span(&rest));
        metric_add(METRIC_STOMP_ENCODED, 1);
    }
    buf_finish(&rest);
    return frame;
}

/* The frame of both for a receiver that has the same head as the last one; NULL: there is none. */
static struct frame *shared_frame(struct stomp *stomp, struct span head, struct frame *rest)
{
    struct shared_message *last = &stomp->loop->shared[carrier_variant(stomp->carrier)];
    if (last->rest == rest && last->head_len == head.n && memcmp(last->head, head.p, head.n) == 0) {
        if (!last->whole) {
            last->whole = carrier_join_parts(stomp->carrier, head, rest);
        }
        return last->whole;
    }
    if (head.n <= sizeof last->head) {
        frame_unref(last->rest);
        frame_unref(last->whole);
        last->rest = frame_ref(rest); /* else another could come to its address */
        last->whole = NULL;
        last->head_len = head.n;
        memcpy(last->head, head.p, head.n);
    }
    return NULL;
}

static bool deliver(void *socket, struct frame *frame, bool paced)
{
    const struct follow *follow = socket;
    struct stomp *stomp = follow->stomp;
    bool sent = true;
    for (const struct subscription *s = follow->subscriptions; s && sent; s = s->next_here) {
        struct span head = {s->texts, s->head_len};
        struct frame *whole = shared_frame(stomp, head, frame);
        sent = whole ? carrier_send(stomp->carrier, whole, paced)
                     : carrier_send_parts(stomp->carrier, head, frame, paced);
    }
    stomp->sent_ms = stomp_now_ms(stomp);
    return sent;
}

static size_t backlog(void *socket)
{
    const struct follow *follow = socket;
    return carrier_backlog(follow->stomp->carrier);
}

/*
 * What a room's way of ending a place means for STOMP; the first row that fits. A reason NULL fits any.
 * What concerns the socket as a whole, or is nothing that a client could do about, ends it.
 */
static const struct ending {
    const char *reason, *name;
    uint16_t code;
    bool ends_socket;
} endings[] = {
    {"not_member", "not_member", CLOSE_ROOM_ENDED, false},
    {"left", "not_member", CLOSE_ROOM_ENDED, false},
    {"room_not_found", "room_not_found", CLOSE_ROOM_ENDED, false},
    {NULL, "room_ended", CLOSE_ROOM_ENDED, false},
    {NULL, "replaced", CLOSE_REPLACED, false},
    {NULL, "removed", CLOSE_REMOVED, false},
    {"signed out", "token_revoked", CLOSE_TOKEN_EXPIRED, true},
    {NULL, "token_expired", CLOSE_TOKEN_EXPIRED, true},
    {NULL, "rate_limited", CLOSE_TOO_MANY, true},
    {NULL, "unavailable", CLOSE_TRY_LATER, true},
    {NULL, "internal", 0, true},
};

/* The room has ended the place. */
static void end_place(void *socket, uint16_t code, const char *reason)
{
    struct follow *follow = socket;
    const struct ending *ending = endings;
    while (ending->code && (ending->code != code ||
                            (ending->reason && (!reason || strcmp(reason, ending->reason) != 0)))) {
        ending++;
    }
    follow->state = FOLLOW_OVER;
    follow->over = ending->name;
    follow->ends_socket = ending->ends_socket;
    loop_at_turn_end(follow->stomp->loop->proto_loop->loop, &follow->task);
}

static void tell(void *socket, const char *type, const char *ref, struct span body)
{
    struct follow *follow = socket;
    if (strcmp(type, "welcome") == 0) {
        if (follow->state == FOLLOW_JOINING) {
            follow->state = FOLLOW_JOINED;
            loop_at_turn_end(follow->stomp->loop->proto_loop->loop, &follow->task);
        }
    } else if (strcmp(type, "error") == 0 && follow->state == FOLLOW_JOINING) {
        return; /* a chat: its end follows and says the same */
    } else if (strcmp(type, "error") == 0) {
        stomp_send_refused(follow, ref ? ref : "", body);
    } else if (strcmp(type, "gap") == 0) {
        char destination[CHANNEL_NAME_MAX + 16];
        snprintf(destination, sizeof destination, "/topic/room/%s", follow->room);
        const struct stomp_cause cause = {span_of(destination), {NULL, 0}};
        stomp_notice(follow->stomp, "gap", "Not all messages since then are remembered.", &cause);
    } else if (ref) {
        stomp_send_acked(follow, ref);
    }
}

#define OPS(variant)                                                                               \
    {                                                                                              \
        STOMP_VARIANT + (variant), encode, deliver, backlog, end_place, tell                       \
    }
static const struct receiver_ops follow_ops[CARRIER_VARIANTS] = {
    [CARRIER_WS] = OPS(CARRIER_WS),
    [CARRIER_WS_DEFLATE] = OPS(CARRIER_WS_DEFLATE),
    [CARRIER_SOCKJS] = OPS(CARRIER_SOCKJS),
    [CARRIER_SOCKJS_WS] = OPS(CARRIER_SOCKJS_WS),
};

/* ---- the end of a place ---- */

/* Gives up the place, and frees it; nothing of it is left. */
static void free_follow(struct follow *follow, bool left)
{
    struct stomp *stomp = follow->stomp;
    struct follow **link = &stomp->follows;
    while (*link != follow) {
        link = &(*link)->next;
    }
    *link = follow->next;
    stomp_sends_drop(follow, NULL);
    loop_cancel(stomp->loop->proto_loop->loop, &follow->task);
    if (follow->entry) {
        room_enter_cancel(follow->entry);
    }
    if (follow->member) {
        member_gone(follow->member, left);
    }
    if (follow->chatter) {
        chatter_gone(follow->chatter);
    }
    free(follow);
}

/* Its subscriptions end, and are told why. */
static void fail_follow(struct follow *follow, const char *code)
{
    struct stomp *stomp = follow->stomp;
    while (follow->subscriptions) {
        struct subscription *subscription = follow->subscriptions;
        const struct stomp_cause cause = subscription_cause(subscription);
        follow->subscriptions = subscription->next_here;
        stomp_refuse(stomp, code, NULL, NULL, &cause);
        stomp_unsubscribe(stomp, subscription);
    }
    stomp_sends_drop(follow, code);
    free_follow(follow, false);
}

/* ---- the task at the end of the turn ---- */

static void tell_joined(struct follow *follow)
{
    for (struct subscription *sub = follow->subscriptions; sub; sub = sub->next_here) {
        stomp_receipt(follow->stomp, span_of(sub->receipt));
        free(sub->receipt);
        sub->receipt = NULL;
    }
    stomp_sends_go_on(follow);
}

static void on_turn_end(void *arg)
{
    struct follow *follow = arg;
    struct stomp *stomp = follow->stomp;
    if (follow->state == FOLLOW_JOINED) {
        tell_joined(follow);
    }
    if (follow->state == FOLLOW_OVER) {
        if (follow->ends_socket) {
            stomp_fail(stomp, follow->over, NULL, NULL);
        }
        fail_follow(follow, follow->over);
    } else if (follow->leaving && follow->pending_count == 0 && !follow->waiting) {
        free_follow(follow, true);
    }
    stomp_leave_if_done(stomp);
}

/* ---- entering ---- */

static const char *const outcome_codes[] = {
    [ROOM_NOT_FOUND] = "room_not_found", [ROOM_TAKEN] = "forbidden",
    [ROOM_LOCKED] = "room_locked",       [ROOM_FULL] = "room_full",
    [ROOM_REMOVED] = "removed",          [ROOM_FORBIDDEN] = "room_forbidden",
    [ROOM_OPENING] = "room_not_found",   [ROOM_UNAVAILABLE] = "unavailable",
};

static void entered(void *arg, enum room_outcome outcome, const struct room_ticket *ticket)
{
    struct follow *follow = arg;
    struct stomp *stomp = follow->stomp;
    struct proto_loop *proto_loop = stomp->loop->proto_loop;
    follow->entry = NULL;
    if (follow->charged && outcome != ROOM_NOT_FOUND) {
        stomp->guard->refund(stomp->guard->arg, stomp->address, follow->room);
    }
    if (outcome != ROOM_RESERVED) {
        fail_follow(follow, outcome_codes[outcome]);
        return;
    }
    follow->state = FOLLOW_JOINING;
    follow->member =
        member_create(proto_loop->rooms, ticket, &stomp->claims, follow->since, follow->history,
                      follow->started_ns, &follow_ops[carrier_variant(stomp->carrier)], follow);
    if (!follow->member) {
        metric_add(METRIC_OUT_OF_MEMORY, 1);
        stomp_fail(stomp, "internal", NULL, NULL);
    }
}

/* The same for a class; NULL, or the code of why not. */
static const char *enter_class(struct follow *follow)
{
    struct stomp *stomp = follow->stomp;
    const struct claims *claims = &stomp->claims;
    const struct proto_guard *guard = stomp->guard;
    if (claims->type != USER_STUDENT) {
        return "forbidden";
    }
    if (*claims->room && strcmp(claims->room, follow->room) != 0) {
        return "room_forbidden";
    }
    if (!*claims->room && !guard->ask(guard->arg, stomp->address, follow->room, &follow->charged)) {
        return "rate_limited";
    }
    follow->entry =
        room_enter(stomp->loop->proto_loop->rooms, claims, follow->room, entered, follow);
    if (!follow->entry && follow->charged) {
        guard->refund(guard->arg, stomp->address, follow->room);
    }
    return follow->entry ? NULL : "unavailable";
}

/* A chat's members; `room` is "" for the one that only writes. */
static const char *enter_chat(struct follow *follow)
{
    struct stomp *stomp = follow->stomp;
    const struct chatter_wish wish = {
        .claims = &stomp->claims,
        .room = follow->room,
        .since = follow->since,
        .history = follow->history,
        .started_ns = follow->started_ns,
        .lasts = !*follow->room,
        .announce = true,
    };
    if (*stomp->claims.room) {
        return "account_required";
    }
    follow->state = FOLLOW_JOINING; /* its welcome may come in the call */
    follow->chatter = chatter_create(stomp->loop->proto_loop->chats, &wish,
                                     &follow_ops[carrier_variant(stomp->carrier)], follow);
    return follow->chatter ? NULL : "unavailable";
}

static struct follow *make_follow(struct stomp *stomp, const char *room, const char *since,
                                  uint32_t history)
{
    struct follow *follow = calloc(1, sizeof *follow);
    if (!follow) {
        return NULL;
    }
    follow->stomp = stomp;
    follow->waiting_tail = &follow->waiting;
    follow->task = (struct loop_task){.fn = on_turn_end, .arg = follow};
    follow->chat = !*room || id_chat_room_valid(span_of(room));
    follow->history = history;
    follow->started_ns = clock_mono_ns();
    (void)span_copy(span_of(since), follow->since, sizeof follow->since);
    (void)span_copy(span_of(room), follow->room, sizeof follow->room);
    follow->next = stomp->follows;
    stomp->follows = follow;
    return follow;
}

static void add_subscription(struct follow *follow, struct subscription *subscription)
{
    subscription->follow = follow;
    subscription->next_here = follow->subscriptions;
    follow->subscriptions = subscription;
}

void stomp_follow_subscribe(struct stomp *stomp, const char *room,
                            struct subscription *subscription, const char *since, uint32_t history)
{
    struct follow *follow = find_any(stomp, room);
    if (follow) {
        follow->leaving = false;
        add_subscription(follow, subscription);
        if (follow->state == FOLLOW_JOINED) {
            stomp_receipt(stomp, span_of(subscription->receipt));
            free(subscription->receipt);
            subscription->receipt = NULL;
        }
        return;
    }
    follow = make_follow(stomp, room, since, history);
    if (!follow) {
        metric_add(METRIC_OUT_OF_MEMORY, 1);
        stomp_fail(stomp, "internal", NULL, NULL);
        return;
    }
    add_subscription(follow, subscription);
    const char *wrong = follow->chat ? enter_chat(follow) : enter_class(follow);
    if (wrong) {
        fail_follow(follow, wrong);
    }
}

struct follow *stomp_follow_writer(struct stomp *stomp, const struct stomp_cause *cause)
{
    struct follow *follow = find_any(stomp, "");
    if (follow) {
        return follow;
    }
    follow = make_follow(stomp, "", "", 0);
    const char *wrong = follow ? enter_chat(follow) : "unavailable";
    if (wrong) {
        stomp_refuse(stomp, wrong, NULL, NULL, cause);
        if (follow) {
            free_follow(follow, false);
        }
        return NULL;
    }
    follow->state = FOLLOW_JOINED;
    return follow;
}

/* ---- leaving ---- */

static void leave(struct follow *follow)
{
    follow->leaving = true;
    if (follow->state == FOLLOW_ENTERING) {
        stomp_sends_drop(follow, "not_subscribed");
        free_follow(follow, true);
    } else if (follow->pending_count == 0 && !follow->waiting) {
        loop_at_turn_end(follow->stomp->loop->proto_loop->loop, &follow->task);
    }
}

void stomp_follow_unsubscribe(struct subscription *subscription)
{
    struct follow *follow = subscription->follow;
    if (!follow) {
        return;
    }
    struct subscription **link = &follow->subscriptions;
    while (*link != subscription) {
        link = &(*link)->next_here;
    }
    *link = subscription->next_here;
    if (!follow->subscriptions) {
        leave(follow);
    }
}

void stomp_leave_rooms(struct stomp *stomp)
{
    while (stomp->subscriptions) {
        stomp_follow_unsubscribe(stomp->subscriptions);
        stomp_unsubscribe(stomp, stomp->subscriptions);
    }
}

void stomp_drop_rooms(struct stomp *stomp, bool left)
{
    for (struct follow *follow = stomp->follows, *next; follow; follow = next) {
        next = follow->next;
        free_follow(follow, left);
    }
}

void stomp_drained(struct stomp *stomp)
{
    for (struct follow *follow = stomp->follows; follow; follow = follow->next) {
        if (follow->member) {
            member_drained(follow->member);
        } else if (follow->chatter) {
            chatter_drained(follow->chatter);
        }
    }
}
