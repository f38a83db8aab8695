/*
 * Metrics; see metrics.h. Everything is a relaxed atomic of its own: figures of one scrape may be a
 * moment apart, but a histogram's count is the sum of the buckets that are shown, so it is never
 * contradictory in itself.
 */
#include "core/metrics.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/clock.h"
#include "core/memory.h"

#define DESCRIPTORS_MS 1000 /* how old the number of open descriptors may be */

struct metric_info {
    const char *name;
    const char *help;
    bool gauge;
};

static const struct metric_info infos[METRIC_COUNT] = {
    [METRIC_CONNECTIONS] = {"lectern_connections", "Open WebSockets and sessions of SockJS.", true},
    [METRIC_SOCKJS_SESSIONS] = {"lectern_sockjs_sessions",
                                "Of the open connections: sessions of SockJS over HTTP.", true},
    [METRIC_ROOMS] = {"lectern_rooms", "Rooms with members on this server.", true},
    [METRIC_CONNECTIONS_TOTAL] = {"lectern_connections_total",
                                  "WebSockets that were opened since the start.", false},
    [METRIC_MESSAGES_IN] = {"lectern_messages_in_total", "Messages read from sockets.", false},
    [METRIC_MESSAGES_OUT] = {"lectern_messages_out_total",
                             "Messages queued to sockets (deliveries).", false},
    [METRIC_BYTES_IN] = {"lectern_bytes_in_total", "Bytes read from sockets.", false},
    [METRIC_BYTES_OUT] = {"lectern_bytes_out_total", "Bytes written to sockets.", false},
    [METRIC_PUBLISHED] = {"lectern_published_total", "Messages accepted and published.", false},
    [METRIC_REPLAYED] = {"lectern_replayed_total",
                         "Remembered messages sent again to those who join.", false},
    [METRIC_GAPS] = {"lectern_gaps_total", "Joins whose `since` was no longer all remembered.",
                     false},
    [METRIC_QUEUE_DROPS] = {"lectern_queue_drops_total",
                            "Sockets closed because their queue was full (4005).", false},
    [METRIC_RATE_LIMITED] = {"lectern_rate_limited_total", "Messages refused by the rate limit.",
                             false},
    [METRIC_PROTOCOL_ERRORS] = {"lectern_protocol_errors_total",
                                "Sockets closed for breaking RFC 6455 or UTF-8.", false},
    [METRIC_BAD_MESSAGES] = {"lectern_bad_messages_total",
                             "Messages that were answered with an error.", false},
    [METRIC_FOREIGN_IGNORED] = {"lectern_foreign_ignored_total",
                                "Messages on room channels that could not be delivered.", false},
    [METRIC_REDIS_UP] = {"lectern_redis_up", "Event loops whose Redis link is up.", true},
    [METRIC_REDIS_RECONNECTS] = {"lectern_redis_reconnects_total", "Redis links lost.", false},
    [METRIC_REDIS_TIMEOUTS] = {"lectern_redis_timeouts_total",
                               "Redis commands that missed their deadline.", false},
    [METRIC_REDIS_BREAKER_OPEN] = {"lectern_redis_breaker_open",
                                   "1 while REST fails fast because Redis timed out.", true},
    [METRIC_HTTP_REQUESTS] = {"lectern_http_requests_total",
                              "HTTP requests answered, upgrades not counted.", false},
    [METRIC_TAKE_AMBIGUOUS] = {"lectern_take_ambiguous_total",
                               "Upgrades whose descriptor was not found exactly once.", false},
    [METRIC_TAKE_FAILED] = {"lectern_take_failed_total",
                            "Upgrades that failed after their place was reserved.", false},
    [METRIC_CIVETWEB_SOCKETS] = {"lectern_civetweb_sockets_total",
                                 "Sockets that reached civetweb's own handlers (a defect).", false},
    [METRIC_IMAGES] = {"lectern_images_total", "Images taken; those refused are in refused_total.",
                       false},
    [METRIC_IMAGE_CRASHES] = {"lectern_image_crashes_total",
                              "Image decoders that crashed or broke their sandbox.", false},
    [METRIC_FILES_FETCHED] = {"lectern_files_fetched_total",
                              "Files that were not in the cache, but came from Redis or a bucket.",
                              false},
    [METRIC_FILES_HANDED] = {"lectern_files_handed_total",
                             "Files left to one thread because their reader was slow.", false},
    [METRIC_FILES_TAKEN] = {"lectern_files_taken_total", "Files and images taken into chats.",
                            false},
    [METRIC_FILES_FAILED] = {"lectern_files_failed_total", "Uploads into chats that failed.",
                             false},
    [METRIC_FILES_ERASED] = {"lectern_files_erased_total",
                             "Files of chats that were erased with their message or room.", false},
    [METRIC_FILES_UPLOADING] = {"lectern_files_uploading", "Files on their way into chats.", true},
    [METRIC_FILE_CACHE_BYTES] = {"lectern_file_cache_bytes", "Files in the cache.", true},
    [METRIC_OUT_OF_MEMORY] = {"lectern_out_of_memory_total",
                              "Connections or requests given up for want of memory.", false},
    [METRIC_STORE_UP] = {"lectern_store_up", "1 while the store (database) answers.", true},
    [METRIC_STORE_WRITES] = {"lectern_store_writes_total", "Pieces of work committed to the store.",
                             false},
    [METRIC_STORE_BATCHES] = {"lectern_store_batches_total",
                              "Transactions that these pieces of work shared.", false},
    [METRIC_STORE_LOST] = {"lectern_store_lost_total",
                           "Connections of the store's writer that were lost.", false},
    [METRIC_CHAT_ROOMS] = {"lectern_chat_rooms",
                           "Chat rooms that are followed, counted by each event loop.", true},
    [METRIC_CHAT_FILLED] = {"lectern_chat_filled_total",
                            "Messages of chats that did not come by Redis and were read from the "
                            "store.",
                            false},
    [METRIC_STOMP_ENCODED] =
        {"lectern_stomp_encoded_total",
         "Rooms' messages encoded for STOMP: once per loop and kind of carrier.", false},
    [METRIC_FEED_FOLLOWERS] = {"lectern_feed_followers", "Clients that follow event channels.",
                               true},
    [METRIC_FEED_EVENTS] = {"lectern_feed_events_total",
                            "Events that came on followed channels, counted by each event loop.",
                            false},
    [METRIC_FEED_DROPPED] = {"lectern_feed_dropped_total",
                             "Events that slow clients did not get, and were told so.", false},
    [METRIC_FEED_REPAIRED] = {"lectern_feed_repaired_total",
                              "Events that were not valid UTF-8 and were repaired.", false},
};

