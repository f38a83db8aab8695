/*
 * HTTP answers as `lectern simulate` reads them: whatever a server says, what is found lies within what
 * was said, and bytes that come later change nothing of an answer that is whole.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "simulate/response.h"

static void require(bool condition)
{
    if (!condition) {
        abort();
    }
}

static bool inside(struct span part, const char *bytes, size_t n)
{
    return part.n == 0 || (part.p >= bytes && part.p + part.n <= bytes + n);
}

static void check(const char *bytes, size_t n, const struct response *response)
{
    char text[RESPONSE_TEXT_MAX];
    require(response->status >= 100 && response->status <= 999);
    require(inside(response->head, bytes, n) && inside(response->body, bytes, n));
    require(inside(response_header(response, "Content-Length"), bytes, n));
    response_text(response, text);
    for (const char *p = text; *p; p++) {
        require(*p >= ' ' && *p < 0x7f);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct response response, longer;
    char *bytes =
        malloc(size ? size : 1); /* exactly as long: a sanitizer sees every step outside */
    require(bytes != NULL);
    if (size > 0) {
        memcpy(bytes, data, size);
    }
    if (response_read((struct span){bytes, size}, true, &response) == RESPONSE_WHOLE) {
        check(bytes, size, &response);
    }
    enum response_state state = response_read((struct span){bytes, size / 2}, false, &response);
    if (state == RESPONSE_WHOLE) {
        require(response_read((struct span){bytes, size}, false, &longer) == RESPONSE_WHOLE);
        require(longer.status == response.status);
        require(longer.body.n == response.body.n && longer.body.p == response.body.p);
    } else if (state == RESPONSE_BAD) {
        require(response_read((struct span){bytes, size}, false, &longer) == RESPONSE_BAD);
    }
    free(bytes);
    return 0;
}
