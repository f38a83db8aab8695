/* Looking for revoked tokens, a hundred at a time; see revoke.h. Guests' cost nothing. */
#include "session/revoke.h"

#include <stdio.h>
#include <stdlib.h>

#include "auth/token.h"
#include "core/metrics.h"

#define BATCH 100 /* sockets per command */
#define KEY_SIZE (ID_MAX + 32)

/* Those that wait for one answer. */
struct revoke_batch {
    void (*answered)(void *owner, int64_t newest);
    size_t count;
    void *owners[BATCH];
    char keys[BATCH][KEY_SIZE]; /* until asked */
};

static void batch_answered(void *arg, const struct bus_reply *reply)
{
    struct revoke_batch *batch = arg;
    for (size_t i = 0; i < batch->count; i++) {
        batch->answered(batch->owners[i], bus_reply_int(bus_reply_at(reply, i)));
    }
    free(batch);
}

void revoke_begin(struct revoke *revoke, struct bus *bus,
                  void (*answered)(void *owner, int64_t newest))
{
    *revoke = (struct revoke){.bus = bus, .answered = answered};
}

bool revoke_add(struct revoke *revoke, void *owner, const char *user_id, uint32_t generation)
{
    if (generation == 0) {
        return false;
    }
    if (!revoke->batch) {
        revoke->batch = malloc(sizeof *revoke->batch);
        if (!revoke->batch) {
            metric_add(METRIC_OUT_OF_MEMORY, 1);
            return false;
        }
        revoke->batch->answered = revoke->answered;
        revoke->batch->count = 0;
    }
    struct revoke_batch *batch = revoke->batch;
    batch->owners[batch->count] = owner;
    snprintf(batch->keys[batch->count++], KEY_SIZE, TOKEN_GENERATION_KEY, user_id);
    if (batch->count == BATCH) {
        revoke_end(revoke);
    }
    return true;
}

void revoke_end(struct revoke *revoke)
{
    struct revoke_batch *batch = revoke->batch;
    struct span argv[1 + BATCH];
    revoke->batch = NULL;
    if (!batch) {
        return;
    }
    argv[0] = span_of("MGET");
    for (size_t i = 0; i < batch->count; i++) {
        argv[1 + i] = span_of(batch->keys[i]);
    }
    if (bus_command(revoke->bus, argv, 1 + batch->count, batch_answered, batch)) {
        batch_answered(batch, NULL);
    }
}

bool revoke_voids(int64_t newest, uint32_t generation)
{
    return generation > 0 && newest > (int64_t)generation;
}