static const struct metric_info histogram_infos[HISTOGRAM_COUNT] = {
    [HISTOGRAM_JOIN] = {"lectern_join_seconds",
                        "From the upgrade request to the welcome being queued.", false},
    [HISTOGRAM_DELIVER] = {"lectern_deliver_seconds",
                           "From publishing a message to its being queued at receivers.", false},
    [HISTOGRAM_ACK] = {"lectern_ack_seconds", "From reading a message to its ack being queued.",
                       false},
    [HISTOGRAM_REDIS] = {"lectern_redis_seconds", "One asynchronous Redis command.", false},
    [HISTOGRAM_HTTP] = {"lectern_http_seconds", "One HTTP request in its handler.", false},
    [HISTOGRAM_STORE_READ] = {"lectern_store_read_seconds",
                              "Reading from the store, waiting included.", false},
    [HISTOGRAM_STORE_WRITE] = {"lectern_store_write_seconds",
                               "From asking the store for a write to its commit.", false},
    [HISTOGRAM_IMAGE] = {"lectern_image_seconds", "Decoding and encoding one image.", false},
};

/* Upper bounds, seconds, as text so that they are written the same way everywhere. */
static const struct {
    double bound;
    const char *text;
} buckets[] = {
    {0.0005, "0.0005"}, {0.001, "0.001"}, {0.0025, "0.0025"}, {0.005, "0.005"}, {0.01, "0.01"},
    {0.025, "0.025"},   {0.05, "0.05"},   {0.1, "0.1"},       {0.25, "0.25"},   {0.5, "0.5"},
    {1, "1"},           {2.5, "2.5"},     {5, "5"},           {10, "10"},
};
#define BUCKETS (sizeof buckets / sizeof buckets[0])

struct histogram_state {
    _Atomic uint64_t in_bucket[BUCKETS + 1]; /* the last: above every bound */
    _Atomic uint64_t sum_ns;
};

#define CODES_MAX 128

static _Atomic int64_t values[METRIC_COUNT];
static struct histogram_state histograms[HISTOGRAM_COUNT];

/* Refusal codes in order of appearance; a NULL ends the list. */
static _Atomic(const char *) refused_codes[CODES_MAX];
static _Atomic uint64_t refused_counts[CODES_MAX + 1]; /* the last: "other" */

/* Close codes with a meaning of their own; peers may send any other. */
static const struct {
    uint16_t first, last;
} close_ranges[] = {{1000, 1015}, {4000, 4015}};
#define CLOSE_CODES 32
static _Atomic uint64_t closed_counts[CLOSE_CODES + 1]; /* the last: "other" */

#define RELAXED memory_order_relaxed

