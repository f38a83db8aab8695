/*
 * One curl_multi for all reads. Other threads put theirs on a list under the lock and wake the
 * thread; from then on a read is the thread's. A read whose reader takes less than what came keeps
 * the rest, pauses its request, and goes on when the reader's socket can be written to.
 */
#include "media/bucket_reads.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

#define PIECE (16L << 10) /* bytes that curl hands over at a time */
#define LOOK_MS 500       /* how often those are looked for whose time is over */
#define IDLE_MAX 16L      /* connections to the bucket that are kept open for the next ones */

struct bucket_read {
    struct bucket_read *next, *prev;
    struct bucket_reader *reader;
    CURL *request;
    long wanted;  /* the status of success: 200 or 206 */
    int64_t left; /* bytes that still have to come; -1: as many as there are */
    bool begun;
    bool given_up; /* by the reader, or what came was not what was asked for */
    bool silent;   /* the bucket was, for too long */
    bool done;     /* the request is over, with `code`; the reader still takes `rest` */
    CURLcode code;
    int64_t moved_ms; /* when bytes last came, or were waited for by the reader */
    char *rest;       /* what was not taken yet, PIECE bytes and more at first need */
    size_t rest_len, rest_at;
    struct bucket_words words;
};

struct bucket_reads {
    pthread_t thread;
    struct bucket *bucket;
    CURLM *multi;
    unsigned most;
    struct curl_waitfd *polled;   /* `most` of them, … */
    struct bucket_read **waiting; /* … and whose they are */
    struct bucket_read *active;   /* the thread's */
    pthread_mutex_t lock;         /* guards what follows */
    struct bucket_read *fresh;
    unsigned count;
    bool ending;
};

/* ---- One read ---- */

static void free_read(struct bucket_read *read)
{
    curl_easy_cleanup(read->request);
    free(read->rest);
    free(read);
}

/* Keeps what the reader did not take; false: no memory. */
static bool keep_rest(struct bucket_read *read, const char *data, size_t len)
{
    read->rest = malloc(len);
    if (!read->rest) {
        return false;
    }
    memcpy(read->rest, data, len);
    read->rest_len = len;
    read->rest_at = 0;
    return true;
}

/* Tells the reader, once, that its bytes are coming; false: they are not what was asked for. */
static bool begin(struct bucket_read *read)
{
    curl_off_t len = -1;
    if (read->begun) {
        return true;
    }
    curl_easy_getinfo(read->request, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &len);
    if (len < 1 || (read->left >= 0 && len != read->left)) {
        return false;
    }
    read->left = len;
    read->begun = read->reader->begin(read->reader, len);
    return read->begun;
}

/* curl's write callback. */
static size_t arrive(char *data, size_t size, size_t count, void *arg)
{
    struct bucket_read *read = arg;
    size_t len = size * count;
    long status = 0;
    if (read->rest) {
        return CURL_WRITEFUNC_PAUSE;
    }
    read->moved_ms = clock_mono_ms();
    curl_easy_getinfo(read->request, CURLINFO_RESPONSE_CODE, &status);
    if (status != read->wanted) {
        bucket_words_add(&read->words, data, len);
        return len;
    }
    if (!begin(read) || (int64_t)len > read->left) {
        read->given_up = true;
        return 0;
    }
    ssize_t taken = read->reader->take(read->reader, data, len);
    if (taken < 0 || ((size_t)taken < len && !keep_rest(read, data + taken, len - (size_t)taken))) {
        read->given_up = true;
        return 0;
    }
    read->left -= (int64_t)len;
    return len;
}

/* The reader's socket can be written to again; false: it is given up. */
static bool go_on(struct bucket_read *read)
{
    ssize_t n = read->reader->take(read->reader, read->rest + read->rest_at,
                                   read->rest_len - read->rest_at);
    if (n < 0) {
        return false;
    }
    read->moved_ms = clock_mono_ms();
    read->rest_at += (size_t)n;
    if (read->rest_at < read->rest_len) {
        return true;
    }
    free(read->rest);
    read->rest = NULL;
    /* Of a request that is over there is nothing to continue: curl would refuse to. */
    return read->done || curl_easy_pause(read->request, CURLPAUSE_CONT) == CURLE_OK ||
           read->given_up;
}

