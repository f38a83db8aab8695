/*
 * Chats on loops (chat/chat.h) where everything comes in the least convenient order: answers of the store that
 * overtake each other and the channel, publications that are lost, sockets that read nothing.
 */
#include "world.h"

#include "net/conn.h"

static struct person a, b, c;

static void all_go(void)
{
    person_go(&a);
    person_go(&b);
    person_go(&c);
}

/* `count` messages of u0, who is a member from number 1 on, told to nobody. */
static void say_many(int count)
{
    db_join(0);
    while (db.last_seq < count) {
        db_say(0);
    }
}

static unsigned works_waiting(enum store_result (*run)(struct store_task *))
{
    unsigned count = 0;
    for (const struct work *work = db.first; work; work = work->next) {
        count += !run || work->run == run;
    }
    return count;
}

static void hear(int64_t seq)
{
    publish(seq);
    redis_all();
}

static void say_and_hear(int user)
{
    hear(db_say(user));
}

/* ---- What is shown ---- */

/* What was read from the store before a deletion must not be shown to those who came after it. */
static void test_delete_while_older_rows_are_read(void **state)
{
    (void)state;
    say_many(100);
    person_come(&a, 0, 0, ROOM, NULL, 10);
    redis_all();
    work_answer(db.first); /* a's membership */
    assert_int_equal(works_waiting(run_page), 1);
    struct work *page = db.first;
    work_do(page);
    hear(db_delete(95));
    hear(db_file_state(94));
    person_come(&b, 0, 0, ROOM, NULL, 10);
    work_answer(page->next); /* b's */
    assert_int_equal(b.welcomes, 1);
    work_answer(page);
    settle();
    for (struct person *person = &a; person; person = person == &a ? &b : NULL) {
        assert_int_equal(person->last, person == &a ? 102 : 100);
        assert_true(person->shown[96]);
        assert_false(person->shown[95]);
        assert_true(person->shown[94] && person->ready[94]);
    }
    all_go();
}

/* Who has been shown a message must hear of its deletion, also if that is older than their coming. */
static void test_delete_that_the_loop_has_not_heard_of(void **state)
{
    (void)state;
    static char large[CONN_DRAIN_MARK + 16];
    db_join(0);
    person_come(&a, 0, 0, ROOM, NULL, 10);
    settle();
    while (db.last_seq < 50) {
        say_and_hear(0);
    }
    memset(large, '1', sizeof large - 1);
    hear(db_append(MESSAGE_SENT, 0, "send", large, 0));
    int64_t tombstone = db_delete(49);
    person_come(&b, 0, 0, ROOM, NULL, 10);
    b.grows = true;
    settle();
    assert_true(b.shown[49]);
    say_and_hear(0); /* and the tombstone is read from the store */
    pass(200);
    settle();
    assert_int_equal(a.last, tombstone + 1);
    assert_true(b.last <= tombstone - 1);
    person_drain(&b);
    settle();
    assert_int_equal(b.last, tombstone + 1);
    assert_false(b.shown[49]);
    assert_false(a.shown[49]);
    all_go();
}

/* ---- Who may hear ---- */

/* One's membership is read, one leaves, and another's answer comes first and tells how far the room is. */
static void test_leave_between_two_answers(void **state)
{
    (void)state;
    db_join(0);
    db_join(1);
    person_come(&a, 0, 0, ROOM, NULL, 10);
    person_come(&b, 1, 0, ROOM, NULL, 10);
    redis_all();
    assert_int_equal(works_waiting(run_enter), 2);
    struct work *of_b = db.first->loop ? db.first : NULL;
    while (strcmp(((struct chat_enter *)of_b->task)->user, "u1") != 0) {
        of_b = of_b->next;
    }
    work_do(of_b);
    publish(db_leave(1));
    struct work *of_a = of_b == db.first ? of_b->next : db.first;
    work_answer(of_a);
    work_answer(of_b);
    settle();
    assert_int_equal(a.welcomes, 1);
    assert_false(b.follows);
    assert_int_equal(b.closed, 4000);
    all_go();
}

