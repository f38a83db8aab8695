/* Looking things up in JSON objects. Pure. */
#ifndef LECTERN_SIMULATE_FIELDS_H
#define LECTERN_SIMULATE_FIELDS_H

#include "base/json.h"

/* The raw value of a member of `object`; empty when it is no object or has none of that name. */
struct span field_raw(struct span object, const char *name);

/* A string member, decoded and cut to nothing when it does not fit: "" when there is none. */
void field_text(struct span object, const char *name, char *out, size_t cap);

/* A whole number that is not negative, or `absent`. */
uint64_t field_number(struct span object, const char *name, uint64_t absent);

#endif
