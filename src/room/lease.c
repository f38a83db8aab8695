/*
 * Leases: how servers know which of them live, and what becomes of the sessions of those that do not.
 *
 * Loop 0 of every server renews `server:{id}:alive` and looks for servers without it. Their sessions,
 * listed in `server:{id}:sessions`, are ended like any other: by the leave script, which is fenced by
 * the session's id, so that whoever has come back elsewhere is not touched. Each step may be repeated,
 * by this janitor or another.
 *
 * The key lives for two thirds of the lease and is looked at every sixth, so that a dead server is
 * found and its sessions ended within the lease. A janitor judges only after it has kept its own lease
 * for a whole one without a break: when Redis stood still, everybody's key is gone, and everybody
 * renews it first.
 */
#include "room/internal.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "core/log.h"

#define KEY_MAX (ID_MAX + 24)

/* A server that seems dead, while it is being looked at. */
struct suspect {
    struct rooms *rooms;
    char server[ID_MAX + 1];
};

static int64_t lease_ms(const struct rooms *rooms)
{
    return (int64_t)rooms->config->lease_s * 1000;
}

static struct span server_key(char key[KEY_MAX], const char *server, const char *part)
{
    int len = snprintf(key, KEY_MAX, "server:%s:%s", server, part);
    return (struct span){key, (size_t)len};
}

static struct span print_ms(char text[24], int64_t ms)
{
    int len = snprintf(text, 24, "%lld", (long long)ms);
    return (struct span){text, (size_t)len};
}

/* ---- the index of this server's sessions ---- */

static void index_command(struct rooms *rooms, const char *command, const char *server,
                          const char *entry)
{
    char key[KEY_MAX];
    const struct span argv[] = {span_of(command), server_key(key, server, "sessions"),
                                span_of(entry)};
    /* One that is not taken out is ended once more by a janitor, which changes nothing. */
    (void)!bus_command(rooms->bus, argv, 3, NULL, NULL);
}

void lease_index(struct rooms *rooms, const char *entry)
{
    index_command(rooms, "SADD", rooms->server_id, entry);
}

void lease_unindex(struct rooms *rooms, const char *server, const char *entry)
{
    index_command(rooms, "SREM", server, entry);
}

/* ---- janitor ---- */

static void end_sessions(struct rooms *rooms, const char *server, const struct bus_reply *list,
                         bool leftovers_only, bool spare_pending)
{
    for (size_t i = 0; i < bus_reply_len(list); i++) {
        struct span entry = bus_reply_text(bus_reply_at(list, i));
        size_t tail = strlen(rooms->incarnation);
        bool own =
            entry.n > tail && memcmp(entry.p + entry.n - tail, rooms->incarnation, tail) == 0;
        struct leave *leave = leftovers_only && own ? NULL : calloc(1, sizeof *leave);
        if (!leave || !span_copy(entry, leave->entry, sizeof leave->entry)) {
            free(leave);
            continue;
        }
        leave->lost = true;
        leave->spare_pending = spare_pending;
        (void)span_copy(span_of(server), leave->server, sizeof leave->server);
        rooms_leave(rooms, leave);
    }
}

static void step(struct suspect *suspect, const struct span *argv, size_t argc, bus_reply_fn *fn)
{
    if (bus_command(suspect->rooms->bus, argv, argc, fn, suspect)) {
        free(suspect);
    }
}

static void sessions_listed(void *arg, const struct bus_reply *reply)
{
    struct suspect *suspect = arg;
    if (bus_reply_type(reply) == BUS_ARRAY && bus_reply_len(reply) == 0) {
        const struct span argv[] = {span_of("SREM"), span_of("servers"), span_of(suspect->server)};
        (void)!bus_command(suspect->rooms->bus, argv, 3, NULL, NULL);
    } else if (reply) {
        log_warn("lease", "server %s is gone: ending its %zu sessions", suspect->server,
                 bus_reply_len(reply));
        end_sessions(suspect->rooms, suspect->server, reply, false, false);
    }
    free(suspect);
}

static void looked_again(void *arg, const struct bus_reply *reply)
{
    struct suspect *suspect = arg;
    char key[KEY_MAX];
    if (bus_reply_type(reply) != BUS_INTEGER || bus_reply_int(reply) != 0) {
        free(suspect);
        return;
    }
    const struct span argv[] = {span_of("SMEMBERS"), server_key(key, suspect->server, "sessions")};
    step(suspect, argv, 2, sessions_listed);
}

static void locked(void *arg, const struct bus_reply *reply)
{
    struct suspect *suspect = arg;
    char key[KEY_MAX];
    if (!span_eq(bus_reply_text(reply), "OK")) {
        free(suspect); /* another janitor is at it */
        return;
    }
    const struct span argv[] = {span_of("EXISTS"), server_key(key, suspect->server, "alive")};
    step(suspect, argv, 2, looked_again);
}

static void looked(void *arg, const struct bus_reply *reply)
{
    struct suspect *suspect = arg;
    char key[KEY_MAX], ms[24];
    if (bus_reply_type(reply) != BUS_INTEGER || bus_reply_int(reply) != 0) {
        free(suspect);
        return;
    }
    const struct span argv[] = {
        span_of("SET"),
        server_key(key, suspect->server, "reaper"),
        span_of(suspect->rooms->server_id),
        span_of("NX"),
        span_of("PX"),
        print_ms(ms, lease_ms(suspect->rooms) / 6),
    };
    step(suspect, argv, sizeof argv / sizeof *argv, locked);
}

