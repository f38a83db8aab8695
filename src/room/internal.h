/*
 * What the files of src/room share; nobody else includes this. Everything is on the loop's thread.
 *
 * A room on a loop goes SUBSCRIBING -> LOADING -> LIVE, back to SUBSCRIBING when the Redis link was
 * lost, and ends as OVER. A member goes WAITING -> ACTIVATING -> ACTIVE -> ATTACHED, back to
 * ACTIVATING when the link was lost, and ends as CLOSING. docs/architecture.md has both as tables.
 */
#ifndef LECTERN_ROOM_INTERNAL_H
#define LECTERN_ROOM_INTERNAL_H

#include "base/bucket.h"
#include "base/map.h"
#include "room/ring.h"
#include "room/room.h"

#define REDIS_EPOCH_LEN 16

enum room_state {
    ROOM_SUBSCRIBING, /* the channel's subscription is not confirmed: messages may be missed */
    ROOM_LOADING,     /* subscribed; reading info and log; channel messages are held back */
    ROOM_LIVE,
    ROOM_OVER, /* ended, or not worth following any more: its members are being closed */
};

/* A channel message that waits until the log is loaded. */
struct held {
    struct held *next;
    size_t len;
    char text[];
};

struct settings {
    char name[NAME_MAX_BYTES + 1];
    uint32_t max, hold_s;
    bool talk_all, notify_all, locked;
};

/* A settings value in `room:{id}:info`, in requests and in the `settings` message: one table. */
struct setting {
    const char *key;
    /* Reads a JSON value; false when it is of the wrong type or out of range. */
    bool (*read)(struct settings *settings, const struct config *config, struct json_value value);
    /* Writes the value as info has it: `out` holds NAME_MAX_BYTES + 1 bytes. */
    void (*print)(const struct settings *settings, char *out, size_t cap);
    bool host_may_set; /* by a `settings` message; `locked` has messages of its own */
};
extern const struct setting setting_table[]; /* ends with a NULL key */

/*
 * Reads a whole or partial settings object. `config` gives the limits for a host's request; NULL: the
 * object is Lectern's own, with `locked`, and not limited. *given gets a bit per row of the table.
 * Returns NULL, or the key at fault ("" = not an object).
 */
const char *settings_read(struct settings *settings, const struct config *config, struct span json,
                          unsigned *given);

struct room {
    struct rooms *rooms;
    struct room *same_code;    /* further lives of this code (other epochs) on this loop */
    struct room *next, **link; /* all rooms of the loop */
    char code[ROOM_CODE_MAX + 1];
    char channel[ROOM_CODE_MAX + 6]; /* "room:" and the code */
    char epoch[EPOCH_LEN + 1];
    char seal[SEAL_LEN + 1]; /* "" until known */
    enum room_state state;
    unsigned load; /* number of the loading in progress; replies to older ones are ignored */
    struct settings settings;
    struct ring log;
    struct batch *batch; /* what members have sent in this turn of the loop, or NULL */
    struct loop_task turn_end;
    struct held *held, **held_tail;
    size_t held_bytes;
    struct member **members;
    size_t count, cap; /* of members */
    unsigned refs;     /* outstanding calls */
    char host[ID_MAX + 1], host_name[NAME_MAX_BYTES + 1];
    int64_t created_ms;
    unsigned generation; /* of Redis's contents, as known when the room was live last */
    bool seen_dirty;
    bool known;   /* it was loaded before; valid while LOADING */
    bool suspect; /* a script found it ended, or loading failed: loaded again with the next tick */
    struct log_id loaded; /* the last log entry read; valid while LOADING */
};

enum member_state {
    MEMBER_WAITING,    /* for its room to be subscribed */
    MEMBER_ACTIVATING, /* the activation script is under way */
    MEMBER_ACTIVE,     /* present in Redis; waits for the log to be loaded */
    MEMBER_ATTACHED,   /* welcomed: replaying, or live */
    MEMBER_CLOSING,    /* its socket has been told to close */
};

/* A message from the client that came before its welcome. */
struct early {
    struct early *next;
    size_t len;
    char text[];
};

/* A message for the client that came before its welcome and is not in the log. */
struct late {
    struct late *next;
    struct frame *frame;
};

