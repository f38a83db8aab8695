/*
 * What a room tells those who follow it by STOMP: the operations of its receiver (net/receiver.h). A
 * message of the room is encoded once for all; each subscription gets it behind its own head.
 *
 * The room is in the middle of its own work then, so nothing of its place is changed here: what ends
 * it or answers its welcome is done by a task at the end of the loop's turn (stomp_follow.c).
 */
#include "proto/stomp.h"

#include <stdio.h>

#include "core/metrics.h"

#define STOMP_VARIANT 4 /* of receivers: this and the carrier's; see proto/carrier.h */

/* ---- messages of the room ---- */

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
        stomp->acks_due += s->acked;
    }
    if (follow->subscriptions) {
        stomp->sent_ms = stomp_now_ms(stomp);
    }
    return sent;
}

static size_t backlog(void *socket)
{
    const struct follow *follow = socket;
    return carrier_backlog(follow->stomp->carrier);
}

/* ---- what concerns this place alone ---- */

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
    {"room full", "room_full", CLOSE_TRY_LATER, false},
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
static const struct receiver_ops ops[CARRIER_VARIANTS] = {
    [CARRIER_WS] = OPS(CARRIER_WS),
    [CARRIER_WS_DEFLATE] = OPS(CARRIER_WS_DEFLATE),
    [CARRIER_SOCKJS] = OPS(CARRIER_SOCKJS),
    [CARRIER_SOCKJS_WS] = OPS(CARRIER_SOCKJS_WS),
};

const struct receiver_ops *stomp_receiver_ops(const struct stomp *stomp)
{
    return &ops[carrier_variant(stomp->carrier)];
}
