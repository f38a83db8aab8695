/*
 * Connections: reading into the loop's shared buffer, and an outbound queue of references to frames
 * that is written with one system call per socket and loop turn.
 *
 * The queue is a ring that is given back when it has been of no use (conn_trim), so that an idle
 * connection is little more than its uv_poll_t.
 */
#include "net/conn.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core/metrics.h"
#include "net/fds.h"
#include "net/joined.h"

#define IOV_BATCH 64
#define SEND_FLAGS (MSG_NOSIGNAL | MSG_DONTWAIT)
#define QUEUE_FIRST 8 /* entries of a new ring; a power of two */

static void poll_events(uv_poll_t *poll, int status, int events);

static void update_poll(struct conn *conn)
{
    int events = UV_READABLE | (conn->want_write ? UV_WRITABLE : 0);
    uv_poll_start(&conn->poll, events, poll_events);
}

static struct frame **slot(struct conn *conn, uint32_t i)
{
    return &conn->queue[(conn->queue_head + i) & (conn->queue_cap - 1)];
}

static void pop_front(struct conn *conn)
{
    frame_unref(*slot(conn, 0));
    conn->queue_len--; /* an empty queue begins anew, so that the next one lies in one piece */
    conn->queue_head = conn->queue_len ? (conn->queue_head + 1) & (conn->queue_cap - 1) : 0;
    conn->head_sent = 0;
}

static void free_queue(struct conn *conn)
{
    while (conn->queue_len > 0) {
        pop_front(conn);
    }
    free(conn->queue);
    conn->queue = NULL;
    conn->queue_cap = conn->queue_head = conn->queue_bytes = conn->paced_bytes = 0;
}

static bool grow_queue(struct conn *conn)
{
    uint32_t cap = conn->queue_cap ? conn->queue_cap * 2 : QUEUE_FIRST;
    struct frame **queue = malloc(cap * sizeof *queue);
    if (!queue) {
        return false;
    }
    for (uint32_t i = 0; i < conn->queue_len; i++) {
        queue[i] = *slot(conn, i);
    }
    free(conn->queue);
    conn->queue = queue;
    conn->queue_cap = cap;
    conn->queue_head = 0;
    return true;
}

int conn_start(struct conn *conn, struct loop *loop, int fd, const struct conn_handlers *handlers)
{
    *conn = (struct conn){.handlers = handlers, .loop = loop, .fd = fd};
    int error = uv_poll_init_socket(loop_uv(loop), &conn->poll, fd);
    if (error) {
        return error;
    }
    conn->poll.data = conn;
    update_poll(conn);
    return 0;
}

/* Is there room for `count` frames of `bytes` in all? Makes it. */
static enum conn_result make_room(struct conn *conn, uint32_t count, size_t bytes, size_t limit)
{
    if (conn->dead) {
        return CONN_CLOSED;
    }
    size_t counted = conn->queue_bytes - conn->paced_bytes;
    if (limit != CONN_NO_LIMIT && counted + bytes > limit) {
        return CONN_FULL;
    }
    if (conn->queue_len + count > conn->queue_cap && !grow_queue(conn)) {
        return CONN_NOMEM;
    }
    return CONN_OK;
}

static void append(struct conn *conn, struct frame *frame, size_t limit)
{
    *slot(conn, conn->queue_len) = frame_ref(frame);
    conn->queue_len++;
    conn->queue_bytes += frame->len;
    if (limit == CONN_NO_LIMIT) {
        conn->paced_bytes += frame->len;
    }
    if (conn->queue_bytes > CONN_DRAIN_MARK) {
        conn->above_mark = true;
    }
    if (!conn->want_write) { /* else the socket's readiness will flush it */
        loop_flush_later(conn->loop, conn);
    }
}