static void servers_listed(void *arg, const struct bus_reply *reply)
{
    struct rooms *rooms = arg;
    for (size_t i = 0; i < bus_reply_len(reply); i++) {
        struct span server = bus_reply_text(bus_reply_at(reply, i));
        struct suspect *suspect =
            span_eq(server, rooms->server_id) || !id_valid(server) ? NULL : malloc(sizeof *suspect);
        if (!suspect) {
            continue;
        }
        char key[KEY_MAX];
        suspect->rooms = rooms;
        (void)span_copy(server, suspect->server, sizeof suspect->server);
        const struct span argv[] = {span_of("EXISTS"), server_key(key, suspect->server, "alive")};
        step(suspect, argv, 2, looked);
    }
}

static void crashed_listed(void *arg, const struct bus_reply *reply)
{
    struct rooms *rooms = arg;
    end_sessions(rooms, rooms->server_id, reply, true, true);
    rooms->lease.crashed_ended |= bus_reply_type(reply) == BUS_ARRAY;
}

static void leftovers_listed(void *arg, const struct bus_reply *reply)
{
    struct rooms *rooms = arg;
    end_sessions(rooms, rooms->server_id, reply, true, false);
    rooms->lease.leftovers_ended |= bus_reply_type(reply) == BUS_ARRAY;
}

/*
 * Sessions of an earlier life of this server, which had the same name: if it was killed, its lease is
 * over by now; if it was drained, its people have the time of a drain to come back.
 */
static void end_leftovers(struct rooms *rooms, int64_t trusted_for_ms)
{
    struct lease *lease = &rooms->lease;
    bool drained = trusted_for_ms >= (int64_t)rooms->config->drain_s * 1000;
    if (drained ? lease->leftovers_ended : lease->crashed_ended) {
        return;
    }
    char key[KEY_MAX];
    const struct span argv[] = {span_of("SMEMBERS"), server_key(key, rooms->server_id, "sessions")};
    (void)!bus_command(rooms->bus, argv, 2, drained ? leftovers_listed : crashed_listed, rooms);
}

static void judge_others(struct rooms *rooms, int64_t now)
{
    struct lease *lease = &rooms->lease;
    if (!lease->trusted_ms || now - lease->trusted_ms < lease_ms(rooms)) {
        return;
    }
    const struct span argv[] = {span_of("SMEMBERS"), span_of("servers")};
    (void)!bus_command(rooms->bus, argv, 2, servers_listed, rooms);
    end_leftovers(rooms, now - lease->trusted_ms);
}

/* ---- one's own lease ---- */

static void renewed(void *arg, const struct bus_reply *reply)
{
    struct rooms *rooms = arg;
    struct lease *lease = &rooms->lease;
    int64_t now = clock_mono_ms();
    if (!span_eq(bus_reply_text(reply), "OK")) {
        return;
    }
    if (!lease->trusted_ms || now - lease->renewed_ms > lease_ms(rooms) / 2) {
        lease->trusted_ms = now;
    }
    lease->renewed_ms = now;
}

static void set_alive(struct rooms *rooms, int64_t ms, bus_reply_fn *fn)
{
    char key[KEY_MAX], text[24];
    const struct span argv[] = {span_of("SET"), server_key(key, rooms->server_id, "alive"),
                                span_of(rooms->incarnation), span_of("PX"), print_ms(text, ms)};
    (void)!bus_command(rooms->bus, argv, 5, fn, rooms);
}

static void keep(struct rooms *rooms)
{
    const struct span list[] = {span_of("SADD"), span_of("servers"), span_of(rooms->server_id)};
    (void)!bus_command(rooms->bus, list, 3, NULL, NULL);
    set_alive(rooms, lease_ms(rooms) * 2 / 3, renewed);
}

static void lease_tick(uv_timer_t *timer)
{
    struct rooms *rooms = timer->data;
    if (bus_is_up(rooms->bus) && !rooms->lease.ending) {
        keep(rooms);
        judge_others(rooms, clock_mono_ms());
    }
}

void lease_start(struct rooms *rooms)
{
    uint64_t period = (uint64_t)lease_ms(rooms) / 6;
    uv_timer_init(loop_uv(rooms->loop), &rooms->lease.timer);
    rooms->lease.timer.data = rooms;
    uv_timer_start(&rooms->lease.timer, lease_tick, period, period);
}

void lease_stop(struct rooms *rooms)
{
    uv_close((uv_handle_t *)&rooms->lease.timer, NULL);
}

void lease_link_up(struct rooms *rooms)
{
    rooms->lease.trusted_ms = 0;
    if (!rooms->lease.ending) {
        keep(rooms);
    }
}

static void own_sessions_counted(void *arg, const struct bus_reply *reply)
{
    struct rooms *rooms = arg;
    if (bus_reply_type(reply) == BUS_INTEGER && bus_reply_int(reply) == 0) {
        const struct span argv[] = {span_of("SREM"), span_of("servers"), span_of(rooms->server_id)};
        (void)!bus_command(rooms->bus, argv, 3, NULL, NULL);
    }
}

void lease_drain(struct rooms *rooms)
{
    rooms->lease.ending = true;
    set_alive(rooms, (int64_t)rooms->config->drain_s * 1000, NULL);
}

void lease_end(struct rooms *rooms)
{
    char key[KEY_MAX];
    rooms->lease.ending = true;
    const struct span del[] = {span_of("DEL"), server_key(key, rooms->server_id, "alive")};
    (void)!bus_command(rooms->bus, del, 2, NULL, NULL);
    const struct span count[] = {span_of("SCARD"), server_key(key, rooms->server_id, "sessions")};
    (void)!bus_command(rooms->bus, count, 2, own_sessions_counted, rooms);
}
