/* The close codes that Lectern's protocols send. */
#ifndef LECTERN_NET_CLOSE_H
#define LECTERN_NET_CLOSE_H

/* Close codes (docs/protocol.md, "Close codes"); those of slow and silent sockets are wsock.h's. */
enum {
    CLOSE_MOVED = 1001,
    CLOSE_UNSUPPORTED = 1003,
    CLOSE_INTERNAL = 1011,
    CLOSE_TRY_LATER = 1013,
    CLOSE_ROOM_ENDED = 4000,
    CLOSE_REPLACED = 4001,
    CLOSE_REMOVED = 4002,
    CLOSE_TOKEN_EXPIRED = 4003,
    CLOSE_TOO_MANY = 4007,
    CLOSE_REFUSED = 4008, /* STOMP: the ERROR frame before it says what was refused */
};

#endif
