/*
 * The simulated class: its rooms with their hosts, its students, and what they share. Known to this
 * directory only. One loop, one thread.
 *
 * Messages carry their number in the room and when they were sent, on this process's clock, so a
 * receiver knows what it missed and how long it took.
 */
#ifndef LECTERN_SIMULATE_CLASS_H
#define LECTERN_SIMULATE_CLASS_H

#include <uv.h>

#include "auth/token.h"
#include "simulate/fetch.h"
#include "simulate/options.h"
#include "simulate/peer.h"
#include "simulate/report.h"
#include "simulate/usage.h"

#define SINCE_MAX 64
#define USER_PREFIX_LEN 8 /* random, so that runs do not share users */

enum phase {
    PHASE_ASKING,    /* servers are asked whether they are there */
    PHASE_OPENING,   /* hosts open their rooms */
    PHASE_JOINING,   /* students come */
    PHASE_TALKING,   /* messages, answers, images */
    PHASE_QUIET,     /* no more questions: answers and images come to their end */
    PHASE_CUT,       /* students are cut off, hosts send on */
    PHASE_RETURNING, /* students come back */
    PHASE_SETTLING,  /* hosts are silent: what is on its way arrives */
    PHASE_ENDING,    /* rooms are ended */
};

enum student_state {
    STUDENT_AWAY,   /* not there, and nothing is under way */
    STUDENT_DUE,    /* will come when its timer runs out */
    STUDENT_COMING, /* asks for a guest's token, or connects; the timer limits that */
    STUDENT_IN,     /* welcomed; the timer is for its answer */
    STUDENT_LOST,   /* will not come any more */
    STUDENT_STATES,
};

struct room {
    struct simulation *sim;
    const struct target *target;
    struct peer peer;
    uv_timer_t timer; /* for the next message */
    char *token;      /* owned */
    char code[ROOM_CODE_MAX + 1];
    bool in;             /* welcomed, and not over */
    int64_t due_ns;      /* when the next message is to be sent */
    uint32_t sent;       /* number of the last message */
    uint32_t acked;      /* how many of them the server accepted */
    uint32_t refused;    /* and refused */
    uint32_t acked_last; /* highest number that was accepted */
    uint32_t missed;     /* number of the message sent while all students were cut off */
};

struct student {
    struct simulation *sim;
    struct room *room;
    const struct target *target;
    struct peer peer;
    uv_timer_t timer;
    struct fetch *fetch; /* of a guest's token; or NULL */
    char *token;         /* owned; NULL: to be asked for */
    enum student_state state;
    bool returning;        /* was in before: comes back with `since` */
    bool catching_up;      /* has not heard room->missed since it came back */
    unsigned attempts;     /* in vain, since it was in last */
    int64_t began_ns;      /* to come */
    int64_t in_ns;         /* since when it is in */
    char since[SINCE_MAX]; /* id of the last message heard, or "" */
    uint32_t last;         /* number of the last message heard */
    uint32_t heard;        /* messages heard, each once */
    uint32_t question;     /* number of the message to answer; 0: none */
    uint32_t answers;      /* number of the last answer sent */
    uint32_t open;         /* answers without ack or error */
    uint32_t acked;        /* answers accepted */
    uint32_t answers_last; /* number of the last answer that the host heard */
    uint32_t answers_heard;
};

/* Uploads, one after the other (images.c). */
struct images {
    uv_timer_t timer;
    struct fetch *fetch;
    struct buf picture;
    uint32_t started, done;
    int64_t began_ns;
};

struct simulation {
    struct options options;
    struct report report;
    char failure[512]; /* what report.failure points to */
    char version[32];
    char prefix[USER_PREFIX_LEN + 1];
    struct tokens *tokens; /* NULL when a token was given */
    uv_loop_t loop;
    uv_timer_t tick;
    uv_signal_t interrupted, terminated;
    int signal; /* that broke it off; 0: none */
    enum phase phase;
    int64_t began_ns;
    int64_t phase_ns;    /* when the phase began */
    int64_t talk_end_ns; /* messages sent later are not measured; 0: not known yet */
    struct room *rooms;
    struct student *students;
    uint32_t counts[STUDENT_STATES];
    uint32_t catching_up;
    uint32_t answers_open; /* sent without ack or error, and those that are still to be sent */
    uint32_t cuts;         /* times that students were cut off */
    struct images images;
    struct usage_meter meter;
    struct version_ask {
        struct simulation *sim;
        struct fetch *fetch;
    } asks[TARGETS_MAX];
    size_t asked;   /* that have not answered yet */
    enum part part; /* that is going on */
    int64_t part_ns;
    double part_own_cpu;
    bool measuring; /* a part has ended, servers are asked what they spent */
};

/* ---- course.c: one phase after the other ---- */

void course_start(struct simulation *sim); /* the loop is then run until the class has ended */
void course_break_off(struct simulation *sim);

/* Ends the class, and the report says why; a second failure is not told. */
void sim_fail(struct simulation *sim, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* ---- hear.c: texts of the wire ---- */

/* One text of a socket, taken apart; spans into it. */
struct heard {
    struct span type;    /* messageType, without quotes */
    struct span message; /* raw */
    char id[SINCE_MAX];
    char ref[ID_MAX + 1];
};
bool hear(struct span text, struct heard *out); /* false: not a message of the protocol */

/* Appends a host's message; `bytes` is about its size. */
void write_message(struct buf *out, uint32_t number, int64_t at_ns, uint32_t bytes);
/* Appends a student's answer: its `number`th, the student being the class's `from`th. */
void write_answer(struct buf *out, uint32_t question, uint32_t from, uint32_t number,
                  int64_t at_ns);

/* ---- host.c ---- */

void host_open(struct room *room);
void host_talk(struct room *room);      /* begins to send, at the pace that was asked for */
void host_say(struct room *room);       /* sends one message, now */
void host_be_silent(struct room *room); /* no more messages */
void host_end(struct room *room);       /* asks the server to end the room */

/* ---- student.c ---- */

void student_init(struct student *student);
void student_due(struct student *student, uint32_t delay_ms); /* comes then */
void student_come(struct student *student);                   /* now */
void student_cut(struct student *student);                    /* is cut off, as by a lost network */
void student_give_up(struct student *student, const char *why);
void student_stop(
    struct student *student); /* nothing more of its own; a socket that is open stays */

/* ---- images.c ---- */

bool images_prepare(struct simulation *sim); /* takes a while; false: out of memory */
void images_start(struct simulation *sim);
bool images_busy(const struct simulation *sim);
void images_stop(struct simulation *sim);

#endif
