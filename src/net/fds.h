/*
 * Which file descriptors of this process are Lectern's own (loops' sockets, Redis links, files), so
 * that taking a socket from civetweb needs to look at the others only. A bitmap of atomics: every
 * function may be called from any thread.
 */
#ifndef LECTERN_NET_FDS_H
#define LECTERN_NET_FDS_H

/*
 * Sizes the bitmap by RLIMIT_NOFILE's soft limit (raise it before). Call once at start-up; until
 * then nothing is owned and nothing foreign is found. 0, or -1: out of memory.
 */
int fds_init(void);

/* From now on it is ours. Call right after it came into being; -1 is ignored. */
void fds_own(int fd);

/* Call before close(): afterwards the number may already be someone else's. -1 is ignored. */
void fds_disown(int fd);

int fds_limit(void); /* every descriptor is below this */

/*
 * The next descriptor at or after `fd` that is not ours, or -1 when there is none below
 * fds_limit(). It need not be open. Skips 64 of ours at a time.
 */
int fds_next_foreign(int fd);

/*
 * No descriptor above this one is open, ours or not: the size of the kernel's table, read from
 * /proc (3 to 5 microseconds). It is never smaller than needed, up to twice as large, and does not
 * shrink when descriptors are closed. For whoever walks with fds_next_foreign().
 */
int fds_highest(void);

/*
 * The same as read within the last FDS_STALE_MS: too low for what was opened since, where that made the
 * table grow. For whoever looks again with fds_highest() when it has not found what must be there.
 */
#define FDS_STALE_MS 50
int fds_highest_recent(void);

/* Marks every descriptor open right now as ours (after start-up, before civetweb starts). */
void fds_own_all_open(void);

#endif
