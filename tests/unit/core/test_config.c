/* Configuration: defaults, every type's good and bad values, what must agree, --help and the docs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/config.h"

#define SECRET "0123456789abcdef0123456789abcdef"

static struct config config;
static char error[CONFIG_ERROR_MAX];

/* Loads from up to four "KEY=value" (NULL: fewer); the caller looks at `config` and `error`. */
static int load(const char *a, const char *b, const char *c, const char *d)
{
    char *environment[] = {(char *)a, (char *)b, (char *)c, (char *)d, NULL};
    config_finish(&config);
    snprintf(error, sizeof error, "untouched");
    return config_load(&config, environment, error, sizeof error);
}

static int tear_down(void **state)
{
    (void)state;
    config_finish(&config);
    return 0;
}

static void good(const char *entry)
{
    if (load(entry, NULL, NULL, NULL)) {
        fail_msg("%s was refused: %s", entry, error);
    }
}

/* The error must name the key, quote the value, and say what is allowed. */
static void bad(const char *entry)
{
    char key[64];
    char quoted[128];
    if (load(entry, NULL, NULL, NULL) == 0) {
        fail_msg("%s was accepted", entry);
    }
    snprintf(key, sizeof key, "%.*s", (int)strcspn(entry, "="), entry);
    snprintf(quoted, sizeof quoted, "=\"%s\"", strchr(entry, '=') + 1);
    if (!strstr(error, key) || !strstr(error, quoted) || !strstr(error, "allowed: ")) {
        fail_msg("%s gave: %s", entry, error);
    }
}

static void defaults(void **state)
{
    (void)state;
    assert_int_equal(load("PATH=/bin", "lectern_x=1", "LECTERN=1", NULL), 0);
    assert_string_equal(config.listen, "0.0.0.0:8080");
    assert_string_equal(config.redis_url, "redis://127.0.0.1:6379");
    assert_string_equal(config.data_dir, "data");
    assert_string_equal(config.web_dir, "");
    assert_string_equal(config.store_url, "");
    assert_int_equal(config.store_timeout_ms, 5000);
    assert_string_equal(config.jwt_secret, "");
    assert_int_equal(config.jwt_algorithm, CONFIG_JWT_HS256);
    assert_string_equal(config.jwt_public_key, "");
    assert_string_equal(config.jwt_issuer, "");
    assert_string_equal(config.jwt_audience, "");
    assert_string_equal(config.jwt_claim_id, "sub");
    assert_string_equal(config.jwt_claim_name, "name");
    assert_string_equal(config.jwt_claim_type, "userType");
    assert_non_null(config.origins);
    assert_null(config.origins[0]);
    assert_non_null(config.trusted_proxies);
    assert_null(config.trusted_proxies[0]);
    assert_int_equal(config.loops, 0);
    assert_int_equal(config.http_threads, 256);
    assert_string_equal(config.server_id, "");
    assert_int_equal(config.message_max, 65536);
    assert_int_equal(config.queue_max, 1048576);
    assert_int_equal(config.log_max, 10000);
    assert_int_equal(config.log_bytes, 4194304);
    assert_int_equal(config.rate_student.rate, 20);
    assert_int_equal(config.rate_student.burst, 40);
    assert_int_equal(config.rate_host.rate, 100);
    assert_int_equal(config.rate_host.burst, 200);
    assert_int_equal(config.rate_echo.rate, 20);
    assert_int_equal(config.rate_echo.burst, 40);
    assert_int_equal(config.echo_s, 600);
    assert_int_equal(config.room_max, 2000);
    assert_int_equal(config.ping_s, 25);
    assert_int_equal(config.keep_s, 3600);
    assert_int_equal(config.guest_token_s, 43200);
    assert_int_equal(config.token_s, 43200);
    assert_int_equal(config.signup, CONFIG_SIGNUP_STUDENTS);
    assert_int_equal(config.role, CONFIG_ROLE_ALL);
    assert_int_equal(config.connections_max, 0);
    assert_int_equal(config.redis_timeout_ms, 2000);
    assert_int_equal(config.log_level, LOG_LEVEL_INFO);
}

