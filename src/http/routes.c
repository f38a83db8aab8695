/* The route table and the dispatch over it; see routes.h. */
#include "http/routes.h"

#include "http/answer.h"
#include "http/door.h"
#include "http/handlers.h"
#include "http/origin.h"

#define METHODS_MAX 8

const struct route route_table[] = {
    {"GET", "/rooms/{id}", ROUTE_OPEN, rooms_get},
    {"GET", "/rooms/{id}/users", ROUTE_TOKEN, rooms_users},
    {"GET", "/rooms/{id}/users/{userId}", ROUTE_TOKEN, rooms_user},
    {"GET", "/rooms/{id}/log", ROUTE_TOKEN, export_log},
    {"GET", "/rooms/{id}/attendance", ROUTE_TOKEN, export_attendance},
    {"POST", "/rooms/{id}/images", ROUTE_TOKEN, images_post},
    {"GET", "/files/{id}", ROUTE_OPEN, files_serve},
    {"POST", "/chat/room/{id}/files", ROUTE_TOKEN, chat_upload_post},
    {"GET", "/events", ROUTE_OPEN, events_list},
    {"POST", "/events/{channel}", ROUTE_TOKEN, events_post},
    {"POST", "/chat/room/group/create", ROUTE_TOKEN, chat_groups_create},
    {"GET", "/chat/room/group/list", ROUTE_TOKEN, chat_groups_list},
    {"POST", "/chat/room/group/{id}/join", ROUTE_TOKEN, chat_groups_join},
    {"DELETE", "/chat/room/group/{id}/leave", ROUTE_TOKEN, chat_groups_leave},
    {"POST", "/chat/room/private/create", ROUTE_TOKEN, chat_rooms_direct},
    {"GET", "/chat/my/rooms", ROUTE_TOKEN, chat_rooms_mine},
    {"GET", "/chat/room/{id}", ROUTE_TOKEN, chat_rooms_get},
    {"POST", "/chat/room/{id}/read", ROUTE_TOKEN, chat_history_read},
    {"POST", "/chat/room/{id}/messages", ROUTE_TOKEN, chat_messages_post},
    {"GET", "/chat/history/{id}", ROUTE_TOKEN, chat_history_get},
    {"GET", "/chat/search", ROUTE_TOKEN, chat_history_search},
    {"GET", "/chat/people", ROUTE_TOKEN, chat_rooms_people},
    {"DELETE", "/chat/message/{id}", ROUTE_TOKEN, chat_messages_delete},
    {"POST", "/guest", ROUTE_OPEN, guest_post},
    {"GET", "/accounts", ROUTE_OPEN, accounts_get},
    {"POST", "/signup", ROUTE_OPEN, accounts_signup},
    {"POST", "/login", ROUTE_OPEN, accounts_login},
    {"GET", "/profile", ROUTE_TOKEN, profile_get},
    {"POST", "/profile/password", ROUTE_TOKEN, profile_password},
    {"POST", "/logout-all", ROUTE_OPEN, profile_logout_all},
    {"GET", "/sockjs/{service}", ROUTE_SOCKETS, sockjs_greeting},
    {"GET", "/sockjs/{service}/", ROUTE_SOCKETS, sockjs_greeting},
    {"GET", "/sockjs/{service}/info", ROUTE_SOCKETS, sockjs_info},
    {"POST", "/sockjs/{service}/{server}/{session}/xhr", ROUTE_SOCKETS, sockjs_xhr},
    {"POST", "/sockjs/{service}/{server}/{session}/xhr_streaming", ROUTE_SOCKETS,
     sockjs_xhr_streaming},
    {"GET", "/sockjs/{service}/{server}/{session}/eventsource", ROUTE_SOCKETS, sockjs_eventsource},
    {"POST", "/sockjs/{service}/{server}/{session}/xhr_send", ROUTE_SOCKETS, sockjs_send},
    {"GET", "/healthz", ROUTE_OPS, ops_health},
    {"GET", "/readyz", ROUTE_OPS, ops_ready},
    {"GET", "/metrics", ROUTE_OPS, ops_metrics},
    {"GET", "/version", ROUTE_OPS, ops_version},
    {NULL, NULL, ROUTE_OPEN, NULL},
};

bool route_matches(const char *pattern, const struct url_path *path)
{
    size_t i = 0;
    while (*pattern == '/') {
        const char *part = pattern + 1;
        size_t n = strcspn(part, "/");
        if (n == 0) {
            return i == path->count && path->slash;
        }
        struct span segment = url_path_at(path, i);
        if (i >= path->count ||
            (part[0] != '{' && (segment.n != n || memcmp(segment.p, part, n) != 0))) {
            return false;
        }
        pattern = part + n;
        i++;
    }
    return i == path->count && !path->slash;
}

