/*
 * What the files of src/chat share; nobody else includes this. Everything is on the loop's thread.
 *
 * A room on a loop is UNKNOWN until the store was asked for the first of its followers, then LIVE, and ends
 * as OVER. A follow (one chatter in one room) goes WAITING -> ENTERING -> STARTING -> REPLAYING -> LIVE;
 * docs/architecture.md, "Chats", has it as a table.
 */
#ifndef LECTERN_CHAT_INTERNAL_H
#define LECTERN_CHAT_INTERNAL_H

#include "base/bucket.h"
#include "base/map.h"
#include "chat/chat.h"
#include "chat/tail.h"
#include "store/chats.h"
#include "store/messages.h"

#define RETRY_MS 1000 /* when something that is unavailable is worth another try */

/* Of one loop: */
#define CHAT_SENDING_MAX (32u << 20) /* bytes of messages that the store has not answered */
#define CHAT_MARKS_MAX 16384         /* users' readings of rooms that are on their way */
#define CHAT_TAILS_BYTES (32u << 20) /* of rooms' tails: what is more is forgotten sooner */

/* ---- rooms ---- */

enum chat_room_state {
    CHAT_ROOM_UNKNOWN, /* neither its seal nor its last number is known: what comes is held back */
    CHAT_ROOM_LIVE,
    CHAT_ROOM_OVER,
};

/* What came on the channel too early. */
struct held {
    struct held *next;
    int64_t seq; /* 0 while the room is UNKNOWN: nobody has looked */
    size_t len;
    char text[]; /* with the seal, as it came */
};

struct follow;

struct chat_room {
    struct chat_loop *chats;
    struct chat_room *next, **link; /* all rooms of the loop */
    char id[CHAT_ROOM_ID_LEN + 1];
    char channel[CHAT_CHANNEL_LEN + 1];
    char seal[SEAL_LEN + 1]; /* "" until known */
    enum chat_room_state state;
    bool subscribed;
    bool filling; /* rows that are missing are being read */
    bool loading; /* older rows are being read for those who replay */
    struct tail tail;
    int64_t from;        /* where the tail was begun (anew): all rows from it on were taken here */
    int64_t stale;       /* while loading: rows up to this one have changed since they were read */
    int64_t known_last;  /* highest number heard of: rows up to it that tail has not are missing */
    int64_t stored_last; /* the store's, when it was asked last */
    int64_t fill_at_ms; /* when to read them, unless they come by themselves; 0: none are missing */
    struct held *held;  /* by number; while UNKNOWN in the order of coming */
    size_t held_count, held_bytes;
    struct follow **follows;
    size_t count, cap; /* of follows */
    unsigned refs;     /* reads under way, and calls in which it must not go */
};

/* A row on its way to those who follow. */
struct news {
    int64_t seq;
    enum chat_row_kind kind;
    struct span sender; /* user id */
    int64_t about;      /* of MESSAGE_DELETE and MESSAGE_FILE_STATE: the message's number; else 0 */
    struct span json;   /* as on the wire */
};

/* room.c */
struct chat_room *chat_room_open(struct chat_loop *chats, const char *id); /* NULL: no memory */
void chat_room_unref(struct chat_room *room); /* frees it when nobody needs it any more */
bool chat_room_add(struct chat_room *room, struct follow *follow);
void chat_room_remove(struct follow *follow);
void chat_room_start(struct chat_room *room, const struct chat_room_row *row); /* UNKNOWN -> LIVE */
void chat_room_subscribe(struct chat_room *room);
void chat_room_subscribed(struct chat_room *room);
/* Takes tail.end's row and those behind it that are held. May end follows, and the room. */
void chat_room_take(struct chat_room *room, const struct news *news);
void chat_room_over(struct chat_room *room); /* it is deleted */
struct frame *chat_frame(struct follow *follow, struct span json, struct frame **frames);