static enum blob_result outcome(const struct bucket_read *read, CURLcode code)
{
    if (read->given_up) {
        return BLOB_CUT;
    }
    enum blob_result result =
        bucket_result(read->request, read->silent ? CURLE_OPERATION_TIMEDOUT : code, read->wanted,
                      &read->words, "reading");
    return result == BLOB_OK && read->left != 0 ? BLOB_CUT : result;
}

/* ---- The thread's own ---- */

static void end_read(struct bucket_reads *reads, struct bucket_read *read, enum blob_result result)
{
    *(read->prev ? &read->prev->next : &reads->active) = read->next;
    if (read->next) {
        read->next->prev = read->prev;
    }
    curl_multi_remove_handle(reads->multi, read->request);
    struct bucket_reader *reader = read->reader;
    free_read(read);
    reader->end(reader, result);
    pthread_mutex_lock(&reads->lock);
    reads->count--;
    pthread_mutex_unlock(&reads->lock);
}

static void begin_reads(struct bucket_reads *reads)
{
    pthread_mutex_lock(&reads->lock);
    struct bucket_read *fresh = reads->fresh;
    reads->fresh = NULL;
    pthread_mutex_unlock(&reads->lock);
    while (fresh) {
        struct bucket_read *read = fresh;
        fresh = read->next;
        read->prev = NULL;
        read->next = reads->active;
        if (read->next) {
            read->next->prev = read;
        }
        reads->active = read;
        read->moved_ms = clock_mono_ms();
        if (curl_multi_add_handle(reads->multi, read->request)) {
            end_read(reads, read, BLOB_UNAVAILABLE);
        }
    }
}

/* Requests that are over; those whose reader still has to take the end of it wait for that. */
static void end_finished(struct bucket_reads *reads)
{
    CURLMsg *message;
    int left;
    while ((message = curl_multi_info_read(reads->multi, &left))) {
        if (message->msg == CURLMSG_DONE) {
            struct bucket_read *read = NULL;
            curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&read);
            read->done = true;
            read->code = message->data.result;
            if (!read->rest) {
                end_read(reads, read, outcome(read, read->code));
            }
        }
    }
}

/* Waits for the bucket, for readers whose sockets are full, and for other threads. */
static void wait_for_any(struct bucket_reads *reads, struct bucket_read **waiting)
{
    unsigned count = 0;
    for (struct bucket_read *read = reads->active; read; read = read->next) {
        if (read->rest) {
            waiting[count] = read;
            reads->polled[count++] =
                (struct curl_waitfd){.fd = read->reader->fd, .events = CURL_WAIT_POLLOUT};
        }
    }
    curl_multi_poll(reads->multi, reads->polled, count, LOOK_MS, NULL);
    for (unsigned i = 0; i < count; i++) {
        struct bucket_read *read = waiting[i];
        if (!reads->polled[i].revents) {
            continue;
        }
        if (!go_on(read)) {
            read->given_up = true;
            end_read(reads, read, BLOB_CUT);
        } else if (read->done && !read->rest) {
            end_read(reads, read, outcome(read, read->code));
        }
    }
}

static void end_late(struct bucket_reads *reads)
{
    int64_t now_ms = clock_mono_ms();
    struct bucket_read *read = reads->active;
    while (read) {
        struct bucket_read *next = read->next;
        read->silent = !read->rest && now_ms - read->moved_ms > BUCKET_SILENCE_MS;
        if (read->silent) {
            end_read(reads, read, outcome(read, CURLE_OPERATION_TIMEDOUT));
        } else if (read->begun && read->reader->late(read->reader)) {
            end_read(reads, read, BLOB_CUT);
        }
        read = next;
    }
}

