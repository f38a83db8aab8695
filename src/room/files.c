/* Files of rooms in Redis; see files.h. */
#include "room/files.h"

#include <stdio.h>
#include <string.h>

#include "bus/reply.h"
#include "bus/scripts.h"

#define KEY_SIZE 96
#define BASE32 "abcdefghijklmnopqrstuvwxyz234567"

void file_id_draw(const char *room, const char *epoch, struct file_id *out)
{
    *out = (struct file_id){.thumb = false};
    (void)span_copy(span_of(room), out->room, sizeof out->room);
    (void)span_copy(span_of(epoch), out->epoch, sizeof out->epoch);
    id_random(out->name, FILE_NAME_LEN);
}

/* Takes what stands before the next dot off the front of `text`. */
static struct span take_part(struct span *text)
{
    const char *dot = text->n ? memchr(text->p, '.', text->n) : NULL;
    struct span part = {text->p, dot ? (size_t)(dot - text->p) : text->n};
    size_t used = part.n + (dot != NULL);
    text->p += used;
    text->n -= used;
    return part;
}

static bool is_base32(struct span text, size_t len)
{
    if (text.n != len) {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        if (!text.p[i] || !strchr(BASE32, text.p[i])) {
            return false;
        }
    }
    return true;
}

bool file_id_parse(struct span text, struct file_id *out)
{
    size_t dots = 0;
    for (size_t i = 0; i < text.n; i++) {
        dots += text.p[i] == '.';
    }
    struct span room = take_part(&text), epoch = take_part(&text), name = take_part(&text);
    *out = (struct file_id){.thumb = dots == 3};
    return (dots == 2 || (dots == 3 && span_eq(text, "t"))) && id_room_code_valid(room) &&
           is_base32(epoch, EPOCH_LEN) && is_base32(name, FILE_NAME_LEN) &&
           span_copy(room, out->room, sizeof out->room) &&
           span_copy(epoch, out->epoch, sizeof out->epoch) &&
           span_copy(name, out->name, sizeof out->name);
}

void file_id_write(const struct file_id *id, char out[FILE_ID_SIZE])
{
    snprintf(out, FILE_ID_SIZE, "%s.%s.%s%s", id->room, id->epoch, id->name, id->thumb ? ".t" : "");
}

static struct span room_key(char key[KEY_SIZE], const char *room)
{
    int n = snprintf(key, KEY_SIZE, "room:%s", room);
    return (struct span){key, (size_t)n};
}

static struct span file_key(char key[KEY_SIZE], const struct file_id *id)
{
    int n = snprintf(key, KEY_SIZE, "file:%s:%s:%s", id->room, id->epoch, id->name);
    return (struct span){key, (size_t)n};
}

enum files_result files_door(struct bus_pool *pool, const char *room, const char *user_id,
                             struct files_door *out)
{
    char key[KEY_SIZE];
    const struct span keys[] = {room_key(key, room)};
    const struct span args[] = {span_of(user_id)};
    struct bus_reply *reply;
    *out = (struct files_door){.bytes = 0};
    if (bus_pool_script(pool, BUS_SCRIPT_FILE_DOOR, keys, 1, args, 1, &reply)) {
        return FILES_UNAVAILABLE;
    }
    (void)span_copy(bus_reply_text(bus_reply_at(reply, 0)), out->epoch, sizeof out->epoch);
    (void)span_copy(bus_reply_text(bus_reply_at(reply, 1)), out->host, sizeof out->host);
    out->talk_all = span_eq(bus_reply_text(bus_reply_at(reply, 2)), "all");
    out->present = bus_reply_int(bus_reply_at(reply, 3)) == 1;
    out->bytes = bus_reply_int(bus_reply_at(reply, 4));
    bus_reply_free(reply);
    return out->epoch[0] ? FILES_OK : FILES_NONE;
}

static struct span type_of(bool png)
{
    return span_of(png ? "png" : "jpeg");
}

enum files_result files_put(struct bus_pool *pool, const struct file_id *id,
                            const struct file_part *image, const struct file_part *thumb,
                            int64_t room_max)
{
    char room[KEY_SIZE], file[KEY_SIZE], most[24], charge[24];
    size_t size = image->bytes.n + thumb->bytes.n;
    struct bus_reply *reply;
    snprintf(most, sizeof most, "%lld", (long long)room_max);
    snprintf(charge, sizeof charge, "%zu", size > FILE_CHARGE_MIN ? size : FILE_CHARGE_MIN);
    const struct span keys[] = {room_key(room, id->room), file_key(file, id)};
    const struct span args[] = {
        span_of(id->epoch), span_of(id->name),   span_of(most),        span_of(charge),
        span_of("type"),    type_of(image->png), span_of("thumbType"), type_of(thumb->png),
        span_of("image"),   image->bytes,        span_of("thumb"),     thumb->bytes,
    };
    if (bus_pool_script(pool, BUS_SCRIPT_FILE_PUT, keys, 2, args, sizeof args / sizeof *args,
                        &reply)) {
        return FILES_UNAVAILABLE;
    }
    struct span status = bus_reply_text(bus_reply_at(reply, 0));
    enum files_result result = span_eq(status, "ok")     ? FILES_OK
                               : span_eq(status, "full") ? FILES_FULL
                                                         : FILES_NONE;
    bus_reply_free(reply);
    return result;
}

enum files_result files_get(struct bus_pool *pool, const struct file_id *id, files_fn *fn,
                            void *arg)
{
    char key[KEY_SIZE];
    const struct span argv[] = {span_of("HMGET"), file_key(key, id),
                                span_of(id->thumb ? "thumbType" : "type"),
                                span_of(id->thumb ? "thumb" : "image")};
    struct bus_reply *reply;
    if (bus_pool_command(pool, argv, 4, &reply)) {
        return FILES_UNAVAILABLE;
    }
    const struct file_part part = {.png = span_eq(bus_reply_text(bus_reply_at(reply, 0)), "png"),
                                   .bytes = bus_reply_text(bus_reply_at(reply, 1))};
    bool found = part.bytes.n > 0;
    if (found) {
        fn(arg, &part);
    }
    bus_reply_free(reply);
    return found ? FILES_OK : FILES_NONE;
}

enum files_result files_exists(struct bus_pool *pool, const struct file_id *id)
{
    char key[KEY_SIZE];
    const struct span argv[] = {span_of("EXISTS"), file_key(key, id)};
    struct bus_reply *reply;
    if (bus_pool_command(pool, argv, 2, &reply)) {
        return FILES_UNAVAILABLE;
    }
    bool found = bus_reply_int(reply) == 1;
    bus_reply_free(reply);
    return found ? FILES_OK : FILES_NONE;
}
