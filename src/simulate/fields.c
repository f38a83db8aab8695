/* Members of JSON objects; see fields.h. */
#include "simulate/fields.h"

#define MEMBERS_MAX 32 /* more than any object of the protocol has */

struct span field_raw(struct span object, const char *name)
{
    struct json_member members[MEMBERS_MAX];
    size_t count, error_at;
    if (object.n == 0 || json_members(object, members, MEMBERS_MAX, &count, &error_at)) {
        return (struct span){NULL, 0};
    }
    for (size_t i = 0; i < count && i < MEMBERS_MAX; i++) {
        if (span_eq(members[i].key, name)) {
            return members[i].value.raw;
        }
    }
    return (struct span){NULL, 0};
}

void field_text(struct span object, const char *name, char *out, size_t cap)
{
    size_t len;
    struct span raw = field_raw(object, name);
    if (raw.n == 0 || raw.p[0] != '"' || json_string(raw, out, cap, &len)) {
        out[0] = '\0';
    }
}

uint64_t field_number(struct span object, const char *name, uint64_t absent)
{
    int64_t value;
    struct span raw = field_raw(object, name);
    return raw.n > 0 && json_int(raw, &value) == 0 && value >= 0 ? (uint64_t)value : absent;
}
