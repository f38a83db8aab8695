/* The secret's file, and public keys that do and do not serve. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "auth/keys.h"
#include "core/log.h"
#include "unit/auth/jwt_maker.h"

static char directory[] = "/tmp/lectern-keys-XXXXXX";
static struct config config;
static char error[CONFIG_ERROR_MAX];
static char data_dir[128];
static char secret_path[192];
static char key_path[128];

static int set_up(void **state)
{
    (void)state;
    log_set_level(LOG_LEVEL_ERROR); /* without the warning about modes */
    snprintf(key_path, sizeof key_path, "%s/key.pem", mkdtemp(directory));
    return sodium_init() < 0;
}

static int tear_down(void **state)
{
    (void)state;
    char command[64];
    snprintf(command, sizeof command, "rm -rf %s", directory);
    return system(command);
}

/* A data directory of its own, not there yet. */
static void use_directory(const char *name)
{
    snprintf(data_dir, sizeof data_dir, "%s/%s", directory, name);
    snprintf(secret_path, sizeof secret_path, "%s/jwt-secret", data_dir);
    config = (struct config){.jwt_secret = (char *)"", .data_dir = data_dir};
    error[0] = '\0';
}

static char *load_secret(void)
{
    return keys_load_secret(&config, error, sizeof error);
}

static unsigned mode_of(const char *path)
{
    struct stat info;
    assert_int_equal(stat(path, &info), 0);
    return info.st_mode & 0777;
}

static size_t files_in(const char *path)
{
    DIR *dir = opendir(path);
    assert_non_null(dir);
    size_t n = 0;
    while (readdir(dir)) {
        n++;
    }
    closedir(dir);
    return n - 2;
}

static void a_given_secret_is_used(void **state)
{
    (void)state;
    use_directory("given");
    config.jwt_secret = (char *)"0123456789abcdef0123456789abcdef";
    char *secret = load_secret();
    assert_string_equal(secret, config.jwt_secret);
    free(secret);
    assert_int_equal(access(data_dir, F_OK), -1); /* nothing is written */
    config.jwt_secret = (char *)"0123456789abcdef0123456789abcde";
    assert_null(load_secret());
    config.jwt_secret = (char *)"-----BEGIN PUBLIC KEY-----0123456789abcdef";
    assert_null(load_secret());
    assert_non_null(strstr(error, "PEM"));
    assert_null(strstr(error, "0123456789"));
}

static void a_secret_is_made_once(void **state)
{
    (void)state;
    use_directory("made");
    mode_t before = umask(0);
    char *first = load_secret();
    umask(before);
    assert_non_null(first);
    assert_true(strlen(first) >= 43);
    assert_int_equal(strcspn(first, "\r\n"), strlen(first));
    assert_int_equal(mode_of(data_dir), 0700);
    assert_int_equal(mode_of(secret_path), 0600);
    assert_int_equal(files_in(data_dir), 1); /* nothing temporary is left */
    char *second = load_secret();
    assert_string_equal(first, second);
    free(second);
    use_directory("made-too");
    second = load_secret();
    assert_string_not_equal(first, second);
    free(first);
    free(second);
}

static void the_mode_does_not_depend_on_umask(void **state)
{
    (void)state;
    use_directory("umask");
    assert_int_equal(mkdir(data_dir, 0700), 0);
    mode_t before = umask(0777);
    char *secret = load_secret();
    umask(before);
    free(secret);
    assert_non_null(secret);
    assert_int_equal(mode_of(secret_path), 0600);
}

/* Eight processes start at once on one directory: all get the same secret. */
static void servers_that_start_at_once_share_one(void **state)
{
    (void)state;
    enum { SERVERS = 8 };
    int go[2], answers[2];
    use_directory("race");
    assert_int_equal(pipe(go), 0);
    assert_int_equal(pipe(answers), 0);
    for (int i = 0; i < SERVERS; i++) {
        if (fork() == 0) {
            char c;
            close(go[1]);
            (void)!read(go[0], &c, 1); /* until the parent closes its end */
            char *secret = load_secret();
            char line[64] = "";
            snprintf(line, sizeof line, "%-63.63s", secret ? secret : error);
            (void)!write(answers[1], line, sizeof line);
            free(secret);
            _exit(0);
        }
    }
    close(go[0]);
    close(go[1]);
    char first[64] = "", line[64];
    for (int i = 0; i < SERVERS; i++) {
        assert_int_equal(read(answers[0], line, sizeof line), sizeof line);
        if (i == 0) {
            memcpy(first, line, sizeof line);
        }
        assert_memory_equal(first, line, sizeof line);
    }
    while (wait(NULL) > 0) {
    }
    close(answers[0]);
    close(answers[1]);
    char *secret = load_secret();
    assert_memory_equal(first, secret, strlen(secret));
    free(secret);
    assert_int_equal(files_in(data_dir), 1);
}

static void check_file(const char *text, const char *expected)
{
    write_text(secret_path, text);
    char *secret = load_secret();
    if (expected) {
        assert_non_null(secret);
        assert_string_equal(secret, expected);
    } else {
        assert_null(secret);
        assert_non_null(strstr(error, secret_path));
    }
    free(secret);
}

