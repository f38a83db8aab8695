/*
 * The types that settings have: how a value is written, checked, stored and freed. The table of the
 * settings themselves is config.c's. Pure but for allocation.
 */
#ifndef LECTERN_CORE_SETTING_H
#define LECTERN_CORE_SETTING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct setting_type;

/* A row of the table. */
struct setting {
    const char *key;
    const char *fallback; /* the default, as one would write it */
    const struct setting_type *type;
    size_t offset;     /* of the field in struct config */
    uint32_t min, max; /* of numbers and rates */
    const char *meaning;
};

enum setting_storage {
    SETTING_STRING, /* char *, owned */
    SETTING_LIST,   /* char **, NULL-terminated, owned */
    SETTING_PLAIN,  /* a number, an enum or a struct config_rate */
};

struct setting_type {
    /*
     * Reads `value`, which is empty for lists only, into the field. NULL: done. Otherwise it is not allowed, and
     * the text says why where there is more to say than what is allowed, else "". What was stored of
     * a list is the caller's to free in either case.
     */
    const char *(*parse)(const struct setting *setting, const char *value, void *field);
    enum setting_storage storage;
    bool secret;         /* the value must never be shown */
    const char *allowed; /* in words; NULL: from min and max */
};

extern const struct setting_type setting_text, setting_path, setting_redis, setting_store_url,
    setting_listen, setting_secret, setting_algorithm, setting_signup, setting_role, setting_claim,
    setting_origins, setting_proxies, setting_channels, setting_number, setting_rate, setting_bytes,
    setting_files_url, setting_server_id, setting_level;

#define SETTING_ALLOWED_MAX 160

/* What is allowed, in words. */
void setting_allowed(const struct setting *setting, char out[SETTING_ALLOWED_MAX]);

/*
 * Stores `value`; an empty one is that of a string or list that is not set. Returns as
 * setting_type.parse.
 */
const char *setting_store(const struct setting *setting, const char *value, void *field)
    __attribute__((warn_unused_result));

/* Frees what is stored; secrets are wiped. */
void setting_free(const struct setting *setting, void *field);

#endif