/* So much is missed, a leave among it, that all begin anew; an older answer says that one is a member. */
static void test_leave_among_what_was_skipped(void **state)
{
    (void)state;
    db_join(0);
    db_join(1);
    person_come(&a, 0, 0, ROOM, NULL, 10);
    settle();
    person_come(&b, 1, 0, ROOM, NULL, 10);
    struct work *of_b = db.first;
    assert_ptr_equal(of_b->run, run_enter);
    work_do(of_b);
    db_leave(1);
    for (int i = 0; i < 600; i++) {
        db_say(0);
    }
    pass(4000);
    while (of_b->next) {
        work_answer(of_b->next);
        pass(100);
    }
    assert_int_equal(a.gaps, 1);
    work_answer(of_b);
    settle();
    assert_int_equal(a.last, db.last_seq);
    assert_false(b.follows);
    all_go();
}

static void test_failing_store_is_no_missing_room(void **state)
{
    (void)state;
    db_join(0);
    person_come(&a, 0, 0, ROOM, NULL, 10);
    redis_all();
    work_do(db.first);
    db.first->result = STORE_FAILED;
    settle();
    assert_string_equal(a.error, "internal");
    assert_int_equal(a.closed, 1011);
    all_go();
}

/* A fresh token that comes while Redis is asked about the old one counts; one that does not come, closes. */
static void test_fresh_token_while_generations_are_asked_for(void **state)
{
    (void)state;
    person_come(&a, 0, 0, NULL, NULL, 0);
    person_come(&b, 1, 0, NULL, NULL, 0);
    newest_generation = 2;
    for (int i = 0; i < 100 && !buses[0].out; i++) {
        pass(100);
    }
    person_send(&a, "{\"messageType\":\"token\",\"message\":\"x\",\"ref\":\"t\"}");
    assert_int_equal(a.acks, 1);
    redis_all();
    assert_int_equal(a.closed, 0);
    assert_int_equal(b.closed, 4003);
    pass(10000);
    redis_all();
    assert_int_equal(a.closed, 0);
    all_go();
}

/* ---- A store that goes away ---- */

/* Comes, with its older rows still to be asked for by what redis_all() and the store's answer bring about. */
static void come_with_history(void)
{
    say_many(20);
    person_come(&a, 0, 0, ROOM, NULL, 10);
    redis_all();
    work_do(db.first); /* a's membership */
}

static void expect_history_and_what_follows(void)
{
    for (int i = 0; i < 5; i++) {
        pass(1000);
        settle();
    }
    assert_true(a.follows);
    assert_false(a.gap);
    for (int64_t seq = 11; seq <= 20; seq++) {
        assert_true(a.shown[seq]);
    }
    say_and_hear(0);
    assert_int_equal(a.last, 21);
    all_go();
}

/* Who is welcomed in the moment in which the store goes away is told all, once it is back. */
static void test_store_goes_away_before_older_rows_are_asked_for(void **state)
{
    (void)state;
    come_with_history();
    db.away = true;
    settle();
    assert_int_equal(a.welcomes, 1);
    pass(2000);
    db.away = false;
    expect_history_and_what_follows();
}

static void test_store_goes_away_while_older_rows_are_read(void **state)
{
    (void)state;
    come_with_history();
    work_answer(db.first);
    assert_int_equal(works_waiting(run_page), 1);
    db.first->result = STORE_UNAVAILABLE;
    db.first->is_done = true;
    settle();
    expect_history_and_what_follows();
}

