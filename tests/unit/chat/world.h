/*
 * A world for src/chat without threads, time, Redis or a database: a store with one room whose answers come when
 * the test says so, in any order, each with what was true when it was worked on; a Redis whose commands and
 * messages travel when the test says so; a clock that the test moves. Two loops, as of two servers.
 *
 * The functions that src/chat calls of bus/, store/ and libuv are defined here; the linker then takes
 * these. Included by test programs, each of one file.
 */
#ifndef TESTS_UNIT_CHAT_WORLD_H
#define TESTS_UNIT_CHAT_WORLD_H

#include "world_redis.h"

/* ---- Tokens ---- */

/* Whatever token comes is good, and of the newest generation. */
enum refresh_result refresh_read(const struct tokens *tokens, struct json_value body,
                                 const char *user_id, enum user_type type, struct claims *claims,
                                 enum token_error *error)
{
    (void)tokens, (void)body, (void)user_id, (void)error;
    *claims = (struct claims){
        .type = type, .expires_ms = INT64_MAX, .generation = (uint32_t)newest_generation};
    return REFRESH_OK;
}

/* ---- Sockets ---- */

/* What a page would show of the room, from what its socket is told. */
struct person {
    struct chatter *chatter;
    int user, loop;
    size_t backlog;    /* bytes waiting, as the socket says */
    bool grows;        /* nothing is read: what is delivered waits */
    uint16_t closed;   /* with that code */
    bool follows, gap; /* between welcome and close; `gap`: since then */
    int64_t last;      /* highest number told; 0: none yet */
    unsigned welcomes, gaps, closes, errors, acks, frames;
    char error[32];           /* the newest's code */
    char ref[ID_MAX + 1];     /* of the newest answer */
    bool shown[ROWS_MAX + 1]; /* messages of people, by number */
    bool ready[ROWS_MAX + 1];
};

static struct frame *person_encode(void *socket, struct span json)
{
    (void)socket;
    struct frame *frame = frame_create(json.n);
    assert_non_null(frame);
    memcpy(frame->bytes, json.p, json.n);
    frame->len = (uint32_t)json.n;
    return frame;
}

static void person_row(struct person *person, int64_t seq, const struct message *message)
{
    char room[CHAT_ROOM_ID_LEN + 1], id[CHAT_MESSAGE_ID_MAX + 1];
    int64_t about = 0;
    assert_true(seq > person->last); /* nothing twice, nothing out of order */
    assert_true(db.members[person->user] || seq <= db.left_at[person->user]);
    person->last = seq;
    if (strcmp(message->type, "delete") == 0 || strcmp(message->type, "file-state") == 0) {
        (void)span_copy(
            (struct span){message->body.raw.p + 7, strcspn(message->body.raw.p + 7, "\"")}, id,
            sizeof id);
        assert_true(chat_id_read(span_of(id), room, &about));
        if (strcmp(message->type, "delete") == 0) {
            person->shown[about] = false;
        } else {
            person->ready[about] = true;
        }
        return;
    }
    person->shown[seq] = true;
    person->ready[seq] = memmem(message->body.raw.p, message->body.raw.n, "ready", 5) != NULL;
}

static void person_answer(struct person *person, const struct message *message)
{
    if (*message->ref) {
        (void)span_copy(span_of(message->ref), person->ref, sizeof person->ref);
    }
    person->acks += strcmp(message->type, "ack") == 0;
    if (strcmp(message->type, "welcome") == 0) {
        person->welcomes++;
        person->follows = *message->room != '\0';
    } else if (strcmp(message->type, "gap") == 0) {
        person->gaps++;
        person->gap = true;
        person->last = 0;
        memset(person->shown, 0, sizeof person->shown);
    } else if (strcmp(message->type, "close") == 0) {
        person->closes++;
        person->follows = false;
    } else if (strcmp(message->type, "error") == 0) {
        const char *code = strstr(message->body.raw.p, "\"code\":\"") + 8;
        person->errors++;
        (void)span_copy((struct span){code, strcspn(code, "\"")}, person->error,
                        sizeof person->error);
    }
}

