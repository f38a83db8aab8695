/*
 * A room's seal: what Lectern publishes on the room's channel begins with it, {"seal":"…", and goes on as the
 * message ("The seal" in docs/architecture.md; for class rooms bus/lua/lib.lua writes it). Pure; any thread.
 */
#ifndef LECTERN_WIRE_SEAL_H
#define LECTERN_WIRE_SEAL_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/id.h"

/* Begins a publication; the message's members follow. */
void seal_write(struct buf *out, const char *seal);

/* Does `payload` begin with this seal? Nothing does with "", a seal that is not known yet. */
bool seal_opens(const char *seal, struct span payload);

/* Appends the message of a payload that a seal opens, without the seal, as clients get it. */
void seal_strip(struct buf *out, struct span payload);

#endif