static void a_file_must_hold_a_secret(void **state)
{
    (void)state;
    static const char good[] = "0123456789abcdef0123456789abcdef";
    char text[KEYS_SECRET_MAX + 2];
    use_directory("file");
    assert_int_equal(mkdir(data_dir, 0700), 0);
    check_file(good, good);
    check_file("0123456789abcdef0123456789abcdef\n", good);
    check_file("0123456789abcdef0123456789abcdef\r\nmore\n", good);
    check_file("", NULL);
    check_file("\n0123456789abcdef0123456789abcdef", NULL);
    check_file("0123456789abcdef0123456789abcde\n", NULL);
    check_file("-----BEGIN PUBLIC KEY-----0123456789abcdef0123456789\n", NULL);
    memset(text, 'a', sizeof text);
    text[KEYS_SECRET_MAX] = '\0';
    check_file(text, text);
    text[KEYS_SECRET_MAX] = 'a';
    text[KEYS_SECRET_MAX + 1] = '\0';
    check_file(text, NULL);
    assert_int_equal(unlink(secret_path), 0);
    assert_int_equal(mkdir(secret_path, 0700), 0);
    assert_null(load_secret());
    assert_int_equal(rmdir(secret_path), 0);
    FILE *file = fopen(secret_path, "we");
    fwrite("0123456789abcdef0123456789abcdef\0", 1, 33, file);
    fclose(file);
    assert_null(load_secret());
}

static void a_missing_parent_is_an_error(void **state)
{
    (void)state;
    use_directory("no/such/place");
    assert_null(load_secret());
    assert_non_null(strstr(error, secret_path));
    assert_non_null(strstr(error, strerror(ENOENT)));
    char path[5000];
    memset(path, 'a', sizeof path - 1);
    path[sizeof path - 1] = '\0';
    config.data_dir = path;
    assert_null(load_secret());
    assert_non_null(strstr(error, "too long"));
    config.data_dir = data_dir;
}

static char *load_public(enum config_jwt_algorithm algorithm, const char *text)
{
    write_text(key_path, text);
    config = (struct config){.jwt_algorithm = algorithm, .jwt_public_key = key_path};
    error[0] = '\0';
    return keys_load_public(&config, error, sizeof error);
}

static void accepted(enum config_jwt_algorithm algorithm, const char *text, const char *pem)
{
    char *loaded = load_public(algorithm, text);
    if (!loaded) {
        fail_msg("%s", error);
    }
    assert_string_equal(loaded, pem);
    free(loaded);
}

static void refused(enum config_jwt_algorithm algorithm, const char *text, const char *why)
{
    assert_null(load_public(algorithm, text));
    if (!strstr(error, why) || !strstr(error, "LECTERN_JWT_PUBLIC_KEY")) {
        fail_msg("%s", error);
    }
}

static void public_keys_fit_the_algorithm(void **state)
{
    (void)state;
    EVP_PKEY *rsa = EVP_RSA_gen(2048);
    EVP_PKEY *weak = EVP_RSA_gen(1024);
    EVP_PKEY *p256 = EVP_EC_gen("P-256");
    EVP_PKEY *p384 = EVP_EC_gen("P-384");
    EVP_PKEY *k256 = EVP_EC_gen("secp256k1");
    EVP_PKEY *ed = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    EVP_PKEY *keys[] = {rsa, weak, p256, p384, k256, ed};
    char *pem[6];
    for (int i = 0; i < 6; i++) {
        pem[i] = public_pem(keys[i]);
    }
    accepted(CONFIG_JWT_RS256, pem[0], pem[0]);
    accepted(CONFIG_JWT_ES256, pem[2], pem[2]);
    refused(CONFIG_JWT_RS256, pem[1], "2048");
    for (int i = 2; i < 6; i++) {
        refused(CONFIG_JWT_RS256, pem[i], "RSA");
    }
    for (int i = 0; i < 6; i++) {
        if (keys[i] != p256) {
            refused(CONFIG_JWT_ES256, pem[i], "P-256");
        }
    }
    /* What stands around the key does not matter and is not passed on. */
    char text[4096];
    snprintf(text, sizeof text, "Key of the school\n%s\nthe end\n", pem[0]);
    accepted(CONFIG_JWT_RS256, text, pem[0]);
    for (int i = 0; i < 6; i++) {
        free(pem[i]);
        EVP_PKEY_free(keys[i]);
    }
}

static void what_is_no_public_key(void **state)
{
    (void)state;
    EVP_PKEY *key = EVP_EC_gen("P-256");
    BIO *bio = BIO_new(BIO_s_mem());
    char *data;
    char text[4096];
    PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL);
    long len = BIO_get_mem_data(bio, &data);
    snprintf(text, sizeof text, "%.*s", (int)len, data);
    refused(CONFIG_JWT_ES256, text, "private key");
    BIO_free(bio);
    EVP_PKEY_free(key);
    refused(CONFIG_JWT_RS256, "", "not a public key");
    refused(CONFIG_JWT_RS256, "hello", "not a public key");
    refused(CONFIG_JWT_RS256, "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n",
            "not a public key");
    refused(CONFIG_JWT_RS256, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
            "certificate");
    config.jwt_public_key = (char *)"/nonexistent/key.pem";
    assert_null(keys_load_public(&config, error, sizeof error));
    assert_non_null(strstr(error, strerror(ENOENT)));
    config.jwt_public_key = directory;
    assert_null(keys_load_public(&config, error, sizeof error));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_given_secret_is_used),
        cmocka_unit_test(a_secret_is_made_once),
        cmocka_unit_test(the_mode_does_not_depend_on_umask),
        cmocka_unit_test(servers_that_start_at_once_share_one),
        cmocka_unit_test(a_file_must_hold_a_secret),
        cmocka_unit_test(a_missing_parent_is_an_error),
        cmocka_unit_test(public_keys_fit_the_algorithm),
        cmocka_unit_test(what_is_no_public_key),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
