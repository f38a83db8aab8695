/*
 * Configuration from LECTERN_* variables. One table (settings[]) names every key with its default,
 * its type (setting.h) and its meaning; loading, freeing, --help and the check of docs/config.md all
 * walk it. What several keys must agree on is checked at the end, in check_together().
 */
#include "core/config.h"

#include <string.h>

#include "base/buf.h"
#include "core/setting.h"

#define PREFIX "LECTERN_"
#define HELP_COLUMNS 100
#define HELP_INDENT 30

#define FIELD(name) offsetof(struct config, name)

static const struct setting settings[] = {
    {"LECTERN_LISTEN", "0.0.0.0:8080", &setting_listen, FIELD(listen), 0, 0,
     "Address and port for HTTP and WebSocket."},
    {"LECTERN_REDIS_URL", "redis://127.0.0.1:6379", &setting_redis, FIELD(redis_url), 0, 0,
     "The Redis that all servers share."},
    {"LECTERN_DATA_DIR", "data", &setting_path, FIELD(data_dir), 0, 0,
     "Directory for what must outlive a restart (the token secret, the database); made with mode "
     "0700."},
    {"LECTERN_STORE_URL", "", &setting_store_url, FIELD(store_url), 0, 0,
     "The database of accounts; empty: sqlite:lectern.db in the data directory. Servers that work "
     "together need the same PostgreSQL."},
    {"LECTERN_WEB_DIR", "", &setting_path, FIELD(web_dir), 0, 0,
     "The built pages; empty: web/ beside the binary."},
    {"LECTERN_JWT_SECRET", "", &setting_secret, FIELD(jwt_secret), 0, 0,
     "Secret that signs tokens (HS256) and guests' device ids; empty: made at first start and kept "
     "in the data directory. Servers that work together need the same one."},
    {"LECTERN_JWT_ALGORITHM", "HS256", &setting_algorithm, FIELD(jwt_algorithm), 0, 0,
     "The one algorithm accepted for tokens. RS256 and ES256 need a public key."},
    {"LECTERN_JWT_PUBLIC_KEY", "", &setting_path, FIELD(jwt_public_key), 0, 0,
     "PEM file with the public key of the service that issues tokens, for RS256 and ES256."},
    {"LECTERN_JWT_JWKS", "", &setting_path, FIELD(jwt_jwks), 0, 0,
     "JSON file with that service's public keys (a JWK set), instead of one in PEM form. SIGHUP "
     "reads "
     "either again."},
    {"LECTERN_JWT_ISSUER", "", &setting_text, FIELD(jwt_issuer), 0, 0,
     "When set, a token's iss must be this."},
    {"LECTERN_JWT_AUDIENCE", "", &setting_text, FIELD(jwt_audience), 0, 0,
     "When set, a token's aud must be or contain this."},
    {"LECTERN_JWT_CLAIM_ID", "sub", &setting_claim, FIELD(jwt_claim_id), 0, 0,
     "Claim that holds the user id."},
    {"LECTERN_JWT_CLAIM_NAME", "name", &setting_claim, FIELD(jwt_claim_name), 0, 0,
     "Claim that holds the name shown to others."},
    {"LECTERN_JWT_CLAIM_TYPE", "userType", &setting_claim, FIELD(jwt_claim_type), 0, 0,
     "Claim that holds teacher, student or service."},
    {"LECTERN_ORIGINS", "", &setting_origins, FIELD(origins), 0, 0,
     "Origins other than the server's own whose pages may use it."},
    {"LECTERN_TRUSTED_PROXIES", "", &setting_proxies, FIELD(trusted_proxies), 0, 0,
     "Proxies whose X-Forwarded-For is believed."},
    {"LECTERN_ROLE", "all", &setting_role, FIELD(role), 0, 0,
     "What this server answers: everything; all but sockets; or sockets only."},
    {"LECTERN_LOOPS", "0", &setting_number, FIELD(loops), 0, 64,
     "Event loops; 0: one per processor core."},
    {"LECTERN_HTTP_THREADS", "256", &setting_number, FIELD(http_threads), 16, 4096,
     "Threads that answer HTTP requests."},
    {"LECTERN_SERVER_ID", "", &setting_server_id, FIELD(server_id), 0, 0,
     "This server's name among those that share the Redis; empty: drawn at each start."},
    {"LECTERN_MESSAGE_MAX", "65536", &setting_number, FIELD(message_max), 1024, 16777216,
     "Longest message, bytes."},
    {"LECTERN_QUEUE_MAX", "1048576", &setting_number, FIELD(queue_max), 2048, 268435456,
     "Bytes that may wait for one socket before it is closed as too slow; at least twice "
     "LECTERN_MESSAGE_MAX."},
    {"LECTERN_LOG_MAX", "10000", &setting_number, FIELD(log_max), 1, 100000,
     "Messages remembered per room."},
    {"LECTERN_LOG_BYTES", "4194304", &setting_number, FIELD(log_bytes), 1024, 268435456,
     "Bytes remembered per room."},
    {"LECTERN_RATE_STUDENT", "20/40", &setting_rate, FIELD(rate_student), 1, 1000000,
     "Messages per second that a student may send, and how many at once."},
    {"LECTERN_RATE_HOST", "100/200", &setting_rate, FIELD(rate_host), 1, 1000000,
     "The same for a host."},
    {"LECTERN_RATE_ECHO", "20/40", &setting_rate, FIELD(rate_echo), 1, 1000000,
     "The same for a socket on /echo."},
    {"LECTERN_ECHO_S", "600", &setting_number, FIELD(echo_s), 1, 86400,
     "Longest life of a socket on /echo, seconds."},
    {"LECTERN_ROOM_MAX", "2000", &setting_number, FIELD(room_max), 1, 100000,
     "Most participants that a room may have."},
    {"LECTERN_PING_S", "25", &setting_number, FIELD(ping_s), 1, 3600,
     "A socket that is silent this long is pinged, one that is silent twice as long is closed; "
     "seconds."},
    {"LECTERN_KEEP_S", "3600", &setting_number, FIELD(keep_s), 1, 2592000,
     "How long a class's log and attendance can be read after its end, seconds."},
    {"LECTERN_LEASE_S", "15", &setting_number, FIELD(lease_s), 2, 600,
     "A server that cannot be reached this long has its sessions ended by the others, seconds."},
    {"LECTERN_DRAIN_S", "30", &setting_number, FIELD(drain_s), 0, 600,
     "How long a server that was told to end leaves its participants to come back elsewhere, "
     "seconds; 0: they leave at once."},
    {"LECTERN_SIGNUP", "students", &setting_signup, FIELD(signup), 0, 0,
     "Who may make an account of their own; open: students and teachers. Operators make any with "
     "lectern user add."},
    {"LECTERN_TOKEN_S", "43200", &setting_number, FIELD(token_s), 60, 2592000,
     "Validity of the token that a login gives, seconds."},
    {"LECTERN_GUEST_TOKEN_S", "43200", &setting_number, FIELD(guest_token_s), 1, 2592000,
     "Validity of a guest's token, seconds."},
    {"LECTERN_IMAGE_MAX", "20971520", &setting_number, FIELD(image_max), 65536, 268435456,
     "Largest image that may be sent, bytes."},
    {"LECTERN_IMAGE_WORKERS", "2", &setting_number, FIELD(image_workers), 1, 64,
     "Images decoded at a time, each by a process of its own."},
    {"LECTERN_IMAGE_MEMORY", "640", &setting_number, FIELD(image_memory), 16, 16384,
     "Memory that decoding one image may take, MiB."},
    {"LECTERN_IMAGE_TIMEOUT_MS", "10000", &setting_number, FIELD(image_timeout_ms), 100, 300000,
     "Time that decoding one image may take, milliseconds."},
    {"LECTERN_IMAGES_ROOM_MAX", "134217728", &setting_number, FIELD(images_room_max), 65536,
     2147483648u, "Bytes in Redis that the images of one room may take."},
    {"LECTERN_IMAGE_CACHE", "67108864", &setting_number, FIELD(image_cache), 0, 2147483648u,
     "Bytes of images that this server keeps in memory besides."},
    {"LECTERN_FILES_URL", "", &setting_files_url, FIELD(files_url), 0, 0,
     "Where files sent in chats are kept; empty: files in the data directory. Servers that work "
     "together need the same directory or bucket."},
    {"LECTERN_FILE_MAX", "52428800", &setting_number, FIELD(file_max), 1024, 2147483648u,
     "Largest file that may be sent in a chat, bytes."},
    {"LECTERN_FILES_MAX", "0", &setting_bytes, FIELD(files_max), 0, 0,
     "Bytes that all files of chats may take together; 0: as many as there is space for."},
    {"LECTERN_CHAT_ROOMS_MAX", "200", &setting_number, FIELD(chat_rooms_max), 1, 1000,
     "Chat rooms, direct ones among them, that one user may be in."},
    {"LECTERN_CHAT_MEMBERS_MAX", "1000", &setting_number, FIELD(chat_members_max), 2, 100000,
     "Members that one group chat room may have."},
    {"LECTERN_DELETE_EMPTY_ROOMS", "1", &setting_number, FIELD(delete_empty_rooms), 0, 1,
     "1: a group chat room that its last member leaves is deleted with all that was said in it; 0: "
     "it "
     "stays and can be joined again."},
    {"LECTERN_FEED_CHANNELS",
     "community_monitor,chat_monitor,trade_chat_monitor,exe_monitor,scan_monitor,fake_scan_monitor",
     &setting_channels, FIELD(feed_channels), 0, 0,
     "Redis channels whose events dashboards may follow at /monitor."},
    {"LECTERN_FEED_PUBLIC", "0", &setting_number, FIELD(feed_public), 0, 1,
     "1: anybody may follow these channels; 0: tokens that name them."},
    {"LECTERN_FEED_LOG", "1000", &setting_number, FIELD(feed_log), 1, 100000,
     "Events remembered per channel, of those sent to /events."},
    {"LECTERN_CONNECTIONS_MAX", "0", &setting_number, FIELD(connections_max), 0, 10000000,
     "Most open sockets; 0: what the limit of file descriptors allows."},
    {"LECTERN_MEMORY_MAX", "0", &setting_number, FIELD(memory_max), 0, 1048576,
     "Resident memory, MiB, over which no further socket is accepted; 0: no limit."},
    {"LECTERN_REDIS_TIMEOUT_MS", "2000", &setting_number, FIELD(redis_timeout_ms), 50, 60000,
     "Deadline of one Redis command, milliseconds."},
    {"LECTERN_STORE_TIMEOUT_MS", "5000", &setting_number, FIELD(store_timeout_ms), 50, 60000,
     "How long a request may wait for the database, and its work there may take; milliseconds."},
    {"LECTERN_LOG_LEVEL", "info", &setting_level, FIELD(log_level), 0, 0,
     "How much is written to the log."},
};
#define SETTINGS (sizeof settings / sizeof settings[0])

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

