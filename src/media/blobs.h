/*
 * The bytes of chats' files, each under a name of its own, written once and never changed: in a
 * directory (media/blob_dir.h), or in an S3-compatible bucket (media/bucket.h) where several servers
 * share them. What a file is called, who may see it and what state it is in stands in the store.
 *
 * All calls block: for threads that may, never a loop's.
 */
#ifndef LECTERN_MEDIA_BLOBS_H
#define LECTERN_MEDIA_BLOBS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "core/config.h"

#define BLOB_NAME_LEN 27                       /* "f" and 26 characters of base32 */
#define BLOB_NAME_SIZE (BLOB_NAME_LEN + 2 + 1) /* with ".t" behind it for a thumbnail, and a NUL */
#define BLOB_PIECE (64u << 10)                 /* bytes that a file passes through memory in */

enum blob_result {
    BLOB_OK = 0,
    BLOB_NONE = -1,        /* there is no such file */
    BLOB_FULL = -2,        /* no space is left for it */
    BLOB_CUT = -3,         /* its bytes did not come to their end */
    BLOB_UNAVAILABLE = -4, /* the disk fails, or the bucket does not answer or refuses; logged */
};

/*
 * Gives the next bytes of what is to be kept, at most `cap`; 0 at their end, -1: given up. Called on
 * the thread that keeps them, and may wait.
 */
typedef ssize_t blob_source(void *arg, void *data, size_t cap);

struct blobs;

/*
 * As LECTERN_FILES_URL says. A directory is made if need be and must be writable; a bucket is not
 * asked. NULL with a sentence in `error`. Before there are other threads.
 */
struct blobs *blobs_open(const struct config *config, char *error, size_t error_cap);
void blobs_close(struct blobs *blobs); /* nothing may be under way; accepts NULL */

/* Everything that waits for a bucket gives up soon, now and from now on: before the end. */
void blobs_stop(struct blobs *blobs);

/* True if this may be a name: 'f' and 26 of a-z2-7, perhaps with ".t". */
bool blob_name_valid(const char *name, size_t len);

/*
 * Keeps the `len` bytes that `source` gives, through a buffer of BLOB_PIECE. Once it is BLOB_OK they
 * are on disk, and others find them; else nothing is left of them. Gives up soon after *stop (may be
 * NULL) became true.
 */
enum blob_result blobs_put(struct blobs *blobs, const char *name, int64_t len, blob_source *source,
                           void *arg, const atomic_bool *stop) __attribute__((warn_unused_result));

/* The same for bytes that are all there. */
enum blob_result blobs_put_bytes(struct blobs *blobs, const char *name, struct span bytes)
    __attribute__((warn_unused_result));

/*
 * Removes it, and its thumbnail; BLOB_OK also where there was none. Those who are reading it may go
 * on. `name` is without ".t".
 */
enum blob_result blobs_erase(struct blobs *blobs, const char *name);

/* Can files be kept at all? Writes a small one and removes it. */
enum blob_result blobs_check(struct blobs *blobs) __attribute__((warn_unused_result));

/* ---- Reading ---- */

struct bucket;

/* The bucket that files are in, NULL: they are in a directory. See media/bucket_reads.h. */
struct bucket *blobs_bucket(const struct blobs *blobs);

/*
 * A descriptor of a file in the directory, open for reading and the caller's, and its size. -1 with
 * the reason in *result.
 */
int blobs_open_file(struct blobs *blobs, const char *name, int64_t *size, enum blob_result *result)
    __attribute__((warn_unused_result));

/* ---- Sweeping ---- */

/*
 * Removes what uploads left behind that ended `age_ms` ago without being told, as by a crash; and what
 * was set aside `lost_ms` ago.
 */
void blobs_sweep(struct blobs *blobs, int64_t age_ms, int64_t lost_ms);

/*
 * Calls `fn` for the name of each file of the directory that is older than `age_ms`, thumbnails left
 * out, until it returns false; a bucket is not listed. For finding files that nobody owns.
 */
typedef bool blob_name_fn(void *arg, const char *name);
void blobs_each(struct blobs *blobs, int64_t age_ms, blob_name_fn *fn, void *arg);

/*
 * Takes a file of the directory that nobody owns out of the way, with its thumbnail: into `lost/`. It
 * may be there because a server was started with another database by mistake.
 */
enum blob_result blobs_set_aside(struct blobs *blobs, const char *name);

#endif
