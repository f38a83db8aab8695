/* What the files of src/proto share: the per-loop state of the protocols. */
#ifndef LECTERN_PROTO_INTERNAL_H
#define LECTERN_PROTO_INTERNAL_H

#include "net/wsock.h"
#include "proto/proto.h"

struct proto_loop {
    struct loop *loop;
    const struct config *config;
    struct rooms *rooms;
    struct wsock_group *class_sockets; /* /ws */
    struct wsock_group *echo_sockets;  /* /echo */
    bool closing;                      /* the loop is ending: no socket is taken any more */
};

/* Logs how a socket ended: one line. `who` and `room` may be "". */
void proto_log_end(const char *module, const struct wsock *sock, const struct wsock_end *end,
                   const char *who, const char *room);

/* json.c */
void json_open(struct proto_loop *proto_loop, const struct socket_request *request);

/* echo.c */
void echo_open(struct proto_loop *proto_loop, const struct socket_request *request);

#endif
