/*
 * Charges per address in a table of fixed size, and counted slots; see limits.h.
 *
 * The table is a cache of sets: an address has four places. When they are taken, the one that is
 * charged least gives way, so that whoever wants to be forgotten must be good first.
 */
#include "http/limits.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/map.h"

#define WAYS 4
#define SETS (LIMITS_ADDRESSES / WAYS)

struct charge {
    struct address who;
    int64_t at_ms;   /* when `owed_ms` was true */
    int64_t owed_ms; /* time until nothing is charged any more; 0: the place is free */
    uint32_t known[LIMITS_CODES_KNOWN]; /* hashes of codes charged for, in a ring; 0: none */
    uint8_t next;                       /* index in `known` */
};

struct limits {
    pthread_mutex_t lock; /* guards `charges` and `senders` */
    struct charge charges[SETS][WAYS];
    uint32_t
        *senders; /* hashes of the users who send images now, `most` of them; 0: a free place */
    atomic_uint busy[LIMITS_SLOTS];
    unsigned most[LIMITS_SLOTS];
};

struct limits *limits_create(unsigned http_threads)
{
    struct limits *limits = calloc(1, sizeof *limits);
    if (!limits) {
        return NULL;
    }
    pthread_mutex_init(&limits->lock, NULL);
    for (int i = 0; i < LIMITS_SLOTS; i++) {
        unsigned share = http_threads / (i == LIMITS_OPENING || i == LIMITS_IMAGE ? 8 : 4);
        limits->most[i] = share < 2 ? 2 : share;
    }
    limits->senders = calloc(limits->most[LIMITS_IMAGE], sizeof *limits->senders);
    if (!limits->senders) {
        limits_destroy(limits);
        return NULL;
    }
    return limits;
}

void limits_destroy(struct limits *limits)
{
    if (limits) {
        pthread_mutex_destroy(&limits->lock);
        free(limits->senders);
        free(limits);
    }
}

/* What is counted as one: an IPv4 address, or an IPv6 network of 64 bits. */
static struct address counted(const struct address *address)
{
    struct address key = *address;
    if (!address_is_v4(&key)) {
        memset(key.bytes + 8, 0, 8);
    }
    return key;
}

static int64_t owed(const struct charge *charge, int64_t now_ms)
{
    int64_t left = charge->owed_ms - (now_ms - charge->at_ms);
    return left > 0 ? left : 0;
}

static struct charge *find(struct limits *limits, const struct address *key, int64_t now_ms)
{
    struct charge *set = limits->charges[hash_bytes(key->bytes, sizeof key->bytes) % SETS];
    for (int i = 0; i < WAYS; i++) {
        if (owed(&set[i], now_ms) > 0 && memcmp(&set[i].who, key, sizeof *key) == 0) {
            return &set[i];
        }
    }
    return NULL;
}

/* The place of the set that is charged least. */
static struct charge *make_place(struct limits *limits, const struct address *key, int64_t now_ms)
{
    struct charge *set = limits->charges[hash_bytes(key->bytes, sizeof key->bytes) % SETS];
    struct charge *least = &set[0];
    for (int i = 1; i < WAYS; i++) {
        if (owed(&set[i], now_ms) < owed(least, now_ms)) {
            least = &set[i];
        }
    }
    *least = (struct charge){.who = *key, .at_ms = now_ms};
    return least;
}

/* Never 0. */
static uint32_t text_hash(const char *text)
{
    uint32_t hash = hash_bytes(text, strlen(text));
    return hash ? hash : 1;
}

/* Where `hash` stands among the known ones; NULL when it does not. */
static uint32_t *find_known(struct charge *charge, uint32_t hash)
{
    for (int i = 0; i < LIMITS_CODES_KNOWN; i++) {
        if (charge->known[i] == hash) {
            return &charge->known[i];
        }
    }
    return NULL;
}

static void set_owed(struct charge *charge, int64_t owed_ms, int64_t now_ms)
{
    charge->owed_ms = owed_ms > 0 ? owed_ms : 0;
    charge->at_ms = now_ms;
}

/* The same under the lock. */
static enum limits_answer charge_for(struct limits *limits, const struct address *key,
                                     uint32_t hash, int64_t now_ms, unsigned *wait_s)
{
    const int64_t most = LIMITS_CODES_BURST * (int64_t)LIMITS_CODES_REFILL_MS;
    struct charge *charge = find(limits, key, now_ms);
    if (charge && find_known(charge, hash)) {
        return LIMITS_FREE;
    }
    int64_t owes = (charge ? owed(charge, now_ms) : 0) + LIMITS_CODES_REFILL_MS;
    if (owes > most) {
        *wait_s = (unsigned)((owes - most + 999) / 1000);
        return LIMITS_OVER;
    }
    if (!charge) {
        charge = make_place(limits, key, now_ms);
    }
    set_owed(charge, owes, now_ms);
    charge->known[charge->next] = hash;
    charge->next = (uint8_t)((charge->next + 1) % LIMITS_CODES_KNOWN);
    return LIMITS_CHARGED;
}

enum limits_answer limits_codes_charge(struct limits *limits, const struct address *address,
                                       const char *code, int64_t now_ms, unsigned *wait_s)
{
    struct address key = counted(address);
    *wait_s = 0;
    pthread_mutex_lock(&limits->lock);
    enum limits_answer answer = charge_for(limits, &key, text_hash(code), now_ms, wait_s);
    pthread_mutex_unlock(&limits->lock);
    return answer;
}

void limits_codes_refund(struct limits *limits, const struct address *address, const char *code,
                         int64_t now_ms)
{
    struct address key = counted(address);
    pthread_mutex_lock(&limits->lock);
    struct charge *charge = find(limits, &key, now_ms);
    if (charge) {
        uint32_t *known = find_known(charge, text_hash(code));
        if (known) {
            *known = 0;
        }
        set_owed(charge, owed(charge, now_ms) - LIMITS_CODES_REFILL_MS, now_ms);
    }
    pthread_mutex_unlock(&limits->lock);
}

bool limits_enter(struct limits *limits, enum limits_slot slot)
{
    if (atomic_fetch_add(&limits->busy[slot], 1) < limits->most[slot]) {
        return true;
    }
    atomic_fetch_sub(&limits->busy[slot], 1);
    return false;
}

void limits_leave(struct limits *limits, enum limits_slot slot)
{
    atomic_fetch_sub(&limits->busy[slot], 1);
}

/* With the lock: puts `to` where `from` stands, once; false where it does not. */
static bool replace_sender(struct limits *limits, uint32_t from, uint32_t to)
{
    for (unsigned i = 0; i < limits->most[LIMITS_IMAGE]; i++) {
        if (limits->senders[i] == from) {
            limits->senders[i] = to;
            return true;
        }
    }
    return false;
}

bool limits_image_enter(struct limits *limits, const char *user_id)
{
    uint32_t hash = text_hash(user_id);
    unsigned own = 0;
    pthread_mutex_lock(&limits->lock);
    for (unsigned i = 0; i < limits->most[LIMITS_IMAGE]; i++) {
        own += limits->senders[i] == hash;
    }
    bool entered = own < LIMITS_IMAGES_PER_USER && replace_sender(limits, 0, hash);
    pthread_mutex_unlock(&limits->lock);
    return entered;
}

void limits_image_leave(struct limits *limits, const char *user_id)
{
    pthread_mutex_lock(&limits->lock);
    (void)replace_sender(limits, text_hash(user_id), 0);
    pthread_mutex_unlock(&limits->lock);
}