static bool is_socket_path(const struct request *req)
{
    bool framed;
    return door_find(&req->path, &framed) != NULL;
}

static void add_method(const char **methods, size_t *count, const char *method)
{
    for (size_t i = 0; i < *count; i++) {
        if (strcmp(methods[i], method) == 0) {
            return;
        }
    }
    if (*count < METHODS_MAX) {
        methods[(*count)++] = method;
    }
}

/* Collects the methods of the request's address; none when there is nothing there. */
static size_t find_methods(const struct request *req, const char *methods[METHODS_MAX + 1])
{
    size_t count = 0;
    for (const struct route *route = route_table; route->pattern; route++) {
        if (route_matches(route->pattern, &req->path)) {
            add_method(methods, &count, route->method);
        }
    }
    if (count == 0 && (is_socket_path(req) || pages_has(req->server->pages, req))) {
        add_method(methods, &count, "GET");
    }
    for (size_t i = 0; i < count; i++) {
        if (strcmp(methods[i], "GET") == 0) {
            add_method(methods, &count, "HEAD");
        }
    }
    if (count > 0) {
        add_method(methods, &count, "OPTIONS");
    }
    methods[count] = NULL;
    return count;
}

static bool allows(const struct request *req)
{
    for (size_t i = 0; req->allow[i]; i++) {
        if (request_is(req, req->allow[i])) {
            return true;
        }
    }
    return false;
}

/* OPTIONS: what may be asked here, and of a configured origin's page, by its browser. */
static void answer_options(struct request *req)
{
    struct buf list;
    buf_init(&list);
    for (size_t i = 0; req->allow[i]; i++) {
        buf_printf(&list, "%s%s", i ? ", " : "", req->allow[i]);
    }
    const char *methods = buf_cstr(&list);
    const char *origin = request_header(req, "Origin");
    if (methods) {
        answer_header(req, "Allow", "%s", methods);
    }
    if (methods && origin && origin_listed(origin, req->server->context.config->origins) &&
        request_header(req, "Access-Control-Request-Method")) {
        answer_header(req, "Access-Control-Allow-Methods", "%s", methods);
        answer_header(req, "Access-Control-Allow-Headers",
                      "Authorization, Content-Type, X-File-Name, X-Ref");
        answer_header(req, "Access-Control-Max-Age", "600");
    }
    answer(req, 204, NULL, (struct span){NULL, 0});
    buf_finish(&list);
}

static void run(struct request *req, const struct route *route)
{
    if (route->auth == ROUTE_TOKEN) {
        const char *wrong = request_claims(req);
        if (wrong) {
            answer_error(req, wrong);
            return;
        }
    }
    route->handler(req);
}

static const struct route *find_route(const struct request *req)
{
    const char *method = request_is(req, "HEAD") ? "GET" : req->method;
    for (const struct route *route = route_table; route->pattern; route++) {
        if (strcmp(route->method, method) == 0 && route_matches(route->pattern, &req->path)) {
            return route;
        }
    }
    return NULL;
}

/* A server for sockets leaves everything else to those that have the role for it. */
static bool role_answers(const struct request *req, const struct route *route)
{
    return req->server->context.config->role != CONFIG_ROLE_SOCKET || is_socket_path(req) ||
           (route && (route->auth == ROUTE_OPS || route->auth == ROUTE_SOCKETS));
}

void routes_dispatch(struct request *req)
{
    const char *methods[METHODS_MAX + 1];
    if (find_methods(req, methods) == 0) {
        answer_error(req, "not_found");
        return;
    }
    req->allow = methods;
    bool reads = request_is(req, "GET") || request_is(req, "HEAD");
    const struct route *route = find_route(req);
    if (!allows(req)) {
        answer_error(req, "method_not_allowed");
    } else if (!role_answers(req, route)) {
        answer_error(req, "wrong_role");
    } else if (request_is(req, "OPTIONS")) {
        answer_options(req);
    } else if (!reads && !request_origin_allowed(req)) {
        answer_error(req, "origin_forbidden");
    } else if (route) {
        run(req, route);
    } else if (is_socket_path(req) && !pages_has(req->server->pages, req)) {
        answer_error(req, "upgrade_required"); /* /monitor leads to the page of that name */
    } else {
        pages_serve(req->server->pages, req);
    }
    req->allow = NULL;
}
