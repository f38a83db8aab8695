/*
 * Taking away from this process what decoding an image does not need, before it sees the image:
 * other descriptors, memory and time without end, and all system calls but a dozen. Linux.
 */
#ifndef LECTERN_MEDIA_SANDBOX_H
#define LECTERN_MEDIA_SANDBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/*
 * Closes every descriptor but 0 and 1 (a sanitizer keeps 2 for its reports), limits memory (all
 * mappings, bytes) and processor time, and ties the process's life to that of `parent`, which has
 * started it. False: the system refuses, or the parent is gone already.
 */
bool sandbox_limit(size_t memory, unsigned cpu_s, pid_t parent) __attribute__((warn_unused_result));

/*
 * From now on a system call other than those for memory, for reading and writing what is open, and
 * for ending, kills the process (seccomp(2)). False: the system refuses. Nothing is done in builds
 * with a sanitizer, which needs more.
 */
bool sandbox_lock(void) __attribute__((warn_unused_result));

#endif
