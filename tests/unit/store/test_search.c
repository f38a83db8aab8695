/* Search in the messages of one's rooms, on both kinds of store. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "store/search.h"
#include "store/texts.h"
#include "unit/store/chat_rig.h"

/* What is found, as "seq seq …" newest first, all pages together. */
static const char *find_in(struct rig *rig, const char *user, const char *room, const char *part,
                           uint32_t limit)
{
    static char out[16384];
    char before[SEARCH_CURSOR_MAX + 1] = "";
    size_t len = 0;
    out[0] = '\0';
    do {
        struct messages_search op = {.user = user,
                                     .room = room,
                                     .part = span_of(part),
                                     .before = span_of(before),
                                     .limit = limit};
        assert_int_equal(messages_search(rig->store, &op), STORE_OK);
        assert_true(op.rows.count <= limit);
        for (size_t i = 0; i < op.rows.count; i++) {
            assert_int_equal(op.rows.list[i].kind, MESSAGE_SENT);
            len += (size_t)snprintf(out + len, sizeof out - len, "%lld ",
                                    (long long)op.rows.list[i].seq);
            assert_true(len < sizeof out);
        }
        snprintf(before, sizeof before, "%s", op.next);
        chat_message_rows_finish(&op.rows);
    } while (*before);
    return out;
}

static const char *find(struct rig *rig, const char *part)
{
    return find_in(rig, "kim", NULL, part, 20);
}

/* The same texts once as they were said and once when they stand in a block. */
static void close_block(struct rig *rig, const char *room)
{
    for (int i = 0; i < TEXTS_BLOCK_ROWS; i++) {
        say(rig, room, "kim", "~");
    }
}

static int64_t count_blocks(struct rig *rig)
{
    struct db *db = rig_connect(rig, DB_READER);
    int rows = db_run(db, "SELECT 1 FROM chat_texts", NULL, 0, NULL, NULL);
    rig_driver->close(db);
    return rows;
}

static void parts_of_texts_are_found(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "오늘 수학 숙제 있어요?",                   /* 2 */
        "내일까지 국어숙제입니다",                  /* 3 */
        "Hello WORLD, École",                       /* 4 */
        "100% 확실_합니다 \\ 'quote' \"x\"",        /* 5 */
        "😀👍 좋아요",                                /* 6 */
        "\u1112\u1161\u11ab\u1100\u1173\u11af.hwp", /* 7: 한글, as a Mac writes it */
        "2024-11-20 17320940",                      /* 8 */
        "first\nsecond",                            /* 9 */
    };
    static const char *const cases[][2] = {
        {"숙제", "3 2 "},   {"수학", "2 "},      {"수", "2 "},     {"학 숙", "2 "},
        {"어숙제입", "3 "}, {"없는말", ""},      {"world", "4 "},  {"WoRlD, é", "4 "},
        {"%", "5 "},        {"_", "5 "},         {"\\", "5 "},     {"'", "5 "},
        {"\"", "5 "},       {"' OR 1=1 --", ""}, {"%숙제%", ""},   {"😀", "6 "},
        {"👍 좋", "6 "},     {"한글", "7 "},      {"한", "7 "},     {"2024", "8 "},
        {"17320940", "8 "}, {"t s", "9 "},       {"t\ns", "9 "},   {"$1", ""},
        {"*", ""},          {"입니다", "3 "},    {"합니다", "5 "}, {"ECOLE", ""},
    };
    struct rig *rig = chat_rig_open();
    struct room_id room = make_group(rig, "kim", "모둠");
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        assert_int_equal(say(rig, room.id, "kim", texts[i]), i + 2);
    }
    for (int blocked = 0; blocked < 2; blocked++) {
        assert_int_equal(count_blocks(rig), blocked);
        for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
            assert_string_equal(find(rig, cases[i][0]), cases[i][1]);
        }
        close_block(rig, room.id);
    }
    rig_close(rig);
}