void metric_add(enum metric metric, int64_t n)
{
    atomic_fetch_add_explicit(&values[metric], n, RELAXED);
}

void metric_set(enum metric metric, int64_t value)
{
    atomic_store_explicit(&values[metric], value, RELAXED);
}

int64_t metric_get(enum metric metric)
{
    return atomic_load_explicit(&values[metric], RELAXED);
}

void metric_observe(enum metric_histogram histogram, double seconds)
{
    struct histogram_state *state = &histograms[histogram];
    if (!(seconds > 0)) {
        seconds = 0; /* clocks of two machines may disagree */
    } else if (seconds > 1e6) {
        seconds = 1e6;
    }
    size_t i = 0;
    while (i < BUCKETS && seconds > buckets[i].bound) {
        i++;
    }
    atomic_fetch_add_explicit(&state->in_bucket[i], 1, RELAXED);
    atomic_fetch_add_explicit(&state->sum_ns, (uint64_t)(seconds * 1e9), RELAXED);
}

/* Where `code` is counted; takes the first free place for a new one. */
static size_t refused_index(const char *code)
{
    for (size_t i = 0; i < CODES_MAX; i++) {
        const char *known = atomic_load_explicit(&refused_codes[i], memory_order_acquire);
        if (!known &&
            atomic_compare_exchange_strong_explicit(&refused_codes[i], &known, code,
                                                    memory_order_acq_rel, memory_order_acquire)) {
            return i;
        }
        if (known == code || strcmp(known, code) == 0) {
            return i;
        }
    }
    return CODES_MAX;
}

void metric_refused(const char *code)
{
    atomic_fetch_add_explicit(&refused_counts[refused_index(code)], 1, RELAXED);
}

void metric_closed(uint16_t code)
{
    size_t index = 0;
    for (size_t i = 0; i < sizeof close_ranges / sizeof close_ranges[0]; i++) {
        if (code >= close_ranges[i].first && code <= close_ranges[i].last) {
            index += (size_t)(code - close_ranges[i].first);
            atomic_fetch_add_explicit(&closed_counts[index], 1, RELAXED);
            return;
        }
        index += (size_t)(close_ranges[i].last - close_ranges[i].first) + 1;
    }
    atomic_fetch_add_explicit(&closed_counts[CLOSE_CODES], 1, RELAXED);
}