static void an_empty_value_is_not_set(void **state)
{
    (void)state;
    good("LECTERN_PING_S=");
    assert_int_equal(config.ping_s, 25);
    good("LECTERN_LISTEN=");
    assert_string_equal(config.listen, "0.0.0.0:8080");
    good("LECTERN_ORIGINS=");
    good("LECTERN_JWT_SECRET=");
    assert_string_equal(config.jwt_secret, "");
}

static void the_first_of_two_counts(void **state)
{
    (void)state;
    assert_int_equal(load("LECTERN_PING_S=7", "LECTERN_PING_S=8", NULL, NULL), 0);
    assert_int_equal(config.ping_s, 7); /* as getenv(3) has it */
}

static void numbers(void **state)
{
    (void)state;
    good("LECTERN_PING_S=1");
    assert_int_equal(config.ping_s, 1);
    good("LECTERN_PING_S=3600");
    assert_int_equal(config.ping_s, 3600);
    bad("LECTERN_PING_S=0");
    bad("LECTERN_PING_S=3601");
    bad("LECTERN_PING_S=-1");
    bad("LECTERN_PING_S=+5");
    bad("LECTERN_PING_S= 5");
    bad("LECTERN_PING_S=5 ");
    bad("LECTERN_PING_S=05");
    bad("LECTERN_PING_S=5s");
    bad("LECTERN_PING_S=1e1");
    bad("LECTERN_PING_S=2.5");
    bad("LECTERN_PING_S=0x10");
    bad("LECTERN_PING_S=4294967321"); /* 25 modulo 2^32 */
    bad("LECTERN_PING_S=99999999999999999999999");
    assert_non_null(strstr(error, "1 to 3600"));
    bad("LECTERN_MESSAGE_MAX=64k");
    bad("LECTERN_MESSAGE_MAX=1023");
    good("LECTERN_MESSAGE_MAX=1024");
    bad("LECTERN_HTTP_THREADS=15");
    good("LECTERN_HTTP_THREADS=16");
    good("LECTERN_LOOPS=0");
    good("LECTERN_LOOPS=64");
    bad("LECTERN_LOOPS=257");
    good("LECTERN_CONNECTIONS_MAX=15000");
    assert_int_equal(config.connections_max, 15000);
    bad("LECTERN_REDIS_TIMEOUT_MS=49");
    bad("LECTERN_LOG_MAX=0");
}

static void rates(void **state)
{
    (void)state;
    good("LECTERN_RATE_STUDENT=5/10");
    assert_int_equal(config.rate_student.rate, 5);
    assert_int_equal(config.rate_student.burst, 10);
    good("LECTERN_RATE_HOST=1000000/1");
    assert_int_equal(config.rate_host.rate, 1000000);
    assert_int_equal(config.rate_host.burst, 1);
    good("LECTERN_RATE_ECHO=1/1");
    bad("LECTERN_RATE_STUDENT=5");
    bad("LECTERN_RATE_STUDENT=5/");
    bad("LECTERN_RATE_STUDENT=/5");
    bad("LECTERN_RATE_STUDENT=5/10/15");
    bad("LECTERN_RATE_STUDENT=0/10");
    bad("LECTERN_RATE_STUDENT=5/0");
    bad("LECTERN_RATE_STUDENT=5 / 10");
    bad("LECTERN_RATE_STUDENT=5/1000001");
    bad("LECTERN_RATE_STUDENT=-5/10");
}

