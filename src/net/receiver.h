/*
 * What a protocol does for those who receive in rooms: members of class rooms (room/room.h), users of
 * chats (chat/chat.h). Rooms know their receivers by this alone. Everything is on the loop's thread.
 */
#ifndef LECTERN_NET_RECEIVER_H
#define LECTERN_NET_RECEIVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "net/frame.h"

#define RECEIVER_VARIANTS 8

/*
 * `encode` makes one frame of a message's JSON text that all receivers with the same ops (and the same
 * `variant`, e.g. compressed or not) share.
 */
struct receiver_ops {
    unsigned variant; /* 0 to RECEIVER_VARIANTS - 1: index of the cached frame of a broadcast */
    struct frame *(*encode)(void *socket, struct span json);
    /* Queues a frame; false when the socket is closing. `paced`: replay, which stops itself at backlog(). */
    bool (*deliver)(void *socket, struct frame *frame, bool paced);
    size_t (*backlog)(void *socket); /* bytes waiting */
    void (*close)(void *socket, uint16_t code, const char *reason);
    /*
     * What the server says to this one alone (`welcome`, `ack`, `error`, `gap`, …): `ref` may be NULL,
     * `body` is the JSON of its `message`. NULL: it is encoded and delivered like any message.
     */
    void (*tell)(void *socket, const char *type, const char *ref, struct span body);
};

#endif
