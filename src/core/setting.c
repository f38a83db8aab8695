/* Types of settings; see setting.h. */
#include "core/setting.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/ascii.h"
#include "base/buf.h"
#include "base/files_url.h"
#include "base/id.h"
#include "base/number.h"
#include "base/url.h"
#include "core/config.h"

#define CLAIM_MAX 128 /* longest claim name, bytes */
#define BYTES_MAX (UINT64_C(1) << 50)

static const char no_memory[] = "out of memory";

static const char *store_text(const char *value, size_t len, void *field)
{
    char **text = field;
    *text = strndup(value, len);
    return *text ? NULL : no_memory;
}

static bool has_control(const char *value)
{
    for (; *value; value++) {
        if (ascii_is_control(*value)) {
            return true;
        }
    }
    return false;
}

static const char *parse_text(const struct setting *setting, const char *value, void *field)
{
    (void)setting;
    return store_text(value, strlen(value), field);
}

static const char *parse_files_url(const struct setting *setting, const char *value, void *field)
{
    struct files_url url;
    const char *wrong = files_url_parse(span_of(value), &url);
    explicit_bzero(&url, sizeof url);
    return wrong ? wrong : parse_text(setting, value, field);
}

static const char *parse_redis(const struct setting *setting, const char *value, void *field)
{
    struct redis_url url;
    const char *wrong = redis_url_parse(span_of(value), &url);
    explicit_bzero(&url, sizeof url);
    return wrong ? wrong : parse_text(setting, value, field);
}

/* What follows the scheme is read by those who know it (store/store.c). */
static const char *parse_store_url(const struct setting *setting, const char *value, void *field)
{
    static const char *const schemes[] = {"sqlite:", "postgresql://", "postgres://"};
    for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++) {
        size_t len = strlen(schemes[i]);
        if (strncmp(value, schemes[i], len) == 0 && value[len]) {
            return has_control(value) ? "it holds control characters"
                                      : parse_text(setting, value, field);
        }
    }
    return "";
}

/* `text` is "<IPv4>" or "<IPv4><separator><number up to max>". */
static bool ipv4_with(struct span text, char separator, uint32_t max, bool needed)
{
    const char *at = text.n ? memrchr(text.p, separator, text.n) : NULL;
    if (!at) {
        return !needed && ipv4_valid(text);
    }
    struct span address = {text.p, (size_t)(at - text.p)};
    struct span number = {at + 1, text.n - address.n - 1};
    uint32_t ignored;
    return ipv4_valid(address) && number_read_u32(number, 0, max, &ignored);
}

static const char *parse_listen(const struct setting *setting, const char *value, void *field)
{
    if (!ipv4_with(span_of(value), ':', UINT16_MAX, true)) {
        return "";
    }
    return parse_text(setting, value, field);
}

static const char *parse_algorithm(const struct setting *setting, const char *value, void *field)
{
    static const char *const names[] = {
        [CONFIG_JWT_HS256] = "HS256",
        [CONFIG_JWT_RS256] = "RS256",
        [CONFIG_JWT_ES256] = "ES256",
    };
    (void)setting;
    for (int i = CONFIG_JWT_HS256; i <= CONFIG_JWT_ES256; i++) {
        if (strcmp(value, names[i]) == 0) {
            *(enum config_jwt_algorithm *)field = (enum config_jwt_algorithm)i;
            return NULL;
        }
    }
    return "";
}

static const char *parse_signup(const struct setting *setting, const char *value, void *field)
{
    static const char *const names[] = {
        [CONFIG_SIGNUP_STUDENTS] = "students",
        [CONFIG_SIGNUP_OPEN] = "open",
        [CONFIG_SIGNUP_CLOSED] = "closed",
    };
    (void)setting;
    for (int i = CONFIG_SIGNUP_STUDENTS; i <= CONFIG_SIGNUP_CLOSED; i++) {
        if (strcmp(value, names[i]) == 0) {
            *(enum config_signup *)field = (enum config_signup)i;
            return NULL;
        }
    }
    return "";
}

