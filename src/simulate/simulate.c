/* The command: what it needs is made ready, the class takes its course, the report is printed. See simulate.h. */
#include "simulate/simulate.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/clock.h"
#include "simulate/class.h"

#define FILES_BESIDES 64     /* descriptors for all but the sockets of hosts and students */
#define TOKEN_BESIDES_S 7200 /* validity beyond the class */

static int complain(const char *what)
{
    fprintf(stderr, "lectern: %s\n", what);
    return 1;
}

/* Enough descriptors for all sockets? A sentence is printed if not. */
static int raise_descriptor_limit(const struct options *options)
{
    struct rlimit limit;
    rlim_t needed = (rlim_t)options->students + options->rooms + FILES_BESIDES;
    if (getrlimit(RLIMIT_NOFILE, &limit) || limit.rlim_cur >= needed) {
        return 0;
    }
    if (limit.rlim_max >= needed) {
        limit.rlim_cur = needed;
        if (setrlimit(RLIMIT_NOFILE, &limit) == 0) {
            return 0;
        }
    }
    fprintf(stderr,
            "lectern: %u students need %llu open files, and %llu are allowed here: ulimit -n %llu "
            "raises that\n",
            options->students, (unsigned long long)needed, (unsigned long long)limit.rlim_max,
            (unsigned long long)needed);
    return 1;
}

/* A token of its own for user `prefix``kind``n`; NULL after complaining. */
static char *mint(const struct simulation *sim, enum user_type type, uint32_t n)
{
    struct claims claims = {.type = type};
    bool teacher = type == USER_TEACHER;
    int64_t now = clock_wall_ms();
    snprintf(claims.user_id, sizeof claims.user_id, "sim-%s-%s%u", sim->prefix, teacher ? "t" : "s",
             n);
    snprintf(claims.name, sizeof claims.name, "%s %u", teacher ? "Teacher" : "Student", n);
    claims.expires_ms = now + (int64_t)(sim->options.seconds + TOKEN_BESIDES_S) * 1000;
    char token[TOKEN_MAX + 1];
    if (token_mint(sim->tokens, &claims, now, token) == 0) {
        return strdup(token);
    }
    complain(
        "tokens can only be made with LECTERN_JWT_ALGORITHM=HS256: give a teacher's with --token");
    return NULL;
}

static int make_tokens(struct simulation *sim, const struct config *config)
{
    char error[512];
    if (sim->options.token[0]) {
        return 0;
    }
    sim->tokens = tokens_create(config, error, sizeof error);
    if (!sim->tokens) {
        return complain(error);
    }
    for (uint32_t i = 0; i < sim->options.rooms; i++) {
        sim->rooms[i].token = mint(sim, USER_TEACHER, i + 1);
        if (!sim->rooms[i].token) {
            return 1;
        }
    }
    for (uint32_t i = 0; i < sim->options.students; i++) {
        sim->students[i].token = mint(sim, USER_STUDENT, i + 1);
        if (!sim->students[i].token) {
            return 1;
        }
    }
    return 0;
}

/* The next server in turn. */
static const struct target *deal(const struct options *options, size_t *next)
{
    *next = *next < options->target_count ? *next : 0;
    return &options->targets[(*next)++];
}

/* Rooms and students, dealt out to the servers. */
static int make_class(struct simulation *sim)
{
    const struct options *options = &sim->options;
    sim->rooms = calloc(options->rooms, sizeof *sim->rooms);
    sim->students = calloc(options->students, sizeof *sim->students);
    if (!sim->rooms || !sim->students || !images_prepare(sim)) {
        return complain("out of memory");
    }
    size_t next = 0;
    for (uint32_t i = 0; i < options->rooms; i++) {
        sim->rooms[i].sim = sim;
        sim->rooms[i].target = deal(options, &next);
        for (uint32_t k = i; k < options->students; k += options->rooms) {
            struct student *student = &sim->students[k];
            student->sim = sim;
            student->room = &sim->rooms[i];
            student->target = deal(options, &next);
        }
    }
    id_random(sim->prefix, USER_PREFIX_LEN);
    sim->report.students = options->students;
    sim->report.rooms = options->rooms;
    sim->report.servers = (uint32_t)options->target_count;
    sim->report.version = sim->version;
    return 0;
}