enum conn_result conn_queue(struct conn *conn, struct frame *frame, size_t limit)
{
    enum conn_result result = make_room(conn, 1, frame->len, limit);
    if (result == CONN_OK) {
        append(conn, frame, limit);
    }
    return result;
}

enum conn_result conn_queue_pair(struct conn *conn, struct frame *first, struct frame *second,
                                 size_t limit)
{
    enum conn_result result = make_room(conn, 2, (size_t)first->len + second->len, limit);
    if (result == CONN_OK) {
        append(conn, first, limit);
        append(conn, second, limit);
    }
    return result;
}

void conn_finish(struct conn *conn)
{
    if (!conn->dead) {
        conn->finish = true;
        if (!conn->want_write) {
            loop_flush_later(conn->loop, conn);
        }
    }
}

size_t conn_queued(const struct conn *conn)
{
    return conn->queue_bytes;
}

/*
 * tcp(7), TCP_INFO: data that had to be sent again and is not acknowledged yet, and probes of a closed
 * window that nobody answered (one may just be on its way).
 */
bool conn_peer_alive(const struct conn *conn)
{
    struct tcp_info info;
    socklen_t size = sizeof info;
    if (getsockopt(conn->fd, IPPROTO_TCP, TCP_INFO, &info, &size)) {
        return false;
    }
    return info.tcpi_retransmits == 0 && info.tcpi_probes <= 1;
}

void conn_drop_queue(struct conn *conn)
{
    if (conn->queue_len == 0) {
        return;
    }
    struct frame *half_sent = conn->head_sent ? frame_ref(*slot(conn, 0)) : NULL;
    uint32_t sent = conn->head_sent;
    while (conn->queue_len > 0) {
        pop_front(conn);
    }
    conn->queue_bytes = conn->paced_bytes = 0;
    if (half_sent) {
        *slot(conn, 0) = half_sent;
        conn->queue_len = 1;
        conn->head_sent = sent;
        conn->queue_bytes = half_sent->len - sent;
    }
}

/* Takes `sent` bytes off the queue's front. */
static void consume(struct conn *conn, size_t sent)
{
    conn->queue_bytes -= (uint32_t)sent;
    if (conn->paced_bytes > conn->queue_bytes) {
        conn->paced_bytes = conn->queue_bytes;
    }
    while (sent > 0) {
        size_t left = (*slot(conn, 0))->len - conn->head_sent;
        if (sent < left) {
            conn->head_sent += (uint32_t)sent;
            return;
        }
        sent -= left;
        pop_front(conn);
    }
}

/*
 * All that waits, in one piece; NULL if it is too much, a frame is half sent, or the queue goes around
 * the end of its ring, which it does only when it has not been empty for a while.
 */
static const struct joined *join_queue(struct conn *conn)
{
    if (conn->head_sent > 0 || conn->queue_len > JOINED_FRAMES ||
        conn->queue_bytes > JOINED_BYTES || conn->queue_head + conn->queue_len > conn->queue_cap) {
        return NULL;
    }
    struct joined *joined = loop_joined(conn->loop);
    joined_set(joined, slot(conn, 0), conn->queue_len);
    return joined;
}

/* The kernel gathers what waits, or the first of it. */
static ssize_t send_pieces(struct conn *conn, size_t *total)
{
    struct iovec iov[IOV_BATCH];
    uint32_t count = conn->queue_len < IOV_BATCH ? conn->queue_len : IOV_BATCH;
    *total = 0;
    for (uint32_t i = 0; i < count; i++) {
        struct frame *frame = *slot(conn, i);
        size_t sent = i == 0 ? conn->head_sent : 0;
        iov[i] = (struct iovec){frame->bytes + sent, frame->len - sent};
        *total += iov[i].iov_len;
    }
    struct msghdr message = {.msg_iov = iov, .msg_iovlen = count};
    return syscall(SYS_sendmsg, conn->fd, &message, SEND_FLAGS);
}

