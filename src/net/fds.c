/*
 * One bit per descriptor, set while it is ours. Relaxed atomics are enough: whoever owns or disowns
 * a descriptor holds it at that time, and a reader that sees the bit a moment late finds a socket
 * that does not match, or none.
 */
#include "net/fds.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/clock.h"

#define WORD_BITS 64
#define LIMIT_MAX (1 << 24) /* where the soft limit is "unlimited"; the kernel's own is lower */
#define STATUS_HEAD 512     /* bytes of /proc/self/status that hold its FDSize line */

static _Atomic uint64_t *words;
static int limit;
static int status_fd = -1;

static uint64_t bit_of(int fd)
{
    return UINT64_C(1) << (fd % WORD_BITS);
}

int fds_init(void)
{
    struct rlimit r;
    if (getrlimit(RLIMIT_NOFILE, &r) || r.rlim_cur > LIMIT_MAX) {
        r.rlim_cur = LIMIT_MAX;
    }
    size_t count = ((size_t)r.rlim_cur + WORD_BITS - 1) / WORD_BITS;
    words = calloc(count, sizeof *words);
    if (!words) {
        return -1;
    }
    limit = (int)r.rlim_cur;
    status_fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
    fds_own(status_fd);
    return 0;
}

void fds_own(int fd)
{
    if (fd >= 0 && fd < limit) {
        atomic_fetch_or_explicit(&words[fd / WORD_BITS], bit_of(fd), memory_order_relaxed);
    }
}

void fds_disown(int fd)
{
    if (fd >= 0 && fd < limit) {
        atomic_fetch_and_explicit(&words[fd / WORD_BITS], ~bit_of(fd), memory_order_relaxed);
    }
}

int fds_limit(void)
{
    return limit;
}

int fds_next_foreign(int fd)
{
    while (fd < limit) {
        uint64_t word = atomic_load_explicit(&words[fd / WORD_BITS], memory_order_relaxed);
        uint64_t foreign = ~word & ~(bit_of(fd) - 1); /* at or after fd */
        if (foreign) {
            int found = fd / WORD_BITS * WORD_BITS + __builtin_ctzll(foreign);
            return found < limit ? found : -1;
        }
        fd = (fd / WORD_BITS + 1) * WORD_BITS;
    }
    return -1;
}

int fds_highest(void)
{
    static const char label[] = "\nFDSize:";
    char head[STATUS_HEAD + 1];
    ssize_t n = status_fd < 0 ? -1 : pread(status_fd, head, STATUS_HEAD, 0);
    if (n <= 0) {
        return limit - 1;
    }
    head[n] = '\0';
    const char *line = strstr(head, label);
    long size = line ? strtol(line + sizeof label - 1, NULL, 10) : 0;
    return size > 0 && size < limit ? (int)size - 1 : limit - 1;
}

int fds_highest_recent(void)
{
    static _Atomic int64_t read_ms;
    static _Atomic int highest;
    int64_t now_ms = clock_mono_ms();
    if (now_ms - atomic_load(&read_ms) >= FDS_STALE_MS) {
        atomic_store(&highest, fds_highest());
        atomic_store(&read_ms, now_ms); /* last: whoever sees it sees a highest as new */
    }
    return atomic_load(&highest);
}

void fds_own_all_open(void)
{
    DIR *dir = opendir("/proc/self/fd");
    if (!dir) {
        return;
    }
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        if (entry->d_name[0] != '.' && atoi(entry->d_name) != dirfd(dir)) {
            fds_own(atoi(entry->d_name));
        }
    }
    closedir(dir);
}
