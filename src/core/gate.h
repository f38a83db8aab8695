/*
 * A door that lets only so many threads through at a time; the others wait in front of it and come in
 * in the order of their arrival.
 */
#ifndef LECTERN_CORE_GATE_H
#define LECTERN_CORE_GATE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct gate_waiter;

struct gate {
    unsigned most;
    pthread_mutex_t lock; /* guards what follows */
    unsigned inside;
    struct gate_waiter *first, *last;
};

void gate_init(struct gate *gate, unsigned most);
void gate_finish(struct gate *gate); /* nobody may be inside or waiting */

/*
 * True once the caller is inside; gate_leave() follows. False after `wait_ms`, or soon after *stop
 * became true (NULL: never). Any thread that may block.
 */
bool gate_enter(struct gate *gate, int64_t wait_ms, const atomic_bool *stop)
    __attribute__((warn_unused_result));
void gate_leave(struct gate *gate);

#endif
