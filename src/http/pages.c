/*
 * The web directory in memory; see pages.h.
 *
 * A page is found by its whole path, so what was not read at start cannot be reached. Text is kept
 * compressed beside the plain form where that is smaller. Names that hold a hash of the contents
 * (app-3KQ7ZT2A.js) may be cached for ever; everything else is asked for again each time, which
 * costs a 304.
 */
#include "http/pages.h"

#include <dirent.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "base/map.h"
#include "core/log.h"
#include "http/answer.h"
#include "http/head.h"

#define ETAG_SIZE 40 /* "…" with 32 hexadecimal digits and perhaps -gz, terminated */

static const char page_policy[] =
    "default-src 'self'; img-src 'self' data: blob:; object-src 'none'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'";

struct page {
    char *path; /* "/student/index.html": the key */
    const char *type;
    struct buf plain;
    struct buf gzip; /* empty when it would not be smaller */
    char etag[ETAG_SIZE], gzip_etag[ETAG_SIZE];
    bool immutable;
};

struct pages {
    struct map by_path;
    size_t total; /* bytes of the plain forms */
};

static const struct {
    const char *extension;
    const char *type;
    bool text; /* worth compressing */
} types[] = {
    {".html", "text/html; charset=utf-8", true},
    {".js", "text/javascript; charset=utf-8", true},
    {".mjs", "text/javascript; charset=utf-8", true},
    {".css", "text/css; charset=utf-8", true},
    {".svg", "image/svg+xml", true},
    {".json", "application/json", true},
    {".map", "application/json", true},
    {".webmanifest", "application/manifest+json", true},
    {".txt", "text/plain; charset=utf-8", true},
    {".wasm", "application/wasm", true},
    {".png", "image/png", false},
    {".jpg", "image/jpeg", false},
    {".webp", "image/webp", false},
    {".gif", "image/gif", false},
    {".ico", "image/x-icon", false},
    {".woff2", "font/woff2", false},
};

static void page_destroy(struct page *page)
{
    if (page) {
        free(page->path);
        buf_finish(&page->plain);
        buf_finish(&page->gzip);
        free(page);
    }
}

/* Sets the type by the name's end; true if compressing may help. */
static bool set_type(struct page *page)
{
    const char *dot = strrchr(page->path, '.');
    page->type = "application/octet-stream";
    for (size_t i = 0; dot && i < sizeof types / sizeof types[0]; i++) {
        if (strcmp(dot, types[i].extension) == 0) {
            page->type = types[i].type;
            return types[i].text;
        }
    }
    return false;
}

/* A name like app-3KQ7ZT2A.js: the bundler's hash of the contents, eight of A-Z and 2-7. */
static bool has_hash(const char *path)
{
    const char *dash = strrchr(path, '-');
    return dash && strspn(dash + 1, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567") == 8 && dash[9] == '.';
}

static void set_etags(struct page *page)
{
    unsigned char hash[16];
    char hex[33];
    crypto_generichash(hash, sizeof hash, (const unsigned char *)page->plain.data, page->plain.len,
                       NULL, 0);
    sodium_bin2hex(hex, sizeof hex, hash, sizeof hash);
    snprintf(page->etag, sizeof page->etag, "\"%s\"", hex);
    snprintf(page->gzip_etag, sizeof page->gzip_etag, "\"%s-gz\"", hex);
}

static void compress_page(struct page *page)
{
    z_stream z = {0};
    if (deflateInit2(&z, Z_BEST_COMPRESSION, Z_DEFLATED, 15 + 16, 9, Z_DEFAULT_STRATEGY) != Z_OK) {
        return;
    }
    size_t most = deflateBound(&z, page->plain.len);
    if (buf_reserve(&page->gzip, most)) {
        z.next_in = (unsigned char *)page->plain.data;
        z.avail_in = (unsigned)page->plain.len;
        z.next_out = (unsigned char *)page->gzip.data;
        z.avail_out = (unsigned)most;
        if (deflate(&z, Z_FINISH) == Z_STREAM_END && z.total_out < page->plain.len) {
            page->gzip.len = z.total_out;
        }
    }
    deflateEnd(&z);
    if (page->gzip.len == 0) {
        buf_finish(&page->gzip);
    }
}

/* Reads `len` bytes of an open file. */
static bool read_all(int fd, size_t len, struct buf *out)
{
    if (!buf_reserve(out, len + 1)) {
        return false;
    }
    while (out->len < len) {
        ssize_t n = read(fd, out->data + out->len, len - out->len);
        if (n <= 0) {
            return false;
        }
        out->len += (size_t)n;
    }
    return true;
}

/* Makes a page of the open file and puts it into the table. Takes `path`. */
static void add_page(struct pages *pages, int fd, size_t len, char *path)
{
    struct page *page = calloc(1, sizeof *page);
    if (!page) {
        free(path);
        return;
    }
    page->path = path;
    bool text = set_type(page);
    page->immutable = has_hash(path);
    if (!read_all(fd, len, &page->plain) || map_get(&pages->by_path, span_of(path)) ||
        map_put(&pages->by_path, span_of(page->path), page) < 0) {
        log_warn("http", "page %s could not be read", path);
        page_destroy(page);
        return;
    }
    set_etags(page);
    if (text) {
        compress_page(page);
    }
    pages->total += len;
}

static void load_dir(struct pages *pages, int dir_fd, const char *prefix, int depth);

static void load_entry(struct pages *pages, int dir_fd, const char *prefix, const char *name,
                       int depth)
{
    struct stat info;
    char *path;
    int fd = openat(dir_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &info) < 0 || asprintf(&path, "%s/%s", prefix, name) < 0) {
        log_warn("http", "page %s/%s left out: a link, or not readable", prefix, name);
        if (fd >= 0) {
            close(fd);
        }
        return;
    }
    if (S_ISDIR(info.st_mode) && depth < PAGES_DEPTH_MAX) {
        load_dir(pages, fd, path, depth + 1); /* closes fd */
        free(path);
        return;
    }
    size_t len = (size_t)info.st_size;
    if (S_ISREG(info.st_mode) && len <= PAGES_FILE_MAX && pages->total + len <= PAGES_TOTAL_MAX) {
        add_page(pages, fd, len, path);
    } else {
        log_warn("http", "page %s left out: too large, too deep, or no plain file", path);
        free(path);
    }
    close(fd);
}

