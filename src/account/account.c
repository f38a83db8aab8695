/*
 * The operations on accounts; see account.h.
 *
 * A raise of the generation is committed to the store first and told to Redis after it. Where Redis is
 * away at that moment, the raise is kept and told later (raises.h); until then other servers may believe
 * what Redis remembers from before: so signing out says that it must be done again, and does no harm when
 * it is. Whoever shows a token of a newer generation than Redis knows proves a raise, and it is told then.
 *
 * A store that was restored from a back-up may be behind Redis. It catches up where tokens are made, and a
 * raise goes beyond what either knows.
 */
#include "account/account.h"

#include <sodium.h>
#include <stdlib.h>

#include "account/generation.h"
#include "account/raises.h"
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
    struct raises *raises; /* NULL where nobody signs in */
};

/* As long as a token of an older generation can live, ms. */
static int64_t keep_ms(const struct config *config)
{
    return ((int64_t)config->token_s + 60) * 1000;
}

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
    accounts->raises = tokens ? raises_create(pool, keep_ms(config)) : NULL;
    if (!accounts->passwords || !accounts->throttle || (tokens && !accounts->raises)) {
        accounts_destroy(accounts);
        return NULL;
    }
    return accounts;
}

void accounts_destroy(struct accounts *accounts)
{
    if (accounts) {
        raises_destroy(accounts->raises);
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
    default: /* those of chat rooms */
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

/*
 * Tells Redis that tokens before this generation are void. Where it knows a newer one than the store had,
 * some tokens of that are about: the store goes beyond it.
 */
static enum account_result tell_raise(struct accounts *accounts, const char *id,
                                      uint32_t *generation)
{
    const int64_t keep = keep_ms(accounts->config);
    int64_t newest = generation_raise(accounts->pool, id, *generation, keep);
    if (newest > (int64_t)*generation && newest < UINT32_MAX) {
        enum store_result raised =
            users_raise_generation(accounts->store, id, NULL, (uint32_t)newest + 1, generation);
        if (raised) {
            return of_store(raised);
        }
        newest = generation_raise(accounts->pool, id, *generation, keep);
    }
    if (newest != GENERATION_AWAY) {
        return ACCOUNT_OK;
    }
    log_warn("account", "%s: tokens before generation %u are void, but Redis is away", id,
             *generation);
    if (accounts->raises) {
        raises_keep(accounts->raises, id, *generation);
    }
    return ACCOUNT_UNAVAILABLE;
}

/*
 * Before a token is made: where Redis knows a newer generation than the store, the store catches up, unless
 * the password has been changed meanwhile.
 */
static enum account_result catch_up(struct accounts *accounts, struct user_row *row)
{
    int64_t newest = generation_get(accounts->pool, row->id);
    if (newest <= (int64_t)row->generation || newest > UINT32_MAX) {
        return ACCOUNT_OK;
    }
    log_warn("account", "%s: the store has generation %u, but Redis %lld: it is raised to that",
             row->id, row->generation, (long long)newest);
    return of_store(users_raise_generation(accounts->store, row->id, row->password,
                                           (uint32_t)newest, &row->generation));
}

/* ---- making ---- */

/* The account itself. */
static enum account_result add(struct accounts *accounts, struct user_row *row,
                               struct span password)
{
    struct user_row other;
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

enum account_result account_add(struct accounts *accounts, struct user_row *row,
                                struct span password, const struct account_client *client,
                                unsigned *wait_s)
{
    struct throttle_try try;
    *wait_s = 0;
    if (client->address) {
        *wait_s = throttle_begin(accounts->throttle, "", client->address, "", &try);
        if (*wait_s > 0) {
            return ACCOUNT_SLOWED;
        }
    }
    enum account_result result = add(accounts, row, password);
    bool looked_at =
        result != ACCOUNT_BUSY && result != ACCOUNT_UNAVAILABLE && result != ACCOUNT_FAILED;
    if (client->address && !looked_at) {
        throttle_settle(accounts->throttle, &try, SLOW_UNTRIED);
    }
    return result ? result : catch_up(accounts, row);
}

/* ---- signing in ---- */

/*
 * By which name failures are counted: the one that was typed, in lower case, so that nobody can tell by
 * being slowed which names are an account's.
 */
static void name_counted(struct span name, char out[ID_MAX + 1])
{
    unsigned char hash[HASHED_NAME];
    char folded[EMAIL_MAX + 1];
    size_t n = name.n < EMAIL_MAX ? name.n : EMAIL_MAX;
    for (size_t i = 0; i < n; i++) {
        folded[i] = ascii_lower(name.p[i]);
    }
    const struct span text = {folded, n};
    if (id_valid(text)) {
        (void)span_copy(text, out, ID_MAX + 1);
        return;
    }
    crypto_generichash(hash, sizeof hash, (const unsigned char *)folded, n, NULL, 0);
    sodium_bin2hex(out, ID_MAX + 1, hash, sizeof hash);
}

/* Compares the password of a row, which is empty where there is no such account, unless slowed. */
static enum account_result compare(struct accounts *accounts, struct user_row *row,
                                   struct span name, struct span password,
                                   const struct account_client *client, unsigned *wait_s)
{
    char counted[ID_MAX + 1], device[DEVICE_ID_LEN + 1];
    struct throttle_try try;
    bool outdated;
    name_counted(name, counted);
    (void)known_device_verify(accounts->tokens, row->id, row->generation, client->cookie, device);
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
        (void)span_copy(span_of(anew), row->password, sizeof row->password);
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
    enum account_result result = compare(accounts, out, name, password, client, wait_s);
    return result ? result : catch_up(accounts, out);
}

/* ---- changes ---- */

/* Puts the new password in the old one's place. */
static enum account_result replace_password(struct accounts *accounts, struct user_row *row,
                                            struct span password)
{
    char hash[PASSWORD_HASH_SIZE];
    enum password_result hashed = password_hash(accounts->passwords, password, hash);
    if (hashed) {
        return of_password(hashed);
    }
    return of_store(
        users_change_password(accounts->store, row->id, row->password, hash, &row->generation));
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
        result = replace_password(accounts, out, new_password);
    }
    if (result == ACCOUNT_OK) {
        (void)tell_raise(accounts, out->id, &out->generation); /* it is changed all the same */
    }
    return result;
}

enum account_result account_reset_password(struct accounts *accounts, const char *id,
                                           struct span password, bool *set)
{
    char hash[PASSWORD_HASH_SIZE];
    uint32_t generation;
    *set = false;
    enum password_result hashed = password_hash(accounts->passwords, password, hash);
    if (hashed) {
        return of_password(hashed);
    }
    enum account_result result =
        of_store(users_set_password(accounts->store, id, hash, &generation));
    *set = result == ACCOUNT_OK;
    return *set ? tell_raise(accounts, id, &generation) : result;
}

enum account_result account_sign_out(struct accounts *accounts, const struct claims *claims)
{
    struct user_row row;
    if (generation_get(accounts->pool, claims->user_id) > (int64_t)claims->generation) {
        return ACCOUNT_OK; /* done before, and everybody knows */
    }
    enum account_result result = of_store(users_get(accounts->store, claims->user_id, &row));
    if (result == ACCOUNT_OK && claims->generation >= row.generation) {
        result = of_store(users_bump_generation(accounts->store, row.id, &row.generation));
    }
    if (result == ACCOUNT_WRONG) {
        return ACCOUNT_REVOKED;
    }
    return result ? result : tell_raise(accounts, claims->user_id, &row.generation);
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

enum account_result account_check_remembered(struct accounts *accounts, const struct claims *claims)
{
    const uint32_t generation = claims->generation;
    if (generation == 0) {
        return ACCOUNT_OK;
    }
    if (accounts->raises && generation < raises_get(accounts->raises, claims->user_id)) {
        return ACCOUNT_REVOKED;
    }
    int64_t newest = generation_get(accounts->pool, claims->user_id);
    if (newest == GENERATION_UNKNOWN || newest == GENERATION_AWAY) {
        return ACCOUNT_UNAVAILABLE;
    }
    if ((int64_t)generation > newest) { /* we signed it: there was a raise that Redis has missed */
        newest = generation_raise(accounts->pool, claims->user_id, generation,
                                  keep_ms(accounts->config));
    }
    return (int64_t)generation < newest ? ACCOUNT_REVOKED : ACCOUNT_OK;
}

enum account_result account_check_stored(struct accounts *accounts, const struct claims *claims)
{
    struct user_row row;
    uint32_t newest = claims->generation;
    enum store_result found =
        users_get_soon(accounts->store, claims->user_id, ACCOUNT_SOON_MS, &row);
    if (found == STORE_NOT_FOUND) {
        return ACCOUNT_REVOKED;
    }
    if (found != STORE_OK) {
        return ACCOUNT_UNAVAILABLE;
    }
    newest = row.generation > newest ? row.generation : newest;
    /* Where the two differ there was a raise, and older tokens are about. */
    int64_t keep =
        row.generation == claims->generation ? ACCOUNT_REMEMBER_MS : keep_ms(accounts->config);
    (void)generation_raise(accounts->pool, row.id, newest, keep);
    return claims->generation < newest ? ACCOUNT_REVOKED : ACCOUNT_OK;
}
