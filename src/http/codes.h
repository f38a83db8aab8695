/*
 * Room codes in requests: reading them, and keeping those who guess at them from going on
 * (http/limits.h).
 */
#ifndef LECTERN_HTTP_CODES_H
#define LECTERN_HTTP_CODES_H

#include <stdbool.h>

#include "base/id.h"
#include "http/request.h"

/* Takes the code from the path's second segment; false after answering bad_room. */
bool codes_of_path(struct request *req, char code[ROOM_CODE_MAX + 1]);

/*
 * Could the holder of the request's claims be guessing? Not teachers and services, who find nothing
 * by it, nor those whose token names this room.
 */
bool codes_guesser(const struct claims *claims, const char *code);

/*
 * False after answering rate_limited: this address has named too many codes that do not exist. Else
 * it is charged, and codes_missing() or codes_refund() follows.
 */
bool codes_may_ask(struct request *req, const char *code);

/* Takes the charge back, if there is one: the room exists, or could not be looked up. */
void codes_refund(struct request *req, const char *code);

/* Answers room_not_found; the charge stays. */
void codes_missing(struct request *req);

/* The same for loops, whose sockets may name rooms at any time: as many as the limits allow. */
void codes_guard(struct limits *limits, struct proto_guard *out);

#endif
