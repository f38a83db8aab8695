/*
 * The operations on accounts; see account.h.
 *
 * A raise of the generation is committed to the store first and told to Redis after it. Where Redis is
 * away at that moment, what it remembers from before is the store's own answer of at most
 * ACCOUNT_REMEMBER_MS ago, or an earlier raise; so signing out says that it must be done again, and does
 * no harm when it is.
 */
#include "account/account.h"

#include <sodium.h>
#include <stdlib.h>

#include "account/generation.h"
#include "base/ascii.h"
#include "base/clock.h"
#include "core/log.h"

#define HASHED_NAME 16 /* bytes */

struct accounts {
    const struct config *config;
    struct store *store;
    struct bus_pool *pool;
    const struct tokens *tokens;
    struct passwords *passwords;
    struct throttle *throttle;
};

struct accounts *accounts_create(const struct config *config, struct store *store,
                                 struct bus_pool *pool, const struct tokens *tokens)
{
    struct accounts *accounts = calloc(1, sizeof *accounts);
    if (!accounts) {
        return NULL;
    }
    accounts->config = config;
    accounts->store = store;
    accounts->pool = pool;
    accounts->tokens = tokens;
    accounts->passwords = passwords_create(passwords_default_places(), ACCOUNT_WAIT_MS);
    accounts->throttle = throttle_create(pool);
    if (!accounts->passwords || !accounts->throttle) {
        accounts_destroy(accounts);
        return NULL;
    }
    return accounts;
}

void accounts_destroy(struct accounts *accounts)
{
    if (accounts) {
        throttle_destroy(accounts->throttle);
        passwords_destroy(accounts->passwords);
        free(accounts);
    }
}

static enum account_result of_store(enum store_result result)
{
    switch (result) {
    case STORE_OK:
        return ACCOUNT_OK;
    case STORE_NOT_FOUND:
        return ACCOUNT_WRONG;
    case STORE_ID_TAKEN:
        return ACCOUNT_ID_TAKEN;
    case STORE_EMAIL_TAKEN:
        return ACCOUNT_EMAIL_TAKEN;
    case STORE_UNAVAILABLE:
        return ACCOUNT_UNAVAILABLE;
    case STORE_FAILED:
        break;
    }
    return ACCOUNT_FAILED;
}

static enum account_result of_password(enum password_result result)
{
    switch (result) {
    case PASSWORD_OK:
        return ACCOUNT_OK;
    case PASSWORD_WRONG:
        return ACCOUNT_WRONG;
    case PASSWORD_BUSY:
        return ACCOUNT_BUSY;
    case PASSWORD_FAILED:
        break;
    }
    return ACCOUNT_FAILED;
}

/* Tells Redis that tokens before this generation are void. */
static enum account_result tell_raise(struct accounts *accounts, const char *id,
                                      uint32_t generation)
{
    int64_t keep_ms = ((int64_t)accounts->config->token_s + 60) * 1000;
    if (generation_raise(accounts->pool, id, generation, keep_ms) == GENERATION_AWAY) {
        log_warn("account", "%s: tokens before generation %u are void, but Redis is away", id,
                 generation);
        return ACCOUNT_UNAVAILABLE;
    }
    return ACCOUNT_OK;
}

/* ---- making ---- */

enum account_result account_add(struct accounts *accounts, struct user_row *row,
                                struct span password, const struct account_client *client,
                                unsigned *wait_s)
{
    struct throttle_try try;
    struct user_row other;
    *wait_s = 0;
    if (client->address) {
        *wait_s = throttle_begin(accounts->throttle, "", client->address, "", &try);
        if (*wait_s > 0) {
            return ACCOUNT_SLOWED;
        }
    }
    /* What the store would refuse is not worth a hash. */
    enum store_result found = users_find(accounts->store, span_of(row->id), &other);
    if (found != STORE_NOT_FOUND) {
        return found == STORE_OK ? ACCOUNT_ID_TAKEN : of_store(found);
    }
    enum password_result hashed = password_hash(accounts->passwords, password, row->password);
    if (hashed) {
        return of_password(hashed);
    }
    row->generation = 1;
    row->created_ms = clock_wall_ms();
    return of_store(users_add(accounts->store, row));
}

/* ---- signing in ---- */

/* By which name an account's failures are counted: as good for one that does not exist. */
static void name_counted(const struct user_row *row, struct span name, char out[ID_MAX + 1])
{
    unsigned char hash[HASHED_NAME];
    if (*row->id) {
        (void)span_copy(span_of(row->id), out, ID_MAX + 1);
    } else if (id_valid(name)) {
        (void)span_copy(name, out, ID_MAX + 1);
        for (char *p = out; *p; p++) {
            *p = ascii_lower(*p);
        }
    } else {
        crypto_generichash(hash, sizeof hash, (const unsigned char *)name.p, name.n, NULL, 0);
        sodium_bin2hex(out, ID_MAX + 1, hash, sizeof hash);
    }
}

