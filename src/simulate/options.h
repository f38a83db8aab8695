/* What may be said to `lectern simulate`: one table, which also makes its --help. */
#ifndef LECTERN_SIMULATE_OPTIONS_H
#define LECTERN_SIMULATE_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "simulate/target.h"

#define TARGETS_MAX 8
#define TOKEN_LENGTH_MAX 8192

struct options {
    struct target targets[TARGETS_MAX]; /* not looked up yet */
    size_t target_count;                /* at least 1 */
    char token[TOKEN_LENGTH_MAX + 1];   /* a teacher's; "": tokens are made */
    uint32_t students;                  /* in all */
    uint32_t rooms;                     /* at most as many as students */
    uint32_t seconds;                   /* of messages */
    uint32_t join_seconds;              /* within which all come */
    uint32_t messages_per_s;            /* of each host */
    uint32_t message_bytes;             /* about, of a host's message */
    uint32_t answer_every;              /* every so many messages are answered by all; 0: none */
    uint32_t images;                    /* uploads in all */
    uint32_t reconnects;                /* times that all students are cut off */
    bool json;
};

enum options_result {
    OPTIONS_OK = 0,
    OPTIONS_HELP = 1, /* --help was asked for */
    OPTIONS_BAD = -1, /* a sentence is in `error` */
};

#define OPTIONS_ERROR_MAX TARGET_ERROR_MAX

/*
 * Reads argv, argv[0] being the command's name, and the file that --token-file names. `error` holds OPTIONS_ERROR_MAX bytes. Not
 * thread-safe (getopt).
 */
enum options_result options_read(int argc, char **argv, struct options *options, char *error)
    __attribute__((warn_unused_result));

void options_help(FILE *out);

#endif