/* The same for who replays, and has been told some of it. */
static void test_store_goes_away_while_who_was_away_catches_up(void **state)
{
    (void)state;
    for (int when = 0; when < 2; when++) {
        say_many(200);
        person_come(&b, 0, 0, ROOM, NULL, 0); /* the room is known from here on */
        settle();
        say_and_hear(0);
        person_come(&a, 0, 0, ROOM, ROOM ".20", 0);
        work_do(db.first);
        db.away = when == 0;
        work_answer(db.first);
        if (when == 1) {
            db.first->result = STORE_UNAVAILABLE;
            db.first->is_done = true;
        }
        settle();
        db.away = false;
        for (int i = 0; i < 5; i++) {
            pass(1000);
            settle();
        }
        assert_false(a.gap);
        assert_true(a.shown[21] && a.shown[100]);
        say_and_hear(0);
        assert_int_equal(a.last, db.last_seq);
        all_go();
        settle();
        memset(&db.rows, 0, sizeof db.rows);
        db.last_seq = 0;
    }
}

/* A subscription that the store had no place for at first is not given up later for that. */
static void test_a_refusal_that_was_overtaken_is_forgotten(void **state)
{
    (void)state;
    say_many(20);
    person_come(&a, 0, 0, NULL, NULL, 0);
    link_drop(&buses[0]);
    db.away = true;
    person_send(&a, "{\"messageType\":\"subscribe\",\"room\":\"" CHANNEL "\",\"ref\":\"s\"}");
    db.away = false;
    link_restore(&buses[0]);
    settle(); /* before the tick */
    assert_int_equal(a.welcomes, 2);
    assert_int_equal(a.errors, 0);
    while (db.last_seq < 20 + 2 * CHAT_HISTORY_MAX) {
        db_say(0); /* nobody hears of so many that the room is begun anew */
    }
    for (int i = 0; i < 5; i++) {
        pass(1000);
        settle();
    }
    assert_int_equal(a.errors, 0);
    assert_true(a.follows);
    assert_int_equal(a.last, db.last_seq);
    all_go();
}

/* ---- Rows that are missing ---- */

/* A read that was overtaken by the channel says nothing about what is missing since. */
static void test_overtaken_fill_forgets_nothing(void **state)
{
    (void)state;
    say_many(10);
    person_come(&a, 0, 0, ROOM, NULL, 10);
    settle();
    db_say(0);
    say_and_hear(0);
    pass(100);
    assert_int_equal(works_waiting(run_page), 1);
    work_do(db.first);
    hear(11);
    assert_int_equal(a.last, 12);
    db_say(0);
    say_and_hear(0);
    store_answer_all();
    hear(13);
    assert_int_equal(a.last, 14);
    all_go();
}

/* Each comes a little late, so something is always missing, but nothing for long: the store is not asked. */
static void test_overtaking_needs_no_store(void **state)
{
    (void)state;
    say_many(10);
    person_come(&a, 0, 0, ROOM, NULL, 10);
    settle();
    for (int i = 0; i < 200; i++) {
        db_say(0);
    }
    hear(12);
    for (int64_t seq = 14; seq < 200; seq += 2) {
        hear(seq);
        pass(25);
        for (const struct work *work = db.first; work; work = work->next) {
            assert_true(work->run != run_page);
        }
        hear(seq - 3);
        assert_int_equal(a.last, seq - 2);
    }
    all_go();
}

/* A room whose rows are gone, before anybody is told: the store is not asked again and again. */
static void test_room_that_is_gone_in_a_replay(void **state)
{
    (void)state;
    say_many(100);
    person_come(&a, 0, 0, ROOM, NULL, 10);
    redis_all();
    work_answer(db.first);
    db.room_is_there = false;
    int answers = 0;
    for (; db.first && answers < 100; answers++) {
        work_answer(db.first);
    }
    assert_true(answers < 5);
    pass(2000);
    settle();
    assert_int_equal(a.closes, 1);
    assert_int_equal(a.closed, 4000);
    all_go();
}

/* ---- What one socket may cost ---- */

