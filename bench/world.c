/* Rooms, hosts and students with tokens of their own. See world.h. */
#include "world.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "auth/token.h"

#define TOKEN_SIZE 512
#define TOKEN_LIFE_MS (6 * 3600 * 1000LL)
#define OPEN_LIMIT_NS 60000000000

void die(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fputs("load: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    exit(1);
}

static void *must(void *memory)
{
    if (!memory) {
        die("out of memory");
    }
    return memory;
}

/* A signer with the server's secret. */
static struct tokens *signer(const char *secret, struct config *config)
{
    char variable[256], error[512];
    char *environment[] = {variable, NULL};
    snprintf(variable, sizeof variable, "LECTERN_JWT_SECRET=%s", secret ? secret : "");
    if (!secret || config_load(config, environment, error, sizeof error)) {
        die("a --secret of at least 32 bytes is needed for tokens");
    }
    struct tokens *tokens = tokens_create(config, error, sizeof error);
    if (!tokens) {
        die("%s", error);
    }
    return tokens;
}

static void mint(const struct tokens *tokens, struct client *client, char *out)
{
    struct claims claims = {.type = client->host ? USER_TEACHER : USER_STUDENT};
    char token[TOKEN_MAX + 1];
    int64_t now_ms = (int64_t)time(NULL) * 1000;
    snprintf(claims.user_id, sizeof claims.user_id, "%c%06u", client->host ? 't' : 's',
             client->user);
    snprintf(claims.name, sizeof claims.name, "User %u", client->user);
    claims.expires_ms = now_ms + TOKEN_LIFE_MS;
    if (token_mint(tokens, &claims, now_ms, token) || strlen(token) >= TOKEN_SIZE) {
        die("a token could not be made");
    }
    memcpy(out, token, strlen(token) + 1);
    client->token = out;
}

static void mint_all(struct world *world)
{
    struct config config;
    struct tokens *tokens = signer(world->options->secret, &config);
    world->tokens = must(calloc(world->host_count + world->student_count, TOKEN_SIZE));
    char *next = world->tokens;
    for (size_t i = 0; i < world->host_count; i++, next += TOKEN_SIZE) {
        mint(tokens, &world->hosts[i], next);
    }
    for (size_t i = 0; i < world->student_count; i++, next += TOKEN_SIZE) {
        mint(tokens, &world->students[i], next);
    }
    tokens_destroy(tokens);
    config_finish(&config);
}

/* Room names of this run only: letters drawn from process id and time. */
static void draw_salt(char salt[9])
{
    uint64_t seed = (uint64_t)now_ns() ^ (uint64_t)getpid() << 32;
    for (int i = 0; i < 8; i++, seed /= 26) {
        salt[i] = (char)('A' + seed % 26);
    }
    salt[8] = '\0';
}

void world_init(struct world *world, const struct options *options, const struct dialect *dialect,
                const struct engine_handlers *handlers)
{
    world->options = options;
    world->host_count = options->rooms;
    world->student_count = (size_t)options->rooms * options->students;
    world->hosts = must(calloc(world->host_count, sizeof *world->hosts));
    world->students = must(calloc(world->student_count + 1, sizeof *world->students));
    for (size_t i = 0; i < world->host_count; i++) {
        world->hosts[i] =
            (struct client){.fd = -1, .host = true, .room = (uint32_t)i, .user = (uint32_t)i};
    }
    for (size_t i = 0; i < world->student_count; i++) {
        world->students[i] = (struct client){
            .fd = -1, .room = (uint32_t)(i / options->students), .user = (uint32_t)i};
    }
    draw_salt(world->salt);
    world->engine.dialect = dialect;
    world->engine.handlers = handlers;
    world->engine.room_salt = world->salt;
    if (engine_init(&world->engine)) {
        die("out of memory or descriptors");
    }
    if (dialect->tokens) {
        mint_all(world);
    }
}

void world_finish(struct world *world)
{
    for (size_t i = 0; i < world->host_count; i++) {
        client_drop(&world->engine, &world->hosts[i]);
    }
    for (size_t i = 0; i < world->student_count; i++) {
        client_drop(&world->engine, &world->students[i]);
    }
    engine_finish(&world->engine);
    free(world->hosts);
    free(world->students);
    free(world->tokens);
}

void world_open(struct world *world, struct client *clients, size_t count, size_t at_once)
{
    int64_t deadline = now_ns() + OPEN_LIMIT_NS;
    for (size_t i = 0; i < count || world->engine.opening > 0;) {
        for (; i < count && world->engine.opening < at_once; i++) {
            client_open(&world->engine, &clients[i]);
        }
        engine_poll(&world->engine, 1);
        if (now_ns() > deadline) {
            die("%zu sockets are not open after 60 s", world->engine.opening);
        }
    }
    for (size_t i = 0; i < count; i++) {
        if (clients[i].state != CLIENT_OPEN) {
            die("a %s was refused: HTTP status %d", clients[i].host ? "host" : "student",
                clients[i].http_status);
        }
    }
}

bool world_run(struct world *world, int64_t deadline_ns, int wait_ms, bool (*done)(void))
{
    while (!done || !done()) {
        if (now_ns() >= deadline_ns) {
            return false;
        }
        engine_poll(&world->engine, wait_ms);
    }
    return true;
}

struct cost cost_now(const struct options *options)
{
    return (struct cost){processes_cpu_s(&options->server), processes_cpu_s(&options->redis),
                         now_ns()};
}

struct cost cost_since(const struct options *options, struct cost begin)
{
    struct cost now = cost_now(options);
    return (struct cost){now.server_s - begin.server_s, now.redis_s - begin.redis_s,
                         now.at_ns - begin.at_ns};
}
