/*
 * The pages and what belongs to them: every file of the web directory, read into memory at start
 * and served from there, so that no request ever names a file.
 */
#ifndef LECTERN_HTTP_PAGES_H
#define LECTERN_HTTP_PAGES_H

#include <stdbool.h>
#include <stddef.h>

#define PAGES_FILE_MAX (16u << 20)  /* bytes of one file; larger ones are left out */
#define PAGES_TOTAL_MAX (64u << 20) /* bytes of all */
#define PAGES_DEPTH_MAX 8

struct pages;
struct request;

/*
 * Reads all plain files below `dir`; links, hidden and unreadable files are left out (and logged). A
 * directory that does not exist makes no pages. NULL: no memory.
 */
struct pages *pages_load(const char *dir);
void pages_destroy(struct pages *pages); /* accepts NULL */

size_t pages_count(const struct pages *pages);

/* True if there is a page, or a redirection to one, at the request's path. */
bool pages_has(const struct pages *pages, const struct request *req);

/* Answers a GET or HEAD for which pages_has() is true. */
void pages_serve(const struct pages *pages, struct request *req);

/* True if an If-None-Match header's list has `etag` (RFC 7232 section 3.2). */
bool pages_etag_matches(const char *list, const char *etag);

#endif
