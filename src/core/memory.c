/*
 * Resident memory from /proc/self/statm. The file stays open, so that reading it works when the
 * process has no descriptor left, too.
 */
#include "core/memory.h"

#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"

static pthread_once_t once = PTHREAD_ONCE_INIT;
static int statm = -1;
static _Atomic uint64_t resident;     /* the last reading, bytes */
static _Atomic int64_t read_at_ms;    /* when it was taken; 0: never */
static _Atomic int64_t trim_after_ms; /* when freed memory may be given back again */

static void open_statm(void)
{
    statm = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
}

/* proc(5): total program size, resident set size, …, in pages. */
bool memory_read(struct memory *out)
{
    char text[128];
    unsigned long long pages, in_memory;
    pthread_once(&once, open_statm);
    ssize_t n = statm < 0 ? -1 : pread(statm, text, sizeof text - 1, 0);
    if (n <= 0) {
        return false;
    }
    text[n] = '\0';
    if (sscanf(text, "%llu %llu", &pages, &in_memory) != 2) {
        return false;
    }
    uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
    *out = (struct memory){.resident = in_memory * page, .virtual = pages * page};
    return true;
}

static uint64_t read_again(int64_t now_ms)
{
    struct memory memory;
    if (memory_read(&memory)) {
        atomic_store(&resident, memory.resident);
    }
    atomic_store(&read_at_ms, now_ms);
    return atomic_load(&resident);
}

bool memory_over(uint64_t most)
{
    int64_t now_ms = clock_mono_ms();
    int64_t read_ms = atomic_load(&read_at_ms);
    bool fresh = read_ms > 0 && now_ms - read_ms < MEMORY_READING_MS;
    if ((fresh ? atomic_load(&resident) : read_again(now_ms)) <= most) {
        return false;
    }
    /* One thread gives back what malloc keeps; the others go by the last reading meanwhile. */
    int64_t after_ms = atomic_load(&trim_after_ms);
    if (now_ms < after_ms ||
        !atomic_compare_exchange_strong(&trim_after_ms, &after_ms, now_ms + MEMORY_TRIM_MS)) {
        return true;
    }
    malloc_trim(0);
    return read_again(now_ms) > most;
}
