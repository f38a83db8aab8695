/*
 * Random identifiers and the rules for those that come from outside. Callable from every thread.
 * Randomness is libsodium's (getrandom(2)); id_init() once at start-up.
 */
#ifndef LECTERN_BASE_ID_H
#define LECTERN_BASE_ID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

#define ID_MAX 64 /* longest user id, ref or server id, in bytes */
#define ROOM_CODE_MIN 4
#define ROOM_CODE_MAX 12
#define CHAT_ROOM_ID_LEN 16 /* "c" and 15 of a-z 2-7: no room code, which has capitals only */
#define NAME_MAX_CHARS 64   /* longest display name, in characters (code points) */
#define NAME_MAX_BYTES 256
#define SESSION_ID_LEN 16
#define EPOCH_LEN 6
#define SEAL_LEN 12

int id_init(void); /* 0, or -1 when there is no randomness to be had */

/* Writes `len` random characters of lower-case base32 (a-z2-7) and a NUL: out holds len + 1. */
void id_random(char *out, size_t len);

/* A room code of six letters without look-alikes (no I, L, O): out holds 7 bytes. */
void id_room_code(char out[7]);

void id_chat_room(char out[CHAT_ROOM_ID_LEN + 1]); /* a new one, with a NUL */

uint32_t id_random_below(uint32_t bound);

/* 1 to 64 of A-Z a-z 0-9 . _ @ - */
bool id_valid(struct span s);

/* 4 to 12 of A-Z 0-9 */
bool id_room_code_valid(struct span s);

/* "c" and 15 of a-z 2-7 */
bool id_chat_room_valid(struct span s);

/*
 * 1 to 64 characters of valid UTF-8, not all blank, without control characters (C0, DEL, C1) and
 * without those that turn the direction of writing for what follows them (U+202A to U+202E, U+2066
 * to U+2069).
 */
bool id_name_valid(struct span s);

/* 1 to 64 of A-Z a-z 0-9 . _ - : messageType on the wire */
bool id_type_valid(struct span s);

#endif
