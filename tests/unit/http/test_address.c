/* Addresses, ranges, X-Forwarded-For, and origins. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "http/address.h"
#include "http/origin.h"

static struct address parsed(const char *text)
{
    struct address address;
    assert_true(address_parse(span_of(text), &address));
    return address;
}

static void check_text(const char *text, const char *expected)
{
    char out[ADDRESS_TEXT_SIZE];
    struct address address = parsed(text);
    address_write(&address, out);
    assert_string_equal(out, expected);
}

static void addresses_are_read_as_proxies_write_them(void **state)
{
    struct address address;
    (void)state;
    check_text("192.0.2.7", "192.0.2.7");
    check_text("192.0.2.7:4711", "192.0.2.7");
    check_text("2001:DB8::1", "2001:db8::1");
    check_text("[2001:db8::1]", "2001:db8::1");
    check_text("[2001:db8::1]:4711", "2001:db8::1");
    check_text("::ffff:192.0.2.7", "192.0.2.7");
    static const char *const bad[] = {
        "",       "unknown",   "192.0.2",      "192.0.2.256",       "_hidden", "[::1",
        "[::1]x", "1.2.3.4 5", "fe80::1%eth0", "192.0.2.7.example", ":::"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_false(address_parse(span_of(bad[i]), &address));
    }
    assert_false(address_parse((struct span){"1.2.3.4\0x", 9}, &address));
}

static bool in(const char *address, const char *range)
{
    struct address_range parsed_range;
    struct address a = parsed(address);
    assert_true(address_range_parse(range, &parsed_range));
    return address_in(&a, &parsed_range, 1);
}

static void ranges_have_their_bits(void **state)
{
    struct address_range range;
    (void)state;
    assert_true(in("10.1.2.3", "10.1.2.3"));
    assert_false(in("10.1.2.4", "10.1.2.3"));
    assert_true(in("10.255.0.1", "10.0.0.0/8"));
    assert_false(in("11.0.0.1", "10.0.0.0/8"));
    assert_true(in("172.31.255.255", "172.16.0.0/12"));
    assert_false(in("172.32.0.0", "172.16.0.0/12"));
    assert_true(in("1.2.3.4", "0.0.0.0/0"));
    assert_false(in("2001:db8::1", "0.0.0.0/0"));
    assert_true(in("2001:db8::1", "2001:db8::/32"));
    assert_false(in("2001:db9::1", "2001:db8::/32"));
    assert_true(in("10.1.2.129", "10.1.2.128/25"));
    assert_false(in("10.1.2.127", "10.1.2.128/25"));
    static const char *const bad[] = {"10.0.0.0/33", "10.0.0.0/", "10.0.0.0/-1", "10.0.0.0/8x",
                                      "host/8",      "::/129",    "10.0.0.0/ 8"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_false(address_range_parse(bad[i], &range));
    }
}

static void check_client(const char *peer, const char *forwarded, const char *expected)
{
    struct address_range trusted[2];
    char out[ADDRESS_TEXT_SIZE];
    struct address from = parsed(peer);
    assert_true(address_range_parse("10.0.0.0/8", &trusted[0]));
    assert_true(address_range_parse("127.0.0.1", &trusted[1]));
    struct address client = address_client(&from, forwarded, trusted, 2);
    address_write(&client, out);
    assert_string_equal(out, expected);
}

static void only_trusted_proxies_are_believed(void **state)
{
    (void)state;
    check_client("192.0.2.1", "198.51.100.9", "192.0.2.1");
    check_client("192.0.2.1", NULL, "192.0.2.1");
    check_client("127.0.0.1", NULL, "127.0.0.1");
    check_client("127.0.0.1", "", "127.0.0.1");
    check_client("127.0.0.1", "198.51.100.9", "198.51.100.9");
    check_client("127.0.0.1", " 198.51.100.9 ", "198.51.100.9");
    check_client("127.0.0.1", "2001:db8::5", "2001:db8::5");
    /* What the client itself put there stands to the left of what proxies have added. */
    check_client("127.0.0.1", "1.1.1.1, 198.51.100.9", "198.51.100.9");
    check_client("127.0.0.1", "1.1.1.1, 198.51.100.9, 10.0.0.7", "198.51.100.9");
    check_client("127.0.0.1", "10.0.0.1, 10.0.0.7", "10.0.0.1");
    check_client("127.0.0.1", "unknown, 10.0.0.7", "10.0.0.7");
    check_client("127.0.0.1", "198.51.100.9, garbage", "127.0.0.1");
    check_client("127.0.0.1", "198.51.100.9,,", "127.0.0.1");
}

static void origins_are_own_or_listed(void **state)
{
    char school[] = "https://school.example";
    char port[] = "http://localhost:5173";
    char *const list[] = {school, port, NULL};
    char *const none[] = {NULL};
    (void)state;
    assert_true(origin_allowed(NULL, "a", none));
    assert_true(origin_allowed("http://class.example:8080", "class.example:8080", none));
    assert_true(origin_allowed("https://Class.example", "class.EXAMPLE", none));
    assert_true(origin_allowed("https://school.example", "class.example", list));
    assert_true(origin_allowed("http://localhost:5173", "localhost:8080", list));
    assert_false(origin_allowed("http://school.example", "class.example", list));
    assert_false(origin_allowed("https://school.example.evil", "class.example", list));
    assert_false(origin_allowed("http://class.example", "class.example:8080", none));
    assert_false(origin_allowed("null", "null", none));
    assert_false(origin_allowed("", "", none));
    assert_false(origin_allowed("http://", "", none));
    assert_false(origin_allowed("ftp://class.example", "class.example", none));
    assert_false(origin_allowed("http://class.example", NULL, none));
    assert_false(origin_allowed("http://class.example/", "class.example", none));
    assert_true(origin_listed(school, list));
    assert_false(origin_listed("http://class.example", NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_are_read_as_proxies_write_them),
        cmocka_unit_test(ranges_have_their_bits),
        cmocka_unit_test(only_trusted_proxies_are_believed),
        cmocka_unit_test(origins_are_own_or_listed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
