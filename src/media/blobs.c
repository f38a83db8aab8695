/* One of two places for files; see blobs.h. */
#include "media/blobs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/files_url.h"
#include "base/id.h"
#include "media/blob_dir.h"
#include "media/bucket.h"

struct blobs {
    struct blob_dir *dir; /* one of both */
    struct bucket *bucket;
};

bool blob_name_valid(const char *name, size_t len)
{
    static const char base32[] = "abcdefghijklmnopqrstuvwxyz234567";
    if (len == BLOB_NAME_LEN + 2 && memcmp(name + BLOB_NAME_LEN, ".t", 2) == 0) {
        len -= 2;
    }
    if (len != BLOB_NAME_LEN || name[0] != 'f') {
        return false;
    }
    for (size_t i = 1; i < len; i++) {
        if (!name[i] || !strchr(base32, name[i])) {
            return false;
        }
    }
    return true;
}

static struct blob_dir *open_dir(const struct config *config, struct span named, char *error,
                                 size_t error_cap)
{
    size_t size = named.n + strlen(config->data_dir) + sizeof "/files";
    char *path = malloc(size);
    struct blob_dir *dir = NULL;
    if (!path) {
        snprintf(error, error_cap, "no memory");
        return NULL;
    }
    if (named.n > 0) {
        snprintf(path, size, "%.*s", (int)named.n, named.p);
    } else {
        snprintf(path, size, "%s/files", config->data_dir);
    }
    dir = blob_dir_open(path, error, error_cap);
    free(path);
    return dir;
}

struct blobs *blobs_open(const struct config *config, char *error, size_t error_cap)
{
    struct files_url url = {.port = 0};
    const char *wrong =
        *config->files_url ? files_url_parse(span_of(config->files_url), &url) : NULL;
    struct blobs *blobs = calloc(1, sizeof *blobs);
    if (wrong || !blobs) {
        snprintf(error, error_cap, "LECTERN_FILES_URL: %s", wrong ? wrong : "no memory");
        free(blobs);
        return NULL;
    }
    if (url.host[0]) {
        blobs->bucket = bucket_create(&url);
        snprintf(error, error_cap, "no memory");
    } else {
        blobs->dir = open_dir(config, url.dir, error, error_cap);
    }
    if (!blobs->dir && !blobs->bucket) {
        free(blobs);
        blobs = NULL;
    }
    explicit_bzero(&url, sizeof url);
    return blobs;
}

void blobs_close(struct blobs *blobs)
{
    if (blobs) {
        blob_dir_close(blobs->dir);
        bucket_destroy(blobs->bucket);
        free(blobs);
    }
}

enum blob_result blobs_put(struct blobs *blobs, const char *name, int64_t len, blob_source *source,
                           void *arg, const atomic_bool *stop)
{
    return blobs->dir ? blob_dir_put(blobs->dir, name, len, source, arg, stop)
                      : bucket_put(blobs->bucket, name, len, source, arg, stop);
}

static enum blob_result erase(struct blobs *blobs, const char *name)
{
    return blobs->dir ? blob_dir_erase(blobs->dir, name) : bucket_erase(blobs->bucket, name);
}

enum blob_result blobs_erase(struct blobs *blobs, const char *name)
{
    char thumb[BLOB_NAME_SIZE];
    snprintf(thumb, sizeof thumb, "%.*s.t", BLOB_NAME_LEN, name);
    enum blob_result small = erase(blobs, thumb);
    enum blob_result file = erase(blobs, name);
    return file ? file : small;
}

static ssize_t next_of_span(void *arg, void *data, size_t cap)
{
    struct span *left = arg;
    size_t n = left->n < cap ? left->n : cap;
    memcpy(data, left->p, n);
    left->p += n;
    left->n -= n;
    return (ssize_t)n;
}

enum blob_result blobs_put_bytes(struct blobs *blobs, const char *name, struct span bytes)
{
    struct span left = bytes;
    return blobs_put(blobs, name, (int64_t)bytes.n, next_of_span, &left, NULL);
}

enum blob_result blobs_check(struct blobs *blobs)
{
    char name[BLOB_NAME_LEN + 1] = "f";
    id_random(name + 1, BLOB_NAME_LEN - 1);
    enum blob_result result =
        blobs_put_bytes(blobs, name, span_of("Lectern can keep files here.\n"));
    enum blob_result erased = blobs_erase(blobs, name);
    return result ? result : erased;
}

struct bucket *blobs_bucket(const struct blobs *blobs)
{
    return blobs->bucket;
}

int blobs_open_file(struct blobs *blobs, const char *name, int64_t *size, enum blob_result *result)
{
    return blob_dir_file(blobs->dir, name, size, result);
}

void blobs_stop(struct blobs *blobs)
{
    if (blobs->bucket) {
        bucket_stop(blobs->bucket);
    }
}

void blobs_sweep(struct blobs *blobs, int64_t age_ms, int64_t lost_ms)
{
    if (blobs->dir) {
        blob_dir_sweep(blobs->dir, age_ms, lost_ms);
    }
}

enum blob_result blobs_set_aside(struct blobs *blobs, const char *name)
{
    char thumb[BLOB_NAME_SIZE];
    if (!blobs->dir) {
        return BLOB_OK;
    }
    snprintf(thumb, sizeof thumb, "%.*s.t", BLOB_NAME_LEN, name);
    enum blob_result small = blob_dir_set_aside(blobs->dir, thumb);
    enum blob_result file = blob_dir_set_aside(blobs->dir, name);
    return file ? file : small;
}

void blobs_each(struct blobs *blobs, int64_t age_ms, blob_name_fn *fn, void *arg)
{
    if (blobs->dir) {
        blob_dir_each(blobs->dir, age_ms, fn, arg);
    }
}
