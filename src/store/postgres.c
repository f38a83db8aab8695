/*
 * PostgreSQL by libpq. A connection is asynchronous underneath: every exchange is sent and awaited
 * with poll(2), so that none outlives the deadline. Only looking a host name up is left to the
 * resolver's own time limits.
 *
 * The server has the same time limit (statement_timeout), so that what was given up here does not go
 * on there. Integers travel as text, texts in binary (as they are, by length).
 */
#include <errno.h>
#include <libpq-fe.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/ascii.h"
#include "base/clock.h"
#include "base/number.h"
#include "store/db.h"
#include "store/postgres_url.h"
#include "store/statements.h"

#define NUMBER_MAX 24           /* an int64 as text */
#define LOCK_KEY 0x6c65637472LL /* "lectr": of the advisory lock that migrations run under */

struct postgres {
    struct db db;
    PGconn *conn;
    struct statements statements; /* named by their index */
};

struct postgres_row {
    struct db_row row;
    const PGresult *result;
    int number;
};

/* ---- Errors ---- */

/* libpq's text without its line ends. */
static const char *first_line(const char *text, char out[DB_ERROR_MAX])
{
    snprintf(out, DB_ERROR_MAX, "%s", text);
    size_t end = strlen(out);
    while (end > 0 && out[end - 1] == '\n') {
        out[--end] = '\0';
    }
    for (char *p = out; *p; p++) {
        *p = ascii_is_control(*p) ? ' ' : *p;
    }
    return out;
}

static int lost(struct postgres *pg)
{
    char text[DB_ERROR_MAX];
    return db_fail(&pg->db, DB_LOST, "%s", first_line(PQerrorMessage(pg->conn), text));
}

/* What an SQLSTATE means (PostgreSQL's manual, appendix A). */
static enum db_result classify(const char *state)
{
    static const struct {
        const char *prefix;
        enum db_result result;
    } known[] = {
        {"08", DB_LOST},        /* connection */
        {"25006", DB_LOST},     /* read-only: it has become a replica */
        {"40001", DB_CONFLICT}, /* serialization failure */
        {"40P01", DB_CONFLICT}, /* deadlock */
        {"53", DB_LOST},        /* no resources: disk full, too many connections */
        {"55P03", DB_LOST},     /* lock not to be had in time */
        {"57", DB_LOST},        /* shutdown, statement_timeout */
        {"58", DB_LOST},        /* its disk */
        {"XX", DB_LOST},        /* internal, corrupted */
    };
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (strncmp(state, known[i].prefix, strlen(known[i].prefix)) == 0) {
            return known[i].result;
        }
    }
    return DB_FAILED;
}

/* The primary message names no values but in statements that have such constants. */
static int refused(struct postgres *pg, const PGresult *result)
{
    const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    const char *message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    if (!state || PQstatus(pg->conn) == CONNECTION_BAD) {
        return lost(pg);
    }
    return db_fail(&pg->db, classify(state), "%s (%s)", message ? message : "refused", state);
}

/* ---- Exchanges ---- */

/* Waits for the socket; false when the deadline has come first. */
static bool await(struct postgres *pg, short events)
{
    for (;;) {
        struct pollfd fd = {.fd = PQsocket(pg->conn), .events = events};
        int64_t left = pg->db.deadline_ms - clock_mono_ms();
        int ready = left > 0 ? poll(&fd, 1, (int)left) : 0;
        if (ready >= 0 || errno != EINTR) {
            return ready > 0;
        }
    }
}

static int late(struct postgres *pg)
{
    return db_fail(&pg->db, DB_LOST, "no answer within the time limit");
}

/* Sends what is queued, reading meanwhile (libpq, "Asynchronous Command Processing"). */
static int flush(struct postgres *pg)
{
    int left;
    while ((left = PQflush(pg->conn)) > 0) {
        if (!await(pg, POLLIN | POLLOUT)) {
            return late(pg);
        }
        if (!PQconsumeInput(pg->conn)) {
            return lost(pg);
        }
    }
    return left < 0 ? lost(pg) : DB_OK;
}

/* The next result of what was sent; DB_OK with NULL when there is none left. */
static int next_result(struct postgres *pg, PGresult **out)
{
    while (PQisBusy(pg->conn)) {
        if (!await(pg, POLLIN)) {
            return late(pg);
        }
        if (!PQconsumeInput(pg->conn)) {
            return lost(pg);
        }
    }
    *out = PQgetResult(pg->conn);
    return DB_OK;
}

/*
 * Awaits all results of what was sent (`sent`: whether that worked) and keeps the last in *out, which
 * is NULL unless it is a good one.
 */
static int collect(struct postgres *pg, int sent, PGresult **out)
{
    PGresult *result = NULL;
    int code = sent ? flush(pg) : lost(pg);
    *out = NULL;
    while (code != DB_LOST) {
        int more = next_result(pg, &result);
        if (more < 0 || !result) {
            code = more < 0 ? more : code;
            break;
        }
        ExecStatusType status = PQresultStatus(result);
        if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK && code == DB_OK) {
            code = refused(pg, result);
        }
        PQclear(*out);
        *out = result;
    }
    if (code != DB_OK || !*out) {
        PQclear(*out);
        *out = NULL;
        return code != DB_OK ? code : lost(pg);
    }
    return DB_OK;
}

