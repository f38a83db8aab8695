/*
 * Replay: what a member may see of the room's log before it goes on with the live messages.
 *
 * A replaying member is left out of the live fan-out of remembered messages; its cursor walks the
 * same sequence and meets it at the end, so nothing is lost or doubled at the seam. The socket's
 * drain paces it. If the log's bounds overtake the cursor, the member is told by `gap`.
 */
#include "room/internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/metrics.h"
#include "net/conn.h"

void log_id_print(const struct room *room, struct log_id id, char out[ROOM_MESSAGE_ID_MAX + 1])
{
    snprintf(out, ROOM_MESSAGE_ID_MAX + 1, "%s.%" PRIu64 "-%" PRIu64, room->epoch, id.ms, id.seq);
}

/* What was routed to the member, and what it sent itself. */
static bool visible(const struct member *member, const struct ring_entry *entry)
{
    if (strcmp(entry->sender, member->user_id) == 0) {
        return true;
    }
    return (entry->targets & (1u << member->type)) != 0 &&
           (!entry->target || strcmp(entry->target, member->user_id) == 0);
}

static void tell_gap(struct member *member, const char *since)
{
    struct buf body;
    buf_init(&body);
    buf_append_text(&body, "{\"since\":");
    json_write_string(&body, span_of(since));
    buf_append_char(&body, '}');
    metric_add(METRIC_GAPS, 1);
    member_tell(member, "gap", NULL, buf_span(&body), true);
    buf_finish(&body);
}

bool log_id_read(const struct room *room, struct span text, struct log_id *out)
{
    size_t epoch_len = strlen(room->epoch);
    return text.n > epoch_len && memcmp(text.p, room->epoch, epoch_len) == 0 &&
           text.p[epoch_len] == '.' &&
           log_id_parse((struct span){text.p + epoch_len + 1, text.n - epoch_len - 1}, out);
}

/*
 * The position from which `history` visible messages remain of those that the welcome counts; what is
 * newer comes in any case.
 */
static uint64_t history_start(const struct member *member, const struct joining *joining)
{
    const struct ring *log = &member->room->log;
    uint64_t position = ring_after(log, joining->newest);
    uint32_t left = joining->history;
    while (left > 0 && position > log->first) {
        position--;
        if (visible(member, ring_at(log, position))) {
            left--;
        }
    }
    return position;
}

void replay_start(struct member *member, const struct joining *joining)
{
    struct room *room = member->room;
    struct log_id since;
    if (!joining->since) {
        member->cursor = history_start(member, joining);
    } else if (log_id_read(room, span_of(joining->since), &since) &&
               log_id_compare(since, joining->newest) <= 0 &&
               log_id_compare(since, room->log.dropped) >= 0) {
        /* The loop may hear of messages that the client knows already only later. */
        member->skip = since;
        member->cursor = ring_after(&room->log, since);
    } else {
        tell_gap(member, joining->since);
        member->cursor = room->log.first;
    }
    member->replaying = true;
    replay_step(member);
}

static struct frame *entry_frame(struct member *member, struct ring_entry *entry)
{
    struct frame **cached = &entry->frames[member->ops->variant];
    if (!*cached) {
        *cached = member->ops->encode(member->socket, entry->json);
    }
    return *cached;
}

void replay_step(struct member *member)
{
    struct ring *log = &member->room->log;
    int64_t sent = 0;
    while (member->replaying && member->state == MEMBER_ATTACHED) {
        if (member->cursor < log->first) {
            char dropped[ROOM_MESSAGE_ID_MAX + 1];
            log_id_print(member->room, log->dropped, dropped);
            tell_gap(member, dropped);
            member->cursor = log->first;
        }
        struct ring_entry *entry = ring_at(log, member->cursor);
        if (!entry) {
            member->replaying = false;
            break;
        }
        if (visible(member, entry)) {
            if (member->ops->backlog(member->socket) > CONN_DRAIN_MARK) {
                break; /* member_drained() goes on */
            }
            struct frame *frame = entry_frame(member, entry);
            if (!frame) {
                member_close(member, CLOSE_INTERNAL, "out of memory");
                break;
            }
            if (!member->ops->deliver(member->socket, frame, true)) {
                break;
            }
            sent++;
        }
        member->cursor++;
    }
    metric_add(METRIC_REPLAYED, sent);
}

void member_drained(struct member *member)
{
    if (member->replaying) {
        replay_step(member);
    }
}
