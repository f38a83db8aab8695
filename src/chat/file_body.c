/* JSON of files' messages; see file_body.h. */
#include "chat/file_body.h"

#include "base/json.h"
#include "chat/message.h"

static const char *state_name(enum chat_file_state state)
{
    return state == CHAT_FILE_READY ? "ready" : state == CHAT_FILE_FAILED ? "failed" : "uploading";
}

/* A file that failed has no address: nothing was ever there. */
static void write_fields(struct buf *out, const struct chat_file_row *file)
{
    if (file->state != CHAT_FILE_FAILED) {
        buf_printf(out, "\"url\":\"/files/%s\",", file->id);
    }
    buf_append_text(out, "\"name\":");
    json_write_string(out, span_of(file->name));
    buf_append_text(out, ",\"type\":");
    json_write_string(out, span_of(file->type));
    buf_printf(out, ",\"bytes\":%lld,\"state\":\"%s\"}", (long long)file->bytes,
               state_name(file->state));
}

void chat_file_body(struct buf *out, const struct chat_file_row *file)
{
    buf_append_char(out, '{');
    write_fields(out, file);
}

void chat_image_body(struct buf *out, const struct chat_file_row *file, uint32_t width,
                     uint32_t height)
{
    buf_printf(out, "{\"thumbUrl\":\"/files/%s.t\",\"width\":%u,\"height\":%u,", file->id, width,
               height);
    write_fields(out, file);
}

void chat_file_event(struct buf *out, const struct chat_file_row *file)
{
    char id[CHAT_MESSAGE_ID_MAX + 1];
    chat_id_print(file->room, file->seq, id);
    buf_printf(out, "{\"id\":\"%s\",\"state\":\"%s\"}", id, state_name(file->state));
}
