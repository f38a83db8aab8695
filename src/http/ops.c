/* What operators ask: is it alive, is it ready, what does it count, which version is it. */
#include "base/json.h"
#include "core/metrics.h"
#include "http/answer.h"
#include "http/handlers.h"

/* Alive: whoever can answer is. */
void ops_health(struct request *req)
{
    answer(req, 200, "application/json", span_of("{\"status\":\"ok\"}"));
}

/*
 * Ready for new sockets: not about to stop, and Redis answers. Classes do without the store, so it is
 * only told whether it is there.
 */
void ops_ready(struct request *req)
{
    if (atomic_load(&req->server->draining)) {
        answer_error(req, "draining");
    } else if (!bus_pool_ready(req->server->context.pool)) {
        answer_error(req, "unavailable");
    } else if (!store_ready(req->server->context.store)) {
        answer(req, 200, "application/json", span_of("{\"status\":\"ready\",\"store\":\"away\"}"));
    } else {
        answer(req, 200, "application/json", span_of("{\"status\":\"ready\",\"store\":\"up\"}"));
    }
}

void ops_metrics(struct request *req)
{
    struct buf text;
    buf_init(&text);
    metrics_write(&text);
    if (text.failed) {
        answer_error(req, "internal");
    } else {
        answer(req, 200, "text/plain; version=0.0.4; charset=utf-8", buf_span(&text));
    }
    buf_finish(&text);
}

void ops_version(struct request *req)
{
    struct buf json;
    buf_init(&json);
    buf_append_text(&json, "{\"name\":\"lectern\",\"version\":\"" LECTERN_VERSION "\"");
    json_write_key(&json, "serverId");
    json_write_string(&json, span_of(req->server->context.server_id));
    buf_append_char(&json, '}');
    answer_json(req, 200, &json);
}
