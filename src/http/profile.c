/*
 * What is one's own: GET /profile, POST /profile/password, POST /logout-all. The route table has seen to
 * it that the first two have a token that counts.
 */
#include <string.h>

#include "account/rules.h"
#include "base/json.h"
#include "core/log.h"
#include "http/accounts.h"
#include "http/answer.h"
#include "http/body.h"
#include "http/handlers.h"

/* ---- GET /profile ---- */

static void write_user(struct buf *json, const char *id, const char *name, enum user_type type)
{
    buf_append_char(json, '{');
    json_write_key(json, "id");
    json_write_string(json, span_of(id));
    json_write_key(json, "name");
    json_write_string(json, span_of(name));
    buf_printf(json, ",\"userType\":\"%s\"", user_type_name(type));
}

/* What the token itself says: guests, and those whom the school's service or an operator vouches for. */
static void answer_claims(struct request *req)
{
    struct buf json;
    buf_init(&json);
    write_user(&json, req->claims.user_id, req->claims.name, req->claims.type);
    buf_append_text(&json, ",\"account\":false}");
    answer_json(req, 200, &json);
}

void profile_get(struct request *req)
{
    struct user_row row;
    struct buf json;
    if (req->claims.generation == 0) {
        answer_claims(req);
        return;
    }
    if (!accounts_enter(req)) {
        return;
    }
    enum account_result result = account_get(req->server->context.accounts, &req->claims, &row);
    accounts_leave(req);
    if (result) {
        accounts_refuse(req, result, 0);
        return;
    }
    buf_init(&json);
    write_user(&json, row.id, row.name, row.type);
    buf_append_text(&json, ",\"account\":true");
    json_write_key(&json, "email");
    json_write_string(&json, span_of(row.email));
    buf_printf(&json, ",\"createdAt\":%lld}", (long long)row.created_ms);
    answer_json(req, 200, &json);
}

/* False after answering that this is for accounts only. */
static bool has_account(struct request *req)
{
    if (!tokens_can_mint(req->server->context.tokens)) {
        answer_error(req, "accounts_off");
        return false;
    }
    if (req->claims.generation == 0) {
        answer_error(req, "account_required");
        return false;
    }
    return true;
}

/* ---- POST /profile/password ---- */

struct change {
    char password[PASSWORD_MAX + 1];
    char new_password[PASSWORD_MAX + 1];
};

static bool read_change(struct request *req, struct change *change)
{
    cJSON *body = body_json(req, ACCOUNTS_BODY_MAX);
    bool read =
        body && body_text(req, body, "password", change->password, sizeof change->password) &&
        body_text(req, body, "newPassword", change->new_password, sizeof change->new_password);
    cJSON_Delete(body);
    if (read && !password_valid(span_of(change->new_password))) {
        answer_field(req, "bad_field", "newPassword", RULES_PASSWORD);
        return false;
    }
    return read;
}

static void change_password(struct request *req, const struct change *change)
{
    struct accounts_client client;
    struct user_row row;
    unsigned wait_s;
    accounts_client_init(req, &client);
    enum account_result result = account_change_password(
        req->server->context.accounts, &req->claims, span_of(change->password),
        span_of(change->new_password), &client.client, &row, &wait_s);
    if (result) {
        accounts_refuse(req, result, wait_s);
    } else {
        log_info("account", "%s has changed the password", row.id);
        accounts_mark_device(req, &client.client, &row);
        accounts_answer_token(req, &row);
    }
    accounts_client_finish(&client);
}

void profile_password(struct request *req)
{
    struct change change = {.password = ""};
    if (has_account(req) && read_change(req, &change) && accounts_enter(req)) {
        change_password(req, &change);
        accounts_leave(req);
    }
    explicit_bzero(&change, sizeof change);
}

/* ---- POST /logout-all ---- */

void profile_logout_all(struct request *req)
{
    struct buf json;
    const char *wrong = request_claims(req);
    /* A token that is void already may be the one with which it could not be told to everybody before. */
    if (wrong && strcmp(wrong, "token_revoked") != 0) {
        answer_error(req, wrong);
        return;
    }
    if (!has_account(req) || !accounts_enter(req)) {
        return;
    }
    enum account_result result = account_sign_out(req->server->context.accounts, &req->claims);
    accounts_leave(req);
    if (result) {
        accounts_refuse(req, result, 0);
        return;
    }
    log_info("account", "%s has signed out everywhere", req->claims.user_id);
    buf_init(&json);
    buf_append_text(&json, "{\"signedOut\":true}");
    answer_json(req, 200, &json);
}
