/* Fresh tokens; see refresh.h. */
#include "session/refresh.h"

#include <stdlib.h>

#include "base/clock.h"

enum refresh_result refresh_read(const struct tokens *tokens, struct json_value body,
                                 const char *user_id, enum user_type type, struct claims *claims,
                                 enum token_error *error)
{
    char *token = malloc(TOKEN_MAX + 1);
    size_t len;
    if (!token || body.type != JSON_STRING || json_string(body.raw, token, TOKEN_MAX + 1, &len)) {
        free(token);
        return REFRESH_NO_TEXT;
    }
    *error = token_verify(tokens, (struct span){token, len}, clock_wall_ms(), claims);
    free(token);
    if (*error != TOKEN_OK) {
        return REFRESH_REFUSED;
    }
    return strcmp(claims->user_id, user_id) == 0 && claims->type == type ? REFRESH_OK
                                                                         : REFRESH_OTHER;
}
