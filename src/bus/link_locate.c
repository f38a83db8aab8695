/*
 * Where the link connects to: the URL's own server, or the primary that its sentinels name now;
 * link.c describes the whole, sentinel.h what sentinels are asked.
 *
 *   begin(sentinel) → its host looked up → asked on a connection of its own → the primary's host
 *   looked up → link_connect()
 *
 * Whatever goes wrong on the way, the next sentinel has its turn; when each had one, the attempt has
 * failed and link.c makes another. It begins with the sentinel that answered last, unless the address
 * that it gave was no good: a sentinel that is cut off from the others may not know of a fail-over.
 *
 * bus->address is the numeric address of whatever is being connected to.
 */
#include <stdio.h>

#include "base/clock.h"
#include "bus/link_parts.h"
#include "bus/resp.h"

static void begin(struct bus *bus);

/* ---- Looking a host up ---- */

static void with_ip(struct bus *bus, const char *ip)
{
    snprintf(bus->address.host, sizeof bus->address.host, "%s", ip);
    bus->looked_up(bus, NULL);
}

static void on_resolved(struct resolve *lookup, const char *ip, const char *error)
{
    struct bus *bus = lookup->owner;
    bus->looking_up = false;
    if (bus->state == STOPPED) {
        /* nothing to be done with it */
    } else if (ip) {
        with_ip(bus, ip);
    } else {
        bus->looked_up(bus, error);
    }
    link_handle_closed(bus);
}

/* `done` runs, later or now, with the numeric address in bus->address or with an error. */
static void look_up(struct bus *bus, const struct redis_address *address,
                    void (*done)(struct bus *bus, const char *error))
{
    bus->looked_up = done;
    bus->address.port = address->port;
    if (resolve_is_numeric(address->host)) {
        with_ip(bus, address->host);
        return;
    }
    bus->lookup.found = on_resolved;
    bus->lookup.owner = bus;
    int status = resolve_start(&bus->lookup, loop_uv(bus->loop), address->host);
    if (status) {
        done(bus, uv_strerror(status));
        return;
    }
    bus->looking_up = true;
    bus->handles++;
}

/* ---- Asking sentinels ---- */

/* The sentinel whose turn it is was of no use. */
static void next(struct bus *bus, bool answered, const char *reason)
{
    link_locate_stop(bus);
    sentinel_failed(&bus->locate_failure, &bus->url, bus->sentinel_index, answered, reason);
    link_locate_doubt(bus);
    if (--bus->sentinels_left > 0) {
        begin(bus);
    } else {
        link_take_down(bus, bus->locate_failure.text);
    }
}

static void on_primary(struct bus *bus, const char *error)
{
    if (error) {
        next(bus, true, error);
    } else {
        link_connect(bus);
    }
}

static int ask(struct bus *bus)
{
    return sentinel_question(&bus->scratch, &bus->url) &&
                   adapter_send(bus->sentinel, &bus->scratch, NULL) == 0
               ? 0
               : -1;
}

/* Sends the URL's login, its answer tagged with the bus, and asks again. */
static int ask_with_login(struct bus *bus)
{
    bus->sentinel_has_login = true;
    return resp_auth(&bus->scratch, &bus->url) &&
                   adapter_send(bus->sentinel, &bus->scratch, bus) == 0
               ? ask(bus)
               : -1;
}

static void on_answer(void *owner, const struct bus_reply *reply, void *tag)
{
    struct bus *bus = owner;
    struct redis_address primary;
    char reason[SENTINEL_REASON_MAX];
    if (tag && bus_reply_type(reply) != BUS_ERROR) {
        return; /* the login was accepted */
    }
    switch (sentinel_read(reply, &bus->url, bus->sentinel_has_login, &primary, reason)) {
    case SENTINEL_NAMES:
        link_locate_stop(bus);
        look_up(bus, &primary, on_primary);
        return;
    case SENTINEL_WANTS_LOGIN:
        if (ask_with_login(bus)) {
            next(bus, false, "out of memory");
        }
        return;
    case SENTINEL_REFUSES:
        next(bus, true, reason);
        return;
    }
}

static void on_sentinel_lost(void *owner, const struct adapter *adapter, const char *reason)
{
    (void)adapter;
    next(owner, false, reason);
}

static void on_sentinel(struct bus *bus, const char *error)
{
    static const struct adapter_handlers handlers = {on_answer, on_sentinel_lost,
                                                     link_handle_closed};
    char reason[SENTINEL_REASON_MAX] = "out of memory";
    if (error) {
        next(bus, false, error);
        return;
    }
    bus->sentinel = adapter_open(bus->loop, bus->address.host, bus->address.port, &handlers, bus,
                                 reason, sizeof reason);
    if (!bus->sentinel) {
        next(bus, false, reason);
        return;
    }
    bus->handles++;
    bus->sentinel_has_login = false;
    bus->sentinel_due_ms = clock_mono_ms() + sentinel_share_ms(&bus->url, bus->timeout_ms);
    link_arm(bus, bus->sentinel_due_ms);
    if (ask(bus)) {
        next(bus, false, "out of memory");
    }
}

static void begin(struct bus *bus)
{
    look_up(bus, &bus->url.addresses[bus->sentinel_index], on_sentinel);
}

/* ---- For link.c ---- */

static void on_server(struct bus *bus, const char *error)
{
    if (error) {
        link_take_down(bus, error);
    } else {
        link_connect(bus);
    }
}

void link_locate(struct bus *bus)
{
    bus->state = LOCATING;
    if (bus->url.primary[0] == '\0') {
        look_up(bus, &bus->url.addresses[0], on_server);
        return;
    }
    bus->sentinels_left = bus->url.address_count;
    bus->locate_failure.text[0] = '\0';
    begin(bus);
}

void link_locate_check(struct bus *bus, int64_t now_ms)
{
    if (!bus->sentinel) {
        return; /* a host is being looked up */
    }
    if (bus->sentinel_due_ms <= now_ms) {
        next(bus, false, "no answer in time");
    } else {
        link_arm(bus, bus->sentinel_due_ms);
    }
}

void link_locate_doubt(struct bus *bus)
{
    bus->sentinel_index = (bus->sentinel_index + 1) % bus->url.address_count;
}

void link_locate_stop(struct bus *bus)
{
    adapter_close(bus->sentinel);
    bus->sentinel = NULL;
    if (bus->looking_up) {
        resolve_cancel(&bus->lookup);
    }
}