static void listen_addresses(void **state)
{
    (void)state;
    good("LECTERN_LISTEN=127.0.0.1:0");
    assert_string_equal(config.listen, "127.0.0.1:0");
    good("LECTERN_LISTEN=10.0.0.1:65535");
    bad("LECTERN_LISTEN=8080");
    bad("LECTERN_LISTEN=:8080");
    bad("LECTERN_LISTEN=127.0.0.1");
    bad("LECTERN_LISTEN=127.0.0.1:");
    bad("LECTERN_LISTEN=127.0.0.1:65536");
    bad("LECTERN_LISTEN=127.0.0.1:080");
    bad("LECTERN_LISTEN=127.0.0.1:80:90");
    bad("LECTERN_LISTEN=localhost:80");
    bad("LECTERN_LISTEN=[::]:80");
    bad("LECTERN_LISTEN=127.0.0.1:80,127.0.0.2:80");
    bad("LECTERN_LISTEN=127.0.0.1:80s");
}

static void redis_urls(void **state)
{
    (void)state;
    good("LECTERN_REDIS_URL=redis://kim:secret@redis:6380/2");
    assert_string_equal(config.redis_url, "redis://kim:secret@redis:6380/2");
    good("LECTERN_REDIS_URL=redis+sentinel://:secret@s1,s2:26380/school/2");
    static const char *const entries[] = {
        "LECTERN_REDIS_URL=kim:pa55word@redis",
        "LECTERN_REDIS_URL=redis+sentinel://kim:pa55word@redis",
        "LECTERN_REDIS_URL=redis://kim:pa55word@redis:port",
        "LECTERN_REDIS_URL=redis://:pa55word",
    };
    for (size_t i = 0; i < sizeof entries / sizeof entries[0]; i++) {
        assert_int_equal(load(entries[i], NULL, NULL, NULL), -1);
        assert_non_null(strstr(error, "LECTERN_REDIS_URL"));
        assert_non_null(strstr(error, "allowed: redis://"));
        assert_null(strstr(error, "pa55word"));
    }
    assert_non_null(strstr(error, "host")); /* the last: what exactly is wrong */
}

static void store_urls(void **state)
{
    (void)state;
    static const char *const allowed[] = {"sqlite:data/lectern.db", "sqlite:/a b.db",
                                          "postgresql://kim:pa55word@db/lectern",
                                          "postgres://db1,db2:5433/lectern?sslmode=require"};
    for (size_t i = 0; i < sizeof allowed / sizeof allowed[0]; i++) {
        char entry[128];
        snprintf(entry, sizeof entry, "LECTERN_STORE_URL=%s", allowed[i]);
        good(entry);
        assert_string_equal(config.store_url, allowed[i]);
    }
    static const char *const entries[] = {
        "LECTERN_STORE_URL=sqlite:",
        "LECTERN_STORE_URL=postgresql://",
        "LECTERN_STORE_URL=mysql://kim:pa55word@db/lectern",
        "LECTERN_STORE_URL=kim:pa55word@db",
        "LECTERN_STORE_URL=PostgreSQL://kim:pa55word@db/lectern",
        "LECTERN_STORE_URL=postgresql://kim:pa55\tword@db/lectern",
    };
    for (size_t i = 0; i < sizeof entries / sizeof entries[0]; i++) {
        assert_int_equal(load(entries[i], NULL, NULL, NULL), -1);
        assert_non_null(strstr(error, "LECTERN_STORE_URL (value not shown) is not allowed"));
        assert_non_null(strstr(error, "allowed: sqlite:path, or postgresql://"));
        assert_null(strstr(error, "pa55"));
    }
}

static void secrets(void **state)
{
    (void)state;
    good("LECTERN_JWT_SECRET=" SECRET);
    assert_string_equal(config.jwt_secret, SECRET);
    good("LECTERN_JWT_SECRET=short"); /* what may serve is auth/keys.c's to say */
    assert_string_equal(config.jwt_secret, "short");
}

