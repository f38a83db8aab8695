/* Options of `lectern simulate`, and the addresses among them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "simulate/options.h"

static char error[OPTIONS_ERROR_MAX];
static struct options options;

/* Reads "a b c" as options. */
static enum options_result read_line(const char *line)
{
    static char words[32768];
    static char *argv[64];
    int argc = 0;
    snprintf(words, sizeof words, "simulate %s", line);
    for (char *word = strtok(words, " "); word; word = strtok(NULL, " ")) {
        argv[argc++] = word;
    }
    argv[argc] = NULL;
    error[0] = '\0';
    return options_read(argc, argv, &options, error);
}

static void defaults_fit_together(void **state)
{
    (void)state;
    assert_int_equal(read_line(""), OPTIONS_OK);
    assert_int_equal(options.target_count, 1);
    assert_string_equal(options.targets[0].host, "127.0.0.1");
    assert_int_equal(options.targets[0].port, 8080);
    assert_string_equal(options.targets[0].authority, "127.0.0.1:8080");
    assert_int_equal(options.students, 30);
    assert_int_equal(options.rooms, 1);
    assert_int_equal(options.reconnects, 1);
    assert_string_equal(options.token, "");
    assert_false(options.json);
}

static void all_can_be_set(void **state)
{
    (void)state;
    assert_int_equal(read_line("--students 500 --rooms=20 --seconds 3600 --join-seconds 0 "
                               "--messages-per-s 7 --message-bytes 65536 --answer-every 0 "
                               "--images 0 --reconnects 3 --json --token a.b.c "
                               "--url ws://one:81/ --url http://two"),
                     OPTIONS_OK);
    assert_int_equal(options.students, 500);
    assert_int_equal(options.rooms, 20);
    assert_int_equal(options.seconds, 3600);
    assert_int_equal(options.join_seconds, 0);
    assert_int_equal(options.messages_per_s, 7);
    assert_int_equal(options.message_bytes, 65536);
    assert_int_equal(options.answer_every, 0);
    assert_int_equal(options.images, 0);
    assert_int_equal(options.reconnects, 3);
    assert_true(options.json);
    assert_string_equal(options.token, "a.b.c");
    assert_int_equal(options.target_count, 2);
    assert_string_equal(options.targets[0].host, "one");
    assert_int_equal(options.targets[0].port, 81);
    assert_string_equal(options.targets[1].authority, "two");
    assert_int_equal(options.targets[1].port, 80);
}

static void wrong_ones_are_named(void **state)
{
    static const struct {
        const char *line, *named;
    } cases[] = {
        {"--students 0", "--students is a number from 1 to 20000: 0"},
        {"--students -1", "--students"},
        {"--students 20001", "--students"},
        {"--students 1e3", "--students"},
        {"--students 030", "--students"},
        {"--rooms 0", "--rooms"},
        {"--rooms 31", "31 rooms need at least as many --students"},
        {"--seconds 0", "--seconds"},
        {"--seconds 3601", "--seconds"},
        {"--messages-per-s 1001", "--messages-per-s"},
        {"--message-bytes 65537", "--message-bytes"},
        {"--reconnects 11", "--reconnects"},
        {"--students", "a value is missing: --students"},
        {"--student-count 3", "unknown option"},
        {"-x", "unknown option"},
        {"later", "unexpected argument: later"},
        {"--json yes", "unexpected argument: yes"},
        {"--token a\nb", "that is no token"},
        {"--url", "a value is missing: --url"},
        {"--url u --url u", "--url u"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(read_line(cases[i].line), OPTIONS_BAD);
        if (!strstr(error, cases[i].named)) {
            fail_msg("\"%s\": %s", cases[i].line, error);
        }
    }
}

static void no_more_servers_than_there_is_room_for(void **state)
{
    char line[512] = "";
    (void)state;
    for (int i = 0; i < TARGETS_MAX; i++) {
        strcat(line, "--url http://a ");
    }
    assert_int_equal(read_line(line), OPTIONS_OK);
    strcat(line, "--url http://a");
    assert_int_equal(read_line(line), OPTIONS_BAD);
    assert_non_null(strstr(error, "at most 8 --url"));
}

static void a_token_of_any_length_is_bounded(void **state)
{
    static char line[16384] = "--token ";
    (void)state;
    memset(line + 8, 'x', 8192);
    assert_int_equal(read_line(line), OPTIONS_OK);
    memset(line + 8, 'x', 8193);
    assert_int_equal(read_line(line), OPTIONS_BAD);
}

static void a_token_may_be_in_a_file(void **state)
{
    char path[] = "/tmp/lectern-token-XXXXXX", line[128];
    int fd = mkstemp(path);
    (void)state;
    assert_true(fd >= 0);
    snprintf(line, sizeof line, "--token-file %s", path);
    assert_int_equal(read_line(line), OPTIONS_BAD);
    assert_non_null(strstr(error, "there is nothing in it"));
    assert_int_equal(write(fd, "aa.bb.cc\n", 9), 9);
    assert_int_equal(read_line(line), OPTIONS_OK);
    assert_string_equal(options.token, "aa.bb.cc");
    unlink(path);
    assert_int_equal(read_line(line), OPTIONS_BAD);
    assert_non_null(strstr(error, "No such file"));
    close(fd);
}

static void help_names_every_option(void **state)
{
    static const char *const names[] = {
        "--students",      "--rooms",      "--seconds",    "--join-seconds", "--messages-per-s",
        "--images",        "--token-file", "--reconnects", "--url",          "--answer-every",
        "--message-bytes", "--json",
    };
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    (void)state;
    assert_non_null(out);
    options_help(out);
    fclose(out);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        assert_non_null(strstr(text, names[i]));
    }
    free(text);
    assert_int_equal(read_line("--students 3 --help"), OPTIONS_HELP);
}

