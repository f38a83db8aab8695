/* The opening handshake's texts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "ws/deflate.h"
#include "ws/handshake.h"

#define PLAIN_ANSWER "permessage-deflate; server_no_context_takeover; client_no_context_takeover"
#define WINDOW_ANSWER PLAIN_ANSWER "; server_max_window_bits=12"

static void test_accept_key(void **unused)
{
    (void)unused;
    char accept[WS_ACCEPT_SIZE];
    ws_accept_key("dGhlIHNhbXBsZSBub25jZQ==", accept); /* RFC 6455 1.3 */
    assert_string_equal(accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    ws_accept_key("x3JJHMbDL1EzLkh9GBhXDw==", accept);
    assert_string_equal(accept, "HSmrc0sMlYUkAGmm5OPpG2HaGWk=");
}

static void test_key_valid(void **unused)
{
    (void)unused;
    assert_true(ws_key_valid("dGhlIHNhbXBsZSBub25jZQ=="));
    assert_true(ws_key_valid("++++++++++/////////0AA=="));
    assert_true(ws_key_valid("AAAAAAAAAAAAAAAAAAAAAA=="));
    assert_false(ws_key_valid(NULL));
    assert_false(ws_key_valid(""));
    assert_false(ws_key_valid("dGhlIHNhbXBsZSBub25jZQ="));
    assert_false(ws_key_valid("dGhlIHNhbXBsZSBub25jZQ"));
    assert_false(ws_key_valid("dGhlIHNhbXBsZSBub25jZQ==="));
    assert_false(ws_key_valid("dGhlIHNhbXBsZSBub25jZWE=")); /* 17 bytes */
    assert_false(ws_key_valid("dGhlIHNhbXBsZSBub25jZWFh")); /* 18 bytes */
    assert_false(ws_key_valid("dGhlIHNhbXBsZSBub25j=Q=="));
    assert_false(ws_key_valid("dGhlIHNhbXBsZSBub25j-Q=="));
    assert_false(ws_key_valid("dGhlIHNhbXBsZSBub25 ZQ=="));
    assert_false(ws_key_valid(" GhlIHNhbXBsZSBub25jZQ=="));
}

/* Joins the tokens of a list with '|', and '!' where it is malformed. */
static const char *tokens_of(const char *list)
{
    static char text[256];
    const char *token;
    size_t len;
    int result;
    text[0] = '\0';
    while ((result = ws_next_token(&list, &token, &len)) > 0) {
        strncat(text, token, len);
        strcat(text, "|");
    }
    if (result < 0)
        strcat(text, "!");
    assert_string_equal(list, ""); /* nothing is left in either case */
    assert_int_equal(ws_next_token(&list, &token, &len), 0);
    return text;
}

static void test_next_token(void **unused)
{
    (void)unused;
    assert_string_equal(tokens_of(""), "");
    assert_string_equal(tokens_of(" \t, ,"), "");
    assert_string_equal(tokens_of("chat"), "chat|");
    assert_string_equal(tokens_of("lectern.v1, bearer.eyJh_b-C.d.e"),
                        "lectern.v1|bearer.eyJh_b-C.d.e|");
    assert_string_equal(tokens_of("a,b,c"), "a|b|c|");
    assert_string_equal(tokens_of("  a\t, ,,b ,"), "a|b|");
    assert_string_equal(tokens_of("!#$%&'*+-.^_`|~09azAZ"), "!#$%&'*+-.^_`|~09azAZ|");
    assert_string_equal(tokens_of("a b"), "!");
    assert_string_equal(tokens_of("a, b=c, d"), "a|!");
    assert_string_equal(tokens_of("a, \"b\""), "a|!");
    assert_string_equal(tokens_of("a; b"), "!");
    assert_string_equal(tokens_of("a, 한글"), "a|!");
    assert_string_equal(tokens_of("a\r\n"), "!");
}

