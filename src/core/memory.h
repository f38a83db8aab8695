/* How much memory this process has, as the kernel counts it. Any thread. */
#ifndef LECTERN_CORE_MEMORY_H
#define LECTERN_CORE_MEMORY_H

#include <stdbool.h>
#include <stdint.h>

struct memory {
    uint64_t resident; /* bytes */
    uint64_t virtual;  /* bytes */
};

/* False when /proc cannot be read; then `*out` is untouched. */
bool memory_read(struct memory *out) __attribute__((warn_unused_result));

/*
 * True while more than `most` bytes are resident. Cheap enough for every handshake: a reading serves
 * for MEMORY_READING_MS. Memory that was freed but is still kept by malloc is given back to the
 * system before the answer is yes, at most once in MEMORY_TRIM_MS.
 */
bool memory_over(uint64_t most);
#define MEMORY_READING_MS 100
#define MEMORY_TRIM_MS 5000

#endif
