/* Chat rooms and their members, on both kinds of store. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "unit/store/chat_rig.h"

static enum store_result enter(struct rig *rig, const char *room, const char *user,
                               struct chat_enter *op)
{
    *op = (struct chat_enter){.room_id = room, .user = user, .people_max = CHAT_MEMBERS_SHOWN_MAX};
    return chats_enter(rig->store, op);
}

/* ---- Groups ---- */

static void a_group_begins_with_its_maker(void **state)
{
    (void)state;
    struct rig *rig = chat_rig_open();
    struct chat_create op = {
        .owner = "kim", .name = span_of("3모둠 '\"%_\\"), .now_ms = NOW, .rooms_max = 1};
    struct chat_enter view;
    assert_int_equal(chats_create(rig->store, &op), STORE_OK);
    assert_int_equal(enter(rig, op.room.id, "kim", &view), STORE_OK);
    assert_int_equal(view.room.kind, CHAT_GROUP);
    assert_string_equal(view.room.id, op.room.id);
    assert_string_equal(view.room.name, "3모둠 '\"%_\\");
    assert_string_equal(view.room.owner, "kim");
    assert_string_equal(view.room.seal, op.room.seal);
    assert_int_equal(strlen(op.room.seal), SEAL_LEN);
    assert_true(view.room.created_ms == NOW);
    assert_int_equal(view.room.members, 1);
    assert_int_equal(op.room.members, 1);
    assert_int_equal(view.room.last_seq, 1);
    assert_int_equal(op.room.last_seq, 1);
    assert_int_equal(view.people.count, 1);
    assert_string_equal(view.people.list->id, "kim");
    assert_int_equal(view.unread, 0);
    chat_people_finish(&view.people);
    char expected[200];
    snprintf(expected, sizeof expected,
             "1:2:kim:{\"name\":\"김선생 kim\",\"userType\":\"teacher\",\"count\":1}|");
    assert_string_equal(transcript(rig, op.room.id), expected);
    assert_int_equal(chats_create(rig->store, &op), STORE_TOO_MANY);
    rig_close(rig);
}

static void joining_and_leaving(void **state)
{
    (void)state;
    struct rig *rig = chat_rig_open();
    struct room_id room = make_group(rig, "kim", "모둠");
    struct chat_message_rows rows = {0};
    struct chat_join op = {.room = room.id,
                           .user = "lee",
                           .now_ms = NOW,
                           .rooms_max = ROOMS_MAX,
                           .members_max = 3,
                           .rows = &rows};
    assert_int_equal(chats_join(rig->store, &op), STORE_OK);
    assert_int_equal(op.after.members, 2);
    assert_int_equal(op.after.last_seq, 2);
    assert_string_equal(op.after.owner, "kim");
    assert_int_equal(rows.count, 1);
    assert_true(span_eq(rows.list->type, "join"));
    assert_true(span_eq(rows.list->sender, "lee"));
    assert_true(
        span_eq(rows.list->body, "{\"name\":\"김선생 lee\",\"userType\":\"student\",\"count\":2}"));
    /* Again: nothing happens. */
    assert_int_equal(chats_join(rig->store, &op), STORE_OK);
    assert_int_equal(rows.count, 0);
    assert_int_equal(op.after.members, 2);
    assert_int_equal(op.after.last_seq, 2);
    op.user = "park";
    assert_int_equal(chats_join(rig->store, &op), STORE_OK);
    chat_message_rows_finish(&rows);
    op.user = "choi";
    assert_int_equal(chats_join(rig->store, &op), STORE_FULL);
    assert_int_equal(rows.count, 0);
    op.rooms_max = 0;
    assert_int_equal(chats_join(rig->store, &op), STORE_TOO_MANY);
    op.room = "cccccccccccccccc";
    assert_int_equal(chats_join(rig->store, &op), STORE_NOT_FOUND);
    /* The owner goes: who has been there longest follows. */
    struct chat_leave leave = {.room = room.id, .user = "kim", .now_ms = NOW, .rows = &rows};
    assert_int_equal(chats_leave(rig->store, &leave), STORE_OK);
    assert_false(leave.deleted);
    assert_string_equal(leave.after.owner, "lee");
    assert_int_equal(leave.after.members, 2);
    assert_true(span_eq(rows.list->type, "leave"));
    assert_true(span_eq(
        rows.list->body,
        "{\"name\":\"김선생 kim\",\"userType\":\"teacher\",\"count\":2,\"owner\":\"lee\"}"));
    chat_message_rows_finish(&rows);
    assert_int_equal(chats_leave(rig->store, &leave), STORE_NOT_FOUND);
    struct chat_enter view;
    assert_int_equal(enter(rig, room.id, "kim", &view), STORE_NOT_MEMBER);
    assert_string_equal(view.room.name, "모둠");
    assert_int_equal(view.people.count, 0);
    /* Somebody else goes: nothing is said of the owner. */
    leave.user = "park";
    assert_int_equal(chats_leave(rig->store, &leave), STORE_OK);
    assert_true(span_eq(rows.list->body,
                        "{\"name\":\"김선생 park\",\"userType\":\"student\",\"count\":1}"));
    chat_message_rows_finish(&rows);
    assert_int_equal(enter(rig, room.id, "lee", &view), STORE_OK);
    assert_int_equal(view.room.members, 1);
    assert_int_equal(view.room.last_seq, 5);
    chat_people_finish(&view.people);
    rig_close(rig);
}

