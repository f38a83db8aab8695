/*
 * What a STOMP client is answered: receipts, and what was refused. See stomp.h, and the table of errors
 * in docs/protocol.md, "STOMP".
 */
#include "proto/stomp.h"

#include "core/metrics.h"

static const struct answer {
    const char *code;
    uint16_t close; /* where it ends the socket */
    const char *text;
} answers[] = {
    {"bad_frame", 1002, "This is no STOMP frame."},
    {"too_big", 1009, "The frame is too big."},
    {"missing_header", 1002, "A header is missing that this frame needs."},
    {"bad_header", 1002, "A header of this frame cannot be read."},
    {"not_connected", 1002, "The first frame is CONNECT or STOMP."},
    {"already_connected", 1002, "This session is connected already."},
    {"bad_version", 1002, "Of the versions of STOMP 1.0, 1.1 and 1.2 are spoken here."},
    {"duplicate_subscription", 1002, "There is a subscription with this id."},
    {"transactions_unsupported", 1002, "There are no transactions here: each SEND is carried out."},
    {"connect_timeout", WSOCK_CODE_SILENT, "No CONNECT came."},
    {"no_heartbeat", WSOCK_CODE_SILENT, "The heart-beats that were agreed on did not come."},
    {"token_missing", CLOSE_TOKEN_EXPIRED,
     "CONNECT carries the token in its header Authorization (Bearer ...)."},
    {"token_invalid", CLOSE_TOKEN_EXPIRED, "The token is not valid."},
    {"token_expired", CLOSE_TOKEN_EXPIRED, "The token has expired."},
    {"token_revoked", CLOSE_TOKEN_EXPIRED, "The account has signed out everywhere."},
    {"rate_limited", CLOSE_TOO_MANY, "Too many frames: wait before you send it again."},
    {"unavailable", CLOSE_TRY_LATER,
     "The server cannot reach its data just now: send it again in a moment."},
    {"internal", CLOSE_INTERNAL, "Something went wrong in the server."},
    {"room_ended", CLOSE_ROOM_ENDED, "The room has ended."},
    {"replaced", CLOSE_REPLACED,
     "A newer connection of this user has taken the place in the room."},
    {"removed", CLOSE_REMOVED, "The teacher has removed you from this room."},
    {"unknown_destination", CLOSE_REFUSED,
     "SUBSCRIBE to /topic/room/{roomId}, /topic/{roomId} or /user/queue/errors; SEND to "
     "/app/chat.sendMessage, /app/{roomId} or /publish/{roomId}."},
    {"too_many_subscriptions", CLOSE_REFUSED, "A connection has 100 subscriptions at most."},
    {"not_subscribed", CLOSE_REFUSED, "Subscribe to the room first."},
    {"not_member", CLOSE_REFUSED, "This is for the members of the room: join it first."},
    {"account_required", CLOSE_REFUSED, "Chats are for those who have an account."},
    {"room_not_found", CLOSE_REFUSED, "There is no such room."},
    {"room_forbidden", CLOSE_REFUSED, "This token does not open this room."},
    {"room_locked", CLOSE_REFUSED, "The room is locked."},
    {"room_full", CLOSE_REFUSED, "The room is full."},
    {"forbidden", CLOSE_REFUSED, "This is not allowed to you."},
    {"reserved_type", CLOSE_REFUSED, "Messages of this type are not sent by STOMP."},
    {"bad_json", CLOSE_REFUSED, "The body cannot be read."},
    {"bad_field", CLOSE_REFUSED, "A field of the body cannot be read."},
};
static const struct answer other = {"refused", CLOSE_REFUSED, "It was refused."};

static const struct answer *find(const char *code)
{
    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
        if (strcmp(answers[i].code, code) == 0) {
            return &answers[i];
        }
    }
    return &other;
}

void stomp_send(struct stomp *stomp, struct buf *out)
{
    if (stomp->carrier && out->failed) {
        metric_add(METRIC_OUT_OF_MEMORY, 1);
        stomp_over(stomp, CLOSE_INTERNAL, "out of memory");
    } else if (stomp->carrier) {
        stomp->sent_ms = stomp_now_ms(stomp);
        (void)carrier_send_text(stomp->carrier, buf_span(out), false);
    }
    buf_finish(out);
}

void stomp_receipt(struct stomp *stomp, struct span receipt)
{
    struct buf out;
    if (!receipt.p) {
        return;
    }
    buf_init(&out);
    stomp_write_command(&out, "RECEIPT");
    stomp_write_header(&out, stomp->version, "receipt-id", receipt);
    stomp_write_body(&out, (struct span){NULL, 0});
    stomp_send(stomp, &out);
}

/* ---- refusals ---- */

/* `more`: further members, each with a comma before it; may be empty. */
static void write_json(struct buf *out, const char *code, const char *text, struct span more,
                       const struct stomp_cause *cause)
{
    buf_append_text(out, "{\"code\":");
    json_write_string(out, span_of(code));
    buf_append_text(out, ",\"message\":");
    json_write_string(out, span_of(text));
    buf_append_span(out, more);
    if (cause->destination.p) {
        json_write_key(out, "destination");
        json_write_string(out, cause->destination);
    }
    if (cause->receipt.p) {
        json_write_key(out, "receiptId");
        json_write_string(out, cause->receipt);
    }
    buf_append_char(out, '}');
}

