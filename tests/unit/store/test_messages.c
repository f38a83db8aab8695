/* Messages of chat rooms: their numbers, refs, deleting, pages; on both kinds of store. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "unit/store/chat_rig.h"

/* ---- Appending ---- */

static void numbers_have_no_holes(void **state)
{
    (void)state;
    struct rig *rig = chat_rig_open();
    struct room_id room = make_group(rig, "kim", "모둠"), other = make_group(rig, "lee", "other");
    join(rig, room.id, "lee"); /* 2 */
    for (int64_t seq = 3; seq < 10; seq++) {
        assert_int_equal(say(rig, room.id, seq % 2 ? "kim" : "lee", "\"x\""), seq);
    }
    assert_int_equal(say(rig, other.id, "lee", "\"x\""), 2); /* each room has its own */
    rig_reopen(rig);
    assert_int_equal(say(rig, room.id, "kim", "\"x\""), 10);
    rig_close(rig);
}

static void only_members_append(void **state)
{
    (void)state;
    struct rig *rig = chat_rig_open();
    struct room_id room = make_group(rig, "kim", "모둠");
    struct room_id direct = make_direct(rig, "kim", "lee");
    struct message_append op = a_message(room.id, "park", "\"x\"");
    assert_int_equal(messages_append(rig->store, &op), STORE_NOT_MEMBER);
    op = a_message(direct.id, "park", "\"x\"");
    assert_int_equal(messages_append(rig->store, &op),
                     STORE_NOT_FOUND); /* not even that it is there */
    op = a_message("caaaaaaaaaaaaaaa", "kim", "\"x\"");
    assert_int_equal(messages_append(rig->store, &op), STORE_NOT_FOUND);
    op = a_message("' OR 1=1 --", "kim", "\"x\"");
    assert_int_equal(messages_append(rig->store, &op), STORE_NOT_FOUND);
    assert_int_equal(say(rig, room.id, "kim", "\"x\""), 2);
    assert_int_equal(say(rig, direct.id, "lee", "\"x\""), 1);
    rig_close(rig);
}

static void bodies_stay_byte_for_byte(void **state)
{
    (void)state;
    static const char *const bodies[] = {
        "\"안녕 😀\"",
        "{\"a\" : [1,2 ], \"b\":\"\\u0000 \\\" ' $1 ? % _ \\\\\"}",
        "\"<script>\"",
        "null",
        "\"'; DROP TABLE chat_messages; --\"",
        "\"\"",
    };
    struct rig *rig = chat_rig_open();
    struct room_id room = make_group(rig, "kim", "모둠");
    char *big = malloc(200001);
    assert_non_null(big);
    memset(big, 'x', 200000);
    big[200000] = '\0';
    for (size_t i = 0; i <= sizeof bodies / sizeof bodies[0]; i++) {
        const char *body = i < sizeof bodies / sizeof bodies[0] ? bodies[i] : big;
        struct chat_message_rows rows;
        struct message_append op = a_message(room.id, "kim", body);
        op.type = span_of("My.type-1");
        op.ref = span_of(i ? "" : "r'1");
        op.now_ms = NOW + 7;
        assert_int_equal(messages_append(rig->store, &op), STORE_OK);
        assert_int_equal(strlen(op.seal), SEAL_LEN);
        assert_int_equal(messages_get(rig->store, room.id, op.seq, &rows), STORE_OK);
        assert_int_equal(rows.count, 1);
        const struct chat_message_row *row = rows.list;
        assert_int_equal(row->seq, op.seq);
        assert_int_equal(row->kind, MESSAGE_SENT);
        assert_true(row->created_ms == NOW + 7);
        assert_true(span_eq(row->sender, "kim"));
        assert_true(span_eq(row->sender_name, "김선생 kim"));
        assert_int_equal(row->sender_type, USER_TEACHER);
        assert_true(span_eq(row->type, "My.type-1"));
        assert_true(span_eq(row->body, body));
        assert_true(span_eq(row->ref, i ? "" : "r'1"));
        chat_message_rows_finish(&rows);
    }
    struct chat_message_rows rows;
    assert_int_equal(messages_get(rig->store, room.id, 999, &rows), STORE_NOT_FOUND);
    assert_int_equal(rows.count, 0);
    free(big);
    rig_close(rig);
}

