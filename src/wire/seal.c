/* Seals in front of messages; see seal.h. */
#include "wire/seal.h"

#define BEFORE "{\"seal\":\""
#define BEFORE_LEN (sizeof BEFORE - 1)
#define BEHIND "\","
#define BEHIND_LEN (sizeof BEHIND - 1)
#define SEALED_LEN (BEFORE_LEN + SEAL_LEN + BEHIND_LEN)

void seal_write(struct buf *out, const char *seal)
{
    buf_append_text(out, BEFORE);
    buf_append_text(out, seal);
    buf_append_text(out, BEHIND);
}

bool seal_opens(const char *seal, struct span payload)
{
    return payload.n > SEALED_LEN && *seal && memcmp(payload.p, BEFORE, BEFORE_LEN) == 0 &&
           memcmp(payload.p + BEFORE_LEN, seal, SEAL_LEN) == 0 &&
           memcmp(payload.p + BEFORE_LEN + SEAL_LEN, BEHIND, BEHIND_LEN) == 0;
}

void seal_strip(struct buf *out, struct span payload)
{
    buf_append_char(out, '{');
    buf_append(out, payload.p + SEALED_LEN, payload.n - SEALED_LEN);
}