static void algorithms(void **state)
{
    (void)state;
    static const char key[] = "LECTERN_JWT_PUBLIC_KEY=/etc/lectern/key.pem";
    good("LECTERN_JWT_ALGORITHM=HS256");
    assert_int_equal(load("LECTERN_JWT_ALGORITHM=RS256", key, NULL, NULL), 0);
    assert_int_equal(config.jwt_algorithm, CONFIG_JWT_RS256);
    assert_string_equal(config.jwt_public_key, "/etc/lectern/key.pem");
    assert_int_equal(load("LECTERN_JWT_ALGORITHM=ES256", key, "LECTERN_JWT_SECRET=" SECRET, NULL),
                     0);
    assert_int_equal(config.jwt_algorithm, CONFIG_JWT_ES256);
    bad("LECTERN_JWT_ALGORITHM=none");
    bad("LECTERN_JWT_ALGORITHM=hs256");
    bad("LECTERN_JWT_ALGORITHM=HS512");
    bad("LECTERN_JWT_ALGORITHM=HS256 ");
    /* What must agree. */
    assert_int_equal(load("LECTERN_JWT_ALGORITHM=RS256", NULL, NULL, NULL), -1);
    assert_non_null(strstr(error, "LECTERN_JWT_PUBLIC_KEY"));
    assert_non_null(strstr(error, "RS256"));
    assert_int_equal(load("LECTERN_JWT_ALGORITHM=ES256", "LECTERN_JWT_PUBLIC_KEY=", NULL, NULL),
                     -1);
    assert_non_null(strstr(error, "ES256"));
    bad("LECTERN_JWT_PUBLIC_KEY=/etc/lectern/key.pem");
    static const char set[] = "LECTERN_JWT_JWKS=/etc/lectern/keys.json";
    assert_int_equal(load("LECTERN_JWT_ALGORITHM=RS256", set, NULL, NULL), 0);
    assert_string_equal(config.jwt_jwks, "/etc/lectern/keys.json");
    assert_int_equal(load("LECTERN_JWT_ALGORITHM=RS256", set, key, NULL), -1);
    assert_non_null(strstr(error, "one of the two"));
    bad(set);
}

static void signups_and_roles(void **state)
{
    (void)state;
    good("LECTERN_SIGNUP=open");
    assert_int_equal(config.signup, CONFIG_SIGNUP_OPEN);
    good("LECTERN_SIGNUP=closed");
    assert_int_equal(config.signup, CONFIG_SIGNUP_CLOSED);
    bad("LECTERN_SIGNUP=Open");
    bad("LECTERN_SIGNUP=teachers");
    good("LECTERN_ROLE=api");
    assert_int_equal(config.role, CONFIG_ROLE_API);
    good("LECTERN_ROLE=socket");
    assert_int_equal(config.role, CONFIG_ROLE_SOCKET);
    bad("LECTERN_ROLE=sockets");
    bad("LECTERN_TOKEN_S=59");
    bad("LECTERN_TOKEN_S=2592001");
    bad("LECTERN_JWT_CLAIM_ID=gen");
}

static void claim_names(void **state)
{
    (void)state;
    good("LECTERN_JWT_CLAIM_TYPE=https://school.example/role");
    assert_string_equal(config.jwt_claim_type, "https://school.example/role");
    bad("LECTERN_JWT_CLAIM_ID=exp");
    bad("LECTERN_JWT_CLAIM_NAME=room");
    bad("LECTERN_JWT_CLAIM_ID=user id");
    bad("LECTERN_JWT_CLAIM_ID=a\"b");
    assert_int_equal(load("LECTERN_JWT_CLAIM_ID=name", NULL, NULL, NULL), -1);
    assert_non_null(strstr(error, "LECTERN_JWT_CLAIM_ID"));
    assert_int_equal(load("LECTERN_JWT_CLAIM_ID=x", "LECTERN_JWT_CLAIM_TYPE=x", NULL, NULL), -1);
    assert_int_equal(load("LECTERN_JWT_CLAIM_ID=name", "LECTERN_JWT_CLAIM_NAME=sub", NULL, NULL),
                     0);
}

