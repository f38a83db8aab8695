/*
 * An S3-compatible bucket, addressed by path (https://host/bucket/prefix/name), with libcurl's
 * signing of requests (AWS Signature Version 4, CURLOPT_AWS_SIGV4). Called by media/blobs.c, whose
 * contracts hold; reading is in media/bucket_reads.h.
 *
 * Needs the right to put, get and delete objects under its prefix, and nothing else.
 */
#ifndef LECTERN_MEDIA_BUCKET_H
#define LECTERN_MEDIA_BUCKET_H

#include <curl/curl.h>

#include "base/buf.h"
#include "base/files_url.h"
#include "media/blobs.h"

#define BUCKET_CONNECT_MS 5000
#define BUCKET_SILENCE_MS 20000 /* a bucket that is silent for so long does not answer */

struct bucket;

/* Before there are other threads. NULL: no memory. */
struct bucket *bucket_create(const struct files_url *url);
void bucket_destroy(struct bucket *bucket); /* accepts NULL */

/* As blobs_stop(). */
void bucket_stop(struct bucket *bucket);

/* The object's bytes pass through; they are not signed (their way is, by https), their number is. */
enum blob_result bucket_put(struct bucket *bucket, const char *name, int64_t len,
                            blob_source *source, void *arg, const atomic_bool *stop)
    __attribute__((warn_unused_result));
enum blob_result bucket_erase(struct bucket *bucket, const char *name)
    __attribute__((warn_unused_result));

/* Reads an object of `max` bytes at most behind what `out` holds. A larger one is BLOB_UNAVAILABLE. */
enum blob_result bucket_get(struct bucket *bucket, const char *name, size_t max, struct buf *out)
    __attribute__((warn_unused_result));

/* ---- For bucket_reads.c ---- */

/* What a bucket says beside a status that is no success: the beginning of a short XML document. */
struct bucket_words {
    char text[512];
    size_t len;
};
void bucket_words_add(struct bucket_words *words, const void *data, size_t len);

/* A request for an object, prepared but for its method and callbacks. NULL: no memory. */
CURL *bucket_request(struct bucket *bucket, const char *name);

/*
 * What the end of a request means, logged where it is the bucket's fault. `wanted`: the status of
 * success.
 */
enum blob_result bucket_result(CURL *request, CURLcode code, long wanted,
                               const struct bucket_words *words, const char *what);

#endif