/* Only one's own rooms, also where one has left or come late. */
static void others_rooms_are_not_searched(void **state)
{
    (void)state;
    struct rig *rig = chat_rig_open();
    struct room_id mine = make_group(rig, "kim", "내"), others = make_group(rig, "lee", "남");
    struct room_id direct = make_direct(rig, "lee", "park");
    say(rig, mine.id, "kim", "비밀 하나");
    say(rig, others.id, "lee", "비밀 둘");
    say(rig, direct.id, "lee", "비밀 셋");
    for (int blocked = 0; blocked < 2; blocked++) {
        struct messages_search op = {.user = "kim", .part = span_of("비밀"), .limit = 10};
        assert_string_equal(find(rig, "비밀"), "2 ");
        assert_string_equal(find_in(rig, "kim", mine.id, "비밀", 5), "2 ");
        op.room = others.id;
        assert_int_equal(messages_search(rig->store, &op), STORE_NOT_MEMBER);
        op.room = direct.id;
        assert_int_equal(messages_search(rig->store, &op), STORE_NOT_FOUND);
        op.room = "cccccccccccccccc";
        assert_int_equal(messages_search(rig->store, &op), STORE_NOT_FOUND);
        assert_string_equal(find_in(rig, "nobody", NULL, "비밀", 5), "");
        assert_string_equal(find_in(rig, "park", NULL, "비밀", 5), "1 ");
        join(rig, others.id, "kim"); /* sees what was said before */
        assert_string_equal(find_in(rig, "kim", others.id, "비밀", 5), "2 ");
        assert_int_equal(try_leave(rig, others.id, "kim"), STORE_OK);
        for (int i = 0; i < TEXTS_BLOCK_ROWS; i++) {
            say(rig, mine.id, "kim", "-");
            say(rig, others.id, "lee", "-");
            say(rig, direct.id, "park", "-");
        }
    }
    rig_close(rig);
}

/* Against a list kept here: rooms of different speed, times that go back, pages of all sizes. */
struct said {
    int64_t ms, seq;
    const char *room;
    bool has;
};

static int newest_first(const void *a, const void *b)
{
    const struct said *x = a, *y = b;
    if (x->ms != y->ms) {
        return x->ms < y->ms ? 1 : -1;
    }
    int rooms = strcmp(y->room, x->room);
    return rooms ? rooms : (x->seq < y->seq) - (x->seq > y->seq);
}

static void the_newest_come_first(void **state)
{
    (void)state;
    enum { COUNT = 2500 };
    struct rig *rig = chat_rig_open();
    struct room_id rooms[3] = {make_group(rig, "kim", "1"), make_group(rig, "kim", "2"),
                               make_group(rig, "kim", "3")};
    static struct said said[COUNT];
    uint32_t random = 1;
    for (int i = 0; i < COUNT; i++) {
        random = random * 1103515245 + 12345;
        unsigned dice = random >> 16;
        const char *room = rooms[dice % 100 < 90 ? 0 : dice % 100 < 99 ? 1 : 2].id;
        bool has = i % 3 == 0;
        struct message_append op = a_message(room, "kim", has ? "찾을 말" : "다른 것");
        op.now_ms = NOW + i / 4 * 10 - (dice % 7 == 0 ? 35 : 0);
        assert_int_equal(messages_append(rig->store, &op), STORE_OK);
        said[i] = (struct said){op.now_ms, op.seq, room, has};
    }
    assert_true(count_blocks(rig) > 30);
    qsort(said, COUNT, sizeof said[0], newest_first);
    static const uint32_t limits[] = {50, 7};
    for (size_t k = 0; k < sizeof limits / sizeof limits[0]; k++) {
        static char expected[16384];
        size_t len = 0;
        for (int i = 0; i < COUNT; i++) {
            if (said[i].has) {
                len += (size_t)snprintf(expected + len, sizeof expected - len, "%lld ",
                                        (long long)said[i].seq);
            }
        }
        assert_string_equal(find_in(rig, "kim", NULL, "찾을", limits[k]), expected);
    }
    static char expected[16384];
    size_t len = 0;
    for (int i = 0; i < COUNT; i++) {
        if (said[i].room == rooms[1].id) {
            len += (size_t)snprintf(expected + len, sizeof expected - len, "%lld ",
                                    (long long)said[i].seq);
        }
    }
    /* "말" or "것": what every message has. */
    assert_string_equal(find_in(rig, "kim", rooms[1].id, " ", 20), expected);
    rig_close(rig);
}