static bool ending(struct bucket_reads *reads)
{
    pthread_mutex_lock(&reads->lock);
    bool end = reads->ending;
    pthread_mutex_unlock(&reads->lock);
    return end;
}

static void *run(void *arg)
{
    struct bucket_reads *reads = arg;
    int64_t look_ms = clock_mono_ms() + LOOK_MS;
    int running;
    while (!ending(reads)) {
        begin_reads(reads);
        curl_multi_perform(reads->multi, &running);
        end_finished(reads);
        wait_for_any(reads, reads->waiting);
        if (clock_mono_ms() >= look_ms) {
            end_late(reads);
            look_ms = clock_mono_ms() + LOOK_MS;
        }
    }
    begin_reads(reads); /* those that came last are ended like the others */
    while (reads->active) {
        end_read(reads, reads->active, BLOB_CUT);
    }
    return NULL;
}

/* ---- Any thread's ---- */

static struct bucket_read *create_read(struct bucket_reads *reads, const char *name, int64_t size,
                                       int64_t offset, int64_t len)
{
    char range[48];
    struct bucket_read *read = calloc(1, sizeof *read);
    if (!read) {
        return NULL;
    }
    read->left = len;
    read->wanted = len == size ? 200 : 206;
    snprintf(range, sizeof range, "%lld-%lld", (long long)offset, (long long)(offset + len - 1));
    read->request = bucket_request(reads->bucket, name);
    if (!read->request || curl_easy_setopt(read->request, CURLOPT_PRIVATE, read) ||
        curl_easy_setopt(read->request, CURLOPT_WRITEFUNCTION, arrive) ||
        curl_easy_setopt(read->request, CURLOPT_WRITEDATA, read) ||
        curl_easy_setopt(read->request, CURLOPT_BUFFERSIZE, PIECE) ||
        (len < size && curl_easy_setopt(read->request, CURLOPT_RANGE, range))) {
        free_read(read);
        return NULL;
    }
    return read;
}

bool bucket_reads_start(struct bucket_reads *reads, const char *name, int64_t size, int64_t offset,
                        int64_t len, struct bucket_reader *reader)
{
    struct bucket_read *read = create_read(reads, name, size, offset, len);
    if (!read) {
        return false;
    }
    read->reader = reader;
    pthread_mutex_lock(&reads->lock);
    bool taken = reads->count < reads->most && !reads->ending;
    if (taken) {
        reads->count++;
        read->next = reads->fresh;
        reads->fresh = read;
    }
    pthread_mutex_unlock(&reads->lock);
    if (taken) {
        curl_multi_wakeup(reads->multi);
    } else {
        free_read(read);
    }
    return taken;
}

static void free_reads(struct bucket_reads *reads)
{
    curl_multi_cleanup(reads->multi);
    pthread_mutex_destroy(&reads->lock);
    free(reads->polled);
    free(reads->waiting);
    free(reads);
}

struct bucket_reads *bucket_reads_create(struct bucket *bucket, unsigned most)
{
    struct bucket_reads *reads = calloc(1, sizeof *reads);
    if (!reads) {
        return NULL;
    }
    reads->bucket = bucket;
    reads->most = most;
    pthread_mutex_init(&reads->lock, NULL);
    reads->multi = curl_multi_init();
    reads->polled = calloc(most, sizeof *reads->polled);
    reads->waiting = calloc(most, sizeof(struct bucket_read *));
    if (!reads->multi || !reads->polled || !reads->waiting ||
        curl_multi_setopt(reads->multi, CURLMOPT_MAXCONNECTS, IDLE_MAX) ||
        pthread_create(&reads->thread, NULL, run, reads)) {
        free_reads(reads);
        return NULL;
    }
    return reads;
}

void bucket_reads_destroy(struct bucket_reads *reads)
{
    if (!reads) {
        return;
    }
    pthread_mutex_lock(&reads->lock);
    reads->ending = true;
    pthread_mutex_unlock(&reads->lock);
    curl_multi_wakeup(reads->multi);
    pthread_join(reads->thread, NULL);
    free_reads(reads);
}