/* hear.c: what the channel brings */
void chat_room_receive(struct chat_room *room, struct span payload);
void chat_room_take_held(struct chat_room *room); /* what was too early and is due by now */
void chat_room_drop_held(struct chat_room *room);
/* A row of the store as news; `json` takes the text. False: no memory. */
bool news_of_row(struct news *news, const struct chat_room *room,
                 const struct chat_message_row *row, struct buf *json);

/* catchup.c */
void chat_room_behind(struct chat_room *room, int64_t last); /* the room has rows up to `last` */
void chat_room_whole(struct chat_room *room);                /* nothing is missing (any more) */
void chat_room_patience(struct chat_room *room); /* what is missing is not what it was before */
void chat_room_load(struct chat_room *room);   /* older rows into the tail; may do follow_again() */
void chat_loop_fill(struct chat_loop *chats);  /* rows that did not come in time */
void chat_loop_check(struct chat_loop *chats); /* asks the store how far all rooms are */

/* ---- follows ---- */

enum follow_state {
    FOLLOW_WAITING,   /* for the room's subscription, or until the store is asked again */
    FOLLOW_ENTERING,  /* the store is asked */
    FOLLOW_STARTING,  /* welcomed; where its history starts is not known yet */
    FOLLOW_REPLAYING, /* `cursor` is the next row for it */
    FOLLOW_LIVE,
};

struct follow_op;

struct follow {
    struct chatter *chatter;
    struct chat_room *room;
    struct follow *next;  /* the chatter's */
    struct follow_op *op; /* what the store is doing for it, or NULL; at most one */
    char *ref;            /* to be answered by the welcome; NULL = none */
    int64_t cursor;       /* valid while REPLAYING */
    int64_t skip;         /* rows up to this one are known to the client */
    int64_t entered;      /* the room's last number when membership was looked at */
    int64_t settled;  /* what was taken here of that: tombstones up to it are heeded by the rest */
    int64_t left;     /* number of a leave that came meanwhile */
    int64_t since;    /* valid if has_since; -1: of another room */
    int64_t typed_ms; /* when `typing` was passed on last, loop's time */
    uint32_t index;   /* in room->follows */
    uint32_t history;
    enum follow_state state;
    bool has_since : 1;
    bool welcomed : 1;
    bool patient : 1; /* waits for a store that is away, rather than being refused */
    bool typing : 1;
    bool refused : 1; /* the store was away */
};

/* follow.c */
/* The follow, or NULL when out of memory; `ref` is answered by the welcome. */
struct follow *follow_create(struct chatter *chatter, const char *id, const char *since,
                             uint32_t history, const char *ref, bool patient);
struct follow *follow_find(const struct chatter *chatter, const char *room);
void follow_enter(struct follow *follow);
void follow_check(struct follow *follow); /* the tick's: what has to be tried again; may free it */
void follow_again(struct follow *follow); /* membership is looked at anew, then from where it is */
void follow_free(struct follow *follow);  /* without a word */
/* Tells by `close` and frees it; closes the socket if it was there for that alone. */
void follow_end(struct follow *follow, const char *reason);
void follow_announce(struct follow *follow, const char *type); /* enter, exit */

/* What the store does for a follow; `follow` is NULL when that is gone. */
struct follow_op {
    struct follow *follow;
};

/* replay.c */
void replay_begin(struct follow *follow);
void replay_go_on(struct follow *follow);
void replay_all(struct chat_room *room); /* the tail has changed */

/* ---- chatters ---- */

/* Sockets of one user that want to hear of new rooms. */
struct listener {
    struct chatter *first;
    char channel[5 + ID_MAX + 1];
};

