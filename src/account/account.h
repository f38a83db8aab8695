/*
 * Accounts: making them, signing in, changing passwords, signing out everywhere. Puts together the
 * store (users), passwords, the throttle, and what Redis remembers of tokens' generations; knows
 * nothing of HTTP, and leaves making tokens to its callers.
 *
 * Each account has a generation number, and so has each of its tokens (claim `gen`). Signing out
 * everywhere, and changing the password, raise the account's: older tokens are void. The store has the
 * truth; Redis (`account:{id}:gen`) remembers a raise for as long as an older token could live, and
 * what the store said for ACCOUNT_REMEMBER_MS, so that hardly any request asks the store, and those that
 * do find it away are let in: a class goes on without its database.
 *
 * Any thread that may block, never a loop's.
 */
#ifndef LECTERN_ACCOUNT_ACCOUNT_H
#define LECTERN_ACCOUNT_ACCOUNT_H

#include "account/throttle.h"
#include "auth/password.h"
#include "auth/token.h"
#include "store/users.h"

#define ACCOUNT_REMEMBER_MS 60000 /* what the store said of an account's generation */
#define ACCOUNT_WAIT_MS 6000      /* longest wait until a password is hashed */
#define ACCOUNT_SOON_MS 300       /* longest wait for what the store says of a token */

enum account_result {
    ACCOUNT_OK = 0,
    ACCOUNT_WRONG = -1,       /* id or password */
    ACCOUNT_SLOWED = -2,      /* too many tries: wait */
    ACCOUNT_BUSY = -3,        /* too many passwords are being looked at */
    ACCOUNT_UNAVAILABLE = -4, /* the store is away, or Redis where it is needed */
    ACCOUNT_FAILED = -5,      /* no memory, or a defect (logged) */
    ACCOUNT_ID_TAKEN = -6,
    ACCOUNT_EMAIL_TAKEN = -7,
    ACCOUNT_REVOKED = -8, /* the token is of an earlier generation, or its account is gone */
};

struct accounts;

/*
 * Everything is borrowed and outlives the result; `tokens` may be NULL where nobody signs in. NULL: no
 * memory.
 */
struct accounts *accounts_create(const struct config *config, struct store *store,
                                 struct bus_pool *pool, const struct tokens *tokens);
void accounts_destroy(struct accounts *accounts); /* accepts NULL */

/* Who tries. */
struct account_client {
    const char *address; /* as throttle_begin() wants it */
    struct span cookie;  /* of a device that may be known, or empty */
};

/*
 * Adds the account `row` (id, name, email and type, all valid) with this password, and completes it. A
 * client without address is an operator, who is not slowed. *wait_s is set with ACCOUNT_SLOWED.
 */
enum account_result account_add(struct accounts *accounts, struct user_row *row,
                                struct span password, const struct account_client *client,
                                unsigned *wait_s) __attribute__((warn_unused_result));

/* Looks for the account with this id or e-mail address and compares the password. */
enum account_result account_sign_in(struct accounts *accounts, struct span name,
                                    struct span password, const struct account_client *client,
                                    struct user_row *out, unsigned *wait_s)
    __attribute__((warn_unused_result));

/*
 * Changes the password of a token's account, which must be given, and raises the generation. The row has the
 * new one.
 */
enum account_result account_change_password(struct accounts *accounts, const struct claims *claims,
                                            struct span password, struct span new_password,
                                            const struct account_client *client,
                                            struct user_row *out, unsigned *wait_s)
    __attribute__((warn_unused_result));

/*
 * Sets a new password, whatever the old one was: for operators. ACCOUNT_WRONG: there is no such account.
 * ACCOUNT_UNAVAILABLE after the password was set: *set, and older tokens are void only where the store
 * is asked, as Redis could not be told.
 */
enum account_result account_reset_password(struct accounts *accounts, const char *id,
                                           struct span password, bool *set)
    __attribute__((warn_unused_result));

/*
 * Raises the generation of a token's account beyond the token's, which may be void already: then it is only
 * seen to it that everybody knows. ACCOUNT_UNAVAILABLE: not everybody could be told yet; again, please.
 * ACCOUNT_REVOKED: the account is gone.
 */
enum account_result account_sign_out(struct accounts *accounts, const struct claims *claims)
    __attribute__((warn_unused_result));

/* The account of a token. */
enum account_result account_get(struct accounts *accounts, const struct claims *claims,
                                struct user_row *out) __attribute__((warn_unused_result));

/*
 * By what this process and Redis remember: ACCOUNT_OK (always for tokens that are no account's),
 * ACCOUNT_REVOKED, or ACCOUNT_UNAVAILABLE where account_check_stored() can tell.
 */
enum account_result account_check_remembered(struct accounts *accounts, const struct claims *claims)
    __attribute__((warn_unused_result));

/*
 * Asks the store, for ACCOUNT_SOON_MS at most, and has Redis remember the answer. ACCOUNT_UNAVAILABLE:
 * nobody can tell; such a token counts, so that classes go on without the store.
 */
enum account_result account_check_stored(struct accounts *accounts, const struct claims *claims)
    __attribute__((warn_unused_result));

#endif
