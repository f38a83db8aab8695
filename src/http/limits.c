/*
 * Charges per address in a table of fixed size, and counted slots; see limits.h.
 *
 * The table is a cache of sets: an address has four places. When they are taken, the one that is
 * charged least gives way, so that whoever wants to be forgotten must be good first.
 */
#include "http/limits.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
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

#define SLICE_MS 200  /* how late a stop may be noticed */
#define WASTERS 1024  /* users remembered who had decoders work in vain */
#define WASTE_SLOW 10 /* a waste is paid off in so many times the time it took */

struct waste {
    uint32_t who;    /* hash of the user's id */
    int64_t at_ms;   /* when `owed_ms` was true */
    int64_t owed_ms; /* time until nothing is charged any more; 0: the place is free */
};

/* An image that is being taken. */
struct image_sender {
    uint32_t who; /* hash of the user's id; 0: a free place */
    bool turn;    /* the one of this user's that goes on to the decoders */
};

struct limits {
    pthread_mutex_t lock; /* guards `charges`, `senders`, `uploaders`, `chatters` and `wastes` */
    pthread_cond_t turn_ended;
    struct waste wastes[WASTERS / WAYS][WAYS];
    struct charge charges[SETS][WAYS];
    struct image_sender *senders; /* `most` of them */
    uint32_t *uploaders;          /* hashes of users' ids, `most` of them; 0: a free place */
    uint32_t *chatters;           /* the same */
    atomic_uint busy[LIMITS_SLOTS];
    unsigned most[LIMITS_SLOTS];
};

struct limits *limits_create(unsigned http_threads)
{
    struct limits *limits = calloc(1, sizeof *limits);
    if (!limits) {
        return NULL;
    }
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&limits->turn_ended, &attributes);
    pthread_condattr_destroy(&attributes);
    pthread_mutex_init(&limits->lock, NULL);
    for (int i = 0; i < LIMITS_SLOTS; i++) {
        bool eighth =
            i == LIMITS_OPENING || i == LIMITS_TOKEN || i == LIMITS_IMAGE || i == LIMITS_CHAT_DOOR;
        unsigned share = http_threads / (eighth ? 8 : i == LIMITS_CHAT ? 2 : 4);
        limits->most[i] = share < 2 ? 2 : share;
    }
    limits->senders = calloc(limits->most[LIMITS_IMAGE], sizeof *limits->senders);
    limits->uploaders = calloc(limits->most[LIMITS_UPLOAD], sizeof *limits->uploaders);
    limits->chatters = calloc(limits->most[LIMITS_CHAT], sizeof *limits->chatters);
    if (!limits->senders || !limits->uploaders || !limits->chatters) {
        limits_destroy(limits);
        return NULL;
    }
    return limits;
}

