/*
 * The memory that decoding one image may take: malloc() with a sum that must not be exceeded, so
 * that a file that claims gigabytes meets a refusal that its decoder handles. One sum for the
 * process: for the decoder's own process, which has one thread. What the C library's malloc() takes
 * elsewhere is not counted; RLIMIT_AS stands behind it.
 */
#ifndef LECTERN_MEDIA_BUDGET_H
#define LECTERN_MEDIA_BUDGET_H

#include <stdbool.h>
#include <stddef.h>

/* Sets how much there is, in bytes, and forgets past refusals. Until then nothing is given. */
void budget_set(size_t bytes);

/*
 * As their namesakes; NULL also when the budget does not allow it. What budget_malloc() gives is
 * all zeros: stb_image 2.27 uses tables that a JPEG names and never defines, which is harmless
 * then.
 */
void *budget_malloc(size_t size);
void *budget_realloc(void *p, size_t size);
void budget_free(void *p);

size_t budget_used(void);   /* bytes not freed yet */
bool budget_exceeded(void); /* something was refused since budget_set() */

#endif
