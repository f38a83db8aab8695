/*
 * Accounts for those who have no token yet: GET /accounts (what is on offer), POST /signup, POST /login.
 */
#include "http/accounts.h"

#include <stdlib.h>

#include "account/rules.h"
#include "base/clock.h"
#include "base/json.h"
#include "core/log.h"
#include "http/answer.h"
#include "http/body.h"
#include "http/handlers.h"

#define COOKIE "lectern_login"
#define COOKIE_AGE "31536000" /* seconds: a year */

/* ---- shared with profile.c ---- */

void accounts_client_init(struct request *req, struct accounts_client *out)
{
    struct address network = req->client;
    struct span value = {NULL, 0};
    *out = (struct accounts_client){.address = ""};
    if (!address_is_v4(&network)) {
        memset(network.bytes + 8, 0, 8); /* who has one address of a /64 has all */
    }
    address_write(&network, out->address);
    buf_init(&out->cookies);
    const char *header = request_header_list(req, "Cookie", &out->cookies);
    if (header && cookie_get(span_of(header), COOKIE, &value) != URL_OK) {
        value = (struct span){NULL, 0};
    }
    out->client = (struct account_client){out->address, value};
}

void accounts_client_finish(struct accounts_client *client)
{
    buf_finish(&client->cookies);
}

bool accounts_enter(struct request *req)
{
    if (!tokens_can_mint(req->server->context.tokens)) {
        answer_error(req, "accounts_off");
        return false;
    }
    if (!limits_enter(req->server->limits, LIMITS_PASSWORD)) {
        answer_error(req, "busy");
        return false;
    }
    return true;
}

void accounts_leave(struct request *req)
{
    limits_leave(req->server->limits, LIMITS_PASSWORD);
}

void accounts_refuse(struct request *req, enum account_result result, unsigned wait_s)
{
    static const char *const codes[] = {
        [-ACCOUNT_WRONG] = "login_failed",      [-ACCOUNT_BUSY] = "busy",
        [-ACCOUNT_UNAVAILABLE] = "unavailable", [-ACCOUNT_FAILED] = "internal",
        [-ACCOUNT_ID_TAKEN] = "id_taken",       [-ACCOUNT_EMAIL_TAKEN] = "email_taken",
        [-ACCOUNT_REVOKED] = "token_revoked",
    };
    if (result == ACCOUNT_SLOWED) {
        answer_later(req, "too_many_attempts", wait_s);
    } else {
        answer_error(req, codes[-result]);
    }
}

static void write_token(struct buf *json, const struct user_row *row, const char *jwt,
                        uint32_t token_s)
{
    buf_append_char(json, '{');
    json_write_key(json, "token");
    json_write_string(json, span_of(jwt));
    buf_printf(json, ",\"expiresIn\":%u,\"user\":{", (unsigned)token_s);
    json_write_key(json, "id");
    json_write_string(json, span_of(row->id));
    json_write_key(json, "name");
    json_write_string(json, span_of(row->name));
    buf_printf(json, ",\"userType\":\"%s\"}}", user_type_name(row->type));
}

void accounts_answer_token(struct request *req, const struct user_row *row)
{
    const uint32_t token_s = req->server->context.config->token_s;
    int64_t now = clock_wall_ms();
    struct claims claims = {.type = row->type, .generation = row->generation};
    struct buf json;
    buf_init(&json);
    claims.expires_ms = now + (int64_t)token_s * 1000;
    (void)span_copy(span_of(row->id), claims.user_id, sizeof claims.user_id);
    (void)span_copy(span_of(row->name), claims.name, sizeof claims.name);
    char *jwt = malloc(TOKEN_MAX + 1); /* too large for civetweb's small stacks */
    if (jwt && token_mint(req->server->context.tokens, &claims, now, jwt) == 0) {
        write_token(&json, row, jwt, token_s);
        answer_json(req, 200, &json);
    } else {
        answer_error(req, "internal");
    }
    free(jwt);
}

void accounts_mark_device(struct request *req, const struct account_client *client,
                          const struct user_row *row)
{
    const struct tokens *tokens = req->server->context.tokens;
    char cookie[DEVICE_COOKIE_LEN + 1], device[DEVICE_ID_LEN + 1];
    if (known_device_verify(tokens, row->id, row->generation, client->cookie, device)) {
        return;
    }
    known_device_create(tokens, row->id, row->generation, cookie);
    answer_header(req, "Set-Cookie",
                  COOKIE "=%s; Path=/; Max-Age=" COOKIE_AGE "; HttpOnly; SameSite=Strict%s", cookie,
                  request_is_https(req) ? "; Secure" : "");
}

/* ---- GET /accounts ---- */

