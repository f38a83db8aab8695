/*
 * A room's settings: the table of their keys, from which requests are checked, Redis is written and
 * the `settings` message is read.
 */
#include "room/internal.h"

#include <stdio.h>

static bool read_name(struct settings *settings, const struct config *config,
                      struct json_value value)
{
    (void)config;
    char name[NAME_MAX_BYTES + 1];
    size_t len;
    if (value.type != JSON_STRING || json_string(value.raw, name, sizeof name, &len) ||
        (len > 0 && !id_name_valid((struct span){name, len}))) {
        return false;
    }
    memcpy(settings->name, name, len + 1);
    return true;
}

static bool read_int(struct json_value value, int64_t low, int64_t high, uint32_t *out)
{
    int64_t number;
    if (value.type != JSON_NUMBER || json_int(value.raw, &number) || number < low ||
        number > high) {
        return false;
    }
    *out = (uint32_t)number;
    return true;
}

static bool read_max(struct settings *settings, const struct config *config,
                     struct json_value value)
{
    return read_int(value, 1, config ? config->room_max : UINT32_MAX, &settings->max);
}

static bool read_hold(struct settings *settings, const struct config *config,
                      struct json_value value)
{
    (void)config;
    return read_int(value, 0, ROOM_HOLD_MAX_S, &settings->hold_s);
}

/* One of two words; *out tells whether it was the second. */
static bool read_choice(struct json_value value, const char *no, const char *yes, bool *out)
{
    char word[16];
    size_t len;
    if (value.type != JSON_STRING || json_string(value.raw, word, sizeof word, &len)) {
        return false;
    }
    *out = strcmp(word, yes) == 0;
    return *out || strcmp(word, no) == 0;
}

static bool read_talk(struct settings *settings, const struct config *config,
                      struct json_value value)
{
    (void)config;
    return read_choice(value, "teacher", "all", &settings->talk_all);
}

static bool read_notify(struct settings *settings, const struct config *config,
                        struct json_value value)
{
    (void)config;
    return read_choice(value, "host", "all", &settings->notify_all);
}

static bool read_locked(struct settings *settings, const struct config *config,
                        struct json_value value)
{
    (void)config;
    settings->locked = span_eq(value.raw, "true");
    return value.type == JSON_BOOL;
}

static void print_name(const struct settings *settings, char *out, size_t cap)
{
    snprintf(out, cap, "%s", settings->name);
}

static void print_max(const struct settings *settings, char *out, size_t cap)
{
    snprintf(out, cap, "%u", settings->max);
}

static void print_hold(const struct settings *settings, char *out, size_t cap)
{
    snprintf(out, cap, "%u", settings->hold_s);
}

static void print_talk(const struct settings *settings, char *out, size_t cap)
{
    snprintf(out, cap, "%s", settings->talk_all ? "all" : "teacher");
}

static void print_notify(const struct settings *settings, char *out, size_t cap)
{
    snprintf(out, cap, "%s", settings->notify_all ? "all" : "host");
}

static void print_locked(const struct settings *settings, char *out, size_t cap)
{
    snprintf(out, cap, "%s", settings->locked ? "1" : "0");
}

const struct setting setting_table[] = {
    {"name", read_name, print_name, true},
    {"max", read_max, print_max, true},
    {"hold", read_hold, print_hold, true},
    {"talk", read_talk, print_talk, true},
    {"notify", read_notify, print_notify, true},
    {"locked", read_locked, print_locked, false},
    {NULL, NULL, NULL, false},
};

#define MEMBERS_MAX 32

const char *settings_read(struct settings *settings, const struct config *config, struct span json,
                          unsigned *given)
{
    *given = 0;
    struct json_member members[MEMBERS_MAX];
    size_t count, error_at;
    if (json_members(json, members, MEMBERS_MAX, &count, &error_at) || count > MEMBERS_MAX) {
        return "";
    }
    for (size_t i = 0; i < count; i++) {
        for (const struct setting *s = setting_table; s->key; s++) {
            if (!span_eq(members[i].key, s->key) || (config && !s->host_may_set)) {
                continue;
            }
            if (!s->read(settings, config, members[i].value)) {
                return s->key;
            }
            *given |= 1u << (s - setting_table);
        }
    }
    return NULL;
}