static void a_ref_counts_once(void **state)
{
    (void)state;
    struct rig *rig = chat_rig_open();
    struct room_id room = make_group(rig, "kim", "모둠"), other = make_group(rig, "kim", "둘째");
    join(rig, room.id, "lee");
    struct message_append op = a_message(room.id, "kim", "\"first\"");
    op.ref = span_of("r1");
    assert_int_equal(messages_append(rig->store, &op), STORE_OK);
    assert_int_equal(op.seq, 3);
    struct message_append again = a_message(room.id, "kim", "\"again\"");
    again.ref = span_of("r1");
    again.now_ms = NOW + 1000;
    assert_int_equal(messages_append(rig->store, &again), STORE_OK);
    assert_true(again.repeated);
    assert_int_equal(again.seq, 3);
    assert_true(again.created_ms == NOW);
    assert_string_equal(again.seal, op.seal);
    /* Somebody else's, another room's, and none at all. */
    again.sender = "lee";
    assert_int_equal(messages_append(rig->store, &again), STORE_OK);
    assert_false(again.repeated);
    again.sender = "kim";
    again.room = other.id;
    assert_int_equal(messages_append(rig->store, &again), STORE_OK);
    assert_false(again.repeated);
    assert_int_equal(say(rig, room.id, "kim", "\"a\""), 5);
    assert_int_equal(say(rig, room.id, "kim", "\"a\""), 6);
    /* Of one that was deleted too: it does not come back. */
    assert_int_equal(try_delete(rig, room.id, "kim", 3), STORE_OK); /* 7 */
    again.room = room.id;
    assert_int_equal(messages_append(rig->store, &again), STORE_OK);
    assert_true(again.repeated);
    assert_int_equal(again.seq, 3);
    /* Who has left is told so, whatever the ref. */
    assert_int_equal(try_leave(rig, room.id, "lee"), STORE_OK); /* 8 */
    again.sender = "lee";
    assert_int_equal(messages_append(rig->store, &again), STORE_NOT_MEMBER);
    assert_int_equal(say(rig, room.id, "kim", "\"a\""), 9);
    rig_close(rig);
}

static void sending_marks_as_read(void **state)
{
    (void)state;
    struct rig *rig = chat_rig_open();
    struct room_id room = make_group(rig, "kim", "모둠");
    join(rig, room.id, "lee");
    say(rig, room.id, "kim", "\"a\"");
    say(rig, room.id, "kim", "\"b\"");
    struct chat_enter op = {.room_id = room.id, .user = "lee"};
    assert_int_equal(chats_enter(rig->store, &op), STORE_OK);
    assert_int_equal(op.read_seq, 2); /* their own join */
    assert_int_equal(op.unread, 2);
    say(rig, room.id, "lee", "\"c\"");
    assert_int_equal(chats_enter(rig->store, &op), STORE_OK);
    assert_int_equal(op.read_seq, 5);
    assert_int_equal(op.unread, 0);
    rig_close(rig);
}

/* ---- Deleting ---- */

