/*
 * Sockets whose token is void by now: their account has signed out everywhere, or its password was
 * changed. A loop asks Redis every few seconds for the generations of its users' accounts
 * (`account:{id}:gen`); who came with an earlier one is to be closed as if the token had expired. Asking,
 * rather than being told, also finds those who were on their way in, and what happened while the link
 * was down. A socket may get a fresh token (session/refresh.h) while Redis is asked: the answer is held
 * against the token that it has by then. The loop's thread.
 */
#ifndef LECTERN_SESSION_REVOKE_H
#define LECTERN_SESSION_REVOKE_H

#include <stdbool.h>
#include <stdint.h>

#include "bus/link.h"

#define REVOKE_CHECK_MS 5000 /* between two looks */

struct revoke_batch;

/* One look at many. */
struct revoke {
    struct bus *bus;
    /*
     * Once for each `owner` that was added, later or in revoke_add() or revoke_end(), with the newest generation
     * that Redis knows of (0: none, or it did not say): close it if revoke_voids() its token of now.
     */
    void (*answered)(void *owner, int64_t newest);
    struct revoke_batch *batch;
};

void revoke_begin(struct revoke *revoke, struct bus *bus,
                  void (*answered)(void *owner, int64_t newest));

/*
 * `owner` is kept by the caller until answered. False: it was not added (no account's token, or no memory: the
 * next look finds it), and nothing is answered.
 */
bool revoke_add(struct revoke *revoke, void *owner, const char *user_id, uint32_t generation);

void revoke_end(struct revoke *revoke); /* asks for those that are left */

/* Is a token of this generation void? One of no account (0) never is. */
bool revoke_voids(int64_t newest, uint32_t generation);

#endif