static int resolve(struct options *options)
{
    char error[TARGET_ERROR_MAX];
    for (size_t i = 0; i < options->target_count; i++) {
        if (target_resolve(&options->targets[i], error)) {
            return complain(error);
        }
    }
    return 0;
}

static void on_signal(uv_signal_t *handle, int number)
{
    struct simulation *sim = handle->data;
    if (sim->signal) {
        _exit(128 + number); /* a second one: at once; rooms end with their hosts' sockets */
    }
    sim->signal = number;
    course_break_off(sim);
}

/* Everything that has a handle on the loop. */
static void start(struct simulation *sim)
{
    uv_signal_init(&sim->loop, &sim->interrupted);
    uv_signal_init(&sim->loop, &sim->terminated);
    sim->interrupted.data = sim->terminated.data = sim;
    uv_signal_start(&sim->interrupted, on_signal, SIGINT);
    uv_signal_start(&sim->terminated, on_signal, SIGTERM);
    uv_timer_init(&sim->loop, &sim->images.timer);
    sim->images.timer.data = sim;
    for (uint32_t i = 0; i < sim->options.rooms; i++) {
        uv_timer_init(&sim->loop, &sim->rooms[i].timer);
        sim->rooms[i].timer.data = &sim->rooms[i];
    }
    for (uint32_t i = 0; i < sim->options.students; i++) {
        student_init(&sim->students[i]);
    }
    course_start(sim);
}

static void close_handle(uv_handle_t *handle, void *arg)
{
    (void)arg;
    if (!uv_is_closing(handle)) {
        uv_close(handle, NULL);
    }
}

/* The class is over: sockets first, which free themselves, then what is part of the struct. */
static void finish(struct simulation *sim)
{
    for (uint32_t i = 0; i < sim->options.students; i++) {
        student_cut(&sim->students[i]);
    }
    for (uint32_t i = 0; i < sim->options.rooms; i++) {
        peer_close(&sim->rooms[i].peer, false);
    }
    uv_walk(&sim->loop, close_handle, NULL);
    uv_run(&sim->loop, UV_RUN_DEFAULT);
}

static void print_report(const struct simulation *sim)
{
    struct buf text;
    buf_init(&text);
    if (sim->options.json) {
        report_json(&sim->report, &text);
    } else {
        report_table(&sim->report, &text);
    }
    const char *out = buf_cstr(&text);
    if (out) {
        fputs(out, stdout);
    }
    buf_finish(&text);
}

static int hold_class(struct simulation *sim)
{
    if (uv_loop_init(&sim->loop)) {
        return complain("no event loop could be made");
    }
    signal(SIGPIPE, SIG_IGN);
    start(sim);
    uv_run(&sim->loop, UV_RUN_DEFAULT);
    finish(sim);
    uv_loop_close(&sim->loop);
    print_report(sim);
    return sim->signal ? 128 + sim->signal : report_is_good(&sim->report) ? 0 : 1;
}

static void free_class(struct simulation *sim)
{
    for (uint32_t i = 0; sim->rooms && i < sim->options.rooms; i++) {
        free(sim->rooms[i].token);
    }
    for (uint32_t i = 0; sim->students && i < sim->options.students; i++) {
        free(sim->students[i].token);
    }
    buf_finish(&sim->images.picture);
    free(sim->rooms);
    free(sim->students);
    tokens_destroy(sim->tokens);
    free(sim);
}

int simulate_run(const struct config *config, int argc, char **argv)
{
    char error[OPTIONS_ERROR_MAX];
    struct simulation *sim = calloc(1, sizeof *sim);
    if (!sim) {
        return complain("out of memory");
    }
    int status;
    switch (options_read(argc, argv, &sim->options, error)) {
    case OPTIONS_HELP:
        options_help(stdout);
        status = 0;
        break;
    case OPTIONS_BAD:
        complain(error);
        status = 2;
        break;
    default:
        status = raise_descriptor_limit(&sim->options) || resolve(&sim->options) ||
                 make_class(sim) || make_tokens(sim, config);
        status = status ? 1 : hold_class(sim);
    }
    free_class(sim);
    return status;
}