/* Welcomes do not count against the queue's limit, so they wait until what is queued is read. */
static void test_welcomes_wait_for_who_does_not_read(void **state)
{
    (void)state;
    char json[128];
    db_join(0);
    person_come(&a, 0, 0, NULL, NULL, 0);
    a.backlog = CONN_DRAIN_MARK + 1;
    for (int i = 0; i < 100; i++) {
        snprintf(json, sizeof json,
                 "{\"messageType\":\"subscribe\",\"room\":\"" CHANNEL "\",\"ref\":\"r%d\"}", i);
        person_send(&a, json);
        pass(1000);
        settle();
    }
    assert_int_equal(a.welcomes, 1); /* the one without a room */
    assert_int_equal(a.errors, 99);  /* every `ref` is answered */
    person_drain(&a);
    settle();
    assert_int_equal(a.welcomes, 2);
    assert_string_equal(a.ref, "r99");
    all_go();
}

/* Where messages may be large, fewer of them are read at a time. */
static void test_older_rows_are_read_in_bounded_pieces(void **state)
{
    (void)state;
    config.message_max = 1 << 20;
    say_many(20);
    person_come(&a, 0, 0, ROOM, NULL, 10);
    redis_all();
    work_answer(db.first);
    assert_ptr_equal(db.first->run, run_page);
    const struct messages_page *page = (const struct messages_page *)db.first->task;
    assert_int_equal(page->from, 17);
    assert_int_equal(page->to, 20);
    settle();
    assert_true(a.shown[11] && a.shown[20] && !a.shown[10]);
    config.message_max = 65536;
    all_go();
}

/* A subscription that ends before it began is answered, however it ends. */
static void test_every_subscribe_is_answered(void **state)
{
    (void)state;
    const char *subscribe =
        "{\"messageType\":\"subscribe\",\"room\":\"" CHANNEL "\",\"ref\":\"s\"}";
    db_join(0);
    person_come(&a, 0, 0, NULL, NULL, 0);
    person_send(&a, subscribe);
    person_send(&a, "{\"messageType\":\"unsubscribe\",\"room\":\"" CHANNEL "\"}");
    assert_string_equal(a.ref, "s");
    assert_string_equal(a.error, "not_subscribed");
    settle();
    assert_int_equal(a.welcomes, 1);
    all_go();
}

/* What the store has not answered is bounded in bytes, for all of a loop. */
static void test_unanswered_sends_are_bounded(void **state)
{
    (void)state;
    static char json[60000];
    db_join(0);
    person_come(&a, 0, 0, ROOM, NULL, 0);
    settle();
    int head = snprintf(json, sizeof json, "{\"messageType\":\"send\",\"message\":\"");
    memset(json + head, 'x', sizeof json - 64 - (size_t)head);
    strcpy(json + sizeof json - 64, "\",\"ref\":\"r\"}");
    for (int i = 0; i < 2000; i++) {
        person_send(&a, json);
    }
    assert_true(a.errors > 1000);
    assert_string_equal(a.error, "unavailable");
    assert_true(works_waiting(run_append) > 100); /* but many they may be */
    settle();
    unsigned errors = a.errors;
    person_send(&a, json);
    settle();
    assert_int_equal(a.errors, errors);
    all_go();
}

/* Who says to have read rooms that nobody knows, while the store is away, costs no more than so much. */
static void test_marks_are_bounded(void **state)
{
    (void)state;
    char json[128];
    person_come(&a, 0, 0, NULL, NULL, 0);
    db.away = true;
    for (unsigned i = 0; i < CHAT_MARKS_MAX + 100; i++) {
        char room[CHAT_ROOM_ID_LEN + 1] = "caaaaaaaaaaaaaaa";
        for (unsigned n = i, at = 1; n > 0; n >>= 4) {
            room[at++] = (char)('a' + (n & 15));
        }
        snprintf(json, sizeof json, "{\"messageType\":\"read\",\"message\":\"%s.1\",\"ref\":\"r\"}",
                 room);
        person_send(&a, json);
    }
    assert_int_equal(chats[0]->marks.len, CHAT_MARKS_MAX);
    assert_int_equal(a.errors, CHAT_MARKS_MAX + 100);
    assert_string_equal(a.error, "unavailable");
    db.away = false;
    for (int i = 0; i < 4; i++) {
        pass(1000);
        settle();
    }
    assert_int_equal(chats[0]->marks.len, 0);
    all_go();
}

