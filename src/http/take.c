/* Finding a connection's descriptor, and putting a dummy in its place; see take.h. */
#include "http/take.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/fds.h"

#define BATCH 128 /* descriptors that one poll(2) looks at */

struct take {
    int closed_end; /* one end of a pair whose other end is closed: reads end of file */
};

struct search {
    struct in_addr address;
    in_port_t port, server_port; /* network order */
    int found;
    int matches;
};

struct take *take_create(void)
{
    struct take *take = malloc(sizeof *take);
    int pair[2];
    if (!take || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) < 0) {
        free(take);
        return NULL;
    }
    close(pair[1]);
    take->closed_end = pair[0];
    fds_own(take->closed_end);
    return take;
}

void take_destroy(struct take *take)
{
    if (take) {
        fds_disown(take->closed_end);
        close(take->closed_end);
        free(take);
    }
}

static bool fits(const struct search *search, int fd)
{
    struct sockaddr_in peer = {0};
    struct sockaddr_in own = {0};
    socklen_t peer_len = sizeof peer;
    socklen_t own_len = sizeof own;
    return getpeername(fd, (struct sockaddr *)&peer, &peer_len) == 0 &&
           peer.sin_family == AF_INET && peer.sin_port == search->port &&
           peer.sin_addr.s_addr == search->address.s_addr &&
           getsockname(fd, (struct sockaddr *)&own, &own_len) == 0 &&
           own.sin_port == search->server_port;
}

/* One poll tells which of many numbers are open, so that only those cost calls of their own. */
static void look_at(struct search *search, struct pollfd *fds, nfds_t count)
{
    bool asked = poll(fds, count, 0) >= 0;
    for (nfds_t i = 0; i < count; i++) {
        if (!(asked && fds[i].revents & POLLNVAL) && fits(search, fds[i].fd)) {
            search->found = fds[i].fd;
            search->matches++;
        }
    }
}

/* Looks at all descriptors that are not ours, up to `highest`. */
static void look_at_all(struct search *search, int highest)
{
    struct pollfd fds[BATCH];
    nfds_t count = 0;
    for (int fd = fds_next_foreign(0); fd >= 0 && fd <= highest; fd = fds_next_foreign(fd + 1)) {
        fds[count++] = (struct pollfd){.fd = fd};
        if (count == BATCH) {
            look_at(search, fds, count);
            count = 0;
        }
    }
    look_at(search, fds, count);
}

int take_find(const char *address, unsigned port, unsigned server_port)
{
    struct search search = {.port = htons((uint16_t)port),
                            .server_port = htons((uint16_t)server_port)};
    if (inet_pton(AF_INET, address, &search.address) != 1) {
        return TAKE_NONE;
    }
    look_at_all(&search, fds_highest_recent());
    if (search.matches == 0) {
        look_at_all(&search, fds_highest());
    }
    if (search.matches != 1) {
        return search.matches ? TAKE_SEVERAL : TAKE_NONE;
    }
    return search.found;
}

int take_over(const struct take *take, int fd)
{
    int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    if (copy < 0) {
        return TAKE_EXHAUSTED;
    }
    fds_own(copy);
    int result;
    do {
        result = dup3(take->closed_end, fd, O_CLOEXEC);
    } while (result < 0 && (errno == EINTR || errno == EBUSY));
    if (result < 0) {
        fds_disown(copy);
        close(copy);
        return TAKE_EXHAUSTED;
    }
    return copy;
}
