/* Objects put and deleted by blocking requests; see bucket.h. */
#include "media/bucket.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/ascii.h"
#include "base/clock.h"
#include "core/log.h"

struct bucket {
    char url[FILES_HOST_MAX + FILES_PATH_MAX + 32]; /* of all objects, without the name */
    char login[2 * FILES_KEY_MAX + 2];              /* KEY:SECRET, for signing */
    char signing[FILES_REGION_MAX + 16];            /* "aws:amz:<region>:s3" */
    char ca[FILES_PATH_MAX + 1];
    struct curl_slist *headers;
    atomic_bool ending;
};

struct bucket *bucket_create(const struct files_url *url)
{
    struct bucket *bucket = calloc(1, sizeof *bucket);
    if (!bucket || curl_global_init(CURL_GLOBAL_DEFAULT)) {
        free(bucket);
        return NULL;
    }
    char port[8] = "";
    if (url->port) {
        snprintf(port, sizeof port, ":%u", url->port);
    }
    snprintf(bucket->url, sizeof bucket->url, "%s://%s%s%s", url->https ? "https" : "http",
             url->host, port, url->path);
    snprintf(bucket->login, sizeof bucket->login, "%s:%s", url->key, url->secret);
    snprintf(bucket->signing, sizeof bucket->signing, "aws:amz:%s:s3", url->region);
    (void)span_copy(span_of(url->ca), bucket->ca, sizeof bucket->ca);
    bucket->headers = curl_slist_append(NULL, "x-amz-content-sha256: UNSIGNED-PAYLOAD");
    if (!bucket->headers) {
        bucket_destroy(bucket);
        return NULL;
    }
    return bucket;
}

void bucket_destroy(struct bucket *bucket)
{
    if (bucket) {
        curl_slist_free_all(bucket->headers);
        curl_global_cleanup();
        explicit_bzero(bucket, sizeof *bucket);
        free(bucket);
    }
}

void bucket_stop(struct bucket *bucket)
{
    atomic_store(&bucket->ending, true);
}

/* ---- What is the same for all requests ---- */

CURL *bucket_request(struct bucket *bucket, const char *name)
{
    char url[sizeof bucket->url + BLOB_NAME_SIZE + 1];
    CURL *request = curl_easy_init();
    snprintf(url, sizeof url, "%s/%s", bucket->url, name);
    bool ready = request && !curl_easy_setopt(request, CURLOPT_URL, url) &&
                 !curl_easy_setopt(request, CURLOPT_USERPWD, bucket->login) &&
                 !curl_easy_setopt(request, CURLOPT_AWS_SIGV4, bucket->signing) &&
                 !curl_easy_setopt(request, CURLOPT_HTTPHEADER, bucket->headers) &&
                 !curl_easy_setopt(request, CURLOPT_PROTOCOLS_STR, "http,https") &&
                 !curl_easy_setopt(request, CURLOPT_PROXY, "") && /* nor the environment's */
                 !curl_easy_setopt(request, CURLOPT_NOSIGNAL, 1L) &&
                 !curl_easy_setopt(request, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1) &&
                 !curl_easy_setopt(request, CURLOPT_CONNECTTIMEOUT_MS, (long)BUCKET_CONNECT_MS) &&
                 (!bucket->ca[0] || !curl_easy_setopt(request, CURLOPT_CAINFO, bucket->ca));
    if (!ready) {
        curl_easy_cleanup(request);
        request = NULL;
    }
    return request;
}

void bucket_words_add(struct bucket_words *words, const void *data, size_t len)
{
    size_t left = sizeof words->text - 1 - words->len;
    size_t n = len < left ? len : left;
    memcpy(words->text + words->len, data, n);
    words->len += n;
    words->text[words->len] = '\0';
}

/* The code in <Code>…</Code>: letters only, whatever the bucket has sent. */
static void read_code(const struct bucket_words *words, char out[40])
{
    const char *p = words->len ? strstr(words->text, "<Code>") : NULL;
    size_t n = 0;
    for (p = p ? p + strlen("<Code>") : ""; ascii_is_alnum(*p) && n < 39; p++) {
        out[n++] = *p;
    }
    out[n] = '\0';
}

enum blob_result bucket_result(CURL *request, CURLcode code, long wanted,
                               const struct bucket_words *words, const char *what)
{
    char s3_code[40];
    long status = 0;
    curl_easy_getinfo(request, CURLINFO_RESPONSE_CODE, &status);
    if (code) {
        log_warn("media", "bucket: %s: %s", what, curl_easy_strerror(code));
        return BLOB_UNAVAILABLE;
    }
    if (status == wanted) {
        return BLOB_OK;
    }
    read_code(words, s3_code);
    if (status == 404 && strcmp(s3_code, "NoSuchBucket") != 0) {
        return BLOB_NONE;
    }
    log_warn("media", "bucket: %s: status %ld %s", what, status, s3_code);
    return status == 507 ? BLOB_FULL : BLOB_UNAVAILABLE;
}

static size_t keep_words(char *data, size_t size, size_t count, void *arg)
{
    bucket_words_add(arg, data, size * count);
    return size * count;
}

/* ---- Putting ---- */

struct put {
    const struct bucket *bucket;
    blob_source *source;
    void *arg;
    const atomic_bool *stop;
    int64_t left;        /* bytes that the source still has to give */
    bool cut;            /* it did not */
    int64_t moved_ms;    /* when something last went on */
    curl_off_t uploaded; /* as curl last said */
    struct bucket_words words;
};