static void send_error(struct stomp *stomp, const struct answer *answer, const char *code,
                       const char *text, struct span more, const struct stomp_cause *cause)
{
    struct buf out, json;
    if (stomp->state == STOMP_OVER) {
        return;
    }
    buf_init(&out);
    buf_init(&json);
    write_json(&json, code, text, more, cause);
    stomp_write_command(&out, "ERROR");
    stomp_write_header(&out, stomp->version, "message", span_of(text));
    stomp_write_header(&out, stomp->version, "code", span_of(code));
    if (strcmp(code, "bad_version") == 0) {
        buf_append_text(&out, "version:1.0,1.1,1.2\n");
    }
    if (cause->receipt.p) {
        stomp_write_header(&out, stomp->version, "receipt-id", cause->receipt);
    }
    buf_append_text(&out, "content-type:application/json\n");
    stomp_write_body(&out, buf_span(&json));
    out.failed |= json.failed;
    buf_finish(&json);
    stomp_send(stomp, &out);
    stomp_over(stomp, answer->close, code);
}

static void send_message(struct stomp *stomp, const struct subscription *queue, const char *code,
                         const char *text, struct span more, const struct stomp_cause *cause)
{
    struct buf out, json;
    buf_init(&out);
    buf_init(&json);
    write_json(&json, code, text, more, cause);
    buf_append(&out, queue->texts, queue->head_len);
    buf_printf(&out, "message-id:%s-%llu\ncontent-type:application/json\n", stomp->loop->stamp,
               (unsigned long long)stomp->loop->events++);
    stomp_write_body(&out, buf_span(&json));
    out.failed |= json.failed;
    buf_finish(&json);
    stomp->acks_due += queue->acked;
    stomp_send(stomp, &out);
}

/* True if the client listens to what is refused. */
static bool tell_queues(struct stomp *stomp, const char *code, const char *text, struct span more,
                        const struct stomp_cause *cause)
{
    bool heard = false;
    for (struct subscription *s = stomp->subscriptions; s; s = s->next) {
        if (s->errors) {
            send_message(stomp, s, code, text, more, cause);
            heard = true;
        }
    }
    return heard;
}

static void refuse(struct stomp *stomp, const char *code, const char *text, struct span more,
                   const struct stomp_cause *cause)
{
    if (stomp->state != STOMP_OVER && !tell_queues(stomp, code, text, more, cause)) {
        send_error(stomp, find(code), code, text, more, cause);
    }
}

void stomp_notice(struct stomp *stomp, const char *code, const char *text,
                  const struct stomp_cause *cause)
{
    if (stomp->state != STOMP_OVER) {
        (void)tell_queues(stomp, code, text, (struct span){NULL, 0}, cause);
    }
}

void stomp_fail(struct stomp *stomp, const char *code, const char *text,
                const struct stomp_cause *cause)
{
    static const struct stomp_cause nothing;
    const struct answer *answer = find(code);
    if (stomp->state != STOMP_OVER) {
        metric_add(METRIC_BAD_MESSAGES, 1);
        metric_refused(answer->code);
        send_error(stomp, answer, answer->code, text ? text : answer->text, (struct span){NULL, 0},
                   cause ? cause : &nothing);
    }
}

void stomp_refuse(struct stomp *stomp, const char *code, const char *text, const char *field,
                  const struct stomp_cause *cause)
{
    const struct answer *answer = find(code);
    struct buf more;
    buf_init(&more);
    if (field) {
        buf_append_text(&more, ",\"field\":");
        json_write_string(&more, span_of(field));
    }
    metric_add(METRIC_BAD_MESSAGES, 1);
    metric_refused(answer->code);
    refuse(stomp, answer->code, text ? text : answer->text, buf_span(&more), cause);
    buf_finish(&more);
}

#define RELAY_MEMBERS 8

void stomp_relay(struct stomp *stomp, struct span error, const struct stomp_cause *cause)
{
    struct json_member members[RELAY_MEMBERS];
    char code[ID_MAX + 1] = "refused", text[512] = "It was refused.";
    size_t count = 0, error_at, len;
    struct buf more;
    buf_init(&more);
    if (json_members(error, members, RELAY_MEMBERS, &count, &error_at)) {
        count = 0; /* the room's own words: this does not happen */
    }
    for (size_t i = 0; i < count && i < RELAY_MEMBERS; i++) {
        struct span raw = members[i].value.raw;
        if (span_eq(members[i].key, "code")) {
            (void)!json_string(raw, code, sizeof code, &len);
        } else if (span_eq(members[i].key, "message")) {
            (void)!json_string(raw, text, sizeof text, &len);
        } else {
            buf_printf(&more, ",\"%.*s\":%.*s", (int)members[i].key.n, members[i].key.p, (int)raw.n,
                       raw.p);
        }
    }
    refuse(stomp, code, text, buf_span(&more), cause); /* the room has counted it */
    buf_finish(&more);
}
