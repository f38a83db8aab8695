/* Publications on a feed's channel: whatever the bytes, clients get one valid event, which reads back the same. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/json.h"
#include "base/utf8.h"
#include "feed/event.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct span channel = span_of("chat_monitor");
    struct buf text, once, twice;
    struct event event;
    buf_init(&text);
    buf_init(&once);
    buf_init(&twice);
    event_repair(&text, (struct span){(const char *)data, size});
    if (!utf8_valid(text.data, text.len) ||
        (utf8_valid(data, size) &&
         (text.len != size || (size > 0 && memcmp(text.data, data, size) != 0)))) {
        abort();
    }
    event_read(channel, buf_span(&text), &event);
    event_write(&once, channel, &event, 17);
    struct json_member members[4];
    size_t count, error_at;
    /* An event's data may be as deep as JSON may be, and then is one deeper. */
    if (json_members(buf_span(&once), members, 4, &count, &error_at) == 0) {
        event_read(channel, buf_span(&once), &event);
        event_write(&twice, channel, &event, 99);
        if (!span_same(buf_span(&once), buf_span(&twice))) {
            abort();
        }
    }
    buf_finish(&text);
    buf_finish(&once);
    buf_finish(&twice);
    return 0;
}
