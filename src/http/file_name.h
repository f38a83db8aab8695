/*
 * Names of files that people send and others save: made harmless once, when they come, and written
 * for downloads. Pure, any thread.
 */
#ifndef LECTERN_HTTP_FILE_NAME_H
#define LECTERN_HTTP_FILE_NAME_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

#define FILE_LABEL_MAX 180 /* bytes of a name: with what browsers add still under 255 */
#define FILE_TYPE_MAX 100  /* bytes of a content type */

/*
 * The last part of a path in valid UTF-8, of either system, without control characters and those
 * that turn or hide text (bidirectional controls, zero-width characters, line separators, tags),
 * without characters that Windows does not allow (they become '_') and without blanks and dots at
 * its ends; cut to FILE_LABEL_MAX bytes, the extension kept. Names of devices (CON, LPT1.txt) get a
 * '_' in front. What is left of nothing is "file".
 */
void file_name_clean(struct span name, char out[FILE_LABEL_MAX + 1]);

/*
 * Gives a clean name another extension: what it was is cut off where it is one of a picture's, and it
 * stays where it is `extension` (".png") already.
 */
void file_name_extend(char name[FILE_LABEL_MAX + 1], const char *extension);

/*
 * Takes `token/token` off a Content-Type (RFC 9110 section 8.3), in lower case and without
 * parameters; false where that is not what stands there. NULL and "" are
 * "application/octet-stream".
 */
bool file_type_read(const char *content_type, char out[FILE_TYPE_MAX + 1]);

/* May a browser show this type by itself? Pictures, films and sound that run no scripts. */
bool file_type_inline(const char *type);

/*
 * Appends the value of a Content-Disposition (RFC 6266): `inline` or `attachment`, the name in ASCII
 * for the oldest, and in UTF-8 as RFC 8187 writes it.
 */
void file_disposition(struct buf *out, bool shown, const char *name);

#endif
