/*
 * `lectern.v1` in chat rooms: one text message is one message of chat (chat/message.h), which decides everything;
 * this file only moves bytes. Sockets that were opened with a room end with it; those without stay.
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
    chatter_receive(carrier_owner(carrier), (struct span){data, len});
}

static void on_drain(struct carrier *carrier)
{
    chatter_drained(carrier_owner(carrier));
}

static void on_closed(struct carrier *carrier, const struct wsock_end *end)
{
    struct chatter *chatter = carrier_owner(carrier);
    proto_log_end("chat", carrier, end, chatter_user(chatter), chatter_room(chatter));
    chatter_gone(chatter);
}

static const struct carrier_handlers handlers = {on_message, on_drain, on_closed};

void chat_open(struct proto_loop *proto_loop, struct carrier *carrier,
               const struct socket_request *request)
{
    const struct chatter_wish wish = {.claims = &request->claims,
                                      .room = request->chat,
                                      .since = request->since,
                                      .history = request->history,
                                      .started_ns = request->started_ns,
                                      .lasts = !*request->chat,
                                      .invited = true};
    struct chatter *chatter = chatter_create(
        proto_loop->chats, &wish, carrier_receiver_ops(carrier), carrier_receiver(carrier));
    if (!chatter) {
        metric_add(METRIC_OUT_OF_MEMORY, 1);
        carrier_close(carrier, CLOSE_INTERNAL, "out of memory");
        return;
    }
    carrier_bind(carrier, &handlers, chatter);
    log_debug("chat", "open user=%s room=%s address=%s by=%s", chatter_user(chatter),
              chatter_room(chatter), request->address, carrier_kind(carrier));
}
