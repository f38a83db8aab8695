/* What an account's fields may be, for requests and for operators' commands. Pure, any thread. */
#ifndef LECTERN_ACCOUNT_RULES_H
#define LECTERN_ACCOUNT_RULES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "core/user.h"

/* What is allowed, as sentences. */
#define RULES_ID                                                                                   \
    "An id is 1 to 64 of A-Z a-z 0-9 . _ @ -, and does not begin with g-, as guests' do."
#define RULES_NAME "A name is 1 to 64 visible characters."
#define RULES_EMAIL "An e-mail address looks like name@example.org and has at most 254 characters."
#define RULES_PASSWORD "A password is 8 to 128 bytes of text."

/*
 * An id that base/id.h allows and that is nobody else's: not as guests' ids, not the name under which the
 * server itself speaks.
 */
bool rules_id_valid(struct span id);

/*
 * An address of printable ASCII with one @, a local part of 1 to 64 bytes and a domain with a dot, of
 * letters, digits and hyphens: what schools use, not all that RFC 5321 allows. Nobody asks whether mail
 * arrives.
 */
bool rules_email_valid(struct span email);

#endif
