/* What the handlers of accounts share: login, signup (accounts.c) and what is one's own (profile.c). */
#ifndef LECTERN_HTTP_ACCOUNTS_H
#define LECTERN_HTTP_ACCOUNTS_H

#include "account/account.h"
#include "http/request.h"

#define ACCOUNTS_BODY_MAX 4096 /* bytes */

/* Who tries, as the throttle wants it. Lives as long as the request's handling. */
struct accounts_client {
    struct account_client client; /* points into the rest */
    char address[ADDRESS_TEXT_SIZE];
    struct buf cookies;
};

void accounts_client_init(struct request *req, struct accounts_client *out);
void accounts_client_finish(struct accounts_client *client);

/*
 * Lets the thread hash passwords: false after answering accounts_off, where accounts are not ours to
 * keep, or busy. accounts_leave() follows.
 */
bool accounts_enter(struct request *req) __attribute__((warn_unused_result));
void accounts_leave(struct request *req);

/* Answers what went wrong, with login's codes. */
void accounts_refuse(struct request *req, enum account_result result, unsigned wait_s);

/* Lets the browser say next time that this account, of this generation, has been on its device before. */
void accounts_mark_device(struct request *req, const struct account_client *client,
                          const struct user_row *row);

/* Answers a new token for the account: {token, expiresIn, user}. */
void accounts_answer_token(struct request *req, const struct user_row *row);

#endif
