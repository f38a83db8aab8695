/*
 * The log and the attendance of a class for its host (and for services), while it runs and for
 * LECTERN_KEEP_S after its end, as JSON or as a table for spreadsheets.
 *
 * A log may be long: it is read from Redis and sent in pieces, so that neither side keeps it whole.
 */
#include <stdlib.h>

#include "base/json.h"
#include "http/answer.h"
#include "http/codes.h"
#include "http/csv.h"
#include "http/handlers.h"
#include "room/lookup.h"

#define MEMBERS_MAX 16

struct export
{
    struct request *req;
    struct lookup_class class;
    bool csv;
    struct buf out;
    size_t count; /* entries written */
};

static bool read_format(struct request *req, bool *csv)
{
    char format[8];
    if (!request_field(req, "format", format, sizeof format)) {
        return false;
    }
    *csv = strcmp(format, "csv") == 0;
    if (!*csv && *format && strcmp(format, "json") != 0) {
        answer_field(req, "bad_field", "format", "The format is json or csv.");
        return false;
    }
    return true;
}

/* Reads ?class= and, for services, ?host=. */
static bool read_choice(struct request *req, char epoch[EPOCH_LEN + 1], char host[ID_MAX + 1])
{
    if (!request_field(req, "class", epoch, EPOCH_LEN + 1)) {
        return false;
    }
    size_t n = strspn(epoch, "abcdefghijklmnopqrstuvwxyz234567");
    if (epoch[0] && (n != EPOCH_LEN || epoch[n])) {
        answer_field(req, "bad_field", "class", "A class is named by its room's epoch.");
        return false;
    }
    host[0] = '\0';
    if (req->claims.type != USER_SERVICE) {
        return span_copy(span_of(req->claims.user_id), host, ID_MAX + 1);
    }
    if (!request_field(req, "host", host, ID_MAX + 1)) {
        return false;
    }
    if (host[0] && !id_valid(span_of(host))) {
        answer_field(req, "bad_field", "host", "The host is a user id.");
        return false;
    }
    return true;
}

/* The running class if it is the one asked for, by somebody who may. */
static bool is_running_one(const struct lookup_room *room, const char *epoch, const char *host)
{
    return (!*epoch || strcmp(room->epoch, epoch) == 0) &&
           (!*host || strcmp(room->host, host) == 0);
}

static void choose_running(struct lookup_class *class, const char *code,
                           const struct lookup_room *room)
{
    *class = (struct lookup_class){.running = true};
    (void)span_copy(span_of(code), class->room, sizeof class->room);
    (void)span_copy(span_of(room->host), class->host, sizeof class->host);
    (void)span_copy(span_of(room->epoch), class->epoch, sizeof class->epoch);
}

/* The ended class, where the running one is not meant. `taken`: that one is another teacher's. */
static bool choose_ended(struct request *req, const char *code, const char *epoch, const char *host,
                         bool taken, struct lookup_class *class)
{
    if (!*host) {
        answer_field(req, "bad_field", "host", "Name the host of the ended class.");
        return false;
    }
    switch (lookup_ended(req->server->context.pool, host, code, epoch, class)) {
    case LOOKUP_OK:
        return true;
    case LOOKUP_NONE:
        answer_error(req, taken ? "forbidden" : "room_not_found");
        return false;
    default:
        answer_error(req, "unavailable");
        return false;
    }
}

