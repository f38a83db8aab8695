/* `lectern user …`: what operators do with accounts. See cli.h for the exit status. */
#ifndef LECTERN_CLI_USER_H
#define LECTERN_CLI_USER_H

#include "core/config.h"

/* argv[0] is "user". */
int cli_user(const struct config *config, int argc, char **argv);

#endif
