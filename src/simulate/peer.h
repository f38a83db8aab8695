/*
 * The client's end of a WebSocket (RFC 6455) on the loop, without extensions: handshake, masked texts
 * out, whole texts in, pings answered. Embedded by its owner. All calls and callbacks on the loop's thread.
 */
#ifndef LECTERN_SIMULATE_PEER_H
#define LECTERN_SIMULATE_PEER_H

#include <uv.h>

#include "base/buf.h"
#include "simulate/response.h"
#include "simulate/target.h"
#include "ws/frame.h"

struct peer;
struct wire;

/* Why a peer is over. */
struct peer_end {
    int status;        /* of a refused handshake; 0: there was no answer, or it was 101 */
    uint16_t code;     /* of the server's close frame; 0: none came */
    const char *error; /* what else went wrong; NULL: nothing */
    const char *
        text; /* all of that in words: "503 no_capacity", "closed 4005", "connection reset by peer" */
};

/* A callback may close the peer; it may open it again in on_end only. */
struct peer_events {
    void (*on_text)(struct peer *peer, struct span text);
    void (*on_end)(struct peer *peer,
                   const struct peer_end *end); /* closed; not after peer_close() */
};

struct peer {
    const struct peer_events *events; /* set by the owner, as is the next */
    void *owner;
    struct wire *wire; /* NULL: closed */
    bool open;         /* the handshake is done */
    struct buf head;   /* the request, then what has come of the answer */
    char accept[29];   /* what the server must answer */
    struct ws_parser parser;
};

void peer_init(struct peer *peer, const struct peer_events *events, void *owner);

/*
 * Connects and asks for `path` with a bearer token. 0, or libuv's error: then no callback runs.
 */
int peer_open(struct peer *peer, uv_loop_t *loop, const struct target *target, const char *path,
              const char *token) __attribute__((warn_unused_result));

/* Sends a text; nothing when the peer is not open. */
void peer_send(struct peer *peer, struct span text);

/* Closes without a word, `reset` as wire_close(). Frees what it holds; it may be opened again. */
void peer_close(struct peer *peer, bool reset);

#endif