static void deleting_leaves_a_tombstone(void **state)
{
    (void)state;
    struct rig *rig = chat_rig_open();
    struct room_id room = make_group(rig, "kim", "모둠");
    join(rig, room.id, "lee");
    join(rig, room.id, "park");
    int64_t lees = say(rig, room.id, "lee", "\"secret\""),
            parks = say(rig, room.id, "park", "\"p\"");
    int64_t kims = say(rig, room.id, "kim", "\"k\"");
    struct message_delete op = {.room = room.id, .user = "park", .seq = lees, .now_ms = NOW + 5};
    assert_int_equal(messages_delete(rig->store, &op), STORE_FORBIDDEN);
    op.user = "choi";
    assert_int_equal(messages_delete(rig->store, &op), STORE_NOT_MEMBER);
    op.user = "lee";
    assert_int_equal(messages_delete(rig->store, &op), STORE_OK);
    assert_int_equal(op.rows.count, 1);
    char body[64];
    snprintf(body, sizeof body, "{\"id\":\"%s.%d\"}", room.id, (int)lees);
    assert_int_equal(op.rows.list->kind, MESSAGE_DELETE);
    assert_true(span_eq(op.rows.list->type, "delete"));
    assert_true(span_eq(op.rows.list->sender, "lee"));
    assert_true(span_eq(op.rows.list->body, body));
    assert_true(op.rows.list->created_ms == NOW + 5);
    assert_int_equal(op.rows.list->seq, 7);
    assert_int_equal(strlen(op.seal), SEAL_LEN);
    assert_string_equal(op.file, "");
    chat_message_rows_finish(&op.rows);
    /* Once; never an event; the owner may delete others', they not the owner's. */
    assert_int_equal(try_delete(rig, room.id, "lee", lees), STORE_NOT_FOUND);
    assert_int_equal(try_delete(rig, room.id, "kim", 2), STORE_NOT_FOUND);
    assert_int_equal(try_delete(rig, room.id, "kim", 7), STORE_NOT_FOUND);
    assert_int_equal(try_delete(rig, room.id, "kim", 0), STORE_NOT_FOUND);
    assert_int_equal(try_delete(rig, room.id, "kim", INT64_MAX), STORE_NOT_FOUND);
    assert_int_equal(try_delete(rig, "cccccccccccccccc", "kim", 1), STORE_NOT_FOUND);
    assert_int_equal(try_delete(rig, room.id, "park", kims), STORE_FORBIDDEN);
    assert_int_equal(try_delete(rig, room.id, "kim", parks), STORE_OK);
    assert_null(strstr(transcript(rig, room.id), "secret"));
    struct db *db = rig_connect(rig, DB_READER);
    assert_int_equal(
        db_run(db, "SELECT 1 FROM chat_messages WHERE body LIKE '%secret%' OR text LIKE '%secret%'",
               NULL, 0, NULL, NULL),
        0);
    rig_driver->close(db);
    rig_close(rig);
}

static void in_a_direct_room_each_deletes_their_own(void **state)
{
    (void)state;
    struct rig *rig = chat_rig_open();
    struct room_id direct = make_direct(rig, "kim", "lee");
    const char *room = direct.id;
    assert_int_equal(say(rig, room, "lee", "\"x\""), 1);
    assert_int_equal(try_delete(rig, room, "kim", 1), STORE_FORBIDDEN);
    assert_int_equal(try_delete(rig, room, "park", 1), STORE_NOT_FOUND);
    assert_int_equal(try_delete(rig, room, "lee", 1), STORE_OK);
    rig_close(rig);
}

/* ---- Pages ---- */

/* The numbers of a page, and whether there are more. */
static const char *page(struct rig *rig, const char *room, enum messages_which which, int64_t from,
                        int64_t to, uint32_t limit)
{
    static char out[1024];
    struct messages_page op = {
        .room = room, .user = "kim", .which = which, .from = from, .to = to, .limit = limit};
    size_t len = 0;
    assert_int_equal(messages_page(rig->store, &op), STORE_OK);
    out[0] = '\0';
    for (size_t i = 0; i < op.rows.count; i++) {
        len +=
            (size_t)snprintf(out + len, sizeof out - len, "%lld%s ", (long long)op.rows.list[i].seq,
                             op.rows.list[i].kind == MESSAGE_DELETED ? "-" : "");
    }
    snprintf(out + len, sizeof out - len, "%s", op.more ? "+" : "");
    assert_int_equal(op.last_seq, 10);
    chat_message_rows_finish(&op.rows);
    return out;
}

