/* Log lines, as they come out of the standard error descriptor. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/log.h"

static int ends[2];
static int real_stderr;

/* From here on standard error is a pipe. */
static void capture(void)
{
    assert_int_equal(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
    real_stderr = dup(STDERR_FILENO);
    dup2(ends[1], STDERR_FILENO);
}

/* Ends it and returns what was written. */
static const char *captured(void)
{
    static char text[65536];
    dup2(real_stderr, STDERR_FILENO);
    close(real_stderr);
    close(ends[1]);
    ssize_t n = read(ends[0], text, sizeof text - 1);
    close(ends[0]);
    text[n > 0 ? n : 0] = '\0';
    return text;
}

/* What stands behind "<time> <level> <module>: " in the only line there is. */
static const char *text_of(const char *line)
{
    const char *colon = strstr(line, ": ");
    assert_non_null(colon);
    assert_ptr_equal(strchr(line, '\n'), line + strlen(line) - 1);
    return colon + 2;
}

static void a_line_has_time_level_module_and_text(void **state)
{
    (void)state;
    capture();
    time_t before = time(NULL);
    log_info("room", "room:%s has %d members", "FTYXPM", 3);
    const char *line = captured();
    int ms, used = 0;
    struct tm tm = {0};
    const char *rest = strptime(line, "%Y-%m-%dT%H:%M:%S", &tm);
    assert_non_null(rest);
    assert_int_equal(sscanf(rest, ".%3dZ%n", &ms, &used), 1);
    assert_int_equal(used, 5);
    assert_true(llabs(timegm(&tm) - before) <= 2);
    assert_string_equal(rest + used, " info  room: room:FTYXPM has 3 members\n");
}

static void levels_are_obeyed(void **state)
{
    (void)state;
    static const struct {
        enum log_level threshold;
        const char *levels; /* of the lines that come out */
    } cases[] = {
        {LOG_LEVEL_ERROR, "e"},
        {LOG_LEVEL_WARN, "ew"},
        {LOG_LEVEL_INFO, "ewi"},
        {LOG_LEVEL_DEBUG, "ewid"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        capture();
        log_set_level(cases[i].threshold);
        log_error("m", "x");
        log_warn("m", "x");
        log_info("m", "x");
        log_debug("m", "x");
        const char *line = captured();
        char levels[8] = "";
        for (size_t n = 0; *line && n < 7; n++) {
            levels[n] = line[25]; /* behind "2024-11-20T08:00:00.123Z " */
            levels[n + 1] = '\0';
            line = strchr(line, '\n') + 1;
        }
        assert_string_equal(levels, cases[i].levels);
        assert_true(log_enabled(cases[i].threshold));
        assert_int_equal(log_enabled(LOG_LEVEL_DEBUG), cases[i].threshold == LOG_LEVEL_DEBUG);
    }
    log_set_level(LOG_LEVEL_INFO);
}

static void names_of_levels(void **state)
{
    (void)state;
    enum log_level level;
    assert_true(log_level_parse("error", &level) && level == LOG_LEVEL_ERROR);
    assert_true(log_level_parse("warn", &level) && level == LOG_LEVEL_WARN);
    assert_true(log_level_parse("info", &level) && level == LOG_LEVEL_INFO);
    assert_true(log_level_parse("debug", &level) && level == LOG_LEVEL_DEBUG);
    assert_false(log_level_parse("", &level));
    assert_false(log_level_parse("INFO", &level));
    assert_false(log_level_parse("info ", &level));
}

static void check_cleaned(const char *given, const char *expected)
{
    capture();
    log_info("m", "%s", given);
    const char *text = text_of(captured());
    assert_int_equal(strlen(text), strlen(expected) + 1);
    assert_memory_equal(text, expected, strlen(expected));
}

static void nothing_can_forge_a_line(void **state)
{
    (void)state;
    check_cleaned("a\nb\r\nc", "a?b??c");
    check_cleaned("\x1b[31mred\x7f\t", "?[31mred??");
    check_cleaned("\xc2\x9b"
                  "31m",
                  "??31m"); /* CSI as C1 */
    check_cleaned("a\xc2\x85"
                  "b",
                  "a??b"); /* next line */
    check_cleaned("\xe2\x80\xa8\xe2\x80\xa9", "??????");
    check_cleaned("\xe2\x80\xaa\xe2\x80\xae\xe2\x81\xa6\xe2\x81\xa9", "????????????");
    check_cleaned("\xe2\x80\xa7\xe2\x80\xaf\xe2\x81\xa5\xe2\x81\xaa",
                  "\xe2\x80\xa7\xe2\x80\xaf\xe2\x81\xa5\xe2\x81\xaa");
    check_cleaned("\x9b\xff\xc0\x8a", "????"); /* not UTF-8 */
    check_cleaned("\xea\xb0", "??");           /* cut off */
    check_cleaned("김민수 é \xf0\x9f\x98\x80", "김민수 é \xf0\x9f\x98\x80");
    check_cleaned("", "");
}

static void long_lines_are_cut_between_characters(void **state)
{
    (void)state;
    static char given[9000];
    for (size_t i = 0; i + 3 < sizeof given; i += 3) {
        memcpy(given + i, "김", 3);
    }
    for (int shift = 0; shift < 3; shift++) {
        capture();
        log_info("m", "%.*s%s", shift, "ab", given);
        const char *line = captured();
        const char *text = text_of(line);
        size_t len = strlen(text);
        assert_in_range(strlen(line), 2040, 2048);
        assert_memory_equal(text + len - 4, "...\n", 4);
        assert_int_equal((len - 4 - (size_t)(shift < 2 ? shift : 2)) % 3, 0);
        assert_null(memchr(text, '?', len));
    }
}

static void errno_is_kept(void **state)
{
    (void)state;
    int before = dup(STDERR_FILENO);
    close(STDERR_FILENO);
    errno = EAGAIN;
    log_error("m", "nobody sees this");
    int after = errno;
    dup2(before, STDERR_FILENO);
    close(before);
    assert_int_equal(after, EAGAIN);
}

static void *write_lines(void *arg)
{
    for (int i = 0; i < 50; i++) {
        log_info("thread", "%s %d %0100d", (const char *)arg, i, 0);
    }
    return NULL;
}

static void lines_of_threads_do_not_mix(void **state)
{
    (void)state;
    pthread_t threads[3];
    static const char *const names[] = {"a", "b", "c"};
    capture();
    for (int i = 0; i < 3; i++) {
        pthread_create(&threads[i], NULL, write_lines, (void *)names[i]);
    }
    for (int i = 0; i < 3; i++) {
        pthread_join(threads[i], NULL);
    }
    const char *line = captured();
    int next[3] = {0};
    while (*line) {
        char who;
        int i;
        assert_int_equal(sscanf(line, "%*s info thread: %c %d 0", &who, &i), 2);
        assert_int_equal(i, next[who - 'a']++);
        line = strchr(line, '\n') + 1;
    }
    assert_int_equal(next[0] + next[1] + next[2], 150);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_has_time_level_module_and_text),
        cmocka_unit_test(levels_are_obeyed),
        cmocka_unit_test(names_of_levels),
        cmocka_unit_test(nothing_can_forge_a_line),
        cmocka_unit_test(long_lines_are_cut_between_characters),
        cmocka_unit_test(errno_is_kept),
        cmocka_unit_test(lines_of_threads_do_not_mix),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
