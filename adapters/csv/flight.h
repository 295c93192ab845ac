/* Rows on their way: message id to row, from submission to outcome. */
#ifndef CSV_FLIGHT_H
#define CSV_FLIGHT_H

#include <qiao/id.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct work_file;

struct flight {
    struct qiao_id id;
    struct work_file *file;
    uint64_t row, line;
    char *key, *case_id;       /* owned */
    uint64_t submitted_us;     /* clock_monotonic_us; 0: by an earlier process */
    bool acknowledged;         /* the node has it */
    bool noted;                /* and the results file says so */
    bool ended;                /* there is an outcome */
    bool in_window;            /* read by this process and not yet counted by the journal */
    bool loaded;               /* known from the results file, and not read by this process */
    struct flight *next;       /* in its bucket */
};

/* A hash table. Ids end in bytes of a digest, which nobody can choose to collide. */
struct flights {
    struct flight **buckets;
    size_t buckets_count;      /* a power of two */
    size_t count;
};

void flights_init(struct flights *flights);
void flights_deinit(struct flights *flights);
/* Adds a copy of flight, taking over key and case_id. Out of memory ends the process. */
struct flight *flights_add(struct flights *flights, const struct flight *flight);
struct flight *flights_find(const struct flights *flights, const struct qiao_id *id); /* NULL: not there */
void flights_remove(struct flights *flights, struct flight *flight);

#endif