static int64_t count_rows(struct rig *rig, const char *sql)
{
    struct db *db = rig_connect(rig, DB_READER);
    int rows = db_run(db, sql, NULL, 0, NULL, NULL);
    rig_driver->close(db);
    return rows;
}

static void an_empty_group_is_deleted(void **state)
{
    (void)state;
    struct rig *rig = chat_rig_open();
    struct room_id room = make_group(rig, "kim", "모둠"), other = make_group(rig, "lee", "other");
    struct message_file file = {
        "faaaaaaaaaaaaaaaaaaaaaaaaaa", span_of("n"), span_of("t"), 1, true, "s"};
    struct message_append append = a_message(room.id, "kim", "\"x\"");
    append.file = &file;
    assert_int_equal(messages_append(rig->store, &append), STORE_OK);
    for (int i = 0; i < 700; i++) {
        say(rig, room.id, "kim", "\"긴 이야기\"");
    }
    struct chat_message_rows rows = {0};
    struct chat_leave leave = {
        .room = room.id, .user = "kim", .now_ms = NOW, .delete_empty = true, .rows = &rows};
    assert_int_equal(chats_leave(rig->store, &leave), STORE_OK);
    assert_true(leave.deleted);
    assert_int_equal(rows.count, 0);
    assert_string_equal(leave.after.id, room.id);
    assert_int_equal(strlen(leave.after.seal), SEAL_LEN);
    /* Gone for everybody at once… */
    struct chat_enter view;
    struct chats_list list = {.user = "kim", .limit = 10};
    struct chat_tip tip;
    memcpy(tip.room, room.id, sizeof tip.room);
    struct chats_tips tips = {.tips = &tip, .count = 1};
    assert_int_equal(enter(rig, room.id, "kim", &view), STORE_NOT_FOUND);
    assert_int_equal(try_join(rig, room.id, "kim"), STORE_NOT_FOUND);
    assert_int_equal(messages_append(rig->store, &append), STORE_NOT_FOUND);
    assert_int_equal(chats_list(rig->store, &list), STORE_OK);
    assert_int_equal(list.count, 1);
    assert_string_equal(list.list[0].room.id, other.id);
    free(list.list);
    assert_int_equal(chats_tips(rig->store, &tips), STORE_OK);
    assert_int_equal(tip.last_seq, -1);
    /* …and erased piece by piece. */
    bool more = true;
    int pieces = 0;
    for (; more; pieces++) {
        assert_int_equal(chats_purge(rig->store, &more), STORE_OK);
    }
    assert_in_range(pieces, 3, 10);
    assert_int_equal(count_rows(rig, "SELECT 1 FROM chat_messages"), 1); /* the other's join */
    assert_int_equal(count_rows(rig, "SELECT 1 FROM chat_texts"), 0);
    assert_int_equal(count_rows(rig, "SELECT 1 FROM chat_rooms"), 1);
    assert_int_equal(count_rows(rig, "SELECT 1 FROM chat_files WHERE state = 'deleted'"), 1);
    rig_close(rig);
}

