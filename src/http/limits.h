/*
 * What one address may try, and how many of civetweb's threads may be busy with slow things.
 *
 * Room codes are short enough to be guessed at, so an address is charged for each code it names
 * that does not exist, and only for those: a whole school may share an address. The charge is made
 * before the question is asked, so that questions asked at the same time count each, and is taken
 * back when the room exists. A code that the address named a moment ago is not charged again: a
 * class waiting for its teacher does not guess. Any thread.
 */
#ifndef LECTERN_HTTP_LIMITS_H
#define LECTERN_HTTP_LIMITS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "http/address.h"

#define LIMITS_CODES_BURST 60       /* wrong codes at once */
#define LIMITS_CODES_REFILL_MS 1000 /* and one more after this */
#define LIMITS_CODES_KNOWN 64       /* codes charged for that are remembered per address */
#define LIMITS_ADDRESSES 4096       /* addresses remembered */

/* Things that hold a thread for longer than an answer takes. */
enum limits_slot {
    LIMITS_BODY, /* receiving a body that did not come with the head: a quarter of the threads */
    LIMITS_TRANSFER, /* sending a long answer: a quarter of the threads */
    LIMITS_OPENING,  /* waiting for a room whose host is just arriving: an eighth */
    LIMITS_PASSWORD, /* hashing a password or waiting to, or reading an account: a quarter of the threads */
    LIMITS_TOKEN, /* asking the store whether a token is void: an eighth */
    LIMITS_IMAGE, /* taking an image, which may wait for its decoder: an eighth; limits_image_enter() */
    LIMITS_CHAT,      /* using the store for chats: half of the threads; limits_chat_enter() */
    LIMITS_CHAT_DOOR, /* asking the store who is a member, at the door: an eighth; else the loop asks */
    LIMITS_UPLOAD, /* taking a file for a chat: a quarter; limits_upload_enter() */
    LIMITS_SLOTS,
};

struct limits;

struct limits *limits_create(unsigned http_threads); /* NULL: no memory */
void limits_destroy(struct limits *limits);          /* accepts NULL */

enum limits_answer {
    LIMITS_FREE,    /* it may ask: the code is one of those it has been charged for */
    LIMITS_CHARGED, /* it may ask, and has been charged for it */
    LIMITS_OVER,    /* it may not, for *wait_s seconds */
};

/*
 * May `address` ask for this room code? IPv6 addresses are counted by their /64. `now_ms` is
 * monotonic time.
 */
enum limits_answer limits_codes_charge(struct limits *limits, const struct address *address,
                                       const char *code, int64_t now_ms, unsigned *wait_s)
    __attribute__((warn_unused_result));

/* Takes back what was LIMITS_CHARGED: the room exists, or nobody could tell. */
void limits_codes_refund(struct limits *limits, const struct address *address, const char *code,
                         int64_t now_ms);

/* True when a slot was free; then limits_leave() follows. */
bool limits_enter(struct limits *limits, enum limits_slot slot);
void limits_leave(struct limits *limits, enum limits_slot slot);

/*
 * The same for LIMITS_IMAGE, of which one user may have LIMITS_IMAGES_PER_USER: nobody keeps a class
 * from sending images by sending many.
 */
bool limits_image_enter(struct limits *limits, const char *user_id);
void limits_image_leave(struct limits *limits, const char *user_id);
#define LIMITS_IMAGES_PER_USER 4

/* And for LIMITS_UPLOAD: files that are on their way into chats. */
bool limits_upload_enter(struct limits *limits, const char *user_id)
    __attribute__((warn_unused_result));
void limits_upload_leave(struct limits *limits, const char *user_id);
#define LIMITS_UPLOADS_PER_USER 4

/* And for LIMITS_CHAT: nobody keeps others from their rooms by asking for a lot at once. */
bool limits_chat_enter(struct limits *limits, const char *user_id)
    __attribute__((warn_unused_result));
void limits_chat_leave(struct limits *limits, const char *user_id);
#define LIMITS_CHATS_PER_USER 16

/*
 * Of what a user has entered one image at a time goes on to the decoders, so that many of one user's
 * never stand in front of another's. Waits up to `wait_ms` for it; false after that, or soon after
 * *stop became true; limits_image_turn_end() follows where it is true.
 */
bool limits_image_turn(struct limits *limits, const char *user_id, int64_t wait_ms,
                       const atomic_bool *stop) __attribute__((warn_unused_result));
void limits_image_turn_end(struct limits *limits, const char *user_id);

/*
 * What a user has decoders do in vain is charged: LIMITS_WASTE_MS of their time at once, and then a
 * tenth of one decoder. limits_waste() is the number of seconds to wait before the next image, or 0.
 */
void limits_waste_charge(struct limits *limits, const char *user_id, int64_t took_ms,
                         int64_t now_ms);
unsigned limits_waste(struct limits *limits, const char *user_id, int64_t now_ms);
#define LIMITS_WASTE_MS 20000

#endif
