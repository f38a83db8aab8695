/*
 * Accounts; see users.h. The table `logins` holds every id and address in lower case, each once: what
 * the row of one account takes nobody else can have, whichever of the two it is.
 */
#include "store/users.h"

#include <stdlib.h>
#include <string.h>

#include "base/ascii.h"
#include "store/internal.h"

#define COLUMNS "users.id, users.name, users.email, users.type, users.generation, users.created_ms"

_Static_assert(EMAIL_MAX > ID_MAX, "a login name fits where an address does");

/* A login name in lower case; false when it is longer than any. */
static bool fold(struct span name, char out[EMAIL_MAX + 1])
{
    if (!span_copy(name, out, EMAIL_MAX + 1)) {
        return false;
    }
    for (char *p = out; *p; p++) {
        *p = ascii_lower(*p);
    }
    return true;
}

/* ---- Adding ---- */

struct addition {
    const struct user_row *row;
    char id[EMAIL_MAX + 1]; /* folded, as the address is */
    char email[EMAIL_MAX + 1];
};

/* 1, 0 when somebody has it, or a db_result. */
static int add_login(struct db *db, const char *login, const char *id)
{
    static const char sql[] =
        "INSERT INTO logins (login, user_id) VALUES ($1, $2) ON CONFLICT DO NOTHING";
    const struct db_value values[] = {db_text(span_of(login)), db_text(span_of(id))};
    return db_run(db, sql, values, 2, NULL, NULL);
}

static int add_row(struct db *db, const struct addition *addition)
{
    static const char sql[] =
        "INSERT INTO users (id, name, email, type, password, generation, created_ms)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING";
    const struct user_row *row = addition->row;
    const struct db_value values[] = {
        db_text(span_of(row->id)),         db_text(span_of(row->name)),
        db_text(span_of(addition->email)), db_text(span_of(user_type_name(row->type))),
        db_text(span_of(row->password)),   db_number(row->generation),
        db_number(row->created_ms),
    };
    return db_run(db, sql, values, sizeof values / sizeof values[0], NULL, NULL);
}

static enum store_result add(struct db *db, void *arg)
{
    const struct addition *a = arg;
    int added = add_row(db, a);
    if (added > 0) {
        added = add_login(db, a->id, a->row->id);
    }
    if (added <= 0) {
        return added == 0 ? STORE_ID_TAKEN : store_result_of(added);
    }
    if (*a->email && strcmp(a->email, a->id) != 0) {
        added = add_login(db, a->email, a->row->id);
    }
    return added == 0 ? STORE_EMAIL_TAKEN : store_result_of(added);
}

enum store_result users_add(struct store *store, const struct user_row *row)
{
    struct addition addition = {.row = row};
    if (!fold(span_of(row->id), addition.id) || !fold(span_of(row->email), addition.email)) {
        return STORE_FAILED;
    }
    return store_write(store, add, &addition);
}

/* ---- Reading ---- */

struct search {
    const char *sql;
    struct span key;
    struct user_row *out;
    bool strange; /* the row is none that was written here */
};

static bool copy(const struct db_row *row, int column, char *out, size_t cap)
{
    return span_copy(db_text_at(row, column), out, cap);
}

static bool read_row(const struct db_row *row, struct user_row *out)
{
    int64_t generation = db_number_at(row, 4);
    out->generation = (uint32_t)generation;
    out->created_ms = db_number_at(row, 5);
    return copy(row, 0, out->id, sizeof out->id) && copy(row, 1, out->name, sizeof out->name) &&
           copy(row, 2, out->email, sizeof out->email) &&
           user_type_parse(db_text_at(row, 3), &out->type) && generation >= 0 &&
           generation <= UINT32_MAX;
}

static void see_user(const struct db_row *row, void *arg)
{
    struct search *search = arg;
    if (!read_row(row, search->out) ||
        !copy(row, 6, search->out->password, sizeof search->out->password)) {
        search->strange = true;
    }
}

static enum store_result search_one(struct db *db, void *arg)
{
    struct search *search = arg;
    const struct db_value key = db_text(search->key);
    search->strange = false;
    int found = db_run(db, search->sql, &key, 1, see_user, search);
    if (found > 0 && search->strange) {
        return STORE_FAILED;
    }
    return found == 0 ? STORE_NOT_FOUND : store_result_of(found);
}

