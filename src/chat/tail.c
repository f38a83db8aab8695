/* The newest rows of a room; see tail.h. */
#include "chat/tail.h"

#include <stdlib.h>
#include <string.h>

#define CAP_MIN 16

static size_t cost(const struct tail_entry *entry)
{
    return sizeof *entry + entry->len;
}

static uint32_t count(const struct tail *tail)
{
    return (uint32_t)(tail->end - tail->first);
}

static struct tail_entry **slot(const struct tail *tail, int64_t seq)
{
    return &tail->slots[(uint64_t)seq & (tail->cap - 1)];
}

static void drop_frames(struct tail_entry *entry)
{
    for (size_t i = 0; i < RECEIVER_VARIANTS; i++) {
        frame_unref(entry->frames[i]);
        entry->frames[i] = NULL;
    }
}

static void drop_first(struct tail *tail)
{
    struct tail_entry *entry = *slot(tail, tail->first++);
    tail->bytes -= cost(entry);
    tail->full = false;
    drop_frames(entry);
    free(entry);
    if (tail->first == tail->end) {
        free(tail->slots);
        tail->slots = NULL;
        tail->cap = 0;
    }
}

void tail_init(struct tail *tail, int64_t end)
{
    *tail = (struct tail){.first = end, .end = end};
}

void tail_finish(struct tail *tail)
{
    tail_restart(tail, 0);
}

void tail_restart(struct tail *tail, int64_t end)
{
    while (tail->first < tail->end) {
        drop_first(tail);
    }
    tail_init(tail, end);
}

/* Makes place for one more. */
static bool grow(struct tail *tail)
{
    if (count(tail) < tail->cap) {
        return true;
    }
    uint32_t cap = tail->cap ? tail->cap * 2 : CAP_MIN;
    struct tail_entry **slots = calloc(cap, sizeof(struct tail_entry *));
    if (!slots) {
        return false;
    }
    for (int64_t seq = tail->first; seq < tail->end; seq++) {
        slots[(uint64_t)seq & (cap - 1)] = *slot(tail, seq);
    }
    free(tail->slots);
    tail->slots = slots;
    tail->cap = cap;
    return true;
}

static struct tail_entry *make(struct tail *tail, enum chat_row_kind kind, struct span json,
                               int64_t now_ms)
{
    size_t len = kind == MESSAGE_DELETED ? 0 : json.n;
    struct tail_entry *entry = grow(tail) ? calloc(1, sizeof *entry + len) : NULL;
    if (entry) {
        entry->kind = kind;
        entry->added_ms = now_ms;
        entry->len = len;
        if (len > 0) {
            memcpy(entry->json, json.p, len);
        }
        tail->bytes += cost(entry);
    }
    return entry;
}

struct tail_entry *tail_append(struct tail *tail, enum chat_row_kind kind, struct span json,
                               int64_t now_ms)
{
    if (count(tail) == TAIL_ROWS) {
        drop_first(tail);
    }
    struct tail_entry *entry = make(tail, kind, json, now_ms);
    if (!entry) {
        tail_restart(tail, tail->end + 1);
        return NULL;
    }
    *slot(tail, tail->end++) = entry;
    while (tail->bytes > TAIL_BYTES && count(tail) > 1) {
        drop_first(tail);
    }
    return entry;
}

bool tail_prepend(struct tail *tail, enum chat_row_kind kind, struct span json, int64_t now_ms)
{
    if (count(tail) == TAIL_ROWS || tail->bytes + sizeof(struct tail_entry) + json.n > TAIL_BYTES) {
        tail->full = true;
        return false;
    }
    struct tail_entry *entry = make(tail, kind, json, now_ms);
    if (!entry) {
        tail->full = true;
        return false;
    }
    *slot(tail, --tail->first) = entry;
    return true;
}

struct tail_entry *tail_at(const struct tail *tail, int64_t seq)
{
    return seq >= tail->first && seq < tail->end ? *slot(tail, seq) : NULL;
}

void tail_delete(struct tail *tail, int64_t seq)
{
    struct tail_entry *entry = tail_at(tail, seq);
    if (entry) {
        entry->kind = MESSAGE_DELETED;
        drop_frames(entry);
    }
}

void tail_forget(struct tail *tail, int64_t seq)
{
    while (tail->first < tail->end && tail->first <= seq) {
        drop_first(tail);
    }
}

void tail_forget_older(struct tail *tail, int64_t added_ms)
{
    while (tail->first < tail->end && (*slot(tail, tail->first))->added_ms < added_ms) {
        drop_first(tail);
    }
    tail->full = tail->full && tail->first < tail->end;
}
