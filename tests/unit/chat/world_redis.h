/* A Redis whose commands and messages travel when the test says so; see world.h. */
#ifndef TESTS_UNIT_CHAT_WORLD_REDIS_H
#define TESTS_UNIT_CHAT_WORLD_REDIS_H

#include "world_store.h"

/* ---- Redis ---- */

struct bus_reply {
    enum bus_type type;
};

static const struct bus_reply good_reply = {BUS_INTEGER}, bad_reply = {BUS_ERROR};

/* What is on its way to Redis or from it. */
struct parcel {
    struct parcel *next;
    bus_reply_fn *fn; /* of a command */
    void *arg;
    char *channel, *payload; /* channel NULL: nothing is published; payload NULL: SUBSCRIBE */
};

struct bus {
    struct chat_loop *chats;
    bool up, subscribed;
    unsigned wanted; /* `subscribed` confirmations on their way */
    struct parcel *out, *in;
};

static struct bus buses[LOOPS];
static int64_t newest_generation; /* of every account; 0: none has signed out */
static unsigned lose;             /* so many publications are lost, */
static bool refuse;               /* and this answers them with an error */

static struct parcel *parcel_add(struct parcel **list, struct span channel,
                                 const struct span *payload)
{
    struct parcel *parcel = calloc(1, sizeof *parcel);
    assert_non_null(parcel);
    parcel->channel = channel.p ? strndup(channel.p, channel.n) : NULL;
    parcel->payload = payload ? strndup(payload->p, payload->n) : NULL;
    while (*list) {
        list = &(*list)->next;
    }
    return *list = parcel;
}

static struct parcel *parcel_take(struct parcel **list)
{
    struct parcel *parcel = *list;
    *list = parcel->next;
    return parcel;
}

static void parcel_free(struct parcel *parcel)
{
    free(parcel->channel);
    free(parcel->payload);
    free(parcel);
}

bool bus_is_up(const struct bus *bus)
{
    return bus->up;
}

int bus_command(struct bus *bus, const struct span *argv, size_t argc, bus_reply_fn *fn, void *arg)
{
    bool publishes = argc == 3 && span_eq(argv[0], "PUBLISH");
    if (!bus->up) {
        return -1;
    }
    struct parcel *parcel = parcel_add(&bus->out, publishes ? argv[1] : (struct span){0, 0},
                                       publishes ? &argv[2] : NULL);
    parcel->fn = fn;
    parcel->arg = arg;
    return 0;
}

int bus_script(struct bus *bus, enum bus_script script, const struct span *keys, size_t key_count,
               const struct span *args, size_t arg_count, bus_reply_fn *fn, void *arg)
{
    (void)script, (void)keys, (void)key_count, (void)args, (void)arg_count;
    return bus_command(bus, NULL, 0, fn, arg);
}

int bus_subscribe(struct bus *bus, struct span channel)
{
    if (bus->up && span_eq(channel, CHANNEL)) {
        bus->wanted++;
        parcel_add(&bus->out, channel, NULL);
    }
    return bus->up ? 0 : -1;
}

void bus_unsubscribe(struct bus *bus, struct span channel)
{
    if (span_eq(channel, CHANNEL)) {
        bus->subscribed = false;
        bus->wanted = 0;
    }
}

enum bus_type bus_reply_type(const struct bus_reply *reply)
{
    return reply ? reply->type : BUS_NIL;
}

int64_t bus_reply_int(const struct bus_reply *reply)
{
    (void)reply;
    return newest_generation;
}

const struct bus_reply *bus_reply_at(const struct bus_reply *reply, size_t i)
{
    (void)reply, (void)i;
    return NULL;
}

static void fan_out(const struct parcel *parcel)
{
    for (size_t i = 0; i < LOOPS; i++) {
        if (buses[i].up && buses[i].subscribed) {
            const struct span payload = span_of(parcel->payload);
            parcel_add(&buses[i].in, span_of(parcel->channel), &payload);
        }
    }
}

/* The oldest command of a loop comes to Redis, and its answer back. */
static void redis_take(struct bus *bus)
{
    struct parcel *parcel = parcel_take(&bus->out);
    bool is_row = parcel->payload && strstr(parcel->payload, "\"id\":\"" ROOM);
    if (parcel->channel && !parcel->payload) {
        if (bus->wanted > 0 && --bus->wanted == 0) {
            bus->subscribed = true;
            parcel_add(&bus->in, span_of(parcel->channel), NULL);
        }
    } else if (is_row && lose > 0) {
        lose--;
    } else if (parcel->payload) {
        fan_out(parcel);
    }
    if (parcel->fn) {
        parcel->fn(parcel->arg, is_row && refuse ? &bad_reply : &good_reply);
    }
    parcel_free(parcel);
}

/* The oldest message for a loop comes there. */
static void redis_bring(struct bus *bus)
{
    struct parcel *parcel = parcel_take(&bus->in);
    if (bus->subscribed && !parcel->payload) {
        chat_loop_bus_events.subscribed(bus->chats, span_of(parcel->channel));
    } else if (bus->subscribed) {
        chat_loop_bus_events.message(bus->chats, span_of(parcel->channel),
                                     span_of(parcel->payload));
    }
    parcel_free(parcel);
}

static void redis_all(void)
{
    for (size_t i = 0; i < LOOPS; i++) {
        while (buses[i].out) {
            redis_take(&buses[i]);
        }
    }
    for (size_t i = 0; i < LOOPS; i++) {
        while (buses[i].in) {
            redis_bring(&buses[i]);
        }
    }
}

static void link_drop(struct bus *bus)
{
    bus->up = bus->subscribed = false;
    bus->wanted = 0;
    while (bus->out) {
        struct parcel *parcel = parcel_take(&bus->out);
        if (parcel->fn) {
            parcel->fn(parcel->arg, NULL);
        }
        parcel_free(parcel);
    }
    while (bus->in) {
        parcel_free(parcel_take(&bus->in));
    }
    if (bus->chats) {
        chat_loop_bus_events.down(bus->chats);
    }
}

static void link_restore(struct bus *bus)
{
    bus->up = true;
    chat_loop_bus_events.up(bus->chats);
}

/* What an HTTP thread publishes of a row; straight to Redis. */
static void publish(int64_t seq)
{
    const struct chat_message_row row = row_of(seq);
    struct buf payload;
    buf_init(&payload);
    chat_message_publish(&payload, &row, SEAL);
    buf_append_char(&payload, '\0');
    assert_false(payload.failed);
    struct parcel parcel = {.channel = (char *)CHANNEL, .payload = payload.data};
    fan_out(&parcel);
    buf_finish(&payload);
}

#endif
