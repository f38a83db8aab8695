/*
 * STOMP sockets on a loop (docs/protocol.md, "STOMP"): what the files stomp*.c share; nobody else
 * includes this. The frames' bytes are src/ws/stomp.h's, their bodies stomp_body.h's.
 *
 *   stomp.c         a socket's life: bytes, heart-beats, its end
 *   stomp_answer.c  RECEIPT, ERROR, and what goes to /user/queue/errors
 *   stomp_frames.c  what each command does
 *   stomp_connect.c CONNECT: token, version, heart-beats
 *   stomp_follow.c  rooms that a socket follows, one place in each, however many subscriptions
 *   stomp_receiver.c what rooms tell them
 *   stomp_sends.c   SENDs: to their room, and its answers
 *
 * A socket goes OPENING -> CHECKING -> CONNECTED -> LEAVING (DISCONNECT) -> OVER; on OVER nothing of
 * what it sends is looked at any more. A room that it follows goes (WAITING ->) ENTERING -> JOINING ->
 * JOINED -> OVER. Everything is on the loop's thread.
 */
#ifndef LECTERN_PROTO_STOMP_H
#define LECTERN_PROTO_STOMP_H

#include "base/bucket.h"
#include "chat/chat.h"
#include "proto/internal.h"
#include "proto/stomp_body.h"
#include "ws/stomp.h"

#define STOMP_SUBSCRIPTIONS_MAX 100 /* of a socket */
#define STOMP_TEXT_MAX 255          /* bytes of an id, a destination or a receipt */
#define STOMP_WAITING_MAX 32        /* SENDs kept for rooms that are being entered, */
#define STOMP_WAITING_SIZES 4       /* and their bytes: as many as so many of the longest */
#define STOMP_PENDING_MAX 1000      /* SENDs whose receipt is owed */
#define STOMP_CONNECT_MS 10000      /* for CONNECT to come, and for the end after DISCONNECT */
#define STOMP_BEAT_MS 1000          /* heart-beats: what we can send, and want, at most so often */

struct stomp;
struct follow;

/*
 * The MESSAGE frame that was sent last by one kind of carrier. Most clients call their subscriptions alike
 * (sub-0), so the next one often gets the very same bytes: then they share one frame.
 */
#define STOMP_SHARED_HEAD 192 /* bytes; longer heads are not shared */
struct shared_message {
    struct frame *rest;  /* NULL at first */
    struct frame *whole; /* head and rest; NULL until a second receiver has the same head */
    size_t head_len;
    char head[STOMP_SHARED_HEAD];
};

/* The STOMP sockets of a loop. */
struct stomp_loop {
    struct proto_loop *proto_loop;
    struct stomp *head;
    struct shared_message shared[CARRIER_VARIANTS];
    uv_timer_t tick;
    struct loop_pace pace;
    int64_t generations_ms; /* when it was last looked for revoked tokens, loop's time */
    uint64_t events;        /* messages without id, which get one made of `stamp` and this */
    char stamp[SESSION_ID_LEN + 1];
};

struct subscription {
    struct subscription *next;      /* of the socket */
    struct subscription *next_here; /* of the same room */
    struct follow *follow;          /* NULL: a queue of the user's own */
    char *receipt;                  /* SUBSCRIBE's, until that is told; NULL = none */
    bool errors;                    /* it is /user/queue/errors */
    bool acked;                     /* each of its MESSAGEs may be answered by an ACK */
    size_t head_len;                /* of what its MESSAGE frames begin with; in `texts` */
    const char *id, *destination;   /* in `texts` */
    char texts[];
};

/* A frame under way: what an error about it says. */
struct stomp_cause {
    struct span destination, receipt; /* p is NULL where there is none */
};

/* A SEND that the room has not answered yet. */
struct pending {
    struct pending *next;
    struct follow *follow;
    char ref[ID_MAX + 1];
    struct stomp_cause cause; /* in `texts` */
    char texts[];
};