static const char *parse_role(const struct setting *setting, const char *value, void *field)
{
    static const char *const names[] = {
        [CONFIG_ROLE_ALL] = "all",
        [CONFIG_ROLE_API] = "api",
        [CONFIG_ROLE_SOCKET] = "socket",
    };
    (void)setting;
    for (int i = CONFIG_ROLE_ALL; i <= CONFIG_ROLE_SOCKET; i++) {
        if (strcmp(value, names[i]) == 0) {
            *(enum config_role *)field = (enum config_role)i;
            return NULL;
        }
    }
    return "";
}

static const char *parse_claim(const struct setting *setting, const char *value, void *field)
{
    static const char *const taken[] = {"exp",  "iat",    "nbf",      "iss", "aud",
                                        "room", "device", "channels", "gen"};
    static const char allowed[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._:/-";
    if (strlen(value) > CLAIM_MAX || value[strspn(value, allowed)] != '\0') {
        return "";
    }
    for (size_t i = 0; i < sizeof taken / sizeof taken[0]; i++) {
        if (strcmp(value, taken[i]) == 0) {
            return "that claim has a meaning of its own";
        }
    }
    return parse_text(setting, value, field);
}

/* A host of an origin: name, IPv4 address, or IPv6 address in brackets; already in lower case. */
static bool origin_host_valid(struct span host)
{
    bool bracketed = host.n > 2 && host.p[0] == '[' && host.p[host.n - 1] == ']';
    if (bracketed) {
        host = (struct span){host.p + 1, host.n - 2};
    }
    for (size_t i = 0; i < host.n; i++) {
        char c = host.p[i];
        bool ok = bracketed ? ascii_hex(c) >= 0 || c == ':' || c == '.'
                            : ascii_is_alnum(c) || c == '-' || c == '_' || c == '.';
        if (!ok) {
            return false;
        }
    }
    return host.n > 0 && host.n <= 253;
}

/*
 * Checks an origin and brings it, in place, into the form in which browsers send it: scheme and host
 * in lower case, no default port.
 */
static bool normalise_origin(char *text)
{
    for (char *p = text; *p; p++) {
        *p = ascii_lower(*p);
    }
    char *colon = strstr(text, "://");
    size_t scheme = strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789+-.");
    if (!colon || !ascii_is_lower(*text) || text + scheme != colon) {
        return false;
    }
    char *host = colon + 3;
    char *bracket = strchr(host, ']');
    char *port = strchr(bracket ? bracket : host, ':');
    size_t host_len = port ? (size_t)(port - host) : strlen(host);
    uint32_t number;
    if (!origin_host_valid((struct span){host, host_len})) {
        return false;
    }
    if (!port) {
        return true;
    }
    if (!number_read_u32(span_of(port + 1), 1, UINT16_MAX, &number)) {
        return false;
    }
    if ((number == 80 && strncmp(text, "http://", 7) == 0) ||
        (number == 443 && strncmp(text, "https://", 8) == 0)) {
        *port = '\0';
    }
    return true;
}

static bool proxy_valid(char *text)
{
    char address[INET6_ADDRSTRLEN];
    struct in6_addr ignored;
    uint32_t bits;
    const char *slash = strchr(text, '/');
    struct span base = {text, slash ? (size_t)(slash - text) : strlen(text)};
    if (!memchr(base.p, ':', base.n)) {
        return ipv4_with(span_of(text), '/', 32, false);
    }
    return span_copy(base, address, sizeof address) &&
           inet_pton(AF_INET6, address, &ignored) == 1 &&
           (!slash || number_read_u32(span_of(slash + 1), 0, 128, &bits));
}

static void free_list(char **list)
{
    for (char **item = list; item && *item; item++) {
        free(*item);
    }
    free(list);
}

/* Takes a comma-separated list apart; blanks around items are dropped, empty items refused. */
static const char *parse_list(const char *value, char ***field, bool (*check)(char *item))
{
    size_t count = 1;
    for (const char *p = value; *p; p++) {
        count += *p == ',';
    }
    *field = calloc(count + 1, sizeof **field);
    if (!*field) {
        return no_memory;
    }
    for (size_t i = 0; *value && i < count; i++) {
        value += strspn(value, " ");
        size_t len = strcspn(value, ",");
        const char *next = value + len;
        while (len > 0 && value[len - 1] == ' ') {
            len--;
        }
        if (store_text(value, len, &(*field)[i])) {
            return no_memory;
        }
        if (!check((*field)[i]) || (*next == ',' && next[1] == '\0')) {
            return "";
        }
        value = *next ? next + 1 : next;
    }
    return NULL;
}

static const char *parse_origins(const struct setting *setting, const char *value, void *field)
{
    (void)setting;
    return parse_list(value, field, normalise_origin);
}

static const char *parse_proxies(const struct setting *setting, const char *value, void *field)
{
    (void)setting;
    return parse_list(value, field, proxy_valid);
}

/* Prefixes of Lectern's own channels and keys: nothing of them is a feed's. */
static bool feed_channel_valid(char *name)
{
    static const char *const taken[] = {"room:",  "server:", "user:",    "account:", "chat:",
                                        "class:", "feed:",   "lectern:", "login:",   "file:"};
    static const char *const types[] = {"welcome", "dropped", "gap", "pong", "error"};
    size_t len = strlen(name);
    for (size_t i = 0; i < sizeof taken / sizeof taken[0]; i++) {
        if (strncmp(name, taken[i], strlen(taken[i])) == 0) {
            return false;
        }
    }
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        if (strcmp(name, types[i]) == 0) {
            return false; /* what the feed itself says has these types */
        }
    }
    for (const char *p = name; *p; p++) {
        if (!ascii_is_alnum(*p) && !strchr("_.:-", *p)) {
            return false;
        }
    }
    return len > 0 && len <= ID_MAX;
}

