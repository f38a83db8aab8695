/*
 * JSON as Lectern needs it on the wire: a strict validating scanner (RFC 8259) that finds the byte
 * spans of an object's members without building a tree, so that a value can travel byte for byte,
 * and a writer for strings. Whoever wants a tree uses cJSON.
 *
 * Pure functions, any thread, no allocation except through struct buf.
 */
#ifndef LECTERN_BASE_JSON_H
#define LECTERN_BASE_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

#define JSON_DEPTH_MAX 64 /* arrays and objects nested deeper are refused */

enum json_type {
    JSON_NULL,
    JSON_BOOL,
    JSON_NUMBER,
    JSON_STRING,
    JSON_ARRAY,
    JSON_OBJECT,
};

struct json_value {
    enum json_type type;
    struct span raw; /* the value's bytes: strings with their quotes, no blanks around */
};

/* One member of the top-level object. */
struct json_member {
    struct span key; /* between the quotes, escapes not undone */
    struct json_value value;
};

/*
 * Walks over `text`, which must be one JSON object with nothing but blanks around it. Fills up to
 * `max` members in order; *count is the number found (members past `max` are checked, counted, not
 * stored). The text must be valid UTF-8 already (utf8_valid). Returns 0, or -1: not valid JSON,
 * not an object, or too deep; then *error_at is the offset of the offending byte.
 */
int json_members(struct span text, struct json_member *members, size_t max, size_t *count,
                 size_t *error_at) __attribute__((warn_unused_result));

/*
 * The same for an array's elements: 0, or -1 when `text` is not one valid JSON array. *count may
 * exceed `max`.
 */
int json_elements(struct span text, struct json_value *values, size_t max, size_t *count)
    __attribute__((warn_unused_result));

/* True if `text` is exactly one valid JSON value (blanks around it allowed; UTF-8 not checked). */
bool json_valid(struct span text);

/* The same, for a value that is to stand inside `depth` arrays or objects and must be valid there. */
bool json_valid_inside(struct span text, unsigned depth);

/*
 * Decodes a JSON string (raw with quotes) to UTF-8 in `out`, NUL-terminated; *len without the NUL.
 * Returns 0; -1 when it is no string, decodes to more than cap - 1 bytes, or holds \u0000 or an
 * unpaired surrogate (`out` is then undefined).
 */
int json_string(struct span raw, char *out, size_t cap, size_t *len)
    __attribute__((warn_unused_result));

/* True if the string (raw with quotes) could be decoded, given room enough. */
bool json_string_decodes(struct span raw);

/* True if two keys from json_members are the same text once their escapes are undone. */
bool json_key_same(struct span a, struct span b);

/* An integer without fraction or exponent that fits int64_t; -1 when it is not. */
int json_int(struct span raw, int64_t *out) __attribute__((warn_unused_result));

/* Appends `s` as a JSON string with quotes: escapes ", \, C0, DEL, U+2028 and U+2029. */
void json_write_string(struct buf *b, struct span s);

/* Appends `"key":` with a comma before it unless the buffer ends with { or [. */
void json_write_key(struct buf *b, const char *key);

#endif
