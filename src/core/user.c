/* Names of the kinds of users; see user.h. */
#include "core/user.h"

static const char *const type_names[] = {
    [USER_TEACHER] = "teacher",
    [USER_STUDENT] = "student",
    [USER_SERVICE] = "service",
};

const char *user_type_name(enum user_type type)
{
    return type_names[type];
}

bool user_type_parse(struct span s, enum user_type *out)
{
    for (int i = USER_TEACHER; i <= USER_SERVICE; i++) {
        if (span_eq(s, type_names[i])) {
            *out = (enum user_type)i;
            return true;
        }
    }
    return false;
}
