/*
 * What the calls about chat rooms share (chat_rooms.c, chat_history.c, chat_messages.c): who may chat, reading
 * ids and parameters, rooms and messages as JSON, and what the store's results are answered with.
 *
 * All of them wait for the store on the request's thread, between chat_rest_begin() and chat_rest_end(),
 * which bound how many threads do so.
 */
#ifndef LECTERN_HTTP_CHAT_REST_H
#define LECTERN_HTTP_CHAT_REST_H

#include <stdbool.h>
#include <stdint.h>

#include "http/request.h"
#include "store/chats.h"
#include "store/messages.h"

#define CHAT_REST_BODY_MAX 4096   /* bytes of bodies that are no messages */
#define CHAT_REST_QUERY_CHARS 64  /* characters to look for, at most */
#define CHAT_REST_QUERY_BYTES 256 /* bytes that these take */

/*
 * May the request's user chat? Teachers and students may, whose token is not for a single room. False after
 * answering account_required: before anything else is looked at.
 */
bool chat_rest_allowed(struct request *req) __attribute__((warn_unused_result));

/*
 * May the user change something now? As often as a socket of theirs may send, whatever it is: who joins
 * and leaves, reads or sends files tells the room something, too. False after answering rate_limited.
 */
bool chat_rest_paced(struct request *req) __attribute__((warn_unused_result));

/*
 * Lets the request use the store, in which its user has a row from then on. False after answering: not
 * chat_rest_allowed(), chat_busy, or as chat_rest_refuse(); else chat_rest_end() follows.
 */
bool chat_rest_begin(struct request *req) __attribute__((warn_unused_result));
void chat_rest_end(struct request *req);

/* Answers what the store refused. `missing` is the code for STORE_NOT_FOUND. */
void chat_rest_refuse(struct request *req, enum store_result result, const char *missing);

/* Takes a room's id from a segment of the path; false after answering room_not_found. */
bool chat_rest_room(struct request *req, size_t segment, char room[CHAT_ROOM_ID_LEN + 1])
    __attribute__((warn_unused_result));

/* Reads a body's only member, a text; false after answering as body_json() and body_text() do. */
bool chat_rest_body(struct request *req, const char *key, char *out, size_t cap)
    __attribute__((warn_unused_result));

/*
 * The parameter `q`, without blanks around it. False after answering bad_field: too many characters, or
 * none where it is `needed`.
 */
bool chat_rest_query(struct request *req, bool needed, char out[CHAT_REST_QUERY_BYTES + 1])
    __attribute__((warn_unused_result));

/* Appends {"id","room","kind","name","owner","members","createdAt" and leaves the object open. */
void chat_rest_write_room(struct buf *json, const struct chat_room_row *room, const char *name);

/*
 * Appends {"id","name","userType","lastReadMessage"}, without the last one where `room` is NULL; or `[…]` of
 * all.
 */
void chat_rest_write_person(struct buf *json, const char *room, const struct chat_person *person);
void chat_rest_write_people(struct buf *json, const char *room, const struct chat_people *people);

/* Appends `"key":"<id of a message>"`, which is "" for seq 0. */
void chat_rest_write_id(struct buf *json, const char *key, const char *room, int64_t seq);

/* Appends `"next":…`, a cursor or null where it is "". */
void chat_rest_write_next(struct buf *json, const char *next);

/* Appends `[…]` of all messages. */
void chat_rest_write_rows(struct buf *json, const struct chat_message_rows *rows);

/*
 * Tells the room's sockets of rows that are committed. Where Redis is away they find them in the store
 * by themselves.
 */
void chat_rest_tell(struct request *req, const char *seal, const struct chat_message_rows *rows);

/* Has Redis remember how far the caller has read, and tells the others. The same holds. */
void chat_rest_tell_read(struct request *req, const char *seal, const char *room, int64_t seq);

#endif