void limits_destroy(struct limits *limits)
{
    if (limits) {
        pthread_mutex_destroy(&limits->lock);
        pthread_cond_destroy(&limits->turn_ended);
        free(limits->senders);
        free(limits->uploaders);
        free(limits->chatters);
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

/* With the lock: the user's image that has that `turn`, or a free place (`who` 0); NULL: none. */
static struct image_sender *find_sender(struct limits *limits, uint32_t who, bool turn)
{
    for (unsigned i = 0; i < limits->most[LIMITS_IMAGE]; i++) {
        if (limits->senders[i].who == who && limits->senders[i].turn == turn) {
            return &limits->senders[i];
        }
    }
    return NULL;
}

bool limits_image_enter(struct limits *limits, const char *user_id)
{
    uint32_t who = text_hash(user_id);
    unsigned own = 0;
    pthread_mutex_lock(&limits->lock);
    for (unsigned i = 0; i < limits->most[LIMITS_IMAGE]; i++) {
        own += limits->senders[i].who == who;
    }
    struct image_sender *place =
        own < LIMITS_IMAGES_PER_USER ? find_sender(limits, 0, false) : NULL;
    if (place) {
        place->who = who;
    }
    pthread_mutex_unlock(&limits->lock);
    return place != NULL;
}

/* Which of the user's images leaves does not matter, but it is not the one whose turn it is. */
void limits_image_leave(struct limits *limits, const char *user_id)
{
    pthread_mutex_lock(&limits->lock);
    struct image_sender *place = find_sender(limits, text_hash(user_id), false);
    if (place) {
        place->who = 0;
    }
    pthread_mutex_unlock(&limits->lock);
}

/* Takes a free one of `most` places, of which a user may have `own_most`. */
static bool take_place(struct limits *limits, uint32_t *places, unsigned most, const char *user_id,
                       unsigned own_most)
{
    uint32_t who = text_hash(user_id);
    uint32_t *place = NULL;
    unsigned own = 0;
    pthread_mutex_lock(&limits->lock);
    for (unsigned i = 0; i < most; i++) {
        own += places[i] == who;
        place = places[i] ? place : &places[i];
    }
    bool open = place && own < own_most;
    if (open) {
        *place = who;
    }
    pthread_mutex_unlock(&limits->lock);
    return open;
}

static void leave_place(struct limits *limits, uint32_t *places, unsigned most, const char *user_id)
{
    uint32_t who = text_hash(user_id);
    pthread_mutex_lock(&limits->lock);
    for (unsigned i = 0; i < most; i++) {
        if (places[i] == who) {
            places[i] = 0;
            break;
        }
    }
    pthread_mutex_unlock(&limits->lock);
}

bool limits_upload_enter(struct limits *limits, const char *user_id)
{
    return take_place(limits, limits->uploaders, limits->most[LIMITS_UPLOAD], user_id,
                      LIMITS_UPLOADS_PER_USER);
}

void limits_upload_leave(struct limits *limits, const char *user_id)
{
    leave_place(limits, limits->uploaders, limits->most[LIMITS_UPLOAD], user_id);
}

bool limits_chat_enter(struct limits *limits, const char *user_id)
{
    return take_place(limits, limits->chatters, limits->most[LIMITS_CHAT], user_id,
                      LIMITS_CHATS_PER_USER);
}

void limits_chat_leave(struct limits *limits, const char *user_id)
{
    leave_place(limits, limits->chatters, limits->most[LIMITS_CHAT], user_id);
}

bool limits_image_turn(struct limits *limits, const char *user_id, int64_t wait_ms,
                       const atomic_bool *stop)
{
    uint32_t who = text_hash(user_id);
    int64_t deadline_ms = clock_mono_ms() + wait_ms;
    bool in_time = true;
    pthread_mutex_lock(&limits->lock);
    while (in_time && find_sender(limits, who, true)) {
        int64_t until_ms = clock_mono_ms();
        in_time = until_ms < deadline_ms && !atomic_load(stop);
        until_ms += SLICE_MS;
        const struct timespec until = {.tv_sec = until_ms / 1000,
                                       .tv_nsec = until_ms % 1000 * 1000000};
        if (in_time) {
            pthread_cond_timedwait(&limits->turn_ended, &limits->lock, &until);
        }
    }
    struct image_sender *own = in_time ? find_sender(limits, who, false) : NULL;
    if (own) {
        own->turn = true;
    }
    pthread_mutex_unlock(&limits->lock);
    return own != NULL;
}

void limits_image_turn_end(struct limits *limits, const char *user_id)
{
    pthread_mutex_lock(&limits->lock);
    struct image_sender *own = find_sender(limits, text_hash(user_id), true);
    if (own) {
        own->turn = false;
    }
    pthread_cond_broadcast(&limits->turn_ended);
    pthread_mutex_unlock(&limits->lock);
}

/* ---- Decoders' time in vain ---- */

static int64_t waste_owed(const struct waste *waste, int64_t now_ms)
{
    int64_t left = waste->owed_ms - (now_ms - waste->at_ms);
    return left > 0 ? left : 0;
}

/* The user's place, or the one of its set that is charged least. */
static struct waste *find_waste(struct limits *limits, uint32_t who, int64_t now_ms)
{
    struct waste *set = limits->wastes[who % (WASTERS / WAYS)];
    struct waste *least = &set[0];
    for (int i = 0; i < WAYS; i++) {
        if (set[i].who == who) {
            return &set[i];
        }
        if (waste_owed(&set[i], now_ms) < waste_owed(least, now_ms)) {
            least = &set[i];
        }
    }
    return least;
}

void limits_waste_charge(struct limits *limits, const char *user_id, int64_t took_ms,
                         int64_t now_ms)
{
    uint32_t who = text_hash(user_id);
    pthread_mutex_lock(&limits->lock);
    struct waste *waste = find_waste(limits, who, now_ms);
    int64_t owes = waste->who == who ? waste_owed(waste, now_ms) : 0;
    *waste = (struct waste){who, now_ms, owes + took_ms * WASTE_SLOW};
    pthread_mutex_unlock(&limits->lock);
}

unsigned limits_waste(struct limits *limits, const char *user_id, int64_t now_ms)
{
    const int64_t most = (int64_t)LIMITS_WASTE_MS * WASTE_SLOW;
    uint32_t who = text_hash(user_id);
    pthread_mutex_lock(&limits->lock);
    const struct waste *waste = find_waste(limits, who, now_ms);
    int64_t over = waste->who == who ? waste_owed(waste, now_ms) - most : 0;
    pthread_mutex_unlock(&limits->lock);
    return over > 0 ? (unsigned)((over + 999) / 1000) : 0;
}
