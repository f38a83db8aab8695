/* Reads of rooms and classes in Redis; see lookup.h. */
#include "room/lookup.h"

#include <stdio.h>
#include <stdlib.h>

#include "bus/reply.h"

#define BATCH "200" /* stream entries per command */
#define KEY_SIZE 192
#define USER_FIELDS 6 /* what one user is in the reply of SORT */

#define ASK(pool, ...)                                                                             \
    ask(pool, (const struct span[]){__VA_ARGS__},                                                  \
        sizeof((const struct span[]){__VA_ARGS__}) / sizeof(struct span))

/* The reply of one command, NULL when Redis did not answer. */
static struct bus_reply *ask(struct bus_pool *pool, const struct span *argv, size_t argc)
{
    struct bus_reply *reply = NULL;
    return bus_pool_command(pool, argv, argc, &reply) == 0 ? reply : NULL;
}

static struct span room_key(char key[KEY_SIZE], const char *code, const char *part)
{
    int n = snprintf(key, KEY_SIZE, "room:%s:%s", code, part);
    return (struct span){key, (size_t)n};
}

static struct span user_key(char key[KEY_SIZE], const char *code, const char *user_id)
{
    int n = snprintf(key, KEY_SIZE, "room:%s:user:%s", code, user_id);
    return (struct span){key, (size_t)n};
}

static struct span class_key(char key[KEY_SIZE], const char *host, const char *code,
                             const char *epoch)
{
    int n = snprintf(key, KEY_SIZE, "class:%s:%s%s%s", host, code, *epoch ? ":" : "", epoch);
    return (struct span){key, (size_t)n};
}

/* The integer that a command answers; false when it did not. */
static bool take_int(struct bus_reply *reply, int64_t *out)
{
    *out = bus_reply_int(reply);
    bool answered = reply != NULL;
    bus_reply_free(reply);
    return answered;
}

static void copy_at(const struct bus_reply *reply, size_t i, char *out, size_t cap)
{
    (void)span_copy(bus_reply_text(bus_reply_at(reply, i)), out, cap);
}

static int64_t int_at(const struct bus_reply *reply, size_t i)
{
    return bus_reply_int(bus_reply_at(reply, i));
}

enum lookup_result lookup_room(struct bus_pool *pool, const char *code, const char *user_id,
                               const char *device, struct lookup_room *out)
{
    char room[ROOM_CODE_MAX + 6];
    snprintf(room, sizeof room, "room:%s", code);
    const struct span key = span_of(room);
    const struct span args[] = {span_of(user_id), span_of(device)};
    struct bus_reply *reply;
    *out = (struct lookup_room){0};
    if (bus_pool_script(pool, BUS_SCRIPT_PEEK, &key, 1, args, 2, &reply)) {
        return LOOKUP_UNAVAILABLE;
    }
    copy_at(reply, 0, out->epoch, sizeof out->epoch);
    copy_at(reply, 1, out->host, sizeof out->host);
    copy_at(reply, 2, out->name, sizeof out->name);
    out->locked = int_at(reply, 3) == 1;
    out->max = int_at(reply, 4);
    out->host_present = int_at(reply, 5) == 1;
    out->count = int_at(reply, 6);
    out->full = out->count + int_at(reply, 7) >= out->max;
    out->now_ms = int_at(reply, 8);
    out->present = int_at(reply, 9) == 1;
    out->attended = int_at(reply, 10) == 1;
    out->removed = int_at(reply, 11) == 1;
    bus_reply_free(reply);
    return out->epoch[0] ? LOOKUP_OK : LOOKUP_NONE;
}

enum room_outcome lookup_door(struct bus_pool *pool, const char *code, const char *user_id,
                              const char *device)
{
    struct lookup_room room;
    enum lookup_result result = lookup_room(pool, code, user_id, device, &room);
    if (result) {
        return result == LOOKUP_NONE ? ROOM_NOT_FOUND : ROOM_UNAVAILABLE;
    }
    if (room.removed) {
        return ROOM_REMOVED;
    }
    return room.locked && !room.attended ? ROOM_LOCKED : ROOM_RESERVED;
}

/* Reads a user from six elements: id, then as in the hash. */
static struct lookup_user read_user(const struct bus_reply *reply, size_t at)
{
    struct lookup_user user = {
        .id = bus_reply_text(bus_reply_at(reply, at)),
        .name = bus_reply_text(bus_reply_at(reply, at + 1)),
        .type = bus_reply_text(bus_reply_at(reply, at + 2)),
        .server_id = bus_reply_text(bus_reply_at(reply, at + 3)),
        .joined_ms = bus_reply_int(bus_reply_at(reply, at + 4)),
        .state = bus_reply_text(bus_reply_at(reply, at + 5)),
    };
    return user;
}