static void test_list_has(void **unused)
{
    (void)unused;
    assert_true(ws_list_has("Upgrade", "upgrade"));
    assert_true(ws_list_has("keep-alive, Upgrade", "Upgrade"));
    assert_true(ws_list_has("keep-alive,UPGRADE , x", "upgrade"));
    assert_true(ws_list_has("upgrade, upgrade", "upgrade"));
    assert_false(ws_list_has(NULL, "upgrade"));
    assert_false(ws_list_has("", "upgrade"));
    assert_false(ws_list_has("keep-alive", "upgrade"));
    assert_false(ws_list_has("upgrades", "upgrade"));
    assert_false(ws_list_has("upgrad", "upgrade"));
    assert_false(ws_list_has("keep-alive Upgrade", "upgrade"));
    assert_false(ws_list_has("Upgrade, \"", "upgrade"));
}

static void answers(const char *offers, const char *expected)
{
    char response[WS_EXTENSION_SIZE] = "untouched";
    bool found = ws_offer_deflate(offers, response);
    if (found != (expected != NULL))
        fail_msg("'%s' is %s", offers ? offers : "NULL", found ? "answered" : "not answered");
    assert_string_equal(response, expected ? expected : "untouched");
}

static void test_offers_of_clients(void **unused)
{
    (void)unused;
    answers("permessage-deflate", PLAIN_ANSWER);
    answers("permessage-deflate; client_max_window_bits", PLAIN_ANSWER);
    answers("permessage-deflate; server_max_window_bits=12; client_max_window_bits=12",
            WINDOW_ANSWER);
    answers("permessage-deflate;client_max_window_bits;server_max_window_bits=15", WINDOW_ANSWER);
    answers("permessage-deflate; server_no_context_takeover; client_no_context_takeover",
            PLAIN_ANSWER);
    answers("x-webkit-deflate-frame", NULL);
    answers(NULL, NULL);
    answers("", NULL);
    answers(" , ", NULL);
}

static void test_offer_parameters(void **unused)
{
    (void)unused;
    static const struct {
        const char *parameters;
        const char *answer;
    } rows[] = {
        {"server_no_context_takeover", PLAIN_ANSWER},
        {"client_no_context_takeover", PLAIN_ANSWER},
        {"server_no_context_takeover=1", NULL},
        {"client_no_context_takeover=true", NULL},
        {"server_no_context_takeover; server_no_context_takeover", NULL},
        {"client_no_context_takeover; client_no_context_takeover", NULL},
        {"server_max_window_bits", NULL},
        {"server_max_window_bits=7", NULL},
        {"server_max_window_bits=8", NULL},
        {"server_max_window_bits=9", NULL},
        {"server_max_window_bits=11", NULL},
        {"server_max_window_bits=12", WINDOW_ANSWER},
        {"server_max_window_bits=13", WINDOW_ANSWER},
        {"server_max_window_bits=15", WINDOW_ANSWER},
        {"server_max_window_bits=16", NULL},
        {"server_max_window_bits=012", NULL},
        {"server_max_window_bits=+12", NULL},
        {"server_max_window_bits=1", NULL},
        {"server_max_window_bits=120000000000000000000000", NULL},
        {"server_max_window_bits=15; server_max_window_bits=15", NULL},
        {"client_max_window_bits=8", PLAIN_ANSWER},
        {"client_max_window_bits=15", PLAIN_ANSWER},
        {"client_max_window_bits=7", NULL},
        {"client_max_window_bits=16", NULL},
        {"client_max_window_bits=08", NULL},
        {"client_max_window_bits=x", NULL},
        {"client_max_window_bits; client_max_window_bits=10", NULL},
        {"unknown", NULL},
        {"unknown=1", NULL},
        {"Server_No_Context_Takeover", NULL},
        {"server_no_context_takeove", NULL},
        {"server_no_context_takeovers", NULL},
        {"server_max_window_bits=\"14\"", WINDOW_ANSWER},
        {"server_max_window_bits=\"1\\4\"", WINDOW_ANSWER},
        {"server_max_window_bits=\"8\"", NULL},
        {"client_max_window_bits = \"10\" ; client_no_context_takeover", PLAIN_ANSWER},
        {"server_max_window_bits \t= 15", WINDOW_ANSWER},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char offers[256];
        snprintf(offers, sizeof offers, "permessage-deflate; %s", rows[i].parameters);
        answers(offers, rows[i].answer);
        snprintf(offers, sizeof offers, "permessage-deflate;%s,other", rows[i].parameters);
        answers(offers, rows[i].answer);
        /* An offer that is passed over leaves the next one its chance. */
        snprintf(offers, sizeof offers, "foo; bar=1, permessage-deflate; %s, permessage-deflate",
                 rows[i].parameters);
        answers(offers, rows[i].answer ? rows[i].answer : PLAIN_ANSWER);
    }
}

