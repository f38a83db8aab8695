/*
 * `lectern.v1`: JSON messages. One text message is one message of the room (see wire/message.h); the
 * room decides everything, this file only moves bytes.
 */
#include "proto/internal.h"

#include "core/log.h"
#include "core/metrics.h"

static void on_message(struct carrier *carrier, bool binary, char *data, size_t len)
{
    if (binary) {
        carrier_close(carrier, CLOSE_UNSUPPORTED, "text messages only");
        return;
    }
    member_receive(carrier_owner(carrier), (struct span){data, len});
}

static void on_drain(struct carrier *carrier)
{
    member_drained(carrier_owner(carrier));
}

static void on_closed(struct carrier *carrier, const struct wsock_end *end)
{
    struct member *member = carrier_owner(carrier);
    proto_log_end("ws", carrier, end, member_user(member), member_room(member));
    member_gone(member, carrier_left(end));
}

static const struct carrier_handlers handlers = {on_message, on_drain, on_closed};

void json_open(struct proto_loop *proto_loop, struct carrier *carrier,
               const struct socket_request *request)
{
    struct member *member = member_create(proto_loop->rooms, &request->ticket, &request->claims,
                                          request->since, request->history, request->started_ns,
                                          carrier_receiver_ops(carrier), carrier_receiver(carrier));
    if (!member) {
        metric_add(METRIC_OUT_OF_MEMORY, 1);
        carrier_close(carrier, CLOSE_INTERNAL, "out of memory");
        return;
    }
    carrier_bind(carrier, &handlers, member);
    log_debug("ws", "open user=%s room=%s address=%s by=%s", member_user(member),
              member_room(member), request->address, carrier_kind(carrier));
}
