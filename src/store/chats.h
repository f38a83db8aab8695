/*
 * Chat rooms: groups and the direct rooms of two people, their members, and how far each has read.
 * What was said in them: messages.h. Threads, waiting and results: store.h, task.h.
 *
 * Names and ids are checked by the caller. Whoever is a member has a row in `users`: who comes with a
 * token of somebody else's login service gets one by users_know() (users.h), before anything here.
 * Strings and spans are borrowed until the operation is done.
 */
#ifndef LECTERN_STORE_CHATS_H
#define LECTERN_STORE_CHATS_H

#include <stdint.h>

#include "base/id.h"
#include "core/user.h"
#include "store/task.h"

#define CHAT_UNREAD_MAX 1000       /* further unread messages are not counted */
#define CHAT_MEMBERS_SHOWN_MAX 200 /* members that chats_enter() gives */

enum chat_room_kind {
    CHAT_GROUP,
    CHAT_DIRECT,
};

struct chat_message_rows;

struct chat_room_row {
    char id[CHAT_ROOM_ID_LEN + 1];
    enum chat_room_kind kind;
    char name[NAME_MAX_BYTES + 1]; /* direct: "" */
    char owner[ID_MAX + 1];        /* direct: "" */
    char seal[SEAL_LEN + 1];       /* secret: what Lectern publishes there begins with it */
    int64_t created_ms;
    int64_t last_seq; /* 0: nothing has happened yet */
    uint32_t members;
};

/* A person in a room, or found by chats_people(). */
struct chat_person {
    char id[ID_MAX + 1];
    char name[NAME_MAX_BYTES + 1];
    enum user_type type;
    int64_t read_seq; /* how far they have read; 0: nothing, or not in a room */
};

struct chat_people {
    struct chat_person *list; /* NULL when there are none */
    size_t count, cap;
};

void chat_people_finish(struct chat_people *people);

/* ---- Making, joining, leaving: what HTTP threads do ---- */

/*
 * Makes a group with an id and a seal of its own, its maker being owner and only member, and its first
 * row (a join). STORE_TOO_MANY: they are in `rooms_max` rooms already.
 */
struct chat_create {
    const char *owner;
    struct span name;
    int64_t now_ms;
    uint32_t rooms_max; /* of all kinds */

    struct chat_room_row room;
};
enum store_result chats_create(struct store *store, struct chat_create *op)
    __attribute__((warn_unused_result));

/*
 * Joins a group. STORE_OK with `rows` empty when they are in it already; else its one row is the
 * join, to be published. STORE_NOT_FOUND: no such group (direct rooms are nobody's to join);
 * STORE_TOO_MANY and STORE_FULL as their names say. `rows` is freed by the caller after STORE_OK.
 */
struct chat_join {
    const char *room;
    const char *user;
    int64_t now_ms;
    uint32_t rooms_max;
    uint32_t members_max;

    struct chat_room_row after;
    struct chat_message_rows *rows; /* the caller's, all zero */
};
enum store_result chats_join(struct store *store, struct chat_join *op)
    __attribute__((warn_unused_result));

/*
 * Leaves a group. Who leaves as its owner leaves it to the member who has been in it longest. The
 * last one's leaving deletes the room if `delete_empty` (`deleted`: no row is appended; chats_purge() does
 * the rest), else it stays without owner until somebody joins, who becomes the owner. STORE_NOT_FOUND: no such
 * group, or not a member.
 */
struct chat_leave {
    const char *room;
    const char *user;
    int64_t now_ms;
    bool delete_empty;

    bool deleted;
    struct chat_room_row
        after; /* its `owner` is the new one; undefined if `deleted`, but id and seal */
    struct chat_message_rows *rows; /* the caller's, all zero: the leave, unless `deleted` */
};
enum store_result chats_leave(struct store *store, struct chat_leave *op)
    __attribute__((warn_unused_result));

/*
 * Erases what is left of deleted rooms, a few hundred rows in one transaction: call it until *more is
 * false, after a leave that deleted one, and at the start. Files' rows stay, as CHAT_FILE_DELETED.
 */
enum store_result chats_purge(struct store *store, bool *more) __attribute__((warn_unused_result));

/*
 * The direct room of two people, made if there is none (`created`): of calls at the same time, whoever makes
 * them, one does. STORE_NOT_FOUND: no such other user; STORE_TOO_MANY: `user` is in `rooms_max` rooms (not the
 * other: nobody can be kept from being written to). The two are different.
 */
struct chat_direct {
    const char *user;
    const char *other;
    int64_t now_ms;
    uint32_t rooms_max;

    struct chat_room_row room;
    bool created;
};
enum store_result chats_direct(struct store *store, struct chat_direct *op)
    __attribute__((warn_unused_result));