/* The first that can be met counts (RFC 7692 5.1). */
static void test_offer_order(void **unused)
{
    (void)unused;
    answers("permessage-deflate; server_max_window_bits=10, "
            "permessage-deflate; server_max_window_bits=14, permessage-deflate",
            WINDOW_ANSWER);
    answers("permessage-deflate, permessage-deflate; server_max_window_bits=14", PLAIN_ANSWER);
    answers("permessage-bzip2, foo; a; b=\"c\",, permessage-deflate ,", PLAIN_ANSWER);
    answers("permessage-deflate; server_max_window_bits=10, permessage-deflate; huh", NULL);
}

/* RFC 6455 9.1: a header that does not follow the grammar is not answered, wherever it breaks. */
static void test_malformed_offers(void **unused)
{
    (void)unused;
    static const char *const broken[] = {
        "permessage-deflate;",
        "permessage-deflate; ;client_max_window_bits",
        "permessage-deflate; =15",
        "permessage-deflate; server_max_window_bits=",
        "permessage-deflate; server_max_window_bits=\"\"",
        "permessage-deflate; server_max_window_bits=\"15",
        "permessage-deflate; server_max_window_bits=\"15\\",
        "permessage-deflate; server_max_window_bits=\"1 5\"",
        "permessage-deflate; server_max_window_bits=\"15\"x",
        "permessage-deflate; server_max_window_bits=15=15",
        "permessage-deflate; server_max_window_bits==15",
        "permessage-deflate; server_max_window_bits 15",
        "permessage-deflate client_max_window_bits",
        "permessage-deflate=1",
        "; client_max_window_bits",
        "=",
        "\"permessage-deflate\"",
        "permessage-deflate\\",
        "permessage-deflate/1",
        "permessage-deflate; 한글",
        "permessage-deflate\r\n",
    };
    for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
        char offers[256];
        answers(broken[i], NULL);
        snprintf(offers, sizeof offers, "permessage-deflate, %s", broken[i]);
        answers(offers, NULL);
    }
}

static void test_response(void **unused)
{
    (void)unused;
    static const char *const bare = "HTTP/1.1 101 Switching Protocols\r\n"
                                    "Upgrade: websocket\r\n"
                                    "Connection: Upgrade\r\n"
                                    "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
                                    "\r\n";
    static const char *const full = "HTTP/1.1 101 Switching Protocols\r\n"
                                    "Upgrade: websocket\r\n"
                                    "Connection: Upgrade\r\n"
                                    "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
                                    "Sec-WebSocket-Protocol: lectern.v1\r\n"
                                    "Sec-WebSocket-Extensions: permessage-deflate\r\n"
                                    "\r\n";
    static const char *const accept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";
    char out[512];
    assert_int_equal(ws_handshake_response(out, sizeof out, accept, NULL, NULL), strlen(bare));
    assert_string_equal(out, bare);
    assert_int_equal(
        ws_handshake_response(out, sizeof out, accept, "lectern.v1", "permessage-deflate"),
        strlen(full));
    assert_string_equal(out, full);
    assert_int_equal(ws_handshake_response(out, strlen(bare) + 1, accept, NULL, NULL),
                     strlen(bare));
    assert_int_equal(ws_handshake_response(out, strlen(bare), accept, NULL, NULL), 0);
    assert_int_equal(ws_handshake_response(NULL, 0, accept, NULL, NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_accept_key),        cmocka_unit_test(test_key_valid),
        cmocka_unit_test(test_next_token),        cmocka_unit_test(test_list_has),
        cmocka_unit_test(test_offers_of_clients), cmocka_unit_test(test_offer_parameters),
        cmocka_unit_test(test_offer_order),       cmocka_unit_test(test_malformed_offers),
        cmocka_unit_test(test_response),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
