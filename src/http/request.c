/* Reading a request's head: path, headers, token, the client's address; see request.h. */
#include "http/request.h"

#include <sodium.h>
#include <stdlib.h>
#include <strings.h>

#include "base/clock.h"
#include "base/number.h"
#include "core/log.h"
#include "core/metrics.h"
#include "http/answer.h"
#include "http/head.h"
#include "http/origin.h"
#include "ws/handshake.h"

#define LINGER_MS 500 /* how long a refused body is thrown away before the connection is cut */

static void read_address(struct request *req)
{
    const struct http_server *server = req->server;
    struct address peer;
    struct buf list;
    if (!address_parse(span_of(req->info->remote_addr), &peer)) {
        return;
    }
    buf_init(&list);
    req->from_proxy = address_in(&peer, server->proxies, server->proxy_count);
    const char *forwarded =
        req->from_proxy ? request_header_list(req, "X-Forwarded-For", &list) : NULL;
    req->client = address_client(&peer, forwarded, server->proxies, server->proxy_count);
    address_write(&req->client, req->address);
    buf_finish(&list);
}

void request_init_unread(struct request *req, struct http_server *server,
                         struct mg_connection *conn)
{
    *req = (struct request){.server = server, .conn = conn, .fd = -1, .unread = true};
    req->started_ns = clock_mono_ns();
    req->info = mg_get_request_info(conn);
    req->method = req->info->request_method ? req->info->request_method : "";
    req->uri = "-"; /* civetweb's may be left over from the request before */
    req->cache_control = "no-store";
    req->policy = "default-src 'none'; frame-ancestors 'none'";
    buf_init(&req->headers);
    /* One request per connection, and what is left of this one is not read by civetweb. */
    mg_disable_connection_keep_alive(conn);
    read_address(req);
}

/* SockJS's clients in Node send their payloads so; nothing else here takes a body without length. */
static bool takes_chunks(const struct request *req)
{
    static const char prefix[] = "/sockjs/";
    return request_is(req, "POST") && strncmp(req->uri, prefix, sizeof prefix - 1) == 0;
}

const char *request_init(struct request *req, struct http_server *server,
                         struct mg_connection *conn)
{
    request_init_unread(req, server, conn);
    const struct mg_request_info *info = req->info;
    req->uri = info->local_uri_raw;
    const char *wrong =
        head_check(info->http_headers, info->num_headers, info->http_version, &req->content_length);
    if (!wrong || strcmp(wrong, "length_required") == 0) {
        wrong = head_complete(info) ? wrong : "bad_request";
    }
    if (wrong && strcmp(wrong, "length_required") == 0 && takes_chunks(req)) {
        req->chunked_body = true;
        wrong = NULL;
    }
    if (wrong) {
        return wrong;
    }
    req->unread = req->content_length > 0 || req->chunked_body;
    req->query = span_of(info->query_string);
    switch (url_path_split(span_of(req->uri), &req->path)) {
    case URL_OK:
        return NULL;
    case URL_TOO_LONG:
    case URL_BAD_PATH:
        req->path = (struct url_path){0};
        return "not_found";
    default:
        req->path = (struct url_path){0};
        return "bad_request";
    }
}

void request_finish(struct request *req)
{
    log_debug("http", "%s %s %s %d", req->address, req->method, req->uri, req->status);
    if (req->fd >= 0) {
        transfer_close(req->fd, req->unread ? LINGER_MS : 0);
        req->fd = -1;
    }
    buf_finish(&req->headers);
}

bool request_take(struct request *req)
{
    if (req->fd >= 0) {
        return true;
    }
    const struct mg_request_info *info = req->info;
    int fd = take_find(info->remote_addr, (unsigned)info->remote_port, (unsigned)info->server_port);
    if (fd >= 0) {
        fd = take_over(req->server->take, fd);
    }
    if (fd < 0) {
        return false;
    }
    req->fd = fd;
    transfer_init(&req->out, fd, TRANSFER_SEND_RATE, &req->server->stopping);
    return true;
}

const char *request_header(const struct request *req, const char *name)
{
    return head_get(req->info->http_headers, req->info->num_headers, name);
}

const char *request_header_list(const struct request *req, const char *name, struct buf *out)
{
    const struct mg_request_info *info = req->info;
    for (int i = 0; i < info->num_headers; i++) {
        if (strcasecmp(info->http_headers[i].name, name) == 0) {
            if (out->len > 0) {
                buf_append_text(out, ", ");
            }
            buf_append_text(out, info->http_headers[i].value);
        }
    }
    return out->len > 0 ? buf_cstr(out) : NULL;
}

bool request_is(const struct request *req, const char *method)
{
    return strcmp(req->method, method) == 0;
}

bool request_is_https(const struct request *req)
{
    struct buf list;
    buf_init(&list);
    const char *schemes =
        req->from_proxy ? request_header_list(req, "X-Forwarded-Proto", &list) : NULL;
    const char *comma = schemes ? strrchr(schemes, ',') : NULL;
    const char *last = comma ? comma + 1 : schemes;
    bool https = last && head_is_type(last + strspn(last, " \t"), "https");
    buf_finish(&list);
    return https;
}

