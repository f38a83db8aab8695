/*
 * Files in a directory; see blob_dir.h. What is complete has been synced before it is renamed to its
 * name, and the directory after that: a name leads to all of its bytes or to nothing, whatever
 * happens to the machine.
 */
#include "media/blob_dir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "base/id.h"
#include "core/log.h"

#define PARTS "part"
#define LOST "lost"
#define PATH_SIZE 64 /* of "xy/<name>", or "part/<name>.<random>" */

/*
 * The last of a disk is not for files: a database that is on the same one could write no more, and nobody
 * could chat or log in. A part of the whole disk, …
 */
#define RESERVE_PART 20
#define RESERVE_MAX (256LL << 20) /* … and bytes, at most */

struct blob_dir {
    int fd;
};

/* ---- Opening ---- */

/* Makes the directory and those above it, as far as they are missing. */
static int make_path(const char *path)
{
    char *copy = strdup(path);
    if (!copy) {
        return -1;
    }
    int result = 0;
    for (char *slash = strchr(copy + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        (void)mkdir(copy, 0700); /* whether it is there shows at the end */
        *slash = '/';
    }
    if (mkdir(copy, 0700) && errno != EEXIST) {
        result = -1;
    }
    free(copy);
    return result;
}

struct blob_dir *blob_dir_open(const char *path, char *error, size_t error_cap)
{
    struct blob_dir *dir = calloc(1, sizeof *dir);
    if (!dir) {
        snprintf(error, error_cap, "no memory");
        return NULL;
    }
    dir->fd = make_path(path) ? -1 : open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir->fd < 0 || (mkdirat(dir->fd, PARTS, 0700) && errno != EEXIST) ||
        (mkdirat(dir->fd, LOST, 0700) && errno != EEXIST) ||
        faccessat(dir->fd, PARTS, W_OK | X_OK, 0)) {
        snprintf(error, error_cap, "%s: %s", path, strerror(errno));
        blob_dir_close(dir);
        return NULL;
    }
    return dir;
}

void blob_dir_close(struct blob_dir *dir)
{
    if (dir) {
        if (dir->fd >= 0) {
            close(dir->fd);
        }
        free(dir);
    }
}

/* ---- Writing ---- */

static void shard_of(const char *name, char out[3])
{
    out[0] = name[1];
    out[1] = name[2];
    out[2] = '\0';
}

static void path_of(const char *name, char out[PATH_SIZE])
{
    snprintf(out, PATH_SIZE, "%.2s/%.*s", name + 1, BLOB_NAME_SIZE, name);
}

static enum blob_result result_of(int error)
{
    switch (error) {
    case ENOENT:
        return BLOB_NONE;
    case ENOSPC:
    case EDQUOT:
    case EFBIG: /* over RLIMIT_FSIZE */
        return BLOB_FULL;
    default:
        return BLOB_UNAVAILABLE;
    }
}

static enum blob_result failed(const char *what)
{
    int error = errno;
    log_warn("media", "files: %s: %s", what, strerror(error));
    enum blob_result result = result_of(error);
    return result == BLOB_NONE ? BLOB_UNAVAILABLE : result; /* our directory is not there */
}

static bool write_all(int fd, const char *data, size_t len)
{
    while (len > 0) {
        ssize_t n = write(fd, data, len);
        if (n < 0 && errno != EINTR) {
            return false;
        }
        if (n > 0) {
            data += n;
            len -= (size_t)n;
        }
    }
    return true;
}

/* From the source to `fd`, through `piece`. */
static enum blob_result copy(int fd, char *piece, int64_t len, blob_source *source, void *arg,
                             const atomic_bool *stop)
{
    while (len > 0) {
        size_t want = len < (int64_t)BLOB_PIECE ? (size_t)len : BLOB_PIECE;
        ssize_t n = stop && atomic_load(stop) ? -1 : source(arg, piece, want);
        if (n <= 0) {
            return BLOB_CUT;
        }
        if (!write_all(fd, piece, (size_t)n)) {
            return failed("writing");
        }
        len -= n;
    }
    return fsync(fd) ? failed("syncing") : BLOB_OK;
}