/*
 * What a member needs only until it is attached; a member that sits in class has none of it. With
 * thousands of them idle, that is a good part of what each costs.
 */
struct joining {
    char *since; /* as asked; NULL = not asked */
    uint32_t history;
    int64_t started_ns;  /* of the upgrade request, monotonic */
    struct early *early; /* newest first */
    size_t early_count, early_bytes;
    struct late *late, **late_tail;
    size_t late_count;
    struct log_id newest; /* of the room's log at activation */
    struct buf welcome;   /* the body of the message; empty until activated */
};

struct member {
    struct room *room;
    const struct receiver_ops *ops;
    void *socket;            /* NULL once it is gone */
    struct joining *joining; /* NULL while ATTACHED; may be when CLOSING */
    int64_t expires_ms;      /* of the token, wall clock */
    int64_t reserved_ms;     /* see struct room_ticket */
    struct log_id skip;      /* messages up to this one are known to the client; 0-0 = none */
    struct log_id seen;      /* highest id shown, to be told to the host */
    uint64_t cursor;         /* position in the room's log; valid while replaying */
    struct bucket rate;
    uint32_t index;      /* in room->members */
    uint32_t refused;    /* messages in a row */
    uint32_t generation; /* of an account's token; 0: it is no account's */
    unsigned refs;       /* outstanding calls */
    enum user_type type;
    enum member_state state;
    char session[SESSION_ID_LEN + 1];
    bool present : 1; /* Redis knows the session: a leave is owed */
    bool replaying : 1;
    bool seen_dirty : 1;
    bool left : 1;     /* the leave was sent, or is not needed */
    bool lost : 1;     /* how the socket went; valid when socket is NULL */
    bool indexed : 1;  /* in the server's index of sessions */
    bool welcomed : 1; /* a further welcome follows a lost link and replays nothing by itself */
    uint16_t name_at, device_at;
    char user_id[]; /* and, at name_at and device_at from its beginning, name and device */
};

/* A session in `server:{serverId}:sessions`: "CODE userId sessionId epoch incarnation". */
#define INCARNATION_LEN 6
#define ENTRY_MAX                                                                                  \
    (ROOM_CODE_MAX + 1 + ID_MAX + 1 + SESSION_ID_LEN + 1 + EPOCH_LEN + 1 + INCARNATION_LEN)

/* A leave that Redis must still be told of. */
struct leave {
    struct leave *next;
    struct rooms *rooms;
    char server[ID_MAX + 1]; /* whose session it is */
    char entry[ENTRY_MAX + 1];
    bool lost;
    bool spare_pending; /* not if it is pending: it may still come back */
};

/* What loop 0 keeps about servers' leases; see lease.c. Times are monotonic. */
struct lease {
    uv_timer_t timer;
    int64_t renewed_ms;   /* when our lease was last confirmed */
    int64_t trusted_ms;   /* since when it is kept without a break; 0 = it is not */
    bool crashed_ended;   /* of our former life: who was not moving away … */
    bool leftovers_ended; /* … and who was */
    bool ending;
};

struct rooms {
    struct loop *loop;
    const struct config *config;
    const struct tokens *tokens;
    const char *server_id, *incarnation; /* the server's name, and which of its lives */
    struct bus *bus;
    struct lease lease;                    /* used on loop 0 */
    char redis_epoch[REDIS_EPOCH_LEN + 1]; /* `lectern:epoch`; "" until known */
    unsigned generation;                   /* grows whenever that changes */
    struct map by_code;                    /* code -> struct room, further ones by same_code */
    struct room *head;                     /* of all rooms */
    int64_t redis_ahead_ms; /* of this machine's clock, as seen at the last reservation */
    struct leave *leaves, **leaves_tail; /* to be sent (again) */
    unsigned calls_out;                  /* leaves and the like sent, not answered */
    int64_t generations_ms;              /* monotonic: when members' tokens were looked at last */
    uv_timer_t timer;
    void (*all_left)(void *arg);
    void *all_left_arg;
};

/* rooms.c */
struct room *room_find(struct rooms *rooms, const char *code, const char *epoch);
struct room *room_open(struct rooms *rooms, const char *code, const char *epoch);
void room_unref(struct room *room); /* frees it when nobody needs it any more */
/* Closes every member; `gone`: their sessions are not in Redis any more. May free the room. */
void room_over(struct room *room, uint16_t code, const char *reason, bool gone);

