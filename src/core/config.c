/*
 * Configuration from LECTERN_* variables. One table (settings[]) names every key with its default,
 * its type and its meaning; loading, freeing, --help and the check of docs/config.md all walk it.
 * What several keys must agree on is checked at the end, in check_together().
 */
#include "core/config.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/id.h"
#include "base/json.h"
#include "base/url.h"

#define PREFIX "LECTERN_"
#define SECRET_MIN 32 /* bytes */
#define CLAIM_MAX 128 /* longest claim name, bytes */
#define HELP_COLUMNS 100
#define HELP_INDENT 28

struct setting;

/*
 * Reads `value` into the field. NULL: done. Otherwise it is not allowed, and the text says why where
 * there is more to say than what is allowed, else "".
 */
typedef const char *parse_fn(const struct setting *setting, const char *value, void *field);

static parse_fn parse_text, parse_redis, parse_listen, parse_secret, parse_algorithm, parse_claim,
    parse_origins, parse_proxies, parse_number, parse_rate, parse_server_id, parse_level;

enum storage {
    STORED_STRING, /* char *, owned */
    STORED_LIST,   /* char **, NULL-terminated, owned */
    STORED_PLAIN,
};

struct type {
    parse_fn *parse;
    enum storage storage;
    bool secret;         /* never show the value */
    const char *allowed; /* NULL: from min and max */
};

static const struct type type_text = {parse_text, STORED_STRING, false, "any text"};
static const struct type type_path = {parse_text, STORED_STRING, false, "a path"};
static const struct type type_redis = {parse_redis, STORED_STRING, true,
                                       "redis://[[user]:password@]host[:port][/db]"};
static const struct type type_listen = {parse_listen, STORED_STRING, false,
                                        "IPv4:port; port 0 takes a free one"};
static const struct type type_secret = {parse_secret, STORED_STRING, true,
                                        "at least 32 bytes, not a PEM key"};
static const struct type type_algorithm = {parse_algorithm, STORED_PLAIN, false,
                                           "HS256, RS256 or ES256"};
static const struct type type_claim = {parse_claim, STORED_STRING, false,
                                       "1 to 128 of A-Z a-z 0-9 . _ : / -"};
static const struct type type_origins = {parse_origins, STORED_LIST, false,
                                         "scheme://host[:port], comma-separated"};
static const struct type type_proxies = {parse_proxies, STORED_LIST, false,
                                         "IPv4 or IPv4/bits, comma-separated"};
static const struct type type_number = {parse_number, STORED_PLAIN, false, NULL};
static const struct type type_rate = {parse_rate, STORED_PLAIN, false, NULL};
static const struct type type_server_id = {parse_server_id, STORED_STRING, false,
                                           "1 to 64 of A-Z a-z 0-9 . _ @ -"};
static const struct type type_level = {parse_level, STORED_PLAIN, false,
                                       "error, warn, info or debug"};

struct setting {
    const char *key;
    const char *fallback; /* the default, as one would write it */
    const struct type *type;
    size_t offset; /* of the field in struct config */
    uint32_t min, max;
    const char *meaning;
};

#define FIELD(name) offsetof(struct config, name)

