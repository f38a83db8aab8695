/* The in-memory end of a room's log; see ring.h. */
#include "room/ring.h"

#include <stdlib.h>

#define FIRST_CAP 16

int log_id_compare(struct log_id a, struct log_id b)
{
    if (a.ms != b.ms) {
        return a.ms < b.ms ? -1 : 1;
    }
    return a.seq < b.seq ? -1 : a.seq > b.seq;
}

static bool read_number(struct span *text, uint64_t *out)
{
    size_t digits = 0;
    uint64_t value = 0;
    while (digits < text->n && text->p[digits] >= '0' && text->p[digits] <= '9') {
        if (digits == 18) { /* more would not fit */
            return false;
        }
        value = value * 10 + (uint64_t)(text->p[digits] - '0');
        digits++;
    }
    text->p += digits;
    text->n -= digits;
    *out = value;
    return digits > 0;
}

bool log_id_parse(struct span text, struct log_id *out)
{
    if (!read_number(&text, &out->ms) || text.n == 0 || *text.p != '-') {
        return false;
    }
    text.p++;
    text.n--;
    return read_number(&text, &out->seq) && text.n == 0;
}

static void entry_free(struct ring_entry *entry)
{
    for (unsigned i = 0; i < RECEIVER_VARIANTS; i++) {
        frame_unref(entry->frames[i]);
    }
    free(entry);
}

void ring_init(struct ring *ring, size_t max_len, size_t max_bytes)
{
    *ring = (struct ring){.max_len = max_len, .max_bytes = max_bytes};
}

static struct ring_entry **slot(const struct ring *ring, uint64_t position)
{
    return &ring->slots[position & (ring->cap - 1)];
}

static void drop_oldest(struct ring *ring)
{
    struct ring_entry *oldest = *slot(ring, ring->first);
    if (log_id_compare(oldest->id, ring->dropped) > 0) {
        ring->dropped = oldest->id;
    }
    ring->bytes -= oldest->json.n;
    ring->first++;
    entry_free(oldest);
}

void ring_finish(struct ring *ring)
{
    while (ring->first < ring->end) {
        drop_oldest(ring);
    }
    free(ring->slots);
    ring->slots = NULL;
    ring->cap = 0;
}

void ring_break(struct ring *ring, struct log_id dropped)
{
    while (ring->first < ring->end) {
        drop_oldest(ring);
    }
    ring->first = ++ring->end;
    ring->last = ring->dropped = dropped;
}

static bool grow(struct ring *ring)
{
    size_t cap = ring->cap ? ring->cap * 2 : FIRST_CAP;
    struct ring_entry **slots = malloc(cap * sizeof *slots);
    if (!slots) {
        return false;
    }
    for (uint64_t p = ring->first; p < ring->end; p++) {
        slots[p & (cap - 1)] = *slot(ring, p);
    }
    free(ring->slots);
    ring->slots = slots;
    ring->cap = cap;
    return true;
}

/* One allocation holds the entry, its ids and its text. */
static struct ring_entry *entry_create(struct log_id id, unsigned targets, const char *target,
                                       const char *sender, struct span json)
{
    size_t target_size = *target ? strlen(target) + 1 : 0;
    size_t sender_size = strlen(sender) + 1;
    struct ring_entry *entry = malloc(sizeof *entry + target_size + sender_size + json.n);
    if (!entry) {
        return NULL;
    }
    char *text = (char *)(entry + 1);
    *entry = (struct ring_entry){.id = id, .targets = targets};
    entry->sender = memcpy(text, sender, sender_size);
    text += sender_size;
    if (target_size) {
        entry->target = memcpy(text, target, target_size);
        text += target_size;
    }
    memcpy(text, json.p, json.n);
    entry->json = (struct span){text, json.n};
    return entry;
}

struct ring_entry *ring_append(struct ring *ring, struct log_id id, unsigned targets,
                               const char *target, const char *sender, struct span json)
{
    if (log_id_compare(id, ring->last) <= 0 ||
        (ring->end - ring->first == ring->cap && !grow(ring))) {
        return NULL;
    }
    struct ring_entry *entry = entry_create(id, targets, target, sender, json);
    if (!entry) {
        return NULL;
    }
    *slot(ring, ring->end) = entry;
    ring->end++;
    ring->bytes += json.n;
    ring->last = id;
    while (ring->end - ring->first > 1 &&
           (ring->end - ring->first > ring->max_len || ring->bytes > ring->max_bytes)) {
        drop_oldest(ring);
    }
    return entry;
}

struct ring_entry *ring_at(const struct ring *ring, uint64_t position)
{
    return position >= ring->first && position < ring->end ? *slot(ring, position) : NULL;
}

uint64_t ring_after(const struct ring *ring, struct log_id id)
{
    uint64_t low = ring->first, high = ring->end;
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        if (log_id_compare((*slot(ring, middle))->id, id) <= 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}
