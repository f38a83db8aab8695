/*
 * One line per event on stderr: time (UTC, milliseconds), level, module, text; text past about 2,000
 * bytes is cut. Callable from every thread; a line is written by one write(2), errno is kept. Never
 * pass a token, a password or a message's text. Control characters, those that turn the direction of
 * writing, and bytes that are not UTF-8 are replaced, so that nothing a client sends can forge a line or steer a terminal.
 */
#ifndef LECTERN_CORE_LOG_H
#define LECTERN_CORE_LOG_H

#include <stdbool.h>

enum log_level {
    LOG_LEVEL_ERROR,
    LOG_LEVEL_WARN,
    LOG_LEVEL_INFO,
    LOG_LEVEL_DEBUG,
};

void log_set_level(enum log_level level);
bool log_level_parse(const char *name, enum log_level *out);
bool log_enabled(enum log_level level);

void log_write(enum log_level level, const char *module, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#define log_error(module, ...) log_write(LOG_LEVEL_ERROR, module, __VA_ARGS__)
#define log_warn(module, ...) log_write(LOG_LEVEL_WARN, module, __VA_ARGS__)
#define log_info(module, ...) log_write(LOG_LEVEL_INFO, module, __VA_ARGS__)
#define log_debug(module, ...)                                                                     \
    do {                                                                                           \
        if (log_enabled(LOG_LEVEL_DEBUG)) {                                                        \
            log_write(LOG_LEVEL_DEBUG, module, __VA_ARGS__);                                       \
        }                                                                                          \
    } while (0)

#endif