static void an_empty_group_may_stay(void **state)
{
    (void)state;
    struct rig *rig = chat_rig_open();
    struct room_id room = make_group(rig, "kim", "모둠");
    struct chat_message_rows rows = {0};
    struct chat_leave leave = {.room = room.id, .user = "kim", .now_ms = NOW, .rows = &rows};
    bool more;
    assert_int_equal(chats_leave(rig->store, &leave), STORE_OK);
    assert_false(leave.deleted);
    assert_string_equal(leave.after.owner, "");
    assert_non_null(strstr(rows.list->body.p, "\"count\":0,\"owner\":\"\"}"));
    chat_message_rows_finish(&rows);
    assert_int_equal(chats_purge(rig->store, &more), STORE_OK);
    assert_false(more);
    join(rig, room.id, "lee"); /* and is the owner */
    struct chat_enter view;
    assert_int_equal(enter(rig, room.id, "lee", &view), STORE_OK);
    assert_string_equal(view.room.owner, "lee");
    assert_int_equal(view.room.members, 1);
    chat_people_finish(&view.people);
    rig_close(rig);
}

/* ---- Direct rooms ---- */

static enum store_result direct(struct rig *rig, const char *user, const char *other,
                                struct chat_direct *op)
{
    *op = (struct chat_direct){.user = user, .other = other, .now_ms = NOW, .rooms_max = ROOMS_MAX};
    return chats_direct(rig->store, op);
}

static void two_people_have_one_room(void **state)
{
    (void)state;
    struct rig *rig = chat_rig_open();
    struct chat_direct op, again;
    struct chat_enter view;
    assert_int_equal(direct(rig, "lee", "kim", &op), STORE_OK);
    assert_true(op.created);
    assert_int_equal(op.room.kind, CHAT_DIRECT);
    assert_string_equal(op.room.name, "");
    assert_string_equal(op.room.owner, "");
    assert_int_equal(op.room.members, 2);
    assert_int_equal(direct(rig, "kim", "lee", &again), STORE_OK);
    assert_false(again.created);
    assert_string_equal(again.room.id, op.room.id);
    assert_string_equal(again.room.seal, op.room.seal);
    assert_int_equal(direct(rig, "kim", "nobody", &again), STORE_NOT_FOUND);
    assert_int_equal(direct(rig, "kim", "park", &again), STORE_OK);
    assert_string_not_equal(again.room.id, op.room.id);
    again.other = "choi";
    again.rooms_max = 2;
    assert_int_equal(chats_direct(rig->store, &again), STORE_TOO_MANY);
    again.other = "lee"; /* that there is, however many there are */
    assert_int_equal(chats_direct(rig->store, &again), STORE_OK);
    /* Nobody else's to see, join or leave, nor theirs to leave. */
    assert_int_equal(enter(rig, op.room.id, "park", &view), STORE_NOT_FOUND);
    assert_int_equal(try_join(rig, op.room.id, "park"), STORE_NOT_FOUND);
    assert_int_equal(try_leave(rig, op.room.id, "kim"), STORE_NOT_FOUND);
    assert_int_equal(enter(rig, op.room.id, "kim", &view), STORE_OK);
    assert_int_equal(view.people.count, 2);
    assert_string_equal(view.people.list[0].id, "kim"); /* oneself first */
    assert_string_equal(view.people.list[1].id, "lee");
    chat_people_finish(&view.people);
    rig_close(rig);
}

