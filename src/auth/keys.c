/* Reading, checking and making keys; see keys.h. */
#include "auth/keys.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/bio.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/id.h"
#include "core/log.h"

#define SECRET_BYTES 32
#define SECRET_FILE "jwt-secret"
#define PATH_BYTES 4096

/* Reads up to `max` bytes as text. 0, or -1 with errno; EFBIG: more than that, EINVAL: a NUL. */
static int read_text(int fd, size_t max, char **out)
{
    char *text = malloc(max + 1);
    size_t n = 0;
    ssize_t got = 1;
    if (!text) {
        return -1;
    }
    while (n <= max && (got = read(fd, text + n, max + 1 - n)) != 0) {
        if (got < 0 && errno != EINTR) {
            int saved = errno;
            free(text);
            errno = saved;
            return -1;
        }
        n += got > 0 ? (size_t)got : 0;
    }
    if (n > max || memchr(text, '\0', n)) {
        sodium_memzero(text, n);
        free(text);
        errno = n > max ? EFBIG : EINVAL;
        return -1;
    }
    text[n] = '\0';
    *out = text;
    return 0;
}

/* Opens and reads a regular file; `mode` (may be NULL) gets its permission bits. */
static int read_file(const char *path, size_t max, char **out, mode_t *mode)
{
    struct stat info;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
        return -1;
    }
    int result = fstat(fd, &info);
    if (result == 0 && !S_ISREG(info.st_mode)) {
        errno = EINVAL;
        result = -1;
    }
    if (result == 0) {
        result = read_text(fd, max, out);
    }
    if (result == 0 && mode) {
        *mode = info.st_mode & 0777;
    }
    int saved = errno;
    close(fd);
    errno = saved;
    return result;
}

static int write_all(int fd, const char *data, size_t len)
{
    while (len > 0) {
        ssize_t n = write(fd, data, len);
        if (n < 0 && errno != EINTR) {
            return -1;
        }
        data += n > 0 ? n : 0;
        len -= n > 0 ? (size_t)n : 0;
    }
    return 0;
}

/* Writes a new secret to `path`, which must not exist. 0 or -1 with errno. */
static int write_secret(const char *path)
{
    unsigned char secret[SECRET_BYTES];
    char
        text[sodium_base64_ENCODED_LEN(SECRET_BYTES, sodium_base64_VARIANT_URLSAFE_NO_PADDING) + 1];
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) {
        return -1;
    }
    randombytes_buf(secret, sizeof secret);
    sodium_bin2base64(text, sizeof text, secret, sizeof secret,
                      sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    strcat(text, "\n");
    int result = write_all(fd, text, strlen(text)) || fchmod(fd, 0600) || fsync(fd) ? -1 : 0;
    int saved = errno;
    sodium_memzero(secret, sizeof secret);
    sodium_memzero(text, sizeof text);
    close(fd);
    errno = saved;
    return result;
}

/* So that the new name in `dir` outlives a power cut; where it cannot be had, it is not needed. */
static void sync_directory(const char *dir)
{
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) {
        (void)fsync(fd);
        close(fd);
    }
}

/*
 * Makes the secret's file. It is written under a name of its own and then linked to its real one,
 * which fails if that exists: whoever comes second finds the first one's, complete. 0 or -1 with
 * errno.
 */
static int make_secret(const char *dir, const char *path)
{
    char suffix[17];
    char temporary[PATH_BYTES + 32];
    if (mkdir(dir, 0700) && errno != EEXIST) {
        return -1;
    }
    id_random(suffix, 16);
    snprintf(temporary, sizeof temporary, "%s.%s", path, suffix);
    int result = write_secret(temporary);
    if (result == 0 && link(temporary, path) && errno != EEXIST) {
        result = -1;
    }
    int saved = errno;
    (void)unlink(temporary);
    sync_directory(dir);
    errno = saved;
    return result;
}

static const char *reason(void)
{
    return errno == EFBIG    ? "it is too long"
           : errno == EINVAL ? "it is not a text file"
                             : strerror(errno);
}

/* NULL, or why the text cannot serve as a secret. */
static const char *check_secret(const char *text)
{
    if (strstr(text, "-----BEGIN")) {
        return "it is a PEM key: whoever has it could make tokens";
    }
    return strlen(text) < KEYS_SECRET_MIN ? "it is shorter than 32 bytes" : NULL;
}

static char *copy_secret(const char *secret, char *error, size_t error_cap)
{
    const char *wrong = check_secret(secret);
    char *text = wrong ? NULL : strdup(secret);
    if (!text) {
        snprintf(error, error_cap, "cannot use LECTERN_JWT_SECRET: %s",
                 wrong ? wrong : "out of memory");
    }
    return text;
}