static void what_was_deleted_is_not_found(void **state)
{
    (void)state;
    struct rig *rig = chat_rig_open();
    struct room_id room = make_group(rig, "kim", "모둠");
    int64_t first = say(rig, room.id, "kim", "지울 것 하나"),
            second = say(rig, room.id, "kim", "지울 것 둘");
    assert_int_equal(try_delete(rig, room.id, "kim", first), STORE_OK);
    assert_string_equal(find(rig, "지울"), "3 ");
    close_block(rig, room.id);
    assert_int_equal(count_blocks(rig), 1);
    assert_string_equal(find(rig, "지울"), "3 ");
    assert_int_equal(try_delete(rig, room.id, "kim", second), STORE_OK);
    assert_string_equal(find(rig, "지울"), "");
    struct db *db = rig_connect(rig, DB_READER);
    assert_int_equal(
        db_run(db, "SELECT 1 FROM chat_texts WHERE text LIKE '%지울%'", NULL, 0, NULL, NULL), 0);
    assert_int_equal(db_run(db, "SELECT 1 FROM chat_texts", NULL, 0, NULL, NULL), 1);
    rig_driver->close(db);
    /* All that a block has: the block goes, and what comes after goes on. */
    for (int64_t seq = 4; seq < TEXTS_BLOCK_ROWS + 5; seq++) {
        (void)try_delete(rig, room.id, "kim", seq);
    }
    close_block(rig, room.id);
    say(rig, room.id, "kim", "다시");
    assert_string_equal(find(rig, "지울"), "");
    assert_true(strlen(find(rig, "다시")) > 0);
    rig_close(rig);
}

static void only_messages_are_found(void **state)
{
    (void)state;
    struct rig *rig = chat_rig_open();
    struct room_id room = make_group(rig, "kim", "김선생");
    join(rig, room.id, "lee");
    struct message_append op = a_message(room.id, "kim", "{\"url\":\"김선생\"}");
    op.text = span_of(""); /* a body without words */
    assert_int_equal(messages_append(rig->store, &op), STORE_OK);
    assert_string_equal(find(rig, "김선생"), ""); /* joins name people */
    close_block(rig, room.id);
    assert_string_equal(find(rig, "김선생"), "");
    rig_close(rig);
}

static void long_texts(void **state)
{
    (void)state;
    struct rig *rig = chat_rig_open();
    struct room_id room = make_group(rig, "kim", "모둠");
    char *text = malloc(300001);
    assert_non_null(text);
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 300000; i += 3) {
            memcpy(text + i, "가", 3);
        }
        memcpy(text + 299994, round == 1 ? "끝말" : "다른", 6);
        text[300000] = '\0';
        say(rig, room.id, "kim", text);
        say(rig, room.id, "kim", "짧은 것");
    }
    assert_true(count_blocks(rig) >= 3);
    assert_string_equal(find(rig, "끝말"), "4 ");
    assert_string_equal(find(rig, "가가가가"), "6 4 2 ");
    assert_string_equal(find(rig, "짧은"), "7 5 3 ");
    free(text);
    rig_close(rig);
}

static void cursors_and_limits_are_checked(void **state)
{
    (void)state;
    static const char *const cursors[] = {
        "x",
        "1.cccccccccccccccc",
        "1.cccccccccccccccc.",
        "1.cccccccccccccccc.x",
        "-1.cccccccccccccccc.1",
        "99999999999999999999.cccccccccccccccc.1",
        "1.cccccccccccccccc.1.1",
        "1.ccccccccccccccc'.1",
        "111111111111111111111111111111111111111111111111.cccccccccccccccc.1",
    };
    struct rig *rig = chat_rig_open();
    struct messages_search op = {.user = "kim", .part = span_of("x"), .limit = 5};
    for (size_t i = 0; i < sizeof cursors / sizeof cursors[0]; i++) {
        op.before = span_of(cursors[i]);
        assert_int_equal(messages_search(rig->store, &op), STORE_NOT_FOUND);
    }
    op.before = span_of("9223372036854775807.cccccccccccccccc.9223372036854775807");
    assert_int_equal(messages_search(rig->store, &op), STORE_OK);
    op.before = span_of("");
    op.limit = 0;
    assert_int_equal(messages_search(rig->store, &op), STORE_FAILED);
    op.limit = 51;
    assert_int_equal(messages_search(rig->store, &op), STORE_FAILED);
    op.limit = UINT32_MAX;
    assert_int_equal(messages_search(rig->store, &op), STORE_FAILED);
    op.limit = 5;
    op.part = span_of("");
    assert_int_equal(messages_search(rig->store, &op), STORE_FAILED);
    rig_close(rig);
}