static void pages_go_both_ways(void **state)
{
    (void)state;
    struct rig *rig = chat_rig_open();
    struct room_id room = make_group(rig, "kim", "모둠"); /* 1 */
    join(rig, room.id, "lee");                            /* 2 */
    for (int64_t seq = 3; seq <= 9; seq++) {
        say(rig, room.id, "kim", "\"x\"");
    }
    assert_int_equal(try_delete(rig, room.id, "kim", 6), STORE_OK); /* 10 */
    /* For people: no tombstones. */
    assert_string_equal(page(rig, room.id, MESSAGES_NEWEST, 0, 0, 3), "7 8 9 +");
    assert_string_equal(page(rig, room.id, MESSAGES_NEWEST, 0, 0, 8), "1 2 3 4 5 7 8 9 ");
    assert_string_equal(page(rig, room.id, MESSAGES_BEFORE, 7, 0, 3), "3 4 5 +");
    assert_string_equal(page(rig, room.id, MESSAGES_BEFORE, 3, 0, 3), "1 2 ");
    assert_string_equal(page(rig, room.id, MESSAGES_BEFORE, 1, 0, 3), "");
    assert_string_equal(page(rig, room.id, MESSAGES_BEFORE, INT64_MAX, 0, 1), "9 +");
    assert_string_equal(page(rig, room.id, MESSAGES_BEFORE, INT64_MIN, 0, 1), "");
    /* For catching up. */
    assert_string_equal(page(rig, room.id, MESSAGES_AFTER, 0, 0, 2), "1 2 +");
    assert_string_equal(page(rig, room.id, MESSAGES_AFTER, 5, 0, 10), "7 8 9 10 ");
    assert_string_equal(page(rig, room.id, MESSAGES_AFTER, 10, 0, 10), "");
    assert_string_equal(page(rig, room.id, MESSAGES_AFTER, INT64_MAX, 0, 10), "");
    assert_string_equal(page(rig, room.id, MESSAGES_AFTER, INT64_MIN, 0, 1), "1 +");
    /* For holes. */
    assert_string_equal(page(rig, room.id, MESSAGES_RANGE, 5, 8, 10), "5 6- 7 8 ");
    assert_string_equal(page(rig, room.id, MESSAGES_RANGE, 5, 8, 2), "5 6- +");
    assert_string_equal(page(rig, room.id, MESSAGES_RANGE, 10, 12, 10), "10 ");
    assert_string_equal(page(rig, room.id, MESSAGES_RANGE, 8, 5, 10), "");
    assert_string_equal(page(rig, room.id, MESSAGES_NEWEST, 0, 0, 0), "+");
    rig_close(rig);
}

static void pages_are_for_members(void **state)
{
    (void)state;
    struct rig *rig = chat_rig_open();
    struct room_id room = make_group(rig, "kim", "모둠");
    struct room_id direct = make_direct(rig, "kim", "lee");
    struct messages_page op = {.room = room.id, .user = "park", .limit = 10};
    assert_int_equal(messages_page(rig->store, &op), STORE_NOT_MEMBER);
    assert_int_equal(op.rows.count, 0);
    op.room = direct.id;
    assert_int_equal(messages_page(rig->store, &op), STORE_NOT_FOUND);
    op.room = "cccccccccccccccc";
    assert_int_equal(messages_page(rig->store, &op), STORE_NOT_FOUND);
    op.user = NULL;
    assert_int_equal(messages_page(rig->store, &op), STORE_OK);
    assert_int_equal(op.rows.count, 0);
    rig_close(rig);
}

/* ---- Several at once ---- */

#define PER_THREAD 60

struct crowd_of {
    struct store *stores[2];
    const char *room;
    atomic_uint next;
    int64_t seqs[4 * PER_THREAD + 1];
    atomic_uint failed, repeated;
};

/* All threads use the same refs, in pairs: of each two one appends and one repeats. */
static void *append_many(void *arg)
{
    struct crowd_of *crowd = arg;
    unsigned me = crowd->next++;
    const char *sender = me / 2 ? "lee" : "kim";
    for (unsigned i = 0; i < PER_THREAD; i++) {
        char ref[16];
        snprintf(ref, sizeof ref, "%u", i);
        struct message_append op = a_message(crowd->room, sender, "\"x\"");
        op.ref = span_of(ref);
        if (messages_append(crowd->stores[me % 2], &op) != STORE_OK) {
            crowd->failed++;
        } else if (op.repeated) {
            crowd->repeated++;
        }
        crowd->seqs[me * PER_THREAD + i] = op.seq;
    }
    return NULL;
}

static void two_servers_share_a_room(void **state)
{
    (void)state;
    struct rig *rig = chat_rig_open();
    struct room_id room = make_group(rig, "kim", "모둠");
    join(rig, room.id, "lee");
    struct crowd_of crowd = {.stores = {rig->store, rig_open_another(rig)}, .room = room.id};
    pthread_t threads[4];
    for (int i = 0; i < 4; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, append_many, &crowd), 0);
    }
    for (int i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
    }
    assert_int_equal(crowd.failed, 0);
    assert_int_equal(crowd.repeated, 2 * PER_THREAD);
    /* Who shares a sender has the same numbers; all together have each once. */
    bool seen[2 * PER_THREAD + 3] = {false};
    for (unsigned pair = 0; pair < 2; pair++) {
        for (unsigned i = 0; i < PER_THREAD; i++) {
            int64_t seq = crowd.seqs[2 * pair * PER_THREAD + i];
            assert_true(seq == crowd.seqs[(2 * pair + 1) * PER_THREAD + i]);
            assert_in_range(seq, 3, 2 * PER_THREAD + 2);
            assert_false(seen[seq]);
            seen[seq] = true;
        }
    }
    assert_int_equal(say(rig, room.id, "kim", "\"x\""), 2 * PER_THREAD + 3);
    store_close(crowd.stores[1]);
    rig_close(rig);
}