/* A SEND that waits for its room to be joined. */
struct waiting {
    struct waiting *next;
    struct stomp_talk talk; /* its spans point into `texts` */
    char ref[ID_MAX + 1];   /* the client's own; "" = none */
    size_t bytes;           /* of all texts */
    struct stomp_cause cause;
    char texts[];
};

enum follow_state { FOLLOW_WAITING, FOLLOW_ENTERING, FOLLOW_JOINING, FOLLOW_JOINED, FOLLOW_OVER };

struct follow {
    struct follow *next;
    struct stomp *stomp;
    struct subscription *subscriptions;
    struct room_entry *entry; /* while ENTERING */
    struct member *member;    /* of a class, from JOINING on */
    struct chatter *chatter;  /* of a chat, from JOINING on */
    struct waiting *waiting, **waiting_tail;
    unsigned pending_count;
    struct loop_task task; /* what must not happen inside the room's calls */
    enum follow_state state;
    bool chat;
    bool ends_socket; /* its end is the socket's too; valid when OVER */
    bool leaving;     /* nobody subscribes to it any more; it stays until all SENDs are answered */
    bool charged;     /* a guess at the room's code is charged for */
    const char *over; /* code of the error that tells of its end; valid when OVER */
    int64_t started_ns; /* when it was subscribed to, monotonic */
    uint32_t history;   /* as asked by the first SUBSCRIBE */
    char since[ROOM_MESSAGE_ID_MAX + 1];
    char room[CHANNEL_NAME_MAX + 1]; /* without "room:" */
};

enum stomp_state { STOMP_OPENING, STOMP_CHECKING, STOMP_CONNECTED, STOMP_LEAVING, STOMP_OVER };

struct stomp {
    struct stomp_loop *loop;
    struct stomp *next, **link;
    struct carrier *carrier; /* NULL once it is gone */
    const struct proto_guard *guard;
    struct stomp_parser parser;
    struct claims claims; /* of the URL's token at first; zeroed where there is none */
    struct subscription *subscriptions;
    struct follow *follows;
    struct pending *pending, **pending_tail;
    struct buf early;          /* bytes that came while CHECKING */
    struct bucket rate, joins; /* of frames; of SUBSCRIBEs */
    uint64_t acks_due;         /* ACKs that may come, by what was delivered */
    int64_t heard_ms, sent_ms;
    int64_t deadline_ms;                     /* of CONNECT, and of the end when LEAVING */
    uint64_t refs;                           /* made so far */
    uint32_t send_every_ms, expect_every_ms; /* heart-beats; 0 = none */
    unsigned subscription_count, pending_count, waiting_count;
    size_t waiting_bytes;
    unsigned refused; /* frames in a row over the rate */
    enum stomp_version version;
    enum stomp_state state;
    bool checking; /* a call is under way: the struct must stay */
    char *receipt; /* DISCONNECT's, when LEAVING; NULL = none */
    char session[SESSION_ID_LEN + 1];
    char address[48];
};

/* ---- stomp.c ---- */

int64_t stomp_now_ms(const struct stomp *stomp);
/* Nothing that the client sends counts any more; its carrier is closed. */
void stomp_over(struct stomp *stomp, uint16_t code, const char *reason);
/* DISCONNECT was received and every SEND is answered: says so, and closes. */
void stomp_leave_if_done(struct stomp *stomp);
/* The call that `checking` stood for has returned; frees the socket where it is gone meanwhile. */
void stomp_checked(struct stomp *stomp);
/* CONNECT was accepted: goes on with what the client has sent meanwhile. */
void stomp_resume(struct stomp *stomp);

/* ---- stomp_answer.c ---- */

/* Sends the frame in `out`, which is finished. */
void stomp_send(struct stomp *stomp, struct buf *out);
void stomp_receipt(struct stomp *stomp, struct span receipt); /* nothing if p is NULL */

