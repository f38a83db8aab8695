/* Room codes in requests; see codes.h. */
#include "http/codes.h"

#include "base/clock.h"
#include "http/answer.h"

bool codes_of_path(struct request *req, char code[ROOM_CODE_MAX + 1])
{
    struct span segment = url_path_at(&req->path, 1);
    if (!id_room_code_valid(segment)) {
        answer_error(req, "bad_room");
        return false;
    }
    return span_copy(segment, code, ROOM_CODE_MAX + 1);
}

bool codes_guesser(const struct claims *claims, const char *code)
{
    return claims->type == USER_STUDENT && strcmp(claims->room, code) != 0;
}

bool codes_may_ask(struct request *req, const char *code)
{
    unsigned wait_s;
    enum limits_answer answer =
        limits_codes_charge(req->server->limits, &req->client, code, clock_mono_ms(), &wait_s);
    if (answer == LIMITS_OVER) {
        answer_later(req, "rate_limited", wait_s);
        return false;
    }
    req->code_charged = answer == LIMITS_CHARGED;
    return true;
}

void codes_refund(struct request *req, const char *code)
{
    if (req->code_charged) {
        limits_codes_refund(req->server->limits, &req->client, code, clock_mono_ms());
        req->code_charged = false;
    }
}

void codes_missing(struct request *req)
{
    req->code_charged = false;
    answer_error(req, "room_not_found");
}

static bool guard_ask(void *arg, const char *address, const char *code, bool *charged)
{
    struct address client;
    unsigned wait_s;
    *charged = false;
    if (!address_parse(span_of(address), &client)) {
        return true; /* it is our own text */
    }
    enum limits_answer answer = limits_codes_charge(arg, &client, code, clock_mono_ms(), &wait_s);
    *charged = answer == LIMITS_CHARGED;
    return answer != LIMITS_OVER;
}

static void guard_refund(void *arg, const char *address, const char *code)
{
    struct address client;
    if (address_parse(span_of(address), &client)) {
        limits_codes_refund(arg, &client, code, clock_mono_ms());
    }
}

void codes_guard(struct limits *limits, struct proto_guard *out)
{
    *out = (struct proto_guard){guard_ask, guard_refund, limits};
}
