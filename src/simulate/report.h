/* What a simulated class measured, and how it is printed. Pure but for the output. */
#ifndef LECTERN_SIMULATE_REPORT_H
#define LECTERN_SIMULATE_REPORT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/buf.h"
#include "base/histogram.h"

enum measure {
    MEASURE_GUEST,     /* a student's token by POST /guest */
    MEASURE_JOIN,      /* from connecting to the welcome */
    MEASURE_DELIVERY,  /* a host's message, from sending to each student */
    MEASURE_ANSWER,    /* a student's message, from sending to the host */
    MEASURE_IMAGE,     /* an upload, until its address is known */
    MEASURE_RECONNECT, /* from connecting again until all that was missed is there */
    MEASURE_COUNT,
};

/* Things that went wrong, counted by kind: "join: 409 room_full". */
#define ERROR_KINDS 24
#define ERROR_KIND_MAX 96

struct errors {
    struct {
        char kind[ERROR_KIND_MAX];
        uint64_t count;
    } kinds[ERROR_KINDS]; /* the last one is "other", once all are taken */
    size_t used;
    uint64_t total;
};

void errors_add(struct errors *errors, const char *where, const char *what);

/* What the servers spent in one part of the class. */
enum part { PART_JOIN, PART_TALK, PART_RECONNECT, PART_COUNT };

struct spent {
    double seconds;
    double cpu_s;    /* of all servers, user and system */
    double own_cpu;  /* the simulation's own */
    uint64_t memory; /* resident, bytes, of all servers, at its end */
};

struct report {
    const char *version;   /* of the first server; "" if it did not say */
    const char *failure;   /* why the class could not be held; NULL: it was */
    const char *no_images; /* why there were no images; NULL: there were, or none were wanted */
    const char *no_usage;  /* why servers' CPU and memory are not known; NULL: they are */
    bool interrupted;
    uint32_t servers, students, rooms;
    uint32_t joined; /* students who were in at the class's start */
    double seconds;  /* all of it */
    struct histogram measures[MEASURE_COUNT];
    uint64_t sent, answers, images; /* accepted by the server */
    uint64_t heard, replayed;       /* deliveries to students, and how many of them by replay */
    uint64_t answers_heard;
    uint64_t lost;     /* accepted by the server, and not come */
    uint64_t repeated; /* come twice, or out of order */
    struct errors errors;
    uint64_t memory_before; /* bytes */
    bool parts[PART_COUNT]; /* which took place */
    struct spent spent[PART_COUNT];
    int64_t lag_ns; /* the simulation's own greatest delay in sending what is measured */
};

/* True if nothing failed, was lost, repeated or refused, and it was not broken off. */
bool report_is_good(const struct report *report);

void report_table(const struct report *report, struct buf *out);

/* One line. Times are milliseconds, sizes bytes. */
void report_json(const struct report *report, struct buf *out);

#endif