static void check_origins(const char *entry, const char *first, const char *second)
{
    good(entry);
    assert_string_equal(config.origins[0], first);
    if (!second) {
        assert_null(config.origins[1]);
        return;
    }
    assert_string_equal(config.origins[1], second);
    assert_null(config.origins[2]);
}

static void origins(void **state)
{
    (void)state;
    check_origins("LECTERN_ORIGINS=https://school.example", "https://school.example", NULL);
    check_origins("LECTERN_ORIGINS=http://localhost:3000 , https://a-b.school.example:8443",
                  "http://localhost:3000", "https://a-b.school.example:8443");
    /* As browsers write them. */
    check_origins("LECTERN_ORIGINS=HTTPS://School.Example:443,http://x:80",
                  "https://school.example", "http://x");
    check_origins("LECTERN_ORIGINS=http://x:443,https://x:80", "http://x:443", "https://x:80");
    check_origins("LECTERN_ORIGINS=capacitor://localhost,http://[::1]:3000",
                  "capacitor://localhost", "http://[::1]:3000");
    bad("LECTERN_ORIGINS=*");
    bad("LECTERN_ORIGINS=null");
    bad("LECTERN_ORIGINS=school.example");
    bad("LECTERN_ORIGINS=//school.example");
    bad("LECTERN_ORIGINS=://school.example");
    bad("LECTERN_ORIGINS=https://");
    bad("LECTERN_ORIGINS=https://school.example/");
    bad("LECTERN_ORIGINS=https://school.example/path");
    bad("LECTERN_ORIGINS=https://*.school.example");
    bad("LECTERN_ORIGINS=https://kim@school.example");
    bad("LECTERN_ORIGINS=https://school.example:");
    bad("LECTERN_ORIGINS=https://school.example:0");
    bad("LECTERN_ORIGINS=https://school.example:65536");
    bad("LECTERN_ORIGINS=https://school example");
    bad("LECTERN_ORIGINS=https://a,,https://b");
    bad("LECTERN_ORIGINS=https://a,");
    bad("LECTERN_ORIGINS=,https://a");
    bad("LECTERN_ORIGINS=https://a https://b");
    bad("LECTERN_ORIGINS=,");
    bad("LECTERN_ORIGINS= ");
    bad("LECTERN_ORIGINS=1http://a");
    bad("LECTERN_ORIGINS=https://[::1");
}

static void proxies(void **state)
{
    (void)state;
    good("LECTERN_TRUSTED_PROXIES=10.0.0.0/8, 192.168.1.7");
    assert_string_equal(config.trusted_proxies[0], "10.0.0.0/8");
    assert_string_equal(config.trusted_proxies[1], "192.168.1.7");
    assert_null(config.trusted_proxies[2]);
    good("LECTERN_TRUSTED_PROXIES=0.0.0.0/0,1.2.3.4/32");
    bad("LECTERN_TRUSTED_PROXIES=10.0.0.0/33");
    bad("LECTERN_TRUSTED_PROXIES=10.0.0.0/");
    bad("LECTERN_TRUSTED_PROXIES=10.0.0.0/08");
    bad("LECTERN_TRUSTED_PROXIES=10.0.0.0/8/8");
    bad("LECTERN_TRUSTED_PROXIES=10.0.0/8");
    bad("LECTERN_TRUSTED_PROXIES=proxy.example");
    good("LECTERN_TRUSTED_PROXIES=::1, 2001:db8::/32,10.0.0.1");
    assert_string_equal(config.trusted_proxies[1], "2001:db8::/32");
    bad("LECTERN_TRUSTED_PROXIES=2001:db8::/129");
    bad("LECTERN_TRUSTED_PROXIES=2001:db8::/");
    bad("LECTERN_TRUSTED_PROXIES=2001:db8::/032");
    bad("LECTERN_TRUSTED_PROXIES=2001:db8:::/32");
    bad("LECTERN_TRUSTED_PROXIES=[::1]");
    bad("LECTERN_TRUSTED_PROXIES=/64");
    bad("LECTERN_TRUSTED_PROXIES=10.0.0.1,,10.0.0.2");
}