/* Finds the class that is asked for; false after answering. */
static bool choose(struct request *req, struct lookup_class *class)
{
    char code[ROOM_CODE_MAX + 1];
    char epoch[EPOCH_LEN + 1];
    char host[ID_MAX + 1];
    struct lookup_room room;
    if (!codes_of_path(req, code)) {
        return false;
    }
    if (req->claims.type == USER_STUDENT) {
        answer_error(req, "forbidden");
        return false;
    }
    if (req->claims.room[0] && strcmp(req->claims.room, code) != 0) {
        answer_error(req, "room_forbidden");
        return false;
    }
    if (!read_choice(req, epoch, host)) {
        return false;
    }
    enum lookup_result result =
        lookup_room(req->server->context.pool, code, req->claims.user_id, "", &room);
    if (result == LOOKUP_UNAVAILABLE) {
        answer_error(req, "unavailable");
        return false;
    }
    if (result == LOOKUP_OK && is_running_one(&room, epoch, host)) {
        choose_running(class, code, &room);
        return true;
    }
    bool taken = result == LOOKUP_OK && !*epoch && req->claims.type == USER_TEACHER;
    return choose_ended(req, code, epoch, host, taken, class);
}

static bool export_open(struct export *export, struct request *req)
{
    *export = (struct export){.req = req};
    return read_format(req, &export->csv) && choose(req, &export->class);
}

static const char *type_of(const struct export *export)
{
    return export->csv ? "text/csv; charset=utf-8; header=present" : "application/json";
}

static void name_file(struct export *export, const char *what)
{
    if (export->csv) {
        answer_header(export->req, "Content-Disposition",
                      "attachment; filename=\"lectern-%s-%s.csv\"", export->class.room, what);
    }
}

/* {"room":…,"epoch":…,"<list>":[ */
static void open_json(struct export *export, const char *list)
{
    buf_printf(&export->out, "{\"room\":\"room:%s\",\"epoch\":\"%s\",\"%s\":[", export->class.room,
               export->class.epoch, list);
}

static void write_message_json(struct export *export, struct span id, struct span text)
{
    struct buf *out = &export->out;
    buf_append_text(out, export->count ? ",\n" : "\n");
    buf_printf(out, "{\"id\":\"%s.%.*s\",\"ts\":%lld%s", export->class.epoch, (int)id.n, id.p,
               strtoll(id.p, NULL, 10), text.p[1] == '}' ? "" : ",");
    buf_append(out, text.p + 1, text.n - 1);
}

static struct span member_of(const struct json_member *members, size_t count, const char *key)
{
    for (size_t i = 0; i < count; i++) {
        if (span_eq(members[i].key, key)) {
            return members[i].value.raw;
        }
    }
    return (struct span){NULL, 0};
}

/* A JSON string as its text; anything else as it stands. */
static void cell_of_json(struct csv *csv, struct span raw)
{
    size_t len;
    char *text = raw.n > 0 && raw.p[0] == '"' ? malloc(raw.n + 1) : NULL;
    if (text && json_string(raw, text, raw.n + 1, &len) == 0) {
        csv_cell(csv, (struct span){text, len});
    } else {
        csv_cell(csv, raw);
    }
    free(text);
}

static void write_message_csv(struct export *export, struct span id, struct span text)
{
    static const char *const columns[] = {"senderType", "sender",      "targetType",
                                          "target",     "messageType", "message"};
    struct json_member members[MEMBERS_MAX];
    struct csv csv = {.out = &export->out};
    char name[ROOM_CODE_MAX + 64];
    size_t count = 0;
    size_t at;
    if (json_members(text, members, MEMBERS_MAX, &count, &at) < 0) {
        count = 0;
    }
    count = count < MEMBERS_MAX ? count : MEMBERS_MAX;
    int n = snprintf(name, sizeof name, "%s.%.*s", export->class.epoch, (int)id.n, id.p);
    int64_t ts = strtoll(id.p, NULL, 10);
    csv_cell(&csv, (struct span){name, (size_t)n});
    csv_int(&csv, ts);
    csv_time(&csv, ts);
    for (size_t i = 0; i < sizeof columns / sizeof columns[0]; i++) {
        cell_of_json(&csv, member_of(members, count, columns[i]));
    }
    csv_end(&csv);
}

static void write_message(void *arg, struct span id, struct span text)
{
    struct export *export = arg;
    if (id.n == 0 || id.n > 40 || text.n < 2 || text.p[0] != '{') {
        return;
    }
    if (export->csv) {
        write_message_csv(export, id, text);
    } else {
        write_message_json(export, id, text);
    }
    export->count++;
}

