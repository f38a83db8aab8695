/* Hashing passwords, a few at a time; see password.h. */
#include "auth/password.h"

#include <assert.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/utf8.h"
#include "core/gate.h"

#define PASSES 3
#define PLACES_MAX 4
#define SALT_BYTES 16
#define TAG_BYTES 32

static_assert(PASSWORD_HASH_SIZE == crypto_pwhash_STRBYTES, "libsodium's strings must fit");

struct passwords {
    struct gate gate; /* in front of the places */
    int64_t wait_ms;
    char nobody[PASSWORD_HASH_SIZE]; /* a hash that no password has */
};

unsigned passwords_default_places(void)
{
    long half = sysconf(_SC_NPROCESSORS_ONLN) / 2;
    return half < 1 ? 1 : half > PLACES_MAX ? PLACES_MAX : (unsigned)half;
}

/* Today's parameters with a salt and a tag that are random: as costly to compare with as any. */
static void make_nobody(char out[PASSWORD_HASH_SIZE])
{
    unsigned char random[SALT_BYTES + TAG_BYTES];
    char salt[sodium_base64_ENCODED_LEN(SALT_BYTES, sodium_base64_VARIANT_ORIGINAL_NO_PADDING)];
    char tag[sodium_base64_ENCODED_LEN(TAG_BYTES, sodium_base64_VARIANT_ORIGINAL_NO_PADDING)];
    randombytes_buf(random, sizeof random);
    sodium_bin2base64(salt, sizeof salt, random, SALT_BYTES,
                      sodium_base64_VARIANT_ORIGINAL_NO_PADDING);
    sodium_bin2base64(tag, sizeof tag, random + SALT_BYTES, TAG_BYTES,
                      sodium_base64_VARIANT_ORIGINAL_NO_PADDING);
    memset(out, 0, PASSWORD_HASH_SIZE);
    snprintf(out, PASSWORD_HASH_SIZE, "$argon2id$v=19$m=%u,t=%u,p=1$%s$%s", PASSWORD_MEMORY / 1024,
             (unsigned)PASSES, salt, tag);
}

struct passwords *passwords_create(unsigned places, int64_t wait_ms)
{
    struct passwords *passwords = calloc(1, sizeof *passwords);
    if (passwords) {
        passwords->wait_ms = wait_ms;
        make_nobody(passwords->nobody);
        gate_init(&passwords->gate, places);
    }
    return passwords;
}

void passwords_destroy(struct passwords *passwords)
{
    if (passwords) {
        gate_finish(&passwords->gate);
        free(passwords);
    }
}

bool password_valid(struct span password)
{
    return password.n >= PASSWORD_MIN && password.n <= PASSWORD_MAX &&
           !memchr(password.p, '\0', password.n) && utf8_valid(password.p, password.n);
}

enum password_result password_hash(struct passwords *passwords, struct span password,
                                   char out[PASSWORD_HASH_SIZE])
{
    if (!gate_enter(&passwords->gate, passwords->wait_ms, NULL)) {
        return PASSWORD_BUSY;
    }
    int failed = crypto_pwhash_str_alg(out, password.p, password.n, PASSES, PASSWORD_MEMORY,
                                       crypto_pwhash_ALG_ARGON2ID13);
    gate_leave(&passwords->gate);
    return failed ? PASSWORD_FAILED : PASSWORD_OK;
}

/*
 * libsodium calls a password wrong, too, that it had no memory to look at. Without touching the
 * memory, asking for it costs little.
 */
static bool has_memory(void)
{
    void *memory =
        mmap(NULL, PASSWORD_MEMORY, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return memory != MAP_FAILED && munmap(memory, PASSWORD_MEMORY) == 0;
}

enum password_result password_check(struct passwords *passwords, struct span password,
                                    const char *hash, bool *outdated)
{
    char padded[PASSWORD_HASH_SIZE] = ""; /* libsodium may look at all of it */
    bool known = hash && span_copy(span_of(hash), padded, sizeof padded);
    *outdated = false;
    if (!gate_enter(&passwords->gate, passwords->wait_ms, NULL)) {
        return PASSWORD_BUSY;
    }
    int failed =
        crypto_pwhash_str_verify(known ? padded : passwords->nobody, password.p, password.n);
    bool memory = !failed || has_memory();
    gate_leave(&passwords->gate);
    if (failed) {
        return memory ? PASSWORD_WRONG : PASSWORD_FAILED;
    }
    *outdated = crypto_pwhash_str_needs_rehash(padded, PASSES, PASSWORD_MEMORY) != 0;
    return known ? PASSWORD_OK : PASSWORD_WRONG;
}
