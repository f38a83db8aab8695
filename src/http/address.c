/* Addresses, ranges and X-Forwarded-For; see address.h. */
#include "http/address.h"

#include <arpa/inet.h>
#include <string.h>

#include "base/number.h"

static const uint8_t v4_prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

static bool parse_plain(const char *text, struct address *out)
{
    memcpy(out->bytes, v4_prefix, sizeof v4_prefix);
    return inet_pton(AF_INET, text, out->bytes + sizeof v4_prefix) == 1 ||
           inet_pton(AF_INET6, text, out->bytes) == 1;
}

bool address_parse(struct span text, struct address *out)
{
    char copy[ADDRESS_TEXT_SIZE + 8];
    if (!span_copy(text, copy, sizeof copy) || memchr(copy, '\0', text.n)) {
        return false;
    }
    if (copy[0] == '[') {
        char *end = strchr(copy, ']');
        if (!end || (end[1] != '\0' && end[1] != ':')) {
            return false;
        }
        *end = '\0';
        return parse_plain(copy + 1, out);
    }
    char *colon = strchr(copy, ':');
    if (colon && !strchr(colon + 1, ':')) {
        *colon = '\0';
    }
    return parse_plain(copy, out);
}

bool address_is_v4(const struct address *address)
{
    return memcmp(address->bytes, v4_prefix, sizeof v4_prefix) == 0;
}

void address_write(const struct address *address, char out[ADDRESS_TEXT_SIZE])
{
    bool v4 = address_is_v4(address);
    const void *from = address->bytes + (v4 ? sizeof v4_prefix : 0);
    if (!inet_ntop(v4 ? AF_INET : AF_INET6, from, out, ADDRESS_TEXT_SIZE)) {
        out[0] = '\0';
    }
}

bool address_range_parse(const char *text, struct address_range *out)
{
    const char *slash = strchr(text, '/');
    struct span base = {text, slash ? (size_t)(slash - text) : strlen(text)};
    if (!address_parse(base, &out->base)) {
        return false;
    }
    unsigned most = address_is_v4(&out->base) ? 32 : 128;
    uint32_t bits = most;
    if (slash && !number_read_u32(span_of(slash + 1), 0, most, &bits)) {
        return false;
    }
    out->bits = bits + 128 - most;
    return true;
}

static bool in_range(const struct address *address, const struct address_range *range)
{
    unsigned whole = range->bits / 8;
    unsigned rest = range->bits % 8;
    if (memcmp(address->bytes, range->base.bytes, whole) != 0) {
        return false;
    }
    return rest == 0 || ((address->bytes[whole] ^ range->base.bytes[whole]) >> (8 - rest)) == 0;
}

bool address_in(const struct address *address, const struct address_range *ranges, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (in_range(address, &ranges[i])) {
            return true;
        }
    }
    return false;
}

/* Takes the last element off a comma-separated list of `*len` bytes, without blanks around it. */
static struct span take_last(const char *list, size_t *len)
{
    size_t start = *len;
    while (start > 0 && list[start - 1] != ',') {
        start--;
    }
    struct span item = {list + start, *len - start};
    *len = start > 0 ? start - 1 : 0;
    while (item.n > 0 && (item.p[0] == ' ' || item.p[0] == '\t')) {
        item.p++;
        item.n--;
    }
    while (item.n > 0 && (item.p[item.n - 1] == ' ' || item.p[item.n - 1] == '\t')) {
        item.n--;
    }
    return item;
}

struct address address_client(const struct address *peer, const char *forwarded,
                              const struct address_range *trusted, size_t trusted_count)
{
    struct address client = *peer;
    size_t left = forwarded ? strlen(forwarded) : 0;
    while (left > 0 && address_in(&client, trusted, trusted_count)) {
        struct address before;
        if (!address_parse(take_last(forwarded, &left), &before)) {
            break;
        }
        client = before;
    }
    return client;
}