static void other_types(void **state)
{
    (void)state;
    good("LECTERN_SERVER_ID=class-server.1");
    assert_string_equal(config.server_id, "class-server.1");
    bad("LECTERN_SERVER_ID=a b");
    bad("LECTERN_SERVER_ID=a:b");
    bad("LECTERN_SERVER_ID=0123456789012345678901234567890123456789012345678901234567890123x");
    good("LECTERN_LOG_LEVEL=debug");
    assert_int_equal(config.log_level, LOG_LEVEL_DEBUG);
    bad("LECTERN_LOG_LEVEL=Debug");
    bad("LECTERN_LOG_LEVEL=trace");
    good("LECTERN_DATA_DIR=/var/lib/lectern");
    good("LECTERN_JWT_ISSUER=https://login.school.example/");
}

static void control_characters_are_refused(void **state)
{
    (void)state;
    bad("LECTERN_DATA_DIR=a\nb");
    bad("LECTERN_JWT_ISSUER=a\x1b[31m");
}

static void the_queue_holds_two_messages(void **state)
{
    (void)state;
    assert_int_equal(load("LECTERN_MESSAGE_MAX=1048576", "LECTERN_QUEUE_MAX=2097152", NULL, NULL),
                     0);
    assert_int_equal(load("LECTERN_MESSAGE_MAX=1048576", "LECTERN_QUEUE_MAX=2097151", NULL, NULL),
                     -1);
    assert_non_null(strstr(error, "LECTERN_QUEUE_MAX=\"2097151\""));
    assert_non_null(strstr(error, "LECTERN_MESSAGE_MAX"));
    assert_int_equal(load("LECTERN_MESSAGE_MAX=1048576", NULL, NULL, NULL), -1);
}

static void unknown_names_are_refused(void **state)
{
    (void)state;
    assert_int_equal(load("LECTERN_LISTN=0.0.0.0:1", NULL, NULL, NULL), -1);
    assert_non_null(strstr(error, "LECTERN_LISTN "));
    assert_non_null(strstr(error, "did you mean LECTERN_LISTEN?"));
    assert_int_equal(load("LECTERN_JWT_SECERT=hunter2hunter2", NULL, NULL, NULL), -1);
    assert_non_null(strstr(error, "LECTERN_JWT_SECRET"));
    assert_null(strstr(error, "hunter2"));
    assert_int_equal(load("LECTERN_COLOUR=red", NULL, NULL, NULL), -1);
    assert_non_null(strstr(error, "LECTERN_COLOUR"));
    assert_null(strstr(error, "did you mean"));
    assert_int_equal(load("LECTERN_=", NULL, NULL, NULL), -1);
    assert_int_equal(load("LECTERN_PING_S_=5", NULL, NULL, NULL), -1);
    assert_int_equal(load("LECTERN_PING", NULL, NULL, NULL), -1);
    char name[300];
    memset(name, 'A', sizeof name);
    memcpy(name, "LECTERN_", 8);
    memcpy(name + sizeof name - 3, "=1", 3);
    assert_int_equal(load(name, NULL, NULL, NULL), -1);
}

static void long_values_are_cut_in_errors(void **state)
{
    (void)state;
    char entry[2000] = "LECTERN_PING_S=";
    memset(entry + 15, '9', sizeof entry - 16);
    entry[sizeof entry - 1] = '\0';
    assert_int_equal(load(entry, NULL, NULL, NULL), -1);
    assert_non_null(strstr(error, "allowed: 1 to 3600"));
}