static const char *parse_channels(const struct setting *setting, const char *value, void *field)
{
    const char *wrong = parse_list(value, field, feed_channel_valid);
    char **list = *(char ***)field;
    (void)setting;
    for (size_t i = 0; !wrong && list[i]; i++) {
        for (size_t j = 0; j < i; j++) {
            if (strcmp(list[i], list[j]) == 0) {
                wrong = "a channel is named twice";
            }
        }
        if (i >= CONFIG_FEED_CHANNELS_MAX) {
            wrong = "there are too many";
        }
    }
    return wrong;
}

static const char *parse_number(const struct setting *setting, const char *value, void *field)
{
    return number_read_u32(span_of(value), setting->min, setting->max, field) ? NULL : "";
}

static const char *parse_bytes(const struct setting *setting, const char *value, void *field)
{
    uint64_t bytes;
    (void)setting;
    if (!number_read(span_of(value), 0, BYTES_MAX, &bytes)) {
        return "";
    }
    *(uint64_t *)field = bytes;
    return NULL;
}

static const char *parse_rate(const struct setting *setting, const char *value, void *field)
{
    struct config_rate *rate = field;
    const char *slash = strchr(value, '/');
    if (!slash ||
        !number_read_u32((struct span){value, (size_t)(slash - value)}, setting->min, setting->max,
                         &rate->rate) ||
        !number_read_u32(span_of(slash + 1), setting->min, setting->max, &rate->burst)) {
        return "";
    }
    return NULL;
}

static const char *parse_server_id(const struct setting *setting, const char *value, void *field)
{
    return id_valid(span_of(value)) ? parse_text(setting, value, field) : "";
}

static const char *parse_level(const struct setting *setting, const char *value, void *field)
{
    (void)setting;
    return log_level_parse(value, field) ? NULL : "";
}

static const char redis_forms[] = "redis://[[user]:password@]host[:port][/db], or "
                                  "redis+sentinel://[[user]:password@]host[:port],.../primary[/db]";

