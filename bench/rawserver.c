/*
 * The limit to compare with: one epoll thread, each host's message encoded once, one send() per
 * receiver. No Redis, no tokens, no queues: a receiver that does not take a frame whole ends the
 * program, for the figures would lie.
 *
 *   rawserver PORT        GET /host?room=NAME sends, GET /student?room=NAME receives
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "ws/handshake.h"

#define BUFFER_SIZE (1 << 20)
#define EVENTS 1024
#define ROOMS 4096

struct room {
    char name[32];
    size_t peers; /* hosts too */
    struct peer **students;
    size_t count, cap;
};

struct peer {
    int fd;
    bool upgraded, host;
    struct room *room;
    size_t index;  /* among the room's students */
    struct buf in; /* an incomplete frame; only hosts' are kept longer than a turn */
};

static struct room rooms[ROOMS];
static char buffer[BUFFER_SIZE];
static int poll_fd;

static void fail(const char *what)
{
    perror(what);
    exit(1);
}

/* A room exists while it has peers. */
static struct room *room_named(const char *name, size_t len)
{
    struct room *unused = NULL;
    for (size_t i = 0; i < ROOMS; i++) {
        if (rooms[i].peers == 0) {
            unused = unused ? unused : &rooms[i];
        } else if (strlen(rooms[i].name) == len && memcmp(rooms[i].name, name, len) == 0) {
            return &rooms[i];
        }
    }
    if (!unused || len >= sizeof unused->name) {
        fprintf(stderr, "rawserver: too many rooms\n");
        exit(1);
    }
    memcpy(unused->name, name, len);
    unused->name[len] = '\0';
    return unused;
}

static void join(struct room *room, struct peer *peer)
{
    if (room->count == room->cap) {
        room->cap = room->cap ? room->cap * 2 : 16;
        room->students = realloc(room->students, room->cap * sizeof(struct peer *));
        if (!room->students) {
            fail("realloc");
        }
    }
    peer->index = room->count;
    room->students[room->count++] = peer;
}

static void drop(struct peer *peer)
{
    struct room *room = peer->room;
    if (room) {
        room->peers--;
    }
    if (room && !peer->host) {
        struct peer *last = room->students[--room->count];
        room->students[peer->index] = last;
        last->index = peer->index;
    }
    close(peer->fd);
    buf_finish(&peer->in);
    free(peer);
}

/* One head for all, one send for each. */
static void broadcast(const struct room *room, const uint8_t *payload, size_t len)
{
    static uint8_t frame[BUFFER_SIZE + 16];
    size_t head = len < 126 ? 2 : len < 65536 ? 4 : 10;
    frame[0] = 0x81;
    frame[1] = (uint8_t)(head == 2 ? len : head == 4 ? 126 : 127);
    for (size_t i = 2; i < head; i++) {
        frame[i] = (uint8_t)((uint64_t)len >> (8 * (head - 1 - i)));
    }
    memcpy(frame + head, payload, len);
    for (size_t i = 0; i < room->count; i++) {
        ssize_t sent = send(room->students[i]->fd, frame, head + len, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent != (ssize_t)(head + len) && (sent >= 0 || errno == EAGAIN)) {
            fprintf(stderr, "rawserver: a receiver's socket is full\n");
            exit(1);
        }
    }
}

/* Takes complete masked frames; false when the peer has closed. */
static bool take_frames(struct peer *peer)
{
    uint8_t *p = (uint8_t *)peer->in.data;
    size_t n = peer->in.len, used = 0;
    while (n - used >= 6) {
        uint64_t len = p[used + 1] & 127u;
        size_t head = len < 126 ? 6 : len == 126 ? 8 : 14;
        if (n - used < head) {
            break;
        }
        if (head > 6) {
            len = 0;
            for (size_t i = 2; i < head - 4; i++) {
                len = len << 8 | p[used + i];
            }
        }
        if (n - used - head < len) {
            break;
        }
        const uint8_t *mask = p + used + head - 4;
        uint8_t *payload = p + used + head;
        for (size_t i = 0; i < len; i++) {
            payload[i] ^= mask[i & 3];
        }
        if ((p[used] & 15u) == 8) {
            return false;
        }
        if (peer->host) {
            broadcast(peer->room, payload, (size_t)len);
        }
        used += head + (size_t)len;
    }
    memmove(p, p + used, n - used);
    peer->in.len = n - used;
    return true;
}

static bool upgrade(struct peer *peer)
{
    const char *head = buf_cstr(&peer->in), *end = head ? strstr(head, "\r\n\r\n") : NULL;
    const char *name = head ? strstr(head, "?room=") : NULL;
    const char *key_at = head ? strcasestr(head, "Sec-WebSocket-Key: ") : NULL;
    char key[32] = "", accept[WS_ACCEPT_SIZE], answer[256];
    if (!end) {
        return true;
    }
    if (!name || !key_at) {
        return false;
    }
    snprintf(key, sizeof key, "%.24s", key_at + 19);
    ws_accept_key(key, accept);
    int len = snprintf(answer, sizeof answer,
                       "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                       "Connection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n",
                       accept);
    peer->host = strncmp(head, "GET /host", 9) == 0;
    peer->room = room_named(name + 6, strcspn(name + 6, " &"));
    peer->room->peers++;
    peer->upgraded = true;
    if (!peer->host) {
        join(peer->room, peer);
    }
    buf_finish(&peer->in); /* an idle peer holds no buffer */
    return send(peer->fd, answer, (size_t)len, MSG_NOSIGNAL) == len;
}

static void readable(struct peer *peer)
{
    ssize_t got = recv(peer->fd, buffer, sizeof buffer, MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
        return;
    }
    if (got <= 0) {
        drop(peer);
        return;
    }
    buf_append(&peer->in, buffer, (size_t)got);
    if (!(peer->upgraded ? take_frames(peer) : upgrade(peer))) {
        drop(peer);
    }
}

static void watch(int fd, void *ptr)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = ptr};
    if (epoll_ctl(poll_fd, EPOLL_CTL_ADD, fd, &event)) {
        fail("epoll_ctl");
    }
}

static void accept_all(int listener)
{
    int on = 1;
    for (int fd; (fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0;) {
        struct peer *peer = calloc(1, sizeof *peer);
        if (!peer) {
            fail("calloc");
        }
        peer->fd = fd;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        watch(fd, peer); /* NOLINT(clang-analyzer-unix.Malloc): epoll keeps it */
    }
}

static int listen_on(const char *port)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)atoi(port)),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) || listen(fd, 4096)) {
        fail("rawserver: listen");
    }
    return fd;
}

int main(int argc, char **argv)
{
    struct rlimit files;
    struct epoll_event events[EVENTS];
    if (argc != 2) {
        fprintf(stderr, "usage: rawserver PORT\n");
        return 2;
    }
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    poll_fd = epoll_create1(EPOLL_CLOEXEC);
    int listener = listen_on(argv[1]);
    watch(listener, NULL);
    for (;;) {
        int count = epoll_wait(poll_fd, events, EVENTS, -1);
        for (int i = 0; i < count; i++) {
            if (events[i].data.ptr) {
                readable(events[i].data.ptr);
            } else {
                accept_all(listener);
            }
        }
    }
}
