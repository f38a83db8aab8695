/*
 * `lectern simulate`: runs a class against a server and tells how it went. Rooms are its own and end
 * with it. Main thread; it has a loop of its own.
 */
#ifndef LECTERN_SIMULATE_SIMULATE_H
#define LECTERN_SIMULATE_SIMULATE_H

#include "core/config.h"

/* For the table of commands. */
#define SIMULATE_USAGE                                                                             \
    "simulate [--students N] [--rooms N] [--seconds N] [--url http://HOST:PORT] [--json] ...\n"    \
    "                      try a server with a class that is not real, and print how it did\n"     \
    "                      (lectern simulate --help tells all options)"

/* argv[0] is the command's name. Returns the exit status. id_init() has run. */
int simulate_run(const struct config *config, int argc, char **argv);

#endif