struct meeting {
    struct store *store;
    bool turned;
    char rooms[10][CHAT_ROOM_ID_LEN + 1];
    unsigned created, failed;
};

static void *meet(void *arg)
{
    struct meeting *m = arg;
    for (int i = 0; i < 10; i++) {
        char id[16];
        snprintf(id, sizeof id, "m%d", i);
        struct chat_direct op = {.user = m->turned ? id : "kim",
                                 .other = m->turned ? "kim" : id,
                                 .now_ms = NOW,
                                 .rooms_max = ROOMS_MAX};
        m->failed += chats_direct(m->store, &op) != STORE_OK;
        m->created += op.created;
        memcpy(m->rooms[i], op.room.id, sizeof m->rooms[i]);
    }
    return NULL;
}

static void of_many_at_once_one_makes_the_room(void **state)
{
    (void)state;
    struct rig *rig = chat_rig_open();
    struct store *other = rig_open_another(rig);
    struct meeting meetings[8];
    pthread_t threads[8];
    unsigned created = 0;
    for (int i = 0; i < 10; i++) {
        char id[16];
        snprintf(id, sizeof id, "m%d", i);
        struct user_row user = rig_user(id, "");
        assert_int_equal(users_add(rig->store, &user), STORE_OK);
    }
    for (int i = 0; i < 8; i++) {
        meetings[i] = (struct meeting){.store = i % 2 ? other : rig->store, .turned = i / 2 % 2};
        assert_int_equal(pthread_create(&threads[i], NULL, meet, &meetings[i]), 0);
    }
    for (int i = 0; i < 8; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(meetings[i].failed, 0);
        created += meetings[i].created;
        for (int k = 0; k < 10; k++) {
            assert_string_equal(meetings[i].rooms[k], meetings[0].rooms[k]);
        }
    }
    assert_int_equal(created, 10);
    assert_int_equal(count_rows(rig, "SELECT 1 FROM chat_rooms"), 10);
    assert_int_equal(count_rows(rig, "SELECT 1 FROM chat_members"), 20);
    store_close(other);
    rig_close(rig);
}

/* ---- Mine ---- */

static const struct chat_mine *mine_of(const struct chats_of *chats, const char *room)
{
    for (size_t i = 0; i < chats->count; i++) {
        if (strcmp(chats->list[i].room.id, room) == 0) {
            return &chats->list[i];
        }
    }
    return NULL;
}

