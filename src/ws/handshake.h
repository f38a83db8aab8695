/*
 * The texts of the opening handshake (RFC 6455 section 4, extension offers of 9.1 and RFC 7692
 * section 7.1): header values in, answers out. The HTTP around them is the caller's.
 *
 * Pure; callable from every thread.
 */
#ifndef LECTERN_WS_HANDSHAKE_H
#define LECTERN_WS_HANDSHAKE_H

#include <stdbool.h>
#include <stddef.h>

#define WS_ACCEPT_SIZE 29     /* a Sec-WebSocket-Accept, terminated */
#define WS_EXTENSION_SIZE 128 /* an answer of ws_offer_deflate(), terminated */

/* True if a Sec-WebSocket-Key is the base64 form of 16 bytes. NULL is not. */
bool ws_key_valid(const char *key);

/* Sec-WebSocket-Accept for a client's key. */
void ws_accept_key(const char *client_key, char out[WS_ACCEPT_SIZE]);

/*
 * Takes the next element off a comma-separated list of tokens (RFC 7230 section 7), such as
 * Sec-WebSocket-Protocol or Connection. *cursor begins at the header's value; blanks and empty
 * elements are skipped. Returns 1 and the token (not terminated), 0 at the end, -1 where no token
 * stands.
 */
int ws_next_token(const char **cursor, const char **token, size_t *len);

/*
 * True if a list has that token, in any case: "upgrade" in Connection. NULL and malformed lists
 * have none.
 */
bool ws_list_has(const char *list, const char *token);

/*
 * Chooses among the offers of a Sec-WebSocket-Extensions header. True if one of permessage-deflate
 * can be met; response is then the value to answer with. False if none can, or the header is NULL
 * or malformed: the connection goes uncompressed. An offer is passed over when it has a parameter
 * that is unknown, repeated or badly valued, or wants a server window below WS_DEFLATE_WINDOW_BITS.
 */
bool ws_offer_deflate(const char *extensions, char response[WS_EXTENSION_SIZE]);

/*
 * Writes the whole 101 response; protocol and extensions may be NULL. Returns its length, or 0 if
 * it does not fit into cap with a terminator.
 */
size_t ws_handshake_response(char *out, size_t cap, const char *accept, const char *protocol,
                             const char *extensions);

#endif
