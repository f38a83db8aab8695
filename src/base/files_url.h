/*
 * Reading LECTERN_FILES_URL: where the bytes of chats' files are kept. Pure, any thread.
 */
#ifndef LECTERN_BASE_FILES_URL_H
#define LECTERN_BASE_FILES_URL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

#define FILES_HOST_MAX 253
#define FILES_PATH_MAX 512
#define FILES_KEY_MAX 255
#define FILES_REGION_MAX 63

struct files_url {
    struct span dir; /* of file:<dir>: the directory, borrowed; of a bucket: empty */

    /* Of a bucket: */
    bool https;
    char host[FILES_HOST_MAX + 1];  /* name or IPv4 address */
    uint16_t port;                  /* 0: the scheme's */
    char path[FILES_PATH_MAX + 1];  /* "/bucket" or "/bucket/prefix", without a slash at its end */
    char key[FILES_KEY_MAX + 1];    /* access key id */
    char secret[FILES_KEY_MAX + 1]; /* secret access key */
    char region[FILES_REGION_MAX + 1];
    char ca[FILES_PATH_MAX + 1]; /* PEM file with the authorities to trust; "": the system's */
};

#define FILES_REGION_DEFAULT "us-east-1"

/*
 * file:<dir>, or s3+https://KEY:SECRET@host[:port]/bucket[/prefix][?region=…][&ca=…], or s3+http://…
 * KEY and SECRET are percent-encoded; bucket and prefix are of A-Z a-z 0-9 . _ / -. NULL when it was
 * read into `out`, else what is wrong with it, in words that do not quote it (it holds a secret).
 */
const char *files_url_parse(struct span text, struct files_url *out)
    __attribute__((warn_unused_result));

#endif