static bool person_deliver(void *socket, struct frame *frame, bool paced)
{
    struct person *person = socket;
    char *json = strndup(frame->bytes, frame->len);
    struct message message;
    struct message_error error;
    char room[CHAT_ROOM_ID_LEN + 1];
    int64_t seq;
    (void)paced;
    assert_non_null(json);
    if (person->closed) {
        free(json);
        return false;
    }
    person->frames++;
    person->backlog += person->grows ? frame->len : 0;
    assert_int_equal(message_read(span_of(json), MESSAGE_FROM_REDIS, &message, &error), 0);
    if (message.id.n > 0) {
        assert_true(chat_id_read(message.id, room, &seq));
        assert_true(person->follows);
        person_row(person, seq, &message);
    } else {
        person_answer(person, &message);
    }
    free(json);
    return true;
}

static size_t person_backlog(void *socket)
{
    const struct person *person = socket;
    return person->backlog;
}

static void person_close(void *socket, uint16_t code, const char *reason)
{
    struct person *person = socket;
    (void)reason;
    person->closed = code;
}

static const struct receiver_ops person_ops = {.variant = 0,
                                               .encode = person_encode,
                                               .deliver = person_deliver,
                                               .backlog = person_backlog,
                                               .close = person_close};

/* ---- All of it ---- */

static struct config config = {.rate_student = {1000000, 1000000},
                               .rate_host = {1000000, 1000000},
                               .ping_s = 25,
                               .message_max = 65536,
                               .queue_max = 1 << 20};
static struct chat_loop *chats[LOOPS];

/* `since` NULL: the newest `history`; room NULL: none. */
static void person_come(struct person *person, int user, int loop, const char *room,
                        const char *since, uint32_t history)
{
    struct claims claims = {.type = USER_STUDENT, .expires_ms = INT64_MAX, .generation = 1};
    *person = (struct person){.user = user, .loop = loop};
    snprintf(claims.user_id, sizeof claims.user_id, "%s", user_name_of(user));
    snprintf(claims.name, sizeof claims.name, "%s", user_name_of(user));
    const struct chatter_wish wish = {.claims = &claims,
                                      .room = room,
                                      .since = since,
                                      .history = history,
                                      .lasts = !room,
                                      .invited = true};
    person->chatter = chatter_create(chats[loop], &wish, &person_ops, person);
    assert_non_null(person->chatter);
}

static void person_go(struct person *person)
{
    if (person->chatter) {
        chatter_gone(person->chatter);
        person->chatter = NULL;
        person->follows = false;
    }
}

static void person_send(struct person *person, const char *json)
{
    chatter_receive(person->chatter, span_of(json));
}

static void person_drain(struct person *person)
{
    person->grows = false;
    person->backlog = 0;
    chatter_drained(person->chatter);
}

/* Everything that is on its way arrives, and what comes of that. */
static void settle(void)
{
    int rounds = 0;
    for (bool busy = true; busy;) {
        assert_true(++rounds < 1000); /* that would never end */
        busy = db.first != NULL;
        for (size_t i = 0; i < LOOPS; i++) {
            busy = busy || buses[i].out || buses[i].in;
        }
        store_answer_all();
        redis_all();
    }
}

static int world_begin(void **state)
{
    (void)state;
    timer_count = 0;
    memset(&db, 0, sizeof db);
    db.room_is_there = true;
    lose = 0;
    refuse = false;
    newest_generation = 0;
    for (size_t i = 0; i < LOOPS; i++) {
        buses[i] = (struct bus){.up = true};
        chats[i] = chat_loop_create(&the_clock, &config, NULL, "server");
        assert_non_null(chats[i]);
        buses[i].chats = chats[i];
        chat_loop_set_bus(chats[i], &buses[i]);
        chat_loop_start(chats[i]);
    }
    return 0;
}

/* Everybody has gone: nothing may be left, and nothing is. */
static int world_end(void **state)
{
    (void)state;
    for (size_t i = 0; i < LOOPS; i++) {
        for (int n = 0; n < 100 && !chat_loop_settled(chats[i], n > 10); n++) {
            settle();
        }
        assert_true(chat_loop_settled(chats[i], true));
        assert_null(chats[i]->head);
        assert_null(chats[i]->chatters);
        assert_int_equal(chats[i]->rooms.len, 0);
        assert_int_equal(chats[i]->listeners.len, 0);
        assert_int_equal(chats[i]->missing, 0);
        assert_int_equal(chats[i]->sending, 0);
        chat_loop_stop(chats[i]);
        link_drop(&buses[i]);
        chat_loop_destroy(chats[i]);
    }
    for (size_t i = 0; i < db.text_count; i++) {
        free(db.texts[i]);
    }
    return 0;
}

#endif
