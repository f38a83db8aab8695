/* Reading decimal numbers, strictly. Pure, any thread. */
#ifndef LECTERN_BASE_NUMBER_H
#define LECTERN_BASE_NUMBER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

/*
 * True if `text` is digits and nothing else, without leading zeros, and from `min` to `max`; *out
 * keeps its value otherwise.
 */
bool number_read(struct span text, uint64_t min, uint64_t max, uint64_t *out)
    __attribute__((warn_unused_result));
bool number_read_u32(struct span text, uint32_t min, uint32_t max, uint32_t *out)
    __attribute__((warn_unused_result));

#endif