static const struct setting settings[] = {
    {"LECTERN_LISTEN", "0.0.0.0:8080", &type_listen, FIELD(listen), 0, 0,
     "Address and port for HTTP and WebSocket."},
    {"LECTERN_REDIS_URL", "redis://127.0.0.1:6379", &type_redis, FIELD(redis_url), 0, 0,
     "The Redis that all servers share."},
    {"LECTERN_DATA_DIR", "data", &type_path, FIELD(data_dir), 0, 0,
     "Directory for what must outlive a restart (the token secret); made with mode 0700."},
    {"LECTERN_WEB_DIR", "", &type_path, FIELD(web_dir), 0, 0,
     "The built pages; empty: web/ beside the binary."},
    {"LECTERN_JWT_SECRET", "", &type_secret, FIELD(jwt_secret), 0, 0,
     "Secret that signs tokens (HS256) and guests' device ids; empty: made at first start and kept "
     "in the data directory. Servers that work together need the same one."},
    {"LECTERN_JWT_ALGORITHM", "HS256", &type_algorithm, FIELD(jwt_algorithm), 0, 0,
     "The one algorithm accepted for tokens. RS256 and ES256 need a public key."},
    {"LECTERN_JWT_PUBLIC_KEY", "", &type_path, FIELD(jwt_public_key), 0, 0,
     "PEM file with the public key of the service that issues tokens, for RS256 and ES256."},
    {"LECTERN_JWT_ISSUER", "", &type_text, FIELD(jwt_issuer), 0, 0,
     "When set, a token's iss must be this."},
    {"LECTERN_JWT_AUDIENCE", "", &type_text, FIELD(jwt_audience), 0, 0,
     "When set, a token's aud must be or contain this."},
    {"LECTERN_JWT_CLAIM_ID", "sub", &type_claim, FIELD(jwt_claim_id), 0, 0,
     "Claim that holds the user id."},
    {"LECTERN_JWT_CLAIM_NAME", "name", &type_claim, FIELD(jwt_claim_name), 0, 0,
     "Claim that holds the name shown to others."},
    {"LECTERN_JWT_CLAIM_TYPE", "userType", &type_claim, FIELD(jwt_claim_type), 0, 0,
     "Claim that holds teacher, student or service."},
    {"LECTERN_ORIGINS", "", &type_origins, FIELD(origins), 0, 0,
     "Origins other than the server's own whose pages may use it."},
    {"LECTERN_TRUSTED_PROXIES", "", &type_proxies, FIELD(trusted_proxies), 0, 0,
     "Proxies whose X-Forwarded-For is believed."},
    {"LECTERN_LOOPS", "0", &type_number, FIELD(loops), 0, 256,
     "Event loops; 0: one per processor core."},
    {"LECTERN_HTTP_THREADS", "256", &type_number, FIELD(http_threads), 16, 4096,
     "Threads that answer HTTP requests."},
    {"LECTERN_SERVER_ID", "", &type_server_id, FIELD(server_id), 0, 0,
     "This server's name among those that share the Redis; empty: drawn at each start."},
    {"LECTERN_MESSAGE_MAX", "65536", &type_number, FIELD(message_max), 1024, 16777216,
     "Longest message, bytes."},
    {"LECTERN_QUEUE_MAX", "1048576", &type_number, FIELD(queue_max), 2048, 268435456,
     "Bytes that may wait for one socket before it is closed as too slow; at least twice "
     "LECTERN_MESSAGE_MAX."},
    {"LECTERN_LOG_MAX", "1000", &type_number, FIELD(log_max), 1, 100000,
     "Messages remembered per room."},
    {"LECTERN_LOG_BYTES", "4194304", &type_number, FIELD(log_bytes), 1024, 268435456,
     "Bytes remembered per room."},
    {"LECTERN_RATE_STUDENT", "20/40", &type_rate, FIELD(rate_student), 1, 1000000,
     "Messages per second that a student may send, and how many at once."},
    {"LECTERN_RATE_HOST", "100/200", &type_rate, FIELD(rate_host), 1, 1000000,
     "The same for a host."},
    {"LECTERN_RATE_ECHO", "20/40", &type_rate, FIELD(rate_echo), 1, 1000000,
     "The same for a socket on /echo."},
    {"LECTERN_ECHO_S", "600", &type_number, FIELD(echo_s), 1, 86400,
     "Longest life of a socket on /echo, seconds."},
    {"LECTERN_ROOM_MAX", "2000", &type_number, FIELD(room_max), 1, 100000,
     "Most participants that a room may have."},
    {"LECTERN_PING_S", "25", &type_number, FIELD(ping_s), 1, 3600,
     "A socket that is silent this long is pinged, one that is silent twice as long is closed; "
     "seconds."},
    {"LECTERN_KEEP_S", "3600", &type_number, FIELD(keep_s), 1, 2592000,
     "How long a class's log and attendance can be read after its end, seconds."},
    {"LECTERN_GUEST_TOKEN_S", "43200", &type_number, FIELD(guest_token_s), 1, 2592000,
     "Validity of a guest's token, seconds."},
    {"LECTERN_CONNECTIONS_MAX", "0", &type_number, FIELD(connections_max), 0, 10000000,
     "Most open sockets; 0: what the limit of file descriptors allows."},
    {"LECTERN_REDIS_TIMEOUT_MS", "2000", &type_number, FIELD(redis_timeout_ms), 50, 60000,
     "Deadline of one Redis command, milliseconds."},
    {"LECTERN_LOG_LEVEL", "info", &type_level, FIELD(log_level), 0, 0,
     "How much is written to the log."},
};
#define SETTINGS (sizeof settings / sizeof settings[0])

