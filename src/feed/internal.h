/*
 * What the files of src/feed share.
 *
 * A channel on a loop:
 *   IDLE         nobody here follows it
 *   SUBSCRIBING  its subscription is not confirmed (or the link is down)
 *   LOADING      its log's info is read, and what came since the last known event
 *   LIVE         events are handed on as they come
 * An event that Lectern published has a number; in LIVE the next one is handed on, an older one is known, a
 * later one or one of another epoch means that something was missed: LOADING again. So what the link loses
 * while it is down is made up for by the log. What other programs publish has no number and is handed on in
 * any state, if it comes.
 */
#ifndef LECTERN_FEED_INTERNAL_H
#define LECTERN_FEED_INTERNAL_H

#include "feed/event.h"
#include "feed/feed.h"
#include "feed/queue.h"

#define FEED_PAGE "32"         /* log entries per command */
#define FEED_READS_MAX 8       /* for followers at a time: Redis has to hold their replies */
#define FEED_BACKLOG_MAX 65536 /* bytes waiting in a socket, beyond which they wait in the queue */

enum channel_state { CHANNEL_IDLE, CHANNEL_SUBSCRIBING, CHANNEL_LOADING, CHANNEL_LIVE };

struct channel {
    struct feeds *feeds;
    unsigned index;
    struct span name;
    char log_key[FEED_KEY_SIZE], info_key[FEED_KEY_SIZE];
    enum channel_state state;
    unsigned followers;
    struct feed_id last; /* the newest event that was handed on; "": no log is known */
    /* While LOADING: up to where the log is read, how many numbered events the channel has brought, and how
     * many when the last read was sent. */
    struct feed_position cursor;
    unsigned brought, covered;
    bool doubted;     /* an event made it read the log, and nothing has been found there yet */
    bool strays;      /* the log has entries of another epoch than its info, which was read again */
    bool known;       /* `last` is of now: somebody has followed ever since it was read */
    bool asked;       /* the subscription was asked for */
    bool busy, again; /* a read is under way; and another one is to follow it */
};

struct feeds {
    struct loop *loop;
    struct bus *bus;
    const struct config *config;
    uv_timer_t timer;
    struct channel *channels;
    unsigned channel_count;
    struct follower **followers;
    size_t count, cap;
    unsigned reads; /* of logs for followers, under way */
    size_t turn;    /* the follower whose turn it is to read next */
};

struct follower {
    struct feeds *feeds;
    const struct receiver_ops *ops;
    void *socket; /* NULL once it is gone */
    size_t index; /* in feeds->followers */
    int64_t expires_ms;
    uint64_t channels;
    uint64_t replaying;     /* channels of which it is still reading the log */
    uint64_t gap_told;      /* of those: what is missing in front of its next event has been told */
    struct feed_wish *wish; /* until it is welcome */
    struct feed_queue queue;
    bool
        reading; /* a read of a log is under way: the follower outlives its socket until it is done */
    bool closing;                  /* ops->close was called */
    unsigned page;                 /* the channel that is read, */
    struct feed_position asked_at; /* its newest event then, */
    struct feed_position passed;   /* and the last entry there that was not of this log */
    struct feed_position *seen;    /* by channel: up to where it has been handed events */
    uint32_t dropped[];            /* by channel, and one more for answers; for the queue */
};

/* channel.c */
void channel_follow(struct channel *channel); /* one follower more */
void channel_unfollow(struct channel *channel);
void channel_subscribe(struct channel *channel); /* if it is due and the link is up */
void channel_subscribed(struct channel *channel);
void channel_down(struct channel *channel);
void channel_receive(struct channel *channel, struct span payload);
void channel_retry(struct channel *channel); /* each second */

/*
 * An entry of a log, [id, [m, json]]: false if it is not what bus/lua/event.lua wrote. `event` borrows from it.
 */
bool channel_entry(const struct channel *channel, const struct bus_reply *entry,
                   struct event *event, struct span *json);

/* No reply, or an error other than that somebody has put something else in the log's place. */
bool channel_read_failed(const struct bus_reply *reply);

/* Asks for the log's entries after `at`; 0, or -1: the callback will not come. */
int channel_read_log(const struct channel *channel, struct feed_position at, bus_reply_fn *fn,
                     void *arg) __attribute__((warn_unused_result));

/* follower.c */
void follower_free(struct follower *follower);
bool follower_takes(const struct follower *follower); /* does the socket take more? */
/* Sends at once what must be neither late nor lost: few and short messages, in front of what waits. */
void follower_say(struct follower *follower, const struct buf *json);
void follower_close(struct follower *follower, uint16_t code, const char *reason);
void follower_check(struct follower *follower, int64_t now_ms); /* each second */
void followers_welcome(struct feeds *feeds);                    /* those whose time has come */
/* All who follow the channel and have been welcomed; `at`: of a numbered event, NULL: it has no number. */
void followers_hand(struct channel *channel, struct span json, const struct feed_position *at);
void followers_skip(struct channel *channel); /* an event that is too large for them */
/* The channel's log has begun anew; `before` was the last event of the old one, `heard`: nothing came after it. */
void followers_begin(struct channel *channel, const struct feed_id *before, bool heard);
void followers_rewind(struct channel *channel); /* the log ends before what they have seen */

/* replay.c */
/* After `since` something is not remembered any more: `missed` events, 0: how many is not known. */
void feed_tell_gap(struct follower *follower, const struct channel *channel,
                   const struct feed_id *since, uint64_t missed);
void feed_replay_begin(
    struct follower *follower); /* it has been welcomed: what it missed, by its wish */
void feed_replay_more(
    struct follower *follower); /* goes on if something is left and the socket takes it */

#endif
