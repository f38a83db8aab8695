/* Addresses of servers; see target.h. */
#include "simulate/target.h"

#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "base/number.h"

#define PORT_HTTP 80

static int refuse(char *error, const char *url, const char *why)
{
    snprintf(error, TARGET_ERROR_MAX, "--url %.200s: %s", url, why);
    return -1;
}

/* What follows the scheme; NULL for a scheme that is not spoken, with *why set. */
static const char *after_scheme(const char *url, const char **why)
{
    static const char *const plain[] = {"http://", "ws://"}, *const secure[] = {"https://",
                                                                                "wss://"};
    for (size_t i = 0; i < 2; i++) {
        if (strncmp(url, plain[i], strlen(plain[i])) == 0) {
            return url + strlen(plain[i]);
        }
        if (strncmp(url, secure[i], strlen(secure[i])) == 0) {
            *why = "TLS is not spoken here. TLS ends before Lectern: run this beside the server, "
                   "against the plain address that the proxy reaches it at";
            return NULL;
        }
    }
    *why = "an address begins with http:// or ws://";
    return NULL;
}

/* Letters, digits and what host names and addresses have besides: nothing that ends a header. */
static bool host_valid(struct span host)
{
    if (host.n < 1 || host.n > TARGET_HOST_MAX) {
        return false;
    }
    for (size_t i = 0; i < host.n; i++) {
        char c = host.p[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
              strchr(".-_:", c))) {
            return false;
        }
    }
    return true;
}

int target_parse(const char *url, struct target *target, char *error)
{
    const char *why = NULL;
    const char *rest = after_scheme(url, &why);
    if (!rest) {
        return refuse(error, url, why);
    }
    *target = (struct target){.port = PORT_HTTP};
    size_t len = strcspn(rest, "/?#");
    if (rest[len] != '\0' && strcmp(rest + len, "/") != 0) {
        return refuse(error, url, "an address has no path: the server is at its root");
    }
    struct span host = {rest, len}, port = {NULL, 0};
    if (len > 0 && rest[0] == '[') { /* IPv6: RFC 3986 section 3.2.2 */
        const char *bracket = memchr(rest, ']', len);
        size_t inside = bracket ? (size_t)(bracket - rest) : 0;
        host = (struct span){rest + 1, inside > 0 ? inside - 1 : 0};
        port = (struct span){rest + inside + 1, len - inside - 1};
    } else {
        const char *colon = memchr(rest, ':', len);
        if (colon) {
            host.n = (size_t)(colon - rest);
            port = (struct span){colon, len - host.n};
        }
    }
    uint32_t number = PORT_HTTP;
    if (port.n > 0 && (port.p[0] != ':' || !number_read_u32((struct span){port.p + 1, port.n - 1},
                                                            1, 65535, &number))) {
        return refuse(error, url, "a port is 1 to 65535");
    }
    if (!host_valid(host) || !span_copy(host, target->host, sizeof target->host) ||
        !span_copy((struct span){rest, len}, target->authority, sizeof target->authority)) {
        return refuse(error, url, "that is no host name and no address");
    }
    target->port = (uint16_t)number;
    return 0;
}

int target_resolve(struct target *target, char *error)
{
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL, *choice;
    char port[8];
    snprintf(port, sizeof port, "%u", target->port);
    int result = getaddrinfo(target->host, port, &hints, &found);
    if (result || !found) {
        snprintf(error, TARGET_ERROR_MAX, "--url: %s is not found: %s", target->host,
                 gai_strerror(result ? result : EAI_NONAME));
        return -1;
    }
    for (choice = found; choice && choice->ai_family != AF_INET; choice = choice->ai_next) {
    }
    choice = choice ? choice : found;
    memcpy(&target->address, choice->ai_addr, choice->ai_addrlen);
    freeaddrinfo(found);
    return 0;
}
