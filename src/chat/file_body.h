/*
 * What messages say of the files that they bring (docs/protocol.md, "Files in chats"): one writer for
 * uploads and for whoever gives them up. Pure functions, any thread.
 */
#ifndef LECTERN_CHAT_FILE_BODY_H
#define LECTERN_CHAT_FILE_BODY_H

#include "base/buf.h"
#include "store/chat_files.h"

/* `message` of a message of type `file`. */
void chat_file_body(struct buf *out, const struct chat_file_row *file);

/* `message` of a message of type `image`: `width` and `height` are those of the image that is kept. */
void chat_image_body(struct buf *out, const struct chat_file_row *file, uint32_t width,
                     uint32_t height);

/*
 * `message` of `file-state`: the message that it is about, and its new state. Nothing else: it stays
 * when that message is deleted.
 */
void chat_file_event(struct buf *out, const struct chat_file_row *file);

#endif
