/* Commands for operators. See cli.h. */
#include "cli.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "auth/token.h"
#include "base/clock.h"
#include "cli_user.h"
#include "simulate/simulate.h"

#define TOKEN_SECONDS_DEFAULT 43200
#define TOKEN_SECONDS_MAX (10LL * 365 * 86400)

static int complain(const char *what, const char *value)
{
    fprintf(stderr, "lectern: %s%s%s\n", what, value ? ": " : "", value ? value : "");
    return 2;
}

/* Copies an option's value that `valid` accepts into `out`; 0 or the exit status. */
static int take(const char *name, const char *value, bool (*valid)(struct span), char *out,
                size_t cap)
{
    if (!valid(span_of(value)) || !span_copy(span_of(value), out, cap)) {
        return complain(name, value);
    }
    return 0;
}

static int take_type(const char *value, struct claims *claims)
{
    return user_type_parse(span_of(value), &claims->type)
               ? 0
               : complain("--type is teacher, student or service", value);
}

static int take_seconds(const char *value, int64_t *seconds)
{
    char *end;
    *seconds = strtoll(value, &end, 10);
    return *value && !*end && *seconds > 0 && *seconds <= TOKEN_SECONDS_MAX
               ? 0
               : complain("--expires is a number of seconds", value);
}

static int token_options(int argc, char **argv, struct claims *claims, int64_t *seconds)
{
    static const struct option options[] = {
        {"type", required_argument, NULL, 't'},
        {"sub", required_argument, NULL, 's'},
        {"name", required_argument, NULL, 'n'},
        {"room", required_argument, NULL, 'r'},
        {"channels", required_argument, NULL, 'c'},
        {"expires", required_argument, NULL, 'e'},
        {NULL, 0, NULL, 0},
    };
    int option, status = 0;
    bool typed = false;
    while (status == 0 && (option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (option) {
        case 't':
            status = take_type(optarg, claims);
            typed = true;
            break;
        case 's':
            status = take("--sub is 1 to 64 of A-Z a-z 0-9 . _ @ -", optarg, id_valid,
                          claims->user_id, sizeof claims->user_id);
            break;
        case 'n':
            status = take("--name is 1 to 64 characters", optarg, id_name_valid, claims->name,
                          sizeof claims->name);
            break;
        case 'r':
            status = take("--room is 4 to 12 of A-Z 0-9", optarg, id_room_code_valid, claims->room,
                          sizeof claims->room);
            break;
        case 'c':
            status = span_copy(span_of(optarg), claims->channels, sizeof claims->channels)
                         ? 0
                         : complain("--channels is too long", NULL);
            break;
        case 'e':
            status = take_seconds(optarg, seconds);
            break;
        default:
            status = 2; /* getopt has said what is wrong */
        }
    }
    if (status == 0 && optind < argc) {
        status = complain("unexpected argument", argv[optind]);
    }
    if (status == 0 && (!typed || !*claims->user_id)) {
        status = complain("token needs --type and --sub", NULL);
    }
    return status;
}

static int run_token(const struct config *config, int argc, char **argv)
{
    struct claims claims = {.user_id = ""};
    int64_t seconds = TOKEN_SECONDS_DEFAULT, now = clock_wall_ms();
    int status = token_options(argc, argv, &claims, &seconds);
    if (status) {
        return status;
    }
    if (!*claims.name) {
        (void)span_copy(span_of(claims.user_id), claims.name, sizeof claims.name);
    }
    claims.expires_ms = now + seconds * 1000;
    char error[512], token[TOKEN_MAX + 1];
    struct tokens *tokens = tokens_create(config, error, sizeof error);
    if (!tokens) {
        complain("tokens", error);
        return 1;
    }
    status = token_mint(tokens, &claims, now, token);
    tokens_destroy(tokens);
    if (status) {
        complain("tokens can only be made with LECTERN_JWT_ALGORITHM=HS256", NULL);
        return 1;
    }
    puts(token);
    return 0;
}

static const struct {
    const char *name;
    int (*run)(const struct config *config, int argc, char **argv);
    const char *usage;
} COMMANDS[] = {
    {"token", run_token,
     "token --type teacher|student|service --sub ID [--name NAME] [--room CODE]\n"
     "        [--channels A,B] [--expires SECONDS]\n"
     "                      print a token signed with the configured secret (12 hours)"},
    {"user", cli_user,
     "user add --type teacher|student|service [--name NAME] [--email EMAIL] [--stdin] ID\n"
     "                      make an account and print its password, which is made up unless "
     "--stdin\n"
     "                      reads it\n"
     "  lectern user passwd [--stdin] ID\n"
     "                      set another password likewise, and sign the account out everywhere\n"
     "  lectern user list   id, type, name, e-mail and time of making of all accounts, with tabs "
     "between"},
    {"simulate", simulate_run, SIMULATE_USAGE},
};
#define COMMAND_COUNT (sizeof COMMANDS / sizeof *COMMANDS)

void cli_help(FILE *out)
{
    fputs("Lectern " LECTERN_VERSION ", a classroom interaction server.\n\n"
          "Usage:\n"
          "  lectern               serve, configured by the environment (below)\n",
          out);
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        fprintf(out, "  lectern %s\n", COMMANDS[i].usage);
    }
    fputs(
        "  lectern --help        this text\n"
        "  lectern --version     the version\n\n"
        "SIGTERM and SIGINT end the server in order, a second one at once. SIGHUP reads the login\n"
        "service's public keys again.\n\n",
        out);
    config_help(out);
}

int cli_run(const struct config *config, int argc, char **argv)
{
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        if (strcmp(argv[1], COMMANDS[i].name) == 0) {
            return COMMANDS[i].run(config, argc - 1, argv + 1);
        }
    }
    complain("unknown command", argv[1]);
    fputs("Try lectern --help.\n", stderr);
    return 2;
}