static enum store_result search(struct store *store, const char *sql, struct span key,
                                int64_t limit_ms, struct user_row *out)
{
    struct search s = {.sql = sql, .key = key, .out = out};
    *out = (struct user_row){0};
    enum store_result result = store_read_within(store, limit_ms, search_one, &s);
    if (result != STORE_OK) {
        *out = (struct user_row){0};
    }
    return result;
}

enum store_result users_find(struct store *store, struct span id_or_email, struct user_row *out)
{
    static const char sql[] = "SELECT " COLUMNS ", users.password FROM logins"
                              " JOIN users ON users.id = logins.user_id WHERE logins.login = $1";
    char login[EMAIL_MAX + 1];
    if (!fold(id_or_email, login)) {
        *out = (struct user_row){0};
        return STORE_NOT_FOUND;
    }
    return search(store, sql, span_of(login), STORE_NO_HURRY, out);
}

enum store_result users_get_soon(struct store *store, const char *id, int64_t limit_ms,
                                 struct user_row *out)
{
    static const char sql[] = "SELECT " COLUMNS ", users.password FROM users WHERE users.id = $1";
    return search(store, sql, span_of(id), limit_ms, out);
}

enum store_result users_get(struct store *store, const char *id, struct user_row *out)
{
    return users_get_soon(store, id, STORE_NO_HURRY, out);
}

/* ---- Changing ---- */

struct change {
    const char *sql;
    struct db_value values[3];
    size_t count;
    int64_t generation;
};

static void see_generation(const struct db_row *row, void *arg)
{
    ((struct change *)arg)->generation = db_number_at(row, 0);
}

static enum store_result change(struct db *db, void *arg)
{
    struct change *c = arg;
    int changed = db_run(db, c->sql, c->values, c->count, see_generation, c);
    return changed == 0 ? STORE_NOT_FOUND : store_result_of(changed);
}

static enum store_result run_change(struct store *store, struct change *c, uint32_t *generation_out)
{
    enum store_result result = store_write(store, change, c);
    if (result == STORE_OK && generation_out) {
        *generation_out = (uint32_t)c->generation;
    }
    return result;
}

enum store_result users_set_password(struct store *store, const char *id, const char *hash,
                                     uint32_t *generation_out)
{
    static const char sql[] = "UPDATE users SET password = $2, generation = generation + 1"
                              " WHERE id = $1 RETURNING generation";
    struct change c = {sql, {db_text(span_of(id)), db_text(span_of(hash))}, 2, 0};
    return run_change(store, &c, generation_out);
}

enum store_result users_change_password(struct store *store, const char *id, const char *old,
                                        const char *hash, uint32_t *generation_out)
{
    static const char sql[] = "UPDATE users SET password = $3, generation = generation + 1"
                              " WHERE id = $1 AND password = $2 RETURNING generation";
    struct change c = {
        sql, {db_text(span_of(id)), db_text(span_of(old)), db_text(span_of(hash))}, 3, 0};
    return run_change(store, &c, generation_out);
}

enum store_result users_rehash(struct store *store, const char *id, const char *old,
                               const char *hash)
{
    static const char sql[] = "UPDATE users SET password = $3 WHERE id = $1 AND password = $2"
                              " RETURNING generation";
    struct change c = {
        sql, {db_text(span_of(id)), db_text(span_of(old)), db_text(span_of(hash))}, 3, 0};
    return run_change(store, &c, NULL);
}

enum store_result users_bump_generation(struct store *store, const char *id,
                                        uint32_t *generation_out)
{
    static const char sql[] =
        "UPDATE users SET generation = generation + 1 WHERE id = $1 RETURNING generation";
    struct change c = {sql, {db_text(span_of(id))}, 1, 0};
    return run_change(store, &c, generation_out);
}

#define RAISE "UPDATE users SET generation = CASE WHEN generation < $2 THEN $2 ELSE generation END"

