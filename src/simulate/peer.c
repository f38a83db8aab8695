/* A WebSocket client; see peer.h. */
#include "simulate/peer.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "simulate/wire.h"
#include "ws/handshake.h"

#define KEY_BYTES 16
#define KEY_TEXT 25 /* base64, terminated */

static const struct ws_limits limits = {.max_message = 16u << 20};

void peer_init(struct peer *peer, const struct peer_events *events, void *owner)
{
    *peer = (struct peer){.events = events, .owner = owner};
    buf_init(&peer->head);
}

void peer_close(struct peer *peer, bool reset)
{
    if (peer->wire) {
        wire_close(peer->wire, reset);
        peer->wire = NULL;
    }
    peer->open = false;
    buf_finish(&peer->head);
    ws_parser_finish(&peer->parser);
}

static void end(struct peer *peer, const struct peer_end *how)
{
    peer_close(peer, false);
    peer->events->on_end(peer, how);
}

static void end_error(struct peer *peer, const char *error)
{
    end(peer, &(struct peer_end){.error = error, .text = error});
}

/* ---- frames ---- */

static void send_frame(struct peer *peer, enum ws_opcode opcode, const void *data, size_t len)
{
    uint8_t mask[4];
    size_t head = WS_CLIENT_HEADER_MAX;
    uint8_t *frame = malloc(head + len);
    if (!frame) {
        return; /* noticed as a message without an answer */
    }
    uint32_t random = randombytes_random();
    memcpy(mask, &random, sizeof mask);
    uint8_t header[WS_CLIENT_HEADER_MAX];
    head = ws_client_frame_header(header, WS_FIN, opcode, len, mask);
    memcpy(frame, header, head);
    if (len > 0) {
        memcpy(frame + head, data, len);
    }
    ws_mask(frame + head, len, mask);
    wire_send(peer->wire, frame, head + len);
    free(frame);
}

void peer_send(struct peer *peer, struct span text)
{
    if (peer->open) {
        send_frame(peer, WS_OP_TEXT, text.p, text.n);
    }
}

/* After a callback: was the peer closed by it? Then its parser must not go on. */
static int stopped(const struct peer *peer)
{
    return peer->wire == NULL;
}

static int on_message(void *arg, enum ws_opcode opcode, uint8_t *data, size_t len)
{
    struct peer *peer = arg;
    if (opcode == WS_OP_TEXT) {
        peer->events->on_text(peer, (struct span){(const char *)data, len});
    }
    return stopped(peer);
}

static int on_ping(void *arg, const uint8_t *data, size_t len)
{
    send_frame(arg, WS_OP_PONG, data, len);
    return 0;
}

static int on_pong(void *arg, const uint8_t *data, size_t len)
{
    (void)arg;
    (void)data;
    (void)len;
    return 0;
}

static int on_close(void *arg, uint16_t code, const char *reason, size_t len)
{
    struct peer *peer = arg;
    uint8_t payload[WS_CONTROL_MAX];
    char text[160];
    snprintf(text, sizeof text, "closed %u%s%.*s", code, len ? " " : "", (int)len, reason);
    send_frame(peer, WS_OP_CLOSE, payload, ws_close_payload(payload, code, NULL, 0));
    end(peer, &(struct peer_end){.code = code, .text = text});
    return 1;
}

static const struct ws_events frame_events = {on_message, on_ping, on_pong, on_close};

static void take_frames(struct peer *peer, uint8_t *data, size_t len)
{
    int result = ws_parser_feed(&peer->parser, data, len, &frame_events, peer);
    if (result < 0) {
        end_error(peer, ws_error_text(result));
    }
}

/* ---- handshake ---- */

static void refused(struct peer *peer, const struct response *response)
{
    char text[RESPONSE_TEXT_MAX];
    response_text(response, text);
    end(peer, &(struct peer_end){.status = response->status, .text = text});
}

/* What followed the head is the first frames. */
static void opened(struct peer *peer, const struct response *response, size_t used)
{
    if (!span_eq(response_header(response, "Sec-WebSocket-Accept"), peer->accept) ||
        response_header(response, "Sec-WebSocket-Extensions").n > 0) {
        end_error(peer, "the handshake's answer does not fit the question");
        return;
    }
    struct buf rest = peer->head;
    buf_init(&peer->head);
    peer->open = true;
    ws_parser_init_client(&peer->parser, &limits, false);
    take_frames(peer, (uint8_t *)rest.data + used, rest.len - used);
    buf_finish(&rest);
}

/* `ended`: nothing follows, for the reason `error`. */
static void look_at_head(struct peer *peer, bool ended, const char *error)
{
    struct response response;
    size_t used;
    enum response_state state = response_head(buf_span(&peer->head), &response, &used);
    if (state == RESPONSE_WHOLE && response.status == 101 && !ended) {
        opened(peer, &response, used);
        return;
    }
    if (state == RESPONSE_WHOLE && response.status != 101) {
        state = response_read(buf_span(&peer->head), ended, &response);
        if (state == RESPONSE_WHOLE) {
            refused(peer, &response);
            return;
        }
    }
    if (ended || state == RESPONSE_BAD) {
        end_error(peer, error);
    }
}

static void on_connect(void *arg)
{
    struct peer *peer = arg;
    wire_send(peer->wire, peer->head.data, peer->head.len);
    buf_clear(&peer->head);
}

static void on_data(void *arg, uint8_t *data, size_t len)
{
    struct peer *peer = arg;
    if (peer->open) {
        take_frames(peer, data, len);
        return;
    }
    buf_append(&peer->head, data, len);
    if (peer->head.failed) {
        end_error(peer, "out of memory");
    } else {
        look_at_head(peer, false, "the answer is not HTTP as Lectern speaks it");
    }
}

static void on_end(void *arg, int error)
{
    struct peer *peer = arg;
    const char *text = error ? uv_strerror(error) : "the connection was cut";
    peer->wire = NULL;
    if (peer->open) {
        end_error(peer, text);
    } else {
        look_at_head(peer, true, text);
    }
}

static const struct wire_events wire_handlers = {on_connect, on_data, on_end};

static void write_request(struct peer *peer, const struct target *target, const char *path,
                          const char *token)
{
    unsigned char random[KEY_BYTES];
    char key[KEY_TEXT];
    randombytes_buf(random, sizeof random);
    sodium_bin2base64(key, sizeof key, random, sizeof random, sodium_base64_VARIANT_ORIGINAL);
    ws_accept_key(key, peer->accept);
    buf_printf(&peer->head,
               "GET %s HTTP/1.1\r\nHost: %s\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
               "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %s\r\n"
               "Authorization: Bearer %s\r\n\r\n",
               path, target->authority, key, token);
}

int peer_open(struct peer *peer, uv_loop_t *loop, const struct target *target, const char *path,
              const char *token)
{
    peer_close(peer, false);
    write_request(peer, target, path, token);
    int error =
        peer->head.failed ? UV_ENOMEM : wire_open(loop, target, &wire_handlers, peer, &peer->wire);
    if (error) {
        buf_finish(&peer->head);
    }
    return error;
}
