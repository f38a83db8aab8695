/* What a member needs only until it is attached; see struct joining. */
#include <stdlib.h>

#include "room/internal.h"

struct joining *joining_create(void)
{
    struct joining *joining = calloc(1, sizeof *joining);
    if (joining) {
        joining->late_tail = &joining->late;
        buf_init(&joining->welcome);
    }
    return joining;
}

void joining_restart(struct joining *joining)
{
    while (joining->late) {
        struct late *next = joining->late->next;
        frame_unref(joining->late->frame);
        free(joining->late);
        joining->late = next;
    }
    joining->late_tail = &joining->late;
    joining->late_count = 0;
    buf_finish(&joining->welcome);
}

void joining_free(struct joining *joining)
{
    if (!joining) {
        return;
    }
    joining_restart(joining);
    while (joining->early) {
        struct early *next = joining->early->next;
        free(joining->early);
        joining->early = next;
    }
    free(joining->since);
    free(joining);
}

bool joining_keep_early(struct joining *joining, struct span text)
{
    struct early *early = malloc(sizeof *early + text.n);
    if (!early) {
        return false;
    }
    early->next = joining->early;
    early->len = text.n;
    memcpy(early->text, text.p, text.n);
    joining->early = early;
    joining->early_count++;
    joining->early_bytes += text.n;
    return true;
}

bool joining_keep_late(struct joining *joining, struct frame *frame)
{
    struct late *late = malloc(sizeof *late);
    if (!late) {
        return false;
    }
    *late = (struct late){NULL, frame_ref(frame)};
    *joining->late_tail = late;
    joining->late_tail = &late->next;
    joining->late_count++;
    return true;
}