enum store_result users_raise_generation(struct store *store, const char *id, const char *hash,
                                         uint32_t least, uint32_t *generation_out)
{
    static const char sql[] = RAISE " WHERE id = $1 RETURNING generation";
    static const char while_hash[] = RAISE " WHERE id = $1 AND password = $3 RETURNING generation";
    struct change c = {
        hash ? while_hash : sql, {db_text(span_of(id)), db_number(least)}, hash ? 3 : 2, 0};
    if (hash) {
        c.values[2] = db_text(span_of(hash));
    }
    return run_change(store, &c, generation_out);
}

/* ---- Those of a login service ---- */

struct known {
    const struct user_row *row;
    char login[EMAIL_MAX + 1];
};

/* An account of ours with this id, or none that is as it should be, whichever gets there first. */
static enum store_result know(struct db *db, void *arg)
{
    static const char sql[] =
        "INSERT INTO users (id, name, email, type, password, generation, created_ms)"
        " VALUES ($1, $2, '', $3, '', 0, $4) ON CONFLICT (id) DO UPDATE"
        " SET name = excluded.name, type = excluded.type"
        " WHERE users.generation = 0 AND users.password = ''";
    const struct known *known = arg;
    const struct user_row *row = known->row;
    const struct db_value values[] = {db_text(span_of(row->id)), db_text(span_of(row->name)),
                                      db_text(span_of(user_type_name(row->type))),
                                      db_number(row->created_ms)};
    int result = db_run(db, sql, values, 4, NULL, NULL);
    if (result > 0) {
        result = add_login(db, known->login, row->id); /* nobody shall sign up with it */
    }
    return store_result_of(result);
}

enum store_result users_know(struct store *store, const char *id, struct span name,
                             enum user_type type, int64_t now_ms)
{
    struct user_row found, row = {.type = type, .created_ms = now_ms};
    struct known known = {.row = &row};
    if (!span_copy(span_of(id), row.id, sizeof row.id) ||
        !span_copy(name, row.name, sizeof row.name) || !fold(span_of(id), known.login)) {
        return STORE_FAILED;
    }
    enum store_result result = users_get(store, id, &found);
    bool external = found.generation == 0 && !*found.password;
    if (result == STORE_OK &&
        (!external || (strcmp(found.name, row.name) == 0 && found.type == type))) {
        return STORE_OK;
    }
    return result == STORE_OK || result == STORE_NOT_FOUND ? store_write(store, know, &known)
                                                           : result;
}

/* ---- Listing ---- */

struct listing {
    struct span after;
    uint32_t limit;
    struct user_row *rows;
    size_t count, cap;
    bool failed; /* out of memory */
    bool strange;
};

static void see_listed(const struct db_row *row, void *arg)
{
    struct listing *l = arg;
    if (l->count == l->cap) {
        size_t cap = l->cap ? 2 * l->cap : 16;
        struct user_row *rows = reallocarray(l->rows, cap, sizeof *rows);
        if (!rows) {
            l->failed = true;
            return;
        }
        l->rows = rows;
        l->cap = cap;
    }
    struct user_row *next = &l->rows[l->count++];
    *next = (struct user_row){0};
    l->strange = !read_row(row, next) || l->strange;
}

static enum store_result list(struct db *db, void *arg)
{
    static const char sql[] =
        "SELECT " COLUMNS " FROM users WHERE users.id > $1 ORDER BY users.id LIMIT $2";
    struct listing *l = arg;
    const struct db_value values[] = {db_text(l->after), db_number(l->limit)};
    l->count = 0;
    l->failed = l->strange = false;
    int found = db_run(db, sql, values, 2, see_listed, l);
    if (found < 0) {
        return store_result_of(found);
    }
    return l->failed ? STORE_UNAVAILABLE : l->strange ? STORE_FAILED : STORE_OK;
}

enum store_result users_list(struct store *store, const char *after_id, uint32_t limit,
                             users_list_fn *fn, void *arg)
{
    struct listing l = {.after = span_of(after_id), .limit = limit};
    enum store_result result = store_read(store, list, &l);
    for (size_t i = 0; result == STORE_OK && i < l.count; i++) {
        fn(&l.rows[i], arg);
    }
    free(l.rows);
    return result;
}