struct chatter {
    struct chat_loop *chats;
    struct chatter *next, **link; /* all chatters of the loop */
    const struct receiver_ops *ops;
    void *socket; /* NULL once it is gone */
    struct follow *follows;
    struct listener *listener; /* NULL: does not want to hear */
    struct chatter *same_user; /* the listener's next */
    int64_t expires_ms;        /* of the token, wall clock */
    int64_t started_ns;        /* of the upgrade request; 0 once welcomed */
    struct bucket rate;
    struct bucket joins; /* `subscribe`: as many at once as it may follow, then at the same rate */
    uint32_t refused;    /* messages in a row */
    uint32_t generation; /* of an account's token; 0: it is no account's */
    unsigned refs;       /* store's and bus's work on its behalf */
    uint32_t follow_count;
    enum user_type type;
    bool closing : 1, lasts : 1, announce : 1;
    char room[CHAT_ROOM_ID_LEN + 1]; /* of the wish; "" = none */
    uint16_t name_at;
    char user_id[]; /* and, at name_at from its beginning, the name */
};

static inline const char *chatter_name(const struct chatter *chatter)
{
    return chatter->user_id + chatter->name_at;
}

/* chatter.c */
const struct config_rate *chatter_rate(const struct chatter *chatter);
void chatter_ref(struct chatter *chatter);
void chatter_unref(struct chatter *chatter);
void chatter_close(struct chatter *chatter, uint16_t code, const char *reason);
/* `channel` may be NULL, `ref` NULL or "". */
void chatter_tell(struct chatter *chatter, const char *channel, const char *type, const char *ref,
                  struct span body);
void chatter_no_memory(struct chatter *chatter);
void listeners_subscribe(struct chat_loop *chats);
void listener_hear(struct chat_loop *chats, struct span channel, struct span payload);

/* welcome.c */
void welcome_write(struct buf *out, const struct chatter *chatter,
                   const struct chat_enter *entered);

/* commands.c */
void chatter_error(struct chatter *chatter, const char *room, const char *ref, const char *code,
                   const char *field, const char *text);
/* What the store says to no: an `error` of that, and its code. */
const char *chatter_refused(struct chatter *chatter, const char *room, const char *ref,
                            enum store_result result);
void chatter_ack(struct chatter *chatter, const char *room, const char *ref, int64_t seq);

/* ---- what is sent ---- */

/* sends.c */
void send_message(struct chatter *chatter, const char *room, const struct message *message);
void send_delete(struct chatter *chatter, const char *room, int64_t seq, const char *ref);
/* Publishes a notice in a followed room; `ref` (may be "") is answered when Redis has it. */
void send_notice(struct follow *follow, const char *type, struct span body, const char *ref);

/* reads.c */
/* Has read up to `seq`; ref is answered when that is stored. */
void reads_move(struct chatter *chatter, const char *room, int64_t seq, const char *ref);
/* The same where the store knows: Redis is told, soon. */
void reads_stored(struct chat_loop *chats, const char *room, const char *user, int64_t seq);
bool reads_flush(struct chat_loop *chats);   /* those whose time has come; true: there are more */
void reads_hurry(struct chat_loop *chats);   /* their time has come */
void reads_give_up(struct chat_loop *chats); /* but for those that the store is at */
void reads_left(struct chat_loop *chats, const char *room, struct span user); /* no more in Redis */
void reads_forget(struct chat_loop *chats, const char *room); /* it is deleted: its key goes */

/* ---- the loop's ---- */

struct chat_loop {
    struct loop *loop;
    const struct config *config;
    const struct tokens *tokens;
    const char *server_id;
    struct bus *bus;
    struct store *store;
    struct map rooms;     /* id -> struct chat_room */
    struct map listeners; /* channel -> struct listener */
    struct map marks;     /* "room user" -> struct read_mark */
    struct chat_room *head;
    struct chatter *chatters;
    uv_timer_t tick;    /* once a second */
    uv_timer_t soon;    /* while something is to be done sooner */
    int64_t checked_ms; /* when rooms were compared with the store last; 0: at once */
    int64_t generations_ms;
    int64_t keep_ms;  /* how long tails are kept */
    size_t sending;   /* bytes of messages that the store has not answered */
    unsigned missing; /* rooms with rows missing */
    unsigned looks;   /* such comparisons under way */
    bool soon_runs, started;
};

void chat_loop_soon(struct chat_loop *chats); /* has the timer `soon` run */
struct chat_room *chat_room_find(const struct chat_loop *chats, struct span id);

#endif
