/* Host names; see resolve.h. */
#include "bus/resolve.h"

#include <netinet/in.h>

static const struct addrinfo *preferred(const struct addrinfo *list)
{
    for (const struct addrinfo *a = list; a; a = a->ai_next) {
        if (a->ai_family == AF_INET) {
            return a; /* Redis often listens on 127.0.0.1 only, where localhost also is ::1 */
        }
    }
    return list;
}

static void on_done(uv_getaddrinfo_t *request, int status, struct addrinfo *list)
{
    struct resolve *resolve = request->data;
    char ip[INET6_ADDRSTRLEN] = "";
    if (status == 0) {
        const struct addrinfo *a = preferred(list);
        status = a->ai_family == AF_INET
                     ? uv_ip4_name((const struct sockaddr_in *)a->ai_addr, ip, sizeof ip)
                     : uv_ip6_name((const struct sockaddr_in6 *)a->ai_addr, ip, sizeof ip);
    }
    uv_freeaddrinfo(list);
    resolve->found(resolve, status ? NULL : ip, status ? uv_strerror(status) : NULL);
}

bool resolve_is_numeric(const char *host)
{
    struct in6_addr address;
    return uv_inet_pton(AF_INET, host, &address) == 0 ||
           uv_inet_pton(AF_INET6, host, &address) == 0;
}

int resolve_start(struct resolve *resolve, uv_loop_t *loop, const char *host)
{
    const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    resolve->request.data = resolve;
    return uv_getaddrinfo(loop, &resolve->request, on_done, host, NULL, &hints);
}

void resolve_cancel(struct resolve *resolve)
{
    uv_cancel((uv_req_t *)&resolve->request);
}
