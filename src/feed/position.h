/*
 * Where one stands in a channel's log. An event's id is `<epoch>.<ms>-<number>`: the epoch is drawn when
 * the log begins (again), the rest is the id of the stream's entry. Numbers go from 1 without holes, so
 * that what is missing can be counted; the time in front orders what a Redis that lost its newest
 * entries numbers again.
 *
 * Pure functions, any thread.
 */
#ifndef LECTERN_FEED_POSITION_H
#define LECTERN_FEED_POSITION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/id.h"

#define FEED_CHANNELS_MAX 64 /* what a mask of channels has bits for */
#define FEED_ID_SIZE 56      /* an id's text with its NUL */

/* 0-0 is before the first event. */
struct feed_position {
    uint64_t ms;
    uint64_t number;
};

struct feed_id {
    char epoch[EPOCH_LEN + 1]; /* "": any, from the beginning */
    struct feed_position at;
};

int feed_position_compare(struct feed_position a, struct feed_position b); /* <0, 0, >0 */

/* Reads "ms-number"; false if it is anything else. */
bool feed_position_read(struct span text, struct feed_position *out);

/* Reads an event's id, or "0" for the beginning; false if it is anything else. */
bool feed_id_read(struct span text, struct feed_id *out);

void feed_id_write(const struct feed_id *id, char out[FEED_ID_SIZE]);

/* What one client wants to follow, and from where on. */
struct feed_wish {
    uint64_t channels; /* bit i: channel i of LECTERN_FEED_CHANNELS */
    uint64_t resumes;  /* those of them whose `since` is given */
    struct feed_id since[FEED_CHANNELS_MAX];
};

/* The index of a channel in the list of LECTERN_FEED_CHANNELS (NULL-terminated), or -1. */
int feed_channel_find(char *const *channels, struct span name);

enum feed_wish_result {
    FEED_WISH_OK = 0,
    FEED_WISH_UNKNOWN = -1,   /* a channel that is not in the list */
    FEED_WISH_FORBIDDEN = -2, /* one that `allowed` does not have, or it has none at all */
    FEED_WISH_BAD = -3,       /* empty names, a name twice, an id that is none */
};

/* A mask of all channels of the list. */
uint64_t feed_channels_all(char *const *channels);

/*
 * The channels that a token opens: `claim` has names with commas between, `*` stands for all. Names that
 * are not in the list are left out.
 */
uint64_t feed_channels_of_claim(char *const *channels, const char *claim);

/*
 * Reads `?channels=`: names with commas between, each in the list and allowed. An empty text stands for
 * all that are allowed.
 */
enum feed_wish_result feed_wish_channels(char *const *channels, uint64_t allowed, struct span text,
                                         struct feed_wish *wish)
    __attribute__((warn_unused_result));

/*
 * Reads `?since=`: `channel:id` with commas between. Where one channel is followed its id alone will do.
 * Those of channels that are not followed are left out: a page that follows fewer than before may still
 * have them.
 */
enum feed_wish_result feed_wish_since(char *const *channels, struct span text,
                                      struct feed_wish *wish) __attribute__((warn_unused_result));

#endif