void accounts_get(struct request *req)
{
    static const char *const who[] = {
        [CONFIG_SIGNUP_STUDENTS] = "students",
        [CONFIG_SIGNUP_OPEN] = "open",
        [CONFIG_SIGNUP_CLOSED] = "closed",
    };
    const struct http_context *context = &req->server->context;
    bool ours = tokens_can_mint(context->tokens);
    struct buf json;
    buf_init(&json);
    buf_printf(&json, "{\"login\":%s,\"signup\":\"%s\"}", ours ? "true" : "false",
               ours ? who[context->config->signup] : who[CONFIG_SIGNUP_CLOSED]);
    answer_json(req, 200, &json);
}

/* ---- POST /signup ---- */

struct form {
    struct user_row row;
    char password[PASSWORD_MAX + 1];
};

static bool refuse_field(struct request *req, const char *field, const char *message)
{
    answer_field(req, "bad_field", field, message);
    return false;
}

/* A member that need not be there; `out` is "" then. */
static bool optional_text(struct request *req, const cJSON *body, const char *key, char *out,
                          size_t cap)
{
    *out = '\0';
    return !cJSON_GetObjectItemCaseSensitive(body, key) || body_text(req, body, key, out, cap);
}

static bool read_identity(struct request *req, const cJSON *body, struct user_row *row)
{
    if (!body_text(req, body, "id", row->id, sizeof row->id)) {
        return false;
    }
    if (!rules_id_valid(span_of(row->id))) {
        return refuse_field(req, "id", RULES_ID);
    }
    if (!body_text(req, body, "name", row->name, sizeof row->name)) {
        return false;
    }
    if (!id_name_valid(span_of(row->name))) {
        return refuse_field(req, "name", RULES_NAME);
    }
    if (!optional_text(req, body, "email", row->email, sizeof row->email)) {
        return false;
    }
    return !*row->email || rules_email_valid(span_of(row->email)) ||
           refuse_field(req, "email", RULES_EMAIL);
}

static bool read_form(struct request *req, const cJSON *body, struct form *form)
{
    char type[16];
    if (!read_identity(req, body, &form->row) ||
        !body_text(req, body, "password", form->password, sizeof form->password)) {
        return false;
    }
    if (!password_valid(span_of(form->password))) {
        return refuse_field(req, "password", RULES_PASSWORD);
    }
    if (!optional_text(req, body, "userType", type, sizeof type)) {
        return false;
    }
    form->row.type = USER_STUDENT;
    if (*type &&
        (!user_type_parse(span_of(type), &form->row.type) || form->row.type == USER_SERVICE)) {
        return refuse_field(req, "userType", "A userType is student or teacher.");
    }
    return true;
}

static bool may_sign_up(const struct config *config, enum user_type type)
{
    return config->signup == CONFIG_SIGNUP_OPEN ||
           (config->signup == CONFIG_SIGNUP_STUDENTS && type == USER_STUDENT);
}

static void sign_up(struct request *req, struct form *form)
{
    struct accounts_client client;
    unsigned wait_s;
    accounts_client_init(req, &client);
    enum account_result result = account_add(req->server->context.accounts, &form->row,
                                             span_of(form->password), &client.client, &wait_s);
    if (result) {
        accounts_refuse(req, result, wait_s);
    } else {
        log_info("account", "%s has made an account (%s)", form->row.id,
                 user_type_name(form->row.type));
        accounts_mark_device(req, &client.client, &form->row);
        accounts_answer_token(req, &form->row);
    }
    accounts_client_finish(&client);
}

void accounts_signup(struct request *req)
{
    struct form form = {.password = ""};
    cJSON *body = body_json(req, ACCOUNTS_BODY_MAX);
    bool read = body && read_form(req, body, &form);
    cJSON_Delete(body);
    if (read && tokens_can_mint(req->server->context.tokens) &&
        !may_sign_up(req->server->context.config, form.row.type)) {
        answer_error(req, "signup_closed");
    } else if (read && accounts_enter(req)) {
        sign_up(req, &form);
        accounts_leave(req);
    }
    explicit_bzero(&form, sizeof form);
}

/* ---- POST /login ---- */

static void log_in(struct request *req, const char *name, const char *password)
{
    struct accounts_client client;
    struct user_row row;
    unsigned wait_s;
    accounts_client_init(req, &client);
    enum account_result result = account_sign_in(req->server->context.accounts, span_of(name),
                                                 span_of(password), &client.client, &row, &wait_s);
    if (result) {
        accounts_refuse(req, result, wait_s);
    } else {
        accounts_mark_device(req, &client.client, &row);
        accounts_answer_token(req, &row);
    }
    accounts_client_finish(&client);
}

void accounts_login(struct request *req)
{
    char name[EMAIL_MAX + 1], password[PASSWORD_MAX + 1];
    cJSON *body = body_json(req, ACCOUNTS_BODY_MAX);
    bool read = body && body_text(req, body, "id", name, sizeof name) &&
                body_text(req, body, "password", password, sizeof password);
    cJSON_Delete(body);
    if (read && accounts_enter(req)) {
        log_in(req, name, password);
        accounts_leave(req);
    }
    explicit_bzero(password, sizeof password);
}
