/*
 * Adding accounts, setting passwords, listing. Works on the store beside a running server. Standard
 * output has only what was asked for (a password that was made, the list), so that scripts can use it.
 */
#include "cli_user.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "account/account.h"
#include "account/rules.h"
#include "bus/pool.h"

#define MADE_LEN 16  /* characters of a password that is made: 80 random bits */
#define PAGE 200     /* accounts read at a time */
#define TIME_SIZE 32 /* a time as text */

struct users {
    struct store *store;
    struct bus_pool *pool;
    struct accounts *accounts;
};

static int complain(int status, const char *what, const char *value)
{
    fprintf(stderr, "lectern: %s%s%s\n", what, value ? ": " : "", value ? value : "");
    return status;
}

static void close_users(struct users *users)
{
    accounts_destroy(users->accounts);
    bus_pool_destroy(users->pool);
    store_close(users->store);
}

/* 0 or the exit status. */
static int open_users(const struct config *config, struct users *users)
{
    char error[CONFIG_ERROR_MAX];
    *users = (struct users){NULL, NULL, NULL};
    if (config->jwt_algorithm != CONFIG_JWT_HS256) {
        return complain(1, "accounts are only kept here with LECTERN_JWT_ALGORITHM=HS256", NULL);
    }
    users->store = store_open(config, error, sizeof error);
    if (!users->store) {
        return complain(1, "store", error);
    }
    users->pool = bus_pool_create(config);
    users->accounts = users->pool ? accounts_create(config, users->store, users->pool, NULL) : NULL;
    if (!users->accounts) {
        close_users(users);
        return complain(1, "out of memory", NULL);
    }
    return 0;
}

/* ---- options ---- */

struct options {
    struct user_row row;
    bool typed;
    bool from_stdin; /* the password, instead of making one */
};

static int take(const char *value, bool valid, const char *rule, char *out, size_t cap)
{
    return valid && span_copy(span_of(value), out, cap) ? 0 : complain(2, rule, value);
}

static int take_option(int option, const char *value, struct options *out)
{
    struct span text = span_of(value);
    struct user_row *row = &out->row;
    switch (option) {
    case 't':
        out->typed = user_type_parse(text, &row->type);
        return out->typed ? 0 : complain(2, "--type is teacher, student or service", value);
    case 'n':
        return take(value, id_name_valid(text), RULES_NAME, row->name, sizeof row->name);
    case 'e':
        return take(value, rules_email_valid(text), RULES_EMAIL, row->email, sizeof row->email);
    case 's':
        out->from_stdin = true;
        return 0;
    default:
        return 2; /* getopt has said what is wrong */
    }
}