/* Is there space for so many bytes, and the reserve? True where the file system cannot tell. */
static bool has_space(int fd, int64_t len)
{
    struct statvfs disk;
    if (fstatvfs(fd, &disk) || disk.f_blocks == 0) {
        return true;
    }
    int64_t block = (int64_t)disk.f_frsize;
    int64_t all = (int64_t)disk.f_blocks * block, free_now = (int64_t)disk.f_bavail * block;
    int64_t reserve = all / RESERVE_PART < RESERVE_MAX ? all / RESERVE_PART : RESERVE_MAX;
    return free_now - reserve >= len;
}

static enum blob_result write_part(int fd, int64_t len, blob_source *source, void *arg,
                                   const atomic_bool *stop)
{
    if (!has_space(fd, len)) {
        errno = ENOSPC;
        return failed("the last of the disk is left to the database");
    }
    /* What does not fit is known before it comes; some file systems cannot tell. */
    if (len > 0 && fallocate(fd, 0, 0, (off_t)len) && result_of(errno) == BLOB_FULL) {
        return failed("making room for a file");
    }
    char *piece = malloc(BLOB_PIECE); /* too large for civetweb's small stacks */
    if (!piece) {
        return BLOB_UNAVAILABLE;
    }
    enum blob_result result = copy(fd, piece, len, source, arg, stop);
    free(piece);
    return result;
}

