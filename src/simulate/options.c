/* Options of the simulation; see options.h. */
#include "simulate/options.h"

#include <errno.h>
#include <getopt.h>
#include <stddef.h>
#include <string.h>

#include "base/number.h"

#define URL_DEFAULT "http://127.0.0.1:8080"

static const struct number {
    const char *name;
    size_t offset;
    uint32_t min, max, fallback;
    const char *meaning;
} numbers[] = {
    {"students", offsetof(struct options, students), 1, 20000, 30, "students, in all rooms"},
    {"rooms", offsetof(struct options, rooms), 1, 1000, 1, "classes, each with a host of its own"},
    {"seconds", offsetof(struct options, seconds), 1, 3600, 20, "how long hosts send messages"},
    {"join-seconds", offsetof(struct options, join_seconds), 0, 600, 2,
     "time in which all students come, evenly spread; 0: all at once"},
    {"messages-per-s", offsetof(struct options, messages_per_s), 1, 1000, 2,
     "messages of each host per second"},
    {"message-bytes", offsetof(struct options, message_bytes), 64, 65536, 150,
     "size of a host's message, about"},
    {"answer-every", offsetof(struct options, answer_every), 0, 100000, 5,
     "all students answer each so many-th message, within 2 s; 0: never"},
    {"images", offsetof(struct options, images), 0, 1000, 3,
     "pictures that hosts upload, one after the other"},
    {"reconnects", offsetof(struct options, reconnects), 0, 10, 1,
     "times that all students are cut off and come back at once"},
};
#define NUMBER_COUNT (sizeof numbers / sizeof numbers[0])

enum { OPTION_URL = 1000, OPTION_TOKEN, OPTION_TOKEN_FILE, OPTION_JSON, OPTION_HELP };

static uint32_t *field(struct options *options, const struct number *number)
{
    return (uint32_t *)(void *)((char *)options + number->offset);
}

static int take_number(struct options *options, const struct number *number, const char *value,
                       char *error)
{
    if (number_read_u32(span_of(value), number->min, number->max, field(options, number))) {
        return 0;
    }
    snprintf(error, OPTIONS_ERROR_MAX, "--%s is a number from %u to %u: %.64s", number->name,
             number->min, number->max, value);
    return -1;
}

static int take_url(struct options *options, const char *value, char *error)
{
    if (options->target_count == TARGETS_MAX) {
        snprintf(error, OPTIONS_ERROR_MAX, "at most %d --url are possible", TARGETS_MAX);
        return -1;
    }
    return target_parse(value, &options->targets[options->target_count++], error);
}

/* Only that it can stand in a header: whether it is good, the server says. */
static int take_token(struct options *options, struct span token, char *error)
{
    bool good = token.n > 0 && span_copy(token, options->token, sizeof options->token);
    for (size_t i = 0; good && i < token.n; i++) {
        good = token.p[i] > ' ' && token.p[i] < 0x7f;
    }
    if (!good) {
        snprintf(error, OPTIONS_ERROR_MAX, "that is no token; build/lectern token makes one");
    }
    return good ? 0 : -1;
}

/* The first line of a file: others cannot read it off the list of processes. */
static int take_token_file(struct options *options, const char *path, char *error)
{
    char line[TOKEN_LENGTH_MAX + 3];
    FILE *file = fopen(path, "re");
    if (!file || !fgets(line, sizeof line, file)) {
        snprintf(error, OPTIONS_ERROR_MAX, "--token-file %.200s: %s", path,
                 file ? "there is nothing in it" : strerror(errno));
        line[0] = '\0';
    }
    if (file) {
        fclose(file);
    }
    return line[0] ? take_token(options, (struct span){line, strcspn(line, "\r\n")}, error) : -1;
}

static int take(struct options *options, int option, const char *value, char *error)
{
    switch (option) {
    case OPTION_URL:
        return take_url(options, value, error);
    case OPTION_TOKEN:
        return take_token(options, span_of(value), error);
    case OPTION_TOKEN_FILE:
        return take_token_file(options, value, error);
    case OPTION_JSON:
        options->json = true;
        return 0;
    default:
        return take_number(options, &numbers[option], value, error);
    }
}

static int check(struct options *options, char *error)
{
    if (options->students < options->rooms) {
        snprintf(error, OPTIONS_ERROR_MAX, "%u rooms need at least as many --students",
                 options->rooms);
        return -1;
    }
    return options->target_count > 0 ? 0 : take_url(options, URL_DEFAULT, error);
}

enum options_result options_read(int argc, char **argv, struct options *options, char *error)
{
    struct option longs[NUMBER_COUNT + 6] = {
        {"url", required_argument, NULL, OPTION_URL},
        {"token", required_argument, NULL, OPTION_TOKEN},
        {"token-file", required_argument, NULL, OPTION_TOKEN_FILE},
        {"json", no_argument, NULL, OPTION_JSON},
        {"help", no_argument, NULL, OPTION_HELP},
    };
    *options = (struct options){.target_count = 0};
    for (size_t i = 0; i < NUMBER_COUNT; i++) {
        *field(options, &numbers[i]) = numbers[i].fallback;
        longs[5 + i] = (struct option){numbers[i].name, required_argument, NULL, (int)i};
    }
    int option;
    optind = 0; /* glibc: begin anew, whatever was read before */
    opterr = 0;
    while ((option = getopt_long(argc, argv, "+:", longs, NULL)) != -1) {
        if (option == OPTION_HELP) {
            return OPTIONS_HELP;
        }
        if (option == '?' || option == ':') {
            snprintf(error, OPTIONS_ERROR_MAX, "%s: %.64s",
                     option == ':' ? "a value is missing" : "unknown option", argv[optind - 1]);
            return OPTIONS_BAD;
        }
        if (take(options, option, optarg, error)) {
            return OPTIONS_BAD;
        }
    }
    if (optind < argc) {
        snprintf(error, OPTIONS_ERROR_MAX, "unexpected argument: %.64s", argv[optind]);
        return OPTIONS_BAD;
    }
    return check(options, error) ? OPTIONS_BAD : OPTIONS_OK;
}

void options_help(FILE *out)
{
    fputs(
        "Usage: lectern simulate [OPTION...]\n\n"
        "Runs a class against a server, in rooms of its own that end with it, and prints how long "
        "joining,\n"
        "messages, answers, pictures and coming back took, what went wrong, and what the server "
        "spent.\n"
        "Exit status: 0 if everything arrived, once and in order; 1 if not; 2 for wrong options;\n"
        "130 after Ctrl-C.\n\n",
        out);
    for (size_t i = 0; i < NUMBER_COUNT; i++) {
        fprintf(out, "  --%-16s %s (%u to %u, default %u)\n", numbers[i].name, numbers[i].meaning,
                numbers[i].min, numbers[i].max, numbers[i].fallback);
    }
    fprintf(
        out,
        "  --%-16s server, http://host:port, default " URL_DEFAULT "; up to %d times: hosts and\n"
        "  %-18s students are dealt out to all of them\n"
        "  --%-16s a teacher's token; students then come as guests. Without it tokens are signed\n"
        "  %-18s with the configured secret, which must be the server's\n"
        "  --%-16s the same, from a file's first line\n"
        "  --%-16s the report as one line of JSON\n",
        "url", TARGETS_MAX, "", "token", "", "token-file", "json");
}