static int load_one(const struct setting *setting, const char *value, struct config *config,
                    char *error, size_t cap)
{
    const char *wrong = setting_store(setting, value, (char *)config + setting->offset);
    if (!wrong) {
        return 0;
    }
    char allowed[SETTING_ALLOWED_MAX];
    setting_allowed(setting, allowed);
    if (setting->type->secret) {
        snprintf(error, cap, "%s (value not shown) is not allowed: %s; allowed: %s", setting->key,
                 wrong, allowed);
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

/* One file with public keys for RS256 and ES256, none for HS256. */
static int check_keys(const struct config *c, char *error, size_t cap)
{
    bool key = *c->jwt_public_key, set = *c->jwt_jwks;
    if (c->jwt_algorithm != CONFIG_JWT_HS256 && !key && !set) {
        snprintf(error, cap,
                 "LECTERN_JWT_PUBLIC_KEY is not set, nor is LECTERN_JWT_JWKS; allowed with "
                 "LECTERN_JWT_ALGORITHM=\"%s\": the path of a file with the issuer's public keys",
                 c->jwt_algorithm == CONFIG_JWT_RS256 ? "RS256" : "ES256");
        return -1;
    }
    if (c->jwt_algorithm == CONFIG_JWT_HS256 && (key || set)) {
        snprintf(error, cap,
                 "%s=\"%.100s\" is not allowed with LECTERN_JWT_ALGORITHM=\"HS256\"; allowed: with "
                 "RS256 and ES256",
                 key ? "LECTERN_JWT_PUBLIC_KEY" : "LECTERN_JWT_JWKS",
                 key ? c->jwt_public_key : c->jwt_jwks);
        return -1;
    }
    if (key && set) {
        snprintf(
            error, cap,
            "LECTERN_JWT_JWKS=\"%.100s\" is not allowed beside LECTERN_JWT_PUBLIC_KEY; allowed: "
            "one of the two",
            c->jwt_jwks);
        return -1;
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
    if (check_keys(c, error, cap)) {
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
        setting_free(&settings[i], (char *)config + settings[i].offset);
    }
    *config = (struct config){0};
}

/* Where to break a list of `len` bytes without blanks: behind the last comma that fits on a line. */
static size_t list_break(const char *text, size_t len)
{
    size_t end = HELP_COLUMNS - HELP_INDENT;
    while (end > 0 && text[end - 1] != ',') {
        end--;
    }
    return end > 0 ? end : len;
}

/* Writes `text` in lines of HELP_COLUMNS that begin at HELP_INDENT; `column` is where it stands. */
static void write_wrapped(FILE *out, const char *text, size_t column)
{
    while (*text) {
        size_t word = strcspn(text, " ");
        if (word > HELP_COLUMNS - HELP_INDENT) {
            word = list_break(text, word);
        }
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
        char allowed[SETTING_ALLOWED_MAX];
        char second[224];
        int column = fprintf(out, "  %s", s->key);
        write_wrapped(out, s->meaning, column < 0 ? 0 : (size_t)column);
        setting_allowed(s, allowed);
        snprintf(second, sizeof second, "[%s%s%s]", allowed, *s->fallback ? "; default " : "",
                 s->fallback);
        write_wrapped(out, second, 0);
    }
}

void config_each(config_each_fn *fn, void *arg)
{
    for (size_t i = 0; i < SETTINGS; i++) {
        char allowed[SETTING_ALLOWED_MAX];
        setting_allowed(&settings[i], allowed);
        fn(settings[i].key, settings[i].fallback, allowed, settings[i].meaning, arg);
    }
}