/*
 * Ends the socket by an ERROR frame. `code` is one of the table's in stomp_answer.c; `text` NULL: the
 * sentence that stands there.
 */
void stomp_fail(struct stomp *stomp, const char *code, const char *text,
                const struct stomp_cause *cause);

/*
 * Tells that something was refused: on /user/queue/errors where the client subscribes to it, else by an
 * ERROR frame, which ends the socket. `field` may be NULL.
 */
void stomp_refuse(struct stomp *stomp, const char *code, const char *text, const char *field,
                  const struct stomp_cause *cause);

/* Only for those who listen on /user/queue/errors. */
void stomp_notice(struct stomp *stomp, const char *code, const char *text,
                  const struct stomp_cause *cause);

/* The same as stomp_refuse() for what a room says: `error` is the JSON {"code","message",…} of its `error`. */
void stomp_relay(struct stomp *stomp, struct span error, const struct stomp_cause *cause);

/* ---- stomp_connect.c ---- */

void stomp_connect(struct stomp *stomp, const struct stomp_frame *frame);
/* Ends the sockets whose account has signed out since, where no room does: they follow none. */
void stomp_check_generations(struct stomp_loop *loop, int64_t now_ms);

/* ---- stomp_frames.c ---- */

extern const struct stomp_events stomp_frame_events; /* arg is the struct stomp */
void stomp_subscription_free(struct subscription *subscription);
/* Takes it off the socket's list, and frees it. */
void stomp_unsubscribe(struct stomp *stomp, struct subscription *subscription);

/* ---- stomp_follow.c ---- */

/* The room as the socket follows it (perhaps not yet, but neither OVER nor leaving), or NULL. */
struct follow *stomp_follow_find(struct stomp *stomp, const char *room);
/*
 * Adds a subscription, which is on the socket's list already, to a room: the first one enters it. What
 * goes wrong is told to the client; the subscription is gone then. `receipt` is told when it is joined.
 */
void stomp_follow_subscribe(struct stomp *stomp, const char *room,
                            struct subscription *subscription, const char *since, uint32_t history);
/*
 * Takes a subscription off its room; the last one leaves it, when what was sent to it is answered. The
 * receipt of a SUBSCRIBE is told now if the room has not been joined yet.
 */
void stomp_follow_unsubscribe(struct subscription *subscription);
/*
 * What carries SENDs to chats that the socket does not follow: their members may send all the same. Its room
 * is "". NULL: it was told why not.
 */
struct follow *stomp_follow_writer(struct stomp *stomp, const struct stomp_cause *cause);
/* The socket leaves all rooms, as soon as what it has sent is answered. */
void stomp_leave_rooms(struct stomp *stomp);
/* The socket is gone: frees what it followed. */
void stomp_drop_rooms(struct stomp *stomp, bool left);
void stomp_drained(struct stomp *stomp);

/* ---- stomp_receiver.c ---- */

/* For a room that the socket follows; `socket` is the struct follow. */
const struct receiver_ops *stomp_receiver_ops(const struct stomp *stomp);

/* ---- stomp_sends.c ---- */

/* A SEND for `room` by way of `follow`; `ref` is the client's own or "". */
void stomp_follow_send(struct follow *follow, const char *room, const struct stomp_talk *talk,
                       const char *ref, const struct stomp_cause *cause);
/* The room has answered; `error` is the JSON {"code","message",…}. `ref` "": no SEND's, or unknown. */
void stomp_send_acked(struct follow *follow, const char *ref);
void stomp_send_refused(struct follow *follow, const char *ref, struct span error);
/* It is joined: sends what waited. */
void stomp_sends_go_on(struct follow *follow);
/* It ends: what waits, for the room or for its answer, is refused with `code` unless that is NULL. */
void stomp_sends_drop(struct follow *follow, const char *code);

#endif