static int script(struct db *db, const char *sql)
{
    struct postgres *pg = (struct postgres *)db;
    PGresult *result;
    int code = collect(pg, PQsendQuery(pg->conn, sql), &result);
    PQclear(result);
    return code;
}

/* ---- Statements ---- */

static void name_statement(long index, char name[NUMBER_MAX])
{
    snprintf(name, NUMBER_MAX, "s%ld", index);
}

/* DB_OK with the statement's name, which the server knows from then on. */
static int prepare(struct postgres *pg, const char *sql, char name[NUMBER_MAX])
{
    long index = statements_find(&pg->statements, sql);
    if (index >= 0) {
        name_statement(index, name);
        return DB_OK;
    }
    name_statement((long)pg->statements.count, name);
    PGresult *result;
    int code = collect(pg, PQsendPrepare(pg->conn, name, sql, 0, NULL), &result);
    PQclear(result);
    if (code == DB_OK && statements_add(&pg->statements, sql, NULL) < 0) {
        return db_fail(&pg->db, DB_LOST, "out of memory");
    }
    return code;
}

static int send_prepared(struct postgres *pg, const char *name, const struct db_value *params,
                         size_t count)
{
    const char *values[DB_PARAMS_MAX];
    int lengths[DB_PARAMS_MAX];
    int formats[DB_PARAMS_MAX];
    char numbers[DB_PARAMS_MAX][NUMBER_MAX];
    for (size_t i = 0; i < count; i++) {
        formats[i] = params[i].is_text;
        if (params[i].is_text) {
            values[i] = params[i].text.n ? params[i].text.p : "";
            lengths[i] = (int)params[i].text.n;
        } else {
            snprintf(numbers[i], NUMBER_MAX, "%lld", (long long)params[i].number);
            values[i] = numbers[i];
            lengths[i] = 0; /* texts end by themselves */
        }
    }
    return PQsendQueryPrepared(pg->conn, name, (int)count, values, lengths, formats, 0);
}

/* In a transaction that was spoilt COMMIT rolls back, and says so only here. */
static bool commit_failed(const char *sql, PGresult *result)
{
    return strcmp(sql, "COMMIT") == 0 && strcmp(PQcmdStatus(result), "COMMIT") != 0;
}

static int run(struct db *db, const char *sql, const struct db_value *params, size_t count,
               db_row_fn *fn, void *arg)
{
    struct postgres *pg = (struct postgres *)db;
    char name[NUMBER_MAX];
    PGresult *result;
    int code = prepare(pg, sql, name);
    if (code == DB_OK) {
        code = collect(pg, send_prepared(pg, name, params, count), &result);
    }
    if (code != DB_OK) {
        return code;
    }
    int rows = PQntuples(result);
    if (commit_failed(sql, result)) {
        rows = db_fail(db, DB_FAILED, "COMMIT was answered with %s", PQcmdStatus(result));
    } else if (PQresultStatus(result) == PGRES_TUPLES_OK) {
        struct postgres_row row = {{&db_postgres}, result, 0};
        for (; fn && row.number < rows; row.number++) {
            fn(&row.row, arg);
        }
    } else {
        uint32_t changed = 0; /* PQcmdTuples is "" where nothing is counted */
        rows = number_read_u32(span_of(PQcmdTuples(result)), 0, INT32_MAX, &changed) ? (int)changed
                                                                                     : 0;
    }
    PQclear(result);
    return rows;
}

static int64_t number_at(const struct db_row *row, int column)
{
    const struct postgres_row *r = (const struct postgres_row *)row;
    return strtoll(PQgetvalue(r->result, r->number, column), NULL, 10);
}

static struct span text_at(const struct db_row *row, int column)
{
    const struct postgres_row *r = (const struct postgres_row *)row;
    return (struct span){PQgetvalue(r->result, r->number, column),
                         (size_t)PQgetlength(r->result, r->number, column)};
}

/* Waiting for others may take longer than a statement usually does: only our deadline counts. */
static int lock(struct db *db)
{
    static const char sql[] = "SELECT pg_advisory_xact_lock($1)";
    const struct db_value key = db_number(LOCK_KEY);
    int result = db_do(db, "SET LOCAL statement_timeout = 0");
    if (result == DB_OK) {
        result = db_run(db, sql, &key, 1, NULL, NULL);
    }
    return result < 0 ? result : DB_OK;
}

/* ---- From beginning to end ---- */

static void close_postgres(struct db *db)
{
    struct postgres *pg = (struct postgres *)db;
    statements_finish(&pg->statements);
    PQfinish(pg->conn);
    free(pg);
}

static void ignore_notice(void *arg, const char *message)
{
    (void)arg, (void)message;
}

