/*
 * What has happened in chat rooms: one row per message or event, numbered within its room from 1
 * without holes (`seq`), in the order of their commits. Threads, waiting and results: store.h, task.h.
 *
 * Nothing here looks at what a text is: rows are checked by the caller. Spans are borrowed until the
 * operation is done. Limits are the caller's to clamp; 0 gives none.
 */
#ifndef LECTERN_STORE_MESSAGES_H
#define LECTERN_STORE_MESSAGES_H

#include <stdint.h>

#include "base/id.h"
#include "core/user.h"
#include "store/arena.h"
#include "store/chats.h"
#include "store/task.h"

#define FILE_ID_LEN 27 /* of a file in a chat room: f and 26 of lower-case base32 */

enum chat_row_kind {
    MESSAGE_SENT = 1,
    MESSAGE_JOIN = 2,       /* body {"name","userType","count"}: `count` members after it */
    MESSAGE_LEAVE = 3,      /* the same, and "owner" when that has changed */
    MESSAGE_DELETE = 4,     /* body {"id":"<room>.<seq>"} of the row that is no more */
    MESSAGE_FILE_STATE = 5, /* body as chat_files_finish() was given it */
    MESSAGE_DELETED = 6,    /* what a deleted row has become: its body is empty */
};

struct chat_message_row {
    char room[CHAT_ROOM_ID_LEN + 1];
    int64_t seq;
    enum chat_row_kind kind;
    int64_t created_ms;         /* wall clock of the server that took it */
    struct span sender;         /* user id */
    struct span sender_name;    /* as it is now */
    enum user_type sender_type; /* as it is now */
    struct span type; /* messageType on the wire: of MESSAGE_SENT its sender's, else ours */
    struct span body; /* JSON, byte for byte as it was appended: goes under "message" */
    struct span ref;  /* the sender's; empty = none. Only the sender may see it */
};

/* Rows that an operation has given. Texts live as long as they do. */
struct chat_message_rows {
    struct chat_message_row *list; /* NULL when there are none */
    size_t count, cap;
    struct arena texts;
};

void chat_message_rows_finish(struct chat_message_rows *rows); /* may be called for an empty one */

/* ---- Appending ---- */

/* A file that belongs to the message; its row (chat_files.h) is made in the same transaction. */
struct message_file {
    const char *id;     /* FILE_ID_LEN characters */
    struct span name;   /* as it is offered for download */
    struct span type;   /* media type */
    int64_t bytes;      /* 0: not known yet */
    bool ready;         /* else it is being uploaded */
    const char *server; /* id of the server that takes it */
};

/*
 * Appends a message (MESSAGE_SENT) and marks the room as read by its sender up to it.
 * STORE_NOT_FOUND: no such room, or a direct one of others; STORE_NOT_MEMBER: a group that the sender
 * is not in. A `ref` that the sender has used in that room before appends nothing: STORE_OK with `repeated`
 * and the first one's seq and time (also if that was deleted since).
 */
struct message_append {
    struct store_task task;
    const char *room;
    const char *sender;
    struct span type;
    struct span body;                /* JSON */
    struct span text;                /* what is searched for in it, not folded; may be empty */
    struct span ref;                 /* empty = none */
    int64_t now_ms;                  /* wall clock */
    const struct message_file *file; /* NULL = none */

    int64_t seq;
    int64_t created_ms;
    bool repeated;
    char seal[SEAL_LEN + 1]; /* the room's */
};

enum store_result messages_append(struct store *store, struct message_append *op)
    __attribute__((warn_unused_result));
int messages_append_submit(struct store *store, struct loop *loop, struct message_append *op)
    __attribute__((warn_unused_result));

/* ---- Deleting ---- */

/*
 * Deletes a message (MESSAGE_SENT): its body, text and searchability are gone, its seq and ref stay, and
 * a row of the kind MESSAGE_DELETE tells of it. Its file's row goes to the state CHAT_FILE_DELETED. By
 * its sender, or by the room's owner if it is a group: else STORE_FORBIDDEN. STORE_NOT_FOUND: no
 * such room, message, or it is deleted already; STORE_NOT_MEMBER as in messages_append().
 */
struct message_delete {
    struct store_task task;
    const char *room;
    const char *user;
    int64_t seq;
    int64_t now_ms;

    struct chat_message_rows rows; /* one: the tombstone. To be freed, whatever the result */
    char seal[SEAL_LEN + 1];
    char file[FILE_ID_LEN + 1]; /* to be erased, then chat_files_forget(); "" = none */
};

enum store_result messages_delete(struct store *store, struct message_delete *op)
    __attribute__((warn_unused_result));
int messages_delete_submit(struct store *store, struct loop *loop, struct message_delete *op)
    __attribute__((warn_unused_result));

/* ---- Reading ---- */

enum messages_which {
    /* For people: messages, joins and leaves. */
    MESSAGES_NEWEST, /* the newest `limit` */
    MESSAGES_BEFORE, /* the `limit` next older than `from` */
    /* For catching up, also tombstones and changes of files' states. */
    MESSAGES_AFTER, /* the `limit` next newer than `from` */
    /* For filling holes: every seq from `from` to `to`, with MESSAGE_DELETED where one was. */
    MESSAGES_RANGE, /* `limit` of them, the oldest */
};

/*
 * Rows are in ascending order of seq, whichever are asked for. With a user, STORE_NOT_FOUND and
 * STORE_NOT_MEMBER as in messages_append(); without, a room that is not there is one without rows.
 */
struct messages_page {
    struct store_task task;
    const char *room;
    const char *user; /* who must be a member; NULL: nobody is asked for */
    enum messages_which which;
    int64_t from, to;
    uint32_t limit;
    size_t
        bytes_max; /* of bodies, together: it ends before that, but has one; 0: as many as there are */

    struct chat_message_rows rows; /* to be freed, after STORE_OK */
    bool more;        /* there are further ones in that direction (NEWEST: older ones) */
    int64_t last_seq; /* the room's, as it was before the rows were read; 0: with user NULL */
    int64_t read_seq; /* the user's; 0 with user NULL */
};

enum store_result messages_page(struct store *store, struct messages_page *op)
    __attribute__((warn_unused_result));
int messages_page_submit(struct store *store, struct loop *loop, struct messages_page *op)
    __attribute__((warn_unused_result));

/*
 * One row with its sender, whatever its kind. STORE_NOT_FOUND when there is none. The caller has
 * made sure that it may be seen.
 */
enum store_result messages_get(struct store *store, const char *room, int64_t seq,
                               struct chat_message_rows *out) __attribute__((warn_unused_result));

#endif
