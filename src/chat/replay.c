/*
 * What a follower is told before it goes on with the live rows: its cursor walks the room's sequence, in
 * the tail where that reaches, else in the store, paced by the socket's drain. A replaying follower is
 * left out when live rows are handed out; the cursor meets them at the end, so nothing is lost or doubled
 * at the seam.
 */
#include "chat/internal.h"

#include <stdlib.h>

#include "core/metrics.h"
#include "net/conn.h"

#define PAGE 32                 /* rows that one follower reads from the store at a time, */
#define PAGE_BYTES (512u << 10) /* and their bodies' bytes, but for a single one */

/* A read for one follower. */
struct page_read {
    struct messages_page page;
    struct follow_op op;
    char room[CHAT_ROOM_ID_LEN + 1];
};

static void tell_gap(struct follow *follow)
{
    char since[CHAT_MESSAGE_ID_MAX + 1] = "";
    char body[CHAT_MESSAGE_ID_MAX + 32];
    if (follow->since >= 0) {
        chat_id_print(follow->room->id, follow->since, since);
    }
    snprintf(body, sizeof body, "{\"since\":\"%s\"}", since);
    metric_add(METRIC_GAPS, 1);
    chatter_tell(follow->chatter, follow->room->channel, "gap", NULL, span_of(body));
}

/* Is it for people's eyes, rather than for catching up? */
static bool is_for_people(enum chat_row_kind kind)
{
    return kind == MESSAGE_SENT || kind == MESSAGE_JOIN || kind == MESSAGE_LEAVE;
}

/* With a history, tombstones of what was not shown are of no use. */
static bool is_wanted(const struct follow *follow, int64_t seq, enum chat_row_kind kind)
{
    return is_for_people(kind) ||
           (kind != MESSAGE_DELETED && (follow->has_since || seq > follow->settled));
}

/* Finds where `history` messages begin; false: older rows must be read first. */
static bool find_start(struct follow *follow)
{
    const struct tail *tail = &follow->room->tail;
    uint32_t left = follow->history;
    int64_t seq = follow->entered < tail->end ? follow->entered + 1 : tail->end;
    while (left > 0 && seq > tail->first) {
        seq--;
        left -= is_for_people(tail_at(tail, seq)->kind);
    }
    if (left > 0 && tail->first > 1 && !tail->full) {
        return false;
    }
    follow->cursor = seq;
    return true;
}

void replay_begin(struct follow *follow)
{
    int64_t taken = follow->room->tail.end - 1;
    follow->state = FOLLOW_STARTING;
    follow->settled = follow->entered < taken ? follow->entered : taken;
    if (follow->has_since) {
        bool gap = follow->since < 0 || follow->since > follow->entered ||
                   follow->entered - follow->since > CHAT_HISTORY_MAX;
        int64_t newest = follow->entered - CHAT_HISTORY_MAX;
        if (gap) {
            tell_gap(follow);
        }
        follow->skip = gap ? 0 : follow->since;
        follow->cursor = !gap ? follow->since + 1 : newest > 0 ? newest + 1 : 1;
        follow->state = FOLLOW_REPLAYING;
    }
    replay_go_on(follow);
}

/* ---- Rows that are not in the tail ---- */

static bool hand_row(struct follow *follow, const struct chat_message_row *row, struct buf *json)
{
    struct frame *frames[RECEIVER_VARIANTS] = {NULL};
    struct news news;
    if (!news_of_row(&news, follow->room, row, json)) {
        chatter_no_memory(follow->chatter);
        return false;
    }
    bool sent = true;
    if (is_wanted(follow, news.seq, news.kind)) {
        struct frame *frame = chat_frame(follow, news.json, frames);
        sent = frame && follow->chatter->ops->deliver(follow->chatter->socket, frame, true);
        frame_unref(frame);
        metric_add(METRIC_REPLAYED, sent);
    }
    return sent;
}

static void page_done(struct store_task *task, enum store_result result)
{
    struct page_read *read = (struct page_read *)task;
    struct follow *follow = read->op.follow;
    struct buf json;
    buf_init(&json);
    if (follow) {
        follow->op = NULL;
    }
    if (follow && (result != STORE_OK || read->page.rows.count == 0)) {
        follow_again(follow); /* with the next tick, which also finds that the room is gone */
        follow = NULL;
    }
    for (size_t i = 0; follow && i < read->page.rows.count; i++) {
        const struct chat_message_row *row = &read->page.rows.list[i];
        if (row->seq == follow->cursor && hand_row(follow, row, &json)) {
            follow->cursor++;
        }
    }
    buf_finish(&json);
    if (result == STORE_OK) {
        chat_message_rows_finish(&read->page.rows);
    }
    free(read);
    if (follow) {
        replay_go_on(follow);
    }
}

static void read_page(struct follow *follow)
{
    struct chat_loop *chats = follow->chatter->chats;
    struct page_read *read = calloc(1, sizeof *read);
    if (!read) {
        chatter_no_memory(follow->chatter);
        return;
    }
    memcpy(read->room, follow->room->id, sizeof read->room);
    read->page = (struct messages_page){.task = {.done = page_done},
                                        .room = read->room,
                                        .which = MESSAGES_RANGE,
                                        .from = follow->cursor,
                                        .to = follow->room->tail.first - 1,
                                        .limit = PAGE,
                                        .bytes_max = PAGE_BYTES};
    if (messages_page_submit(chats->store, chats->loop, &read->page)) {
        free(read);
        follow_again(follow);
        return;
    }
    read->op.follow = follow;
    follow->op = &read->op;
}

/* ---- Rows of the tail ---- */

static bool hand_entry(struct follow *follow, struct tail_entry *entry)
{
    const struct span json = {entry->json, entry->len};
    if (!is_wanted(follow, follow->cursor, entry->kind)) {
        return true;
    }
    struct frame *frame = chat_frame(follow, json, entry->frames);
    metric_add(METRIC_REPLAYED, 1);
    return frame && follow->chatter->ops->deliver(follow->chatter->socket, frame, true);
}

static bool has_place(const struct follow *follow)
{
    const struct chatter *chatter = follow->chatter;
    return !chatter->closing && chatter->ops->backlog(chatter->socket) <= CONN_DRAIN_MARK;
}

void replay_go_on(struct follow *follow)
{
    struct tail *tail = &follow->room->tail;
    if (follow->state == FOLLOW_STARTING) {
        if (!find_start(follow)) {
            chat_room_load(follow->room);
            return;
        }
        follow->state = FOLLOW_REPLAYING;
    }
    while (follow->state == FOLLOW_REPLAYING && !follow->op && has_place(follow)) {
        struct tail_entry *entry = tail_at(tail, follow->cursor);
        if (follow->cursor >= tail->end) {
            follow->state = FOLLOW_LIVE;
        } else if (entry) {
            if (!hand_entry(follow, entry)) {
                return;
            }
            follow->cursor++;
        } else if (tail->full) {
            read_page(follow);
            return;
        } else {
            chat_room_load(follow->room);
            return;
        }
    }
}

void replay_all(struct chat_room *room)
{
    for (size_t i = room->count; i-- > 0;) {
        struct follow *follow = room->follows[i];
        if (follow->state == FOLLOW_STARTING || follow->state == FOLLOW_REPLAYING) {
            replay_go_on(follow);
        }
    }
}
