/*
 * Files of chat rooms: what is known of them, not their bytes (those are in LECTERN_FILES_URL). A
 * file's row is made with its message (messages_append() with `file`). Threads and results: store.h.
 */
#ifndef LECTERN_STORE_CHAT_FILES_H
#define LECTERN_STORE_CHAT_FILES_H

#include "store/messages.h"

#define FILE_NAME_MAX 1024 /* bytes of the name that a row gives */
#define FILE_MEDIA_TYPE_MAX 127

enum chat_file_state {
    CHAT_FILE_UPLOADING,
    CHAT_FILE_READY,
    CHAT_FILE_FAILED,
    CHAT_FILE_DELETED, /* its message is gone: to be erased, then chat_files_forget() */
};

struct chat_file_row {
    char id[FILE_ID_LEN + 1];
    char room[CHAT_ROOM_ID_LEN + 1];
    int64_t seq; /* its message */
    char name[FILE_NAME_MAX + 1];
    char type[FILE_MEDIA_TYPE_MAX + 1];
    int64_t bytes;
    enum chat_file_state state;
    char server[ID_MAX + 1]; /* that takes or took it */
    int64_t created_ms;
};

/* STORE_NOT_FOUND when there is none. */
enum store_result chat_files_get(struct store *store, const char *id, struct chat_file_row *out)
    __attribute__((warn_unused_result));

/*
 * An upload has ended: the row gets its state and bytes, the message its new body (history gives it from
 * then on), and a row MESSAGE_FILE_STATE tells of it. STORE_NOT_FOUND when it is not (or no longer)
 * CHAT_FILE_UPLOADING: the message was deleted meanwhile, or a janitor gave it up; then the bytes
 * are to be erased.
 */
struct chat_file_finish {
    const char *id;
    enum chat_file_state state; /* CHAT_FILE_READY or CHAT_FILE_FAILED */
    int64_t bytes;
    struct span body;  /* of the message */
    struct span event; /* body of the row */
    int64_t now_ms;

    struct chat_message_rows rows; /* one: the event, to be published. To be freed after STORE_OK */
    char seal[SEAL_LEN + 1];
};
enum store_result chat_files_finish(struct store *store, struct chat_file_finish *op)
    __attribute__((warn_unused_result));

/* Up to `limit` rows in a state, made before `before_ms`, the oldest first. free(*out). */
enum store_result chat_files_list(struct store *store, enum chat_file_state state,
                                  int64_t before_ms, uint32_t limit, struct chat_file_row **out,
                                  size_t *count) __attribute__((warn_unused_result));

/* The bytes of a CHAT_FILE_DELETED or CHAT_FILE_FAILED file are erased: a deleted one's row goes. */
enum store_result chat_files_forget(struct store *store, const char *id)
    __attribute__((warn_unused_result));

/* Bytes of all files that are ready or being uploaded (as far as announced). */
enum store_result chat_files_total(struct store *store, int64_t *bytes)
    __attribute__((warn_unused_result));

#endif