/* Reads options and the one argument that all commands but list have: the account's id. */
static int read_options(int argc, char **argv, const char *allowed, struct options *out)
{
    static const struct option options[] = {
        {"type", required_argument, NULL, 't'},
        {"name", required_argument, NULL, 'n'},
        {"email", required_argument, NULL, 'e'},
        {"stdin", no_argument, NULL, 's'},
        {NULL, 0, NULL, 0},
    };
    int option, status = 0;
    *out = (struct options){.typed = false};
    optind = 1;
    while (status == 0 && (option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (option != '?' && !strchr(allowed, option)) {
            return complain(2, "this option does not go with the command", argv[optind - 1]);
        }
        status = take_option(option, optarg, out);
    }
    if (status) {
        return status;
    }
    if (optind + 1 != argc) {
        return complain(2, "the command needs one account's id", NULL);
    }
    const char *id = argv[optind];
    return take(id, rules_id_valid(span_of(id)), RULES_ID, out->row.id, sizeof out->row.id);
}

/* ---- passwords ---- */

/* The first line of standard input, or one that is made. 0 or the exit status. */
static int get_password(bool from_stdin, char out[PASSWORD_MAX + 2])
{
    if (!from_stdin) {
        id_random(out, MADE_LEN);
        return 0;
    }
    if (!fgets(out, PASSWORD_MAX + 2, stdin)) {
        return complain(2, "--stdin: there is no password on standard input", NULL);
    }
    out[strcspn(out, "\r\n")] = '\0';
    return password_valid(span_of(out)) ? 0 : complain(2, RULES_PASSWORD, NULL);
}

/* 0, or the exit status where what was printed has not arrived (a full disk, a closed pipe). */
static int finish_output(const char *advice)
{
    if (fflush(stdout) || ferror(stdout)) {
        return complain(1, "standard output could not be written", advice);
    }
    return 0;
}

static int print_password(const struct options *options, const char *password)
{
    if (options->from_stdin) {
        return 0;
    }
    puts(password);
    return finish_output("nobody knows the password that was set, set another with user passwd");
}

static int report(enum account_result result, const char *id)
{
    static const char *const sentences[] = {
        [-ACCOUNT_WRONG] = "there is no account with this id",
        [-ACCOUNT_SLOWED] = "too many attempts",
        [-ACCOUNT_BUSY] = "no memory became free to hash the password",
        [-ACCOUNT_UNAVAILABLE] = "the store cannot be reached",
        [-ACCOUNT_FAILED] = "it failed; the log says why",
        [-ACCOUNT_ID_TAKEN] = "there is an account with this id already",
        [-ACCOUNT_EMAIL_TAKEN] = "another account has this e-mail address",
        [-ACCOUNT_REVOKED] = "there is no account with this id",
    };
    return complain(1, id, sentences[-result]);
}

/* ---- commands ---- */

/* A command about one account's password. */
struct task {
    struct options options;
    struct users users;
    char password[PASSWORD_MAX + 2];
};

/*
 * Reads the command's line, gets the password, opens what is needed; 0, and close_users() follows, or the
 * exit status.
 */
static int begin(const struct config *config, int argc, char **argv, const char *allowed,
                 struct task *task)
{
    int status = read_options(argc, argv, allowed, &task->options);
    if (status == 0 && strchr(allowed, 't') && !task->options.typed) {
        status = complain(2, "user add needs --type", NULL);
    }
    if (status == 0) {
        status = get_password(task->options.from_stdin, task->password);
    }
    return status ? status : open_users(config, &task->users);
}

static int add(const struct config *config, int argc, char **argv)
{
    struct task task;
    struct user_row *row = &task.options.row;
    unsigned wait_s;
    int status = begin(config, argc, argv, "tnes", &task);
    if (status) {
        return status;
    }
    if (!*row->name) {
        (void)span_copy(span_of(row->id), row->name, sizeof row->name);
    }
    const struct account_client nobody = {NULL, {NULL, 0}};
    enum account_result result =
        account_add(task.users.accounts, row, span_of(task.password), &nobody, &wait_s);
    close_users(&task.users);
    if (result == ACCOUNT_UNAVAILABLE) {
        return complain(
            1, row->id,
            "the store cannot be reached, or did not answer: the account may exist (user "
            "list shows it), and user passwd gives it a password that is known");
    }
    return result ? report(result, row->id) : print_password(&task.options, task.password);
}

static int passwd(const struct config *config, int argc, char **argv)
{
    struct task task;
    bool set;
    int status = begin(config, argc, argv, "s", &task);
    if (status) {
        return status;
    }
    const char *id = task.options.row.id;
    enum account_result result =
        account_reset_password(task.users.accounts, id, span_of(task.password), &set);
    close_users(&task.users);
    if (!set) {
        return report(result, id);
    }
    int printed = print_password(&task.options, task.password);
    if (result) {
        complain(
            0,
            "the password is set, but Redis could not be told: where the account is signed in, it "
            "stays so until its tokens expire. Run the command again when Redis is back",
            NULL);
        return 1;
    }
    return printed;
}

struct listing {
    size_t count;
    char last[ID_MAX + 1];
};

static void print_row(const struct user_row *row, void *arg)
{
    struct listing *listing = arg;
    char made[TIME_SIZE];
    time_t seconds = (time_t)(row->created_ms / 1000);
    struct tm utc;
    gmtime_r(&seconds, &utc);
    strftime(made, sizeof made, "%Y-%m-%dT%H:%M:%SZ", &utc);
    printf("%s\t%s\t%s\t%s\t%s\n", row->id, user_type_name(row->type), row->name, row->email, made);
    listing->count++;
    (void)span_copy(span_of(row->id), listing->last, sizeof listing->last);
}

static int list(const struct config *config, int argc, char **argv)
{
    struct users users;
    struct listing listing = {.count = PAGE};
    if (argc > 1) {
        return complain(2, "unexpected argument", argv[1]);
    }
    int status = open_users(config, &users);
    if (status) {
        return status;
    }
    enum store_result result = STORE_OK;
    while (result == STORE_OK && listing.count == PAGE) {
        listing.count = 0;
        result = users_list(users.store, listing.last, PAGE, print_row, &listing);
    }
    close_users(&users);
    int printed = finish_output(NULL);
    return result ? complain(1, "the store cannot be read", NULL) : printed;
}

int cli_user(const struct config *config, int argc, char **argv)
{
    static const struct {
        const char *name;
        int (*run)(const struct config *config, int argc, char **argv);
    } commands[] = {{"add", add}, {"passwd", passwd}, {"list", list}};
    for (size_t i = 0; argc > 1 && i < sizeof commands / sizeof *commands; i++) {
        if (strcmp(argv[1], commands[i].name) == 0) {
            return commands[i].run(config, argc - 1, argv + 1);
        }
    }
    return complain(2, "user is followed by add, passwd or list", argc > 1 ? argv[1] : NULL);
}