static int by_joining(const void *a, const void *b)
{
    const struct lookup_user *left = a;
    const struct lookup_user *right = b;
    if (left->joined_ms != right->joined_ms) {
        return left->joined_ms < right->joined_ms ? -1 : 1;
    }
    size_t n = left->id.n < right->id.n ? left->id.n : right->id.n;
    int order = n ? memcmp(left->id.p, right->id.p, n) : 0;
    return order ? order : (left->id.n > right->id.n) - (left->id.n < right->id.n);
}

/* SORT follows the members to their hashes: one command for the whole room. */
static struct bus_reply *ask_users(struct bus_pool *pool, const char *code)
{
    char users[KEY_SIZE], name[KEY_SIZE], type[KEY_SIZE];
    char server[KEY_SIZE], joined[KEY_SIZE], state[KEY_SIZE];
    return ASK(pool, span_of("SORT"), room_key(users, code, "users"), span_of("BY"),
               span_of("nosort"), span_of("GET"), span_of("#"), span_of("GET"),
               user_key(name, code, "*->name"), span_of("GET"), user_key(type, code, "*->userType"),
               span_of("GET"), user_key(server, code, "*->serverId"), span_of("GET"),
               user_key(joined, code, "*->joinedAt"), span_of("GET"),
               user_key(state, code, "*->state"));
}

enum lookup_result lookup_users(struct bus_pool *pool, const char *code, lookup_user_fn *fn,
                                void *arg)
{
    struct bus_reply *reply = ask_users(pool, code);
    size_t count = bus_reply_len(reply) / USER_FIELDS;
    struct lookup_user *users = calloc(count + 1, sizeof *users);
    if (!reply || !users) {
        bus_reply_free(reply);
        free(users);
        return LOOKUP_UNAVAILABLE;
    }
    for (size_t i = 0; i < count; i++) {
        users[i] = read_user(reply, i * USER_FIELDS);
    }
    qsort(users, count, sizeof *users, by_joining);
    for (size_t i = 0; i < count; i++) {
        /* One who has left between the set and the hash has no type. */
        if (users[i].type.n > 0) {
            fn(arg, &users[i]);
        }
    }
    bus_reply_free(reply);
    free(users);
    return LOOKUP_OK;
}

enum lookup_result lookup_user(struct bus_pool *pool, const char *code, const char *user_id,
                               lookup_user_fn *fn, void *arg)
{
    char key[KEY_SIZE];
    struct bus_reply *reply =
        ASK(pool, span_of("HMGET"), user_key(key, code, user_id), span_of("name"),
            span_of("userType"), span_of("serverId"), span_of("joinedAt"), span_of("state"));
    if (!reply) {
        return LOOKUP_UNAVAILABLE;
    }
    struct lookup_user user = {
        .id = span_of(user_id),
        .name = bus_reply_text(bus_reply_at(reply, 0)),
        .type = bus_reply_text(bus_reply_at(reply, 1)),
        .server_id = bus_reply_text(bus_reply_at(reply, 2)),
        .joined_ms = bus_reply_int(bus_reply_at(reply, 3)),
        .state = bus_reply_text(bus_reply_at(reply, 4)),
    };
    bool found = user.type.n > 0;
    if (found) {
        fn(arg, &user);
    }
    bus_reply_free(reply);
    return found ? LOOKUP_OK : LOOKUP_NONE;
}

/* The epoch of the newest ended class, "" when there is none. */
static enum lookup_result newest_epoch(struct bus_pool *pool, const char *host, const char *code,
                                       char epoch[EPOCH_LEN + 1])
{
    char key[KEY_SIZE];
    struct bus_reply *reply = ASK(pool, span_of("GET"), class_key(key, host, code, ""));
    if (!reply) {
        return LOOKUP_UNAVAILABLE;
    }
    (void)span_copy(bus_reply_text(reply), epoch, EPOCH_LEN + 1);
    bus_reply_free(reply);
    return epoch[0] ? LOOKUP_OK : LOOKUP_NONE;
}

enum lookup_result lookup_ended(struct bus_pool *pool, const char *host, const char *code,
                                const char *epoch, struct lookup_class *out)
{
    char key[KEY_SIZE];
    int64_t found;
    *out = (struct lookup_class){0};
    (void)span_copy(span_of(code), out->room, sizeof out->room);
    (void)span_copy(span_of(host), out->host, sizeof out->host);
    (void)span_copy(span_of(epoch), out->epoch, sizeof out->epoch);
    if (!*epoch) {
        enum lookup_result result = newest_epoch(pool, host, code, out->epoch);
        if (result) {
            return result;
        }
    }
    if (!take_int(ASK(pool, span_of("EXISTS"), class_key(key, host, code, out->epoch)), &found)) {
        return LOOKUP_UNAVAILABLE;
    }
    return found ? LOOKUP_OK : LOOKUP_NONE;
}

