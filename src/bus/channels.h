/*
 * What a subscription connection was asked for and has not confirmed yet. Redis confirms in the
 * order of the commands; a channel's state is known when its last outstanding command is confirmed.
 * Only channels with something outstanding take memory here. One thread.
 */
#ifndef LECTERN_BUS_CHANNELS_H
#define LECTERN_BUS_CHANNELS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/map.h"

struct channels {
    struct map pending; /* channel → what is outstanding */
    uint64_t sent;      /* commands on this connection */
    uint64_t confirmed;
    uint64_t mark;   /* the command whose confirmation is timed: when it comes, the last one sent
                        by then takes its place */
    int64_t mark_ms; /* when the timing began */
};

void channels_init(struct channels *channels);
void channels_finish(struct channels *channels); /* forgets all; may be used again */

/* Call before SUBSCRIBE (`wanted`) or UNSUBSCRIBE is sent. 0, or -1: out of memory. */
int channels_sent(struct channels *channels, struct span channel, bool wanted, int64_t now_ms)
    __attribute__((warn_unused_result));

/* A confirmation came. True if the channel now is subscribed and stays so. */
bool channels_confirmed(struct channels *channels, struct span channel, int64_t now_ms);

/* True while messages of the channel are not to be handed on: it was unsubscribed, and has not been
 * subscribed again for certain. */
bool channels_muted(const struct channels *channels, struct span channel);

/*
 * Since when a confirmation is missing, or 0. Later commands than the timed one are timed from its
 * confirmation, so that a lost one is noticed within two time limits.
 */
int64_t channels_waiting_since(const struct channels *channels);

#endif
