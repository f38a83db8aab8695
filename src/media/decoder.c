/*
 * One posix_spawn() per image: the parent's thread does not run on in a copied process, and the
 * parent's memory is not copied. The file goes over in a memfd, the answer comes back through a
 * pipe that is read against the clock. Whether the answer is whole decides, not how the process
 * ended: once enough was read, or the time is over, it is killed and reaped.
 */
#include "media/decoder.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "core/gate.h"
#include "core/log.h"
#include "core/metrics.h"
#include "media/probe.h"
#include "media/stb.h"
#include "media/worker.h"
#include "net/fds.h"

#define SLICE_MS 200 /* how late a stop may be noticed */

struct decoder {
    struct gate gate;
    unsigned memory_mib;
    int64_t timeout_ms;
};

struct decoder *decoder_create(const struct config *config)
{
    struct decoder *decoder = calloc(1, sizeof *decoder);
    if (decoder) {
        gate_init(&decoder->gate, config->image_workers);
        decoder->memory_mib = config->image_memory;
        decoder->timeout_ms = config->image_timeout_ms;
    }
    return decoder;
}

void decoder_destroy(struct decoder *decoder)
{
    if (decoder) {
        gate_finish(&decoder->gate);
        free(decoder);
    }
}

/* ---- The process ---- */

struct child {
    pid_t pid;
    int out; /* our end of its output */
};

/* The bytes as a descriptor of memory, at its beginning; -1 when there is none. */
static int store_input(const struct buf *file)
{
    int fd = memfd_create("image", MFD_CLOEXEC);
    size_t done = 0;
    fds_own(fd);
    while (fd >= 0 && done < file->len) {
        ssize_t n = pwrite(fd, file->data + done, file->len - done, (off_t)done);
        if (n < 0) {
            fds_disown(fd);
            close(fd);
            return -1;
        }
        done += (size_t)n;
    }
    return fd;
}

static void close_own(int fd)
{
    fds_disown(fd);
    close(fd);
}