/* What stands before dbname may be overruled by the URL, what stands behind may not. */
static PGconn *begin_connecting(const struct db_target *target, const char *host, const char *port)
{
    char limit[NUMBER_MAX];
    snprintf(limit, sizeof limit, "%lld", (long long)target->timeout_ms);
    const char *const keys[] = {"application_name",
                                "target_session_attrs",
                                "tcp_user_timeout",
                                "dbname",
                                "client_encoding",
                                "host",
                                "port",
                                NULL};
    const char *const values[] = {"lectern", "read-write", limit, target->place,
                                  "UTF8",    host,         port,  NULL};
    return PQconnectStartParams(keys, values, 1);
}

static int finish_connecting(struct postgres *pg)
{
    if (!pg->conn || PQstatus(pg->conn) == CONNECTION_BAD) {
        return lost(pg);
    }
    short events = POLLOUT;
    for (;;) {
        if (!await(pg, events)) {
            return late(pg);
        }
        switch (PQconnectPoll(pg->conn)) {
        case PGRES_POLLING_OK:
            PQsetNoticeProcessor(pg->conn, ignore_notice, NULL);
            return PQsetnonblocking(pg->conn, 1) ? lost(pg) : DB_OK;
        case PGRES_POLLING_READING:
            events = POLLIN;
            break;
        case PGRES_POLLING_WRITING:
            events = POLLOUT;
            break;
        default:
            return lost(pg);
        }
    }
}

/* An operator's defaults must not weaken what was promised: acknowledged means on disk. */
static int set_up(struct postgres *pg, enum db_role role, int64_t timeout_ms)
{
    char sql[512];
    snprintf(sql, sizeof sql,
             "SET statement_timeout = %lld; SET default_transaction_isolation = 'read committed';"
             "SET default_transaction_read_only = %s;"
             "SELECT set_config('synchronous_commit', 'on', false)"
             " WHERE current_setting('synchronous_commit') = 'off'",
             (long long)timeout_ms, role == DB_READER ? "on" : "off");
    return script(&pg->db, sql);
}

/* Whatever the locale: lower case is our own matter (fold.h), and ids compare by bytes. */
static bool database_fits(struct postgres *pg, bool *hopeless)
{
    const char *encoding = PQparameterStatus(pg->conn, "server_encoding");
    *hopeless = !encoding || strcmp(encoding, "UTF8") != 0;
    if (*hopeless) {
        snprintf(pg->db.error, sizeof pg->db.error,
                 "the database is not in UTF-8: make it with CREATE DATABASE … ENCODING 'UTF8' "
                 "LOCALE 'C.UTF-8' TEMPLATE template0");
    }
    return !*hopeless;
}

static struct db *connect_to(const struct db_target *target, enum db_role role, int64_t deadline_ms,
                             const char *host, const char *port, char error[DB_ERROR_MAX],
                             bool *hopeless)
{
    struct postgres *pg = db_new(sizeof *pg, &db_postgres, deadline_ms, error);
    *hopeless = false;
    if (!pg) {
        return NULL;
    }
    pg->conn = begin_connecting(target, host, port);
    if (finish_connecting(pg) == DB_OK && set_up(pg, role, target->timeout_ms) == DB_OK &&
        (role == DB_READER || database_fits(pg, hopeless))) {
        return &pg->db;
    }
    snprintf(error, DB_ERROR_MAX, "%s", pg->db.error);
    close_postgres(&pg->db);
    return NULL;
}

/*
 * One host after the other, each with its share of the time. libpq would do the same, but awaited
 * with poll() it stays for ever with one that is silent.
 */
static struct db *connect(const struct db_target *target, enum db_role role, int64_t deadline_ms,
                          char error[DB_ERROR_MAX], bool *hopeless)
{
    struct postgres_hosts hosts;
    postgres_url_hosts(target->place, &hosts);
    if (hosts.count == 0) {
        return connect_to(target, role, deadline_ms, NULL, NULL, error, hopeless);
    }
    struct db *db = NULL;
    char first[DB_ERROR_MAX] = "";
    for (size_t i = 0; !db && i < hosts.count; i++) {
        int64_t now_ms = clock_mono_ms();
        int64_t share_ms = (deadline_ms - now_ms) / (int64_t)(hosts.count - i);
        db = connect_to(target, role, now_ms + share_ms, hosts.list[i].host, hosts.list[i].port,
                        error, hopeless);
        if (!db && *hopeless) {
            return NULL;
        }
        if (!db && i == 0) {
            snprintf(first, sizeof first, "%s", error);
        }
    }
    if (!db && hosts.count > 1) { /* a replica that is not to be written to says little */
        char last[DB_ERROR_MAX];
        snprintf(last, sizeof last, "%s", error);
        snprintf(error, DB_ERROR_MAX, "%.124s; %.124s", first, last);
    }
    return db;
}

const struct db_driver db_postgres = {
    .name = "PostgreSQL",
    .begin = "BEGIN",
    .has_table = "SELECT COUNT(to_regclass($1))",
    .check = postgres_url_check,
    .connect = connect,
    .close = close_postgres,
    .lock = lock,
    .script = script,
    .run = run,
    .number_at = number_at,
    .text_at = text_at,
};
