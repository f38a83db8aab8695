/*
 * Keys for tokens: the secret of this installation and the public key of a login service. Start-up
 * only; errors are sentences for the operator and never show a key.
 */
#ifndef LECTERN_AUTH_KEYS_H
#define LECTERN_AUTH_KEYS_H

#include <openssl/types.h>
#include <stddef.h>

#include "core/config.h"

#define KEYS_SECRET_MIN 32   /* bytes */
#define KEYS_SECRET_MAX 4096 /* bytes of the secret's file */
#define KEYS_PEM_MAX 65536   /* bytes of a public key's file */
#define KEYS_RSA_MIN_BITS 2048

/*
 * The secret: LECTERN_JWT_SECRET, or what data_dir/jwt-secret holds; that file (0600) is made with
 * 256 random bits when it does not exist, atomically: of several servers that start at once on one
 * directory one makes it and all read the same. The directory itself is made (0700) when missing, its
 * parents are not. Returns NUL-terminated text without line end, to be freed, or NULL with *error
 * filled.
 */
char *keys_load_secret(const struct config *config, char *error, size_t error_cap);

/*
 * Reads LECTERN_JWT_PUBLIC_KEY and checks that it fits the algorithm: RSA of at least 2,048 bits for
 * RS256, P-256 for ES256. Returns it as PEM text (SubjectPublicKeyInfo), to be freed, or NULL with
 * *error filled.
 */
char *keys_load_public(const struct config *config, char *error, size_t error_cap);

/* What keys_load_public() asks of a key: NULL, or why it does not serve. */
const char *keys_check_public(const EVP_PKEY *key, enum config_jwt_algorithm algorithm);

char *keys_to_pem(const EVP_PKEY *key); /* to be freed; NULL: no memory */

/* Reads a regular file of at most `max` bytes as text, to be freed. NULL, or why not. */
const char *keys_read_file(const char *path, size_t max, char **out);

#endif
