/*
 * The load generator: one scenario against one server, one line for people and one of JSON.
 *
 *   load SCENARIO --server DIALECT --target 127.0.0.1:PORT [options]     (load --help)
 *
 * run.mjs starts servers, pins processes to cores and runs this in rounds; docs/performance.md says
 * what the scenarios measure.
 */
#include <arpa/inet.h>
#include <getopt.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "world.h"

static const struct scenario {
    const char *name;
    void (*run)(const struct options *options, const struct dialect *dialect, struct world *world);
    const char *help;
} scenarios[] = {
    {"fanout", fanout_closed, "closed loop: --window messages in flight per host"},
    {"latency", fanout_open, "open loop: --rate messages per second and host"},
    {"idle", storm_idle, "memory of joined sockets that do nothing"},
    {"churn", storm_churn, "--clients at a time connect, join and leave"},
    {"join", storm_join, "all students join at once"},
    {"reconnect", storm_reconnect, "all students are cut off and come back at once"},
};

static const char usage[] =
    "usage: load SCENARIO [options]\n"
    "  --server NAME      raw, lectern, ws, nchan or socketio: how it is spoken to (lectern)\n"
    "  --label NAME       its name in the report (the same)\n"
    "  --target IP:PORT   where it is; several share the sockets\n"
    "  --secret TEXT      LECTERN_JWT_SECRET of the server\n"
    "  --rooms N          (1)        --students N     per room (30)\n"
    "  --size BYTES       of a host's message, JSON included (150)\n"
    "  --window N         (1)        --rate N         per second and host (1)\n"
    "  --clients N        at once, for churn (32)\n"
    "  --warm MS          (800)      --duration MS    (2500)\n"
    "  --sources N        client addresses, 127.0.0.2 and following (16)\n"
    "  --pid PID          a process of the server     --redis-pid PID   its Redis\n"
    "  --json FILE        where the JSON line is appended (standard output)\n";

enum {
    TARGET = 256,
    SERVER,
    LABEL,
    SECRET,
    ROOMS,
    STUDENTS,
    SIZE,
    WINDOW,
    RATE,
    CLIENTS,
    WARM,
    DURATION,
    SOURCES,
    PID,
    REDIS_PID,
    JSON,
    HELP
};

static const struct option long_options[] = {
    {"target", required_argument, NULL, TARGET},
    {"server", required_argument, NULL, SERVER},
    {"label", required_argument, NULL, LABEL},
    {"secret", required_argument, NULL, SECRET},
    {"rooms", required_argument, NULL, ROOMS},
    {"students", required_argument, NULL, STUDENTS},
    {"size", required_argument, NULL, SIZE},
    {"window", required_argument, NULL, WINDOW},
    {"rate", required_argument, NULL, RATE},
    {"clients", required_argument, NULL, CLIENTS},
    {"warm", required_argument, NULL, WARM},
    {"duration", required_argument, NULL, DURATION},
    {"sources", required_argument, NULL, SOURCES},
    {"pid", required_argument, NULL, PID},
    {"redis-pid", required_argument, NULL, REDIS_PID},
    {"json", required_argument, NULL, JSON},
    {"help", no_argument, NULL, HELP},
    {NULL, 0, NULL, 0},
};

static unsigned number(const char *text, unsigned max)
{
    char *end;
    unsigned long value = strtoul(text, &end, 10);
    if (!*text || *end || value == 0 || value > max) {
        die("\"%s\" is not a number from 1 to %u", text, max);
    }
    return (unsigned)value;
}

static double positive(const char *text)
{
    double value = atof(text);
    if (!(value > 0)) {
        die("\"%s\" is not a positive number", text);
    }
    return value;
}

static void add_target(struct engine *engine, const char *text)
{
    char host[32];
    unsigned port;
    struct sockaddr_in *target = &engine->targets[engine->target_count];
    target->sin_family = AF_INET;
    if (engine->target_count == TARGETS_MAX || sscanf(text, "%31[0-9.]:%u", host, &port) != 2 ||
        port == 0 || port > 65535 || inet_pton(AF_INET, host, &target->sin_addr) != 1) {
        die("\"%s\" is not a target, or there are too many", text);
    }
    target->sin_port = htons((uint16_t)port);
    engine->target_count++;
}

static void add_process(struct processes *processes, const char *text)
{
    if (processes->count == PROCESSES_MAX) {
        die("too many processes");
    }
    processes->pids[processes->count++] = (pid_t)number(text, 1u << 22);
}

static void open_json(struct options *options, const char *path)
{
    options->json = fopen(path, "a");
    if (!options->json) {
        die("%s cannot be written", path);
    }
}

static void take_number(struct options *options, struct engine *engine, int option)
{
    switch (option) {
    case ROOMS:
        options->rooms = number(optarg, 10000);
        break;
    case STUDENTS:
        options->students = number(optarg, 100000);
        break;
    case SIZE:
        options->size = number(optarg, 1 << 19);
        break;
    case WINDOW:
        options->window = number(optarg, 1000);
        break;
    case RATE:
        options->rate = positive(optarg);
        break;
    case CLIENTS:
        options->clients = number(optarg, 10000);
        break;
    case WARM:
        options->warm_ns = (int64_t)number(optarg, 600000) * 1000000;
        break;
    case DURATION:
        options->duration_ns = (int64_t)number(optarg, 600000) * 1000000;
        break;
    case SOURCES:
        engine->sources = number(optarg, 250);
        break;
    default:
        fputs(usage, stderr);
        exit(2);
    }
}

static const struct dialect *take_options(int argc, char **argv, struct options *options,
                                          struct engine *engine)
{
    const char *server = "lectern";
    for (int option; (option = getopt_long(argc, argv, "", long_options, NULL)) != -1;) {
        switch (option) {
        case TARGET:
            add_target(engine, optarg);
            break;
        case SERVER:
            server = optarg;
            break;
        case LABEL:
            options->label = optarg;
            break;
        case SECRET:
            options->secret = optarg;
            break;
        case PID:
            add_process(&options->server, optarg);
            break;
        case REDIS_PID:
            add_process(&options->redis, optarg);
            break;
        case JSON:
            open_json(options, optarg);
            break;
        case HELP:
            fputs(usage, stdout);
            exit(0);
        default:
            take_number(options, engine, option);
        }
    }
    const struct dialect *dialect = dialect_find(server);
    if (!dialect || engine->target_count == 0) {
        die("a known --server and a --target are needed");
    }
    options->label = options->label ? options->label : server;
    return dialect;
}

static void raise_file_limit(void)
{
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
}

int main(int argc, char **argv)
{
    static struct world world;
    struct options options = {.rooms = 1,
                              .students = 30,
                              .size = 150,
                              .window = 1,
                              .rate = 1,
                              .clients = 32,
                              .warm_ns = 800000000,
                              .duration_ns = 2500000000};
    world.engine.sources = 16;
    const struct dialect *dialect = take_options(argc, argv, &options, &world.engine);
    signal(SIGPIPE, SIG_IGN);
    raise_file_limit();
    for (size_t i = 0; i < sizeof scenarios / sizeof scenarios[0]; i++) {
        if (optind + 1 == argc && strcmp(argv[optind], scenarios[i].name) == 0) {
            scenarios[i].run(&options, dialect, &world);
            return 0;
        }
    }
    fputs(usage, stderr);
    for (size_t i = 0; i < sizeof scenarios / sizeof scenarios[0]; i++) {
        fprintf(stderr, "  %-10s %s\n", scenarios[i].name, scenarios[i].help);
    }
    return 2;
}