/* Sends what is there, then batch after batch; false when it must be broken off. */
static bool send_log(struct export *export)
{
    for (;;) {
        if (export->out.failed || !answer_piece(export->req, buf_span(&export->out))) {
            return false;
        }
        buf_clear(&export->out);
        if (export->class.end) {
            return true;
        }
        if (lookup_log(export->req->server->context.pool, &export->class, write_message, export)) {
            return false;
        }
    }
}

static void stream_log(struct export *export)
{
    struct request *req = export->req;
    if (export->csv) {
        buf_append_text(&export->out, CSV_BOM "id,ts,time,senderType,sender,targetType,target,"
                                              "messageType,message\r\n");
    } else {
        open_json(export, "messages");
    }
    /* The first batch before the head, while an error can still be answered. */
    if (lookup_log(req->server->context.pool, &export->class, write_message, export)) {
        answer_error(req, "unavailable");
        return;
    }
    if (!request_take(req)) {
        answer_error(req, "no_capacity");
        return;
    }
    export->class.end = export->class.end || request_is(req, "HEAD");
    name_file(export, "log");
    answer_begin(req, 200, type_of(export));
    if (!send_log(export) ||
        (!export->csv && !answer_piece(req, span_of(export->count ? "\n]}" : "]}")))) {
        answer_abort(req);
        return;
    }
    answer_end(req);
}

void export_log(struct request *req)
{
    struct export export;
    if (!export_open(&export, req)) {
        return;
    }
    if (!limits_enter(req->server->limits, LIMITS_TRANSFER)) {
        answer_error(req, "no_capacity");
        return;
    }
    stream_log(&export);
    limits_leave(req->server->limits, LIMITS_TRANSFER);
    buf_finish(&export.out);
}

static void write_stay_csv(struct export *export, const struct lookup_stay *stay)
{
    struct csv csv = {.out = &export->out};
    csv_cell(&csv, span_of(stay->id));
    csv_cell(&csv, span_of(stay->name));
    csv_time(&csv, stay->first_ms);
    csv_time(&csv, stay->last_ms);
    csv_int(&csv, stay->present_ms);
    csv_cell(&csv, span_of(stay->present ? "true" : "false"));
    csv_end(&csv);
}

static void write_stay_json(struct export *export, const struct lookup_stay *stay)
{
    struct buf *out = &export->out;
    buf_append_text(out, export->count ? ",{" : "{");
    json_write_key(out, "id");
    json_write_string(out, span_of(stay->id));
    json_write_key(out, "name");
    json_write_string(out, span_of(stay->name));
    buf_printf(out, ",\"first\":%lld,\"last\":%lld,\"presentMs\":%lld,\"present\":%s}",
               (long long)stay->first_ms, (long long)stay->last_ms, (long long)stay->present_ms,
               stay->present ? "true" : "false");
}

static void write_stay(void *arg, const struct lookup_stay *stay)
{
    struct export *export = arg;
    if (export->csv) {
        write_stay_csv(export, stay);
    } else {
        write_stay_json(export, stay);
    }
    export->count++;
}

void export_attendance(struct request *req)
{
    struct export export;
    if (!export_open(&export, req)) {
        return;
    }
    if (export.csv) {
        buf_append_text(&export.out, CSV_BOM "id,name,first,last,presentMs,present\r\n");
    } else {
        open_json(&export, "attendance");
    }
    if (lookup_attendance(req->server->context.pool, &export.class, write_stay, &export)) {
        answer_error(req, "unavailable");
    } else if (export.out.failed) {
        answer_error(req, "internal");
    } else {
        if (!export.csv) {
            buf_append_text(&export.out, "]}");
        }
        name_file(&export, "attendance");
        answer(req, 200, type_of(&export), buf_span(&export.out));
    }
    buf_finish(&export.out);
}
