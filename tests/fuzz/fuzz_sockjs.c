/*
 * Payloads of SockJS clients: whatever the bytes are, nothing is read or written beyond them, messages
 * are UTF-8 that is no longer than what it was decoded from, and what goes back escaped comes out again
 * as the same text.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/utf8.h"
#include "ws/sockjs_codec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(int condition)
{
    if (!condition) {
        abort();
    }
}

/* Escaped, it is a JSON string that needs no further care, and decodes to the same text. */
static void check_back(struct span text, bool same)
{
    size_t len = sockjs_escaped_len(text);
    char *json = malloc(len + 2);
    struct sockjs_reader reader;
    struct span message;
    check(json != NULL);
    json[0] = '"';
    check(sockjs_escape(json + 1, text) == json + 1 + len);
    json[len + 1] = '"';
    check(json_valid((struct span){json, len + 2}));
    check(!memchr(json, '\n', len + 2));
    check(sockjs_begin(&reader, json, len + 2) == SOCKJS_OK);
    check(sockjs_next(&reader, &message));
    check(utf8_valid(message.p, message.n));
    check(!same || span_same(message, text));
    check(!sockjs_next(&reader, &message));
    free(json);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *payload = malloc(size ? size : 1);
    struct sockjs_reader reader;
    struct span message;
    check(payload != NULL);
    if (size > 0) {
        memcpy(payload, data, size);
    }
    bool valid = json_valid((struct span){payload, size});
    if (sockjs_begin(&reader, payload, size) == SOCKJS_OK) {
        check(valid);
        while (sockjs_next(&reader, &message)) {
            check(message.p > payload && message.p + message.n < payload + size);
            check(utf8_valid(message.p, message.n));
            check_back(message, true);
        }
    } else {
        check(!sockjs_next(&reader, &message));
    }
    free(payload);
    check_back((struct span){(const char *)data, size}, utf8_valid(data, size));
    return 0;
}
