/*
 * Commands as Redis reads them (RESP 2, arrays of bulk strings), built from spans into a buffer
 * that is used again and again, and what the errors it answers mean for a connection.
 *
 * Pure functions, any thread.
 */
#ifndef LECTERN_BUS_RESP_H
#define LECTERN_BUS_RESP_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/url.h"
#include "bus/scripts.h"

/*
 * Each replaces the contents of `out` by one command and puts a NUL behind it (not counted in len:
 * hiredis reads it when it looks for the command's name). False when out of memory.
 */
bool resp_command(struct buf *out, const struct span *argv, size_t argc)
    __attribute__((warn_unused_result));
bool resp_evalsha(struct buf *out, enum bus_script script, const struct span *keys,
                  size_t key_count, const struct span *args, size_t arg_count)
    __attribute__((warn_unused_result));
bool resp_script_load(struct buf *out, enum bus_script script) __attribute__((warn_unused_result));
bool resp_auth(struct buf *out, const struct redis_url *url) __attribute__((warn_unused_result));
bool resp_select(struct buf *out, const struct redis_url *url) __attribute__((warn_unused_result));

/* What an error reply means beyond its own command. */
enum resp_error {
    RESP_ERROR_OTHER,    /* nothing: the caller's mistake, or a script's */
    RESP_ERROR_NOSCRIPT, /* Redis has forgotten the scripts: load them and ask again */
    RESP_ERROR_USELESS,  /* this server can't serve now (READONLY, LOADING…): leave it */
};

enum resp_error resp_classify(struct span error);

/* Copies an error's text for a log line, without the arguments that it may quote: they may be a
 * password. Always terminated. */
void resp_error_text(struct span error, char *out, size_t cap);

/* True for what Redis answers to those who have not given a login where one is needed. */
bool resp_wants_login(struct span error);

/* True for what Redis answers when it refuses the URL's user or password, or wants one. */
bool resp_refuses_login(struct span error);

#endif
