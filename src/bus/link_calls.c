/*
 * A link's calls: sending, answering, and repairing after NOSCRIPT; link.c describes the whole.
 *
 * Calls are kept here in the order in which they were made; hiredis's own NULL replies are ignored
 * by the adapter. So each ends exactly once, by its reply or in link_end_calls(). `flight` was sent
 * and is unanswered.
 *
 * NOSCRIPT (somebody ran SCRIPT FLUSH): the call moves to `again`, and the link is in repair: calls
 * made from now on are put into `held`. When nothing is in flight any more, the scripts are loaded,
 * then `again` and `held` are sent: the order of execution and of the answers is that of the calls.
 * One exception: calls that were in flight behind the first NOSCRIPT and needed no script, or found
 * it loaded by another client, have been executed and are answered before it. This is why a call
 * keeps its formatted command until it is answered.
 */
#include "base/clock.h"
#include "bus/link_parts.h"
#include "bus/resp.h"
#include "core/log.h"
#include "core/metrics.h"

static const struct call *oldest_call(const struct bus *bus)
{
    return bus->again.head ? bus->again.head : bus->flight.head;
}

int64_t link_call_deadline(const struct bus *bus)
{
    const struct call *call = oldest_call(bus);
    return call ? call->issued_ns / 1000000 + bus->timeout_ms : INT64_MAX;
}

static void end_call(struct bus *bus, struct call *call, const struct bus_reply *reply)
{
    bus->call_bytes -= call->command.len;
    call_end(&bus->calls, call, reply);
}

void link_end_calls(struct bus *bus)
{
    struct call_queue *in_order[] = {&bus->again, &bus->flight, &bus->held};
    for (size_t i = 0; i < sizeof in_order / sizeof in_order[0]; i++) {
        for (struct call *call; (call = call_queue_pop(in_order[i])) != NULL;) {
            end_call(bus, call, NULL); /* may call bus_stop(), which comes here too */
        }
    }
}

/* Sends a formatted call. 0, or -1: it was given back. */
static int issue(struct bus *bus, struct call *call)
{
    bool first = !oldest_call(bus);
    call->issued_ns = clock_mono_ns();
    if (bus->repairing) {
        call_queue_push(&bus->held, call);
    } else if (adapter_send(bus->commands, &call->command, call)) {
        call_give_back(&bus->calls, call);
        link_fail_soon(bus, "a command could not be sent");
        return -1;
    } else {
        call_queue_push(&bus->flight, call);
    }
    bus->call_bytes += call->command.len;
    if (first) {
        link_arm(bus, link_call_deadline(bus));
    }
    return 0;
}

/* Sends the owner's call, unless it could not be formatted or too much is outstanding. */
static int issue_for_owner(struct bus *bus, struct call *call, bool formatted)
{
    if (!formatted || bus->call_bytes + call->command.len > BUS_OUTSTANDING_MAX) {
        call_give_back(&bus->calls, call);
        return -1;
    }
    return issue(bus, call);
}

int bus_script(struct bus *bus, enum bus_script script, const struct span *keys, size_t key_count,
               const struct span *args, size_t arg_count, bus_reply_fn *fn, void *arg)
{
    struct call *call = bus->state == UP ? call_take(&bus->calls, fn, arg) : NULL;
    if (!call) {
        return -1;
    }
    call->is_script = true;
    return issue_for_owner(bus, call,
                           resp_evalsha(&call->command, script, keys, key_count, args, arg_count));
}

int bus_command(struct bus *bus, const struct span *argv, size_t argc, bus_reply_fn *fn, void *arg)
{
    struct call *call = bus->state == UP ? call_take(&bus->calls, fn, arg) : NULL;
    if (!call) {
        return -1;
    }
    return issue_for_owner(bus, call, resp_command(&call->command, argv, argc));
}

struct call *link_issue_scratch(struct bus *bus, bool formatted, bus_reply_fn *fn)
{
    struct call *call = formatted ? call_take(&bus->calls, fn, bus) : NULL;
    if (!call) {
        return NULL;
    }
    struct buf command = bus->scratch;
    bus->scratch = call->command;
    call->command = command;
    return issue(bus, call) ? NULL : call;
}

static void on_reloaded(void *arg, const struct bus_reply *reply)
{
    if (bus_reply_type(reply) == BUS_ERROR) {
        link_take_down_by(arg, reply);
    }
}

static void reload_scripts(struct bus *bus, int64_t issued_ns)
{
    for (enum bus_script i = 0; i < BUS_SCRIPT_COUNT; i++) {
        struct call *call =
            link_issue_scratch(bus, resp_script_load(&bus->scratch, i), on_reloaded);
        if (call) {
            call->issued_ns = issued_ns;
        } else {
            link_fail_soon(bus, "out of memory");
        }
    }
}

/* Nothing is in flight: loads the scripts and sends what waits for them. */
static void repair(struct bus *bus)
{
    log_warn("redis", "loop %u: Redis has forgotten the scripts, loading them again",
             loop_index(bus->loop));
    struct call_queue waiting[] = {bus->again, bus->held};
    bus->again.head = bus->held.head = NULL;
    bus->repairing = false;
    reload_scripts(bus, waiting[0].head->issued_ns); /* nobody's deadline is put off by it */
    for (size_t i = 0; i < 2; i++) {
        for (struct call *call; (call = call_queue_pop(&waiting[i])) != NULL;) {
            if (adapter_send(bus->commands, &call->command, call)) {
                link_fail_soon(bus, "a command could not be sent");
            }
            call_queue_push(&bus->flight, call); /* sent or not, it ends with the others */
        }
    }
}

static enum resp_error classify(const struct call *call, const struct bus_reply *reply)
{
    if (bus_reply_type(reply) != BUS_ERROR) {
        return RESP_ERROR_OTHER;
    }
    enum resp_error error = resp_classify(bus_reply_text(reply));
    return error == RESP_ERROR_NOSCRIPT && !call->is_script ? RESP_ERROR_OTHER : error;
}

void link_on_reply(void *owner, const struct bus_reply *reply, void *tag)
{
    struct bus *bus = owner;
    struct call *call = tag;
    if (call != bus->flight.head) { /* hiredis could not remember a call for want of memory */
        link_take_down(bus, "answers are out of step");
        return;
    }
    enum resp_error error = classify(call, reply);
    if (error == RESP_ERROR_USELESS) {
        link_take_down_by(bus, reply); /* not executed: this call ends with NULL like the others */
        return;
    }
    call_queue_pop(&bus->flight);
    if (error == RESP_ERROR_NOSCRIPT) {
        call_queue_push(&bus->again, call);
        bus->repairing = true;
    } else if (bus->state == UP) {
        metric_observe(HISTOGRAM_REDIS, (double)(clock_mono_ns() - call->issued_ns) / 1e9);
    }
    if (bus->repairing && !bus->flight.head) {
        repair(bus);
    }
    if (error != RESP_ERROR_NOSCRIPT) {
        end_call(bus, call, reply);
    }
}
