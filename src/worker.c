/*
 * A worker's start and end. The end is a sequence on its loop, each step with a deadline, so that
 * neither Redis nor a client can keep the process from ending:
 *   leaving  every session is marked as pending in Redis, or leaves
 *   closing  sockets get 1001 and their closing handshake, in batches, so that not all come back at once
 *   stopping the Redis link and all timers are closed
 */
#include "worker.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "bus/link.h"
#include "chat/chat.h"
#include "core/log.h"
#include "feed/feed.h"
#include "net/loop.h"

#define CHECK_MS 20

enum step { RUNNING, LEAVING, CLOSING, STOPPING };

/* What lives on the loop and hears what the link brings. */
enum part { PART_FEEDS, PART_CHATS, PART_ROOMS, PARTS };

struct worker {
    struct loop *loop;
    struct rooms *rooms;
    struct feeds *feeds;
    struct chat_loop *chats;
    struct hearer {
        const struct bus_events *events;
        void *arg;
        /* Whether a channel is this part's; NULL: all that are nobody's. */
        bool (*owns)(void *arg, struct span channel);
    } hearers[PARTS];
    struct bus *bus;
    struct proto_loop *proto_loop;
    uv_timer_t timer; /* watches the end's deadlines */
    const struct config *config;
    enum step step;
    size_t batch; /* sockets closed at a time */
    int64_t deadline_ms;
    bool started;
    bool settled; /* chats were, when they were looked at last */
    atomic_bool ended;
};

/* ---- The link's events: states for all, a channel's for whose it is ---- */

static void bus_up(void *arg)
{
    struct worker *worker = arg;
    for (unsigned i = 0; i < PARTS; i++) {
        worker->hearers[i].events->up(worker->hearers[i].arg);
    }
}

static void bus_down(void *arg)
{
    struct worker *worker = arg;
    for (unsigned i = 0; i < PARTS; i++) {
        worker->hearers[i].events->down(worker->hearers[i].arg);
    }
}

static const struct hearer *owner_of(const struct worker *worker, struct span channel)
{
    const struct hearer *hearer = worker->hearers;
    while (hearer->owns && !hearer->owns(hearer->arg, channel)) {
        hearer++;
    }
    return hearer; /* the last one owns what is nobody's */
}

static void bus_subscribed(void *arg, struct span channel)
{
    const struct hearer *hearer = owner_of(arg, channel);
    hearer->events->subscribed(hearer->arg, channel);
}

static void bus_message(void *arg, struct span channel, struct span payload)
{
    const struct hearer *hearer = owner_of(arg, channel);
    hearer->events->message(hearer->arg, channel, payload);
}

/* Control is about sessions in class rooms. */
static void bus_control(void *arg, struct span payload)
{
    struct worker *worker = arg;
    const struct hearer *hearer = &worker->hearers[PART_ROOMS];
    hearer->events->control(hearer->arg, payload);
}

static const struct bus_events bus_events = {bus_up, bus_down, bus_subscribed, bus_message,
                                             bus_control};

/* ---- The beginning ---- */

struct worker *worker_create(unsigned index, const struct config *config,
                             const struct tokens *tokens, const char *server_id,
                             const char *incarnation)
{
    struct worker *worker = calloc(1, sizeof *worker);
    if (!worker) {
        return NULL;
    }
    worker->config = config;
    worker->loop = loop_create(index);
    if (worker->loop) {
        worker->rooms = rooms_create(worker->loop, config, tokens, server_id, incarnation);
        worker->feeds = feeds_create(worker->loop, config);
        worker->chats = chat_loop_create(worker->loop, config, tokens, server_id);
    }
    if (worker->rooms && worker->feeds && worker->chats) {
        worker->hearers[PART_FEEDS] = (struct hearer){&feeds_bus_events, worker->feeds, feeds_own};
        worker->hearers[PART_CHATS] =
            (struct hearer){&chat_loop_bus_events, worker->chats, chat_loop_owns};
        worker->hearers[PART_ROOMS] = (struct hearer){&rooms_bus_events, worker->rooms, NULL};
        worker->bus = bus_create(worker->loop, config, server_id, &bus_events, worker);
        worker->proto_loop =
            proto_loop_create(worker->loop, config, worker->rooms, worker->feeds, worker->chats);
    }
    if (!worker->bus || !worker->proto_loop) {
        worker_destroy(worker);
        return NULL;
    }
    rooms_set_bus(worker->rooms, worker->bus);
    feeds_set_bus(worker->feeds, worker->bus);
    chat_loop_set_bus(worker->chats, worker->bus);
    return worker;
}

