/*
 * Files in a directory of this machine, or one that several machines have mounted: `<xy>/<name>`,
 * where x and y are the name's second and third characters, and `part/<name>` while bytes are still
 * coming; `lost/<name>` has what nobody owns. Files leave a twentieth of the disk free, or 256 MiB if that is
 * less: beyond that it is BLOB_FULL. Called by media/blobs.c, whose contracts hold.
 */
#ifndef LECTERN_MEDIA_BLOB_DIR_H
#define LECTERN_MEDIA_BLOB_DIR_H

#include "media/blobs.h"

struct blob_dir;

struct blob_dir *blob_dir_open(const char *path, char *error, size_t error_cap);
void blob_dir_close(struct blob_dir *dir);

enum blob_result blob_dir_put(struct blob_dir *dir, const char *name, int64_t len,
                              blob_source *source, void *arg, const atomic_bool *stop)
    __attribute__((warn_unused_result));
enum blob_result blob_dir_erase(struct blob_dir *dir, const char *name)
    __attribute__((warn_unused_result));
int blob_dir_file(struct blob_dir *dir, const char *name, int64_t *size, enum blob_result *result)
    __attribute__((warn_unused_result));
void blob_dir_sweep(struct blob_dir *dir, int64_t age_ms, int64_t lost_ms);
enum blob_result blob_dir_set_aside(struct blob_dir *dir, const char *name);
void blob_dir_each(struct blob_dir *dir, int64_t age_ms, blob_name_fn *fn, void *arg);

#endif
