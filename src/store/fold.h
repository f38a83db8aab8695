/*
 * Texts as they are compared when somebody searches: lower case (of Latin, Greek, Cyrillic, Armenian and
 * full-width letters), Korean syllables composed as Unicode's NFC has them (names of files from a Mac are not),
 * control characters as blanks. The same whichever database and locale there is. Pure, any thread.
 */
#ifndef LECTERN_STORE_FOLD_H
#define LECTERN_STORE_FOLD_H

#include "base/buf.h"

/* Appends `text`, which is valid UTF-8, folded: never longer than it was. */
void fold_text(struct buf *out, struct span text);

#endif