static void begin(void *arg)
{
    struct worker *worker = arg;
    uv_timer_init(loop_uv(worker->loop), &worker->timer);
    worker->timer.data = worker;
    bus_start(worker->bus);
    rooms_start(worker->rooms);
    feeds_start(worker->feeds);
    chat_loop_start(worker->chats);
}

int worker_start(struct worker *worker, struct store *store)
{
    chat_loop_set_store(worker->chats, store);
    if (loop_post(worker->loop, begin, worker) || loop_start(worker->loop)) {
        return -1;
    }
    worker->started = true;
    return 0;
}

struct proto_loop *worker_proto_loop(const struct worker *worker)
{
    return worker->proto_loop;
}

static void bus_stopped(void *arg)
{
    struct worker *worker = arg;
    worker->bus = NULL;
    atomic_store(&worker->ended, true);
}

static void stop_all(struct worker *worker)
{
    worker->step = STOPPING;
    uv_close((uv_handle_t *)&worker->timer, NULL);
    proto_loop_close_groups(worker->proto_loop);
    rooms_stop(worker->rooms);
    feeds_stop(worker->feeds);
    chat_loop_stop(worker->chats);
    bus_stop(worker->bus, bus_stopped, worker);
}

static void close_sockets(struct worker *worker)
{
    worker->step = CLOSING;
    worker->deadline_ms = loop_now_ms(worker->loop) + WORKER_CLOSE_MS;
    worker->batch = proto_loop_count(worker->proto_loop) * CHECK_MS / WORKER_SPREAD_MS + 1;
    proto_loop_close_some(worker->proto_loop, worker->batch, CLOSE_MOVED, "server shutting down");
}

static void all_left(void *arg)
{
    struct worker *worker = arg;
    if (worker->step == LEAVING) {
        close_sockets(worker);
    }
}

static void check_end(uv_timer_t *timer)
{
    struct worker *worker = timer->data;
    bool late = loop_now_ms(worker->loop) >= worker->deadline_ms;
    if (worker->step == LEAVING && late) {
        log_warn("main", "loop %u: Redis was not told of all leaves in time",
                 loop_index(worker->loop));
        close_sockets(worker);
    } else if (worker->step == CLOSING && proto_loop_count(worker->proto_loop) == 0) {
        /* What was sent is still stored, and published: commands leave at the end of a turn. */
        bool settled = chat_loop_settled(worker->chats, late);
        if (settled && worker->settled) {
            stop_all(worker);
        }
        worker->settled = settled;
    } else if (worker->step == CLOSING && late) {
        proto_loop_kill_all(worker->proto_loop);
    } else if (worker->step == CLOSING) {
        proto_loop_close_some(worker->proto_loop, worker->batch, CLOSE_MOVED,
                              "server shutting down");
    }
}

static void begin_end(void *arg)
{
    struct worker *worker = arg;
    if (worker->step != RUNNING) {
        return;
    }
    worker->step = LEAVING;
    worker->deadline_ms = loop_now_ms(worker->loop) + WORKER_LEAVE_MS;
    uv_timer_start(&worker->timer, check_end, CHECK_MS, CHECK_MS);
    if (worker->config->drain_s > 0) {
        rooms_drain(worker->rooms, all_left, worker);
    } else {
        rooms_leave_all(worker->rooms, all_left, worker);
    }
}

void worker_end(struct worker *worker)
{
    while (loop_post(worker->loop, begin_end, worker)) {
        uv_sleep(10); /* out of memory: there is no other way to end in order */
    }
}

bool worker_ended(const struct worker *worker)
{
    return atomic_load(&worker->ended);
}

void worker_destroy(struct worker *worker)
{
    if (worker->started) {
        loop_stop(worker->loop);
    } else if (worker->bus) {
        bus_stop(worker->bus, bus_stopped, worker);
    }
    proto_loop_destroy(worker->proto_loop);
    rooms_destroy(worker->rooms);
    feeds_destroy(worker->feeds);
    chat_loop_destroy(worker->chats);
    loop_destroy(worker->loop);
    free(worker);
}
