/* PostgreSQL's URLs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "store/postgres_url.h"

static void which_may_be_used(void **state)
{
    (void)state;
    static const char *const good[] = {
        "postgresql://host/db",
        "postgres://host/db",
        "postgresql://user@host:5433/db",
        "postgresql://user:p%40ss%2Fw%3Ard@host:5433/db?sslmode=require",
        "postgresql://[::1]:5433/db",
        "postgresql://a,b:5433,10.0.0.1/db",
        "postgresql:///db?host=/var/run/postgresql",
        "postgresql://user@%2Fvar%2Frun%2Fpostgresql/db",
        "postgresql://host/lectern-test_1",
    };
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_null(postgres_url_check(good[i]));
    }
    static const char *const bad[] = {
        "postgresql://",
        "postgresql://host",
        "postgresql://host/",
        "postgresql://user:secret@secret@host/db",
        "postgresql://user:pass/secret@host/db",
        "postgresql://user:12/secret@host/db",
        "postgresql://user:sec:ret/secret",
        "postgresql://user:p%zzsecret@host/db",
        "postgresql://user:secret@host:port/db",
        "postgresql://user:secret@[host/db",
        "postgresql://user:secret@host/db?unknown=secret",
        "postgresql://host/dbname=secret",
        "sqlite:secret",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        const char *wrong = postgres_url_check(bad[i]);
        assert_non_null(wrong);
        assert_null(strstr(wrong, "secret"));
    }
}

/* The hosts as "host:port host:port". */
static const char *hosts_of(const char *url)
{
    static char text[1024];
    struct postgres_hosts hosts;
    postgres_url_hosts(url, &hosts);
    text[0] = '\0';
    for (size_t i = 0; i < hosts.count; i++) {
        size_t len = strlen(text);
        snprintf(text + len, sizeof text - len, "%s%s:%s", i ? " " : "", hosts.list[i].host,
                 hosts.list[i].port);
    }
    return text;
}

/* None without a port: beside a host libpq would take "" for the URL's own list of ports. */
static void the_hosts_in_order(void **state)
{
    (void)state;
    assert_int_equal(unsetenv("PGPORT"), 0);
    assert_string_equal(hosts_of("postgresql://a/db"), "a:5432");
    assert_string_equal(hosts_of("postgresql://a:1/db"), "a:1");
    assert_string_equal(hosts_of("postgresql://a,b/db"), "a:5432 b:5432");
    assert_string_equal(hosts_of("postgresql://a:1,b:2,c/db"), "a:1 b:2 c:5432");
    assert_string_equal(hosts_of("postgresql://a,b:2/db"), "a:5432 b:2");
    assert_string_equal(hosts_of("postgresql://[::1]:1,b:65535/db"), "::1:1 b:65535");
    assert_string_equal(hosts_of("postgresql:///db?host=a,b&port=7"), "a:7 b:7");
    assert_string_equal(hosts_of("postgresql:///db?host=/run/postgresql"), "/run/postgresql:5432");
    assert_string_equal(hosts_of("postgresql://1,2,3,4,5,6,7,8:9/db"),
                        "1:5432 2:5432 3:5432 4:5432 5:5432 6:5432 7:5432 8:9");
}

static void the_environment_has_a_port(void **state)
{
    (void)state;
    assert_int_equal(setenv("PGPORT", "77", 1), 0);
    assert_string_equal(hosts_of("postgresql://a,b:2/db"), "a:77 b:2");
    assert_string_equal(hosts_of("postgresql://a:1/db"), "a:1");
    assert_int_equal(setenv("PGPORT", "1,2", 1), 0);
    assert_string_equal(hosts_of("postgresql://a,b/db"), ""); /* libpq knows how they are meant */
    assert_int_equal(unsetenv("PGPORT"), 0);
}

static void what_is_left_to_libpq(void **state)
{
    (void)state;
    assert_string_equal(hosts_of("postgresql:///db"), "");
    assert_string_equal(hosts_of("postgresql://a/db?hostaddr=10.0.0.1"), "");
    assert_string_equal(hosts_of("postgresql:///db?host=a,b,c&port=1,2"), ""); /* it complains */
    assert_string_equal(hosts_of("postgresql:///db?host=a&port=1,2"), "");
    assert_string_equal(hosts_of("postgresql:///db?host=a,,b"), "");
    assert_string_equal(hosts_of("postgresql://1,2,3,4,5,6,7,8,9/db"), "");
    assert_string_equal(hosts_of("postgresql://a:123456/db"), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(which_may_be_used),
        cmocka_unit_test(the_hosts_in_order),
        cmocka_unit_test(the_environment_has_a_port),
        cmocka_unit_test(what_is_left_to_libpq),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
