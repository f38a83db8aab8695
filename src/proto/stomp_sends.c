/*
 * SENDs of STOMP clients: from the frame to the room, and what becomes of them. A receipt is owed until
 * the room has answered: for chats that is after the message was committed to the store. What is sent while
 * its room is still being entered waits for that, in order.
 */
#include "proto/stomp.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/metrics.h"

/* ---- what is answered later ---- */

/* Copies a text that may be absent behind what `at` points to. */
static struct span keep(char **at, struct span text)
{
    if (!text.p) {
        return text;
    }
    struct span kept = {*at, text.n};
    memcpy(*at, text.p, text.n);
    *at += text.n;
    return kept;
}

static bool add_pending(struct follow *follow, const char *ref, const struct stomp_cause *cause)
{
    struct stomp *stomp = follow->stomp;
    struct pending *pending = malloc(sizeof *pending + cause->destination.n + cause->receipt.n);
    if (!pending) {
        return false;
    }
    char *at = pending->texts;
    pending->next = NULL;
    pending->follow = follow;
    (void)span_copy(span_of(ref), pending->ref, sizeof pending->ref);
    pending->cause.destination = keep(&at, cause->destination);
    pending->cause.receipt = keep(&at, cause->receipt);
    *stomp->pending_tail = pending;
    stomp->pending_tail = &pending->next;
    stomp->pending_count++;
    follow->pending_count++;
    return true;
}

/* Takes it off the list; the caller frees it. NULL: there is none. `ref` NULL: any of the room's. */
static struct pending *take_pending(struct follow *follow, const char *ref)
{
    struct stomp *stomp = follow->stomp;
    struct pending **link = &stomp->pending;
    while (*link && ((*link)->follow != follow || (ref && strcmp((*link)->ref, ref) != 0))) {
        link = &(*link)->next;
    }
    struct pending *found = *link;
    if (found) {
        *link = found->next;
        if (!found->next) {
            stomp->pending_tail = link;
        }
        stomp->pending_count--;
        follow->pending_count--;
    }
    return found;
}

/* A SEND was answered: those who wait for that go on. */
static void settled(struct follow *follow)
{
    if (follow->leaving && follow->pending_count == 0) {
        loop_at_turn_end(follow->stomp->loop->proto_loop->loop, &follow->task);
    }
    stomp_leave_if_done(follow->stomp);
}

void stomp_send_acked(struct follow *follow, const char *ref)
{
    struct pending *pending = take_pending(follow, ref);
    if (pending) {
        stomp_receipt(follow->stomp, pending->cause.receipt);
        free(pending);
        settled(follow);
    }
}

void stomp_send_refused(struct follow *follow, const char *ref, struct span error)
{
    struct pending *pending = take_pending(follow, ref);
    if (pending) {
        stomp_relay(follow->stomp, error, &pending->cause);
        free(pending);
        settled(follow);
        return;
    }
    char destination[CHANNEL_NAME_MAX + 16];
    snprintf(destination, sizeof destination, "/app/%s",
             *follow->room ? follow->room : "chat.sendMessage");
    const struct stomp_cause cause = {span_of(destination), {NULL, 0}};
    stomp_relay(follow->stomp, error, &cause);
}

/* ---- sending ---- */

/* A text grows when it becomes JSON. */
static bool too_long(const struct stomp *stomp, const struct buf *json)
{
    return json->len > 2 * (size_t)stomp->loop->proto_loop->config->message_max + 1024;
}

/* The room reads it as it reads everybody's: it knows best what is allowed. */
static void hand_over(struct follow *follow, struct span json)
{
    if (follow->chat) {
        chatter_receive(follow->chatter, json);
    } else {
        member_receive(follow->member, json);
    }
}

