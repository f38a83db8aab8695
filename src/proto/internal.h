/* What the files of src/proto share: the per-loop state of the protocols. */
#ifndef LECTERN_PROTO_INTERNAL_H
#define LECTERN_PROTO_INTERNAL_H

#include "proto/carrier.h"
#include "proto/proto.h"

struct proto_loop {
    struct loop *loop;
    const struct config *config;
    struct rooms *rooms;
    struct feeds *feeds;
    struct chat_loop *chats;
    struct stomp_loop *stomp;
    struct sockjs_claims *claims;
    struct carrier_group *groups[PROTO_GROUPS]; /* NULL once they are closed */
    bool closing; /* the loop is ending: no socket is taken any more */
};

/* Logs how a carrier ended: one line. `who` and `room` may be "". */
void proto_log_end(const char *module, const struct carrier *carrier, const struct wsock_end *end,
                   const char *who, const char *room);

/* json.c */
void json_open(struct proto_loop *proto_loop, struct carrier *carrier,
               const struct socket_request *request);

/* chat.c */
void chat_open(struct proto_loop *proto_loop, struct carrier *carrier,
               const struct socket_request *request);

/* monitor.c */
void monitor_open(struct proto_loop *proto_loop, struct carrier *carrier,
                  const struct socket_request *request);

/* stomp.c */
void stomp_open(struct proto_loop *proto_loop, struct carrier *carrier,
                const struct socket_request *request);
struct stomp_loop *stomp_loop_create(struct proto_loop *proto_loop); /* NULL: no memory */
void stomp_loop_close(struct stomp_loop *loop); /* its timer; freed a turn later. Accepts NULL */

/* echo.c */
void echo_open(struct proto_loop *proto_loop, struct carrier *carrier,
               const struct socket_request *request);

#endif