static void my_rooms_tell_what_is_new(void **state)
{
    (void)state;
    struct rig *rig = chat_rig_open();
    struct room_id room = make_group(rig, "kim", "모둠"), others = make_group(rig, "park", "다른");
    struct chat_direct quiet, pair;
    struct chats_of chats;
    (void)others;
    join(rig, room.id, "lee"); /* 2 */
    assert_int_equal(direct(rig, "kim", "park", &quiet), STORE_OK);
    assert_int_equal(direct(rig, "kim", "lee", &pair), STORE_OK);
    say(rig, room.id, "lee", "\"a\""); /* 3 */
    say(rig, room.id, "lee", "\"b\""); /* 4 */
    say(rig, room.id, "lee", "\"c\""); /* 5 */
    say(rig, pair.room.id, "lee", "\"d\"");
    join(rig, room.id, "choi");                                     /* 6 */
    assert_int_equal(try_delete(rig, room.id, "lee", 4), STORE_OK); /* 7 */
    assert_int_equal(chats_of(rig->store, "kim", &chats), STORE_OK);
    assert_int_equal(chats.count, 3);
    const struct chat_mine *mine = mine_of(&chats, room.id);
    assert_int_equal(mine->read_seq, 1);
    assert_int_equal(mine->unread, 2); /* messages; neither joins nor what was deleted */
    assert_int_equal(mine->room.members, 3);
    assert_string_equal(mine->with.id, "");
    assert_int_equal(chats.last->list[mine->last].seq, 6); /* a join counts, a tombstone not */
    assert_int_equal(chats.last->list[mine->last].kind, MESSAGE_JOIN);
    assert_true(span_eq(chats.last->list[mine->last].sender, "choi"));
    mine = mine_of(&chats, pair.room.id);
    assert_int_equal(mine->unread, 1);
    assert_string_equal(mine->with.id, "lee");
    assert_string_equal(mine->with.name, "김선생 lee");
    assert_int_equal(mine->with.type, USER_STUDENT);
    assert_int_equal(mine->with.read_seq, 1);
    assert_true(span_eq(chats.last->list[mine->last].body, "\"d\""));
    mine = mine_of(&chats, quiet.room.id);
    assert_int_equal(mine->last, -1);
    assert_int_equal(mine->unread, 0);
    assert_string_equal(mine->with.id, "park");
    chats_of_finish(&chats);
    assert_int_equal(chats_of(rig->store, "nobody", &chats), STORE_OK);
    assert_int_equal(chats.count, 0);
    chats_of_finish(&chats);
    rig_close(rig);
}

static void unread_messages_are_counted_so_far(void **state)
{
    (void)state;
    struct rig *rig = chat_rig_open();
    struct room_id room = make_group(rig, "kim", "모둠");
    struct chat_enter view;
    join(rig, room.id, "lee");
    struct db *db = rig_connect(rig, DB_WRITER);
    char sql[1024];
    snprintf(sql, sizeof sql,
             "INSERT INTO chat_messages (room, seq, kind, sender, type, created_ms, ref, file,"
             " body, text) WITH RECURSIVE n (i) AS (SELECT 3 UNION ALL SELECT i + 1 FROM n WHERE i"
             " < %d) SELECT '%s', i, 1, 'kim', 'send', 1, '', '', '1', '' FROM n",
             CHAT_UNREAD_MAX + 20, room.id);
    assert_int_equal(db_script(db, sql), DB_OK);
    rig_driver->close(db);
    assert_int_equal(enter(rig, room.id, "lee", &view), STORE_OK);
    assert_int_equal(view.unread, CHAT_UNREAD_MAX);
    chat_people_finish(&view.people);
    rig_close(rig);
}

static void reading_moves_forward(void **state)
{
    (void)state;
    struct rig *rig = chat_rig_open();
    struct room_id room = make_group(rig, "kim", "모둠");
    join(rig, room.id, "lee");
    for (int i = 3; i <= 8; i++) {
        say(rig, room.id, "kim", "\"x\"");
    }
    struct chat_read op = {.room = room.id, .user = "lee", .seq = 5};
    assert_int_equal(chats_read(rig->store, &op), STORE_OK);
    assert_true(op.moved);
    assert_int_equal(op.read_seq, 5);
    assert_int_equal(op.unread, 3);
    assert_int_equal(strlen(op.seal), SEAL_LEN);
    op.seq = 4; /* never back */
    assert_int_equal(chats_read(rig->store, &op), STORE_OK);
    assert_false(op.moved);
    assert_int_equal(op.read_seq, 5);
    op.seq = INT64_MIN;
    assert_int_equal(chats_read(rig->store, &op), STORE_OK);
    assert_int_equal(op.read_seq, 5);
    op.seq = INT64_MAX; /* nor beyond what there is */
    assert_int_equal(chats_read(rig->store, &op), STORE_OK);
    assert_int_equal(op.read_seq, 8);
    assert_int_equal(op.unread, 0);
    op.user = "park";
    assert_int_equal(chats_read(rig->store, &op), STORE_NOT_MEMBER);
    op.room = "cccccccccccccccc";
    assert_int_equal(chats_read(rig->store, &op), STORE_NOT_FOUND);
    struct chat_people reads;
    assert_int_equal(chats_reads(rig->store, room.id, &reads), STORE_OK);
    assert_int_equal(reads.count, 2);
    assert_string_equal(reads.list[0].id, "kim");
    assert_int_equal(reads.list[0].read_seq, 8);
    assert_string_equal(reads.list[1].id, "lee");
    assert_int_equal(reads.list[1].read_seq, 8);
    chat_people_finish(&reads);
    rig_close(rig);
}

