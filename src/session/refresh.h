/* A fresh token on an open socket (docs/protocol.md: `token`). Pure but for the keys; any thread. */
#ifndef LECTERN_SESSION_REFRESH_H
#define LECTERN_SESSION_REFRESH_H

#include "auth/token.h"
#include "base/json.h"

enum refresh_result {
    REFRESH_OK,
    REFRESH_NO_TEXT, /* it is no token as JSON text */
    REFRESH_REFUSED, /* *error says why */
    REFRESH_OTHER,   /* it is another user's, or of another type */
};

/* `body` is a message's. *claims is set if REFRESH_OK; `user_id` and `type` are the session's. */
enum refresh_result refresh_read(const struct tokens *tokens, struct json_value body,
                                 const char *user_id, enum user_type type, struct claims *claims,
                                 enum token_error *error) __attribute__((warn_unused_result));

#endif