static void write_head(struct buf *out, const char *name, const char *help, const char *type)
{
    buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void write_values(struct buf *out)
{
    for (int i = 0; i < METRIC_COUNT; i++) {
        write_head(out, infos[i].name, infos[i].help, infos[i].gauge ? "gauge" : "counter");
        buf_printf(out, "%s %" PRId64 "\n", infos[i].name, metric_get((enum metric)i));
    }
}

static void write_histogram(struct buf *out, const struct metric_info *info,
                            struct histogram_state *state)
{
    uint64_t total = 0;
    write_head(out, info->name, info->help, "histogram");
    for (size_t i = 0; i <= BUCKETS; i++) {
        total += atomic_load_explicit(&state->in_bucket[i], RELAXED);
        buf_printf(out, "%s_bucket{le=\"%s\"} %" PRIu64 "\n", info->name,
                   i < BUCKETS ? buckets[i].text : "+Inf", total);
    }
    uint64_t sum = atomic_load_explicit(&state->sum_ns, RELAXED);
    buf_printf(out, "%s_sum %" PRIu64 ".%09" PRIu64 "\n%s_count %" PRIu64 "\n", info->name,
               sum / 1000000000, sum % 1000000000, info->name, total);
}

static void write_refused(struct buf *out)
{
    static const char name[] = "lectern_refused_total";
    write_head(out, name, "Requests, handshakes and messages refused, by code.", "counter");
    for (size_t i = 0; i <= CODES_MAX; i++) {
        const char *code =
            i < CODES_MAX ? atomic_load_explicit(&refused_codes[i], memory_order_acquire) : "other";
        uint64_t count = atomic_load_explicit(&refused_counts[i], RELAXED);
        if (code && count > 0) {
            buf_printf(out, "%s{code=\"%s\"} %" PRIu64 "\n", name, code, count);
        }
    }
}

static void write_closed(struct buf *out)
{
    static const char name[] = "lectern_closed_total";
    size_t index = 0;
    write_head(out, name, "WebSockets closed, by close code.", "counter");
    for (size_t i = 0; i < sizeof close_ranges / sizeof close_ranges[0]; i++) {
        for (unsigned code = close_ranges[i].first; code <= close_ranges[i].last; code++) {
            uint64_t count = atomic_load_explicit(&closed_counts[index++], RELAXED);
            if (count > 0) {
                buf_printf(out, "%s{code=\"%u\"} %" PRIu64 "\n", name, code, count);
            }
        }
    }
    uint64_t other = atomic_load_explicit(&closed_counts[CLOSE_CODES], RELAXED);
    if (other > 0) {
        buf_printf(out, "%s{code=\"other\"} %" PRIu64 "\n", name, other);
    }
}

/* Reads a small file of /proc into `text`; false when it cannot be read. */
static bool read_proc(const char *path, char *text, size_t cap)
{
    FILE *file = fopen(path, "re");
    if (!file) {
        return false;
    }
    size_t n = fread(text, 1, cap - 1, file);
    fclose(file);
    text[n] = '\0';
    return n > 0;
}

static void write_memory(struct buf *out)
{
    struct memory memory;
    if (!memory_read(&memory)) {
        return;
    }
    write_head(out, "process_resident_memory_bytes", "Resident memory.", "gauge");
    buf_printf(out, "process_resident_memory_bytes %" PRIu64 "\n", memory.resident);
    write_head(out, "process_virtual_memory_bytes", "Virtual memory.", "gauge");
    buf_printf(out, "process_virtual_memory_bytes %" PRIu64 "\n", memory.virtual);
}

/* Open descriptors, -1 when they cannot be counted. That takes long when there are many. */
static long count_descriptors(void)
{
    DIR *dir = opendir("/proc/self/fd");
    if (!dir) {
        return -1;
    }
    long count = -3; /* ".", ".." and the directory's own */
    while (readdir(dir)) {
        count++;
    }
    closedir(dir);
    return count;
}

/* The same, counted by one thread at most once a second, however often it is asked for. */
static long open_descriptors(void)
{
    static _Atomic int64_t due_ms;
    static _Atomic long count = -1;
    int64_t now_ms = clock_mono_ms();
    int64_t due = atomic_load_explicit(&due_ms, RELAXED);
    if (now_ms >= due && atomic_compare_exchange_strong(&due_ms, &due, now_ms + DESCRIPTORS_MS)) {
        atomic_store_explicit(&count, count_descriptors(), RELAXED);
    }
    return atomic_load_explicit(&count, RELAXED);
}

static void write_descriptors(struct buf *out)
{
    struct rlimit limit;
    long count = open_descriptors();
    if (count >= 0) {
        write_head(out, "process_open_fds", "Open file descriptors.", "gauge");
        buf_printf(out, "process_open_fds %ld\n", count);
    }
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        write_head(out, "process_max_fds", "Most file descriptors that may be open.", "gauge");
        buf_printf(out, "process_max_fds %llu\n", (unsigned long long)limit.rlim_cur);
    }
}

static void write_cpu(struct buf *out)
{
    struct rusage usage;
    if (getrusage(RUSAGE_SELF, &usage) == 0) {
        write_head(out, "process_cpu_seconds_total", "User and system time, seconds.", "counter");
        long us = usage.ru_utime.tv_usec + usage.ru_stime.tv_usec;
        buf_printf(out, "process_cpu_seconds_total %ld.%06ld\n",
                   usage.ru_utime.tv_sec + usage.ru_stime.tv_sec + us / 1000000, us % 1000000);
    }
}

/* proc(5): the process's start in clock ticks after boot, and the boot time in /proc/stat. */
static void write_start(struct buf *out)
{
    char text[1024];
    char line[256];
    unsigned long long ticks, boot = 0;
    const char *after_name =
        read_proc("/proc/self/stat", text, sizeof text) ? strrchr(text, ')') : NULL;
    if (!after_name || sscanf(after_name + 1,
                              " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d"
                              " %*d %*d %llu",
                              &ticks) != 1) {
        return;
    }
    FILE *file = fopen("/proc/stat", "re");
    if (!file) {
        return;
    }
    while (fgets(line, sizeof line, file) && sscanf(line, "btime %llu", &boot) != 1) {
    }
    fclose(file);
    double seconds = (double)boot + (double)ticks / (double)sysconf(_SC_CLK_TCK);
    write_head(out, "process_start_time_seconds", "Start of the process, since 1970.", "gauge");
    buf_printf(out, "process_start_time_seconds %.2f\n", seconds);
}

void metrics_write(struct buf *out)
{
    write_head(out, "lectern_build_info", "Always 1; the version is the label.", "gauge");
    buf_printf(out, "lectern_build_info{version=\"%s\"} 1\n", LECTERN_VERSION);
    write_values(out);
    for (int i = 0; i < HISTOGRAM_COUNT; i++) {
        write_histogram(out, &histogram_infos[i], &histograms[i]);
    }
    write_refused(out);
    write_closed(out);
    write_memory(out);
    write_descriptors(out);
    write_cpu(out);
    write_start(out);
}