static struct span log_key(char key[KEY_SIZE], const struct lookup_class *class)
{
    return class->running ? room_key(key, class->room, "log")
                          : class_key(key, class->host, class->room, class->epoch);
}

/*
 * Was what has just been read under the room's keys of this class? If the class has ended since (and
 * perhaps the room was opened again, by another host), it must be read where ended classes are kept.
 * `now_ms` (may be NULL) gets Redis's clock while it runs.
 */
static enum lookup_result confirm(struct bus_pool *pool, struct lookup_class *class, bool *moved,
                                  int64_t *now_ms)
{
    struct lookup_room room;
    *moved = false;
    if (!class->running) {
        return LOOKUP_OK;
    }
    enum lookup_result result = lookup_room(pool, class->room, "", "", &room);
    if (now_ms) {
        *now_ms = room.now_ms;
    }
    if (result == LOOKUP_NONE || (result == LOOKUP_OK && strcmp(room.epoch, class->epoch) != 0)) {
        *moved = true;
        class->running = false;
        return LOOKUP_OK;
    }
    return result;
}

/* Calls `fn` for the messages among the entries. */
static void report(const struct bus_reply *entries, struct lookup_class *class,
                   lookup_message_fn *fn, void *arg)
{
    for (size_t i = 0; i < bus_reply_len(entries); i++) {
        const struct bus_reply *entry = bus_reply_at(entries, i);
        const struct bus_reply *fields = bus_reply_at(entry, 1);
        struct span id = bus_reply_text(bus_reply_at(entry, 0));
        (void)span_copy(id, class->cursor, sizeof class->cursor);
        if (span_eq(bus_reply_text(bus_reply_at(fields, 0)), "m")) {
            fn(arg, id, bus_reply_text(bus_reply_at(fields, 1)));
        } else {
            class->end = true; /* what follows the log of an ended class */
        }
    }
}

enum lookup_result lookup_log(struct bus_pool *pool, struct lookup_class *class,
                              lookup_message_fn *fn, void *arg)
{
    char key[KEY_SIZE];
    char start[64];
    bool moved;
    snprintf(start, sizeof start, "%s%s", class->cursor[0] ? "(" : "-", class->cursor);
    struct bus_reply *reply = ASK(pool, span_of("XRANGE"), log_key(key, class), span_of(start),
                                  span_of("+"), span_of("COUNT"), span_of(BATCH));
    if (!reply) {
        return LOOKUP_UNAVAILABLE;
    }
    enum lookup_result result = confirm(pool, class, &moved, NULL);
    if (result == LOOKUP_OK && !moved) {
        report(reply, class, fn, arg);
        class->end = class->end || bus_reply_len(reply) == 0;
    }
    bus_reply_free(reply);
    return result;
}

/* Stays, collected to be sorted. */
struct stays {
    struct lookup_stay *list;
    size_t count, cap;
    bool failed;
};

static struct lookup_stay *add_stay(struct stays *stays, struct span id, struct span name)
{
    if (stays->count == stays->cap) {
        size_t cap = stays->cap ? stays->cap * 2 : 64;
        struct lookup_stay *list = realloc(stays->list, cap * sizeof *list);
        if (!list) {
            stays->failed = true;
            return NULL;
        }
        stays->list = list;
        stays->cap = cap;
    }
    struct lookup_stay *stay = &stays->list[stays->count++];
    *stay = (struct lookup_stay){0};
    (void)span_copy(id, stay->id, sizeof stay->id);
    (void)span_copy(name, stay->name, sizeof stay->name);
    return stay;
}

static int by_coming(const void *a, const void *b)
{
    const struct lookup_stay *left = a;
    const struct lookup_stay *right = b;
    if (left->first_ms != right->first_ms) {
        return left->first_ms < right->first_ms ? -1 : 1;
    }
    return strcmp(left->id, right->id);
}

/* A value of room:{id}:attendance, `first last total since name`. */
static void read_attendance(struct stays *stays, struct span id, struct span value, int64_t now)
{
    char text[NAME_MAX_BYTES + 128];
    long long first, last, total, since;
    int used = 0;
    if (!span_copy(value, text, sizeof text) ||
        sscanf(text, "%lld %lld %lld %lld %n", &first, &last, &total, &since, &used) != 4 ||
        used == 0) {
        return;
    }
    struct lookup_stay *stay = add_stay(stays, id, span_of(text + used));
    if (stay) {
        stay->first_ms = first;
        stay->last_ms = last;
        stay->present = since > 0;
        stay->present_ms = total + (since > 0 && now > since ? now - since : 0);
    }
}