void rooms_load_all(struct rooms *rooms); /* those that are live */
/* Calls fn for every room; the room may go in the call, none may come. */
void rooms_each(struct rooms *rooms, void (*fn)(struct room *room));

/* leave.c */
#define KEEP_TEXT 24
/* config.keep_s as scripts want it. */
struct span rooms_keep_ms(const struct rooms *rooms, char out[KEEP_TEXT]);
void rooms_leave(struct rooms *rooms, struct leave *leave); /* takes it; told as soon as possible */
void rooms_send_leaves(struct rooms *rooms);                /* those that wait, where it is time */

/* lease.c */
void lease_start(struct rooms *rooms);
void lease_stop(struct rooms *rooms);
void lease_link_up(struct rooms *rooms);
void lease_drain(
    struct rooms *rooms);            /* alive for LECTERN_DRAIN_S more, then a janitor's business */
void lease_end(struct rooms *rooms); /* every leave was told */
void lease_index(struct rooms *rooms, const char *entry);
void lease_unindex(struct rooms *rooms, const char *server, const char *entry);

/* restore.c */
void rooms_check_epoch(struct rooms *rooms);
void room_missing(struct room *room); /* info has no such room: it ended, or Redis was emptied */
void room_restore(struct room *room);

/* load.c */
void room_load(struct room *room);
bool room_hold(struct room *room, struct span payload);
void room_drop_held(struct room *room);

/* member.c */
const struct config_rate *member_rate(const struct member *member);
void member_activate(struct member *member);
void member_pause(struct member *member); /* until it is activated again */
void member_attach(struct member *member);
void member_ref(struct member *member);
void member_unref(struct member *member);
void member_close(struct member *member, uint16_t code, const char *reason);
void member_leave(struct member *member, bool lost); /* tells Redis, once */
void member_entry(const struct member *member, char out[ENTRY_MAX + 1]);
/*
 * Sends one of the server's own messages to one member: `body` is the JSON of its `message`. `paced`
 * ones do not count against the queue's limit.
 */
void member_tell(struct member *member, const char *type, const char *ref, struct span body,
                 bool paced);
/* Keeps a frame for after the welcome; false: the member is being closed for want of memory. */
bool member_keep_late(struct member *member, struct frame *frame);

/* commands.c */
/* Tells the sender what became of its message, with the words of the scripts that act for a session. */
void member_answer(struct member *member, const char *ref, int64_t started_ns, struct span status,
                   struct span id);
void member_unavailable(struct member *member, const char *ref);

/* batch.c */
void batch_init(struct room *room);
/* Sends a message for others with all that members of the room send in this turn of the loop. */
void batch_add(struct member *member, const struct message *message);
/*
 * Sends what waits, now: before something is asked of Redis that must not overtake it. May tell
 * members that it failed.
 */
void batch_flush(struct room *room);

/* deliver.c */
void room_receive(struct room *room, struct span payload); /* from the channel, room LIVE */
void room_append(struct room *room, struct log_id id, struct span json);
void room_fan_out(struct room *room, const struct message *message, struct span json,
                  struct ring_entry *entry);

/* joining.c */
struct joining *joining_create(void);          /* NULL when out of memory */
void joining_free(struct joining *joining);    /* accepts NULL */
void joining_restart(struct joining *joining); /* forgets the welcome and what was to follow it */
/* Keeps a message from the client; false: no memory. */
bool joining_keep_early(struct joining *joining, struct span text);
bool joining_keep_late(struct joining *joining, struct frame *frame); /* the same for one to it */

/* replay.c */
/* "<epoch>.<ms>-<seq>", and the way back: false if the id is not of this room's life. */
void log_id_print(const struct room *room, struct log_id id, char out[ROOM_MESSAGE_ID_MAX + 1]);
bool log_id_read(const struct room *room, struct span text, struct log_id *out);
/* Replays what comes after `joining` said, and goes on by itself. */
void replay_start(struct member *member, const struct joining *joining);
void replay_step(struct member *member);

/* seen.c */
void seen_flush(struct room *room);

/* revoke.c */
void rooms_check_generations(struct rooms *rooms); /* closes those whose token is void */

#endif
