/* The rules for Origin; see origin.h. */
#include "http/origin.h"

#include <stddef.h>
#include <string.h>
#include <strings.h>

bool origin_listed(const char *origin, char *const *origins)
{
    for (size_t i = 0; origins && origins[i]; i++) {
        if (strcasecmp(origin, origins[i]) == 0) {
            return true;
        }
    }
    return false;
}

/* The part of an http(s) origin behind the scheme, NULL for others ("null", extensions). */
static const char *authority(const char *origin)
{
    static const char *const schemes[] = {"http://", "https://"};
    for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++) {
        size_t n = strlen(schemes[i]);
        if (strncasecmp(origin, schemes[i], n) == 0 && origin[n] != '\0') {
            return origin + n;
        }
    }
    return NULL;
}

bool origin_allowed(const char *origin, const char *host, char *const *origins)
{
    if (!origin) {
        return true;
    }
    const char *own = authority(origin);
    if (own && host && strcasecmp(own, host) == 0) {
        return true;
    }
    return origin_listed(origin, origins);
}