static bool is_stopped(const struct put *put)
{
    return (put->stop && atomic_load(put->stop)) || atomic_load(&put->bucket->ending);
}

static size_t give(char *data, size_t size, size_t count, void *arg)
{
    struct put *put = arg;
    size_t cap = size * count;
    if (put->left == 0) {
        return 0;
    }
    cap = (int64_t)cap < put->left ? cap : (size_t)put->left;
    cap = cap < BLOB_PIECE ? cap : BLOB_PIECE;
    ssize_t n = is_stopped(put) ? -1 : put->source(put->arg, data, cap);
    put->moved_ms = clock_mono_ms(); /* waiting for the source is not the bucket's silence */
    if (n <= 0) {
        put->cut = true;
        return CURL_READFUNC_ABORT;
    }
    put->left -= n;
    return (size_t)n;
}

/* Ends what has not moved for long, or is not wanted any more. */
static int watch(void *arg, curl_off_t down_all, curl_off_t down, curl_off_t up_all, curl_off_t up)
{
    struct put *put = arg;
    int64_t now_ms = clock_mono_ms();
    (void)down_all, (void)up_all;
    if (up + down != put->uploaded) {
        put->uploaded = up + down;
        put->moved_ms = now_ms;
    }
    return is_stopped(put) || now_ms - put->moved_ms > BUCKET_SILENCE_MS;
}

/* Runs a request that answers nothing but words. */
static CURLcode run(CURL *request, struct put *put)
{
    put->moved_ms = clock_mono_ms();
    bool ready = !curl_easy_setopt(request, CURLOPT_WRITEFUNCTION, keep_words) &&
                 !curl_easy_setopt(request, CURLOPT_WRITEDATA, &put->words) &&
                 !curl_easy_setopt(request, CURLOPT_XFERINFOFUNCTION, watch) &&
                 !curl_easy_setopt(request, CURLOPT_XFERINFODATA, put) &&
                 !curl_easy_setopt(request, CURLOPT_NOPROGRESS, 0L);
    return ready ? curl_easy_perform(request) : CURLE_OUT_OF_MEMORY;
}

enum blob_result bucket_put(struct bucket *bucket, const char *name, int64_t len,
                            blob_source *source, void *arg, const atomic_bool *stop)
{
    struct put put = {.bucket = bucket, .source = source, .arg = arg, .stop = stop, .left = len};
    CURL *request = bucket_request(bucket, name);
    if (!request || curl_easy_setopt(request, CURLOPT_UPLOAD, 1L) ||
        curl_easy_setopt(request, CURLOPT_INFILESIZE_LARGE, (curl_off_t)len) ||
        curl_easy_setopt(request, CURLOPT_UPLOAD_BUFFERSIZE, (long)BLOB_PIECE) ||
        curl_easy_setopt(request, CURLOPT_READFUNCTION, give) ||
        curl_easy_setopt(request, CURLOPT_READDATA, &put)) {
        curl_easy_cleanup(request);
        return BLOB_UNAVAILABLE;
    }
    CURLcode code = run(request, &put);
    enum blob_result result =
        put.cut ? BLOB_CUT : bucket_result(request, code, 200, &put.words, "putting");
    curl_easy_cleanup(request);
    return result == BLOB_NONE ? BLOB_UNAVAILABLE : result;
}

enum blob_result bucket_erase(struct bucket *bucket, const char *name)
{
    struct put put = {.bucket = bucket};
    CURL *request = bucket_request(bucket, name);
    if (!request || curl_easy_setopt(request, CURLOPT_CUSTOMREQUEST, "DELETE")) {
        curl_easy_cleanup(request);
        return BLOB_UNAVAILABLE;
    }
    enum blob_result result =
        bucket_result(request, run(request, &put), 204, &put.words, "deleting");
    curl_easy_cleanup(request);
    return result == BLOB_NONE ? BLOB_OK : result;
}

/* ---- Getting ---- */

struct get {
    CURL *request;
    size_t left; /* bytes that it may still have */
    struct buf *out;
    struct put watched;
};

static size_t collect(char *data, size_t size, size_t count, void *arg)
{
    struct get *get = arg;
    size_t len = size * count;
    long status = 0;
    curl_easy_getinfo(get->request, CURLINFO_RESPONSE_CODE, &status);
    if (status != 200) {
        bucket_words_add(&get->watched.words, data, len);
        return len;
    }
    if (len > get->left) {
        return 0;
    }
    get->left -= len;
    buf_append(get->out, data, len);
    return get->out->failed ? 0 : len;
}

enum blob_result bucket_get(struct bucket *bucket, const char *name, size_t max, struct buf *out)
{
    struct get get = {.left = max, .out = out, .watched = {.bucket = bucket}};
    get.request = bucket_request(bucket, name);
    get.watched.moved_ms = clock_mono_ms();
    if (!get.request || curl_easy_setopt(get.request, CURLOPT_WRITEFUNCTION, collect) ||
        curl_easy_setopt(get.request, CURLOPT_WRITEDATA, &get) ||
        curl_easy_setopt(get.request, CURLOPT_XFERINFOFUNCTION, watch) ||
        curl_easy_setopt(get.request, CURLOPT_XFERINFODATA, &get.watched) ||
        curl_easy_setopt(get.request, CURLOPT_NOPROGRESS, 0L)) {
        curl_easy_cleanup(get.request);
        return BLOB_UNAVAILABLE;
    }
    enum blob_result result = bucket_result(get.request, curl_easy_perform(get.request), 200,
                                            &get.watched.words, "reading");
    curl_easy_cleanup(get.request);
    return result;
}
