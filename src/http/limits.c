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
    uint32_t known[LIMITS_CODES_KNOWN]; /* hashes of the last wrong codes, in a ring; 0: none */
    uint8_t next;                       /* index in `known` */
};

struct limits {
    pthread_mutex_t lock; /* guards `charges` */
    struct charge charges[SETS][WAYS];
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
        limits->most[i] = http_threads < 8 ? 2 : http_threads / 4;
    }
    return limits;
}

void limits_destroy(struct limits *limits)
{
    if (limits) {
        pthread_mutex_destroy(&limits->lock);
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

static uint32_t code_hash(const char *code)
{
    uint32_t hash = hash_bytes(code, strlen(code));
    return hash ? hash : 1;
}

static bool knows(const struct charge *charge, const char *code)
{
    uint32_t hash = code_hash(code);
    for (int i = 0; i < LIMITS_CODES_KNOWN; i++) {
        if (charge->known[i] == hash) {
            return true;
        }
    }
    return false;
}

unsigned limits_codes_wait(struct limits *limits, const struct address *address, const char *code,
                           int64_t now_ms)
{
    const int64_t most = (LIMITS_CODES_BURST - 1) * (int64_t)LIMITS_CODES_REFILL_MS;
    struct address key = counted(address);
    pthread_mutex_lock(&limits->lock);
    const struct charge *charge = find(limits, &key, now_ms);
    int64_t over = charge && !knows(charge, code) ? owed(charge, now_ms) - most : 0;
    pthread_mutex_unlock(&limits->lock);
    return over > 0 ? (unsigned)((over + 999) / 1000) : 0;
}

void limits_codes_charge(struct limits *limits, const struct address *address, const char *code,
                         int64_t now_ms)
{
    const int64_t most = LIMITS_CODES_BURST * (int64_t)LIMITS_CODES_REFILL_MS;
    struct address key = counted(address);
    pthread_mutex_lock(&limits->lock);
    struct charge *charge = find(limits, &key, now_ms);
    if (!charge) {
        charge = make_place(limits, &key, now_ms);
    }
    if (!knows(charge, code)) {
        int64_t owes = owed(charge, now_ms) + LIMITS_CODES_REFILL_MS;
        charge->owed_ms = owes < most ? owes : most;
        charge->at_ms = now_ms;
        charge->known[charge->next] = code_hash(code);
        charge->next = (uint8_t)((charge->next + 1) % LIMITS_CODES_KNOWN);
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
