/*
 * How far users have read. What they say of it is gathered for a while per user and room, then stored, told
 * to those in the room, and remembered in `room:{id}:read`; the first word after a silence is passed on at
 * once. What the store knows already, as sending marks as read, only Redis is told.
 *
 * Who has left is not to be in Redis any more, and nothing of a room that is deleted. Where the room is followed,
 * its channel says so; where it is not, the store is asked before Redis is told.
 */
#include "chat/internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "core/metrics.h"

#define GATHER_MS 500  /* between two times that one user's reading of one room is told */
#define ANSWERS_MAX 64 /* refs that wait for that, per user and room */

#define KEY_SIZE (CHAT_ROOM_ID_LEN + 1 + ID_MAX + 1)

/* Who is to be answered when it is stored. */
struct answer {
    struct answer *next;
    struct chatter *chatter;
    char ref[ID_MAX + 1];
};

/* A user's reading of a room; goes when it has been quiet for GATHER_MS. */
struct mark {
    struct chat_read op; /* first: the store's task */
    struct chat_loop *chats;
    int64_t wanted;         /* to be stored; 0: nothing */
    int64_t known;          /* stored, but not remembered in Redis; 0: nothing */
    int64_t due_ms;         /* when it is told next, loop's time */
    struct answer *waiting; /* for what is wanted */
    struct answer *asked;   /* for what the store is doing */
    unsigned answers;
    bool busy; /* the store is at it */
    enum user_type type;
    char room[CHAT_ROOM_ID_LEN + 1];
    char user[ID_MAX + 1];
    char name[NAME_MAX_BYTES + 1];
    char key[KEY_SIZE];
};

/* NULL: out of memory, or there are as many as there may be. */
static struct mark *mark_find(struct chat_loop *chats, const char *room, const char *user)
{
    char key[KEY_SIZE];
    snprintf(key, sizeof key, "%s %s", room, user);
    struct mark *mark = map_get(&chats->marks, span_of(key));
    if (mark) {
        return mark;
    }
    mark = chats->marks.len < CHAT_MARKS_MAX ? calloc(1, sizeof *mark) : NULL;
    if (!mark) {
        return NULL;
    }
    mark->chats = chats;
    memcpy(mark->key, key, sizeof key);
    (void)span_copy(span_of(room), mark->room, sizeof mark->room);
    (void)span_copy(span_of(user), mark->user, sizeof mark->user);
    if (map_put(&chats->marks, span_of(mark->key), mark)) {
        free(mark);
        return NULL;
    }
    return mark;
}

static void mark_free(struct mark *mark)
{
    map_remove(&mark->chats->marks, span_of(mark->key));
    free(mark);
}

/* ---- Redis ---- */

static void remember(struct mark *mark)
{
    char key[5 + CHAT_ROOM_ID_LEN + 6], id[CHAT_MESSAGE_ID_MAX + 1], number[24];
    snprintf(key, sizeof key, "room:%s:read", mark->room);
    chat_id_print(mark->room, mark->known, id);
    snprintf(number, sizeof number, "%" PRId64, mark->known);
    const struct span keys[] = {span_of(key)};
    const struct span args[] = {span_of(mark->user), span_of(id), span_of(number)};
    /* If Redis is away, it will have it with the next one. */
    (void)!bus_script(mark->chats->bus, BUS_SCRIPT_CHAT_READ, keys, 1, args, 3, NULL, NULL);
    mark->known = 0;
}

static void tell(const struct mark *mark, int64_t seq)
{
    char channel[CHAT_CHANNEL_LEN + 1], body[CHAT_MESSAGE_ID_MAX + 32];
    struct buf payload;
    buf_init(&payload);
    snprintf(channel, sizeof channel, "room:%s", mark->room);
    chat_read_body(mark->room, seq, body, sizeof body);
    const struct chat_notice notice = {.room = mark->room,
                                       .ts = clock_wall_ms(),
                                       .type = "read",
                                       .sender = span_of(mark->user),
                                       .name = span_of(mark->name),
                                       .sender_type = mark->type,
                                       .body = span_of(body)};
    chat_notice_publish(&payload, &notice, mark->op.seal);
    const struct span argv[] = {span_of("PUBLISH"), span_of(channel), buf_span(&payload)};
    if (payload.failed || bus_command(mark->chats->bus, argv, 3, NULL, NULL)) {
        metric_add(METRIC_OUT_OF_MEMORY, payload.failed);
    }
    buf_finish(&payload);
}

/* ---- The store ---- */

static void answer_all(struct mark *mark, struct answer **list, enum store_result result)
{
    struct answer *answer = *list;
    *list = NULL;
    while (answer) {
        struct answer *next = answer->next;
        if (result == STORE_OK) {
            chatter_ack(answer->chatter, mark->room, answer->ref, 0);
        } else {
            chatter_refused(answer->chatter, mark->room, answer->ref, result);
        }
        chatter_unref(answer->chatter);
        free(answer);
        mark->answers--;
        answer = next;
    }
}