static const char no_memory[] = "out of memory";

static const char *store_text(const char *value, size_t len, void *field)
{
    char **text = field;
    *text = strndup(value, len);
    return *text ? NULL : no_memory;
}

static const char *parse_text(const struct setting *setting, const char *value, void *field)
{
    (void)setting;
    return store_text(value, strlen(value), field);
}

static const char *parse_redis(const struct setting *setting, const char *value, void *field)
{
    struct redis_url url;
    const char *wrong = redis_url_parse(span_of(value), &url);
    explicit_bzero(&url, sizeof url);
    return wrong ? wrong : parse_text(setting, value, field);
}

static bool read_number(struct span text, uint32_t min, uint32_t max, uint32_t *out)
{
    int64_t value;
    if (json_int(text, &value) || value < min || value > max) {
        return false;
    }
    *out = (uint32_t)value;
    return true;
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
    return ipv4_valid(address) && read_number(number, 0, max, &ignored);
}

static const char *parse_listen(const struct setting *setting, const char *value, void *field)
{
    if (!ipv4_with(span_of(value), ':', UINT16_MAX, true)) {
        return "";
    }
    return parse_text(setting, value, field);
}

static const char *parse_secret(const struct setting *setting, const char *value, void *field)
{
    if (strstr(value, "-----BEGIN")) {
        /* Who knows the public key could sign tokens with it. */
        return "a PEM key as HS256 secret would let everyone who has it make tokens";
    }
    return strlen(value) < SECRET_MIN ? "it is too short" : parse_text(setting, value, field);
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

static const char *parse_claim(const struct setting *setting, const char *value, void *field)
{
    static const char *const taken[] = {"exp", "iat",  "nbf",    "iss",
                                        "aud", "room", "device", "channels"};
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

static bool is_lower(char c)
{
    return c >= 'a' && c <= 'z';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
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
        bool ok = bracketed ? is_digit(c) || (c >= 'a' && c <= 'f') || c == ':' || c == '.'
                            : is_lower(c) || is_digit(c) || c == '-' || c == '_' || c == '.';
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
        *p = (char)(*p >= 'A' && *p <= 'Z' ? *p - 'A' + 'a' : *p);
    }
    char *colon = strstr(text, "://");
    size_t scheme = strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789+-.");
    if (!colon || !is_lower(*text) || text + scheme != colon) {
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
    if (!read_number(span_of(port + 1), 1, UINT16_MAX, &number)) {
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
    return ipv4_with(span_of(text), '/', 32, false);
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

static const char *parse_number(const struct setting *setting, const char *value, void *field)
{
    return read_number(span_of(value), setting->min, setting->max, field) ? NULL : "";
}

static const char *parse_rate(const struct setting *setting, const char *value, void *field)
{
    struct config_rate *rate = field;
    const char *slash = strchr(value, '/');
    if (!slash ||
        !read_number((struct span){value, (size_t)(slash - value)}, setting->min, setting->max,
                     &rate->rate) ||
        !read_number(span_of(slash + 1), setting->min, setting->max, &rate->burst)) {
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

static void write_allowed(const struct setting *setting, char *out, size_t cap)
{
    if (setting->type->allowed) {
        snprintf(out, cap, "%s", setting->type->allowed);
    } else if (setting->type == &type_rate) {
        snprintf(out, cap, "rate/burst, each %u to %u", setting->min, setting->max);
    } else {
        snprintf(out, cap, "%u to %u", setting->min, setting->max);
    }
}

/* The value of `key`, or NULL when it is not set or empty. */
static const char *look_up(char *const *environment, const char *key)
{
    size_t len = strlen(key);
    for (; *environment; environment++) {
        if (strncmp(*environment, key, len) == 0 && (*environment)[len] == '=') {
            const char *value = *environment + len + 1;
            return *value ? value : NULL;
        }
    }
    return NULL;
}

static bool has_control(const char *value)
{
    for (; *value; value++) {
        if ((unsigned char)*value < 0x20 || *value == 0x7f) {
            return true;
        }
    }
    return false;
}

static int load_one(const struct setting *setting, const char *value, struct config *config,
                    char *error, size_t cap)
{
    void *field = (char *)config + setting->offset;
    if (!*value && setting->type->storage == STORED_STRING) {
        value = NULL; /* not set, and nothing to check */
    }
    bool control = value && !setting->type->secret && has_control(value);
    const char *wrong = control ? "it holds control characters"
                        : value ? setting->type->parse(setting, value, field)
                                : store_text("", 0, field);
    if (!wrong) {
        return 0;
    }
    char allowed[96];
    write_allowed(setting, allowed, sizeof allowed);
    if (setting->type->secret) {
        snprintf(error, cap, "%s (value not shown) is not allowed: %s; allowed: %s", setting->key,
                 *wrong ? wrong : "it is malformed", allowed);
    } else {
        snprintf(error, cap, "%s=\"%.100s\" is not allowed%s%s; allowed: %s", setting->key, value,
                 *wrong ? ": " : "", wrong, allowed);
    }
    return -1;
}

/* Levenshtein distance; of long names only the beginning counts. */
static size_t distance(const char *a, const char *b)
{
    enum { LONGEST = 40 };
    size_t row[LONGEST + 1];
    size_t width = strnlen(b, LONGEST);
    for (size_t j = 0; j <= width; j++) {
        row[j] = j;
    }
    for (size_t i = 0; i < LONGEST && a[i]; i++) {
        size_t diagonal = row[0];
        row[0] = i + 1;
        for (size_t j = 0; j < width; j++) {
            size_t best = diagonal + (a[i] != b[j]);
            best = row[j] + 1 < best ? row[j] + 1 : best;
            best = row[j + 1] + 1 < best ? row[j + 1] + 1 : best;
            diagonal = row[j + 1];
            row[j + 1] = best;
        }
    }
    return row[width];
}

/* Fails on a LECTERN_ name that is not in the table. Its value is not shown: it may be a secret. */
static int check_name(const char *entry, char *error, size_t cap)
{
    char name[64];
    (void)span_copy((struct span){entry, strcspn(entry, "=")}, name, sizeof name);
    const struct setting *nearest = NULL;
    size_t least = 4; /* further away than this is no slip of the finger */
    for (size_t i = 0; i < SETTINGS; i++) {
        if (strcmp(name, settings[i].key) == 0) {
            return 0;
        }
        size_t d = distance(name, settings[i].key);
        if (d < least) {
            least = d;
            nearest = &settings[i];
        }
    }
    snprintf(error, cap, "%s is not a known setting%s%s%s; --help lists what is allowed", name,
             nearest ? " (did you mean " : "", nearest ? nearest->key : "", nearest ? "?)" : "");
    return -1;
}

static int check_names(char *const *environment, char *error, size_t cap)
{
    for (; *environment; environment++) {
        if (strncmp(*environment, PREFIX, sizeof PREFIX - 1) == 0 &&
            check_name(*environment, error, cap)) {
            return -1;
        }
    }
    return 0;
}

static int check_claims(const struct config *c, char *error, size_t cap)
{
    const char *names[] = {c->jwt_claim_id, c->jwt_claim_name, c->jwt_claim_type};
    for (int i = 0; i < 3; i++) {
        if (strcmp(names[i], names[(i + 1) % 3]) == 0) {
            snprintf(error, cap,
                     "LECTERN_JWT_CLAIM_ID, _NAME and _TYPE are not allowed to name the same claim "
                     "(\"%s\"); allowed: three different ones",
                     names[i]);
            return -1;
        }
    }
    return 0;
}

static int check_together(const struct config *c, char *error, size_t cap)
{
    if (c->queue_max / 2 < c->message_max) {
        snprintf(error, cap,
                 "LECTERN_QUEUE_MAX=\"%u\" is not allowed; allowed: at least twice "
                 "LECTERN_MESSAGE_MAX, which is %u",
                 c->queue_max, c->message_max);
        return -1;
    }
    if (c->jwt_algorithm != CONFIG_JWT_HS256 && !*c->jwt_public_key) {
        snprintf(
            error, cap,
            "LECTERN_JWT_PUBLIC_KEY is not set; allowed with LECTERN_JWT_ALGORITHM=\"%s\": the "
            "path of a PEM file with the issuer's public key",
            c->jwt_algorithm == CONFIG_JWT_RS256 ? "RS256" : "ES256");
        return -1;
    }
    if (c->jwt_algorithm == CONFIG_JWT_HS256 && *c->jwt_public_key) {
        snprintf(error, cap,
                 "LECTERN_JWT_PUBLIC_KEY=\"%.100s\" is not allowed with "
                 "LECTERN_JWT_ALGORITHM=\"HS256\"; allowed: with RS256 and ES256",
                 c->jwt_public_key);
        return -1;
    }
    return check_claims(c, error, cap);
}

int config_load(struct config *config, char *const *environment, char *error, size_t error_cap)
{
    *config = (struct config){0};
    if (check_names(environment, error, error_cap)) {
        return -1;
    }
    for (size_t i = 0; i < SETTINGS; i++) {
        const char *value = look_up(environment, settings[i].key);
        if (load_one(&settings[i], value ? value : settings[i].fallback, config, error,
                     error_cap)) {
            return -1;
        }
    }
    return check_together(config, error, error_cap);
}

void config_finish(struct config *config)
{
    for (size_t i = 0; i < SETTINGS; i++) {
        void *field = (char *)config + settings[i].offset;
        if (settings[i].type->storage == STORED_LIST) {
            free_list(*(char ***)field);
        } else if (settings[i].type->storage == STORED_STRING) {
            char *text = *(char **)field;
            if (text && settings[i].type->secret) {
                explicit_bzero(text, strlen(text));
            }
            free(text);
        }
    }
    *config = (struct config){0};
}

/* Writes `text` in lines of HELP_COLUMNS that begin at HELP_INDENT; `column` is where it stands. */
static void write_wrapped(FILE *out, const char *text, size_t column)
{
    while (*text) {
        size_t word = strcspn(text, " ");
        if (column > HELP_INDENT && column + 1 + word > HELP_COLUMNS) {
            fprintf(out, "\n");
            column = 0;
        }
        if (column < HELP_INDENT) {
            fprintf(out, "%*s", (int)(HELP_INDENT - column), "");
            column = HELP_INDENT;
        } else if (column > HELP_INDENT) {
            fprintf(out, " ");
            column++;
        }
        fprintf(out, "%.*s", (int)word, text);
        column += word;
        text += word;
        text += *text == ' ';
    }
    fprintf(out, "\n");
}

void config_help(FILE *out)
{
    for (size_t i = 0; i < SETTINGS; i++) {
        const struct setting *s = &settings[i];
        char allowed[96];
        char second[224];
        int column = fprintf(out, "  %s", s->key);
        write_wrapped(out, s->meaning, column < 0 ? 0 : (size_t)column);
        write_allowed(s, allowed, sizeof allowed);
        snprintf(second, sizeof second, "[%s%s%s]", allowed, *s->fallback ? "; default " : "",
                 s->fallback);
        write_wrapped(out, second, 0);
    }
}

void config_each(config_each_fn *fn, void *arg)
{
    for (size_t i = 0; i < SETTINGS; i++) {
        char allowed[96];
        write_allowed(&settings[i], allowed, sizeof allowed);
        fn(settings[i].key, settings[i].fallback, allowed, settings[i].meaning, arg);
    }
}
