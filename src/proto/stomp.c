/*
 * STOMP sockets: their life on a loop. See stomp.h for what the other files do.
 *
 * A socket holds memory for what the client may have under way, all of it bounded: one unfinished
 * frame, subscriptions, SENDs that wait for a room or whose receipt is owed, and the carrier's queue.
 */
#include "proto/stomp.h"

#include <stdlib.h>

#include "base/clock.h"
#include "core/log.h"
#include "core/metrics.h"

#define TICK_MS 250

int64_t stomp_now_ms(const struct stomp *stomp)
{
    return loop_now_ms(stomp->loop->proto_loop->loop);
}

void stomp_over(struct stomp *stomp, uint16_t code, const char *reason)
{
    stomp->state = STOMP_OVER;
    if (stomp->carrier) {
        carrier_close(stomp->carrier, code, reason);
    }
}

void stomp_leave_if_done(struct stomp *stomp)
{
    if (stomp->state != STOMP_LEAVING || stomp->pending_count > 0 || stomp->waiting_count > 0) {
        return;
    }
    stomp_receipt(stomp, span_of(stomp->receipt));
    stomp_over(stomp, 1000, "");
}

/* ---- bytes ---- */

/* Keeps bytes until CONNECT is answered. */
static void keep_early(struct stomp *stomp, const void *data, size_t len)
{
    if (stomp->early.len + len > stomp->parser.body_max + STOMP_HEAD_MAX) {
        stomp_fail(stomp, "too_big", "Wait for CONNECTED before you send so much.", NULL);
        return;
    }
    buf_append(&stomp->early, data, len);
    if (stomp->early.failed) {
        metric_add(METRIC_OUT_OF_MEMORY, 1);
        stomp_over(stomp, CLOSE_INTERNAL, "out of memory");
    }
}

static void feed(struct stomp *stomp, char *data, size_t len)
{
    int result =
        stomp_parser_feed(&stomp->parser, (uint8_t *)data, len, &stomp_frame_events, stomp);
    if (result == STOMP_PAUSED) {
        size_t taken = stomp_parser_taken(&stomp->parser);
        keep_early(stomp, data + taken, len - taken);
    }
}

void stomp_resume(struct stomp *stomp)
{
    struct buf early = stomp->early;
    buf_init(&stomp->early);
    if (early.len > 0 && stomp->state == STOMP_CONNECTED) {
        feed(stomp, early.data, early.len);
    }
    buf_finish(&early);
}

static void on_message(struct carrier *carrier, bool binary, char *data, size_t len)
{
    struct stomp *stomp = carrier_owner(carrier);
    (void)binary; /* STOMP's frames are the same in both */
    stomp->heard_ms = stomp_now_ms(stomp);
    if (stomp->state == STOMP_CHECKING) {
        keep_early(stomp, data, len);
    } else if (stomp->state != STOMP_LEAVING && stomp->state != STOMP_OVER) {
        feed(stomp, data, len);
    }
}

static void on_drain(struct carrier *carrier)
{
    stomp_drained(carrier_owner(carrier));
}

/* ---- the end ---- */

static void free_stomp(struct stomp *stomp)
{
    if (stomp->next) {
        stomp->next->link = stomp->link;
    }
    *stomp->link = stomp->next;
    stomp_parser_finish(&stomp->parser);
    buf_finish(&stomp->early);
    free(stomp->receipt);
    free(stomp);
}

static void on_closed(struct carrier *carrier, const struct wsock_end *end)
{
    struct stomp *stomp = carrier_owner(carrier);
    const char *room = stomp->follows ? stomp->follows->room : "";
    bool left = carrier_left(end) || stomp->state == STOMP_LEAVING ||
                (stomp->state == STOMP_OVER && end->code == 1000);
    proto_log_end("stomp", carrier, end, stomp->claims.user_id, room);
    stomp->carrier = NULL;
    stomp->state = STOMP_OVER;
    stomp_drop_rooms(stomp, left);
    while (stomp->subscriptions) {
        struct subscription *next = stomp->subscriptions->next;
        stomp_subscription_free(stomp->subscriptions);
        stomp->subscriptions = next;
    }
    if (!stomp->checking) {
        free_stomp(stomp);
    }
}

static const struct carrier_handlers handlers = {on_message, on_drain, on_closed};

void stomp_checked(struct stomp *stomp)
{
    stomp->checking = false;
    if (!stomp->carrier) {
        free_stomp(stomp);
    }
}

