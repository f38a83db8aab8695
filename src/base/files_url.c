/* LECTERN_FILES_URL taken apart; see files_url.h. */
#include "base/files_url.h"

#include "base/ascii.h"
#include "base/number.h"
#include "base/url.h"

/* True, and the prefix cut off, where `text` begins with it. */
static bool cut_prefix(struct span *text, const char *prefix)
{
    size_t n = strlen(prefix);
    if (text->n < n || memcmp(text->p, prefix, n) != 0) {
        return false;
    }
    text->p += n;
    text->n -= n;
    return true;
}

/* What stands before the first `separator`, cut off with it; false where there is none. */
static bool cut_at(struct span *text, char separator, struct span *before)
{
    const char *at = text->n ? memchr(text->p, separator, text->n) : NULL;
    if (!at) {
        return false;
    }
    *before = (struct span){text->p, (size_t)(at - text->p)};
    text->p += before->n + 1;
    text->n -= before->n + 1;
    return true;
}

static bool of_characters(struct span text, const char *further)
{
    for (size_t i = 0; i < text.n; i++) {
        if (!ascii_is_alnum(text.p[i]) && (!text.p[i] || !strchr(further, text.p[i]))) {
            return false;
        }
    }
    return true;
}

static const char *read_credentials(struct span text, struct files_url *out)
{
    struct span key;
    size_t len;
    if (!cut_at(&text, ':', &key)) {
        return "the secret is missing (KEY:SECRET@)";
    }
    if (url_decode(key, false, out->key, sizeof out->key, &len) || len == 0 ||
        strchr(out->key, ':')) {
        return "the key before the host cannot be read";
    }
    if (url_decode(text, false, out->secret, sizeof out->secret, &len) || len == 0) {
        return "the secret before the host cannot be read";
    }
    return NULL;
}

static const char *read_host(struct span text, struct files_url *out)
{
    struct span host = text;
    if (cut_at(&text, ':', &host)) {
        uint32_t port;
        if (!number_read_u32(text, 1, UINT16_MAX, &port)) {
            return "the port is not 1 to 65535";
        }
        out->port = (uint16_t)port;
    }
    if (host.n == 0 || !of_characters(host, ".-") ||
        !span_copy(host, out->host, sizeof out->host)) {
        return "the host is neither a name nor an IPv4 address";
    }
    return NULL;
}

/* Bucket and prefix: plain segments, so that nothing in them needs to be encoded or is resolved. */
static const char *read_path(struct span text, struct files_url *out)
{
    static const char wrong[] = "behind the host stands no /bucket or /bucket/prefix of "
                                "A-Z a-z 0-9 . _ -";
    struct url_path parts;
    char path[FILES_PATH_MAX + 2];
    while (text.n > 0 && text.p[text.n - 1] == '/') {
        text.n--;
    }
    path[0] = '/';
    if (text.n == 0 || !of_characters(text, "._-/") ||
        !span_copy(text, path + 1, sizeof path - 1) || url_path_split(span_of(path), &parts) ||
        !span_copy(span_of(path), out->path, sizeof out->path)) {
        return wrong;
    }
    return NULL;
}

static const char *read_option(struct span option, struct files_url *out)
{
    struct span name;
    size_t len;
    if (cut_at(&option, '=', &name)) {
        if (span_eq(name, "region")) {
            return option.n > 0 && of_characters(option, "-") &&
                           span_copy(option, out->region, sizeof out->region)
                       ? NULL
                       : "the region is not of a-z 0-9 -";
        }
        if (span_eq(name, "ca")) {
            return url_decode(option, false, out->ca, sizeof out->ca, &len) || len == 0
                       ? "ca is no path"
                       : NULL;
        }
    }
    return "options are region and ca";
}

static const char *read_options(struct span text, struct files_url *out)
{
    while (text.n > 0) {
        struct span option = text;
        if (!cut_at(&text, '&', &option)) {
            text.n = 0;
        }
        const char *wrong = read_option(option, out);
        if (wrong) {
            return wrong;
        }
    }
    return NULL;
}

static const char *read_bucket(struct span text, struct files_url *out)
{
    struct span credentials, authority, path;
    struct span options = {NULL, 0};
    const char *at = text.n ? memrchr(text.p, '@', text.n) : NULL;
    (void)span_copy(span_of(FILES_REGION_DEFAULT), out->region, sizeof out->region);
    if (!at) {
        return "there is no KEY:SECRET@ before the host";
    }
    credentials = (struct span){text.p, (size_t)(at - text.p)};
    text = (struct span){at + 1, text.n - credentials.n - 1};
    const char *wrong = read_credentials(credentials, out);
    if (wrong) {
        return wrong;
    }
    if (cut_at(&text, '?', &path)) {
        options = text;
        text = path;
    }
    if (!cut_at(&text, '/', &authority)) {
        authority = text;
        text.n = 0;
    }
    wrong = read_host(authority, out);
    wrong = wrong ? wrong : read_path(text, out);
    return wrong ? wrong : read_options(options, out);
}

const char *files_url_parse(struct span text, struct files_url *out)
{
    *out = (struct files_url){.port = 0};
    if (cut_prefix(&text, "file:")) {
        out->dir = text;
        return text.n > 0 ? NULL : "there is no directory behind file:";
    }
    out->https = cut_prefix(&text, "s3+https://");
    if (!out->https && !cut_prefix(&text, "s3+http://")) {
        return "it begins with none of file:, s3+https:// and s3+http://";
    }
    return read_bucket(text, out);
}
