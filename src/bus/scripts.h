/*
 * The Lua scripts: one per change of a room's state, each atomic in Redis. Their texts are
 * src/bus/lua/NAME.lua with what they use of base.lua and lib.lua before them, embedded at build time. KEYS, ARGV and replies are
 * described at the head of each file.
 */
#ifndef LECTERN_BUS_SCRIPTS_H
#define LECTERN_BUS_SCRIPTS_H

/* X(enum suffix, file name without .lua) */
#define BUS_SCRIPTS(X)                                                                             \
    X(RESERVE, reserve)                                                                            \
    X(RELEASE, release)                                                                            \
    X(ACTIVATE, activate)                                                                          \
    X(LEAVE, leave)                                                                                \
    X(SEND, send)                                                                                  \
    X(KICK, kick)                                                                                  \
    X(SETTINGS, settings)                                                                          \
    X(SEEN, seen)                                                                                  \
    X(END, end)                                                                                    \
    X(EXPIRE, expire)                                                                              \
    X(PEND, pend)                                                                                  \
    X(PEEK, peek)                                                                                  \
    X(RESTORE, restore)                                                                            \
    X(RESTORE_LOG, restore_log)                                                                    \
    X(FILE_DOOR, file_door)                                                                        \
    X(FILE_PUT, file_put)                                                                          \
    X(ATTEMPT, attempt)                                                                            \
    X(ATTEMPT_SETTLE, attempt_settle)                                                              \
    X(CHAT_READ, chat_read)                                                                        \
    X(GENERATION, generation)                                                                      \
    X(EVENT, event)

enum bus_script {
#define X(name, file) BUS_SCRIPT_##name,
    BUS_SCRIPTS(X)
#undef X
        BUS_SCRIPT_COUNT,
};

const char *bus_script_name(enum bus_script script);
const char *bus_script_text(enum bus_script script);

/* The SHA-1 of the text in lower-case hex, as EVALSHA wants it. Computed by bus_scripts_init(). */
const char *bus_script_sha(enum bus_script script);

/* Once at start-up. */
void bus_scripts_init(void);

#endif