/* Compares the password of a row, which is empty where there is no such account, unless slowed. */
static enum account_result compare(struct accounts *accounts, const struct user_row *row,
                                   struct span name, struct span password,
                                   const struct account_client *client, unsigned *wait_s)
{
    char counted[ID_MAX + 1], device[DEVICE_ID_LEN + 1];
    struct throttle_try try;
    bool outdated;
    name_counted(row, name, counted);
    (void)known_device_verify(accounts->tokens, counted, client->cookie, device);
    *wait_s = throttle_begin(accounts->throttle, counted, client->address, device, &try);
    if (*wait_s > 0) {
        return ACCOUNT_SLOWED;
    }
    const char *hash = *row->password ? row->password : NULL;
    enum password_result result = password_check(accounts->passwords, password, hash, &outdated);
    if (result != PASSWORD_WRONG) {
        throttle_settle(accounts->throttle, &try, result ? SLOW_UNTRIED : SLOW_RIGHT);
    }
    char anew[PASSWORD_HASH_SIZE];
    if (result == PASSWORD_OK && outdated &&
        password_hash(accounts->passwords, password, anew) == PASSWORD_OK &&
        users_rehash(accounts->store, row->id, row->password, anew) == STORE_OK) {
        log_info("account", "%s: the password is hashed with today's parameters now", row->id);
    }
    return of_password(result);
}

enum account_result account_sign_in(struct accounts *accounts, struct span name,
                                    struct span password, const struct account_client *client,
                                    struct user_row *out, unsigned *wait_s)
{
    *wait_s = 0;
    enum store_result found = users_find(accounts->store, name, out);
    if (found != STORE_OK && found != STORE_NOT_FOUND) {
        return of_store(found);
    }
    return compare(accounts, out, name, password, client, wait_s);
}

/* ---- changes ---- */

/* Hashes and stores it; the new generation is in *generation. */
static enum account_result set_password(struct accounts *accounts, const char *id,
                                        struct span password, uint32_t *generation)
{
    char hash[PASSWORD_HASH_SIZE];
    enum password_result hashed = password_hash(accounts->passwords, password, hash);
    if (hashed) {
        return of_password(hashed);
    }
    return of_store(users_set_password(accounts->store, id, hash, generation));
}

enum account_result account_change_password(struct accounts *accounts, const struct claims *claims,
                                            struct span password, struct span new_password,
                                            const struct account_client *client,
                                            struct user_row *out, unsigned *wait_s)
{
    *wait_s = 0;
    enum account_result result = account_get(accounts, claims, out);
    if (result == ACCOUNT_OK) {
        result = compare(accounts, out, span_of(out->id), password, client, wait_s);
    }
    if (result == ACCOUNT_OK) {
        result = set_password(accounts, out->id, new_password, &out->generation);
    }
    if (result == ACCOUNT_OK) {
        (void)tell_raise(accounts, out->id, out->generation); /* it is changed all the same */
    }
    return result;
}

enum account_result account_reset_password(struct accounts *accounts, const char *id,
                                           struct span password, bool *set)
{
    uint32_t generation;
    enum account_result result = set_password(accounts, id, password, &generation);
    *set = result == ACCOUNT_OK;
    return *set ? tell_raise(accounts, id, generation) : result;
}

enum account_result account_sign_out(struct accounts *accounts, const char *id)
{
    uint32_t generation;
    enum account_result result = of_store(users_bump_generation(accounts->store, id, &generation));
    if (result == ACCOUNT_WRONG) {
        return ACCOUNT_REVOKED;
    }
    return result ? result : tell_raise(accounts, id, generation);
}

/* ---- tokens ---- */

enum account_result account_get(struct accounts *accounts, const struct claims *claims,
                                struct user_row *out)
{
    enum account_result result = of_store(users_get(accounts->store, claims->user_id, out));
    if (result == ACCOUNT_WRONG || (result == ACCOUNT_OK && claims->generation < out->generation)) {
        return ACCOUNT_REVOKED;
    }
    return result;
}

enum account_result account_check_token(struct accounts *accounts, const struct claims *claims)
{
    struct user_row row;
    if (claims->generation == 0) {
        return ACCOUNT_OK;
    }
    int64_t newest = generation_get(accounts->pool, claims->user_id);
    if (newest > 0) {
        return claims->generation < newest ? ACCOUNT_REVOKED : ACCOUNT_OK;
    }
    enum store_result found = users_get(accounts->store, claims->user_id, &row);
    if (found == STORE_NOT_FOUND) {
        return ACCOUNT_REVOKED;
    }
    if (found != STORE_OK) {
        return ACCOUNT_OK; /* signed and not expired: classes go on without the store */
    }
    if (newest == GENERATION_UNKNOWN) {
        (void)generation_raise(accounts->pool, row.id, row.generation, ACCOUNT_REMEMBER_MS);
    }
    return claims->generation < row.generation ? ACCOUNT_REVOKED : ACCOUNT_OK;
}
