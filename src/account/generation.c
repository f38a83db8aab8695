/* See generation.h. */
#include "account/generation.h"

#include <stdio.h>

#include "auth/token.h"

#define KEY_SIZE (ID_MAX + 32)
#define NUMBER_SIZE 24

static struct span write_key(char key[KEY_SIZE], const char *id)
{
    int n = snprintf(key, KEY_SIZE, TOKEN_GENERATION_KEY, id);
    return (struct span){key, (size_t)n};
}

int64_t generation_get(struct bus_pool *pool, const char *id)
{
    char key[KEY_SIZE];
    const struct span argv[] = {span_of("GET"), write_key(key, id)};
    struct bus_reply *reply;
    if (bus_pool_command(pool, argv, 2, &reply)) {
        return GENERATION_AWAY;
    }
    int64_t generation = bus_reply_int(reply);
    bus_reply_free(reply);
    return generation > 0 ? generation : GENERATION_UNKNOWN;
}

int64_t generation_raise(struct bus_pool *pool, const char *id, uint32_t generation,
                         int64_t keep_ms)
{
    char key[KEY_SIZE], number[NUMBER_SIZE], keep[NUMBER_SIZE];
    const struct span keys[] = {write_key(key, id)};
    snprintf(number, sizeof number, "%u", generation);
    snprintf(keep, sizeof keep, "%lld", (long long)keep_ms);
    const struct span args[] = {span_of(number), span_of(keep)};
    struct bus_reply *reply;
    if (bus_pool_script(pool, BUS_SCRIPT_GENERATION, keys, 1, args, 2, &reply)) {
        return GENERATION_AWAY;
    }
    int64_t newest = bus_reply_int(reply);
    bus_reply_free(reply);
    return newest;
}