/* A follower that asks for what is new never sees a number before a lower one was there. */
struct watch {
    struct rig *rig;
    const char *room;
    atomic_bool over;
    bool hole;
};

static void *follow(void *arg)
{
    struct watch *watch = arg;
    int64_t last = 2;
    bool again = true;
    while (again) {
        again = !watch->over;
        struct messages_page op = {
            .room = watch->room, .which = MESSAGES_AFTER, .from = last, .limit = 500};
        if (messages_page(watch->rig->store, &op) != STORE_OK) {
            watch->hole = true;
            break;
        }
        for (size_t i = 0; i < op.rows.count; i++) {
            watch->hole = watch->hole || op.rows.list[i].seq != last + 1;
            last = op.rows.list[i].seq;
        }
        chat_message_rows_finish(&op.rows);
    }
    return NULL;
}

static void commits_are_in_the_order_of_numbers(void **state)
{
    (void)state;
    struct rig *rig = chat_rig_open();
    struct room_id room = make_group(rig, "kim", "모둠");
    join(rig, room.id, "lee");
    struct crowd_of crowd = {.stores = {rig->store, rig_open_another(rig)}, .room = room.id};
    struct watch watch = {.rig = rig, .room = room.id};
    pthread_t threads[4], follower;
    assert_int_equal(pthread_create(&follower, NULL, follow, &watch), 0);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, append_many, &crowd), 0);
    }
    for (int i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
    }
    watch.over = true;
    pthread_join(follower, NULL);
    assert_false(watch.hole);
    store_close(crowd.stores[1]);
    rig_close(rig);
}

/* Two servers, many rooms in opposite orders: nobody gets into anybody's way for good. */
struct crossing {
    struct store *store;
    struct room_id *rooms;
    bool backward;
    unsigned failed;
};

#define CROSSED 8

static void *append_across(void *arg)
{
    struct crossing *c = arg;
    for (unsigned i = 0; i < 40 * CROSSED; i++) {
        unsigned at = c->backward ? CROSSED - 1 - i % CROSSED : i % CROSSED;
        struct message_append op = a_message(c->rooms[at].id, "kim", "\"x\"");
        c->failed += messages_append(c->store, &op) != STORE_OK;
    }
    return NULL;
}

static void rooms_crosswise(void **state)
{
    (void)state;
    struct rig *rig = chat_rig_open();
    struct room_id rooms[CROSSED];
    struct store *other = rig_open_another(rig);
    struct crossing crossings[6];
    pthread_t threads[6];
    for (int i = 0; i < CROSSED; i++) {
        rooms[i] = make_group(rig, "kim", "room");
    }
    for (int i = 0; i < 6; i++) {
        crossings[i] = (struct crossing){i % 2 ? other : rig->store, rooms, i / 2 == 1, 0};
        assert_int_equal(pthread_create(&threads[i], NULL, append_across, &crossings[i]), 0);
    }
    for (int i = 0; i < 6; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(crossings[i].failed, 0);
    }
    for (int i = 0; i < CROSSED; i++) {
        assert_int_equal(say(rig, rooms[i].id, "kim", "\"x\""), 6 * 40 + 2);
    }
    store_close(other);
    rig_close(rig);
}

/* Whoever leaves while they send: what was taken is before the leave, what comes after is refused. */
struct parting {
    struct rig *rig;
    struct store *store;
    const char *room;
    atomic_int sent;
    int64_t last;
    enum store_result end;
};

static void *send_until_refused(void *arg)
{
    struct parting *p = arg;
    do {
        struct message_append op = a_message(p->room, "lee", "\"x\"");
        p->end = messages_append(p->store, &op);
        p->last = p->end == STORE_OK ? op.seq : p->last;
        p->sent++;
    } while (p->end == STORE_OK);
    return NULL;
}

