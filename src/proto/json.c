/*
 * `lectern.v1`: JSON messages over WebSocket. One text message is one message of the room (see
 * room/message.h); the room decides everything, this file only moves bytes.
 */
#include "proto/internal.h"

#include <unistd.h>

#include "core/log.h"
#include "core/metrics.h"
#include "net/fds.h"

/* Sockets with permessage-deflate share one form of a broadcast, those without it another. */
enum { VARIANT_PLAIN, VARIANT_DEFLATE };

static struct frame *encode_plain(void *socket, struct span json)
{
    return wsock_encode(wsock_group_of(socket), json, false, false);
}

static struct frame *encode_deflate(void *socket, struct span json)
{
    struct frame *frame = wsock_encode(wsock_group_of(socket), json, false, true);
    return frame ? frame : encode_plain(socket, json);
}

static bool deliver(void *socket, struct frame *frame, bool paced)
{
    return wsock_send(socket, frame, paced) == CONN_OK;
}

static size_t backlog(void *socket)
{
    return wsock_backlog(socket);
}

static void close_socket(void *socket, uint16_t code, const char *reason)
{
    wsock_close(socket, code, reason);
}

static const struct receiver_ops ops[] = {
    {VARIANT_PLAIN, encode_plain, deliver, backlog, close_socket},
    {VARIANT_DEFLATE, encode_deflate, deliver, backlog, close_socket},
};

static void on_message(struct wsock *sock, bool binary, char *data, size_t len)
{
    if (binary) {
        wsock_close(sock, CLOSE_UNSUPPORTED, "text messages only");
        return;
    }
    member_receive(wsock_owner(sock), (struct span){data, len});
}

static void on_drain(struct wsock *sock)
{
    member_drained(wsock_owner(sock));
}

static void on_closed(struct wsock *sock, const struct wsock_end *end)
{
    struct member *member = wsock_owner(sock);
    if (!member) {
        return; /* there was no memory for it */
    }
    proto_log_end("ws", sock, end, member_user(member), member_room(member));
    /* 1005: a close frame without a code, as WebSocket.close() sends it. */
    bool left =
        end->by_peer && end->clean && (end->code == 1000 || end->code == 1001 || end->code == 1005);
    member_gone(member, left);
}

static const struct wsock_handlers handlers = {on_message, on_drain, on_closed};

void json_open(struct proto_loop *proto_loop, const struct socket_request *request)
{
    struct wsock *sock =
        wsock_start(proto_loop->class_sockets, request->fd, request->deflate, &handlers, NULL);
    if (!sock) {
        /* The reservation expires by itself. */
        metric_add(METRIC_TAKE_FAILED, 1);
        fds_disown(request->fd);
        close(request->fd);
        return;
    }
    struct member *member =
        member_create(proto_loop->rooms, &request->ticket, &request->claims, request->since,
                      request->history, request->started_ns, &ops[request->deflate], sock);
    if (!member) {
        metric_add(METRIC_OUT_OF_MEMORY, 1);
        wsock_close(sock, CLOSE_INTERNAL, "out of memory");
        return;
    }
    wsock_set_owner(sock, member);
    log_debug("ws", "open user=%s room=%s address=%s", member_user(member), member_room(member),
              request->address);
}
