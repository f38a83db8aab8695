/*
 * The rooms that a STOMP socket follows. A user has one place in a room, so all subscriptions of a
 * socket to one room share one struct follow, which is the receiver (stomp_receiver.c) of the room's
 * messages; each of its subscriptions then gets the same frame behind its own head.
 *
 * A place that nobody subscribes to any more is left when what was sent to its room has been answered.
 * Who subscribes meanwhile gets a place of their own, with what they ask for, and enters when the
 * earlier one is gone: WAITING.
 */
#include "proto/stomp.h"

#include <stdlib.h>

#include "base/clock.h"
#include "core/metrics.h"

struct follow *stomp_follow_find(struct stomp *stomp, const char *room)
{
    struct follow *follow = stomp->follows;
    while (follow &&
           (follow->state == FOLLOW_OVER || follow->leaving || strcmp(follow->room, room) != 0)) {
        follow = follow->next;
    }
    return follow;
}

static struct stomp_cause subscription_cause(const struct subscription *subscription)
{
    return (struct stomp_cause){span_of(subscription->destination), span_of(subscription->receipt)};
}

/* ---- the end of a place ---- */

/* Whoever has waited longest for a place in the room enters it, where none is left; in a while. */
static void let_next_enter(struct stomp *stomp, const char *room)
{
    struct follow *oldest = NULL; /* the list is newest first */
    for (struct follow *follow = stomp->follows; follow; follow = follow->next) {
        if (strcmp(follow->room, room) == 0) {
            if (follow->state != FOLLOW_WAITING) {
                return;
            }
            oldest = follow;
        }
    }
    if (oldest && stomp->state != STOMP_OVER) {
        loop_at_turn_end(stomp->loop->proto_loop->loop, &oldest->task);
    }
}

static void refund(struct follow *follow)
{
    const struct stomp *stomp = follow->stomp;
    if (follow->charged) {
        stomp->guard->refund(stomp->guard->arg, stomp->address, follow->room);
        follow->charged = false;
    }
}

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
        refund(follow); /* what the answer would have been is not known */
        room_enter_cancel(follow->entry);
    }
    if (follow->member) {
        member_gone(follow->member, left);
    }
    if (follow->chatter) {
        chatter_gone(follow->chatter);
    }
    let_next_enter(stomp, follow->room);
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
    if (outcome != ROOM_NOT_FOUND) {
        refund(follow);
    }
    if (outcome != ROOM_RESERVED) {
        fail_follow(follow, outcome_codes[outcome]);
        return;
    }
    follow->state = FOLLOW_JOINING;
    follow->member =
        member_create(proto_loop->rooms, ticket, &stomp->claims, follow->since, follow->history,
                      follow->started_ns, stomp_receiver_ops(stomp), follow);
    if (!follow->member) {
        metric_add(METRIC_OUT_OF_MEMORY, 1);
        stomp_fail(stomp, "internal", NULL, NULL);
    }
}

/* Asks for a place in a class; NULL, or the code of why not. */
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
    if (!follow->entry) {
        refund(follow);
        return "unavailable";
    }
    return NULL;
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
    follow->chatter =
        chatter_create(stomp->loop->proto_loop->chats, &wish, stomp_receiver_ops(stomp), follow);
    return follow->chatter ? NULL : "unavailable";
}

static void enter(struct follow *follow)
{
    follow->state = FOLLOW_ENTERING;
    const char *wrong = follow->chat ? enter_chat(follow) : enter_class(follow);
    if (wrong) {
        fail_follow(follow, wrong);
    }
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
    if (follow->state == FOLLOW_WAITING) {
        enter(follow);
        return;
    }
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

/* ---- subscribing ---- */

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

/* Is there an earlier place in the room, which is being left or is over? */
static bool has_place(const struct stomp *stomp, const char *room, const struct follow *but)
{
    const struct follow *follow = stomp->follows;
    while (follow && (follow == but || strcmp(follow->room, room) != 0)) {
        follow = follow->next;
    }
    return follow != NULL;
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
    struct follow *follow = stomp_follow_find(stomp, room);
    if (follow) {
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
    if (has_place(stomp, room, follow)) {
        follow->state = FOLLOW_WAITING;
    } else {
        enter(follow);
    }
}

struct follow *stomp_follow_writer(struct stomp *stomp, const struct stomp_cause *cause)
{
    struct follow *follow = stomp_follow_find(stomp, "");
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
    return follow; /* its welcome came in the call */
}

/* ---- leaving ---- */

static void leave(struct follow *follow)
{
    follow->leaving = true;
    if (follow->pending_count > 0 || follow->waiting) {
        return;
    }
    if (follow->state == FOLLOW_WAITING || follow->state == FOLLOW_ENTERING) {
        free_follow(follow, true);
    } else {
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
    stomp_receipt(follow->stomp, span_of(subscription->receipt)); /* it will not be joined for it */
    free(subscription->receipt);
    subscription->receipt = NULL;
    if (!follow->subscriptions) {
        leave(follow);
    }
}

void stomp_leave_rooms(struct stomp *stomp)
{
    for (struct subscription *sub = stomp->subscriptions, *next; sub; sub = next) {
        next = sub->next;
        if (sub->follow) { /* the queues stay: what was sent may be refused yet */
            stomp_follow_unsubscribe(sub);
            stomp_unsubscribe(stomp, sub);
        }
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
