/*
 * The texts of the opening handshake.
 *
 * Extension offers are read strictly (RFC 6455 9.1): one syntax error anywhere makes the whole
 * header worthless, while an offer that is merely not for us is passed over for the next.
 */
#include "ws/handshake.h"

#include <openssl/evp.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "ws/deflate.h"

#define WS_GUID "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
#define KEY_LEN 24    /* characters in the base64 form of 16 bytes, two of them padding */
#define VALUE_SIZE 16 /* longest parameter value that can matter, terminated */

static bool is_base64(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' ||
           c == '/';
}

/* tchar of RFC 7230 3.2.6 */
static bool is_token_char(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
           (c != '\0' && strchr("!#$%&'*+-.^_`|~", c));
}

bool ws_key_valid(const char *key)
{
    if (!key || strlen(key) != KEY_LEN || strcmp(key + KEY_LEN - 2, "==") != 0)
        return false;
    for (size_t i = 0; i < KEY_LEN - 2; i++) {
        if (!is_base64(key[i]))
            return false;
    }
    return true;
}

void ws_accept_key(const char *client_key, char out[WS_ACCEPT_SIZE])
{
    char text[KEY_LEN + sizeof WS_GUID];
    int len = snprintf(text, sizeof text, "%.*s" WS_GUID, KEY_LEN, client_key);
    unsigned char digest[SHA_DIGEST_LENGTH];
    SHA1((const unsigned char *)text, (size_t)len, digest);
    EVP_EncodeBlock((unsigned char *)out, digest, sizeof digest);
}

static const char *skip_blanks(const char *p)
{
    return p + strspn(p, " \t");
}

/* Takes a token of at least one character from *p. */
static bool take_token(const char **p, const char **token, size_t *len)
{
    *token = *p;
    while (is_token_char(**p))
        ++*p;
    *len = (size_t)(*p - *token);
    return *len > 0;
}

int ws_next_token(const char **cursor, const char **token, size_t *len)
{
    const char *p = *cursor + strspn(*cursor, " \t,");
    if (*p == '\0') {
        *cursor = p;
        return 0;
    }
    bool taken = take_token(&p, token, len);
    p = skip_blanks(p);
    if (!taken || (*p != ',' && *p != '\0')) {
        *cursor = p + strlen(p);
        return -1;
    }
    *cursor = p;
    return 1;
}

bool ws_list_has(const char *list, const char *token)
{
    if (!list)
        return false;
    const char *item;
    size_t len;
    size_t wanted = strlen(token);
    bool found = false;
    int result;
    while ((result = ws_next_token(&list, &item, &len)) > 0)
        found = found || (len == wanted && strncasecmp(item, token, len) == 0);
    return found && result == 0;
}

/* A parameter of an offer. */
struct parameter {
    const char *name; /* not terminated */
    size_t name_len;
    bool has_value;
    char value[VALUE_SIZE]; /* "" if it was longer than any that is allowed */
};

/* What an offer of permessage-deflate asks for. */
struct offer {
    bool refused;
    bool server_no_takeover;
    bool client_no_takeover;
    bool client_bits;
    bool server_bits;
};

/* Takes a value, a token or the same in quotes, from *p. */
static bool take_value(const char **p, struct parameter *parameter)
{
    size_t len = 0;
    bool quoted = **p == '"';
    if (quoted)
        ++*p;
    for (;;) {
        if (quoted && **p == '\\')
            ++*p;
        if (!is_token_char(**p))
            break;
        if (len < VALUE_SIZE)
            parameter->value[len] = **p;
        len++;
        ++*p;
    }
    if (quoted && *(*p)++ != '"')
        return false;
    parameter->value[len < VALUE_SIZE ? len : 0] = '\0';
    return len > 0;
}

/* Takes `name` or `name = value` from *p. */
static bool take_parameter(const char **p, struct parameter *parameter)
{
    *parameter = (struct parameter){0};
    *p = skip_blanks(*p);
    if (!take_token(p, &parameter->name, &parameter->name_len))
        return false;
    *p = skip_blanks(*p);
    if (**p != '=')
        return true;
    *p = skip_blanks(*p + 1);
    parameter->has_value = true;
    if (!take_value(p, parameter))
        return false;
    *p = skip_blanks(*p);
    return true;
}