static int spawn(const struct decoder *decoder, int in, int out, pid_t *pid)
{
    char memory[16], cpu[24], parent[16];
    char name[] = "lectern", command[] = WORKER_COMMAND;
    char *argv[] = {name, command, memory, cpu, parent, NULL};
    char *environment[] = {NULL}; /* ours has secrets in it */
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none, all;
    snprintf(memory, sizeof memory, "%u", decoder->memory_mib);
    snprintf(cpu, sizeof cpu, "%lld", (long long)(decoder->timeout_ms + 999) / 1000 + 1);
    snprintf(parent, sizeof parent, "%d", (int)getpid());
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
    /* Copies that dup2() makes are not closed at the exec. */
    int error = posix_spawn_file_actions_adddup2(&actions, in, STDIN_FILENO);
    error = error ? error : posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
    error = error ? error : posix_spawn_file_actions_addclosefrom_np(&actions, 3);
    error = error ? error : posix_spawnattr_setsigmask(&attributes, &none);
    error = error ? error : posix_spawnattr_setsigdefault(&attributes, &all);
    error = error ? error
                  : posix_spawnattr_setflags(&attributes,
                                             POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    error = error ? error
                  : posix_spawn(pid, "/proc/self/exe", &actions, &attributes, argv, environment);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return error;
}

static bool start(const struct decoder *decoder, const struct buf *file, struct child *child)
{
    int pipe_fds[2];
    int in = store_input(file);
    if (in < 0 || pipe2(pipe_fds, O_CLOEXEC)) {
        log_warn("media", "no descriptors or memory for a decoder");
        if (in >= 0) {
            close_own(in);
        }
        return false;
    }
    fds_own(pipe_fds[0]);
    fds_own(pipe_fds[1]);
    int error = spawn(decoder, in, pipe_fds[1], &child->pid);
    close_own(in);
    close_own(pipe_fds[1]);
    child->out = pipe_fds[0];
    if (error) {
        log_warn("media", "a decoder could not be started: %s", strerror(error));
        close_own(child->out);
    }
    return error == 0;
}

/* Kills it, which does no harm to one that has ended, and says how it ended. */
static int finish(struct child *child)
{
    int status = 0;
    close_own(child->out);
    kill(child->pid, SIGKILL);
    while (waitpid(child->pid, &status, 0) < 0 && errno == EINTR) {
    }
    return status;
}

/* ---- Its answer ---- */

struct reading {
    const struct child *child;
    const atomic_bool *stop;
    int64_t deadline_ms;
    enum decoder_result failure; /* why a read has failed */
};

/* Waits until something can be read. */
static bool wait_for(struct reading *reading)
{
    for (;;) {
        int64_t left = reading->deadline_ms - clock_mono_ms();
        struct pollfd pfd = {.fd = reading->child->out, .events = POLLIN};
        if (atomic_load(reading->stop)) {
            reading->failure = DECODER_BUSY;
            return false;
        }
        if (left <= 0) {
            reading->failure = DECODER_TOO_LARGE;
            return false;
        }
        if (poll(&pfd, 1, left < SLICE_MS ? (int)left : SLICE_MS) > 0) {
            return true;
        }
    }
}

static bool read_all(struct reading *reading, void *out, size_t len)
{
    char *p = out;
    while (len > 0) {
        if (!wait_for(reading)) {
            return false;
        }
        ssize_t n = read(reading->child->out, p, len);
        if (n > 0) {
            p += n;
            len -= (size_t)n;
        } else if (n == 0 || errno != EINTR) {
            reading->failure = DECODER_BROKEN; /* it ended early */
            return false;
        }
    }
    return true;
}

static bool read_picture(struct reading *reading, uint32_t len, struct buf *out)
{
    if (!buf_reserve(out, len)) {
        reading->failure = DECODER_UNAVAILABLE;
        return false;
    }
    out->len = len;
    return read_all(reading, out->data, len);
}

static bool sizes_fit(uint32_t width, uint32_t height, uint32_t bytes, uint32_t edge)
{
    return width > 0 && height > 0 && width <= edge && height <= edge && bytes > 0 &&
           bytes <= RENDER_BYTES_MAX;
}

/* The decoder has met hostile bytes: what it says is believed as far as it is possible. */
static bool is_believable(const struct worker_answer *head)
{
    return sizes_fit(head->image.width, head->image.height, head->image.bytes, RENDER_EDGE) &&
           sizes_fit(head->thumb.width, head->thumb.height, head->thumb.bytes, RENDER_THUMB_EDGE);
}

/* The bytes are what they are said to be, and of that size. */
static bool is_picture(const struct picture *picture)
{
    struct probe probe;
    return image_probe(buf_span(&picture->bytes), &probe) == PROBE_OK &&
           probe.kind == (picture->png ? IMAGE_PNG : IMAGE_JPEG) && probe.width == picture->width &&
           probe.height == picture->height;
}

static enum decoder_result read_answer(struct reading *reading, struct rendering *out)
{
    struct worker_answer head;
    if (!read_all(reading, &head, sizeof head)) {
        return reading->failure;
    }
    if (head.magic != WORKER_MAGIC || head.result != RENDER_OK) {
        return head.magic != WORKER_MAGIC        ? DECODER_BROKEN
               : head.result == RENDER_TOO_LARGE ? DECODER_TOO_LARGE
               : head.result == WORKER_UNSAFE    ? DECODER_UNAVAILABLE
                                                 : DECODER_BROKEN;
    }
    if (!is_believable(&head)) {
        return DECODER_BROKEN;
    }
    out->image.png = head.image.png != 0;
    out->image.width = head.image.width;
    out->image.height = head.image.height;
    out->thumb.png = head.thumb.png != 0;
    out->thumb.width = head.thumb.width;
    out->thumb.height = head.thumb.height;
    if (!read_picture(reading, head.image.bytes, &out->image.bytes) ||
        !read_picture(reading, head.thumb.bytes, &out->thumb.bytes)) {
        return reading->failure;
    }
    return is_picture(&out->image) && is_picture(&out->thumb) ? DECODER_OK : DECODER_BROKEN;
}

/* ---- All of it ---- */

static enum decoder_result run(struct decoder *decoder, struct buf *file, const atomic_bool *stop,
                               struct rendering *out)
{
    struct child child;
    int64_t started_ms = clock_mono_ms();
    if (!start(decoder, file, &child)) {
        return DECODER_UNAVAILABLE;
    }
    buf_finish(file);
    struct reading reading = {
        .child = &child, .stop = stop, .deadline_ms = started_ms + decoder->timeout_ms};
    enum decoder_result result = read_answer(&reading, out);
    int status = finish(&child);
    out->took_ms = clock_mono_ms() - started_ms;
    metric_observe(HISTOGRAM_IMAGE, (double)out->took_ms / 1e3);
    if (result == DECODER_UNAVAILABLE) {
        log_error("media", "a decoder could not be locked in: images are refused");
    } else if (result == DECODER_BROKEN && WIFSIGNALED(status) && WTERMSIG(status) != SIGKILL) {
        metric_add(METRIC_IMAGE_CRASHES, 1);
        log_warn("media", "a decoder was ended by signal %d", WTERMSIG(status));
    }
    return result;
}

/* What is known without decoding. */
static enum decoder_result check(struct span file)
{
    struct probe probe;
    switch (image_probe(file, &probe)) {
    case PROBE_OK:
        break;
    case PROBE_UNKNOWN:
        return DECODER_UNKNOWN;
    case PROBE_COSTLY:
        return DECODER_TOO_LARGE;
    default:
        return DECODER_BROKEN;
    }
    return probe.width > IMAGE_EDGE_MAX || probe.height > IMAGE_EDGE_MAX ||
                   (uint64_t)probe.width * probe.height > RENDER_PIXELS_MAX
               ? DECODER_TOO_LARGE
               : DECODER_OK;
}

enum decoder_result decoder_run(struct decoder *decoder, struct buf *file, const atomic_bool *stop,
                                struct rendering *out)
{
    *out = (struct rendering){0};
    enum decoder_result result = check(buf_span(file));
    if (result) {
        return result;
    }
    if (!gate_enter(&decoder->gate, DECODER_WAIT_MS, stop)) {
        return DECODER_BUSY;
    }
    result = run(decoder, file, stop, out);
    gate_leave(&decoder->gate);
    return result;
}

bool decoder_works(struct decoder *decoder)
{
    static const unsigned char pixel[] = {
        'B', 'M', 58, 0, 0, 0, 0, 0, 0, 0, 54, 0, 0, 0,        /* BITMAPFILEHEADER */
        40,  0,   0,  0, 1, 0, 0, 0, 1, 0, 0,  0, 1, 0, 24, 0, /* BITMAPINFOHEADER: 1 x 1, … */
        0,   0,   0,  0, 4, 0, 0, 0, 0, 0, 0,  0, 0, 0, 0,  0, /* … 24 bits, not compressed */
        0,   0,   0,  0, 0, 0, 0, 0, 0, 0, 0,  0,              /* no colours; blue, green, red */
    };
    static const atomic_bool never;
    struct rendering out = {0};
    struct buf file;
    buf_init(&file);
    buf_append(&file, pixel, sizeof pixel);
    bool works = !file.failed && decoder_run(decoder, &file, &never, &out) == DECODER_OK;
    render_finish(&out);
    buf_finish(&file);
    return works;
}
