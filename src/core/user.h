/* What kinds of people and programs there are: known to tokens, rooms and the store. Any thread. */
#ifndef LECTERN_CORE_USER_H
#define LECTERN_CORE_USER_H

#include <stdbool.h>

#include "base/buf.h"

#define EMAIL_MAX 254 /* longest e-mail address, bytes (RFC 5321 section 4.5.3.1.3, without <>) */

enum user_type {
    USER_TEACHER,
    USER_STUDENT,
    USER_SERVICE,
};

const char *user_type_name(enum user_type type); /* "teacher", "student", "service" */
bool user_type_parse(struct span s, enum user_type *out);

#endif
