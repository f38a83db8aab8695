/*
 * Sessions of SockJS over HTTP (sockjs-protocol 0.3.3) on a loop: what goes to the client waits for one
 * of its requests (a poll, or a stream that stays open), what comes from it comes by others. The
 * requests' heads were read by a thread (http/sockjs.c); their sockets belong to the loop, which writes
 * the answers, head and all, and closes them.
 *
 * A session is found by its key in the loop's claims. It lives while a receiver is there or came within
 * SOCKJS_GRACE_MS. Once closed it answers further requests with its close frame, for as long again.
 *
 * Everything here runs on the session's loop but the sockjs_claim functions.
 */
#ifndef LECTERN_NET_SOCKJS_H
#define LECTERN_NET_SOCKJS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/id.h"
#include "net/conn.h"
#include "net/wsock.h"

#define SOCKJS_GRACE_MS 5000             /* between two receivers */
#define SOCKJS_STREAM_BYTES (128 * 1024) /* a streaming answer ends behind this many */
#define SOCKJS_KEY_MAX 160               /* bytes of a claim's key */
#define SOCKJS_TOKEN_LEN 32              /* bytes of a token's hash */

/* The protocol's own close codes. */
#define SOCKJS_CODE_INTERRUPTED 1002
#define SOCKJS_CODE_OTHER_OPEN 2010

enum sockjs_transport {
    SOCKJS_XHR,           /* one frame or several, with a Content-Length */
    SOCKJS_XHR_STREAMING, /* frames for as long as it lasts */
    SOCKJS_EVENTSOURCE,   /* the same as events (HTML, "Server-sent events") */
};

/* A request that waits for frames. */
struct sockjs_receiver {
    int fd; /* connected, owned (fds_own); the request on it has been read to its end */
    enum sockjs_transport transport;
    char *head; /* of the answer, up to the last line's end; malloc'ed */
    size_t head_len;
};

struct sockjs_session;

/* ---- Claims: which sessions a loop has. Any thread. ---- */

struct sockjs_claims;
struct sockjs_claim; /* one session's, from before it is made until it is forgotten */

struct sockjs_claims *sockjs_claims_create(void);
void sockjs_claims_destroy(struct sockjs_claims *claims); /* accepts NULL; no session is left */

enum sockjs_claimed {
    SOCKJS_CLAIMED, /* nobody had it: it is the caller's now */
    SOCKJS_EXISTS,  /* the session is there, or about to be */
    SOCKJS_NOMEM,
};

/* Whose session it is: all that a thread must know to let further requests have it, or not. */
struct sockjs_holder {
    char user[ID_MAX + 1];           /* "": nobody's in particular; the key is enough */
    uint8_t token[SOCKJS_TOKEN_LEN]; /* hash of what opened it; valid where there is a user */
};

/* *claim is set when it is SOCKJS_CLAIMED: for sockjs_session_start(), or sockjs_unclaim(). */
enum sockjs_claimed sockjs_claim(struct sockjs_claims *claims, const char *key,
                                 const struct sockjs_holder *holder, struct sockjs_claim **claim);
void sockjs_unclaim(struct sockjs_claims *claims, struct sockjs_claim *claim);

/* What there is of this key: nothing, a session that is open or about to be, or one that has ended. */
enum sockjs_presence { SOCKJS_ABSENT, SOCKJS_OPENING, SOCKJS_OPEN, SOCKJS_ENDED };
/* `holder` is set unless it is absent; may be NULL. */
enum sockjs_presence sockjs_look(struct sockjs_claims *claims, const char *key,
                                 struct sockjs_holder *holder);

/* ---- Sessions ---- */

struct sockjs_handlers {
    /* As in wsock_handlers; messages are text. `closed` is called at the end of a turn of the loop. */
    void (*message)(struct sockjs_session *session, char *data, size_t len);
    void (*drain)(struct sockjs_session *session);
    void (*closed)(struct sockjs_session *session, const struct wsock_end *end);
};

struct sockjs_group;

/* `options` as for WebSockets: ping_s is the time between heartbeats. NULL: no memory. */
struct sockjs_group *sockjs_group_create(struct loop *loop, const struct wsock_options *options,
                                         struct sockjs_claims *claims);
void sockjs_group_destroy(
    struct sockjs_group *group); /* none counted by sockjs_group_count() is left */
size_t
sockjs_group_count(const struct sockjs_group *group); /* sessions, and sockets of their requests */
size_t sockjs_group_close_some(struct sockjs_group *group, size_t count, uint16_t code,
                               const char *reason);
void sockjs_group_kill_all(struct sockjs_group *group);

/* A session without receiver yet; the claim becomes its own. NULL: the claim is still the caller's. */
struct sockjs_session *sockjs_session_start(struct sockjs_group *group, struct sockjs_claim *claim,
                                            const struct sockjs_handlers *handlers, void *owner);

/* The session of a key, closed ones too; NULL: there is none, or not yet. */
struct sockjs_session *sockjs_session_find(struct sockjs_claims *claims, const char *key);

/*
 * A receiver for the session; where one waits already, it is told SOCKJS_CODE_OTHER_OPEN. The receiver
 * is taken in any case: descriptor and head are this file's.
 */
void sockjs_session_receive(struct sockjs_session *session, const struct sockjs_receiver *receiver);

/* Answers a request for which there is no session. `group` is anyone's of the loop. Takes it likewise. */
void sockjs_refuse(struct sockjs_group *group, const struct sockjs_receiver *receiver,
                   uint16_t code, const char *reason);

/*
 * The messages of one request from the client; `payload` was found whole (ws/sockjs_codec.h) by the
 * thread that read it. One that is longer than message_max closes the session with 1009.
 */
struct sockjs_reader;
void sockjs_session_feed(struct sockjs_session *session, struct sockjs_reader *payload);

void *sockjs_session_owner(const struct sockjs_session *session);
int64_t sockjs_session_age_ms(const struct sockjs_session *session);

/* A message as a frame for all sessions of a loop. NULL: no memory. */
struct frame *sockjs_encode(struct span text);

/* Queues a frame; as wsock_send(), bytes that wait for a receiver count as well. */
enum conn_result sockjs_session_send(struct sockjs_session *session, struct frame *frame,
                                     bool paced);

/*
 * A message in two parts (net/parts.h): what all share, and one receiver's with its own beginning. `line`:
 * with a line's end, as sessions need it; not so on a WebSocket.
 */
struct frame *sockjs_encode_rest(struct span rest, bool line);
struct frame *sockjs_encode_head(struct span head);
enum conn_result sockjs_session_send_parts(struct sockjs_session *session, struct frame *head,
                                           struct frame *rest, bool paced);

size_t sockjs_session_backlog(const struct sockjs_session *session); /* bytes waiting */

/* What waits goes to the client yet, as far as it asks for it, and then the code and the reason. */
void sockjs_session_close(struct sockjs_session *session, uint16_t code, const char *reason);

#endif
