/*
 * A loop's link to Redis: its states, deadlines and reconnecting. Where to connect is found out in
 * link_locate.c; calls are in link_calls.c, subscriptions in link_channels.c.
 *
 *   IDLE      created, not started
 *   WAITING   down; tried again at retry_ms
 *   LOCATING  the host's name is being looked up, or sentinels are asked for the primary
 *   SETUP     both connections are being made. All that makes them useful is sent at once and waits
 *             in hiredis until they stand: AUTH, SELECT, ROLE, SCRIPT LOAD of all, SUBSCRIBE of the
 *             server's own channel. The link is up when setup_left, the answers due, is 0.
 *   UP
 *   STOPPED   bus_stop() was called; freed when the last handle is closed
 *
 * link_take_down() is the only way from SETUP and UP back to WAITING: whatever goes wrong with one
 * of the two connections ends both. It never runs inside a call of the owner's (link_fail_soon()
 * leaves it to the timer), so the owner is called back only from replies, messages and the timer.
 *
 * Time: one timer, armed for the earliest thing that may become due; making a call re-arms it only
 * if nothing else would be due earlier. What is overdue gets one more turn of the loop, and as much
 * time as the timer itself came late: if this process was held up, answers wait in the socket.
 * Deadlines cover the setup as well, since its commands count from when they were queued.
 */
#include "bus/link.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "bus/link_parts.h"
#include "bus/resp.h"
#include "core/log.h"
#include "core/metrics.h"

#define BACKOFF_MIN_MS 50
#define BACKOFF_MAX_MS 2000
#define STEADY_MS 10000 /* after being up this long, backing off begins anew */

static void on_timer(uv_timer_t *timer);

void link_arm(struct bus *bus, int64_t due_ms)
{
    if (bus->state == STOPPED || (bus->timer_due_ms != 0 && bus->timer_due_ms <= due_ms)) {
        return;
    }
    int64_t in_ms = due_ms - clock_mono_ms();
    bus->timer_due_ms = due_ms;
    uv_timer_start(&bus->timer, on_timer, in_ms > 0 ? (uint64_t)in_ms : 0, 0);
}

/* ---- Going down and coming up ---- */

static void disconnect(struct bus *bus)
{
    link_locate_stop(bus);
    adapter_close(bus->commands);
    adapter_close(bus->subscriptions);
    bus->commands = bus->subscriptions = NULL;
    channels_finish(&bus->channels);
    bus->live_sent_ms = 0;
    bus->repairing = false;
    bus->second_look = false;
    bus->failing = NULL;
}

#define WHERE_MAX (REDIS_PRIMARY_MAX + REDIS_HOST_MAX + 32)

/* What it is or should be connected to, for the log. */
static void where(const struct bus *bus, char out[WHERE_MAX])
{
    const struct redis_url *url = &bus->url;
    if (url->primary[0] == '\0') {
        snprintf(out, WHERE_MAX, "%s:%u", url->addresses[0].host, url->addresses[0].port);
    } else if (bus->state == LOCATING) {
        snprintf(out, WHERE_MAX, "primary %s", url->primary);
    } else {
        snprintf(out, WHERE_MAX, "primary %s at %s:%u", url->primary, bus->address.host,
                 bus->address.port);
    }
}

/* One line when the link is lost; while backing off, one whenever the reason is a new one. */
static void tell_down(struct bus *bus, const char *reason)
{
    unsigned index = loop_index(bus->loop);
    char to[WHERE_MAX];
    if (bus->state == UP) {
        log_warn("redis", "loop %u: link lost: %s", index, reason);
        return;
    }
    if (strcmp(reason, bus->told) == 0) {
        return;
    }
    snprintf(bus->told, sizeof bus->told, "%s", reason);
    where(bus, to);
    if (resp_refuses_login(span_of(reason))) {
        log_error("redis", "loop %u: %s does not accept the login of LECTERN_REDIS_URL: %s", index,
                  to, reason);
    } else {
        log_warn("redis", "loop %u: no link to %s, trying again: %s", index, to, reason);
    }
}

static void schedule_retry(struct bus *bus)
{
    uint32_t half = (uint32_t)bus->delay_ms / 2;
    bus->retry_ms = clock_mono_ms() + half + id_random_below(half + 1);
    bus->delay_ms = bus->delay_ms < BACKOFF_MAX_MS / 2 ? bus->delay_ms * 2 : BACKOFF_MAX_MS;
    bus->timer_due_ms = 0;
    link_arm(bus, bus->retry_ms);
}