/* What --help says, in memory. */
static char *help(void)
{
    char *text = NULL;
    size_t len;
    FILE *out = open_memstream(&text, &len);
    assert_non_null(out);
    config_help(out);
    fclose(out);
    return text;
}

/* Takes the blanks out: a list may be broken behind a comma. */
static char *squeeze(char *text)
{
    char *to = text;
    for (const char *p = text; *p; p++) {
        if (*p != ' ') {
            *to++ = *p;
        }
    }
    *to = '\0';
    return text;
}

static void check_in_help(const char *key, const char *fallback, const char *allowed,
                          const char *meaning, void *arg)
{
    char wanted[256];
    char flat[32768];
    size_t n = 0;
    (void)meaning;
    /* Undo the wrapping: any run of blanks and line ends is one blank. */
    for (const char *p = arg; *p; p++) {
        bool blank = *p == ' ' || *p == '\n';
        if (!blank || n == 0 || flat[n - 1] != ' ') {
            flat[n++] = (char)(blank ? ' ' : *p);
        }
        assert_true(n < sizeof flat);
    }
    flat[n] = '\0';
    snprintf(wanted, sizeof wanted, " %s ", key);
    assert_non_null(strstr(flat, wanted));
    snprintf(wanted, sizeof wanted, "[%s%s%s]", allowed, *fallback ? "; default " : "", fallback);
    assert_non_null(strstr(squeeze(strstr(flat, key)), squeeze(wanted)));
}

static void feed_channels(void **state)
{
    (void)state;
    good("LECTERN_FEED_CHANNELS=");
    assert_string_equal(config.feed_channels[0], "community_monitor");
    assert_string_equal(config.feed_channels[5], "fake_scan_monitor");
    assert_null(config.feed_channels[6]);
    good("LECTERN_FEED_CHANNELS=a:b, X-1_2.z");
    assert_string_equal(config.feed_channels[0], "a:b");
    assert_string_equal(config.feed_channels[1], "X-1_2.z");
    assert_null(config.feed_channels[2]);
    good("LECTERN_FEED_CHANNELS=rooms,roommates,feedback,pong2");
    const char *const wrong[] = {
        "LECTERN_FEED_CHANNELS=a,",
        "LECTERN_FEED_CHANNELS=,a",
        "LECTERN_FEED_CHANNELS=a,,b",
        "LECTERN_FEED_CHANNELS=a b",
        "LECTERN_FEED_CHANNELS=a,b,a",
        "LECTERN_FEED_CHANNELS=*",
        "LECTERN_FEED_CHANNELS=a/b",
        "LECTERN_FEED_CHANNELS=room:FTYXPM",
        "LECTERN_FEED_CHANNELS=server:a",
        "LECTERN_FEED_CHANNELS=user:t1",
        "LECTERN_FEED_CHANNELS=account:t1",
        "LECTERN_FEED_CHANNELS=a,feed:b",
        "LECTERN_FEED_CHANNELS=welcome",
        "LECTERN_FEED_CHANNELS=dropped",
        "LECTERN_FEED_CHANNELS=gap",
        "LECTERN_FEED_CHANNELS=error",
        "LECTERN_FEED_CHANNELS=pong",
        "LECTERN_FEED_CHANNELS=caf\xc3\xa9",
        "LECTERN_FEED_PUBLIC=2",
        "LECTERN_FEED_PUBLIC=yes",
        "LECTERN_FEED_LOG=0",
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        bad(wrong[i]);
    }
    char list[1024] = "LECTERN_FEED_CHANNELS=c0";
    for (int i = 1; i < CONFIG_FEED_CHANNELS_MAX; i++) {
        size_t len = strlen(list);
        snprintf(list + len, sizeof list - len, ",c%d", i);
    }
    good(list);
    strcat(list, ",one_more");
    assert_int_not_equal(load(list, NULL, NULL, NULL), 0);
    assert_non_null(strstr(error, "too many"));
    char name[128];
    snprintf(name, sizeof name, "LECTERN_FEED_CHANNELS=%064d", 0);
    good(name);
    snprintf(name, sizeof name, "LECTERN_FEED_CHANNELS=%065d", 0);
    bad(name);
}

