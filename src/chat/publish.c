/* Telling sockets from HTTP's threads; see publish.h. */
#include "chat/publish.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/clock.h"
#include "core/metrics.h"

#define KEY_SIZE (5 + ID_MAX + 8)

/* Publishes what `payload` holds and clears it. */
static int publish(struct bus_pool *pool, const char *channel, struct buf *payload)
{
    const struct span argv[] = {span_of("PUBLISH"), span_of(channel), buf_span(payload)};
    struct bus_reply *reply = NULL;
    int result = -1;
    if (payload->failed) {
        metric_add(METRIC_OUT_OF_MEMORY, 1);
    } else {
        result = bus_pool_command(pool, argv, 3, &reply);
        bus_reply_free(reply);
    }
    buf_finish(payload);
    return result;
}

static int publish_in_room(struct bus_pool *pool, const char *room, struct buf *payload)
{
    char channel[CHAT_CHANNEL_LEN + 1];
    snprintf(channel, sizeof channel, "room:%s", room);
    return publish(pool, channel, payload);
}

int chat_publish_messages(struct bus_pool *pool, const char *seal,
                          const struct chat_message_rows *rows)
{
    for (size_t i = 0; i < rows->count; i++) {
        struct buf payload;
        buf_init(&payload);
        chat_message_publish(&payload, &rows->list[i], seal);
        if (publish_in_room(pool, rows->list[i].room, &payload)) {
            return -1;
        }
        metric_add(METRIC_PUBLISHED, 1);
    }
    return 0;
}

static int publish_notice(struct bus_pool *pool, const char *seal, const struct chat_notice *notice)
{
    struct buf payload;
    buf_init(&payload);
    chat_notice_publish(&payload, notice, seal);
    return publish_in_room(pool, notice->room, &payload);
}

static struct span read_key(const char *room, char out[KEY_SIZE])
{
    return (struct span){out, (size_t)snprintf(out, KEY_SIZE, "room:%s:read", room)};
}

int chat_publish_entered(struct bus_pool *pool, const char *room, const char *user, int64_t seq)
{
    char id[CHAT_MESSAGE_ID_MAX + 1], number[24], key[KEY_SIZE];
    struct bus_reply *reply = NULL;
    chat_id_print(room, seq, id);
    snprintf(number, sizeof number, "%" PRId64, seq);
    const struct span keys[] = {read_key(room, key)};
    const struct span args[] = {span_of(user), span_of(id), span_of(number)};
    int result = bus_pool_script(pool, BUS_SCRIPT_CHAT_READ, keys, 1, args, 3, &reply);
    bus_reply_free(reply);
    return result;
}

int chat_publish_read(struct bus_pool *pool, const char *room, const char *seal, const char *user,
                      struct span name, enum user_type type, int64_t seq)
{
    char body[CHAT_MESSAGE_ID_MAX + 32];
    if (chat_publish_entered(pool, room, user, seq)) {
        return -1;
    }
    chat_read_body(room, seq, body, sizeof body);
    const struct chat_notice notice = {.room = room,
                                       .ts = clock_wall_ms(),
                                       .type = "read",
                                       .sender = span_of(user),
                                       .name = name,
                                       .sender_type = type,
                                       .body = span_of(body)};
    return publish_notice(pool, seal, &notice);
}

int chat_publish_forget(struct bus_pool *pool, const char *room, const char *user)
{
    char key[KEY_SIZE];
    const struct span argv[] = {span_of("HDEL"), read_key(room, key), span_of(user)};
    struct bus_reply *reply = NULL;
    int result = bus_pool_command(pool, argv, 3, &reply);
    bus_reply_free(reply);
    return result;
}

int chat_publish_deleted(struct bus_pool *pool, const char *room, const char *seal)
{
    char key[KEY_SIZE];
    const struct span argv[] = {span_of("DEL"), read_key(room, key)};
    struct bus_reply *reply = NULL;
    struct buf payload;
    buf_init(&payload);
    chat_close_publish(&payload, room, "deleted", seal);
    int told = publish_in_room(pool, room, &payload);
    int result = bus_pool_command(pool, argv, 2, &reply);
    bus_reply_free(reply);
    return result ? result : told;
}

int chat_publish_invited(struct bus_pool *pool, const char *user, const char *room,
                         struct span body)
{
    char channel[5 + ID_MAX + 1];
    struct buf payload;
    buf_init(&payload);
    buf_printf(&payload,
               "{\"ts\":%" PRId64 ",\"room\":\"room:%s\",\"senderType\":\"server\","
               "\"sender\":\"lectern\",\"messageType\":\"invited\",\"message\":",
               clock_wall_ms(), room);
    buf_append_span(&payload, body);
    buf_append_char(&payload, '}');
    snprintf(channel, sizeof channel, "user:%s", user);
    return publish(pool, channel, &payload);
}