/* Syncs the directory that a name stands in. */
static enum blob_result sync_dir(const struct blob_dir *dir, const char *path)
{
    int fd = openat(dir->fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int result = fd < 0 ? -1 : fsync(fd);
    if (fd >= 0) {
        close(fd);
    }
    return result ? failed("syncing a directory") : BLOB_OK;
}

/* Gives a whole part its name. */
static enum blob_result publish(const struct blob_dir *dir, const char *part, const char *name)
{
    char path[PATH_SIZE];
    char shard[3];
    shard_of(name, shard);
    path_of(name, path);
    if (mkdirat(dir->fd, shard, 0700) == 0) {
        enum blob_result result = sync_dir(dir, ".");
        if (result) {
            return result;
        }
    } else if (errno != EEXIST) {
        return failed("making a directory");
    }
    if (renameat(dir->fd, part, dir->fd, path)) {
        return failed("naming a file");
    }
    enum blob_result result = sync_dir(dir, shard);
    if (result) {
        (void)unlinkat(dir->fd, path, 0);
    }
    return result;
}

enum blob_result blob_dir_put(struct blob_dir *dir, const char *name, int64_t len,
                              blob_source *source, void *arg, const atomic_bool *stop)
{
    char part[PATH_SIZE];
    char random[9];
    id_random(random, sizeof random - 1);
    snprintf(part, sizeof part, PARTS "/%.*s.%s", BLOB_NAME_SIZE, name, random);
    int fd = openat(dir->fd, part, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) {
        return failed("making a file");
    }
    enum blob_result result = write_part(fd, len, source, arg, stop);
    if (close(fd) && !result) {
        result = failed("closing a file");
    }
    if (!result) {
        result = publish(dir, part, name);
    }
    if (result) {
        (void)unlinkat(dir->fd, part, 0);
    }
    return result;
}

enum blob_result blob_dir_erase(struct blob_dir *dir, const char *name)
{
    char path[PATH_SIZE];
    path_of(name, path);
    if (unlinkat(dir->fd, path, 0) == 0 || errno == ENOENT) {
        return BLOB_OK;
    }
    return failed("removing a file");
}

/* ---- Reading ---- */

int blob_dir_file(struct blob_dir *dir, const char *name, int64_t *size, enum blob_result *result)
{
    char path[PATH_SIZE];
    struct stat info;
    path_of(name, path);
    int fd = openat(dir->fd, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0) {
        *result = errno == ENOENT ? BLOB_NONE : failed("opening a file");
        return -1;
    }
    if (fstat(fd, &info)) {
        *result = failed("opening a file");
        close(fd);
        return -1;
    }
    *size = info.st_size;
    *result = BLOB_OK;
    return fd;
}

/* ---- Sweeping ---- */

/* A stream over a directory in ours; NULL: it is not there. */
static DIR *list(const struct blob_dir *dir, const char *path)
{
    int fd = openat(dir->fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    DIR *stream = fd < 0 ? NULL : fdopendir(fd);
    if (fd >= 0 && !stream) {
        close(fd);
    }
    return stream;
}

static bool is_older(DIR *stream, const char *name, int64_t age_ms)
{
    struct stat info;
    struct timespec now;
    if (fstatat(dirfd(stream), name, &info, AT_SYMLINK_NOFOLLOW) || !S_ISREG(info.st_mode)) {
        return false;
    }
    clock_gettime(CLOCK_REALTIME, &now);
    int64_t age = (int64_t)(now.tv_sec - info.st_mtim.tv_sec) * 1000 +
                  (now.tv_nsec - info.st_mtim.tv_nsec) / 1000000;
    return age >= age_ms;
}

/* Removes the files of a directory in ours that are older. */
static void remove_older(const struct blob_dir *dir, const char *path, int64_t age_ms)
{
    DIR *stream = list(dir, path);
    const struct dirent *entry;
    while (stream && (entry = readdir(stream))) {
        const char *name = entry->d_name;
        if (name[0] != '.' && is_older(stream, name, age_ms) &&
            unlinkat(dirfd(stream), name, 0) == 0) {
            log_info("media", "files: removed %s/%.*s", path, BLOB_NAME_LEN, name);
        }
    }
    if (stream) {
        closedir(stream);
    }
}

void blob_dir_sweep(struct blob_dir *dir, int64_t age_ms, int64_t lost_ms)
{
    remove_older(dir, PARTS, age_ms);
    remove_older(dir, LOST, lost_ms);
}

enum blob_result blob_dir_set_aside(struct blob_dir *dir, const char *name)
{
    char path[PATH_SIZE], lost[PATH_SIZE];
    path_of(name, path);
    snprintf(lost, sizeof lost, LOST "/%.*s", BLOB_NAME_SIZE, name);
    if (renameat(dir->fd, path, dir->fd, lost)) {
        return errno == ENOENT ? BLOB_OK : failed("setting a file aside");
    }
    (void)utimensat(dir->fd, lost, NULL, 0); /* from now on its time there counts */
    return BLOB_OK;
}

static bool each_in(const struct blob_dir *dir, const char *shard, int64_t age_ms, blob_name_fn *fn,
                    void *arg)
{
    DIR *stream = list(dir, shard);
    const struct dirent *entry;
    bool go_on = true;
    while (stream && go_on && (entry = readdir(stream))) {
        const char *name = entry->d_name;
        if (strlen(name) == BLOB_NAME_LEN && blob_name_valid(name, BLOB_NAME_LEN) &&
            is_older(stream, name, age_ms)) {
            go_on = fn(arg, name);
        }
    }
    if (stream) {
        closedir(stream);
    }
    return go_on;
}

void blob_dir_each(struct blob_dir *dir, int64_t age_ms, blob_name_fn *fn, void *arg)
{
    DIR *stream = list(dir, ".");
    const struct dirent *entry;
    bool go_on = true;
    while (stream && go_on && (entry = readdir(stream))) {
        if (strlen(entry->d_name) == 2 && entry->d_name[0] != '.') {
            go_on = each_in(dir, entry->d_name, age_ms, fn, arg);
        }
    }
    if (stream) {
        closedir(stream);
    }
}