static void many_members(void **state)
{
    (void)state;
    struct rig *rig = chat_rig_open();
    struct room_id room = make_group(rig, "kim", "모둠");
    struct chat_enter op = {.room_id = room.id, .user = "s29", .people_max = 10};
    for (int i = 0; i < 30; i++) {
        char id[16];
        snprintf(id, sizeof id, "s%02d", i);
        struct user_row user = rig_user(id, "");
        assert_int_equal(users_add(rig->store, &user), STORE_OK);
        join(rig, room.id, id);
    }
    assert_int_equal(chats_enter(rig->store, &op), STORE_OK);
    assert_int_equal(op.room.members, 31);
    assert_int_equal(op.people.count, 10);
    assert_string_equal(op.people.list[0].id, "s29");
    assert_int_equal(op.people.list[0].read_seq, 31);
    assert_string_equal(op.people.list[1].id, "kim");
    assert_string_equal(op.people.list[2].id, "s00");
    chat_people_finish(&op.people);
    rig_close(rig);
}

/* ---- Lists ---- */

/* Names of all pages, and how many there were. */
static const char *list_all(struct rig *rig, const char *part, uint32_t limit, unsigned *pages)
{
    static char out[1024];
    char after[CHAT_CURSOR_MAX + 1] = "";
    size_t len = 0;
    out[0] = '\0';
    *pages = 0;
    do {
        struct chats_list op = {
            .user = "kim", .part = span_of(part), .after = span_of(after), .limit = limit};
        assert_int_equal(chats_list(rig->store, &op), STORE_OK);
        assert_true(op.count <= limit);
        for (size_t i = 0; i < op.count; i++) {
            len += (size_t)snprintf(out + len, sizeof out - len, "%s%s|", op.list[i].room.name,
                                    op.list[i].joined ? "*" : "");
        }
        snprintf(after, sizeof after, "%s", op.next);
        free(op.list);
        (*pages)++;
    } while (*after);
    return out;
}

static void groups_are_listed_by_name(void **state)
{
    (void)state;
    struct rig *rig = chat_rig_open();
    unsigned pages;
    struct chat_direct unlisted;
    assert_string_equal(list_all(rig, "", 5, &pages), "");
    static const char *const names[] = {"수학", "apple",  "Banana", "수학",
                                        "100%", "국어_1", "APPLE"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        make_group(rig, i == 2 ? "kim" : "lee", names[i]);
    }
    assert_int_equal(direct(rig, "kim", "lee", &unlisted), STORE_OK);
    const char *all = list_all(rig, "", 100, &pages);
    assert_int_equal(pages, 1);
    assert_true(strcmp(all, "100%|apple|APPLE|Banana*|국어_1|수학|수학|") == 0 ||
                strcmp(all, "100%|APPLE|apple|Banana*|국어_1|수학|수학|") == 0);
    char copy[1024];
    snprintf(copy, sizeof copy, "%s", all);
    for (uint32_t limit = 1; limit < 8; limit++) {
        assert_string_equal(list_all(rig, "", limit, &pages), copy);
        assert_int_equal(pages, (7 + limit - 1) / limit);
    }
    assert_string_equal(list_all(rig, "학", 1, &pages), "수학|수학|");
    assert_string_equal(list_all(rig, "BAN", 5, &pages), "Banana*|");
    assert_string_equal(list_all(rig, "%", 5, &pages), "100%|");
    assert_string_equal(list_all(rig, "_", 5, &pages), "국어_1|");
    assert_string_equal(list_all(rig, "' OR ''='", 5, &pages), "");
    static const char *const cursors[] = {".",
                                          "zz.cccccccccccccccc",
                                          "6.cccccccccccccccc",
                                          "61.",
                                          "61.cccccccccccccccC",
                                          "00.cccccccccccccccc",
                                          "61",
                                          "ff.cccccccccccccccc", /* no UTF-8 */
                                          "ec88.cccccccccccccccc"};
    for (size_t i = 0; i < sizeof cursors / sizeof cursors[0]; i++) {
        struct chats_list op = {.user = "kim", .after = span_of(cursors[i]), .limit = 5};
        assert_int_equal(chats_list(rig->store, &op), STORE_NOT_FOUND);
        assert_null(op.list);
    }
    struct chats_list none = {.user = "kim", .limit = 0};
    assert_int_equal(chats_list(rig->store, &none), STORE_OK);
    assert_int_equal(none.count, 0);
    rig_close(rig);
}

