/*
 * What did not come by the channel is read from the store: rows that were overtaken or lost (a publication that
 * failed, a server killed between commit and publication, a lost link), and older rows for those who
 * replay. All rooms are compared with the store every few seconds, so that nothing stays missing.
 */
#include "chat/internal.h"

#include <stdlib.h>

#include "core/metrics.h"

#define GRACE_MS 60           /* publications of different connections may overtake each other */
#define PAGE 64               /* rows per read */
#define PAGE_BYTES (1u << 20) /* and their bodies', where fewer rows do as well */
#define LOAD_BYTES (4u << 20) /* rows in front are so few that they cannot take more */
#define CHECK_MS 3000         /* between two comparisons */
#define TIPS 500              /* rooms per query */

/* A read for a room. */
struct room_read {
    struct messages_page page;
    struct chat_room *room;
    char id[CHAT_ROOM_ID_LEN + 1];
};

static struct room_read *read_begin(struct chat_room *room, int64_t from, int64_t to,
                                    size_t bytes_max,
                                    void (*done)(struct store_task *, enum store_result))
{
    struct room_read *read = calloc(1, sizeof *read);
    if (!read) {
        metric_add(METRIC_OUT_OF_MEMORY, 1);
        return NULL;
    }
    read->room = room;
    memcpy(read->id, room->id, sizeof read->id);
    read->page = (struct messages_page){.task = {.done = done},
                                        .room = read->id,
                                        .which = MESSAGES_RANGE,
                                        .from = from,
                                        .to = to,
                                        .limit = PAGE,
                                        .bytes_max = bytes_max};
    if (messages_page_submit(room->chats->store, room->chats->loop, &read->page)) {
        free(read);
        return NULL;
    }
    room->refs++;
    return read;
}

static void read_end(struct room_read *read, enum store_result result)
{
    struct chat_room *room = read->room;
    if (result == STORE_OK) {
        chat_message_rows_finish(&read->page.rows);
    }
    free(read);
    room->refs--;
    chat_room_unref(room);
}

/* ---- Rows that are missing ---- */

static void fill_after(struct chat_room *room, int64_t ms)
{
    if (!room->fill_at_ms) {
        room->chats->missing++;
    }
    room->fill_at_ms = loop_now_ms(room->chats->loop) + ms;
    chat_loop_soon(room->chats);
}

void chat_room_whole(struct chat_room *room)
{
    if (room->fill_at_ms) {
        room->fill_at_ms = 0;
        room->chats->missing--;
    }
}

/* Each hole gets its time: where rows overtake each other all the while there is always one. */
void chat_room_patience(struct chat_room *room)
{
    if (room->fill_at_ms && !room->filling) {
        fill_after(room, GRACE_MS);
    }
}

void chat_room_behind(struct chat_room *room, int64_t last)
{
    if (room->known_last < last) {
        room->known_last = last;
    }
    if (room->tail.end <= room->known_last && !room->fill_at_ms) {
        fill_after(room, GRACE_MS);
    }
}

/*
 * Too much was missed to be told all of it: everybody is told as if they came now, with what they had last as `since`.
 */
static void start_again(struct chat_room *room)
{
    for (size_t i = 0; i < room->count; i++) {
        follow_again(room->follows[i]);
    }
    tail_restart(&room->tail, room->stored_last + 1);
    room->from = room->stored_last + 1;
    room->known_last = room->stored_last;
    chat_room_drop_held(room);
    chat_room_whole(room);
    for (size_t i = room->count; i-- > 0;) {
        follow_check(room->follows[i]);
    }
}

/* Rows that were published are in the store. Those that are not there somebody has made up. */
static void forget_made_up(struct chat_room *room)
{
    room->known_last = room->tail.end - 1;
    chat_room_drop_held(room);
    chat_room_whole(room);
    room->chats->checked_ms = 0; /* perhaps true ones came while the store was read */
    chat_loop_soon(room->chats);
}

static void take_rows(struct chat_room *room, const struct chat_message_rows *rows)
{
    struct buf json;
    buf_init(&json);
    for (size_t i = 0; i < rows->count; i++) {
        struct news news;
        if (!news_of_row(&news, room, &rows->list[i], &json)) {
            metric_add(METRIC_OUT_OF_MEMORY, 1);
            break;
        }
        metric_add(METRIC_CHAT_FILLED, news.seq == room->tail.end);
        chat_room_take(room, &news);
    }
    buf_finish(&json);
    chat_room_take_held(room);
}

static void fill(struct chat_room *room);

static void filled(struct store_task *task, enum store_result result)
{
    struct room_read *read = (struct room_read *)task;
    struct chat_room *room = read->room;
    const struct messages_page *page = &read->page;
    if (result == STORE_OK) {
        take_rows(room, &page->rows);
    }
    room->filling = false;
    if (room->state == CHAT_ROOM_LIVE && room->fill_at_ms) {
        if (result != STORE_OK) {
            fill_after(room, RETRY_MS);
        } else if (room->tail.end == page->from) {
            forget_made_up(room);
        } else if (room->tail.end <= page->to || page->to - page->from == PAGE - 1) {
            fill(room);
        } else {
            fill_after(room, GRACE_MS); /* what was asked for has come: this is another hole */
        }
    }
    read_end(read, result);
}

