/* What the tests of chat rooms share: people, rooms, and saying something. */
#ifndef LECTERN_TESTS_UNIT_STORE_CHAT_RIG_H
#define LECTERN_TESTS_UNIT_STORE_CHAT_RIG_H

#include "base/id.h"
#include "store/chat_files.h"
#include "store/chats.h"
#include "store/messages.h"
#include "unit/store/rig.h"

#define NOW 1732094000000
#define ROOMS_MAX 200
#define MEMBERS_MAX 1000

struct room_id {
    char id[CHAT_ROOM_ID_LEN + 1];
};

/* A store with kim, lee, park and choi. */
static inline struct rig *chat_rig_open(void)
{
    static const char *const ids[] = {"kim", "lee", "park", "choi"};
    assert_int_equal(id_init(), 0);
    struct rig *rig = rig_open();
    for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++) {
        struct user_row user = rig_user(ids[i], "");
        user.type = i == 0 ? USER_TEACHER : USER_STUDENT;
        assert_int_equal(users_add(rig->store, &user), STORE_OK);
    }
    return rig;
}

static inline struct room_id make_group(struct rig *rig, const char *owner, const char *name)
{
    struct chat_create op = {
        .owner = owner, .name = span_of(name), .now_ms = NOW, .rooms_max = ROOMS_MAX};
    struct room_id room;
    assert_int_equal(chats_create(rig->store, &op), STORE_OK);
    assert_true(id_chat_room_valid(span_of(op.room.id)));
    memcpy(room.id, op.room.id, sizeof room.id);
    return room;
}

static inline struct room_id make_direct(struct rig *rig, const char *user, const char *other)
{
    struct chat_direct op = {.user = user, .other = other, .now_ms = NOW, .rooms_max = ROOMS_MAX};
    struct room_id room;
    assert_int_equal(chats_direct(rig->store, &op), STORE_OK);
    memcpy(room.id, op.room.id, sizeof room.id);
    return room;
}

static inline enum store_result try_join(struct rig *rig, const char *room, const char *user)
{
    struct chat_message_rows rows = {0};
    struct chat_join op = {.room = room,
                           .user = user,
                           .now_ms = NOW,
                           .rooms_max = ROOMS_MAX,
                           .members_max = MEMBERS_MAX,
                           .rows = &rows};
    enum store_result result = chats_join(rig->store, &op);
    chat_message_rows_finish(&rows);
    return result;
}

static inline void join(struct rig *rig, const char *room, const char *user)
{
    assert_int_equal(try_join(rig, room, user), STORE_OK);
}

static inline enum store_result try_leave(struct rig *rig, const char *room, const char *user)
{
    struct chat_message_rows rows = {0};
    struct chat_leave op = {
        .room = room, .user = user, .now_ms = NOW, .delete_empty = true, .rows = &rows};
    enum store_result result = chats_leave(rig->store, &op);
    chat_message_rows_finish(&rows);
    return result;
}

/* A message whose text is also its body, as it is. */
static inline struct message_append a_message(const char *room, const char *sender,
                                              const char *text)
{
    return (struct message_append){.room = room,
                                   .sender = sender,
                                   .type = span_of("send"),
                                   .body = span_of(text),
                                   .text = span_of(text),
                                   .now_ms = NOW};
}

/* Its number. */
static inline int64_t say(struct rig *rig, const char *room, const char *sender, const char *text)
{
    struct message_append op = a_message(room, sender, text);
    assert_int_equal(messages_append(rig->store, &op), STORE_OK);
    assert_false(op.repeated);
    return op.seq;
}

static inline enum store_result try_delete(struct rig *rig, const char *room, const char *user,
                                           int64_t seq)
{
    struct message_delete op = {.room = room, .user = user, .seq = seq, .now_ms = NOW};
    enum store_result result = messages_delete(rig->store, &op);
    chat_message_rows_finish(&op.rows);
    return result;
}

/* Whole room as "seq:kind:sender:body|…", by the query that fills holes. */
static inline const char *transcript(struct rig *rig, const char *room)
{
    static char out[8192];
    struct messages_page op = {
        .room = room, .which = MESSAGES_RANGE, .from = 1, .to = INT64_MAX, .limit = 100};
    size_t len = 0;
    out[0] = '\0';
    assert_int_equal(messages_page(rig->store, &op), STORE_OK);
    assert_false(op.more);
    for (size_t i = 0; i < op.rows.count; i++) {
        const struct chat_message_row *row = &op.rows.list[i];
        assert_string_equal(row->room, room);
        len += (size_t)snprintf(out + len, sizeof out - len, "%lld:%d:%.*s:%.*s|",
                                (long long)row->seq, row->kind, (int)row->sender.n, row->sender.p,
                                (int)row->body.n, row->body.p);
        assert_true(len < sizeof out);
    }
    chat_message_rows_finish(&op.rows);
    return out;
}

#endif