static void load_dir(struct pages *pages, int dir_fd, const char *prefix, int depth)
{
    DIR *dir = fdopendir(dir_fd);
    if (!dir) {
        close(dir_fd);
        return;
    }
    const struct dirent *entry;
    while ((entry = readdir(dir)) != NULL) {
        if (entry->d_name[0] != '.') {
            load_entry(pages, dirfd(dir), prefix, entry->d_name, depth);
        }
    }
    closedir(dir);
}

struct pages *pages_load(const char *dir)
{
    struct pages *pages = calloc(1, sizeof *pages);
    if (!pages) {
        return NULL;
    }
    map_init(&pages->by_path);
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        log_warn("http", "no pages: %s is not a readable directory", dir);
        return pages;
    }
    load_dir(pages, fd, "", 0);
    return pages;
}

void pages_destroy(struct pages *pages)
{
    if (!pages) {
        return;
    }
    size_t pos = 0;
    struct page *page;
    while ((page = map_next(&pages->by_path, &pos)) != NULL) {
        page_destroy(page);
    }
    map_finish(&pages->by_path);
    free(pages);
}

size_t pages_count(const struct pages *pages)
{
    return pages->by_path.len;
}

/* The path as it stands in the table, with `end` behind; empty when it is longer than any. */
static struct span key_of(const struct request *req, const char *end, char *out, size_t cap)
{
    size_t n = 0;
    for (size_t i = 0; i < req->path.count; i++) {
        struct span segment = url_path_at(&req->path, i);
        if (n + segment.n + 2 > cap) {
            return (struct span){out, 0};
        }
        out[n++] = '/';
        memcpy(out + n, segment.p, segment.n);
        n += segment.n;
    }
    size_t len = strlen(end);
    if (n + len > cap) {
        return (struct span){out, 0};
    }
    memcpy(out + n, end, len);
    return (struct span){out, n + len};
}

/* The page at the request's path; for a directory its index, or with *moved, the way there. */
static const struct page *find(const struct pages *pages, const struct request *req, bool *moved)
{
    char key[URL_PATH_MAX + 16];
    *moved = false;
    if (req->path.slash) {
        return map_get(&pages->by_path, key_of(req, "/index.html", key, sizeof key));
    }
    const struct page *page = map_get(&pages->by_path, key_of(req, "", key, sizeof key));
    if (!page) {
        page = map_get(&pages->by_path, key_of(req, "/index.html", key, sizeof key));
        *moved = page != NULL;
    }
    return page;
}

/* "/" leads to the student page unless there is a page of its own. */
static bool is_front(const struct pages *pages, const struct request *req)
{
    return req->path.count == 0 && map_get(&pages->by_path, span_of("/student/index.html"));
}

bool pages_has(const struct pages *pages, const struct request *req)
{
    bool moved;
    return find(pages, req, &moved) || is_front(pages, req);
}

bool pages_etag_matches(const char *list, const char *etag)
{
    size_t wanted = strlen(etag);
    while (list && *list) {
        list += strspn(list, " \t,");
        if (*list == '*') {
            return true;
        }
        if (strncmp(list, "W/", 2) == 0) {
            list += 2;
        }
        if (strncmp(list, etag, wanted) == 0 && strchr(" \t,", list[wanted])) {
            return true;
        }
        list += strcspn(list, ",");
    }
    return false;
}

static void redirect(struct request *req, int status, const char *path)
{
    buf_printf(&req->headers, "Location: %s%s%.*s\r\n", path, req->query.n ? "?" : "",
               (int)req->query.n, req->query.p ? req->query.p : "");
    answer(req, status, NULL, (struct span){NULL, 0});
}

void pages_serve(const struct pages *pages, struct request *req)
{
    char path[URL_PATH_MAX + 16];
    bool moved;
    const struct page *page = find(pages, req, &moved);
    if (!page) {
        redirect(req, 302, "/student/");
        return;
    }
    if (moved) {
        span_copy((struct span){page->path, strlen(page->path) - strlen("index.html")}, path,
                  sizeof path);
        redirect(req, 301, path);
        return;
    }
    bool gzip = page->gzip.len > 0 && head_accepts(request_header(req, "Accept-Encoding"), "gzip");
    const char *etag = gzip ? page->gzip_etag : page->etag;
    req->cache_control = page->immutable ? "public, max-age=31536000, immutable" : "no-cache";
    req->policy = page_policy;
    answer_header(req, "ETag", "%s", etag);
    if (page->gzip.len > 0) {
        answer_header(req, "Vary", "Accept-Encoding");
    }
    if (pages_etag_matches(request_header(req, "If-None-Match"), etag)) {
        answer(req, 304, NULL, (struct span){NULL, 0});
        return;
    }
    if (gzip) {
        answer_header(req, "Content-Encoding", "gzip");
    }
    answer(req, 200, page->type, buf_span(gzip ? &page->gzip : &page->plain));
}