void link_take_down(struct bus *bus, const char *reason)
{
    bool was_up = bus->state == UP;
    tell_down(bus, reason);
    if (bus->state == SETUP) {
        link_locate_doubt(bus);
    }
    bus->state = WAITING;
    disconnect(bus);
    if (was_up) {
        metric_add(METRIC_REDIS_UP, -1);
        metric_add(METRIC_REDIS_RECONNECTS, 1);
        if (clock_mono_ms() - bus->up_ms >= STEADY_MS) {
            bus->delay_ms = BACKOFF_MIN_MS;
        }
    }
    schedule_retry(bus);
    link_end_calls(bus);
    if (was_up && bus->state != STOPPED) {
        bus->events->down(bus->arg);
    }
}

void link_take_down_by(struct bus *bus, const struct bus_reply *reply)
{
    char reason[LINK_REASON_MAX];
    resp_error_text(bus_reply_text(reply), reason, sizeof reason);
    link_take_down(bus, reason);
}

void link_fail_soon(struct bus *bus, const char *reason)
{
    bus->failing = reason;
    link_arm(bus, clock_mono_ms());
}

void link_setup_step_done(struct bus *bus)
{
    if (--bus->setup_left > 0) {
        return;
    }
    bus->state = UP;
    bus->up_ms = clock_mono_ms();
    bus->live_due_ms = bus->up_ms + link_live_interval(bus);
    bus->told[0] = '\0';
    link_arm(bus, bus->live_due_ms);
    metric_add(METRIC_REDIS_UP, 1);
    char to[WHERE_MAX];
    where(bus, to);
    log_info("redis", "loop %u: link up: %s, database %u", loop_index(bus->loop), to, bus->url.db);
    bus->events->up(bus->arg);
}

/* ---- Deadlines ---- */

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* The earliest deadline of an answer that Redis owes; *what names it. INT64_MAX: none is owed. */
static int64_t next_deadline(const struct bus *bus, const char **what)
{
    int64_t since_ms = channels_waiting_since(&bus->channels);
    int64_t due[] = {
        link_call_deadline(bus),
        since_ms ? since_ms + bus->timeout_ms : INT64_MAX,
        bus->live_sent_ms ? bus->live_sent_ms + bus->timeout_ms : INT64_MAX,
    };
    static const char *const names[] = {
        "a command was not answered in time",
        "a subscription was not confirmed in time",
        "the subscription connection is silent",
    };
    size_t first = 0;
    for (size_t i = 1; i < 3; i++) {
        first = due[i] < due[first] ? i : first;
    }
    *what = bus->state == SETUP ? "no answer while connecting" : names[first];
    return due[first];
}

static void check_deadlines(struct bus *bus, int64_t now_ms, int64_t late_ms)
{
    const char *what;
    int64_t deadline_ms = next_deadline(bus, &what);
    bool overdue = deadline_ms <= now_ms;
    if (overdue && bus->second_look) {
        metric_add(METRIC_REDIS_TIMEOUTS, 1);
        link_take_down(bus, what);
        return;
    }
    bus->second_look = overdue;
    if (overdue) {
        link_arm(bus, now_ms + 1 + earlier(late_ms, bus->timeout_ms));
        return;
    }
    if (bus->state == UP && bus->live_sent_ms == 0) {
        if (bus->live_due_ms <= now_ms) {
            link_send_live(bus, now_ms);
            deadline_ms = earlier(deadline_ms, now_ms + bus->timeout_ms);
        } else {
            deadline_ms = earlier(deadline_ms, bus->live_due_ms);
        }
    }
    if (deadline_ms != INT64_MAX) {
        link_arm(bus, deadline_ms);
    }
}

static void on_timer(uv_timer_t *timer)
{
    struct bus *bus = timer->data;
    int64_t now_ms = clock_mono_ms();
    int64_t late_ms = now_ms - bus->timer_due_ms;
    bus->timer_due_ms = 0;
    if (bus->failing) {
        link_take_down(bus, bus->failing);
    } else if (bus->state == WAITING) {
        if (bus->retry_ms <= now_ms) {
            link_locate(bus);
        } else {
            link_arm(bus, bus->retry_ms);
        }
    } else if (bus->state == LOCATING) {
        link_locate_check(bus, now_ms);
    } else if (bus->state == SETUP || bus->state == UP) {
        check_deadlines(bus, now_ms, late_ms > 0 ? late_ms : 0);
    }
}

/* ---- Connecting ---- */

void link_handle_closed(void *owner)
{
    struct bus *bus = owner;
    if (--bus->handles > 0) {
        return;
    }
    void (*stopped)(void *) = bus->stopped; /* the timer is closed, so bus_stop() was called */
    void *arg = bus->stopped_arg;
    call_pool_finish(&bus->calls);
    channels_finish(&bus->channels);
    buf_finish(&bus->scratch);
    free(bus);
    if (stopped) {
        stopped(arg);
    }
}

static void on_lost(void *owner, const struct adapter *adapter, const char *reason)
{
    (void)adapter;
    link_take_down(owner, reason);
}

static void on_setup(void *arg, const struct bus_reply *reply)
{
    if (bus_reply_type(reply) == BUS_ERROR) {
        link_take_down_by(arg, reply);
    } else if (reply) {
        link_setup_step_done(arg);
    }
}

