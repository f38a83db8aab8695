/* What net/sockjs.c (sessions) and net/sockjs_answer.c (the answers that they write) share. */
#ifndef LECTERN_NET_SOCKJS_INTERNAL_H
#define LECTERN_NET_SOCKJS_INTERNAL_H

#include "net/conn.h"
#include "net/sockjs.h"

struct sockjs_group {
    struct loop *loop;
    struct wsock_options options;
    struct sockjs_claims *claims;
    struct sockjs_session *sessions; /* those that are closed and not forgotten yet, too */
    struct answer *answers;
    size_t open;    /* sessions whose end has not been told */
    size_t waiting; /* answers whose sockets are open */
    uv_timer_t tick;
    struct loop_pace pace;
};

/* A request's socket: waiting for frames, or with the last of them on their way. */
struct answer {
    struct conn conn; /* first: conn.c's handlers get this address */
    struct sockjs_group *group;
    struct answer *next, **link;
    struct sockjs_session *session; /* NULL: it belongs to none */
    enum sockjs_transport transport;
    char *head; /* NULL once it is written */
    size_t head_len;
    size_t written;   /* bytes of frames */
    size_t queued;    /* bytes that waited when the tick last looked, */
    int64_t moved_ms; /* and when that changed */
    bool finishing;   /* nothing more is written */
};

struct sockjs_claim {
    struct sockjs_session *session; /* NULL: about to be made */
    struct sockjs_holder holder;
    bool ended;
    size_t key_len;
    char key[];
};

struct sockjs_session *sockjs_claim_find(struct sockjs_claims *claims, const char *key);
void sockjs_claim_fill(struct sockjs_claims *claims, struct sockjs_claim *claim,
                       struct sockjs_session *session);
void sockjs_claim_end(struct sockjs_claims *claims, struct sockjs_claim *claim);

/* ---- sockjs_answer.c ---- */

/* Takes descriptor and head. NULL: no memory; they are gone. */
struct answer *answer_start(struct sockjs_group *group, const struct sockjs_receiver *receiver,
                            struct sockjs_session *session);

/*
 * Streams: the head, and what must come before the first frame, sent at once: what is dropped later
 * begins behind it. Where that fails the answer has ended (answer->conn.dead).
 */
void answer_open(struct answer *answer);

/* A frame without its line's end ("o", "h", "c[…]"). A poll is finished with it. */
void answer_text(struct answer *answer, struct span text);
void answer_close(struct answer *answer, uint16_t code, const char *reason);

/* A frame of messages as sockjs_encode() made it, in one part or two; for streams. */
enum conn_result answer_frame(struct answer *answer, struct frame *first, struct frame *second,
                              size_t limit);

/* A poll's answer: these frames of messages, made into one. */
void answer_batch(struct answer *answer, struct frame *const *frames, size_t count);

/* What is queued is sent, then the end. */
void answer_finish(struct answer *answer);

void answer_kill(struct answer *answer); /* without a word */

/* Its client has read all of it and need not be waited for. */
void answer_dismiss(struct answer *answer);

/* Ends those whose reader does not take them, or does not close. */
void answer_check(struct answer *answer, int64_t now);

static inline bool answer_is_stream(const struct answer *answer)
{
    return answer->transport != SOCKJS_XHR;
}

/* ---- sockjs.c, for answers ---- */

void session_drained(struct sockjs_session *session);
/* The socket is closed. `lost`: not all of it may have reached the client. */
void session_answer_gone(struct sockjs_session *session, struct answer *answer, bool lost);

#endif