void stomp_open(struct proto_loop *proto_loop, struct carrier *carrier,
                const struct socket_request *request)
{
    struct stomp_loop *loop = proto_loop->stomp;
    struct stomp *stomp = calloc(1, sizeof *stomp);
    if (!stomp) {
        metric_add(METRIC_OUT_OF_MEMORY, 1);
        carrier_close(carrier, CLOSE_INTERNAL, "out of memory");
        return;
    }
    stomp->loop = loop;
    stomp->carrier = carrier;
    stomp->claims = request->claims;
    stomp->guard = request->guard;
    (void)span_copy(span_of(request->address), stomp->address, sizeof stomp->address);
    stomp_parser_init(&stomp->parser, proto_loop->config->message_max);
    buf_init(&stomp->early);
    stomp->pending_tail = &stomp->pending;
    stomp->heard_ms = stomp->sent_ms = stomp_now_ms(stomp);
    stomp->deadline_ms = stomp->heard_ms + STOMP_CONNECT_MS;
    bucket_fill(&stomp->rate, proto_loop->config->rate_student.burst, stomp->heard_ms);
    stomp->next = loop->head;
    stomp->link = &loop->head;
    if (stomp->next) {
        stomp->next->link = &stomp->next;
    }
    loop->head = stomp;
    carrier_bind(carrier, &handlers, stomp);
    log_debug("stomp", "open address=%s by=%s", request->address, carrier_kind(carrier));
}

/* ---- time ---- */

static void beat(struct stomp *stomp, int64_t now_ms)
{
    struct buf out;
    /* A beat of the timer early rather than late; where something waits, bytes are on their way. */
    if (stomp->send_every_ms == 0 || carrier_backlog(stomp->carrier) > 0 ||
        now_ms - stomp->sent_ms < (int64_t)stomp->send_every_ms - TICK_MS) {
        return;
    }
    buf_init(&out);
    buf_append_char(&out, '\n');
    stomp_send(stomp, &out);
}

static void check_connected(struct stomp *stomp, int64_t now_ms)
{
    int64_t silence_ms = now_ms - stomp->heard_ms;
    if (stomp->claims.expires_ms <= clock_wall_ms()) {
        stomp_fail(stomp, "token_expired", NULL, NULL);
    } else if (stomp->expect_every_ms > 0 && silence_ms > 2 * (int64_t)stomp->expect_every_ms) {
        stomp_fail(stomp, "no_heartbeat", NULL, NULL);
    } else {
        beat(stomp, now_ms);
    }
}

static void check(struct stomp *stomp, int64_t now_ms)
{
    if (!stomp->carrier || stomp->state == STOMP_OVER) {
        return;
    }
    if (stomp->state == STOMP_CONNECTED) {
        check_connected(stomp, now_ms);
    } else if (now_ms < stomp->deadline_ms) {
        return;
    } else if (stomp->state == STOMP_OPENING) {
        stomp_fail(stomp, "connect_timeout", NULL, NULL);
    } else if (stomp->state == STOMP_LEAVING) {
        stomp_over(stomp, 1000, ""); /* without the receipt: a SEND was not answered */
    }
}

static void tick(uv_timer_t *timer)
{
    struct stomp_loop *loop = timer->data;
    int64_t now_ms = loop_now_ms(loop->proto_loop->loop);
    if (loop_tick_is_late(loop->proto_loop->loop, &loop->pace, TICK_MS)) {
        return;
    }
    for (struct stomp *stomp = loop->head; stomp; stomp = stomp->next) {
        check(stomp, now_ms);
    }
    stomp_check_generations(loop, now_ms);
}

struct stomp_loop *stomp_loop_create(struct proto_loop *proto_loop)
{
    struct stomp_loop *loop = calloc(1, sizeof *loop);
    if (!loop) {
        return NULL;
    }
    loop->proto_loop = proto_loop;
    id_random(loop->stamp, SESSION_ID_LEN);
    uv_timer_init(loop_uv(proto_loop->loop), &loop->tick);
    loop->tick.data = loop;
    loop->pace.ticked_ms = loop_now_ms(proto_loop->loop);
    uv_timer_start(&loop->tick, tick, TICK_MS, TICK_MS);
    return loop;
}

static void tick_closed(uv_handle_t *handle)
{
    free(handle->data);
}

void stomp_loop_close(struct stomp_loop *loop)
{
    if (loop) {
        for (unsigned i = 0; i < CARRIER_VARIANTS; i++) {
            frame_unref(loop->shared[i].rest);
            frame_unref(loop->shared[i].whole);
        }
        uv_close((uv_handle_t *)&loop->tick, tick_closed);
    }
}
