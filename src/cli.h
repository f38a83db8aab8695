/* The commands beside serving: `lectern token …`. One table, from which --help comes too. */
#ifndef LECTERN_CLI_H
#define LECTERN_CLI_H

#include <stdio.h>

#include "core/config.h"

/* Usage, commands and configuration. */
void cli_help(FILE *out);

/* Runs argv[1] and returns the exit status: 0, 1 on failure, 2 when the arguments are wrong. */
int cli_run(const struct config *config, int argc, char **argv);

#endif
