/*
 * The scripts' table. Their texts are compiled in from build/gen/scripts.c (see embed-lua.awk), one
 * symbol per file, so that a script without a file does not link.
 */
#include "bus/scripts.h"

#include <openssl/sha.h>
#include <string.h>

#define X(name, file) extern const char bus_script_source_##file[];
BUS_SCRIPTS(X)
#undef X

static struct {
    const char *name;
    const char *text;
    char sha[2 * SHA_DIGEST_LENGTH + 1];
} scripts[BUS_SCRIPT_COUNT] = {
#define X(name, file) [BUS_SCRIPT_##name] = {#file, bus_script_source_##file, ""},
    BUS_SCRIPTS(X)
#undef X
};

const char *bus_script_name(enum bus_script script)
{
    return scripts[script].name;
}

const char *bus_script_text(enum bus_script script)
{
    return scripts[script].text;
}

const char *bus_script_sha(enum bus_script script)
{
    return scripts[script].sha;
}

void bus_scripts_init(void)
{
    static const char hex[] = "0123456789abcdef";
    for (size_t i = 0; i < BUS_SCRIPT_COUNT; i++) {
        unsigned char digest[SHA_DIGEST_LENGTH];
        SHA1((const unsigned char *)scripts[i].text, strlen(scripts[i].text), digest);
        for (size_t j = 0; j < sizeof digest; j++) {
            scripts[i].sha[2 * j] = hex[digest[j] >> 4];
            scripts[i].sha[2 * j + 1] = hex[digest[j] & 15];
        }
        scripts[i].sha[2 * sizeof digest] = '\0';
    }
}
