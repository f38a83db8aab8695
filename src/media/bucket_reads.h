/*
 * Objects read from a bucket for many slow readers by one thread, piece by piece: what a reader does
 * not take yet is not asked of the bucket yet, so that memory is bounded by the number of readers
 * (BUCKET_READ_MEMORY for each), whatever the size of the objects.
 */
#ifndef LECTERN_MEDIA_BUCKET_READS_H
#define LECTERN_MEDIA_BUCKET_READS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "media/bucket.h"

#define BUCKET_READ_MEMORY (64u << 10) /* bytes, about, while a reader takes nothing */

struct bucket_reads;
struct bucket_read;

/*
 * Somebody who reads, embedded in the owner's struct. From bucket_reads_start() to `end` it belongs
 * to the thread that reads, which alone calls what follows.
 */
struct bucket_reader {
    /* The object is there; its `len` bytes follow. False: they are not wanted. Once, or never. */
    bool (*begin)(struct bucket_reader *reader, int64_t len);
    /* Takes bytes: how many; fewer than `len`: the rest when `fd` can be written to. -1: given up. */
    ssize_t (*take)(struct bucket_reader *reader, const char *data, size_t len);
    bool (*late)(struct bucket_reader *reader); /* asked now and then: should it be given up? */
    /* The last call. BLOB_OK: all bytes were taken. Frees the reader. */
    void (*end)(struct bucket_reader *reader, enum blob_result result);
    int fd;
    struct bucket_read *read; /* the reading thread's */
};

/* Starts the thread, for `most` readers at a time. NULL: no thread, memory. */
struct bucket_reads *bucket_reads_create(struct bucket *bucket, unsigned most);
void bucket_reads_destroy(struct bucket_reads *reads); /* ends what is under way; accepts NULL */

/*
 * Reads `len` bytes (at least 1) of an object of `size` from `offset` on; or the whole object, with -1
 * for both. False where there are
 * `most` already, or no memory: then the reader is still the caller's, and nothing is called. Any
 * thread.
 */
bool bucket_reads_start(struct bucket_reads *reads, const char *name, int64_t size, int64_t offset,
                        int64_t len, struct bucket_reader *reader)
    __attribute__((warn_unused_result));

#endif