char *keys_load_secret(const struct config *config, char *error, size_t error_cap)
{
    char path[PATH_BYTES];
    char *text = NULL;
    mode_t mode = 0;
    if (*config->jwt_secret) {
        return copy_secret(config->jwt_secret, error, error_cap);
    }
    if ((size_t)snprintf(path, sizeof path, "%s/" SECRET_FILE, config->data_dir) >= sizeof path) {
        snprintf(error, error_cap, "LECTERN_DATA_DIR is too long a path");
        return NULL;
    }
    int result = read_file(path, KEYS_SECRET_MAX, &text, &mode);
    if (result && errno == ENOENT) {
        if (make_secret(config->data_dir, path)) {
            snprintf(error, error_cap, "cannot make %s: %s", path, strerror(errno));
            return NULL;
        }
        result = read_file(path, KEYS_SECRET_MAX, &text, &mode);
    }
    if (result == 0) {
        text[strcspn(text, "\r\n")] = '\0';
    }
    const char *wrong = result ? reason() : check_secret(text);
    if (wrong) {
        snprintf(error, error_cap, "cannot use %s: %s", path, wrong);
        free(text);
        return NULL;
    }
    if (mode & 0077) {
        log_warn("auth", "%s can be read by other users (mode %04o); chmod 600 it", path,
                 (unsigned)mode);
    }
    return text;
}

const char *keys_check_public(const EVP_PKEY *key, enum config_jwt_algorithm algorithm)
{
    char group[64] = "";
    if (algorithm == CONFIG_JWT_RS256) {
        if (!EVP_PKEY_is_a(key, "RSA")) {
            return "RS256 needs an RSA key";
        }
        return EVP_PKEY_get_bits(key) < KEYS_RSA_MIN_BITS ? "an RSA key needs at least 2048 bits"
                                                          : NULL;
    }
    if (!EVP_PKEY_is_a(key, "EC") ||
        !EVP_PKEY_get_utf8_string_param(key, OSSL_PKEY_PARAM_GROUP_NAME, group, sizeof group,
                                        NULL) ||
        strcmp(group, "prime256v1") != 0) {
        return "ES256 needs an elliptic-curve key on P-256";
    }
    return NULL;
}

char *keys_to_pem(const EVP_PKEY *key)
{
    char *text = NULL;
    char *data;
    BIO *bio = BIO_new(BIO_s_mem());
    if (bio && PEM_write_bio_PUBKEY(bio, key)) {
        long len = BIO_get_mem_data(bio, &data);
        text = strndup(data, (size_t)len);
    }
    BIO_free(bio);
    return text;
}

/* The key in `file`, as PEM; NULL with *wrong set. */
static char *parse_public(const char *file, enum config_jwt_algorithm algorithm, const char **wrong)
{
    char *pem = NULL;
    if (strstr(file, "PRIVATE KEY-----")) {
        *wrong = "it holds a private key, which belongs to the issuer alone";
        return NULL;
    }
    BIO *bio = BIO_new_mem_buf(file, -1);
    EVP_PKEY *key = bio ? PEM_read_bio_PUBKEY(bio, NULL, NULL, NULL) : NULL;
    if (!key) {
        *wrong = strstr(file, "BEGIN CERTIFICATE")
                     ? "it is a certificate; `openssl x509 -pubkey -noout` prints its public key"
                     : "it is not a public key in PEM form (BEGIN PUBLIC KEY)";
    } else {
        *wrong = keys_check_public(key, algorithm);
        if (!*wrong) {
            pem = keys_to_pem(key);
            *wrong = "out of memory";
        }
    }
    EVP_PKEY_free(key);
    BIO_free(bio);
    ERR_clear_error();
    return pem;
}

const char *keys_read_file(const char *path, size_t max, char **out)
{
    return read_file(path, max, out, NULL) ? reason() : NULL;
}

char *keys_load_public(const struct config *config, char *error, size_t error_cap)
{
    char *file = NULL;
    if (read_file(config->jwt_public_key, KEYS_PEM_MAX, &file, NULL)) {
        snprintf(error, error_cap, "cannot read LECTERN_JWT_PUBLIC_KEY=\"%s\": %s",
                 config->jwt_public_key, reason());
        return NULL;
    }
    const char *wrong = NULL;
    char *pem = parse_public(file, config->jwt_algorithm, &wrong);
    if (!pem) {
        snprintf(error, error_cap, "cannot use LECTERN_JWT_PUBLIC_KEY=\"%s\": %s",
                 config->jwt_public_key, wrong);
    }
    free(file);
    return pem;
}
