/*
 * Internet addresses as text and as numbers, and whom a request comes from when it came through
 * proxies. IPv4 is kept as IPv4-mapped IPv6 (::ffff:a.b.c.d). Pure, any thread.
 */
#ifndef LECTERN_HTTP_ADDRESS_H
#define LECTERN_HTTP_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

#define ADDRESS_TEXT_SIZE 48 /* an address as text, terminated */

struct address {
    uint8_t bytes[16];
};

struct address_range {
    struct address base;
    unsigned bits; /* leading bits that must be equal, 0 to 128 */
};

/* IPv4 or IPv6, also "[…]" and with ":port" behind, as proxies write them. */
bool address_parse(struct span text, struct address *out);

void address_write(const struct address *address, char out[ADDRESS_TEXT_SIZE]);

bool address_is_v4(const struct address *address);

/* An address, or an address, '/' and a number of bits. */
bool address_range_parse(const char *text, struct address_range *out);

bool address_in(const struct address *address, const struct address_range *ranges, size_t count);

/*
 * The client of a request that came from `peer`. Where the peer is a trusted proxy, that is the last
 * address of `forwarded` (X-Forwarded-For, may be NULL) that no trusted proxy has; an entry that is
 * no address ends the search at the hop before it. Where the peer is not trusted, it is the client.
 */
struct address address_client(const struct address *peer, const char *forwarded,
                              const struct address_range *trusted, size_t trusted_count);

#endif