const struct setting_type setting_text = {parse_text, SETTING_STRING, false, "any text"};
const struct setting_type setting_path = {parse_text, SETTING_STRING, false, "a path"};
const struct setting_type setting_redis = {parse_redis, SETTING_STRING, true, redis_forms};
const struct setting_type setting_store_url = {
    parse_store_url, SETTING_STRING, true,
    "sqlite:path, or postgresql://[user[:password]@]host[:port]/database[?option=value]"};
const struct setting_type setting_files_url = {
    parse_files_url, SETTING_STRING, true,
    "file:directory, or s3+https://KEY:SECRET@host[:port]/bucket[/prefix][?region=...], or "
    "s3+http://..."};
const struct setting_type setting_listen = {parse_listen, SETTING_STRING, false,
                                            "IPv4:port; port 0 takes a free one"};
const struct setting_type setting_secret = {parse_text, SETTING_STRING, true,
                                            "at least 32 bytes, not a PEM key"};
const struct setting_type setting_algorithm = {parse_algorithm, SETTING_PLAIN, false,
                                               "HS256, RS256 or ES256"};
const struct setting_type setting_signup = {parse_signup, SETTING_PLAIN, false,
                                            "students, open or closed"};
const struct setting_type setting_role = {parse_role, SETTING_PLAIN, false, "all, api or socket"};
const struct setting_type setting_claim = {parse_claim, SETTING_STRING, false,
                                           "1 to 128 of A-Z a-z 0-9 . _ : / -"};
const struct setting_type setting_origins = {parse_origins, SETTING_LIST, false,
                                             "scheme://host[:port], comma-separated"};
const struct setting_type setting_proxies = {
    parse_proxies, SETTING_LIST, false, "IPv4 or IPv6 addresses, or address/bits, comma-separated"};
const struct setting_type setting_channels = {
    parse_channels, SETTING_LIST, false,
    "names of 1 to 64 of A-Z a-z 0-9 _ . : -, none of Lectern's own (room:... and the like), "
    "comma-separated"};
const struct setting_type setting_number = {parse_number, SETTING_PLAIN, false, NULL};
const struct setting_type setting_bytes = {parse_bytes, SETTING_PLAIN, false,
                                           "0 to 1125899906842624"};
const struct setting_type setting_rate = {parse_rate, SETTING_PLAIN, false, NULL};
const struct setting_type setting_server_id = {parse_server_id, SETTING_STRING, false,
                                               "1 to 64 of A-Z a-z 0-9 . _ @ -"};
const struct setting_type setting_level = {parse_level, SETTING_PLAIN, false,
                                           "error, warn, info or debug"};

void setting_allowed(const struct setting *setting, char out[SETTING_ALLOWED_MAX])
{
    if (setting->type->allowed) {
        snprintf(out, SETTING_ALLOWED_MAX, "%s", setting->type->allowed);
    } else if (setting->type == &setting_rate) {
        snprintf(out, SETTING_ALLOWED_MAX, "rate/burst, each %u to %u", setting->min, setting->max);
    } else {
        snprintf(out, SETTING_ALLOWED_MAX, "%u to %u", setting->min, setting->max);
    }
}

const char *setting_store(const struct setting *setting, const char *value, void *field)
{
    if (!*value && setting->type->storage == SETTING_STRING) {
        return store_text("", 0, field); /* not set, nothing to check */
    }
    if (!setting->type->secret && has_control(value)) {
        return "it holds control characters";
    }
    return setting->type->parse(setting, value, field);
}

void setting_free(const struct setting *setting, void *field)
{
    if (setting->type->storage == SETTING_LIST) {
        free_list(*(char ***)field);
    } else if (setting->type->storage == SETTING_STRING) {
        char *text = *(char **)field;
        if (text && setting->type->secret) {
            explicit_bzero(text, strlen(text));
        }
        free(text);
    }
}