/* A database whose locale knows no letters but ASCII's does as well. */
static void the_locale_does_not_matter(void **state)
{
    (void)state;
    if (rig_is_sqlite()) {
        return;
    }
    struct rig *rig = malloc(sizeof *rig);
    assert_non_null(rig);
    assert_int_equal(id_init(), 0);
    rig_init(rig);
    static const char part[] = "ÉCOLE";
    postgres_server_do(&rig_postgres, "postgres",
                       "CREATE DATABASE plain TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C'");
    postgres_server_url(&rig_postgres, "plain", rig->url);
    rig->store = rig_open_another(rig);
    struct user_row user = rig_user("kim", "");
    assert_int_equal(users_add(rig->store, &user), STORE_OK);
    struct room_id room = make_group(rig, "kim", "모둠");
    say(rig, room.id, "kim", "수학 숙제, école");
    assert_string_equal(find(rig, "숙제"), "2 ");
    assert_string_equal(find(rig, part), "2 ");
    close_block(rig, room.id);
    assert_string_equal(find(rig, "학"), "2 ");
    assert_string_equal(find(rig, part), "2 ");
    struct chat_people people;
    assert_int_equal(chats_people(rig->store, "x", span_of("선생 KIM"), 5, &people), STORE_OK);
    assert_int_equal(people.count, 1);
    chat_people_finish(&people);
    rig_close(rig);
}

/* A message is found from the moment that it is acknowledged, whatever becomes a block meanwhile. */
struct seeker {
    struct rig *rig;
    const char *room;
    atomic_uint said;
    atomic_bool over;
    unsigned missed, doubled;
};

static void *seek(void *arg)
{
    struct seeker *s = arg;
    while (!s->over) {
        unsigned said = s->said;
        struct messages_search op = {.user = "kim", .part = span_of("한결"), .limit = 50};
        if (messages_search(s->rig->store, &op) != STORE_OK) {
            s->missed++;
            break;
        }
        s->missed += op.rows.count < (said < 50 ? said : 50);
        for (size_t i = 1; i < op.rows.count; i++) {
            s->doubled += op.rows.list[i].seq != op.rows.list[i - 1].seq - 1;
        }
        s->missed += said > 0 && op.rows.list[0].seq < said + 1;
        chat_message_rows_finish(&op.rows);
    }
    return NULL;
}

static void nothing_is_missed_while_blocks_are_made(void **state)
{
    (void)state;
    struct rig *rig = chat_rig_open();
    struct room_id room = make_group(rig, "kim", "모둠");
    struct seeker seeker = {.rig = rig, .room = room.id};
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, seek, &seeker), 0);
    for (int i = 0; i < 400; i++) {
        struct message_append op = a_message(room.id, "kim", "한결같이");
        op.now_ms = NOW + i;
        assert_int_equal(messages_append(rig->store, &op), STORE_OK);
        seeker.said++;
    }
    seeker.over = true;
    pthread_join(thread, NULL);
    assert_int_equal(seeker.missed, 0);
    assert_int_equal(seeker.doubled, 0);
    rig_close(rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parts_of_texts_are_found),
        cmocka_unit_test(others_rooms_are_not_searched),
        cmocka_unit_test(the_newest_come_first),
        cmocka_unit_test(what_was_deleted_is_not_found),
        cmocka_unit_test(only_messages_are_found),
        cmocka_unit_test(long_texts),
        cmocka_unit_test(cursors_and_limits_are_checked),
        cmocka_unit_test(the_locale_does_not_matter),
        cmocka_unit_test(nothing_is_missed_while_blocks_are_made),
    };
    return rig_run(tests);
}