static void stored(struct store_task *task, enum store_result result)
{
    struct mark *mark = (struct mark *)task;
    mark->busy = false;
    if (result == STORE_OK && mark->op.read_seq > mark->known) {
        mark->known = mark->op.read_seq;
        remember(mark);
    }
    if (result == STORE_OK && mark->op.moved) {
        tell(mark, mark->op.read_seq);
    }
    if (result == STORE_UNAVAILABLE && mark->wanted < mark->op.seq) {
        mark->wanted = mark->op.seq; /* it is tried again, whatever the client does */
    }
    answer_all(mark, &mark->asked, result);
    chat_loop_soon(mark->chats);
}

static void submit(struct mark *mark)
{
    struct chat_loop *chats = mark->chats;
    mark->op = (struct chat_read){
        .task = {.done = stored}, .room = mark->room, .user = mark->user, .seq = mark->wanted};
    mark->asked = mark->waiting;
    mark->waiting = NULL;
    mark->wanted = 0;
    mark->busy = chats_read_submit(chats->store, chats->loop, &mark->op) == 0;
    if (!mark->busy) {
        mark->wanted = mark->op.seq;
        answer_all(mark, &mark->asked, STORE_UNAVAILABLE);
    }
}

/* Leaves and the room's end are heard of here. */
static bool is_followed(const struct mark *mark)
{
    const struct chat_room *room = map_get(&mark->chats->rooms, span_of(mark->room));
    return room && room->state == CHAT_ROOM_LIVE && room->subscribed;
}

static void flush(struct mark *mark)
{
    int64_t now = loop_now_ms(mark->chats->loop);
    if (mark->busy || now < mark->due_ms) {
        return;
    }
    if (mark->wanted == 0 && mark->known == 0) {
        mark_free(mark);
        return;
    }
    mark->due_ms = now + GATHER_MS;
    if (mark->known && is_followed(mark)) {
        remember(mark);
    } else if (mark->known > mark->wanted) {
        mark->wanted = mark->known; /* refused if the user has left */
    }
    mark->known = 0;
    if (mark->wanted) {
        submit(mark);
    }
}

/* ---- From outside ---- */

static bool await(struct mark *mark, struct chatter *chatter, const char *ref)
{
    struct answer *answer = mark->answers < ANSWERS_MAX ? malloc(sizeof *answer) : NULL;
    struct answer **link = &mark->waiting;
    if (!answer) {
        return false;
    }
    while (*link) {
        link = &(*link)->next;
    }
    answer->chatter = chatter;
    (void)span_copy(span_of(ref), answer->ref, sizeof answer->ref);
    answer->next = NULL;
    *link = answer;
    mark->answers++;
    chatter_ref(chatter);
    return true;
}

void reads_move(struct chatter *chatter, const char *room, int64_t seq, const char *ref)
{
    struct mark *mark = mark_find(chatter->chats, room, chatter->user_id);
    if (!mark || (*ref && !await(mark, chatter, ref))) {
        chatter_refused(chatter, room, ref, STORE_UNAVAILABLE);
        return;
    }
    (void)span_copy(span_of(chatter_name(chatter)), mark->name, sizeof mark->name);
    mark->type = chatter->type;
    if (mark->wanted < seq) {
        mark->wanted = seq;
    }
    flush(mark);
    chat_loop_soon(chatter->chats);
}

void reads_stored(struct chat_loop *chats, const char *room, const char *user, int64_t seq)
{
    struct mark *mark = mark_find(chats, room, user);
    if (!mark) {
        return; /* Redis will have it with the next one */
    }
    if (mark->known < seq) {
        mark->known = seq;
    }
    flush(mark);
    chat_loop_soon(chats);
}

bool reads_flush(struct chat_loop *chats)
{
    size_t pos = 0, count = 0;
    struct mark *mark, *due[64];
    /* In portions: the map must not change while it is walked. */
    while (count < 64 && (mark = map_next(&chats->marks, &pos))) {
        if (!mark->busy && loop_now_ms(chats->loop) >= mark->due_ms) {
            due[count++] = mark;
        }
    }
    for (size_t i = 0; i < count; i++) {
        flush(due[i]);
    }
    return count == 64;
}

void reads_hurry(struct chat_loop *chats)
{
    size_t pos = 0;
    struct mark *mark;
    while ((mark = map_next(&chats->marks, &pos))) {
        mark->due_ms = 0;
    }
}

void reads_left(struct chat_loop *chats, const char *room, struct span user)
{
    char key[KEY_SIZE];
    snprintf(key, sizeof key, "%s %.*s", room, (int)user.n, user.p);
    struct mark *mark = map_get(&chats->marks, span_of(key));
    if (mark) {
        mark->known = 0;
    }
}

void reads_forget(struct chat_loop *chats, const char *room)
{
    char key[5 + CHAT_ROOM_ID_LEN + 6];
    size_t pos = 0;
    struct mark *mark;
    while ((mark = map_next(&chats->marks, &pos))) {
        if (strcmp(mark->room, room) == 0) {
            mark->known = 0;
        }
    }
    snprintf(key, sizeof key, "room:%s:read", room);
    const struct span argv[] = {span_of("DEL"), span_of(key)};
    (void)!bus_command(chats->bus, argv, 2, NULL, NULL);
}

void reads_give_up(struct chat_loop *chats)
{
    size_t pos = 0;
    struct mark *mark;
    while ((mark = map_next(&chats->marks, &pos))) {
        if (!mark->busy) {
            answer_all(mark, &mark->waiting, STORE_UNAVAILABLE);
            mark_free(mark);
            pos = 0; /* the map has changed */
        }
    }
}