static const char *people(struct rig *rig, const char *part, uint32_t limit)
{
    static char out[512];
    struct chat_people found;
    out[0] = '\0';
    assert_int_equal(chats_people(rig->store, "kim", span_of(part), limit, &found), STORE_OK);
    for (size_t i = 0; i < found.count; i++) {
        strcat(out, found.list[i].id);
        strcat(out, " ");
    }
    chat_people_finish(&found);
    return out;
}

static void people_are_found_by_id_and_name(void **state)
{
    (void)state;
    struct rig *rig = chat_rig_open();
    static const char *const rows[][2] = {{"S1", "박민수"},
                                          {"s2", "Park JiSung"},
                                          {"a%b", "100% sure"},
                                          {"x_y", "under_score"},
                                          {"ss", "ÉMILE"}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct user_row user = rig_user("x", "");
        snprintf(user.id, sizeof user.id, "%s", rows[i][0]);
        snprintf(user.name, sizeof user.name, "%s", rows[i][1]);
        assert_int_equal(users_add(rig->store, &user), STORE_OK);
    }
    struct user_row program = rig_user("service1", "");
    program.type = USER_SERVICE;
    assert_int_equal(users_add(rig->store, &program), STORE_OK);
    assert_string_equal(people(rig, "s1", 20), "S1 ");
    assert_string_equal(people(rig, "S2", 20), "s2 ");
    assert_string_equal(people(rig, "민수", 20), "S1 ");
    assert_string_equal(people(rig, "jisung", 20), "s2 ");
    assert_string_equal(people(rig, "PARK", 20), "s2 park ");
    assert_string_equal(people(rig, "PARK", 1), "s2 ");
    assert_string_equal(people(rig, "%", 20), "a%b ");
    assert_string_equal(people(rig, "_", 20), "x_y ");
    assert_string_equal(people(rig, "ÉMILE", 20), "ss ");
    assert_string_equal(people(rig, "2", 20), ""); /* ids by their beginning only */
    assert_string_equal(people(rig, "kim", 20), "");
    assert_string_equal(people(rig, "service", 20), "");
    assert_string_equal(people(rig, "' OR 1=1 --", 20), "");
    assert_string_equal(people(rig, "\\", 20), "");
    rig_close(rig);
}