/* Finds nothing, and class->running false, where the class has just ended. */
static enum lookup_result running_stays(struct bus_pool *pool, struct lookup_class *class,
                                        struct stays *stays)
{
    char key[KEY_SIZE];
    bool moved;
    int64_t now = 0;
    struct bus_reply *reply =
        ASK(pool, span_of("HGETALL"), room_key(key, class->room, "attendance"));
    if (!reply) {
        return LOOKUP_UNAVAILABLE;
    }
    enum lookup_result result = confirm(pool, class, &moved, &now);
    size_t len = result == LOOKUP_OK && !moved ? bus_reply_len(reply) : 0;
    for (size_t i = 0; i + 1 < len; i += 2) {
        read_attendance(stays, bus_reply_text(bus_reply_at(reply, i)),
                        bus_reply_text(bus_reply_at(reply, i + 1)), now);
    }
    bus_reply_free(reply);
    return result;
}

/* The value of a field of a stream entry. */
static const struct bus_reply *field_of(const struct bus_reply *fields, const char *name)
{
    for (size_t i = 0; i + 1 < bus_reply_len(fields); i += 2) {
        if (span_eq(bus_reply_text(bus_reply_at(fields, i)), name)) {
            return bus_reply_at(fields, i + 1);
        }
    }
    return NULL;
}

/* Reads entries from the stream's end backwards; *more while no message was among them. */
static void read_kept(const struct bus_reply *entries, struct stays *stays, char *cursor,
                      size_t cursor_cap, bool *more)
{
    *more = bus_reply_len(entries) > 0;
    for (size_t i = 0; i < bus_reply_len(entries); i++) {
        const struct bus_reply *entry = bus_reply_at(entries, i);
        const struct bus_reply *fields = bus_reply_at(entry, 1);
        const struct bus_reply *id = field_of(fields, "a");
        (void)span_copy(bus_reply_text(bus_reply_at(entry, 0)), cursor, cursor_cap);
        if (field_of(fields, "m")) {
            *more = false;
            return;
        }
        struct lookup_stay *stay =
            id ? add_stay(stays, bus_reply_text(id), bus_reply_text(field_of(fields, "name")))
               : NULL;
        if (stay) {
            stay->first_ms = bus_reply_int(field_of(fields, "first"));
            stay->last_ms = bus_reply_int(field_of(fields, "last"));
            stay->present_ms = bus_reply_int(field_of(fields, "total"));
        }
    }
}

/* The attendance of an ended class stands behind its log in the same stream. */
static enum lookup_result kept_stays(struct bus_pool *pool, const struct lookup_class *class,
                                     struct stays *stays)
{
    char key[KEY_SIZE];
    char cursor[48] = "";
    char start[64];
    bool more = true;
    while (more && !stays->failed) {
        snprintf(start, sizeof start, "%s%s", cursor[0] ? "(" : "+", cursor);
        struct bus_reply *reply =
            ASK(pool, span_of("XREVRANGE"), log_key(key, class), span_of(start), span_of("-"),
                span_of("COUNT"), span_of(BATCH));
        if (!reply) {
            return LOOKUP_UNAVAILABLE;
        }
        read_kept(reply, stays, cursor, sizeof cursor, &more);
        bus_reply_free(reply);
    }
    return LOOKUP_OK;
}

static enum lookup_result read_stays(struct bus_pool *pool, struct lookup_class *class,
                                     struct stays *stays)
{
    enum lookup_result result = LOOKUP_OK;
    if (class->running) {
        result = running_stays(pool, class, stays);
    }
    if (result == LOOKUP_OK && !class->running) {
        result = kept_stays(pool, class, stays);
    }
    return result == LOOKUP_OK && stays->failed ? LOOKUP_UNAVAILABLE : result;
}

enum lookup_result lookup_attendance(struct bus_pool *pool, struct lookup_class *class,
                                     lookup_stay_fn *fn, void *arg)
{
    struct stays stays = {0};
    enum lookup_result result = read_stays(pool, class, &stays);
    if (result == LOOKUP_OK && stays.count > 0) {
        qsort(stays.list, stays.count, sizeof *stays.list, by_coming);
        for (size_t i = 0; i < stays.count; i++) {
            fn(arg, &stays.list[i]);
        }
    }
    free(stays.list);
    return result;
}
