/*
 * Accounts. Threads, time limits and what the results mean: see store.h. A write is answered only
 * after it is on disk.
 *
 * A login name is an id or an e-mail address, and no two accounts have the same one: ids differ from
 * each other, and from the addresses of others, in more than upper and lower case (of ASCII). So
 * users_find() takes both, however they are typed. Ids keep the case that they were added with;
 * addresses are kept in lower case.
 *
 * Rows are checked by the caller (base/id.h): nothing here looks at what a name or a hash is.
 */
#ifndef LECTERN_STORE_USERS_H
#define LECTERN_STORE_USERS_H

#include <stdint.h>

#include "base/id.h"
#include "core/user.h"
#include "store/store.h"

#define PASSWORD_HASH_MAX 127 /* bytes; libsodium's argon2id strings are shorter */

struct user_row {
    char id[ID_MAX + 1];
    char name[NAME_MAX_BYTES + 1];
    char email[EMAIL_MAX + 1]; /* "" = none */
    enum user_type type;
    char password[PASSWORD_HASH_MAX + 1]; /* hash; "" = none, nobody can log in */
    uint32_t generation;                  /* of tokens: those of an earlier one are void */
    int64_t created_ms;                   /* wall clock */
};

/*
 * Adds an account as given (with its generation and created_ms). STORE_ID_TAKEN or STORE_EMAIL_TAKEN
 * when it is somebody else's login name. One that was answered STORE_UNAVAILABLE may exist.
 */
enum store_result users_add(struct store *store, const struct user_row *row)
    __attribute__((warn_unused_result));

/*
 * Sees to it that there is a row for who has shown a valid token: made without password (nobody can log in
 * with it) and generation 0 if there is none; if it is such a one, name and type become those
 * given. An account stays as it is. Writes only if something changes.
 */
enum store_result users_know(struct store *store, const char *id, struct span name,
                             enum user_type type, int64_t now_ms)
    __attribute__((warn_unused_result));

/* The account with this login name. STORE_NOT_FOUND leaves *out all zero, as every failure does. */
enum store_result users_find(struct store *store, struct span id_or_email, struct user_row *out)
    __attribute__((warn_unused_result));

/* The account with exactly this id; otherwise as users_find(). */
enum store_result users_get(struct store *store, const char *id, struct user_row *out)
    __attribute__((warn_unused_result));

/*
 * The same for who cannot wait as long as the store's own time limit allows: the whole call, waiting
 * and work, ends within `limit_ms` (capped by that limit).
 */
enum store_result users_get_soon(struct store *store, const char *id, int64_t limit_ms,
                                 struct user_row *out) __attribute__((warn_unused_result));

/*
 * Replaces the password's hash and adds one to the generation, which goes to *generation_out (may be NULL).
 * STORE_NOT_FOUND when there is no account with exactly this id.
 */
enum store_result users_set_password(struct store *store, const char *id, const char *hash,
                                     uint32_t *generation_out) __attribute__((warn_unused_result));

/*
 * The same only while the hash is `old`: of changes made at the same time one counts. STORE_NOT_FOUND when
 * it is not (or no longer) that account's.
 */
enum store_result users_change_password(struct store *store, const char *id, const char *old,
                                        const char *hash, uint32_t *generation_out)
    __attribute__((warn_unused_result));

/*
 * Replaces the hash `old` only: for the same password, hashed anew. STORE_NOT_FOUND when it is not (or no
 * longer) that account's.
 */
enum store_result users_rehash(struct store *store, const char *id, const char *old,
                               const char *hash) __attribute__((warn_unused_result));

/* Adds one to the generation: every token made so far is void. Otherwise as users_set_password(). */
enum store_result users_bump_generation(struct store *store, const char *id,
                                        uint32_t *generation_out)
    __attribute__((warn_unused_result));

/*
 * Raises the generation to `least` unless it is that or more; where `hash` is not NULL, only while it is the
 * password's. STORE_NOT_FOUND when there is no such account.
 */
enum store_result users_raise_generation(struct store *store, const char *id, const char *hash,
                                         uint32_t least, uint32_t *generation_out)
    __attribute__((warn_unused_result));

/*
 * Calls `fn` for up to `limit` accounts in the order of their ids (by bytes), those after `after_id`
 * ("" or NULL: from the first), on the calling thread, once each and after all were read. STORE_OK also
 * when there are none. Passwords' hashes are left out ("").
 */
typedef void users_list_fn(const struct user_row *row, void *arg);
enum store_result users_list(struct store *store, const char *after_id, uint32_t limit,
                             users_list_fn *fn, void *arg) __attribute__((warn_unused_result));

#endif