static void nothing_is_sent_after_leaving(void **state)
{
    (void)state;
    struct rig *rig = chat_rig_open();
    struct store *other = rig_open_another(rig);
    for (int i = 0; i < 5; i++) {
        struct room_id room = make_group(rig, "kim", "모둠");
        struct parting parting = {.rig = rig, .store = other, .room = room.id};
        struct chat_message_rows rows = {0};
        struct chat_leave op = {.room = room.id, .user = "lee", .now_ms = NOW, .rows = &rows};
        pthread_t thread;
        join(rig, room.id, "lee");
        assert_int_equal(pthread_create(&thread, NULL, send_until_refused, &parting), 0);
        assert_true(WAIT_FOR(parting.sent >= 3));
        assert_int_equal(chats_leave(rig->store, &op), STORE_OK);
        pthread_join(thread, NULL);
        assert_int_equal(parting.end, STORE_NOT_MEMBER);
        assert_int_equal(rows.list->seq, parting.last + 1);
        assert_int_equal(say(rig, room.id, "kim", "\"x\""), parting.last + 2); /* no hole either */
        chat_message_rows_finish(&rows);
    }
    store_close(other);
    rig_close(rig);
}

/* ---- Faults ---- */

struct tireless {
    struct rig *rig;
    const char *room;
    atomic_bool over;
    atomic_uint acked;
    atomic_uint most;   /* that may be sent by now, so that a quick store leaves enough */
    int64_t seqs[4096]; /* the sender's, until it has ended */
};

/* Sends each ref until it is acknowledged; not NULL if one never was. */
static void *send_on(void *arg)
{
    struct tireless *t = arg;
    for (unsigned i = 0; !t->over; i++) {
        while (i >= t->most && !t->over) {
            test_nap();
        }
        if (t->over) {
            break;
        }
        char ref[16];
        snprintf(ref, sizeof ref, "t%u", i);
        struct message_append op = a_message(t->room, "kim", "\"x\"");
        op.ref = span_of(ref);
        int64_t until = test_now_ms() + REDIS_PATIENCE_MS;
        while (messages_append(t->rig->store, &op) != STORE_OK) {
            if (test_now_ms() >= until) {
                return t;
            }
            test_nap();
        }
        t->seqs[t->acked++] = op.seq;
    }
    return NULL;
}

static void a_killed_postgres_loses_and_doubles_nothing(void **state)
{
    (void)state;
    if (rig_is_sqlite()) {
        return; /* its process is ours: tests/integration kills that */
    }
    struct rig *rig = chat_rig_open();
    struct room_id room = make_group(rig, "kim", "모둠");
    static struct tireless tireless;
    memset(&tireless, 0, sizeof tireless);
    tireless.rig = rig;
    tireless.room = room.id;
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, send_on, &tireless), 0);
    for (int i = 0; i < 3; i++) {
        unsigned acked = tireless.acked;
        tireless.most = acked + 1000;
        assert_true(WAIT_FOR(tireless.acked > acked + 20));
        postgres_server_kill(&rig_postgres);
        postgres_server_run(&rig_postgres);
    }
    unsigned acked = tireless.acked;
    tireless.most = acked + 1000;
    assert_true(WAIT_FOR(tireless.acked > acked + 20));
    tireless.over = true;
    void *gave_up;
    pthread_join(thread, &gave_up);
    assert_null(gave_up);
    for (unsigned i = 0; i < tireless.acked; i++) {
        assert_int_equal(tireless.seqs[i], i + 2); /* each once, in order, no hole */
    }
    struct chat_enter op = {.room_id = room.id, .user = "kim"};
    assert_true(WAIT_FOR(chats_enter(rig->store, &op) == STORE_OK));
    assert_int_equal(op.room.last_seq, tireless.acked + 1);
    rig_close(rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_have_no_holes),
        cmocka_unit_test(only_members_append),
        cmocka_unit_test(bodies_stay_byte_for_byte),
        cmocka_unit_test(a_ref_counts_once),
        cmocka_unit_test(sending_marks_as_read),
        cmocka_unit_test(deleting_leaves_a_tombstone),
        cmocka_unit_test(in_a_direct_room_each_deletes_their_own),
        cmocka_unit_test(pages_go_both_ways),
        cmocka_unit_test(pages_are_for_members),
        cmocka_unit_test(two_servers_share_a_room),
        cmocka_unit_test(commits_are_in_the_order_of_numbers),
        cmocka_unit_test(rooms_crosswise),
        cmocka_unit_test(nothing_is_sent_after_leaving),
        cmocka_unit_test(a_killed_postgres_loses_and_doubles_nothing),
    };
    return rig_run(tests);
}