static void tips_of_many_rooms(void **state)
{
    (void)state;
    struct rig *rig = chat_rig_open();
    struct chat_tip list[102];
    struct chats_tips tips = {.tips = list, .count = 102};
    for (int i = 0; i < 100; i++) {
        struct room_id room = make_group(rig, "kim", "x");
        memcpy(list[i].room, room.id, sizeof list[i].room);
    }
    memcpy(list[100].room, list[7].room, sizeof list[7].room);
    memcpy(list[101].room, "cccccccccccccccc", sizeof list[101].room);
    say(rig, list[7].room, "kim", "\"x\"");
    assert_int_equal(chats_tips(rig->store, &tips), STORE_OK);
    for (int i = 0; i < 100; i++) {
        assert_int_equal(list[i].last_seq, i == 7 ? 2 : 1);
    }
    assert_int_equal(list[100].last_seq, 2);
    assert_int_equal(list[101].last_seq, -1);
    tips.count = 0;
    assert_int_equal(chats_tips(rig->store, &tips), STORE_OK);
    rig_close(rig);
}

/* ---- Those of a login service ---- */

static void strangers_become_known(void **state)
{
    (void)state;
    struct rig *rig = chat_rig_open();
    struct user_row row, again = rig_user("Ext-1", "");
    assert_int_equal(users_know(rig->store, "Ext-1", span_of("외부"), USER_STUDENT, NOW), STORE_OK);
    assert_int_equal(users_get(rig->store, "Ext-1", &row), STORE_OK);
    assert_string_equal(row.name, "외부");
    assert_string_equal(row.password, "");
    assert_string_equal(row.email, "");
    assert_int_equal(row.generation, 0);
    assert_int_equal(row.type, USER_STUDENT);
    assert_true(row.created_ms == NOW);
    /* Nobody signs up with that id, however it is typed. */
    assert_int_equal(users_add(rig->store, &again), STORE_ID_TAKEN);
    snprintf(again.id, sizeof again.id, "EXT-1");
    assert_int_equal(users_add(rig->store, &again), STORE_ID_TAKEN);
    /* A new name is taken over, one that is the same costs no write. */
    assert_int_equal(users_know(rig->store, "Ext-1", span_of("새 이름"), USER_TEACHER, NOW + 1),
                     STORE_OK);
    assert_int_equal(users_get(rig->store, "Ext-1", &row), STORE_OK);
    assert_string_equal(row.name, "새 이름");
    assert_int_equal(row.type, USER_TEACHER);
    assert_true(row.created_ms == NOW);
    /* Accounts are left alone. */
    assert_int_equal(users_know(rig->store, "kim", span_of("Mallory"), USER_STUDENT, NOW),
                     STORE_OK);
    assert_int_equal(users_get(rig->store, "kim", &row), STORE_OK);
    assert_string_equal(row.name, "김선생 kim");
    assert_int_equal(row.type, USER_TEACHER);
    assert_int_equal(row.generation, 1);
    /* An id that is some account's in other letters is somebody else. */
    assert_int_equal(users_know(rig->store, "KIM", span_of("다른 김"), USER_STUDENT, NOW),
                     STORE_OK);
    assert_int_equal(users_find(rig->store, span_of("KIM"), &row), STORE_OK);
    assert_string_equal(row.id, "kim");
    struct room_id room = make_group(rig, "Ext-1", "모둠");
    join(rig, room.id, "KIM");
    rig_close(rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_group_begins_with_its_maker),
        cmocka_unit_test(joining_and_leaving),
        cmocka_unit_test(an_empty_group_is_deleted),
        cmocka_unit_test(an_empty_group_may_stay),
        cmocka_unit_test(two_people_have_one_room),
        cmocka_unit_test(of_many_at_once_one_makes_the_room),
        cmocka_unit_test(my_rooms_tell_what_is_new),
        cmocka_unit_test(unread_messages_are_counted_so_far),
        cmocka_unit_test(reading_moves_forward),
        cmocka_unit_test(many_members),
        cmocka_unit_test(groups_are_listed_by_name),
        cmocka_unit_test(people_are_found_by_id_and_name),
        cmocka_unit_test(tips_of_many_rooms),
        cmocka_unit_test(strangers_become_known),
    };
    return rig_run(tests);
}