/* ---- Looking ---- */

/*
 * A room as one of its members sees it. STORE_NOT_FOUND: no such room, or a direct one of others;
 * STORE_NOT_MEMBER: a group that they are not in (`room` is filled in). `people` has up to `people_max` members, the
 * user first, the others in the order of name and id; it is freed by the caller after STORE_OK.
 */
struct chat_enter {
    struct store_task task;
    const char *room_id;
    const char *user;
    uint32_t people_max; /* 0: `people` stays empty */

    struct chat_room_row room;
    struct chat_people people;
    int64_t read_seq; /* the user's */
    uint32_t unread;  /* as in struct chat_mine */
};
enum store_result chats_enter(struct store *store, struct chat_enter *op)
    __attribute__((warn_unused_result));
int chats_enter_submit(struct store *store, struct loop *loop, struct chat_enter *op)
    __attribute__((warn_unused_result));

/* One of somebody's rooms. */
struct chat_mine {
    struct chat_room_row room;
    int64_t read_seq;
    uint32_t unread; /* messages of others (MESSAGE_SENT) after read_seq; CHAT_UNREAD_MAX at most */
    long last;       /* index in `last` of the newest message, join or leave; -1 = none */
    struct chat_person with; /* direct: the other, and how far they have read; else "" */
};

/* All rooms of a user, in no order. Freed by chats_of_finish(), after STORE_OK. */
struct chats_of {
    struct chat_mine *list;
    size_t count, cap;
    /*
     * As many as there are rooms in which something happened. Where bodies of more than 4 KiB are more than 1 MiB
     * together, the rest of these are `null`.
     */
    struct chat_message_rows *last;
};
enum store_result chats_of(struct store *store, const char *user, struct chats_of *out)
    __attribute__((warn_unused_result));
void chats_of_finish(struct chats_of *chats);

/*
 * Groups in the order of their names (lower case, by bytes) and ids, those after `after`: "" for the first
 * page, then `next`. `part` (folded or not) is a part of the name, "" for all.
 */
struct chat_listed {
    struct chat_room_row room;
    bool joined;
};
#define CHAT_CURSOR_MAX (2 * NAME_MAX_BYTES + CHAT_ROOM_ID_LEN + 2)
struct chats_list {
    const char *user;
    struct span part;
    struct span after; /* an unreadable one: STORE_NOT_FOUND */
    uint32_t limit;

    struct chat_listed *list; /* free(); NULL when there are none */
    size_t count, cap;
    char next[CHAT_CURSOR_MAX + 1]; /* URL-safe text; "" = there are no more */
};
enum store_result chats_list(struct store *store, struct chats_list *op)
    __attribute__((warn_unused_result));

/*
 * People whose id begins with, or whose name contains, `part` (upper and lower case of ASCII are the
 * same), without `user`, in the order of name and id. Freed by chat_people_finish().
 */
enum store_result chats_people(struct store *store, const char *user, struct span part,
                               uint32_t limit, struct chat_people *out)
    __attribute__((warn_unused_result));

/* ---- How far one has read ---- */

/*
 * Moves it forward to `seq`, never back, and not beyond the room's last; `read_seq` is what it then is.
 * STORE_NOT_FOUND, STORE_NOT_MEMBER as for chats_enter().
 */
struct chat_read {
    struct store_task task;
    const char *room;
    const char *user;
    int64_t seq;

    int64_t read_seq;
    bool moved;
    uint32_t unread; /* as in struct chat_mine, after it; only from chats_read(), 0 else */
    char seal[SEAL_LEN + 1];
};
enum store_result chats_read(struct store *store, struct chat_read *op)
    __attribute__((warn_unused_result));
int chats_read_submit(struct store *store, struct loop *loop, struct chat_read *op)
    __attribute__((warn_unused_result));

/* How far all members have read: those who have read anything, 200 at most, the latest first. */
enum store_result chats_reads(struct store *store, const char *room, struct chat_people *out)
    __attribute__((warn_unused_result));

/* ---- For loops that follow rooms ---- */

/* A room that one follows, and where it is by now. */
struct chat_tip {
    char room[CHAT_ROOM_ID_LEN + 1];
    int64_t last_seq; /* out; -1: it is no more */
};

/* last_seq of many rooms in one query. `tips` is the owner's. */
struct chats_tips {
    struct store_task task;
    struct chat_tip *tips;
    size_t count;
};
int chats_tips_submit(struct store *store, struct loop *loop, struct chats_tips *op)
    __attribute__((warn_unused_result));
enum store_result chats_tips(struct store *store, struct chats_tips *op)
    __attribute__((warn_unused_result));

#endif