static bool is_name(const struct parameter *parameter, const char *name)
{
    return parameter->name_len == strlen(name) &&
           memcmp(parameter->name, name, parameter->name_len) == 0;
}

/* A window size, 8 to 15 without leading zeros (RFC 7692 7.1.2); 0 if it is none. */
static int window_bits(const char *value)
{
    static const char *const sizes[] = {"8", "9", "10", "11", "12", "13", "14", "15"};
    for (int i = 0; i < 8; i++) {
        if (strcmp(value, sizes[i]) == 0)
            return 8 + i;
    }
    return 0;
}

/* Sets a flag that an offer may set once. */
static bool set_once(bool *flag)
{
    bool was_set = *flag;
    *flag = true;
    return !was_set;
}

/* Reads one parameter of permessage-deflate (RFC 7692 7.1); false if the offer is to be refused. */
static bool apply_parameter(struct offer *offer, const struct parameter *parameter)
{
    int bits = parameter->has_value ? window_bits(parameter->value) : 0;
    if (is_name(parameter, "server_no_context_takeover"))
        return !parameter->has_value && set_once(&offer->server_no_takeover);
    if (is_name(parameter, "client_no_context_takeover"))
        return !parameter->has_value && set_once(&offer->client_no_takeover);
    if (is_name(parameter, "server_max_window_bits"))
        return bits >= WS_DEFLATE_WINDOW_BITS && set_once(&offer->server_bits);
    if (is_name(parameter, "client_max_window_bits"))
        return (!parameter->has_value || bits > 0) && set_once(&offer->client_bits);
    return false;
}

/* Takes one extension and its parameters from *p; false if they are malformed. */
static bool take_offer(const char **p, struct offer *offer)
{
    struct parameter parameter;
    *offer = (struct offer){0};
    if (!take_parameter(p, &parameter) || parameter.has_value)
        return false;
    offer->refused = !is_name(&parameter, "permessage-deflate");
    while (**p == ';') {
        ++*p;
        if (!take_parameter(p, &parameter))
            return false;
        if (!offer->refused)
            offer->refused = !apply_parameter(offer, &parameter);
    }
    return **p == ',' || **p == '\0';
}

bool ws_offer_deflate(const char *extensions, char response[WS_EXTENSION_SIZE])
{
    if (!extensions)
        return false;
    bool found = false;
    struct offer chosen = {0};
    const char *p = extensions;
    for (;;) {
        p += strspn(p, " \t,");
        if (*p == '\0')
            break;
        struct offer offer;
        if (!take_offer(&p, &offer))
            return false;
        if (!found && !offer.refused) {
            chosen = offer;
            found = true;
        }
    }
    if (!found)
        return false;
    int len =
        snprintf(response, WS_EXTENSION_SIZE,
                 "permessage-deflate; server_no_context_takeover; client_no_context_takeover");
    if (chosen.server_bits)
        snprintf(response + len, WS_EXTENSION_SIZE - (size_t)len, "; server_max_window_bits=%d",
                 WS_DEFLATE_WINDOW_BITS);
    return true;
}

size_t ws_handshake_response(char *out, size_t cap, const char *accept, const char *protocol,
                             const char *extensions)
{
    int len = snprintf(out, cap,
                       "HTTP/1.1 101 Switching Protocols\r\n"
                       "Upgrade: websocket\r\n"
                       "Connection: Upgrade\r\n"
                       "Sec-WebSocket-Accept: %s\r\n"
                       "%s%s%s%s%s%s\r\n",
                       accept, protocol ? "Sec-WebSocket-Protocol: " : "", protocol ? protocol : "",
                       protocol ? "\r\n" : "", extensions ? "Sec-WebSocket-Extensions: " : "",
                       extensions ? extensions : "", extensions ? "\r\n" : "");
    return len > 0 && (size_t)len < cap ? (size_t)len : 0;
}