static void fill(struct chat_room *room)
{
    int64_t from = room->tail.end, to = room->known_last;
    if (room->stored_last - from >= CHAT_HISTORY_MAX) {
        room->refs++;
        start_again(room);
        room->refs--;
        chat_room_unref(room);
    } else if (read_begin(room, from, to < from + PAGE ? to : from + PAGE - 1, PAGE_BYTES,
                          filled)) {
        room->filling = true;
    } else {
        fill_after(room, RETRY_MS);
    }
}

void chat_loop_fill(struct chat_loop *chats)
{
    int64_t now = loop_now_ms(chats->loop);
    for (struct chat_room *room = chats->head, *next; room && chats->missing > 0; room = next) {
        next = room->next;
        if (room->fill_at_ms && room->fill_at_ms <= now && !room->filling &&
            room->state == CHAT_ROOM_LIVE) {
            fill(room);
        }
    }
}

/* ---- Older rows, for those who replay ---- */

/* Those who wait for them ask the store anew, with the next tick, which also finds that the room is gone. */
static void not_loaded(struct chat_room *room)
{
    for (size_t i = 0; i < room->count; i++) {
        struct follow *follow = room->follows[i];
        if (follow->state == FOLLOW_STARTING || (follow->state == FOLLOW_REPLAYING && !follow->op &&
                                                 follow->cursor < room->tail.first)) {
            follow_again(follow);
        }
    }
}

static void loaded(struct store_task *task, enum store_result result)
{
    struct room_read *read = (struct room_read *)task;
    struct chat_room *room = read->room;
    const struct chat_message_rows *rows = &read->page.rows;
    int64_t now = loop_now_ms(room->chats->loop);
    struct buf json;
    buf_init(&json);
    room->loading = false;
    if (result != STORE_OK || rows->count == 0) {
        not_loaded(room);
    }
    for (size_t i = result == STORE_OK ? rows->count : 0; i-- > 0;) {
        struct news news;
        if (rows->list[i].seq <= room->stale) {
            break;
        }
        /* The tail may have been cut or begun anew meanwhile. */
        if (rows->list[i].seq == room->tail.first - 1 &&
            (!news_of_row(&news, room, &rows->list[i], &json) ||
             !tail_prepend(&room->tail, news.kind, news.json, now))) {
            break;
        }
    }
    buf_finish(&json);
    replay_all(room);
    read_end(read, result);
}

/* The newest of them are wanted, so the store cannot be told to stop at so many bytes. */
static int64_t rows_to_load(const struct chat_room *room)
{
    uint32_t rows = LOAD_BYTES / room->chats->config->message_max;
    return rows == 0 ? 1 : rows < PAGE ? rows : PAGE;
}

void chat_room_load(struct chat_room *room)
{
    int64_t to = room->tail.first - 1, rows = rows_to_load(room);
    if (room->loading) {
        return;
    }
    room->stale = 0;
    if (read_begin(room, to >= rows ? to - rows + 1 : 1, to, 0, loaded)) {
        room->loading = true;
    } else {
        not_loaded(room);
    }
}

/* ---- Are there rows that nobody has told us of? ---- */

struct look {
    struct chats_tips op;
    struct chat_loop *chats;
    struct chat_tip tips[];
};

static void looked(struct store_task *task, enum store_result result)
{
    struct look *look = (struct look *)task;
    struct chat_loop *chats = look->chats;
    chats->looks--;
    for (size_t i = 0; result == STORE_OK && i < look->op.count; i++) {
        const struct chat_tip *tip = &look->tips[i];
        struct chat_room *room = chat_room_find(chats, span_of(tip->room));
        if (room && room->state == CHAT_ROOM_LIVE && tip->last_seq < 0) {
            chat_room_over(room);
        } else if (room && room->state == CHAT_ROOM_LIVE) {
            room->stored_last = tip->last_seq;
            chat_room_behind(room, tip->last_seq);
        }
    }
    free(look);
}

/* Asks for the rooms from `room` on; returns the first that it left out. */
static struct chat_room *look_at(struct chat_loop *chats, struct chat_room *room)
{
    struct look *look = malloc(sizeof *look + TIPS * sizeof(struct chat_tip));
    size_t count = 0;
    if (!look) {
        metric_add(METRIC_OUT_OF_MEMORY, 1);
        return NULL;
    }
    for (; room && count < TIPS; room = room->next) {
        if (room->state == CHAT_ROOM_LIVE) {
            memcpy(look->tips[count].room, room->id, sizeof room->id);
            look->tips[count++].last_seq = -1;
        }
    }
    look->chats = chats;
    look->op = (struct chats_tips){.task = {.done = looked}, .tips = look->tips, .count = count};
    if (count == 0 || chats_tips_submit(chats->store, chats->loop, &look->op)) {
        free(look);
        return count == 0 ? room : NULL;
    }
    chats->looks++;
    return room;
}

void chat_loop_check(struct chat_loop *chats)
{
    int64_t now = loop_now_ms(chats->loop);
    if (chats->looks > 0 || (chats->checked_ms && now - chats->checked_ms < CHECK_MS)) {
        return;
    }
    chats->checked_ms = now;
    struct chat_room *room = chats->head;
    while (room) {
        room = look_at(chats, room);
    }
}