/*
 * All that waits, or the first of it, in one system call. By syscall(2), since in a process with
 * threads the C library's send() is a cancellation point, whose two atomic operations are a few per
 * cent of a delivery; no thread here is ever cancelled.
 */
static ssize_t send_queue(struct conn *conn, size_t *total)
{
    const struct frame *first = *slot(conn, 0);
    const char *bytes = first->bytes + conn->head_sent;
    *total = first->len - conn->head_sent;
    if (conn->queue_len > 1) {
        const struct joined *joined = join_queue(conn);
        if (!joined) {
            return send_pieces(conn, total);
        }
        bytes = joined->bytes;
        *total = joined->len;
    }
    return syscall(SYS_sendto, conn->fd, bytes, *total, SEND_FLAGS, NULL, 0);
}

/* Returns false when the socket takes no more for now or is broken. */
static bool send_some(struct conn *conn)
{
    size_t total;
    ssize_t sent;
    do {
        sent = send_queue(conn, &total);
    } while (sent < 0 && errno == EINTR);
    if (sent < 0) {
        if (errno != EAGAIN && errno != EWOULDBLOCK) {
            conn->handlers->ended(conn, errno);
            return false;
        }
        sent = 0;
    }
    loop_count_sent(conn->loop, (size_t)sent);
    consume(conn, (size_t)sent);
    return (size_t)sent == total;
}

void conn_prefetch(const struct conn *conn)
{
    __builtin_prefetch(&conn->handlers);
    __builtin_prefetch(&conn->fd);
}

void conn_flush(struct conn *conn)
{
    if (conn->dead) {
        return;
    }
    bool open = true;
    while (conn->queue_len > 0 && open) {
        open = send_some(conn);
        if (conn->dead) {
            return;
        }
    }
    bool want_write = conn->queue_len > 0;
    if (want_write != conn->want_write) {
        conn->want_write = want_write;
        update_poll(conn);
    }
    if (conn->finish && !want_write) {
        conn->finish = false;
        shutdown(conn->fd, SHUT_WR);
    }
    if (conn->above_mark && conn->queue_bytes <= CONN_DRAIN_MARK / 2) {
        conn->above_mark = false;
        if (conn->handlers->drain) {
            conn->handlers->drain(conn);
        }
    }
}

void conn_trim(struct conn *conn)
{
    if (conn->queue_len == 0 && conn->queue) {
        free_queue(conn);
    }
}

static void read_some(struct conn *conn)
{
    char *buffer = loop_read_buffer(conn->loop);
    ssize_t got;
    do {
        got = recv(conn->fd, buffer, LOOP_READ_SIZE, 0);
    } while (got < 0 && errno == EINTR);
    if (got > 0) {
        metric_add(METRIC_BYTES_IN, got);
        conn->handlers->data(conn, (uint8_t *)buffer, (size_t)got);
    } else if (got == 0) {
        conn->handlers->ended(conn, 0);
    } else if (errno != EAGAIN && errno != EWOULDBLOCK) {
        conn->handlers->ended(conn, errno);
    }
}

static void poll_events(uv_poll_t *poll, int status, int events)
{
    struct conn *conn = poll->data;
    if (status < 0) {
        conn->handlers->ended(conn, -status);
        return;
    }
    if (events & UV_READABLE) {
        read_some(conn);
    }
    if ((events & UV_WRITABLE) && !conn->dead) {
        conn_flush(conn);
    }
}

static void handle_closed(uv_handle_t *handle)
{
    struct conn *conn = handle->data;
    fds_disown(conn->fd);
    close(conn->fd);
    conn->handlers->closed(conn);
}

void conn_destroy(struct conn *conn)
{
    if (conn->dead) {
        return;
    }
    conn->dead = true;
    loop_forget(conn->loop, conn);
    free_queue(conn);
    uv_close((uv_handle_t *)&conn->poll, handle_closed); /* stops it; uv_poll_stop() would, twice */
}