/* A replica would accept everything up to the first write. */
static void on_role(void *arg, const struct bus_reply *reply)
{
    if (span_eq(bus_reply_text(bus_reply_at(reply, 0)), "slave")) {
        link_take_down(arg, "READONLY: this Redis is a replica");
    } else if (reply) {
        link_setup_step_done(arg); /* an error, too: this login may not ask */
    }
}

/* Sends one command of the setup whose answer is waited for. */
static int setup_step(struct bus *bus, bool formatted, bus_reply_fn *fn)
{
    bus->setup_left++;
    return link_issue_scratch(bus, formatted, fn) ? 0 : -1;
}

static int setup_commands(struct bus *bus)
{
    const struct span name[] = {span_of("CLIENT"), span_of("SETNAME"), span_of(bus->name)};
    const struct span role[] = {span_of("ROLE")};
    struct buf *out = &bus->scratch;
    if ((bus->url.password[0] && setup_step(bus, resp_auth(out, &bus->url), on_setup)) ||
        (bus->url.db && setup_step(bus, resp_select(out, &bus->url), on_setup)) ||
        setup_step(bus, resp_command(out, role, 1), on_role) ||
        !link_issue_scratch(bus, resp_command(out, name, 3), NULL)) { /* nice to have only */
        return -1;
    }
    for (enum bus_script i = 0; i < BUS_SCRIPT_COUNT; i++) {
        if (setup_step(bus, resp_script_load(out, i), on_setup)) {
            return -1;
        }
    }
    return 0;
}

static int setup_subscriptions(struct bus *bus)
{
    if (bus->url.password[0] && (!resp_auth(&bus->scratch, &bus->url) ||
                                 adapter_send(bus->subscriptions, &bus->scratch, NULL))) {
        return -1;
    }
    bus->setup_left++;
    return link_send_subscription(bus, true, span_of(bus->channel));
}

static struct adapter *open_connection(struct bus *bus, bool commands, char *error)
{
    static const struct adapter_handlers for_commands = {link_on_reply, on_lost,
                                                         link_handle_closed};
    static const struct adapter_handlers for_subscriptions = {link_on_push, on_lost,
                                                              link_handle_closed};
    struct adapter *adapter =
        adapter_open(bus->loop, bus->address.host, bus->address.port,
                     commands ? &for_commands : &for_subscriptions, bus, error, LINK_REASON_MAX);
    if (adapter) {
        bus->handles++;
    }
    return adapter;
}

void link_connect(struct bus *bus)
{
    char error[LINK_REASON_MAX] = "out of memory";
    bus->state = SETUP;
    bus->setup_left = 0;
    bus->commands = open_connection(bus, true, error);
    if (bus->commands) {
        bus->subscriptions = open_connection(bus, false, error);
    }
    if (!bus->subscriptions || setup_commands(bus) || setup_subscriptions(bus)) {
        link_take_down(bus, error);
    }
}

/* ---- From beginning to end ---- */

struct bus *bus_create(struct loop *loop, const struct config *config, const char *server_id,
                       const struct bus_events *events, void *arg)
{
    struct bus *bus = calloc(1, sizeof *bus);
    if (!bus) {
        return NULL;
    }
    const char *wrong = redis_url_parse(span_of(config->redis_url), &bus->url);
    if (wrong) {
        log_error("redis", "LECTERN_REDIS_URL: %s", wrong);
        free(bus);
        return NULL;
    }
    bus->loop = loop;
    bus->events = events;
    bus->arg = arg;
    bus->timeout_ms = config->redis_timeout_ms;
    bus->delay_ms = BACKOFF_MIN_MS;
    snprintf(bus->channel, sizeof bus->channel, "server:%s", server_id);
    snprintf(bus->name, sizeof bus->name, "lectern-%s", server_id);
    channels_init(&bus->channels);
    return bus;
}

void bus_start(struct bus *bus)
{
    uv_timer_init(loop_uv(bus->loop), &bus->timer);
    bus->timer.data = bus;
    bus->handles = 1;
    link_locate(bus);
}

static void on_timer_closed(uv_handle_t *handle)
{
    link_handle_closed(handle->data);
}

void bus_stop(struct bus *bus, void (*done)(void *arg), void *arg)
{
    enum link_state was = bus->state;
    bus->state = STOPPED;
    bus->stopped = done;
    bus->stopped_arg = arg;
    if (was == IDLE) {
        bus->handles = 1;
        link_handle_closed(bus);
        return;
    }
    if (was == UP) {
        metric_add(METRIC_REDIS_UP, -1);
    }
    disconnect(bus);
    uv_close((uv_handle_t *)&bus->timer, on_timer_closed);
    link_end_calls(bus);
}

bool bus_is_up(const struct bus *bus)
{
    return bus->state == UP;
}
