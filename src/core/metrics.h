/*
 * Counters, gauges and histograms, written out as Prometheus text (exposition format 0.0.4).
 *
 * One process-wide set of relaxed atomics, so any thread may count without a lock. What happens per
 * delivery is summed up by its loop and added here once per loop turn.
 */
#ifndef LECTERN_CORE_METRICS_H
#define LECTERN_CORE_METRICS_H

#include <stdint.h>

#include "base/buf.h"

enum metric {
    METRIC_CONNECTIONS,        /* gauge: open WebSockets and sessions of SockJS */
    METRIC_SOCKJS_SESSIONS,    /* gauge: of these, sessions of SockJS over HTTP */
    METRIC_ROOMS,              /* gauge: rooms with members on this server */
    METRIC_CONNECTIONS_TOTAL,  /* counter: sockets taken from civetweb */
    METRIC_MESSAGES_IN,        /* counter: messages read from sockets */
    METRIC_MESSAGES_OUT,       /* counter: messages queued to sockets (deliveries) */
    METRIC_BYTES_IN,           /* counter: bytes read from sockets */
    METRIC_BYTES_OUT,          /* counter: bytes written to sockets */
    METRIC_PUBLISHED,          /* counter: messages accepted and published */
    METRIC_REPLAYED,           /* counter: remembered messages sent again on joining */
    METRIC_GAPS,               /* counter: joins whose `since` was no longer all remembered */
    METRIC_QUEUE_DROPS,        /* counter: sockets closed because their queue was full */
    METRIC_RATE_LIMITED,       /* counter: messages refused by the rate limit */
    METRIC_PROTOCOL_ERRORS,    /* counter: sockets closed for breaking RFC 6455 or UTF-8 */
    METRIC_BAD_MESSAGES,       /* counter: messages answered with an error */
    METRIC_FOREIGN_IGNORED,    /* counter: messages on room channels that were not deliverable */
    METRIC_REDIS_UP,           /* gauge: loops whose Redis link is up */
    METRIC_REDIS_RECONNECTS,   /* counter: Redis links lost */
    METRIC_REDIS_TIMEOUTS,     /* counter: Redis commands that missed their deadline */
    METRIC_REDIS_BREAKER_OPEN, /* gauge: 1 while REST fails fast because Redis timed out */
    METRIC_HTTP_REQUESTS,      /* counter: HTTP requests answered (upgrades not counted) */
    METRIC_TAKE_AMBIGUOUS,     /* counter: upgrades whose descriptor was not found exactly once */
    METRIC_TAKE_FAILED,        /* counter: upgrades that failed after the join script */
    METRIC_CIVETWEB_SOCKETS,   /* counter: civetweb's own WebSocket handlers reached (a defect) */
    METRIC_IMAGES,             /* counter: images taken */
    METRIC_IMAGE_CRASHES,      /* counter: decoders that were ended by a signal of their own */
    METRIC_FILES_FETCHED,   /* counter: files read from Redis or a bucket, not found in the cache */
    METRIC_FILES_HANDED,    /* counter: files left to the sender, http/sender.h */
    METRIC_FILES_TAKEN,     /* counter: files and images taken into chats */
    METRIC_FILES_FAILED,    /* counter: uploads into chats that failed */
    METRIC_FILES_ERASED,    /* counter: files of chats erased with their message or room */
    METRIC_FILES_UPLOADING, /* gauge: files on their way into chats */
    METRIC_FILE_CACHE_BYTES, /* gauge: files in the cache */
    METRIC_OUT_OF_MEMORY,    /* counter: connections or requests given up for want of memory */
    METRIC_STORE_UP,         /* gauge: 1 while the store answers */
    METRIC_STORE_WRITES,     /* counter: pieces of work committed to the store */
    METRIC_STORE_BATCHES,    /* counter: transactions that they shared */
    METRIC_STORE_LOST,       /* counter: the writer's connections to the store lost */
    METRIC_CHAT_ROOMS,       /* gauge: chat rooms that are followed, by loop */
    METRIC_CHAT_FILLED,      /* counter: rows of chats that did not come by Redis */
    METRIC_STOMP_ENCODED,    /* counter: rooms' messages encoded for STOMP, by loop and carrier */
    METRIC_FEED_FOLLOWERS,   /* gauge: clients that follow event channels */
    METRIC_FEED_EVENTS,      /* counter: events that came on followed channels, by loop */
    METRIC_FEED_DROPPED,     /* counter: events that a slow client did not get */
    METRIC_FEED_REPAIRED,    /* counter: events that were not valid UTF-8 */
    METRIC_COUNT,
};

enum metric_histogram {
    HISTOGRAM_JOIN,        /* seconds from the upgrade request to the welcome queued */
    HISTOGRAM_DELIVER,     /* seconds from publishing (stream id) to queueing at receivers */
    HISTOGRAM_ACK,         /* seconds from reading a message to its ack queued */
    HISTOGRAM_REDIS,       /* seconds of one asynchronous Redis command */
    HISTOGRAM_HTTP,        /* seconds of one HTTP request in its handler */
    HISTOGRAM_IMAGE,       /* seconds of a decoder's life: one image */
    HISTOGRAM_STORE_READ,  /* seconds of reading from the store, waiting included */
    HISTOGRAM_STORE_WRITE, /* seconds from asking for a write to its commit */
    HISTOGRAM_COUNT,
};

void metric_add(enum metric metric, int64_t n); /* gauges may take negative n */
void metric_set(enum metric metric, int64_t value);
int64_t metric_get(enum metric metric);

void metric_observe(enum metric_histogram histogram, double seconds);

/*
 * Counts a refusal (HTTP or WebSocket handshake) or a socket error by its documented code, e.g.
 * "room_taken". Codes are string constants of ours; at most 128 different ones are kept, further
 * ones are counted as "other".
 */
void metric_refused(const char *code);

/* Counts a socket closed with this close code (label `code`). */
void metric_closed(uint16_t code);

/* Appends all of it, plus process figures (RSS, descriptors as of the last second, start, CPU). */
void metrics_write(struct buf *out);

#endif
