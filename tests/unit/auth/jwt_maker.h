/* Makes JSON Web Tokens of any kind, good and bad, without libjwt. For tests only. */
#ifndef LECTERN_TESTS_UNIT_AUTH_JWT_MAKER_H
#define LECTERN_TESTS_UNIT_AUTH_JWT_MAKER_H

#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define JWT_BYTES 16384

static inline void base64url(const void *data, size_t len, char *out, size_t cap)
{
    sodium_bin2base64(out, cap, data, len, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
}

/* "<header>.<payload>", each given as JSON text. */
static inline void jwt_input(const char *header, const char *payload, char out[JWT_BYTES])
{
    base64url(header, strlen(header), out, JWT_BYTES);
    strcat(out, ".");
    size_t n = strlen(out);
    base64url(payload, strlen(payload), out + n, JWT_BYTES - n);
}

static inline void jwt_attach(char *jwt, const void *signature, size_t len)
{
    strcat(jwt, ".");
    size_t n = strlen(jwt);
    base64url(signature, len, jwt + n, JWT_BYTES - n);
}

/* Signs with HMAC-SHA-256 of any key. */
static inline void jwt_hs256(const char *header, const char *payload, const char *key,
                             char out[JWT_BYTES])
{
    unsigned char mac[crypto_auth_hmacsha256_BYTES];
    crypto_auth_hmacsha256_state state;
    jwt_input(header, payload, out);
    crypto_auth_hmacsha256_init(&state, (const unsigned char *)key, strlen(key));
    crypto_auth_hmacsha256_update(&state, (const unsigned char *)out, strlen(out));
    crypto_auth_hmacsha256_final(&state, mac);
    jwt_attach(out, mac, sizeof mac);
}

/* Signs with SHA-256 and an RSA key, or a P-256 key whose signature becomes r and s of 32 bytes. */
static inline void jwt_signed(const char *header, const char *payload, EVP_PKEY *key,
                              char out[JWT_BYTES])
{
    unsigned char signature[1024];
    size_t len = sizeof signature;
    jwt_input(header, payload, out);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    EVP_DigestSignInit(context, NULL, EVP_sha256(), NULL, key);
    EVP_DigestSign(context, signature, &len, (const unsigned char *)out, strlen(out));
    EVP_MD_CTX_free(context);
    if (EVP_PKEY_is_a(key, "EC")) {
        const unsigned char *der = signature;
        ECDSA_SIG *pair = d2i_ECDSA_SIG(NULL, &der, (long)len);
        unsigned char raw[64];
        BN_bn2binpad(ECDSA_SIG_get0_r(pair), raw, 32);
        BN_bn2binpad(ECDSA_SIG_get0_s(pair), raw + 32, 32);
        ECDSA_SIG_free(pair);
        memcpy(signature, raw, sizeof raw);
        len = sizeof raw;
    }
    jwt_attach(out, signature, len);
}

/* The key's public half as PEM text, to be freed. */
static inline char *public_pem(EVP_PKEY *key)
{
    char *data;
    BIO *bio = BIO_new(BIO_s_mem());
    PEM_write_bio_PUBKEY(bio, key);
    long len = BIO_get_mem_data(bio, &data);
    char *text = strndup(data, (size_t)len);
    BIO_free(bio);
    return text;
}

static inline void write_text(const char *path, const char *text)
{
    FILE *file = fopen(path, "we");
    fputs(text, file);
    fclose(file);
}

#endif