static void addresses(void **state)
{
    static const struct {
        const char *url, *host;
        uint16_t port;
    } good[] = {
        {"http://127.0.0.1:8080", "127.0.0.1", 8080},
        {"ws://school.example/", "school.example", 80},
        {"http://[::1]:81", "::1", 81},
        {"http://[fe80::1]", "fe80::1", 80},
        {"http://a_b-c.d:65535", "a_b-c.d", 65535},
    };
    static const char *const bad[] = {
        "",           "127.0.0.1:8080", "ftp://a",    "http://",     "http://:80",
        "http://a:0", "http://a:65536", "http://a:",  "http://a:8o", "http://a/b",
        "http://a?b", "http://a b",     "http://u@a", "http://[::1", "http://[::1]x",
        "http://[]",  "http://a\r\nX:", "http://a//", "http://a/#",
    };
    struct target target;
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_int_equal(target_parse(good[i].url, &target, error), 0);
        assert_string_equal(target.host, good[i].host);
        assert_int_equal(target.port, good[i].port);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        error[0] = '\0';
        assert_int_equal(target_parse(bad[i], &target, error), -1);
        assert_non_null(strstr(error, "--url"));
    }
}

static void tls_is_refused_with_advice(void **state)
{
    static const char *const urls[] = {"https://school.example", "wss://school.example"};
    struct target target;
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(target_parse(urls[i], &target, error), -1);
        assert_non_null(strstr(error, "TLS"));
        assert_non_null(strstr(error, "beside the server"));
    }
}

static void numeric_addresses_need_no_resolver(void **state)
{
    struct target target;
    (void)state;
    assert_int_equal(target_parse("http://127.0.0.1:8080", &target, error), 0);
    assert_int_equal(target_resolve(&target, error), 0);
    assert_int_equal(target.address.ss_family, AF_INET);
    assert_int_equal(target_parse("http://[::1]:8080", &target, error), 0);
    assert_int_equal(target_resolve(&target, error), 0);
    assert_int_equal(target.address.ss_family, AF_INET6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_fit_together),
        cmocka_unit_test(all_can_be_set),
        cmocka_unit_test(wrong_ones_are_named),
        cmocka_unit_test(no_more_servers_than_there_is_room_for),
        cmocka_unit_test(a_token_of_any_length_is_bounded),
        cmocka_unit_test(a_token_may_be_in_a_file),
        cmocka_unit_test(help_names_every_option),
        cmocka_unit_test(addresses),
        cmocka_unit_test(tls_is_refused_with_advice),
        cmocka_unit_test(numeric_addresses_need_no_resolver),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