static void help_fits_a_terminal(void **state)
{
    (void)state;
    char *text = help();
    const char *line = text;
    assert_true(strlen(text) > 1000);
    while (*line) {
        size_t len = strcspn(line, "\n");
        if (len > 100) {
            fail_msg("too long: %.*s", (int)len, line);
        }
        assert_true(len == 0 || line[len - 1] != ' ');
        line += len + 1;
    }
    config_each(check_in_help, text);
    free(text);
}

struct docs {
    char text[65536];
    size_t keys;
};

static void check_in_docs(const char *key, const char *fallback, const char *allowed,
                          const char *meaning, void *arg)
{
    struct docs *docs = arg;
    char row[512];
    const char *tick = *fallback ? "`" : "";
    const char *blank = *fallback ? " " : "";
    snprintf(row, sizeof row, "\n| `%s` | %s%s%s%s| %s | %s |\n", key, tick, fallback, tick, blank,
             allowed, meaning);
    if (!strstr(docs->text, row)) {
        fail_msg("docs/config.md has not this line:%s", row);
    }
    docs->keys++;
}

/* Run from the top of the tree, as `make test` does. */
static void the_docs_have_the_same_table(void **state)
{
    (void)state;
    static struct docs docs;
    FILE *file = fopen("docs/config.md", "re");
    assert_non_null(file);
    size_t n = fread(docs.text, 1, sizeof docs.text - 1, file);
    fclose(file);
    docs.text[n] = '\0';
    config_each(check_in_docs, &docs);
    size_t rows = 0;
    for (const char *p = docs.text; (p = strstr(p, "\n| `LECTERN_")); p++) {
        rows++;
    }
    assert_int_equal(rows, docs.keys);
}

static void count_key(const char *key, const char *fallback, const char *allowed,
                      const char *meaning, void *arg)
{
    size_t *count = arg;
    assert_true(strncmp(key, "LECTERN_", 8) == 0);
    assert_non_null(fallback);
    assert_true(*allowed);
    assert_int_equal(meaning[strlen(meaning) - 1], '.');
    /* Every default is a value that one could give. */
    char entry[256];
    snprintf(entry, sizeof entry, "%s=%s", key, fallback);
    good(entry);
    ++*count;
}

static void every_default_is_allowed(void **state)
{
    (void)state;
    size_t count = 0;
    config_each(count_key, &count);
    assert_true(count >= 30);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults),
        cmocka_unit_test(an_empty_value_is_not_set),
        cmocka_unit_test(the_first_of_two_counts),
        cmocka_unit_test(numbers),
        cmocka_unit_test(rates),
        cmocka_unit_test(listen_addresses),
        cmocka_unit_test(redis_urls),
        cmocka_unit_test(store_urls),
        cmocka_unit_test(secrets),
        cmocka_unit_test(algorithms),
        cmocka_unit_test(signups_and_roles),
        cmocka_unit_test(claim_names),
        cmocka_unit_test(origins),
        cmocka_unit_test(proxies),
        cmocka_unit_test(other_types),
        cmocka_unit_test(control_characters_are_refused),
        cmocka_unit_test(the_queue_holds_two_messages),
        cmocka_unit_test(unknown_names_are_refused),
        cmocka_unit_test(long_values_are_cut_in_errors),
        cmocka_unit_test(feed_channels),
        cmocka_unit_test(help_fits_a_terminal),
        cmocka_unit_test(the_docs_have_the_same_table),
        cmocka_unit_test(every_default_is_allowed),
    };
    return cmocka_run_group_tests(tests, NULL, tear_down);
}
