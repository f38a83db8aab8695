/*
 * What the parts of a link (link.c, link_locate.c, link_calls.c, link_channels.c) share. Nobody else includes it.
 */
#ifndef LECTERN_BUS_LINK_PARTS_H
#define LECTERN_BUS_LINK_PARTS_H

#include "base/id.h"
#include "base/url.h"
#include "bus/adapter.h"
#include "bus/calls.h"
#include "bus/channels.h"
#include "bus/link.h"
#include "bus/resolve.h"
#include "bus/sentinel.h"

#define LINK_REASON_MAX 160
#define LIVE_PREFIX "live "
#define LIVE_NONCE 12 /* characters */
#define LIVE_MS 2000  /* between two proofs of life; the commands' time limit, if longer */

enum link_state { IDLE, WAITING, LOCATING, SETUP, UP, STOPPED }; /* see link.c */

struct bus {
    struct loop *loop;
    const struct bus_events *events;
    void *arg;
    struct redis_url url;
    int64_t timeout_ms;
    char channel[sizeof "server:" + ID_MAX]; /* the server's own */
    char name[sizeof "lectern-" + ID_MAX];   /* in Redis's CLIENT LIST */

    enum link_state state;
    const char *failing;                      /* why it is to be taken down, or NULL */
    struct adapter *commands, *subscriptions; /* NULL unless SETUP or UP */
    unsigned handles;                         /* adapters, timer, look-up: not yet closed */
    unsigned setup_left;

    /* link_locate.c */
    struct redis_address address; /* numeric, of the Redis; valid in SETUP and UP */
    struct resolve lookup;
    void (*looked_up)(struct bus *bus, const char *error);
    struct adapter *sentinel; /* that is being asked, or NULL */
    size_t sentinel_index;    /* of this one in the URL, or of the one to be asked first */
    size_t sentinels_left;    /* of this attempt, with this one */
    int64_t sentinel_due_ms;  /* valid while one is being asked */
    struct sentinel_failure locate_failure;
    bool looking_up;
    bool sentinel_has_login; /* it was given the URL's */

    /* link_calls.c */
    struct call_pool calls;
    struct call_queue flight, again, held;
    size_t call_bytes; /* of the commands in these queues */
    bool repairing;

    /* link_channels.c */
    struct channels channels;
    char live[sizeof LIVE_PREFIX + 12 + LIVE_NONCE]; /* the last proof of life */
    int64_t live_sent_ms;                            /* 0: it has come back */
    int64_t live_due_ms; /* when to send the next; valid while UP and live_sent_ms is 0 */

    /* link.c */
    struct buf scratch; /* a command being formatted */
    uv_timer_t timer;
    int64_t timer_due_ms;       /* 0: not armed */
    bool second_look;           /* something was overdue when the timer last ran */
    int64_t retry_ms;           /* valid while WAITING */
    int64_t delay_ms;           /* the next backoff, before jitter */
    int64_t up_ms;              /* when it came up; valid while UP */
    char told[LINK_REASON_MAX]; /* the reason last logged while down; "" after it was up */
    void (*stopped)(void *arg);
    void *stopped_arg;
};

/* link.c */

/* The timer fires at this time at the latest. */
void link_arm(struct bus *bus, int64_t due_ms);

/* Ends both connections and all calls, and tells the owner. Never inside a call of the owner's. */
void link_take_down(struct bus *bus, const char *reason);
void link_take_down_by(struct bus *bus, const struct bus_reply *reply);

/* As link_take_down(), from the timer. */
void link_fail_soon(struct bus *bus, const char *reason);

/* One of the answers that the setup waits for has come. */
void link_setup_step_done(struct bus *bus);

/* Begins to connect to bus->address. */
void link_connect(struct bus *bus);

/* One of `handles` is closed; the last one frees the bus. Adapter handler, too. */
void link_handle_closed(void *owner);

/* link_locate.c */

/* Finds out where the Redis is. link_connect() or link_take_down() follows, perhaps within. */
void link_locate(struct bus *bus);

void link_locate_check(struct bus *bus, int64_t now_ms); /* from the timer, while LOCATING */
void link_locate_doubt(struct bus *bus); /* the next sentinel is the one to be asked first */
void link_locate_stop(struct bus *bus);  /* ends what is under way */

/* link_calls.c */

/* Adapter handler of the command connection. */
void link_on_reply(void *owner, const struct bus_reply *reply, void *tag);

/* Sends the command in `scratch` for the link itself, with the bus as the callback's argument. NULL
 * if it was not formatted or could not be sent. */
struct call *link_issue_scratch(struct bus *bus, bool formatted, bus_reply_fn *fn);

int64_t
link_call_deadline(const struct bus *bus); /* of the oldest call; INT64_MAX: there is none */
void link_end_calls(struct bus *bus);      /* with NULL, in order */

/* link_channels.c */

/* Adapter handler of the subscription connection. */
void link_on_push(void *owner, const struct bus_reply *reply, void *tag);

/* SUBSCRIBE or UNSUBSCRIBE. 0 or -1. */
int link_send_subscription(struct bus *bus, bool subscribe, struct span channel);

void link_send_live(struct bus *bus, int64_t now_ms);
int64_t link_live_interval(const struct bus *bus); /* ms */

#endif
