/*
 * CONNECT: who it is, which version is spoken, and how often heart-beats come. The token stands in the
 * header Authorization (Bearer …) or `token`, or came with the URL, or is the `passcode`, in this order.
 */
#include "proto/stomp.h"

#include "base/ascii.h"
#include "base/clock.h"
#include "core/log.h"
#include "session/revoke.h"

/* ---- the token ---- */

/* Takes "Bearer" off, in any case, where it stands. */
static struct span without_scheme(struct span text)
{
    static const char scheme[] = "bearer ";
    text = span_trim(text);
    if (text.n < sizeof scheme - 1) {
        return text;
    }
    for (size_t i = 0; i < sizeof scheme - 1; i++) {
        if (ascii_lower(text.p[i]) != scheme[i]) {
            return text;
        }
    }
    return span_trim((struct span){text.p + sizeof scheme - 1, text.n - sizeof scheme + 1});
}

/* The token that CONNECT brings; empty where it brings none. */
static struct span token_of(const struct stomp_frame *frame, bool known)
{
    static const char *const names[] = {"Authorization", "authorization", "token", "passcode"};
    size_t count = sizeof names / sizeof *names - known; /* a URL's token comes before a passcode */
    for (size_t i = 0; i < count; i++) {
        struct span token = without_scheme(stomp_header(frame, names[i]));
        if (token.n > 0) {
            return token;
        }
    }
    return (struct span){NULL, 0};
}

/* Fills stomp->claims; NULL, or the code of what is wrong. */
static const char *read_token(struct stomp *stomp, const struct stomp_frame *frame)
{
    bool known = *stomp->claims.user_id != '\0';
    struct span token = token_of(frame, known);
    if (token.n > 0) {
        struct claims claims;
        enum token_error error = token_verify(rooms_tokens(stomp->loop->proto_loop->rooms), token,
                                              clock_wall_ms(), &claims);
        if (error != TOKEN_OK) {
            return token_error_code(error);
        }
        stomp->claims = claims;
    } else if (!known) {
        return "token_missing";
    }
    if (stomp->claims.expires_ms <= clock_wall_ms()) {
        return "token_expired";
    }
    return stomp->claims.type == USER_SERVICE ? "room_forbidden" : NULL;
}

/* ---- the answer ---- */

static uint32_t longer(uint32_t a, uint32_t b)
{
    return a > b ? a : b;
}

static void welcome(struct stomp *stomp)
{
    const struct config *config = stomp->loop->proto_loop->config;
    const struct config_rate *rate =
        stomp->claims.type == USER_TEACHER ? &config->rate_host : &config->rate_student;
    struct buf out;
    buf_init(&out);
    stomp->state = STOMP_CONNECTED;
    stomp->sent_ms = stomp->heard_ms = stomp_now_ms(stomp);
    bucket_fill(&stomp->rate, rate->burst, stomp->heard_ms);
    bucket_fill(&stomp->joins, STOMP_SUBSCRIPTIONS_MAX + rate->burst, stomp->heard_ms);
    id_random(stomp->session, SESSION_ID_LEN);
    stomp_write_command(&out, "CONNECTED");
    if (stomp->version != STOMP_1_0) {
        buf_printf(&out, "version:%s\nheart-beat:%d,%d\nserver:lectern/%s\n",
                   stomp_version_name(stomp->version), STOMP_BEAT_MS, STOMP_BEAT_MS,
                   LECTERN_VERSION);
    }
    buf_printf(&out, "session:%s\nuser-name:%s\n", stomp->session, stomp->claims.user_id);
    stomp_write_body(&out, (struct span){NULL, 0});
    stomp_send(stomp, &out);
    log_debug("stomp", "connected user=%s version=%s", stomp->claims.user_id,
              stomp_version_name(stomp->version));
}

static void checked(void *owner, int64_t newest)
{
    struct stomp *stomp = owner;
    if (revoke_voids(newest, stomp->claims.generation)) {
        stomp_fail(stomp, "token_revoked", NULL, NULL);
    } else if (stomp->state == STOMP_CHECKING) {
        welcome(stomp);
        stomp_resume(stomp);
    }
    stomp_checked(stomp);
}

/* An account may have signed out everywhere: CONNECTED comes when Redis has said that it has not. */
static void check_generation(struct stomp *stomp)
{
    struct revoke revoke;
    stomp->checking = true;
    stomp->state = STOMP_CHECKING;
    revoke_begin(&revoke, rooms_bus(stomp->loop->proto_loop->rooms), checked);
    if (revoke_add(&revoke, stomp, stomp->claims.user_id, stomp->claims.generation)) {
        revoke_end(&revoke); /* may answer in the call */
    } else {
        checked(stomp, 0); /* no account's token, or no memory: as where Redis is away */
    }
}

void stomp_check_generations(struct stomp_loop *loop, int64_t now_ms)
{
    struct revoke revoke;
    if (now_ms - loop->generations_ms < REVOKE_CHECK_MS) {
        return;
    }
    loop->generations_ms = now_ms;
    revoke_begin(&revoke, rooms_bus(loop->proto_loop->rooms), checked);
    for (struct stomp *stomp = loop->head; stomp; stomp = stomp->next) {
        if (stomp->state == STOMP_CONNECTED && !stomp->follows && !stomp->checking) {
            stomp->checking = true; /* it may be answered in the call */
            if (!revoke_add(&revoke, stomp, stomp->claims.user_id, stomp->claims.generation)) {
                stomp->checking = false;
            }
        }
    }
    revoke_end(&revoke);
}

static bool agree(struct stomp *stomp, const struct stomp_frame *frame)
{
    uint32_t can_ms, wants_ms;
    enum stomp_version version = stomp_version_choose(stomp_header(frame, "accept-version"));
    if (version == STOMP_UNKNOWN) {
        stomp_fail(stomp, "bad_version", NULL, NULL);
        return false;
    }
    if (!stomp_heart_beat_read(stomp_header(frame, "heart-beat"), &can_ms, &wants_ms)) {
        stomp_fail(stomp, "bad_header", "heart-beat is two numbers of milliseconds: 10000,10000.",
                   NULL);
        return false;
    }
    stomp->version = version;
    stomp_parser_set_version(&stomp->parser, version);
    if (version != STOMP_1_0) {
        stomp->expect_every_ms = can_ms > 0 ? longer(can_ms, STOMP_BEAT_MS) : 0;
        stomp->send_every_ms = wants_ms > 0 ? longer(wants_ms, STOMP_BEAT_MS) : 0;
    }
    return true;
}

void stomp_connect(struct stomp *stomp, const struct stomp_frame *frame)
{
    if (!agree(stomp, frame)) {
        return;
    }
    const char *wrong = read_token(stomp, frame);
    if (wrong) {
        stomp_fail(stomp, wrong, NULL, NULL);
    } else {
        check_generation(stomp);
    }
}