bool request_origin_allowed(const struct request *req)
{
    return origin_allowed(request_header(req, "Origin"), request_header(req, "Host"),
                          req->server->context.config->origins);
}

bool request_field(struct request *req, const char *name, char *out, size_t cap)
{
    char message[128];
    size_t len;
    enum url_result result = url_query_get(req->query, name, out, cap, &len);
    if (result == URL_OK || result == URL_ABSENT) {
        return true;
    }
    snprintf(message, sizeof message, "The parameter %s %s.", name, url_result_text(result));
    answer_field(req, "bad_field", name, message);
    return false;
}

bool request_number(struct request *req, const char *name, uint32_t min, uint32_t max,
                    uint32_t *out)
{
    char text[16];
    char message[96];
    if (!request_field(req, name, text, sizeof text)) {
        return false;
    }
    if (!*text || number_read_u32(span_of(text), min, max, out)) {
        return true;
    }
    snprintf(message, sizeof message, "The parameter %s is a number from %u to %u.", name, min,
             max);
    answer_field(req, "bad_field", name, message);
    return false;
}

static struct span bearer(const char *authorization)
{
    static const char scheme[] = "Bearer ";
    if (!authorization || strncasecmp(authorization, scheme, sizeof scheme - 1) != 0) {
        return (struct span){NULL, 0};
    }
    authorization += sizeof scheme - 1;
    authorization += strspn(authorization, " ");
    return (struct span){authorization, strcspn(authorization, " \t")};
}

/* The token among the subprotocols, borrowed from `list`. */
static struct span bearer_protocol(const char *list)
{
    static const char prefix[] = "bearer.";
    const size_t n = sizeof prefix - 1;
    const char *token;
    size_t len;
    while (list && ws_next_token(&list, &token, &len) > 0) {
        if (len > n && memcmp(token, prefix, n) == 0) {
            return (struct span){token + n, len - n};
        }
    }
    return (struct span){NULL, 0};
}

/*
 * Where Redis does not know the token's account the store is asked, by a few threads at a time: whoever
 * finds no place among them, or no answer soon, is let in as if the store were away.
 */
static bool revoked(struct request *req)
{
    struct accounts *accounts = req->server->context.accounts;
    struct limits *limits = req->server->limits;
    enum account_result result = account_check_remembered(accounts, &req->claims);
    if (result == ACCOUNT_UNAVAILABLE && limits_enter(limits, LIMITS_TOKEN)) {
        result = account_check_stored(accounts, &req->claims);
        limits_leave(limits, LIMITS_TOKEN);
    }
    return result == ACCOUNT_REVOKED;
}

/* What is done with the token that was found; NULL, or the code of an error. */
typedef const char *token_use(struct request *req, struct span jwt, void *arg);

static const char *verify(struct request *req, struct span jwt, void *arg)
{
    (void)arg;
    enum token_error error =
        token_verify(req->server->context.tokens, jwt, clock_wall_ms(), &req->claims);
    if (error) {
        return token_error_code(error);
    }
    return revoked(req) ? "token_revoked" : NULL;
}

static const char *hash(struct request *req, struct span jwt, void *arg)
{
    (void)req;
    crypto_generichash(arg, REQUEST_TOKEN_HASH, (const unsigned char *)jwt.p, jwt.n, NULL, 0);
    return NULL;
}

static const char *use_query(struct request *req, token_use *use, void *arg)
{
    const char *wrong = token_error_code(TOKEN_INVALID);
    char *jwt = malloc(TOKEN_MAX + 1); /* too large for civetweb's small stacks */
    size_t len = 0;
    if (!jwt) {
        metric_add(METRIC_OUT_OF_MEMORY, 1);
        return "internal";
    }
    enum url_result result = url_query_get(req->query, "token", jwt, TOKEN_MAX + 1, &len);
    if (result == URL_ABSENT) {
        wrong = token_error_code(TOKEN_MISSING);
    } else if (result == URL_OK) {
        wrong = use(req, (struct span){jwt, len}, arg);
    }
    free(jwt);
    return wrong;
}

static const char *use_token(struct request *req, token_use *use, void *arg)
{
    struct span jwt = bearer(request_header(req, "Authorization"));
    if (jwt.n > 0) {
        return use(req, jwt, arg);
    }
    struct buf list;
    buf_init(&list);
    jwt = bearer_protocol(request_header_list(req, "Sec-WebSocket-Protocol", &list));
    const char *wrong = list.failed ? "internal"
                        : jwt.n > 0 ? use(req, jwt, arg)
                                    : use_query(req, use, arg);
    buf_finish(&list);
    return wrong;
}

const char *request_claims(struct request *req)
{
    return use_token(req, verify, NULL);
}

const char *request_token_hash(struct request *req, uint8_t out[REQUEST_TOKEN_HASH])
{
    return use_token(req, hash, out);
}