/* Acks of what one socket has read come in the order in which it said so. */
static void test_reads_are_acknowledged_in_order(void **state)
{
    (void)state;
    say_many(5);
    person_come(&a, 0, 0, ROOM, NULL, 0);
    settle();
    person_send(&a, "{\"messageType\":\"read\",\"message\":\"" ROOM ".1\"}"); /* the store has it */
    for (int i = 2; i <= 4; i++) {
        char json[128];
        snprintf(json, sizeof json,
                 "{\"messageType\":\"read\",\"message\":\"" ROOM ".%d\",\"ref\":\"r%d\"}", i, i);
        person_send(&a, json);
    }
    settle();
    pass(1000);
    settle();
    assert_int_equal(a.acks, 3);
    assert_string_equal(a.ref, "r4");
    all_go();
}

/* Where rooms are many and busy, their tails are kept for a shorter time. */
static void test_tails_of_many_rooms_are_bounded(void **state)
{
    (void)state;
    static char json[TAIL_BYTES / 2];
    struct chat_room *rooms[200];
    size_t bytes = 0;
    memset(json, 'x', sizeof json);
    for (size_t i = 0; i < 200; i++) {
        char id[CHAT_ROOM_ID_LEN + 1] = "cbbbbbbbbbbbbbbb";
        id[1] = (char)('a' + i / 20);
        id[2] = (char)('a' + i % 20);
        rooms[i] = chat_room_open(chats[0], id);
        assert_non_null(rooms[i]);
        rooms[i]->refs++;
    }
    for (int second = 0; second < 20; second++) {
        for (size_t i = 0; i < 20; i++) {
            struct tail *tail = &rooms[(size_t)second % 10 * 20 + i]->tail;
            assert_non_null(tail_append(tail, MESSAGE_SENT, (struct span){json, sizeof json},
                                        the_clock.now_ms));
        }
        pass(1000);
        bytes = 0;
        for (size_t i = 0; i < 200; i++) {
            bytes += rooms[i]->tail.bytes;
        }
        assert_true(bytes < 2 * CHAT_TAILS_BYTES);
    }
    assert_true(bytes > 0);
    assert_true(chats[0]->keep_ms < 60000);
    pass(61000);
    assert_true(chats[0]->keep_ms >= 60000);
    for (size_t i = 0; i < 200; i++) {
        rooms[i]->refs--;
        chat_room_unref(rooms[i]);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, world_begin, world_end)
    const struct CMUnitTest tests[] = {
        TEST(test_delete_while_older_rows_are_read),
        TEST(test_delete_that_the_loop_has_not_heard_of),
        TEST(test_leave_between_two_answers),
        TEST(test_leave_among_what_was_skipped),
        TEST(test_failing_store_is_no_missing_room),
        TEST(test_fresh_token_while_generations_are_asked_for),
        TEST(test_store_goes_away_before_older_rows_are_asked_for),
        TEST(test_store_goes_away_while_older_rows_are_read),
        TEST(test_store_goes_away_while_who_was_away_catches_up),
        TEST(test_a_refusal_that_was_overtaken_is_forgotten),
        TEST(test_overtaken_fill_forgets_nothing),
        TEST(test_overtaking_needs_no_store),
        TEST(test_room_that_is_gone_in_a_replay),
        TEST(test_tails_of_many_rooms_are_bounded),
        TEST(test_welcomes_wait_for_who_does_not_read),
        TEST(test_older_rows_are_read_in_bounded_pieces),
        TEST(test_every_subscribe_is_answered),
        TEST(test_unanswered_sends_are_bounded),
        TEST(test_marks_are_bounded),
        TEST(test_reads_are_acknowledged_in_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
