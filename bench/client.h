/*
 * The generator's WebSocket clients on one epoll descriptor, one thread. The engine polls busily
 * while it measures, so that the server never pays for waking it.
 */
#ifndef LECTERN_BENCH_CLIENT_H
#define LECTERN_BENCH_CLIENT_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "dialect.h"

#define TARGETS_MAX 8
#define ROOM_NAME_SIZE 13
#define SINCE_SIZE 48

enum client_state {
    CLIENT_CLOSED,
    CLIENT_CONNECTING,
    CLIENT_UPGRADING,
    CLIENT_GREETING,
    CLIENT_OPEN
};

struct client {
    int fd;
    enum client_state state;
    bool host;
    bool queued;       /* on the engine's list of those with something to send */
    uint32_t room;     /* index */
    uint32_t user;     /* index, names the user and the source address */
    uint32_t last;     /* number of the last message received */
    int http_status;   /* of the last handshake, 0 when there was no answer */
    int64_t opened_ns; /* when opening began */
    const char *token;
    struct buf in;          /* an incomplete head or frame */
    struct buf out;         /* not yet taken by the socket */
    char since[SINCE_SIZE]; /* id of the last message, kept when the engine's keep_ids is on */
};

struct engine;

/* Called from engine_poll(). A handler may open and close any client. */
struct engine_handlers {
    void (*open)(struct client *client);                   /* joined */
    void (*text)(struct client *client, struct span text); /* only once open */
    void (*closed)(struct client *client);                 /* by the server, or refused */
};

struct engine {
    const struct dialect *dialect;
    const struct engine_handlers *handlers;
    struct sockaddr_in targets[TARGETS_MAX];
    size_t target_count;
    unsigned sources;      /* clients are spread over 127.0.0.2 and so many following addresses */
    const char *room_salt; /* makes this run's room names its own */
    bool resume;           /* ask with since=… when there is one */
    bool keep_ids;
    int epoll;
    char *buffer;
    struct client **dirty;
    size_t dirty_count, dirty_cap;
    size_t opening;   /* clients neither open nor closed */
    uint64_t reads;   /* recv() calls that brought something */
    int64_t busy_ns;  /* time spent with something to do */
    char refusal[48]; /* status and error code of the last refused handshake, or "" */
};

int engine_init(struct engine *engine); /* the fields above `epoll` are set by the caller */
void engine_finish(struct engine *engine);

/* Waits at most `wait_ms` (0: polls) and handles what has come. */
void engine_poll(struct engine *engine, int wait_ms);

/* Begins to connect; failures are told by closed(). */
void client_open(struct engine *engine, struct client *client);
/* Queues one masked text frame; written by client_flush() or at the end of engine_poll(). */
void client_send(struct engine *engine, struct client *client, struct span text);
void client_send_close(struct engine *engine, struct client *client); /* a close frame with 1000 */
void client_drop(struct engine *engine, struct client *client);       /* closes without a word */

#endif