static void transmit(struct follow *follow, const char *room, const struct stomp_talk *talk,
                     const char *own_ref, const struct stomp_cause *cause)
{
    struct stomp *stomp = follow->stomp;
    char ref[ID_MAX + 1] = "";
    struct buf json;
    if (talk->type != STOMP_TALK) {
        stomp_receipt(stomp, cause->receipt); /* subscribing has told it, unsubscribing will */
        return;
    }
    if (*own_ref) {
        (void)span_copy(span_of(own_ref), ref, sizeof ref);
    } else if (cause->receipt.p) {
        /* Never the receipt itself: clients count them from 1 again, and a ref that was heard is. */
        snprintf(ref, sizeof ref, "st-%s-%llu", stomp->session, (unsigned long long)stomp->refs++);
    }
    bool all = follow->chat || member_may_tell_all(follow->member);
    buf_init(&json);
    stomp_talk_write(&json, talk, follow->chat ? room : "", all ? "all" : "teacher", ref);
    metric_add(METRIC_OUT_OF_MEMORY, json.failed);
    if (!json.failed && too_long(stomp, &json)) {
        stomp_refuse(stomp, "too_big", NULL, NULL, cause);
    } else if (json.failed || (cause->receipt.p && (stomp->pending_count >= STOMP_PENDING_MAX ||
                                                    !add_pending(follow, ref, cause)))) {
        stomp_refuse(stomp, "unavailable", NULL, NULL, cause);
    } else {
        hand_over(follow, buf_span(&json));
    }
    buf_finish(&json);
}

static void drop_waiting(struct follow *follow, struct waiting *waiting)
{
    follow->stomp->waiting_count--;
    follow->stomp->waiting_bytes -= waiting->bytes;
    free(waiting);
}

static void wait_for_room(struct follow *follow, const struct stomp_talk *talk, const char *ref,
                          const struct stomp_cause *cause)
{
    struct stomp *stomp = follow->stomp;
    size_t bytes = talk->message.n + talk->kind.n + talk->target_type.n + talk->target.n +
                   talk->ephemeral.n + cause->destination.n + cause->receipt.n;
    size_t most = STOMP_WAITING_SIZES * (size_t)stomp->loop->proto_loop->config->message_max;
    if (stomp->waiting_count == STOMP_WAITING_MAX || stomp->waiting_bytes + bytes > most) {
        stomp_refuse(stomp, "rate_limited", "Wait for the receipt of SUBSCRIBE.", NULL, cause);
        return;
    }
    struct waiting *waiting = malloc(sizeof *waiting + bytes);
    if (!waiting) {
        metric_add(METRIC_OUT_OF_MEMORY, 1);
        stomp_refuse(stomp, "unavailable", NULL, NULL, cause);
        return;
    }
    char *at = waiting->texts;
    waiting->next = NULL;
    waiting->bytes = bytes;
    waiting->talk = *talk;
    waiting->talk.message = keep(&at, talk->message);
    waiting->talk.kind = keep(&at, talk->kind);
    waiting->talk.target_type = keep(&at, talk->target_type);
    waiting->talk.target = keep(&at, talk->target);
    waiting->talk.ephemeral = keep(&at, talk->ephemeral);
    waiting->cause.destination = keep(&at, cause->destination);
    waiting->cause.receipt = keep(&at, cause->receipt);
    (void)span_copy(span_of(ref), waiting->ref, sizeof waiting->ref);
    *follow->waiting_tail = waiting;
    follow->waiting_tail = &waiting->next;
    stomp->waiting_count++;
    stomp->waiting_bytes += bytes;
}

void stomp_follow_send(struct follow *follow, const char *room, const struct stomp_talk *talk,
                       const char *ref, const struct stomp_cause *cause)
{
    if (follow->state == FOLLOW_JOINED && !follow->waiting) {
        transmit(follow, room, talk, ref, cause);
    } else {
        wait_for_room(follow, talk, ref, cause);
    }
}

void stomp_sends_go_on(struct follow *follow)
{
    struct stomp *stomp = follow->stomp;
    while (follow->waiting && follow->state == FOLLOW_JOINED && stomp->state != STOMP_OVER) {
        struct waiting *waiting = follow->waiting;
        follow->waiting = waiting->next;
        if (!follow->waiting) {
            follow->waiting_tail = &follow->waiting;
        }
        transmit(follow, follow->room, &waiting->talk, waiting->ref, &waiting->cause);
        drop_waiting(follow, waiting);
    }
}

void stomp_sends_drop(struct follow *follow, const char *code)
{
    while (follow->waiting) {
        struct waiting *waiting = follow->waiting;
        follow->waiting = waiting->next;
        if (code) {
            stomp_refuse(follow->stomp, code, NULL, NULL, &waiting->cause);
        }
        drop_waiting(follow, waiting);
    }
    follow->waiting_tail = &follow->waiting;
    struct pending *pending;
    while ((pending = take_pending(follow, NULL))) {
        if (code) {
            stomp_refuse(follow->stomp, code, NULL, NULL, &pending->cause);
        }
        free(pending);
    }
}
